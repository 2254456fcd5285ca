"""The beats of ``missions/beats``: planned, checked, exported, and flown on the embedded vehicle."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from airbeat.checks.findings import Severity
from airbeat.checks.plan import check_plan
from airbeat.errors import PlanningError
from airbeat.formats.files import read_plan_file, write_several_plans
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.mission.beat import Beat, CameraRule, LineVisit, PointVisit
from airbeat.mission.beatloader import load_beat
from airbeat.mission.commands import MavCmd
from airbeat.patrol.plan import PatrolPlan, PlannedSortie, plan_round
from airbeat.patrol.roster import roster_of
from airbeat.patrol.rosterplans import key_of, plan_of
from airbeat.patrol.shifts import shifts_on

BEATS = Path(__file__).resolve().parents[3] / "missions" / "beats"


@dataclass(frozen=True)
class Shown:
    """A beat's round on a day of its own: how many sorties, drones and visits."""

    name: str
    day: date
    shift: str
    sorties: int
    drones: int
    visits: int


SHOWN = [
    Shown("school-runs", date(2026, 9, 7), "before school", 1, 1, 5),
    Shown("school-runs", date(2026, 9, 7), "after school", 1, 1, 5),
    Shown("motorway-holiday", date(2026, 10, 3), "outbound", 2, 2, 7),
    Shown("market-square", date(2026, 9, 12), "market", 1, 1, 6),
    Shown("sixty-two-junctions", date(2026, 9, 7), "early", 2, 2, 62),
    Shown("city-in-twelve-zones", date(2026, 9, 7), "day", 12, 12, 87),
    Shown("forest-edge", date(2026, 8, 1), "watch", 2, 1, 7),
]
_PLANNED: dict[Shown, tuple[Beat, PatrolPlan]] = {}


def planned(shown: Shown) -> tuple[Beat, PatrolPlan]:
    """The beat and its round, planned once, without the extra: tours do not depend on what is installed."""
    if shown not in _PLANNED:
        beat = load_beat(BEATS / f"{shown.name}.yaml")
        shift = next(s for s in shifts_on(beat, shown.day) if s.name == shown.shift)
        _PLANNED[shown] = beat, plan_round(beat, shift, effort=0.2, with_pyvrp=False)
    return _PLANNED[shown]


def case(shown: Shown) -> str:
    return f"{shown.name} {shown.shift}"


@pytest.mark.parametrize("shown", SHOWN, ids=case)
def test_every_visit_is_planned_once_in_its_window(shown: Shown) -> None:
    _, plan = planned(shown)
    assert plan.unserved == ()
    assert len({s.drone for s in plan.sorties}) == shown.drones
    assert len(plan.sorties) == shown.sorties
    visits = [v for s in plan.sorties for v in s.visits]
    assert len(visits) == shown.visits
    assert len({(v.name, v.window) for v in visits}) == shown.visits
    for visit in visits:
        assert visit.window[0] <= visit.begin <= visit.end <= visit.window[1]


@pytest.mark.parametrize("shown", SHOWN, ids=case)
def test_every_sortie_passes_the_checks_on_one_battery(shown: Shown) -> None:
    _, plan = planned(shown)
    for sortie in plan.sorties:
        assert [str(f) for f in check_plan(sortie.plan) if f.severity is Severity.ERROR] == []
        assert sortie.plan.estimate is not None
        assert sortie.plan.estimate.battery_share <= 1.0


@pytest.mark.parametrize("shown", SHOWN, ids=case)
def test_sorties_of_a_drone_leave_time_to_swap_and_pads_are_taken_one_at_a_time(shown: Shown) -> None:
    beat, plan = planned(shown)
    swap_s = {d.name: d.swap_s for _, d in beat.drones}
    by_drone: dict[str, list[PlannedSortie]] = {}
    for sortie in plan.sorties:
        by_drone.setdefault(sortie.drone, []).append(sortie)
    for name, own in by_drone.items():
        for before, after in pairwise(own):
            assert (after.take_off - before.land).total_seconds() >= swap_s[name] - 1.0
    for site in {s.site for s in plan.sorties}:
        moments = sorted(
            [(s.take_off, s.drone) for s in plan.sorties if s.site == site]
            + [(s.land, s.drone) for s in plan.sorties if s.site == site]
        )
        for (a, one), (b, other) in pairwise(moments):
            assert one == other or (b - a).total_seconds() >= 14.0


