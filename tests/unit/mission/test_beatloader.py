"""Beat files: what they mean, and refusals that say which key to change, with its place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from airbeat.errors import MissionFileError
from airbeat.mission.beat import (
    Beat,
    CameraRule,
    Duty,
    LineVisit,
    PointLook,
    PointVisit,
    SweepVisit,
)
from airbeat.mission.beatloader import load_beat, parse_beat
from airbeat.mission.loader import parse_mission

BEATS = sorted((Path(__file__).parents[3] / "missions" / "beats").glob("*.yaml"))
RING = "outline: [{lat: 47.0, lon: 11.0}, {lat: 47.001, lon: 11.0}, {lat: 47.001, lon: 11.002}]"
BEAT = """\
airbeat: 1
kind: patrol
name: Test
time_zone: Europe/Vienna
times:
  - {name: peak, begin: 07:00, end: 09:00, weekdays: mon-fri, without: [2026-10-26]}
  - {name: peak, begin: 16:00, end: 18:30, weekdays: mon-fri}
  - {name: night, begin: "22:00", end: 02:00, weekdays: [fri, sat], first: 2026-06-01, last: 2026-08-31}
launch:
  - name: pad
    lat: 47.0
    lon: 11.0
    drones:
      - {name: one, camera: embedded-12mp, airframe: arducopter-quad, height: {gsd_cm_px: 2}, speed_m_s: 8}
beat:
  points:
    - name: gate
      lat: 47.001
      lon: 11.001
      dwell_s: 30
      heading_deg: 90
      weight: 2
      times: [peak, night]
      max_interval_min: 60
      during: [{times: peak, weight: 4, max_interval_min: 30}]
"""


def parse(text: str, base_dir: Path = Path()) -> Beat:
    return parse_beat(text.encode(), name="beat.yaml", base_dir=base_dir)


def refused(text: str, base_dir: Path = Path()) -> str:
    with pytest.raises(MissionFileError) as caught:
        parse(text, base_dir)
    return str(caught.value)


def test_a_beat_means_what_it_says() -> None:
    extra = f"""\
    - {{name: ring, lat: 47.0, lon: 11.001, look: orbit, radius_m: 25, gsd_cm_px: 3,
       height: {{value_m: 40, datum: home}}}}
  lines:
    - {{name: road, line: [{{lat: 47.0, lon: 11.0}}, {{lat: 47.0, lon: 11.01}}], width_m: 30,
       direction: drawn, side_offset_m: -5}}
  sweeps:
    - {{name: field, {RING}, overlap: {{side: 0.2}}}}
privacy:
  - {{name: gardens, camera: up, {RING}}}
  - {{name: yard, overflight: false, stand_off_m: 10, {RING}}}
crowds:
  - name: square
    stand_off_m: 20
    times: peak
    {RING}
    watch: {{measure: count, blue: 10, yellow: 50, orange: 100, red: 200, persist_s: 30}}
