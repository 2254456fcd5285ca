"""What counts as seen: pictures and times in view against a beat, made by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import shapely

from airbeat.errors import MissionFileError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.locate.gaze import gaze_at
from airbeat.mission.beat import Beat
from airbeat.mission.beatloader import parse_beat
from airbeat.patrol.proof import Glimpse, Judged, Picture, glimpses_of_samples, judge_day

GATE = LatLon(lat_deg=47.001, lon_deg=11.001)
BEAT = """\
airbeat: 1
kind: patrol
name: Test
time_zone: UTC
times:
  - {name: hour, begin: 07:00, end: 08:00}
launch:
  - name: pad
    lat: 47.0
    lon: 11.0
    drones:
      - {name: one, camera: embedded-12mp, airframe: arducopter-quad, speed_m_s: 8,
         height: {value_m: 40, datum: home}}
beat:
  points: [{name: gate, lat: 47.001, lon: 11.001, times: hour, MORE}]
  sweeps:
    - name: yard
      times: hour
      gsd_cm_px: 3
      outline: [{lat: 47.001, lon: 11.001}, {lat: 47.0015, lon: 11.001}, {lat: 47.0015, lon: 11.002},
                {lat: 47.001, lon: 11.002}]
"""
DAY = date(2026, 9, 7)


def beat(more: str = "dwell_s: 30, gsd_cm_px: 3") -> Beat:
    return parse_beat(BEAT.replace("MORE", more).encode(), name="beat.yaml", base_dir=Path())


def at(minute: float) -> datetime:
    return datetime(2026, 9, 7, 7, 0, tzinfo=UTC) + timedelta(minutes=minute)


def picture(
    minute: float,
    *,
    shows: str = "gate",
    height_m: float = 40.0,
    focal_px: float = 2000.0,
    outline: object = None,
) -> Picture:
    return Picture(
        name=f"p{minute:g}",
        drone="one",
        time_utc=at(minute),
        camera=GATE,
        height_m=height_m,
        focal_length_px=focal_px,
        outline=outline,
        shows=frozenset({shows}),
    )


def glimpse(begin: float, end: float) -> Glimpse:
    return Glimpse(begin=at(begin), end=at(end), gsd_m_px=0.02, drone="one")


def gate(pictures: list[Picture], glimpses: list[Glimpse], the_beat: Beat | None = None) -> Judged:
    judged = judge_day(the_beat or beat(), DAY, pictures, {"gate": glimpses})
    return next(j for j in judged if j.requirement.visit.name == "gate")


def test_a_point_in_view_for_its_dwell_with_a_picture_is_seen() -> None:
    judged = gate([picture(10.2)], [glimpse(10, 11)])
    assert judged.seen
    assert judged.visits == ((at(10), at(11)),)
    assert judged.pictures == ("p10.2",)


@pytest.mark.parametrize(
    ("pictures", "glimpses", "words"),
    [
        ([picture(10.2)], [(10.0, 10.4)], "in view for 24 s, 30 s asked for"),
        ([], [(10.0, 11.0)], "in view for 60 s, but no picture shows it then"),
        ([picture(12.0)], [(10.0, 11.0)], "in view for 60 s, but no picture shows it then"),
        ([picture(10.2, height_m=80.0)], [], "too coarse: 4.0 cm/px at best, 3.0 asked for"),
        ([picture(10.2, shows="other")], [], "in no picture; the nearest was taken 0 m away at 07:10:12"),
        ([picture(70.0)], [], "seen outside its hours only, at 08:10:00"),
        ([], [], "no picture was taken in its hours"),
    ],
)
def test_a_point_that_was_missed_says_what_was_lacking(
    pictures: list[Picture], glimpses: list[tuple[float, float]], words: str
) -> None:
    judged = gate(pictures, [glimpse(*g) for g in glimpses])
    assert not judged.seen
    assert judged.why == words


def test_a_place_on_the_horizon_was_not_seen_where_no_gsd_is_asked_for() -> None:
    plain = beat("dwell_s: 30")
    times = at(10).timestamp() + np.arange(61.0)
    away_m = np.linspace(1500.0, 2000.0, 61)  # from a camera raised to the horizon that flies away from it
    inside, gsd = gaze_at(
        np.column_stack([np.zeros(61), away_m, np.full(61, -40.0)]),
        np.zeros((61, 3)),
        size_px=(4000, 3000),
        focal_length_px=2800.0,
    )
    assert inside.all()
    assert gsd.min() > 0.5
    asked = next(v for v in plain.visits if v.name == "gate")
    found = glimpses_of_samples(times, inside, gsd, coarsest_m_px=asked.coarsest_m_px, drone="one")
    assert found == []
    far = picture(10.2, height_m=600.0, focal_px=2800.0)
    judged = gate([far], found, plain)
    assert judged.why == "too coarse: 21.4 cm/px at best, 10.0 or finer counts where none is asked for"
    assert gate([far], [glimpse(10, 11)], beat("dwell_s: 30, gsd_cm_px: 25")).seen


def test_a_beat_whose_drones_fly_too_high_to_prove_anything_is_refused() -> None:
    high = BEAT.replace("MORE", "dwell_s: 30").replace("value_m: 40", "value_m: 400")
    with pytest.raises(MissionFileError) as refused:
        parse_beat(high.encode(), name="beat.yaml", base_dir=Path())
    assert "at most 10 counts" in str(refused.value)
    assert "gsd_cm_px: 15" in str(refused.value)


def test_only_the_part_of_a_stay_that_lies_in_the_hours_counts() -> None:
    judged = gate([picture(59.9), picture(60.5)], [glimpse(59.7, 62.0)])
    assert judged.why == "in view for 18 s, 30 s asked for"


def test_pictures_that_follow_closely_show_the_dwell_without_a_log() -> None:
    assert gate([picture(10 + n / 15) for n in range(9)], []).seen
    assert not gate([picture(10 + n / 5) for n in range(9)], []).seen


def test_a_point_without_a_photograph_is_seen_by_the_log_alone() -> None:
    assert gate([], [glimpse(10, 11)], beat("dwell_s: 30, photo: false")).seen


def test_the_times_before_the_first_visit_and_behind_the_last_count_as_gaps() -> None:
    often = beat("max_interval_min: 25")
    assert gate([picture(20.0), picture(40.0)], [], often).seen
    late = gate([picture(30.0), picture(50.0)], [], often)
    assert late.why == "not seen between 07:00:00 and 07:30:00: 30 min, 25 allowed"
    early = gate([picture(10.0), picture(30.0)], [], often)
    assert early.why == "not seen between 07:30:00 and 08:00:00: 30 min, 25 allowed"


def test_visits_that_come_too_soon_do_not_count_again() -> None:
    judged = gate([picture(10.0), picture(12.0), picture(30.0)], [], beat("min_interval_min: 10"))
    assert [begin for begin, _ in judged.visits] == [at(10.0), at(30.0)]


def yard(*shares: tuple[float, float], height_m: float = 40.0) -> Judged:
    the_beat = beat()
    area = next(v for v in the_beat.visits if v.name == "yard").area  # type: ignore[attr-defined]
    west, south, east, north = area.bounds
    pictures = []
    for n, (begin, end) in enumerate(shares):
        box = shapely.box(
            west + begin * (east - west), south - 1e-5, west + end * (east - west), north + 1e-5
        )
        middle = LatLon(lat_deg=(south + north) / 2, lon_deg=box.centroid.x)
        shown = picture(10.0 + n, shows="", height_m=height_m, outline=box)
        pictures.append(
            Picture(
                name=shown.name,
                drone="one",
                time_utc=shown.time_utc,
                camera=middle,
                height_m=height_m,
                focal_length_px=2000.0,
                outline=box,
            )
        )
    judged = judge_day(the_beat, DAY, pictures, {})
    return next(j for j in judged if j.requirement.visit.name == "yard")


def test_an_area_is_seen_when_pictures_together_show_it() -> None:
    whole = yard((0.0, 0.4), (0.3, 0.7), (0.6, 1.0))
    assert whole.seen
    assert len(whole.visits) == 1
    part = yard((0.0, 0.4), (0.6, 1.0))
    assert part.why == "80% of it shown, 98% asked for"
    twice = yard((0.0, 0.5), (0.5, 1.0), (0.0, 0.5), (0.5, 1.0))
    assert len(twice.visits) == 2


def test_ground_that_is_too_far_for_the_gsd_does_not_count() -> None:
    assert yard((0.0, 1.0), height_m=70.0).why == "too coarse: 3.0 cm/px asked for"
    near = yard((0.0, 1.0), height_m=59.0)
    reach_m = (60.0**2 - 59.0**2) ** 0.5
    frame = LocalFrame(GATE)
    size = frame.to_local(beat().visits[-1].area)  # type: ignore[attr-defined]
    assert near.share == pytest.approx(np.pi * reach_m**2 / size.area, rel=0.02)


def test_a_gap_in_the_log_breaks_a_glimpse() -> None:
    times = np.array([0.0, 1.0, 2.0, 9.0, 10.0, 11.0]) + at(10).timestamp()
    seen = np.array([True, True, True, True, True, False])
    found = glimpses_of_samples(times, seen, np.full(6, 0.02), coarsest_m_px=0.03, drone="one")
    assert [round(g.duration_s) for g in found] == [2, 1]
    assert glimpses_of_samples(times, seen, np.full(6, 0.04), coarsest_m_px=0.03, drone="one") == []
