"""Orbits and perimeters over random areas and fences: inside the fence, or refused with the place."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from airbeat.checks.plan import check_plan
from airbeat.errors import PlanningError
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.commands import MavCmd
from airbeat.mission.legs import legs
from airbeat.mission.mission import Look, LoopPattern, Mission, MissionKind, OrbitPattern, PerimeterPattern
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, FlightPlan
from airbeat.planning.batteries import needs_splitting, split_flight
from airbeat.planning.freespace import fence_zones
from airbeat.planning.plan import plan_mission
from airbeat.vehicle.airframe import airframe_profile
from airbeat.vehicle.camera import camera_profile

FRAME = LocalFrame(LatLon(lat_deg=-33.9, lon_deg=151.2))
_MOST_ITEMS = 120
"""So few that many loops are cut into sorties."""

seeds = st.integers(min_value=0, max_value=10**6)


def blob(rng: random.Random, x: float, y: float, size_m: float, corners: int) -> shapely.Polygon:
    turns = sorted(rng.uniform(0, 2 * math.pi) for _ in range(corners))
    reach = [size_m * rng.uniform(0.4, 1.0) for _ in turns]
    return shapely.Polygon(
        [(x + r * math.cos(t), y + r * math.sin(t)) for r, t in zip(reach, turns, strict=True)]
    )


def fence_of(rng: random.Random) -> Fence:
    outer = shapely.box(-300, -300, 300, 300)
    keep_outs = [
        FenceCircle(
            inclusion=False,
            centre=FRAME.to_latlon([(rng.uniform(-250, 250), rng.uniform(-200, 250))])[0],
            radius_m=rng.uniform(5, 40),
        )
        for _ in range(rng.randrange(4))
    ]
    corners = tuple(FRAME.to_latlon(shapely.get_coordinates(outer)[:-1]))
    return Fence(
        polygons=(FencePolygon(inclusion=True, vertices=corners),), circles=tuple(keep_outs), max_height_m=120
    )


def loop_mission(rng: random.Random, pattern: LoopPattern, area: shapely.Polygon | None) -> Mission:
    return Mission(
        name="loops",
        kind=MissionKind.SEARCH,
        home=FRAME.to_latlon([(rng.uniform(-280, 280), -285.0)])[0],
        pattern=pattern,
        height=Altitude(value_m=40.0, datum=AltitudeDatum.HOME),
        speed_m_s=rng.choice([3.0, 8.0]),
        camera=camera_profile("embedded-12mp"),
        airframe=airframe_profile("arducopter-quad"),
        fence=fence_of(rng),
        margin_m=rng.choice([0.0, 5.0]),
        area=None if area is None else FRAME.to_geographic(area),
    )


def assert_inside_or_refused(mission: Mission) -> FlightPlan | None:
    """The plan, after every leg of it was found inside the fence; None for a refusal that says why."""
    refused: PlanningError | None = None
    try:
        plan = plan_mission(mission)
    except PlanningError as error:
        refused = error
    if refused is not None:
        assert refused.remedy
        return None
    inside, outside = fence_zones(mission.fence, FRAME)
    free = inside.difference(outside).buffer(0.05)
    if needs_splitting(plan, most_items=_MOST_ITEMS):
        sorties = split_flight(mission, plan, most_items=_MOST_ITEMS)
        assert len(sorties) > 1
    else:
        sorties = (plan,)
    for sortie in sorties:
        assert [f for f in check_plan(sortie) if f.severity.value == "error"] == []
        flown = [(*FRAME.to_xy([leg.start, leg.end]),) for leg in legs(sortie)]
        assert all(free.covers(shapely.LineString(leg)) for leg in flown)
    triggers = [i.params[0] for i in plan.items if i.command == MavCmd.DO_SET_CAM_TRIGG_DIST]
    assert all(on > 0 for on in triggers[::2])
    assert all(off == 0 for off in triggers[1::2])
    return plan


@settings(max_examples=12, deadline=None)
@given(seeds)
def test_an_orbit_stays_inside_the_fence_or_is_refused(seed: int) -> None:
    rng = random.Random(seed)
    pattern = OrbitPattern(
        centre=FRAME.to_latlon([(rng.uniform(-150, 150), rng.uniform(-120, 150))])[0],
        radius_m=rng.uniform(4, 160),
        tolerance_m=rng.choice([0.2, 0.5, 1.0]),
        turns=rng.randrange(1, 3),
        clockwise=rng.random() < 0.5,
        heights_m=(20.0, 60.0) if rng.random() < 0.5 else (),
    )
    plan = assert_inside_or_refused(loop_mission(rng, pattern, None))
    if plan is not None:
        looks = [i.position for i in plan.items if i.command == MavCmd.DO_SET_ROI]
        assert looks == [pattern.centre, None]


@settings(max_examples=18, deadline=None)
@given(seeds)
def test_a_perimeter_stays_inside_the_fence_or_is_refused(seed: int) -> None:
    rng = random.Random(seed)
    area = shapely.make_valid(
        blob(rng, rng.uniform(-80, 80), rng.uniform(-60, 80), 150.0, rng.randrange(3, 30))
    )
    pattern = PerimeterPattern(
        offset_m=rng.choice([-20.0, -5.0, 0.0, 5.0, 25.0]),
        look=rng.choice(list(Look)),
        tolerance_m=rng.choice([0.2, 0.5, 2.0]),
        clockwise=rng.random() < 0.5,
        trigger_distance_m=rng.choice([None, 10.0]),
    )
    plan = assert_inside_or_refused(loop_mission(rng, pattern, area))
    if plan is not None and pattern.offset_m > 0:
        swept = np.array([FRAME.to_xy([a.end, b.end]) for a, b in pairwise(legs(plan)) if b.role == "sweep"])
        nearest = shapely.distance(shapely.linestrings(swept), area).min()
        assert nearest >= pattern.offset_m - 2 * pattern.tolerance_m - 0.05