@pytest.mark.parametrize("shown", SHOWN, ids=case)
def test_pilots_load_every_sortie(shown: Shown, tmp_path: Path) -> None:
    _, plan = planned(shown)
    sortie = plan.sorties[0]
    for path in write_several_plans({"sortie": sortie.plan}, tmp_path):
        if path.suffix in (".plan", ".waypoints"):
            read = read_plan_file(path)
            assert [i.command for i in read.items] == [i.command for i in sortie.plan.items]


@pytest.mark.parametrize("shown", SHOWN, ids=case)
def test_the_embedded_vehicle_flies_what_was_planned(shown: Shown, fly: Callable[..., Any]) -> None:
    """Every sortie: at home again, as long as planned, each place looked at when and as long as promised."""
    beat, plan = planned(shown)
    for sortie in plan.sorties:
        flight = fly(sortie.plan)
        assert distance_m(flight.track[-1].position, sortie.plan.home) < 2.0
        assert flight.duration_s == pytest.approx(sortie.duration_s, rel=0.04, abs=12.0)
        assert sortie.plan.estimate is not None
        assert len(flight.shots) == pytest.approx(sortie.plan.estimate.photos, rel=0.05, abs=4)
        frame = LocalFrame(sortie.plan.home)
        xy = frame.to_xy([p.position for p in flight.track])
        at_s = np.array([p.flight_s for p in flight.track])
        for visit in sortie.visits:
            _looked_at(sortie, visit, frame, xy, at_s)
        _zones_kept(beat, sortie, flight, frame, xy)


@pytest.mark.slow
@pytest.mark.parametrize("shown", SHOWN, ids=case)
def test_every_sortie_of_a_day_of_the_calendar_flies_as_long_as_it_is_told(
    shown: Shown, fly: Callable[..., Any]
) -> None:
    """The long form: all flights of the roster of that day, each different one once."""
    beat = load_beat(BEATS / f"{shown.name}.yaml")
    roster = roster_of(beat, shown.day, shown.day)
    flown: set[str] = set()
    for flight in roster.flights:
        key = key_of(beat, flight).short
        if key in flown:
            continue
        flown.add(key)
        plan = plan_of(beat, flight)
        assert [str(f) for f in check_plan(plan) if f.severity is Severity.ERROR] == []
        done = fly(plan)
        assert distance_m(done.track[-1].position, plan.home) < 2.0
        told_s = (flight.land - flight.take_off).total_seconds()
        assert done.duration_s == pytest.approx(told_s, rel=0.12, abs=20.0)


def _looked_at(sortie: PlannedSortie, planned_visit: Any, frame: LocalFrame, xy: Any, at_s: Any) -> None:
    visit = planned_visit.visit
    begin = (planned_visit.begin - sortie.take_off).total_seconds()
    end = (planned_visit.end - sortie.take_off).total_seconds()
    during = (at_s > begin - 15.0) & (at_s < end + 15.0)
    if isinstance(visit, PointVisit):
        centre = frame.to_xy([visit.position])[0]
        away = np.hypot(*(xy - centre).T)
        wanted = visit.stand_off_m if visit.look.value == "stare" else visit.radius_m
        near = during & (np.abs(away - wanted) < 2.5)
        assert np.ptp(at_s[near]) >= visit.dwell_s - 1.0, visit.name
    elif isinstance(visit, LineVisit):
        line = shapely.LineString(frame.to_xy(visit.line))
        along = [line.project(shapely.Point(p)) for p in xy[during]]
        piece, pieces = planned_visit.piece
        low, high = line.length * (piece - 1) / pieces, line.length * piece / pieces
        assert min(along) < low + 15.0, visit.name
        assert max(along) > high - 15.0, visit.name


