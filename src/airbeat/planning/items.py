"""Mission items for flown legs and fixed points, as ArduCopter executes them.

DO commands belong to the leg after the preceding NAV command, run in order, and are dropped when the next
NAV command finishes; CONDITION commands hold up the DO commands behind them. The camera is therefore
switched on behind the waypoint that begins a line and off behind the one that ends it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.commands import MavCmd
from airbeat.mission.mission import FixedPoint
from airbeat.mission.plan import ItemRole, PlanItem
from airbeat.planning.photos import hover_places
from airbeat.planning.tour import Leg

__all__ = [
    "begun",
    "camera_trigger",
    "gimbal",
    "heading",
    "hold_s",
    "look_at",
    "return_item",
    "start_items",
    "sweep_items",
    "visit_items",
    "wait",
    "waypoint",
]

_MOUNT_MODE_MAVLINK_TARGETING = 2.0
_SETTLE_S = 2.0
_SAME_PLACE_M = 0.02
_HOLD_FOR_GIMBAL_S = 4.0
_HOLD_FOR_YAW_S = 8.0


def _home_height(height_m: float) -> Altitude:
    return Altitude(value_m=round(height_m, 2), datum=AltitudeDatum.HOME)


def start_items(*, home: LatLon, height_m: float, speed_m_s: float) -> list[PlanItem]:
    """Take off to a height above home, then set the cruise speed (ground speed, throttle unchanged)."""
    return [
        PlanItem(
            command=MavCmd.NAV_TAKEOFF, position=home, altitude=_home_height(height_m), role=ItemRole.TAKEOFF
        ),
        PlanItem(command=MavCmd.DO_CHANGE_SPEED, params=(1.0, speed_m_s, -1.0, 0.0), role=ItemRole.ACTION),
    ]


def waypoint(
    position: LatLon,
    height_m: float,
    role: ItemRole,
    *,
    hold_s: float = 0.0,
    datum: AltitudeDatum = AltitudeDatum.HOME,
) -> PlanItem:
    """A waypoint; the hold is in whole seconds, as Copter keeps no fractions."""
    return PlanItem(
        command=MavCmd.NAV_WAYPOINT,
        params=(float(math.ceil(hold_s)), 0.0, 0.0, 0.0),
        position=position,
        altitude=Altitude(value_m=round(height_m, 2), datum=datum),
        role=role,
    )


def return_item() -> PlanItem:
    """Return to the take-off place and land."""
    return PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH, role=ItemRole.RETURN)


def camera_trigger(trigger_distance_m: float) -> PlanItem:
    """Photograph at once and then every so many metres; 0 takes one last photograph and stops."""
    return PlanItem(
        command=MavCmd.DO_SET_CAM_TRIGG_DIST,
        params=(trigger_distance_m, 0.0, 1.0, 0.0),
        role=ItemRole.ACTION,
    )


def begun() -> PlanItem:
    """Hold the commands behind it until the leg has begun.

    ArduPilot carries out the first DO or CONDITION command behind a waypoint before it starts the leg to the
    next one (AP_Mission::advance_current_nav_cmd), and starting that leg resets the heading: a CONDITION_YAW
    there would have no effect.
    """
    return PlanItem(command=MavCmd.CONDITION_DELAY, role=ItemRole.ACTION)


def heading(heading_deg: float) -> PlanItem:
    """Turn the nose [degrees clockwise from north] until the next waypoint, the shorter way round."""
    return PlanItem(
        command=MavCmd.CONDITION_YAW,
        params=(round(heading_deg, 2) % 360.0, 0.0, 0.0, 0.0),
        role=ItemRole.ACTION,
    )


def look_at(place: LatLon | None, height_m: float = 0.0) -> PlanItem:
    """Keep nose and camera on a place at a height above home; None lets go of it.

    DO_SET_ROI (201) is what every ArduPilot version takes in a mission; all zeros end it.
    """
    if place is None:
        return PlanItem(command=MavCmd.DO_SET_ROI, role=ItemRole.ACTION)
    return PlanItem(
        command=MavCmd.DO_SET_ROI, position=place, altitude=_home_height(height_m), role=ItemRole.ACTION
    )


def gimbal(pitch_deg: float) -> PlanItem:
    """Hold the camera at a pitch [degrees; -90 looks straight down]."""
    return PlanItem(
        command=MavCmd.DO_MOUNT_CONTROL,
        params=(pitch_deg, 0.0, 0.0, 0.0),
        extra=(0.0, 0.0, _MOUNT_MODE_MAVLINK_TARGETING),
        role=ItemRole.ACTION,
    )


def sweep_items(
    legs: Sequence[Leg],
    *,
    frame: LocalFrame,
    height: Altitude,
    trigger_distance_m: float,
    gimbal_pitch_deg: float | None = None,
    hover_s: float | None = None,
) -> list[PlanItem]:
    """Waypoints and camera commands for legs that begin above home and end before the return.

    The last leg back to home is left to the return item. The camera stays on from one photographed leg to
    the next where the second begins where the first ends.

    Args:
        legs: in flying order [m].
        frame: the legs' local frame.
        height: of every waypoint.
        trigger_distance_m: distance between photographs [m].
        gimbal_pitch_deg: camera pitch [degrees] to command before the first leg, or None.
        hover_s: how long to stand still for each photograph [s]; None photographs in flight.
    """
    items = [] if gimbal_pitch_deg is None else [gimbal(gimbal_pitch_deg)]
    if hover_s is not None:
        return items + _hover_items(
            legs, frame=frame, height=height, trigger_distance_m=trigger_distance_m, hover_s=hover_s
        )
    corners = frame.to_latlon([leg.end for leg in legs])
    starts = frame.to_latlon([leg.start for leg in legs])
    camera_on = False
    for number, (leg, start, corner) in enumerate(zip(legs, starts, corners, strict=True)):
        if not leg.camera_on:
            items.append(waypoint(corner, height.value_m, ItemRole.TRANSIT, datum=height.datum))
            continue
        if number == 0:
            items.append(waypoint(start, height.value_m, ItemRole.TRANSIT, datum=height.datum))
        if not camera_on:
            items.append(camera_trigger(trigger_distance_m))
        items.append(waypoint(corner, height.value_m, ItemRole.SWEEP, datum=height.datum))
        onward = legs[number + 1] if number + 1 < len(legs) else None
        camera_on = onward is not None and onward.camera_on and onward.start == leg.end
        if not camera_on:
            items.append(camera_trigger(0.0))
    return items


def _hover_items(
    legs: Sequence[Leg], *, frame: LocalFrame, height: Altitude, trigger_distance_m: float, hover_s: float
) -> list[PlanItem]:
    """A waypoint with a hold for each photograph, which is taken as the hold ends."""
    items: list[PlanItem] = []
    shot = PlanItem(command=MavCmd.DO_DIGICAM_CONTROL, extra=(1.0, 0.0, 0.0), role=ItemRole.ACTION)
    at: tuple[float, float] | None = None
    for leg, places in zip(legs, hover_places(legs, trigger_distance_m), strict=True):
        if not leg.camera_on:
            items.append(
                waypoint(frame.to_latlon([leg.end])[0], height.value_m, ItemRole.TRANSIT, datum=height.datum)
            )
        for place, position in zip(places, frame.to_latlon(places), strict=True):
            if at is not None and math.dist(at, place) < _SAME_PLACE_M and items:
                items.pop()  # the transit that ends where the first photograph is taken
            begins = math.dist(place, leg.start) < _SAME_PLACE_M
            role = ItemRole.TRANSIT if begins else ItemRole.SWEEP
            items += [waypoint(position, height.value_m, role, hold_s=hover_s, datum=height.datum), shot]
        at = None if leg.camera_on else leg.end
    return items


def wait(seconds: float) -> PlanItem:
    """The commands behind it wait, while the vehicle flies on [s]."""
    return PlanItem(command=MavCmd.CONDITION_DELAY, params=(seconds, 0.0, 0.0, 0.0), role=ItemRole.ACTION)


def hold_s(point: FixedPoint) -> float:
    """How long the vehicle stays at a fixed point, so that turning and gimbal have time [s]."""
    if point.heading_deg is not None:
        return max(point.dwell_s, _HOLD_FOR_YAW_S)
    if point.gimbal_pitch_deg is not None:
        return max(point.dwell_s, _HOLD_FOR_GIMBAL_S)
    return point.dwell_s


def visit_items(point: FixedPoint, height: Altitude) -> list[PlanItem]:
    """A fixed point with its heading, gimbal, photograph and dwell.

    What has to happen at the place is put between two waypoints at the same place: the commands run while
    the second one holds. A photograph waits for gimbal and heading to settle.
    """
    actions = []
    if point.gimbal_pitch_deg is not None:
        actions.append(gimbal(point.gimbal_pitch_deg))
    if point.heading_deg is not None:
        actions += [] if actions else [begun()]
        actions.append(heading(point.heading_deg))
    if point.photo:
        if actions:
            actions.append(wait(_SETTLE_S))
        actions.append(
            PlanItem(command=MavCmd.DO_DIGICAM_CONTROL, extra=(1.0, 0.0, 0.0), role=ItemRole.ACTION)
        )
    hold = hold_s(point)
    if not actions:
        return [waypoint(point.position, height.value_m, ItemRole.VISIT, hold_s=hold, datum=height.datum)]
    arrive = waypoint(point.position, height.value_m, ItemRole.VISIT, datum=height.datum)
    if hold == 0:
        return [arrive, *actions]
    stay = waypoint(point.position, height.value_m, ItemRole.VISIT, hold_s=hold, datum=height.datum)
    return [arrive, *actions, stay]
