"""A plan that uses everything the formats carry."""

from __future__ import annotations

import math

import pytest
import shapely

import airbeat.link.dialect  # noqa: F401 - MAVLink 2, before a test imports pymavlink's loaders
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import (
    Fence,
    FenceCircle,
    FencePolygon,
    FlightPlan,
    ItemRole,
    PlanItem,
    Provenance,
    RallyPoint,
    Survey,
)
from airbeat.vehicle.camera import CAMERAS


def _at(north: float, east: float) -> LatLon:
    return LatLon(lat_deg=51.18 + north, lon_deg=8.49 + east)


def _action(command: MavCmd, *params: float) -> PlanItem:
    return PlanItem(command=command, params=(*params, *[0.0] * (4 - len(params))), role=ItemRole.ACTION)


def _to(place: LatLon, role: ItemRole, *, command: MavCmd = MavCmd.NAV_WAYPOINT) -> PlanItem:
    return PlanItem(
        command=command, position=place, altitude=Altitude(value_m=60.0, datum=AltitudeDatum.HOME), role=role
    )


def _items() -> tuple[PlanItem, ...]:
    """Each altitude datum, an item with a NaN, one with seven parameters, a jump."""
    return (
        _to(_at(0.0, 0.0), ItemRole.TAKEOFF, command=MavCmd.NAV_TAKEOFF),
        _action(MavCmd.DO_CHANGE_SPEED, 1.0, 8.0, -1.0),
        _to(_at(0.001, 0.001), ItemRole.TRANSIT),
        _action(MavCmd.DO_SET_CAM_TRIGG_DIST, 12.25, 0.0, 1.0),
        PlanItem(
            command=MavCmd.NAV_WAYPOINT,
            params=(0.0, 0.0, 0.0, math.nan),
            position=_at(0.003, 0.001),
            altitude=Altitude(value_m=470.0, datum=AltitudeDatum.AMSL),
            role=ItemRole.SWEEP,
        ),
        PlanItem(
            command=MavCmd.NAV_WAYPOINT,
            position=_at(0.003, 0.0012345678),
            altitude=Altitude(value_m=61.5, datum=AltitudeDatum.AGL),
            autocontinue=False,
            role=ItemRole.VISIT,
        ),
        _action(MavCmd.DO_SET_CAM_TRIGG_DIST),
        PlanItem(
            command=MavCmd.DO_GIMBAL_MANAGER_PITCHYAW,
            params=(-90.0, 0.0, 0.0, 0.0),
            extra=(12.0, 0.0, 1.0),
            role=ItemRole.ACTION,
        ),
        _action(MavCmd.DO_JUMP, 3.0, 1.0),
        PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH, role=ItemRole.RETURN),
    )


def _fence() -> Fence:
    """Polygons and a circle, in and out, a ceiling, and a place to return to."""
    corners = (_at(-0.001, -0.001), _at(-0.001, 0.004), _at(0.004, 0.004), _at(0.004, -0.001))
    return Fence(
        polygons=(
            FencePolygon(inclusion=True, vertices=corners),
            FencePolygon(
                inclusion=False, vertices=(_at(0.002, 0.002), _at(0.002, 0.0025), _at(0.0025, 0.002))
            ),
        ),
        circles=(FenceCircle(inclusion=False, centre=_at(0.001, 0.003), radius_m=25.5),),
        max_height_m=120.0,
        breach_return=(_at(0.0005, 0.0005), 30.0),
    )


def _survey() -> Survey:
    """Of an area with a hole."""
    area = shapely.Polygon(
        [(8.4905, 51.1805), (8.4905, 51.1830), (8.4930, 51.1830), (8.4930, 51.1805)],
        [[(8.4915, 51.1815), (8.4920, 51.1815), (8.4920, 51.1820)]],
    )
    return Survey(
        area=area,
        camera=CAMERAS["embedded-12mp"],
        height_agl_m=60.0,
        gsd_m_px=0.0213,
        footprint_across_m=85.3,
        footprint_along_m=64.0,
        spacing_m=59.7,
        trigger_distance_m=44.8,
        sweep_angle_deg=0.0,
        coverage_fraction=0.998,
        unseen=shapely.box(8.4929, 51.1829, 8.4930, 51.1830),
    )


@pytest.fixture
def full_plan() -> FlightPlan:
    return FlightPlan(
        name="Hillside & wood <1>",
        home=_at(0.0, 0.0),
        home_amsl_m=412.5,
        items=_items(),
        fence=_fence(),
        rally=(
            RallyPoint(position=_at(0.0005, 0.0), altitude=Altitude(value_m=25.0, datum=AltitudeDatum.HOME)),
        ),
        speed_m_s=8.0,
        survey=_survey(),
        last_seen=_at(0.0015, 0.0015),
        notes=("unsurveyed; not for flight as it is", "datum: gcj02 converted"),
        provenance=Provenance(tool_version="0.1.0", source_name="m.yaml", source_sha256="ab" * 32),
    )