def _zones_kept(beat: Beat, sortie: PlannedSortie, flight: Any, frame: LocalFrame, xy: Any) -> None:
    """No way over zones that may not be flown over, no nadir photograph of ground that must not be filmed."""
    flown = shapely.LineString(xy)
    for zone in beat.privacy:
        area = frame.to_local(zone.area)
        if not zone.overflight:
            assert flown.distance(area) >= zone.stand_off_m - 0.6, zone.name
        if zone.camera is CameraRule.ON:
            continue
        stares = [v for v in sortie.visits if isinstance(v.visit, PointVisit)]
        camera = beat.drones[0][1].camera
        reach_m = math.hypot(*camera.footprint_m(beat.drones[0][1].altitude.value_m)) / 2
        for shot in flight.shots:
            own = shapely.Point(frame.to_xy([shot.position])[0])
            after = any(
                -3.0 < shot.flight_s - (v.begin - sortie.take_off).total_seconds() < _longest_s(v)
                for v in stares
            )
            if not after:
                assert area.distance(own) > reach_m - 2.0, (zone.name, shot)


def _longest_s(visit: Any) -> float:
    return float((visit.end - visit.begin).total_seconds()) + 10.0


def test_the_loudspeaker_is_switched_on_while_the_drone_stands_there_and_off_again() -> None:
    _, plan = planned(SHOWN[0])
    items = plan.sorties[0].plan.items
    servo = [n for n, i in enumerate(items) if i.command == MavCmd.DO_SET_SERVO]
    assert [items[n].params[:2] for n in servo] == [(9.0, 1900.0), (9.0, 1100.0)]
    stay = items[servo[0] + 1]
    assert stay.command == MavCmd.NAV_WAYPOINT
    assert stay.params[0] == 20.0
    assert servo[1] == servo[0] + 2
    assert any("“Please cross at the lights" in note for note in plan.sorties[0].plan.notes)


def test_turning_to_a_place_is_no_part_of_the_time_that_it_is_looked_at() -> None:
    _, plan = planned(SHOWN[2])
    asked = {
        "junction north": 30.0,
        "lay-by kilometre 4": 20.0,
        "bridge kilometre 7": 20.0,
        "junction south": 30.0,
    }
    for sortie in plan.sorties:
        items = dict(sortie.plan.numbered())
        for visit in sortie.visits:
            if visit.name in asked:
                assert items[visit.last_item].params[0] == asked[visit.name] + 4.0


def test_a_stare_past_its_place_is_refused_as_no_flight_could_prove_it(
    copy_beat: Callable[..., Path],
) -> None:
    past = {"heading_deg: 200\n      stand_off_m: 50": "heading_deg: 200\n      gimbal_pitch_deg: -40"}
    beat = load_beat(copy_beat("school-runs", past))
    with pytest.raises(PlanningError, match=r"bus stop is not in the picture of drone 1.* of -40") as refused:
        plan_round(beat, shifts_on(beat, date(2026, 9, 7))[0], effort=0.2, with_pyvrp=False)
    assert refused.value.remedy is not None
    assert "stand_off_m" in refused.value.remedy


def test_the_drone_stands_off_from_the_market_while_people_are_there() -> None:
    beat, plan = planned(SHOWN[3])
    frame = LocalFrame(beat.sites[0].position)
    for crowd in beat.crowds[:2]:
        area = frame.to_local(crowd.area)
        for sortie in plan.sorties:
            way = [i.position for i in sortie.plan.items if i.position is not None]
            assert shapely.LineString(frame.to_xy(way)).distance(area) >= crowd.stand_off_m - 0.1
    names = [p.name for p in plan.sorties[0].plan.fence.polygons] if plan.sorties[0].plan.fence else []
    assert {"minster", "north stalls", "south stalls"} <= set(names)


def test_twelve_zones_take_about_the_same_time() -> None:
    _, plan = planned(SHOWN[5])
    works = [z.work_s for z in plan.zones]
    assert len(works) == 12
    assert max(works) <= 1.15 * sum(works) / len(works)
