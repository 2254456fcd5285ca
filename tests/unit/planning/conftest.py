"""A hillside with a fence, a keep-out and a hole, to plan on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely

from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.commands import MavCmd
from airbeat.mission.mission import LawnmowerPattern, Mission, MissionKind
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, FlightPlan
from airbeat.planning.freespace import fence_zones
from airbeat.vehicle.airframe import airframe_profile
from airbeat.vehicle.camera import camera_profile

FRAME = LocalFrame(LatLon(lat_deg=51.18, lon_deg=8.49))
AREA = shapely.Polygon(
    [(0, 0), (400, 0), (400, 300), (250, 300), (250, 150), (150, 150), (150, 320), (0, 300)],
    [[(300, 50), (350, 50), (350, 100), (300, 100)]],
)


def place(x: float, y: float) -> LatLon:
    return FRAME.to_latlon([[x, y]])[0]


def zone(coords: list[tuple[float, float]], *, inclusion: bool) -> FencePolygon:
    return FencePolygon(inclusion=inclusion, vertices=tuple(FRAME.to_latlon(coords)))


FENCE = Fence(
    polygons=(
        zone([(-60, -60), (460, -60), (460, 380), (-60, 380)], inclusion=True),
        zone([(180, 200), (220, 200), (220, 400), (180, 400)], inclusion=False),
    ),
    circles=(FenceCircle(inclusion=False, centre=place(60, 150), radius_m=15),),
    max_height_m=120,
)


class Hillside:
    """Makes missions in one local frame and measures plans against it, without the planner's own code."""

    frame = FRAME
    area = AREA
    fence = FENCE
    place = staticmethod(place)
    zone = staticmethod(zone)

    def mission(self, **changes: Any) -> Mission:
        values: dict[str, Any] = {
            "name": "hillside",
            "kind": MissionKind.SEARCH,
            "home": place(-30, -30),
            "pattern": LawnmowerPattern(),
            "height": Altitude(value_m=60, datum=AltitudeDatum.HOME),
            "speed_m_s": 8.0,
            "camera": camera_profile("embedded-12mp"),
            "airframe": airframe_profile("arducopter-quad"),
            "fence": FENCE,
            "area": FRAME.to_geographic(AREA),
            "margin_m": 5.0,
        }
        return Mission(**(values | changes))

    def corners(self, plan: FlightPlan) -> np.ndarray:
        """Home, every waypoint, home again: what is flown, return included."""
        places = [i.position for _, i in plan.waypoints() if i.command != MavCmd.NAV_TAKEOFF]
        return FRAME.to_xy([plan.home, *places, plan.home])

    def metres_outside(self, plan: FlightPlan, fence: Fence = FENCE, margin_m: float = 0.0) -> float:
        inside, outside = fence_zones(fence, FRAME)
        space = inside.difference(outside).buffer(-margin_m).buffer(0.02)
        return float(shapely.LineString(self.corners(plan)).difference(space).length)

    def coverage(self, plan: FlightPlan, *, seed: int | None = None) -> float:
        """Share of the area in the rectangular photographs, with errors where a seed is given."""
        rng = np.random.default_rng(seed) if seed is not None else None
        survey = plan.survey
        assert survey is not None
        frames = []
        here, distance = None, 0.0
        for item in plan.items:
            if item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
                distance = item.params[0]
            elif item.position is not None:
                there = FRAME.to_xy([item.position])[0]
                if distance > 0:
                    assert here is not None
                    length = float(np.hypot(*(there - here)))
                    heading = math.atan2(*(there - here)[::-1])
                    for s in [*np.arange(0, length, distance), length]:
                        frames.append(_photo(here + (there - here) * s / length, heading, survey, rng))
                here = there
        seen = shapely.union_all(frames)
        return float(AREA.intersection(seen).area / AREA.area)


def _photo(centre: np.ndarray, heading: float, survey: Any, rng: np.random.Generator | None) -> Any:
    shift, turn = np.zeros(2), 0.0
    if rng is not None:
        tilt = np.tan(np.radians(rng.uniform(-3, 3, 2))) * survey.height_agl_m
        shift = rng.normal(0, 1.0, 2) + tilt
        turn = math.radians(rng.uniform(-3, 3))
    along, across = survey.footprint_along_m / 2, survey.footprint_across_m / 2
    box = shapely.affinity.rotate(
        shapely.box(-along, -across, along, across), heading + turn, origin=(0, 0), use_radians=True
    )
    return shapely.affinity.translate(box, *(centre + shift))


@pytest.fixture
def hillside() -> Hillside:
    return Hillside()


@pytest.fixture
def link_total() -> Callable[[np.ndarray, list[tuple[int, bool]]], float]:
    def total(link: np.ndarray, order: list[tuple[int, bool]]) -> float:
        out = [2 * k if back else 2 * k + 1 for k, back in order]
        into = [2 * k + 1 if back else 2 * k for k, back in order]
        return float(sum(link[a, b] for a, b in zip(out[:-1], into[1:], strict=True)))

    return total
