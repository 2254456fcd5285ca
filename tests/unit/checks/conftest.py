"""A small survey that every check finds nothing wrong with, and how to draw places round its home."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import shapely

from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import (
    Estimate,
    Fence,
    FenceCircle,
    FencePolygon,
    FlightPlan,
    ItemRole,
    PlanItem,
    RallyPoint,
    Survey,
)
from airbeat.vehicle.airframe import AIRFRAMES
from airbeat.vehicle.camera import CAMERAS

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)
_FRAME = LocalFrame(HOME)
_HEIGHT = Altitude(value_m=50.0, datum=AltitudeDatum.HOME)


def _at(east_m: float, north_m: float) -> LatLon:
    return _FRAME.to_latlon([(east_m, north_m)])[0]


def _fly(east_m: float, north_m: float, command: MavCmd = MavCmd.NAV_WAYPOINT) -> PlanItem:
    return PlanItem(command=command, position=_at(east_m, north_m), altitude=_HEIGHT, role=ItemRole.SWEEP)


def _do(command: MavCmd, *params: float) -> PlanItem:
    return PlanItem(command=command, params=(*params, *[0.0] * (4 - len(params))), role=ItemRole.ACTION)


@pytest.fixture
def at() -> Callable[[float, float], LatLon]:
    """A place so many metres east and north of home."""
    return _at


@pytest.fixture
def clean_plan() -> FlightPlan:
    """Two sweep lines beside a keep-out strip; items 5 and 6 end them, item 8 returns."""
    corners = tuple(_at(*c) for c in ((-50, -50), (250, -50), (250, 250), (-50, 250)))
    strip = tuple(_at(*c) for c in ((150, 150), (180, 150), (180, 180), (150, 180)))
    camera = CAMERAS["embedded-12mp"]
    across_m, along_m = camera.footprint_m(50.0)
    area = [(p.lon_deg, p.lat_deg) for p in (_at(20, 20), _at(70, 20), _at(70, 200), _at(20, 200))]
    return FlightPlan(
        name="clean twin",
        home=HOME,
        home_amsl_m=400.0,
        items=(
            _fly(0, 0, MavCmd.NAV_TAKEOFF),
            _do(MavCmd.DO_CHANGE_SPEED, 1.0, 8.0, -1.0),
            _fly(40, 20),
            _do(MavCmd.DO_SET_CAM_TRIGG_DIST, 24.0, 0.0, 1.0),
            _fly(40, 200),
            _fly(70, 20),
            _do(MavCmd.DO_SET_CAM_TRIGG_DIST),
            PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH, role=ItemRole.RETURN),
        ),
        fence=Fence(
            polygons=(
                FencePolygon(inclusion=True, vertices=corners),
                FencePolygon(inclusion=False, vertices=strip),
            ),
            circles=(FenceCircle(inclusion=False, centre=_at(200, 60), radius_m=15.0),),
            max_height_m=95.0,
        ),
        rally=(RallyPoint(position=_at(20, -20), altitude=Altitude(value_m=30.0, datum=AltitudeDatum.HOME)),),
        speed_m_s=8.0,
        airframe=AIRFRAMES["arducopter-quad"],
        survey=Survey(
            area=shapely.Polygon(area),
            camera=camera,
            height_agl_m=50.0,
            gsd_m_px=camera.gsd_m_px(50.0),
            footprint_across_m=across_m,
            footprint_along_m=along_m,
            spacing_m=30.0,
            trigger_distance_m=24.0,
            sweep_angle_deg=0.0,
            coverage_fraction=1.0,
            margin_m=5.0,
        ),
        estimate=Estimate(
            length_m=560.0, duration_s=180.0, photos=16, turns=4, battery_share=0.2, batteries=1
        ),
    )
