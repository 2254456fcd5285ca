"""Rounds, cycles, batteries, chance and hot spots."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import numpy as np
import pytest

from airbeat.errors import PlanningError
from airbeat.formats.calendar import CalendarEvent, write_calendar
from airbeat.geo.coordinates import LatLon
from airbeat.mission.beat import HotSpots, Incident
from airbeat.mission.beatloader import load_beat
from airbeat.patrol.batteries import BatteryBook, Pack, full_flights
from airbeat.patrol.chance import catch_chance, gap_variation, next_stop_entropy_bits
from airbeat.patrol.hotspots import HeatMap, hour_of_week
from airbeat.patrol.roster import roster_of
from airbeat.patrol.template import Ground, best_cycle, flown_cycle, round_counts
from airbeat.patrol.zones import balanced_cut, shared_among

PACK = Pack(site=0, chargers=1, batteries=2, charge_s=1000.0, swap_s=60.0, flight_s=600.0)


def test_the_third_flight_waits_for_the_battery_of_the_first() -> None:
    book = BatteryBook([PACK])
    book.fly(0, 0.0, 600.0)
    assert book.ready_s(0) == 660.0
    book.fly(0, 660.0, 1260.0)
    assert book.ready_s(0) == 1600.0  # landed at 600, charged for 1000 s


def test_a_battery_that_was_half_used_charges_in_half_the_time() -> None:
    book = BatteryBook([Pack(site=0, chargers=1, batteries=1, charge_s=1000.0, swap_s=60.0, flight_s=600.0)])
    book.fly(0, 0.0, 300.0)
    assert book.ready_s(0) == 800.0


def test_one_charger_serves_one_battery_at_a_time() -> None:
    packs = [Pack(site=0, chargers=1, batteries=1, charge_s=1000.0, swap_s=0.0, flight_s=600.0)] * 2
    book = BatteryBook(packs)
    book.fly(0, 0.0, 600.0)
    book.fly(1, 15.0, 615.0)
    assert (book.ready_s(0), book.ready_s(1)) == (1600.0, 2600.0)


def test_full_flights_of_a_drone_never_overlap_and_end_in_time() -> None:
    flights = full_flights([PACK, PACK], until_s=7200.0, shortest_s=120.0)
    assert max(end for _, _, end in flights) <= 7200.0
    for drone in (0, 1):
        own = [(a, b) for d, a, b in flights if d == drone]
        assert all(b + 60.0 <= c for (_, b), (c, _) in pairwise(own))


def line_ground(weights: list[float]) -> Ground:
    """Stops 100 s apart on a line, the launch place at its beginning, batteries that never end."""
    n = len(weights)
    at = np.array([*range(1, n + 1), 0.0]) * 100.0
    return Ground(
        legs_s=np.abs(at[:, None] - at[None]).tolist(),
        service_s=[10.0] * n,
        weight=weights,
        battery_s=math.inf,
        up_s=0.0,
        down_s=0.0,
        swap_s=0.0,
    )


def test_stops_of_one_weight_are_patrolled_on_the_shortest_way_round() -> None:
    cycle, flown = best_cycle(line_ground([1.0] * 5), iterations=200)
    assert sorted(cycle) == list(range(5))
    assert flown.worst_s == pytest.approx(2 * 400 + 5 * 10)


def test_a_stop_that_weighs_more_comes_more_often() -> None:
    cycle, flown = best_cycle(line_ground([1.0, 1.0, 8.0, 1.0, 1.0]), iterations=3000, seed=1)
    assert cycle.count(2) >= 2
    assert flown.worst_s < 8 * (2 * 400 + 5 * 10) * 0.7


def test_what_a_cycle_takes_counts_returns_for_batteries() -> None:
    ground = line_ground([1.0, 1.0])
    with_returns = Ground(
        legs_s=ground.legs_s, service_s=ground.service_s, weight=ground.weight,
        battery_s=330.0, up_s=5.0, down_s=5.0, swap_s=50.0,
    )  # fmt: skip
    # Up 5, out 100, 10 s there; the second stop and the way home would take 100 + 10 + 200 more.
    flown = flown_cycle(with_returns, [0, 1])
    assert flown.cycle_s == pytest.approx((100 + 10 + 100 + 5 + 50 + 5) + (200 + 10 + 200 + 5 + 50 + 5))


def test_a_cycle_shorter_than_a_battery_waits_for_its_swaps_too() -> None:
    ground = line_ground([1.0, 1.0])
    handful = Ground(
        legs_s=ground.legs_s, service_s=ground.service_s, weight=ground.weight,
        battery_s=1000.0, up_s=5.0, down_s=5.0, swap_s=50.0,
    )  # fmt: skip
    # Four times through, 220 s each but the first, then from the second stop home and out to the first again.
    flown = flown_cycle(handful, [0, 1])
    returned = 10 + 200 + 5 + 50 + 5 + 100
    assert flown.worst_s == pytest.approx(100 + 10 + returned)
    assert 220 < flown.cycle_s < 220 + returned


@pytest.mark.parametrize("stops", [1, 2, 3, 5, 8, 30])
@pytest.mark.parametrize("battery_s", [400.0, 1430.0, 20_000.0])
def test_skipped_turns_of_a_short_cycle_change_nothing(stops: int, battery_s: float) -> None:
    rng = np.random.default_rng(stops)
    places = rng.uniform(0, 60, (stops + 1, 2))
    legs = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)).tolist()
    stays = rng.uniform(2, 9, stops).tolist()
    ground = Ground(
        legs_s=legs, service_s=stays, weight=[1.0] * stops, battery_s=battery_s, up_s=20, down_s=40, swap_s=60
    )
    cycle = [*range(stops), 0] if stops > 2 else list(range(stops))
    flown = flown_cycle(ground, cycle)
    gaps = gaps_one_by_one(ground, cycle, flights=200)
    assert flown.worst_s <= max(gaps) + 1e-6
    plain_s = sum(legs[a][b] + stays[b] for a, b in pairwise([cycle[-1], *cycle]))
    assert flown.worst_s >= plain_s + 60 + 40 + 20 - 1e-6 or stops > 2
    assert any(abs(flown.worst_s - g) < 1e-6 for g in gaps)


def gaps_one_by_one(ground: Ground, cycle: list[int], *, flights: int) -> list[float]:
    """Between visits of one stop, of many flights on end [s]."""
    pad, clock, used, here = ground.stops, ground.up_s, ground.up_s, ground.stops
    last: dict[int, float] = {}
    gaps = []
    while flights:
        for stop in cycle:
            way, home = ground.legs_s[here][stop], ground.legs_s[stop][pad]
            if here != pad and used + way + ground.service_s[stop] + home + ground.down_s > ground.battery_s:
                clock += ground.legs_s[here][pad] + ground.down_s + ground.swap_s + ground.up_s
                way, used, flights = ground.legs_s[pad][stop], ground.up_s, max(flights - 1, 0)
            clock += way
            gaps.append(clock - last.get(stop, clock))
            last[stop] = clock
            clock += ground.service_s[stop]
            used += way + ground.service_s[stop]
            here = stop
    return gaps


def test_counts_of_rounds_are_never_more_than_the_weight_allows() -> None:
    assert round_counts([4.0, 2.0, 1.0, 1.5, 0.1], 4.0) == [1, 2, 4, 2, 24]


def test_a_balanced_cut_has_the_least_longest_piece() -> None:
    pieces = balanced_cut(range(6), [1.0] * 5, [5.0, 1.0, 1.0, 1.0, 1.0, 5.0], 3)
    assert [len(p) for p in pieces] == [2, 3, 1] or max(len(p) for p in pieces) <= 4
    assert sorted(k for p in pieces for k in p) == list(range(6))


def test_places_are_shared_so_that_every_home_has_its_share() -> None:
    rng = np.random.default_rng(2)
    places = rng.uniform(0, 1000, (300, 2))
    homes = np.array([(100.0, 100.0), (200.0, 900.0), (800.0, 500.0)])
    owner = shared_among(places, np.ones(300), homes, np.array([0.5, 0.25, 0.25]))
    assert np.bincount(owner) / 300 == pytest.approx([0.5, 0.25, 0.25], abs=0.03)


# chance


def test_a_fixed_order_has_no_entropy_and_a_coin_has_one_bit() -> None:
    assert next_stop_entropy_bits([["a", "b", "c"]] * 5) == 0.0
    assert next_stop_entropy_bits([["a", "b"], ["a", "c"]]) == pytest.approx(1.0)


def test_the_chance_of_catching_an_event_is_the_share_of_time_it_meets_a_visit() -> None:
    assert catch_chance([100.0, 100.0], 25.0) == pytest.approx(0.25)
    assert catch_chance([50.0, 150.0], 100.0) == pytest.approx(1 - 50 / 200)
    assert catch_chance([10.0], 20.0) == 1.0
    rng = np.random.default_rng(1)
    gaps = rng.exponential(300.0, 400)
    visits = np.cumsum(gaps)
    begins = rng.uniform(0, visits[-1] - 1, 20_000)
    after = visits[np.searchsorted(visits, begins)]
    assert catch_chance(gaps.tolist(), 200.0) == pytest.approx(
        float((after - begins <= 200.0).mean()), abs=0.02
    )


def test_regular_gaps_do_not_vary() -> None:
    assert gap_variation([60.0] * 4) == 0.0
    assert gap_variation([30.0, 90.0]) == pytest.approx(0.5)


# hot spots


def test_weights_rise_where_and_when_incidents_happened() -> None:
    zone = ZoneInfo("Europe/Berlin")
    hot, cold = LatLon(lat_deg=52.0, lon_deg=13.0), LatLon(lat_deg=52.01, lon_deg=13.0)
    saturday = datetime(2026, 8, 1, 20, 30, tzinfo=zone)
    spots = HotSpots(incidents=(Incident(moment=saturday.astimezone(UTC), position=hot),), strength=3.0)
    heat = HeatMap(spots, [hot, cold], zone)
    hour = hour_of_week(saturday, zone)
    assert hour == 5 * 24 + 20.5
    assert heat.factor(0, hour) == pytest.approx(4.0)
    assert heat.factor(0, hour + 12) == pytest.approx(1.0, abs=1e-6)
    assert heat.factor(1, hour) == pytest.approx(1.0, abs=1e-6)
    assert heat.hottest == (0, 140)


def test_the_week_has_no_seam_between_sunday_and_monday() -> None:
    zone = ZoneInfo("UTC")
    place = LatLon(lat_deg=52.0, lon_deg=13.0)
    late = datetime(2026, 8, 2, 23, 30, tzinfo=UTC)
    heat = HeatMap(HotSpots(incidents=(Incident(moment=late, position=place),)), [place], zone)
    assert heat.factor(0, 0.5) == pytest.approx(heat.factor(0, 166.5))


# rosters

KEPT = [
    ("school-runs", date(2026, 9, 7), date(2026, 9, 8)),
    ("motorway-holiday", date(2026, 10, 3), date(2026, 10, 4)),
    ("market-square", date(2026, 9, 12), date(2026, 9, 12)),
    ("sixty-two-junctions", date(2026, 9, 7), date(2026, 9, 7)),
    ("city-in-twelve-zones", date(2026, 9, 7), date(2026, 9, 7)),
    ("forest-edge", date(2026, 8, 1), date(2026, 8, 2)),
]


@pytest.mark.parametrize(("name", "first", "last"), KEPT, ids=[k[0] for k in KEPT])
def test_rosters_of_the_shipped_beats_keep_every_interval(
    name: str, first: date, last: date, beats: Path
) -> None:
    beat = load_beat(beats / f"{name}.yaml")
    roster = roster_of(beat, first, last)
    assert roster.over == ()
    seen = {v.visit.name for f in roster.flights for v in f.visits}
    assert seen == {v.visit.name for v in roster.visits if v.gaps}
    for row in roster.visits:
        for gap in row.gaps:
            assert gap.length_s <= gap.allowed_s + 1.0, row.visit.name
    swap_s = [drone.swap_s for _, drone in beat.drones]
    by_drone: dict[int, list[tuple[datetime, datetime]]] = {}
    for flight in roster.flights:
        by_drone.setdefault(flight.drone, []).append((flight.take_off, flight.land))
    for drone, flown in by_drone.items():
        for (_, land), (take_off, _) in pairwise(flown):
            assert (take_off - land).total_seconds() >= swap_s[drone] - 0.2


def test_a_random_roster_differs_by_seed_keeps_the_intervals_and_is_harder_to_foretell(beats: Path) -> None:
    beat = load_beat(beats / "forest-edge.yaml")
    day = date(2026, 8, 1)
    one, again, other = (roster_of(beat, day, day, seed=s) for s in (1, 1, 2))
    assert [f.take_off for f in one.flights] == [f.take_off for f in again.flights]
    assert [f.take_off for f in one.flights] != [f.take_off for f in other.flights]
    assert one.over == other.over == ()
    orders = [[v.name for v in f.visits] for r in (one, other) for f in r.flights]
    assert next_stop_entropy_bits(orders) > 1.0


def test_intervals_that_the_drones_cannot_keep_are_named_with_the_minutes(
    beats: Path, tmp_path: Path, copy_beat: Callable[..., Path]
) -> None:
    path = copy_beat("school-runs", {"max_interval_min: 25\n": "max_interval_min: 4\n"})
    beat = load_beat(path)
    roster = roster_of(beat, date(2026, 9, 7), date(2026, 9, 7))
    assert roster.over
    assert "min longer than it may" in roster.over[0]


def test_days_without_duty_and_too_many_days_are_refused(beats: Path) -> None:
    beat = load_beat(beats / "school-runs.yaml")
    with pytest.raises(PlanningError, match="nobody is on duty from 2026-09-05 to 2026-09-06"):
        roster_of(beat, date(2026, 9, 5), date(2026, 9, 6))
    with pytest.raises(PlanningError, match=r"are \d+ days"):
        roster_of(beat, date(2026, 9, 5), date(2050, 9, 6))


def test_a_calendar_is_read_back_by_others() -> None:
    begin = datetime(2026, 9, 7, 7, 15, 0, 500_000, tzinfo=ZoneInfo("Europe/Zurich"))
    events = [CalendarEvent(begin=begin, end=begin, title="drone 1: 3 visits", text="a; b,\nc", who="1")]
    stamp = datetime(2026, 9, 1, tzinfo=UTC)
    data = write_calendar("School runs", events, stamp=stamp, source="abc")
    assert data == write_calendar("School runs", events, stamp=stamp, source="abc")
    read = icalendar.Calendar.from_ical(data)
    (event,) = read.walk("VEVENT")
    assert event["DTSTART"].dt == datetime(2026, 9, 7, 5, 15, tzinfo=UTC)
    assert event["DTEND"].dt > event["DTSTART"].dt
    assert str(event["DESCRIPTION"]) == "a; b,\nc"
    assert math.isfinite(event["DTSTAMP"].dt.timestamp())
