"""Whatever the planner plans, the checker passes: random areas with holes and keep-outs, and real shapes."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
import shapely

from airbeat.checks.conditions import ARDUPILOT, Conditions
from airbeat.checks.findings import Finding, Severity
from airbeat.checks.plan import check_plan
from airbeat.errors import InputFileError, PlanningError
from airbeat.flight.planned import sorties_of
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.areafile import read_area_file
from airbeat.mission.commands import MavCmd
from airbeat.mission.loader import parse_mission
from airbeat.mission.mission import LawnmowerPattern, Mission, MissionKind
from airbeat.mission.plan import Fence, FencePolygon, FlightPlan
from airbeat.mission.template import new_mission_text
from airbeat.planning.plan import plan_mission
from airbeat.vehicle.airframe import AIRFRAMES
from airbeat.vehicle.camera import CAMERAS

FRAME = LocalFrame(LatLon(lat_deg=47.2, lon_deg=11.4))
HEIGHT_OF_SIZE_M = {120.0: 40.0, 400.0: 60.0, 900.0: 90.0}
MARGINS_M = (3.0, 5.0, 10.0)
MORE_FENCE_THAN_ARDUPILOT_HOLDS = {"municipality_avoid_houses_dev.geojson": 170}
"""Fence vertices of the one shape whose keep-outs, two villages, have more than the 70 that ArduPilot holds.

That finding is right: the path is safe, but the vehicle would not take the fence.
"""


def blob(rng: random.Random, x: float, y: float, size: float) -> shapely.Polygon:
    """A star-shaped outline of up to ten corners, spiky or smooth."""
    rough = rng.choice([0.1, 0.4, 0.7])
    angles = sorted(rng.uniform(0, 2 * math.pi) for _ in range(rng.randrange(3, 11)))
    radii = [size * (1 - rough * rng.random()) for _ in angles]
    corners = [(x + r * math.cos(a), y + r * math.sin(a)) for a, r in zip(angles, radii, strict=True)]
    return shapely.Polygon(corners)


def zone(polygon: shapely.Polygon, *, inclusion: bool) -> FencePolygon:
    corners = FRAME.to_latlon(shapely.get_coordinates(polygon.exterior)[:-1])
    return FencePolygon(inclusion=inclusion, vertices=tuple(corners))


def random_mission(seed: int) -> Mission | None:
    """A search of an area with up to two holes, all of them and up to two more keep-outs closed to flight.

    None where the dice give no ground, no home, or more corners than an autopilot holds.
    """
    rng = random.Random(seed)
    size = rng.choice(list(HEIGHT_OF_SIZE_M))
    margin_m = rng.choice(MARGINS_M)
    area = blob(rng, 0, 0, size)
    if not area.is_valid or area.area < size * size / 20:
        return None
    closed = [
        blob(rng, rng.uniform(-size, size) / 2, rng.uniform(-size, size) / 2, size / rng.choice([5, 8]))
        for _ in range(rng.randrange(3))
    ] + [
        blob(rng, rng.uniform(-size, size), rng.uniform(-size, size), size / 4)
        for _ in range(rng.randrange(3))
    ]
    closed = [shape for shape in closed if shape.is_valid and shape.area > 25.0]
    grown = area.buffer(40.0, join_style="mitre", mitre_limit=1.5).simplify(2.0)
    free = grown.buffer(-margin_m - 3).difference(shapely.union_all(closed).buffer(margin_m + 3))
    wanted = area.difference(shapely.union_all(closed))
    vertices = sum(len(shape.exterior.coords) - 1 for shape in (grown, *closed))
    if free.is_empty or wanted.area < 400.0 or vertices > ARDUPILOT.max_fence_vertices:
        return None
    largest = max(shapely.get_parts(free), key=lambda part: part.area)
    corners = shapely.get_coordinates(largest.exterior)
    home = corners[rng.randrange(len(corners))]
    return Mission(
        name=f"random {seed}",
        kind=MissionKind.SEARCH,
        home=FRAME.to_latlon([home])[0],
        pattern=LawnmowerPattern(),
        height=Altitude(value_m=HEIGHT_OF_SIZE_M[size], datum=AltitudeDatum.HOME),
        speed_m_s=rng.choice([6.0, 8.0, 10.0]),
        camera=CAMERAS["embedded-12mp"],
        airframe=AIRFRAMES["arducopter-quad"],
        fence=Fence(
            polygons=(zone(grown, inclusion=True), *(zone(shape, inclusion=False) for shape in closed)),
            max_height_m=120.0,
        ),
        area=FRAME.to_geographic(wanted),
        margin_m=margin_m,
    )


def errors_of(mission: Mission) -> tuple[list[Finding], tuple[FlightPlan, ...]]:
    """Errors that the checker finds in the mission's sorties, and the sorties.

    Raises:
        PlanningError: the planner refuses the mission.
    """
    sorties = sorties_of(mission, plan_mission(mission))
    return errors_in(sorties, Conditions()), sorties


def errors_in(sorties: tuple[FlightPlan, ...], conditions: Conditions) -> list[Finding]:
    return [f for plan in sorties for f in check_plan(plan, conditions) if f.severity is Severity.ERROR]


@pytest.mark.parametrize("seed", range(25))
def test_what_the_planner_plans_passes_the_checker(seed: int) -> None:
    mission = random_mission(seed)
    if mission is None:
        return
    found, sorties = errors_of(mission)
    assert sorties
    assert [str(f) for f in found] == []


@pytest.mark.parametrize("seed", [0, 6, 14, 19])
def test_a_plan_without_a_margin_stops_where_it_would_cut_a_corner_of_a_keep_out(seed: int) -> None:
    mission = random_mission(seed)
    assert mission is not None
    found, sorties = errors_of(replace(mission, margin_m=0.0))
    holds = [
        i for plan in sorties for i in plan.items if i.command == MavCmd.NAV_WAYPOINT and i.params[0] > 0
    ]
    assert holds
    assert [str(f) for f in found] == []


@pytest.mark.shared_data
@pytest.mark.timeout(1800)
def test_plans_of_real_shapes_pass_the_checker(shared_data: Path) -> None:
    """From home at the edge and from the middle; what is refused (too far for a battery, no area) says why.

    One shape has more fence than ArduPilot holds: that is found in its plans, and nothing at all where
    they are checked for an autopilot that holds it.
    """
    planned, refused = 0, []
    for path in sorted((shared_data / "areas").glob("*.geojson")):
        for in_the_middle in (False, True):
            try:
                home = None
                if in_the_middle:
                    area = read_area_file(path).free
                    local = LocalFrame.around(area)
                    middle = local.to_local(area).representative_point()
                    home = local.to_latlon([(middle.x, middle.y)])[0]
                text = new_mission_text(area_path=path, area_text=path.name, home=home)
                mission = parse_mission(text, name=path.name, base_dir=path.parent)
                found, sorties = errors_of(mission)
            except (PlanningError, InputFileError) as refusal:
                refused.append(str(refusal))
                continue
            vertices = MORE_FENCE_THAN_ARDUPILOT_HOLDS.get(path.name)
            if vertices is not None:
                assert {f.code for f in found} == {"fence-too-large"}
                roomy = replace(ARDUPILOT, max_fence_vertices=vertices)
                found = errors_in(sorties, Conditions(autopilot=roomy))
            assert [str(f) for f in found] == [], path.name
            planned += 1
    assert planned >= 30
    assert all(refused)
