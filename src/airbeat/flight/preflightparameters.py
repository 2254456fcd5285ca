"""The vehicle's parameters, and what its board holds, against a plan."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from airbeat.checks.conditions import ARDUPILOT
from airbeat.flight.preflightfinding import PreflightFinding, error, note, warning
from airbeat.geo.coordinates import AltitudeDatum
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.link.vehicle import Vehicle
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan

__all__ = ["PARAMETERS", "parameter_findings", "read_parameters"]

PARAMETERS = (
    "CAM1_TYPE",
    "CAM_AUTO_ONLY",
    "BATT_FS_LOW_ACT",
    "FENCE_ALT_MAX",
    "FENCE_ENABLE",
    "FENCE_OPTIONS",
    "FENCE_RADIUS",
    "FENCE_TYPE",
    "FS_GCS_ENABLE",
    "RALLY_LIMIT_KM",
    "RTL_ALT",
    "SYSID_MYGCS",
)
"""The parameters that the findings rest on."""
_RETURN_HEIGHT, _RETURN_HEIGHT_M = "RTL_ALT", "RTL_ALT_M"
"""In centimetres; newer firmware has it in metres."""
_STATION, _STATION_NEW = "SYSID_MYGCS", "MAV_GCS_SYSID"
"""The ground station whose heartbeats the link failsafe listens to; newer firmware names it otherwise."""

_TYPE_CEILING, _TYPE_CIRCLE, _TYPE_POLYGON = 1, 2, 4
_OPTION_ANY_ZONE = 2
"""FENCE_OPTIONS bit 1: inside any inclusion zone is enough."""
_SMALL_BOARD_ITEMS = 303
_CLEARANCE_M = 2.0


def read_parameters(vehicle: Vehicle) -> dict[str, float]:
    """The parameters that the findings rest on, as the vehicle holds them now."""
    parameters = vehicle.parameters(PARAMETERS)
    newer = {_RETURN_HEIGHT: _RETURN_HEIGHT_M, _STATION: _STATION_NEW}
    missing = [new for old, new in newer.items() if old not in parameters]
    return parameters | (vehicle.parameters(missing) if missing else {})


def parameter_findings(
    plan: FlightPlan, parameters: Mapping[str, float], own_system: int | None
) -> Iterator[PreflightFinding]:
    """Findings on a plan and the vehicle's parameters.

    Args:
        parameters: by name, as `read_parameters` gives them.
        own_system: our MAVLink system id; None where it does not matter.
    """
    yield from _fence_findings(plan, parameters)
    yield from _ceiling_findings(plan, parameters)
    yield from _return_findings(plan, parameters)
    yield from _capacity_findings(plan)
    yield from _camera_findings(plan, parameters)
    yield from _rally_findings(plan, parameters)
    yield from _failsafe_findings(parameters)
    yield from _station_findings(parameters, own_system)


def _farthest_m(plan: FlightPlan) -> float:
    """Distance of the farthest waypoint from home [m]."""
    return max((distance_m(plan.home, i.position) for _, i in plan.waypoints() if i.position), default=0.0)


def _highest_m(plan: FlightPlan) -> float:
    """Greatest height above home that the plan states [m]; heights above terrain count as they are."""
    heights = [0.0]
    for item in plan.items:
        if item.altitude is None or not item.is_nav:
            continue
        if item.altitude.datum is AltitudeDatum.AMSL:
            if plan.home_amsl_m is not None:
                heights.append(item.altitude.value_m - plan.home_amsl_m)
        else:
            heights.append(item.altitude.value_m)
    return max(heights)


def _fence_findings(plan: FlightPlan, parameters: Mapping[str, float]) -> Iterator[PreflightFinding]:
    enabled = parameters.get("FENCE_ENABLE", 0.0) > 0
    kinds = int(parameters.get("FENCE_TYPE", 0.0))
    radius_m = parameters.get("FENCE_RADIUS")
    far_m = _farthest_m(plan)
    if enabled and kinds & _TYPE_CIRCLE and radius_m is not None and far_m > radius_m - _CLEARANCE_M:
        yield error(
            "fence-radius",
            Message(
                "the fence's circle of {radius_m:.0f} m around home ends the mission: its farthest "
                "point is {far_m:.0f} m away",
                radius_m=radius_m,
                far_m=far_m,
            ),
            "widen FENCE_RADIUS, or take the circle out of FENCE_TYPE",
            parameter="FENCE_RADIUS",
            value=math.ceil(far_m / 10.0 + 3.0) * 10.0,
        )
    if plan.fence is None or plan.fence.is_empty:
        return
    if not enabled:
        circle = radius_m is not None and kinds & _TYPE_CIRCLE and far_m > radius_m - _CLEARANCE_M
        trap = Message("; set FENCE_RADIUS beyond {far_m:.0f} m before", far_m=far_m) if circle else ""
        yield warning(
            "fence-off",
            "the plan has a fence, but the vehicle's fence is switched off (FENCE_ENABLE 0)",
            Message("set FENCE_ENABLE to 1{trap}", trap=trap),
            parameter="FENCE_ENABLE",
            value=1.0,
        )
    if "FENCE_TYPE" in parameters and not kinds & _TYPE_POLYGON:
        yield warning(
            "fence-type",
            "the vehicle's fence ignores polygons and zones (FENCE_TYPE)",
            Message("set FENCE_TYPE to {kinds}", kinds=kinds | _TYPE_POLYGON),
            parameter="FENCE_TYPE",
            value=float(kinds | _TYPE_POLYGON),
        )
    zones = sum(p.inclusion for p in plan.fence.polygons) + sum(c.inclusion for c in plan.fence.circles)
    options = int(parameters.get("FENCE_OPTIONS", 0.0))
    if zones > 1 and not options & _OPTION_ANY_ZONE:
        make = error if enabled else warning
        yield make(
            "fence-zones",
            Message(
                "the plan has {zones} inclusion zones, and the vehicle must be inside all of them at once",
                zones=zones,
            ),
            Message(
                "set FENCE_OPTIONS to {options} (bit 1: any zone is enough)",
                options=options | _OPTION_ANY_ZONE,
            ),
            parameter="FENCE_OPTIONS",
            value=float(options | _OPTION_ANY_ZONE),
        )


def _ceiling_findings(plan: FlightPlan, parameters: Mapping[str, float]) -> Iterator[PreflightFinding]:
    ceiling_m = parameters.get("FENCE_ALT_MAX")
    if ceiling_m is None:
        return
    active = (
        parameters.get("FENCE_ENABLE", 0.0) > 0 and int(parameters.get("FENCE_TYPE", 0.0)) & _TYPE_CEILING
    )
    top_m = _highest_m(plan)
    if active and top_m > ceiling_m - _CLEARANCE_M:
        yield error(
            "fence-ceiling",
            Message(
                "the fence's ceiling of {ceiling_m:.0f} m ends the mission, which climbs to {top_m:.0f} m",
                ceiling_m=ceiling_m,
                top_m=top_m,
            ),
            "fly lower, or raise FENCE_ALT_MAX where the law allows",
            parameter="FENCE_ALT_MAX",
            value=math.ceil(top_m + 10.0),
        )
    limit_m = plan.fence.max_height_m if plan.fence else None
    if limit_m is not None and (not active or ceiling_m > limit_m):
        yield warning(
            "fence-ceiling-unset",
            Message(
                "the plan's ceiling of {limit_m:.0f} m is not kept by the vehicle (FENCE_ALT_MAX is "
                "{ceiling_m:.0f} m)",
                limit_m=limit_m,
                ceiling_m=ceiling_m,
            )
            if active
            else Message(
                "the plan's ceiling of {limit_m:.0f} m is not kept by the vehicle (its ceiling is off)",
                limit_m=limit_m,
            ),
            Message("set FENCE_ALT_MAX to {limit_m:.0f}", limit_m=limit_m),
            parameter="FENCE_ALT_MAX",
            value=limit_m,
        )


def _return_findings(plan: FlightPlan, parameters: Mapping[str, float]) -> Iterator[PreflightFinding]:
    if _RETURN_HEIGHT_M in parameters:
        name, height_m, scale = _RETURN_HEIGHT_M, parameters[_RETURN_HEIGHT_M], 1.0
    elif _RETURN_HEIGHT in parameters:
        name, height_m, scale = _RETURN_HEIGHT, parameters[_RETURN_HEIGHT] / 100.0, 100.0
    else:
        return
    limits = []
    if plan.fence is not None and plan.fence.max_height_m is not None:
        limits.append(plan.fence.max_height_m)
    if parameters.get("FENCE_ENABLE", 0.0) > 0 and int(parameters.get("FENCE_TYPE", 0.0)) & _TYPE_CEILING:
        limits += [parameters["FENCE_ALT_MAX"]] if "FENCE_ALT_MAX" in parameters else []
    if limits and height_m > min(limits) - _CLEARANCE_M:
        fitting_m = max(min(limits) - 10.0, 2.0)
        yield error(
            "return-height",
            Message(
                "the vehicle returns at {height_m:.0f} m, above the ceiling of {limits:.0f} m",
                height_m=height_m,
                limits=min(limits),
            ),
            Message("set {name} to {fitting_m:.0f}", name=name, fitting_m=fitting_m * scale),
            parameter=name,
            value=fitting_m * scale,
        )
    words = (
        Message("at the height it is at")
        if height_m <= 0
        else Message("at {height_m:.0f} m above home or higher", height_m=height_m)
    )
    yield note(
        "return-height-known",
        Message("the vehicle returns {words}", words=words),
        "check trees and wires on the way home",
    )


def _capacity_findings(plan: FlightPlan) -> Iterator[PreflightFinding]:
    count = len(plan.items) + 1
    if count > _SMALL_BOARD_ITEMS:
        yield warning(
            "capacity",
            Message(
                "the mission has {count} items; small boards hold {small_board_items}",
                count=count,
                small_board_items=_SMALL_BOARD_ITEMS,
            ),
            "the upload shows whether this board takes it; else split the mission",
        )
    if plan.fence is not None:
        vertices = sum(len(p.vertices) for p in plan.fence.polygons)
        if vertices > ARDUPILOT.max_fence_vertices:
            yield warning(
                "fence-capacity",
                Message(
                    "the fence has {vertices} vertices; boards hold about {max_fence_vertices}",
                    vertices=vertices,
                    max_fence_vertices=ARDUPILOT.max_fence_vertices,
                ),
                "simplify the fence if the upload is refused",
            )
    if plan.rally is not None and len(plan.rally) > ARDUPILOT.max_rally_points:
        yield warning(
            "rally-capacity",
            Message(
                "{rally} rally points; boards hold {max_rally_points}",
                rally=len(plan.rally),
                max_rally_points=ARDUPILOT.max_rally_points,
            ),
            "use fewer",
        )


def _camera_findings(plan: FlightPlan, parameters: Mapping[str, float]) -> Iterator[PreflightFinding]:
    triggers = (MavCmd.DO_SET_CAM_TRIGG_DIST, MavCmd.DO_DIGICAM_CONTROL, MavCmd.IMAGE_START_CAPTURE)
    if not any(item.command in triggers for item in plan.items):
        return
    if parameters.get("CAM1_TYPE", 0.0) == 0:
        yield warning(
            "camera",
            "no camera is set up (CAM1_TYPE 0): nothing is triggered and no photograph is logged",
            "set CAM1_TYPE (1 = servo, 4 = mount …) and restart the autopilot",
            parameter="CAM1_TYPE",
            value=1.0,
        )
    elif parameters.get("CAM_AUTO_ONLY") == 0:
        yield note(
            "camera-outside-auto",
            "the camera goes on triggering when the pilot takes over (CAM_AUTO_ONLY 0)",
            "set CAM_AUTO_ONLY to 1 if that is unwanted",
            parameter="CAM_AUTO_ONLY",
            value=1.0,
        )


def _rally_findings(plan: FlightPlan, parameters: Mapping[str, float]) -> Iterator[PreflightFinding]:
    limit_km = parameters.get("RALLY_LIMIT_KM", 0.0)
    if not plan.rally or limit_km <= 0:
        return
    far_m = max(distance_m(plan.home, point.position) for point in plan.rally)
    if far_m > limit_km * 1000.0:
        yield warning(
            "rally-limit",
            Message(
                "a rally point is {far_m:.0f} m from home; the vehicle ignores rally points more "
                "than {limit_km:.0f} m away",
                far_m=far_m,
                limit_km=limit_km * 1000,
            ),
            "raise RALLY_LIMIT_KM",
            parameter="RALLY_LIMIT_KM",
            value=math.ceil(far_m / 100.0) / 10.0,
        )


def _failsafe_findings(parameters: Mapping[str, float]) -> Iterator[PreflightFinding]:
    if parameters.get("BATT_FS_LOW_ACT") == 0:
        yield warning(
            "failsafe-battery",
            "the vehicle does nothing when its battery runs low (BATT_FS_LOW_ACT 0)",
            "set BATT_FS_LOW_ACT to 2 (return)",
            parameter="BATT_FS_LOW_ACT",
            value=2.0,
        )
    if parameters.get("FS_GCS_ENABLE") == 0:
        yield note(
            "failsafe-link",
            "the vehicle flies on when this link is lost (FS_GCS_ENABLE 0)",
            "set FS_GCS_ENABLE if it should return instead",
            parameter="FS_GCS_ENABLE",
        )


def _station_findings(parameters: Mapping[str, float], own_system: int | None) -> Iterator[PreflightFinding]:
    """Whether the link failsafe, where there is one, listens to us."""
    listens = parameters.get(_STATION, parameters.get(_STATION_NEW))
    if own_system is None or listens is None or parameters.get("FS_GCS_ENABLE", 0.0) <= 0:
        return
    if int(listens) != own_system:
        yield warning(
            "failsafe-link-id",
            Message(
                "the vehicle's link failsafe listens to system {listens}, and we are {own_system}: "
                "it does nothing when this link is lost",
                listens=int(listens),
                own_system=own_system,
            ),
            Message("use --system-id {listens}", listens=int(listens)),
        )
