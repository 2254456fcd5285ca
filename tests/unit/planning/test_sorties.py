"""Sorties over areas: from home and back, inside the battery, kept apart, and nothing left out."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.planning.airspace import Slot
from airbeat.planning.bound import ring_bound, sweep_bound
from airbeat.planning.coverage import CoveragePath, plan_coverage
from airbeat.planning.estimate import FlightModel
from airbeat.planning.ferry import FlightRooms
from airbeat.planning.repair import free_area
from airbeat.planning.separation import APART_M, Track, nearest_m, separated_starts_s
from airbeat.planning.sortie import Drone, FleetPlan, photos_along
from airbeat.planning.sorties import plan_sorties
from airbeat.vehicle.airframe import airframe_profile

FRAME = LocalFrame(LatLon(lat_deg=47.0, lon_deg=8.0))
SPACING_M = 60.0
AREA = shapely.Polygon(
    [(0, 0), (900, 0), (900, 700), (550, 700), (550, 300), (350, 300), (350, 700), (0, 700)]
)
POND = shapely.box(650, 150, 760, 240)
MODEL = FlightModel()


def place(x: float, y: float) -> LatLon:
    return FRAME.to_latlon([[x, y]])[0]


HOME = place(20, -80)


def geographic(shape: Any) -> Any:
    return FRAME.to_geographic(shape)


@pytest.fixture(scope="module")
def path() -> CoveragePath:
    return plan_coverage(geographic(AREA), spacing_m=SPACING_M, keepouts=[geographic(POND)])


def planned(path: CoveragePath, *drones: Drone, **more: Any) -> FleetPlan:
    return plan_sorties(
        geographic(AREA),
        drones=drones,
        spacing_m=SPACING_M,
        keepouts=[geographic(POND)],
        paths=[path],
        **more,
    )


def local(plan: FleetPlan, points: np.ndarray) -> np.ndarray:
    return shapely.get_coordinates(FRAME.to_local(plan.frame.to_geographic(shapely.LineString(points))))


def assert_sound(plan: FleetPlan, path: CoveragePath, drones: tuple[Drone, ...]) -> None:
    """Recomputed from the lines alone."""
    free = AREA.difference(POND)
    for s in plan.sorties:
        drone = drones[s.drone - 1]
        line = local(plan, s.line)
        home = FRAME.to_xy([drone.home])[0]
        assert math.dist(line[0], home) < 0.01
        assert math.dist(line[-1], home) < 0.01
        flown_s = drone.model.path_time_s([(float(x), float(y)) for x, y in line])
        assert flown_s + drone.vertical_s(s.layer_m) == pytest.approx(s.duration_s, rel=1e-4)
        assert s.duration_s <= drone.endurance_s * (1 - drone.reserve_share) + 1e-6
        assert shapely.LineString(line).intersection(POND.buffer(-0.5)).length == 0
        out = shapely.LineString(line).difference(free.buffer(0.5))
        for transit in s.transits:
            out = out.difference(shapely.LineString(local(plan, transit)).buffer(0.1))
        assert out.length < 0.05
    work = [shapely.LineString(local(plan, s.work_line)) for s in plan.sorties]
    seen = shapely.union_all([w.buffer(SPACING_M / 2, quad_segs=32) for w in work])
    covered = seen.intersection(free).area / free.area
    assert covered == pytest.approx(plan.coverage_fraction, abs=2e-4)
    assert plan.coverage_fraction >= path.coverage_fraction - 1.1e-4
    assert plan.outside_m == plan.keepout_m == 0


def test_every_sortie_begins_and_ends_at_home_with_reserve_and_together_they_cover_the_area(
    path: CoveragePath,
) -> None:
    drone = Drone(home=HOME, endurance_s=600.0, reserve_share=0.2)
    plan = planned(path, drone)
    assert_sound(plan, path, (drone,))
    assert len(plan.sorties) >= math.ceil(path.duration_s / 480)
    assert len(plan.sorties) <= math.ceil(path.duration_s / 480) + 2
    starts = [s.start_s for s in plan.sorties]
    ends = [s.start_s + s.duration_s for s in plan.sorties]
    assert all(b >= a - 1e-6 for a, b in zip(ends, starts[1:], strict=False))


def test_sorties_laid_out_for_home_are_sound_and_never_slower_than_a_path_that_is_cut(
    path: CoveragePath,
) -> None:
    home = place(450, 290)
    drone = Drone(home=home, endurance_s=420.0)
    cut = planned(path, drone)
    done: list[float] = []
    plan = plan_sorties(
        geographic(AREA),
        drones=[drone],
        spacing_m=SPACING_M,
        keepouts=[geographic(POND)],
        progress=done.append,
    )
    assert_sound(plan, plan.path, (drone,))
    assert len(plan.sorties) > 1
    assert (len(plan.sorties), plan.duration_s) <= (len(cut.sorties), cut.duration_s)
    assert done == sorted(done)
    assert done[-1] <= 1.0


@pytest.mark.parametrize(
    "area",
    [
        shapely.box(0, 0, 12, 9),
        shapely.box(0, 0, 1500, 4),
        shapely.Polygon([(0, 0), (500, 500), (500, 0), (0, 500)]),
        shapely.MultiPolygon([shapely.box(0, 0, 30, 30), shapely.box(500, 0, 900, 300)]),
    ],
    ids=["smaller than a swath", "a sliver", "crossing itself", "two parts"],
)
def test_odd_areas_are_flown_by_one_drone_in_sorties_from_outside(area: Any) -> None:
    drone = Drone(home=place(-60, -40), endurance_s=330.0)
    plan = plan_sorties(geographic(area), drones=[drone], spacing_m=SPACING_M)
    assert plan.coverage_fraction >= 0.998
    assert plan.outside_m == plan.keepout_m == 0
    for s in plan.sorties:
        assert s.duration_s <= 330.0 + 1e-6
        ends = local(plan, s.line)[[0, -1]]
        assert np.hypot(*(ends - (-60, -40)).T).max() < 0.05


def test_a_battery_that_is_enough_makes_one_sortie(path: CoveragePath) -> None:
    plan = planned(path, Drone(home=HOME, endurance_s=3600.0))
    assert len(plan.sorties) == 1
    assert plan.sorties[0].layer_m == 0


def test_a_battery_that_lasts_longer_never_makes_more_sorties(path: CoveragePath) -> None:
    counts = [len(planned(path, Drone(home=HOME, endurance_s=s)).sorties) for s in (320, 400, 500, 700, 1000)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_sorties_are_cut_at_corners_where_that_costs_no_sortie_more(path: CoveragePath) -> None:
    plan = planned(path, Drone(home=HOME, endurance_s=700.0))
    corners = path.line
    for s in plan.sorties:
        for end in (s.work_line[0], s.work_line[-1]):
            assert np.hypot(*(corners - end).T).min() < 0.5


def test_an_area_out_of_reach_is_refused_with_the_place_and_the_minutes(path: CoveragePath) -> None:
    with pytest.raises(PlanningError) as caught:
        planned(path, Drone(home=place(-3000, 0), endurance_s=600.0, reserve_share=0.2))
    assert "cannot be reached and left on one battery" in str(caught.value)
    assert "of 8.0 min that a battery gives above the reserve" in str(caught.value)
    assert "min too much" in str(caught.value)
    assert caught.value.where.startswith("47.0")


def test_a_home_that_keep_outs_wall_in_is_refused(path: CoveragePath) -> None:
    wall = shapely.Point(-100, -100).buffer(60).difference(shapely.Point(-100, -100).buffer(30))
    with pytest.raises(PlanningError, match="without crossing a keep-out"):
        plan_sorties(
            geographic(AREA),
            drones=[Drone(home=place(-100, -100))],
            spacing_m=SPACING_M,
            keepouts=[geographic(POND), geographic(wall)],
            paths=[path],
        )


def test_several_drones_share_the_area_in_parts_that_do_not_overlap(path: CoveragePath) -> None:
    drones = (Drone(home=HOME),) * 3
    one = planned(path, Drone(home=HOME))
    plan = planned(path, *drones)
    assert_sound(plan, path, drones)
    assert {s.drone for s in plan.sorties} == {1, 2, 3}
    assert all(a.intersection(b).area < 0.01 for a, b in combinations(plan.parts, 2))
    together = shapely.union_all(plan.parts).area
    assert together == pytest.approx(plan.coverage_fraction * AREA.difference(POND).area, rel=1e-4)
    longest = max(s.duration_s for s in plan.sorties)
    assert longest < 0.55 * one.duration_s
    assert min(s.duration_s for s in plan.sorties) > 0.6 * longest


def test_each_drone_has_a_height_of_its_own_and_the_launch_place_to_itself(path: CoveragePath) -> None:
    frame = airframe_profile("arducopter-quad")
    drones = (Drone(home=HOME, airframe=frame, height_m=50.0, endurance_s=900.0),) * 4
    plan = planned(path, *drones, swap_s=60.0)
    assert_sound(plan, path, drones)
    layers = {s.drone: s.layer_m for s in plan.sorties}
    assert len(set(layers.values())) == len(layers) == 4
    assert min(layers.values()) > 0
    kept = []
    for s in plan.sorties:
        drone = drones[s.drone - 1]
        end = s.start_s + s.duration_s
        kept += [(s.start_s, s.start_s + drone.up_s(s.layer_m)), (end - drone.down_s(s.layer_m), end)]
    kept.sort()
    assert all(b[0] >= a[1] - 1e-6 for a, b in pairwise(kept))
    for number in layers:
        own = [s for s in plan.sorties if s.drone == number]
        assert all(b.start_s >= a.start_s + a.duration_s + 60 - 1e-6 for a, b in pairwise(own))


def test_a_faster_drone_takes_more_of_the_area_and_each_starts_from_its_own_place(path: CoveragePath) -> None:
    drones = (Drone(home=HOME, model=FlightModel(speed_m_s=5.0)), Drone(home=place(880, 720)))
    plan = planned(path, *drones)
    assert_sound(plan, path, drones)
    slow, fast = plan.parts
    assert fast.area > 1.3 * slow.area
    durations = [s.duration_s for s in plan.sorties]
    assert max(durations) < 1.4 * min(durations)


def test_drones_that_would_not_help_stay_on_the_ground_and_that_is_said() -> None:
    small = shapely.box(0, 0, 100, 50)
    plan = plan_sorties(geographic(small), drones=[Drone(home=place(-600, 0))] * 5, spacing_m=SPACING_M)
    used = {s.drone for s in plan.sorties}
    assert len(used) < 5
    assert any("stays on the ground" in note for note in plan.notes)


def test_no_sortie_holds_more_items_than_the_autopilot(path: CoveragePath) -> None:
    plan = planned(path, Drone(home=HOME), most_items=24)
    assert_sound(plan, path, (Drone(home=HOME),))
    assert len(plan.sorties) > 1
    assert max(s.items for s in plan.sorties) <= 24
    with pytest.raises(PlanningError, match="no more than 8 mission items"):
        planned(path, Drone(home=HOME), most_items=8)


def test_the_same_input_gives_the_same_sorties(path: CoveragePath) -> None:
    drones = (Drone(home=HOME, endurance_s=500.0), Drone(home=place(450, 320), endurance_s=400.0))
    a, b = planned(path, *drones), planned(path, *drones)
    assert [s.line.tolist() for s in a.sorties] == [s.line.tolist() for s in b.sorties]
    assert [s.start_s for s in a.sorties] == [s.start_s for s in b.sorties]


def test_ways_from_home_keep_clear_of_keep_outs(path: CoveragePath) -> None:
    wall = shapely.box(-200, -60, 700, -40)
    plan = plan_sorties(
        geographic(AREA),
        drones=[Drone(home=HOME, endurance_s=700.0)],
        spacing_m=SPACING_M,
        keepouts=[geographic(POND), geographic(wall)],
        paths=[path],
    )
    for s in plan.sorties:
        assert shapely.LineString(local(plan, s.line)).intersection(wall.buffer(-0.5)).length == 0
    assert plan.keepout_m == 0


def test_photographs_are_counted_along_the_work() -> None:
    assert photos_along(100.0, 25.0) == 5
    assert photos_along(101.0, 25.0) == 6
    assert photos_along(10.0, 25.0) == 2


def test_no_plan_is_faster_than_the_bound_on_any_flight(path: CoveragePath) -> None:
    free = free_area(geographic(AREA), keepouts=[geographic(POND)])
    home = free.frame.to_xy([HOME])[0]
    at = (float(home[0]), float(home[1]))
    rooms = FlightRooms(free, home[None], MODEL)
    for usable_s in (400.0, 600.0, 1200.0):
        plan = planned(path, Drone(home=HOME, endurance_s=usable_s))
        limits: dict[str, Any] = {"swath_m": SPACING_M, "usable_s": usable_s, "model": MODEL}
        ring = ring_bound(free.target, at, **limits)
        sweep = sweep_bound(free.target, at, rooms=rooms, **limits)
        assert ring.sorties <= len(plan.sorties)
        assert ring.total_s <= plan.duration_s
        assert ring.total_s < sweep.total_s < 1.25 * plan.duration_s
        assert plan.duration_s <= 1.3 * sweep.total_s


def test_the_bound_on_any_flight_counts_the_ways_to_a_far_area() -> None:
    far = shapely.box(2000, -20, 2040, 20)
    bound = ring_bound(far, (0.0, 0.0), swath_m=80.0, usable_s=1500.0, model=MODEL)
    assert bound.sorties == 1
    assert 400.0 < bound.total_s < 410.0
    crowded = ring_bound(
        shapely.box(2000, -500, 3000, 500), (0.0, 0.0), swath_m=20.0, usable_s=1500.0, model=MODEL
    )
    assert crowded.sorties >= 5
    assert crowded.total_s > 1e6 / 20 / 10 + 0.9 * 5 * 400
    out_of_reach = ring_bound(far, (0.0, 0.0), swath_m=80.0, usable_s=300.0, model=MODEL)
    assert out_of_reach.total_s == math.inf


def test_the_ideal_sweep_of_a_rectangle_beside_home_is_what_one_reckons_by_hand() -> None:
    rectangle = shapely.box(0, 0, 800, 400)
    free = free_area(geographic(rectangle))
    corner = free.frame.to_xy([place(0, 0)])[0]
    bound = sweep_bound(
        free.target,
        (float(corner[0]), float(corner[1])),
        swath_m=80.0,
        usable_s=1e6,
        model=MODEL,
        rooms=FlightRooms(free, corner[None], MODEL),
        angles=2,
        phases=1,
    )
    lines_s = 5 * MODEL.leg_time_s(800) + 4 * MODEL.leg_time_s(80)
    ways_s = MODEL.leg_time_s(40) + MODEL.leg_time_s(120)
    assert bound.sorties == 1
    assert bound.total_s == pytest.approx(lines_s + ways_s, rel=1e-3)


def crossing_track(
    drone: int, start: tuple[float, float], end: tuple[float, float], height_m: float
) -> Track:
    """100 seconds straight on at one height."""
    return Track(
        drone=drone,
        times_s=np.array([0.0, 100.0]),
        xy=np.array([start, end]),
        spans=((0.0, 100.0, height_m, height_m),),
    )


def test_ways_that_cross_at_one_height_are_flown_one_after_the_other() -> None:
    tracks = [
        crossing_track(1, (-500.0, 0.0), (500.0, 0.0), 60.0),
        crossing_track(2, (0.0, -500.0), (0.0, 500.0), 60.0),
    ]
    slots = [
        Slot(vehicle=k, place=place, duration_s=100.0, up_s=1.0, down_s=1.0)
        for k, place in ((1, (-500.0, 0.0)), (2, (0.0, -500.0)))
    ]
    assert nearest_m(tracks, [0.0, 0.0])[0] < 1.0
    starts, nearest = separated_starts_s(slots, tracks, swap_s=0.0)
    assert starts != [0.0, 0.0]
    assert nearest >= APART_M
    assert nearest_m(tracks, starts)[0] == nearest


def test_ways_in_different_layers_may_cross_but_not_where_one_changes_its_height() -> None:
    across = crossing_track(1, (-500.0, 0.0), (500.0, 0.0), 55.0)
    over = crossing_track(2, (0.0, -500.0), (0.0, 500.0), 60.0)
    assert nearest_m([across, over], [0.0, 0.0]) == (math.inf, -1)
    sinking = replace(
        over, spans=((0.0, 45.0, 60.0, 60.0), (45.0, 55.0, 50.0, 60.0), (55.0, 100.0, 50.0, 50.0))
    )
    assert nearest_m([across, sinking], [0.0, 0.0])[0] < 1.0


def test_drones_of_a_plan_keep_apart_at_every_height_they_are_at(path: CoveragePath) -> None:
    frame = airframe_profile("arducopter-quad")
    drones = tuple(
        Drone(home=place(x, -80), airframe=frame, height_m=h, endurance_s=1500.0)
        for x, h in ((20, 50.0), (60, 50.0), (700, 45.0))
    )
    plan = planned(path, *drones)
    assert_sound(plan, path, drones)
    assert plan.nearest_m >= APART_M
    above = {s.drone: drones[s.drone - 1].height_m + s.layer_m for s in plan.sorties}
    assert len(set(above.values())) == len(above) == 3
    assert min(above.values()) > 50.0