zones: 3
roster: {{seed: 9, order: random, event_min: 5}}
"""
    beat = parse(BEAT + extra)
    gate, ring, road, field = beat.visits
    assert isinstance(gate, PointVisit)
    assert gate.duty == Duty(
        weight=2,
        max_interval_s=3600,
        times=("peak", "night"),
        during=(("peak", Duty(weight=4, max_interval_s=1800, times=("peak", "night"))),),
    )
    assert isinstance(ring, PointVisit)
    assert (ring.look, ring.radius_m, ring.gsd_m_px) == (PointLook.ORBIT, 25, 0.03)
    assert ring.altitude is not None
    assert ring.altitude.value_m == 40
    assert isinstance(road, LineVisit)
    assert (road.either_way, road.side_offset_m, len(road.line)) == (False, -5, 2)
    assert isinstance(field, SweepVisit)
    assert (field.side_overlap, field.front_overlap) == (0.2, 0.3)
    assert [(z.camera, z.overflight, z.stand_off_m) for z in beat.privacy] == [
        (CameraRule.UP, True, 0),
        (CameraRule.OFF, False, 10),
    ]
    assert beat.crowds[0].watch is not None
    assert beat.crowds[0].watch.thresholds == (10, 50, 100, 200)
    assert beat.zones is not None
    assert beat.zones.count == 3
    assert (beat.roster.seed, beat.roster.random_order, beat.roster.event_s) == (9, True, 300)
    assert beat.where(road.key) == "beat.yaml:29:7: beat.lines[1]"


def test_hours_are_what_the_local_clock_shows_over_midnight_and_on_working_days_only() -> None:
    beat = parse(BEAT)
    friday, monday_off = date(2026, 7, 3), date(2026, 10, 26)
    utc = [[m.astimezone(UTC) for m in w] for w in beat.windows(("peak", "night"), friday)]
    assert utc == [
        [datetime(2026, 7, 3, 5, tzinfo=UTC), datetime(2026, 7, 3, 7, tzinfo=UTC)],
        [datetime(2026, 7, 3, 14, tzinfo=UTC), datetime(2026, 7, 3, 16, 30, tzinfo=UTC)],
        [datetime(2026, 7, 3, 20, tzinfo=UTC), datetime(2026, 7, 4, 0, tzinfo=UTC)],
    ]
    assert [w[0].hour for w in beat.windows(("peak", "night"), monday_off)] == [16]


def test_a_window_is_an_hour_longer_in_the_night_when_clocks_are_put_back() -> None:
    text = BEAT.replace("last: 2026-08-31", "last: 2026-12-31").replace("end: 02:00", "end: 04:00")
    begin, end = parse(text).windows(("night",), date(2026, 10, 24))[0]
    assert (end.astimezone(UTC) - begin.astimezone(UTC)).total_seconds() == 7 * 3600


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("begin: 07:00", "begin: 25:00", "beat.yaml:6:18: times[1].begin: is no time of day (got '25:00')"),
        ("[2026-10-26]", "[2026-02-30]", "times[1].without[1]: is no date (got '2026-02-30')"),
        ("mon-fri", "mon-freitag", "is no day of the week (got 'mon-freitag')"),
        ("first: 2026-06-01", "first: 2027-06-01", "last 2026-08-31 is before first 2027-06-01"),
        ("Europe/Vienna", "Vienna", "beat.yaml:4:1: time_zone: no such time zone (got 'Vienna')"),
        ("times: [peak, night]", "times: [peek]", "no such times (got 'peek') (times: night, peak)"),
        ("{times: peak,", "{times: pique,", "beat.points[1].during[1].times: no such times"),
        (
            "max_interval_min: 30}",
            "min_interval_min: 70}",
            "min_interval_min 70 is more than max_interval_min 60 then",
        ),
        ("max_interval_min: 60", "max_interval_min: 0", "must be more than 0"),
        ("gsd_cm_px: 2}", "value_m: 40, datum: agl}", "datum agl cannot be used in a beat"),
        ("speed_m_s: 8", "speed_m_s: 16", "must be 15 or less, the most that arducopter-quad flies"),
        ("lat: 47.001", "lat: 11.001", "km from pad (at most 50 km)"),
        ("dwell_s: 30", "gsd_cm_px: 1", "2.0 cm is the finest that a drone sees (wanted 1)"),
        (
            "dwell_s: 30",
            "stand_off_m: 5\n      look: orbit",
            "heading_deg and stand_off_m go with look: stare",
        ),
        ("heading_deg: 90", "stand_off_m: 50", "stand_off_m needs heading_deg"),
        ("dwell_s: 30", "radius_m: 50", "radius_m goes with look: orbit"),
        (
            "dwell_s: 30",
            "broadcast: {text: Hello, relay: 1}",
            "beat.points[1].broadcast: no drone carries a loudspeaker",
        ),
        ("dwell_s: 30", "broadcast: {text: Hello}", "must hold either servo or relay"),
        (
            "    - name: gate\n",
            "    - {name: gate, lat: 47.0, lon: 11.0}\n    - name: gate\n",
            "'gate' is also beat.points[1]",
        ),
        ("kind: patrol", "kind: case", "must be patrol (got 'case')"),
        ("drones:\n", "drones: []\n    chargers:\n", "launch[1].chargers: must be a whole number"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(old: str, new: str, message: str) -> None:
    assert old in BEAT
    assert message in refused(BEAT.replace(old, new, 1))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (f"privacy: [{{name: a, camera: on, {RING}}}]\n", "forbids nothing"),
        (f"privacy: [{{name: a, stand_off_m: 5, {RING}}}]\n", "stand_off_m goes with overflight: false"),
        (
            f"crowds: [{{name: a, {RING}, watch: {{blue: 1, yellow: 1, orange: 2, red: 3}}}}]\n",
            "blue, yellow, orange and red must rise",
        ),
        (f"crowds: [{{name: a, {RING}, times: noon}}]\n", "crowds[1].times: no such times (got 'noon')"),
        ("zones: {}\n", "must hold either count or areas"),
        ("shifts: [day]\n", "shifts: no such times (got 'day')"),
        (f"zones: {{areas: [{{name: n, {RING}}}, {{name: n, {RING}}}]}}\n", "'n' is given twice"),
        ("fence: {max_height_m: 30}\n", "launch[1].drones[1].height: must be 30 m above home or less"),
    ],
)
def test_blocks_that_contradict_themselves_are_refused(extra: str, message: str) -> None:
    assert message in refused(BEAT + extra)


def test_a_beat_and_a_mission_of_kind_patrol_send_to_each_others_command() -> None:
    with pytest.raises(MissionFileError, match=r"beat\.yaml:15:1: beat: is a beat.*airbeat patrol plan"):
        parse_mission(BEAT, name="beat.yaml", base_dir=Path())
    text = "airbeat: 1\nkind: patrol\npatrol: {points: [{lat: 47.0, lon: 11.0}]}\n"
    assert "beat.yaml:3:1: patrol: is one flight, not a beat (airbeat plan reads it)" in refused(text)


HOT = "hot_spots: {file: table.csv, kinds: [theft]}\n"


def test_incidents_are_read_in_the_order_of_their_times(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(
        "kind,lon,Time,lat\n"
        "theft,11.002,2026-10-02T08:00,47.001\n"
        "noise,11.5,2026-10-02T08:00,47.5\n"
        "theft,11.001,2026-10-01T23:30:00Z,47.002\n"
    )
    beat = parse(BEAT + HOT, tmp_path)
    assert beat.hot_spots is not None
    assert [(i.moment, i.position.lat_deg, i.kind) for i in beat.hot_spots.incidents] == [
        (datetime(2026, 10, 1, 23, 30, tzinfo=UTC), 47.002, "theft"),
        (datetime(2026, 10, 2, 6, tzinfo=UTC), 47.001, "theft"),
    ]
    assert [name for name, _ in beat.inputs] == ["table.csv"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("time,lat\n", "table.csv, line 1: has no column lon, kind"),
        ("time,lat,lon,kind\nyesterday,47,11,theft\n", "line 2: is no date and time (got 'yesterday')"),
        ("time,lat,lon,kind\n2026-10-02T08:00,97,11,theft\n", "lat and lon are no place"),
        ("time,lat,lon,kind\n2026-10-02T08:00\n", "holds no incident of these kinds"),
        ("time,lat,lon,kind\n2026-10-02T08:00,,,theft\n", "lat and lon are no place (got '', '')"),
        ('time,lat,lon,kind\n"2026', "is no CSV table"),
    ],
)
def test_a_table_of_incidents_that_cannot_be_understood_is_refused_with_its_line(
    table: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").write_text(table)
    assert message in refused(BEAT + HOT, tmp_path)


def test_a_table_of_incidents_that_is_not_there_is_refused(tmp_path: Path) -> None:
    message = refused(BEAT + HOT, tmp_path)
    assert "beat.yaml:26:13: hot_spots.file: table.csv: cannot be read: No such file" in message


@pytest.mark.parametrize("path", BEATS, ids=lambda p: p.stem)
def test_every_shipped_beat_loads_and_says_that_nobody_has_surveyed_it(path: Path) -> None:
    beat = load_beat(path)
    assert beat.visits
    assert beat.drones
    assert "unsurveyed; not for flight as it is" in beat.notes
