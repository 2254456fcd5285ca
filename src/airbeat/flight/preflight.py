"""What must be looked at before a plan is flown: the vehicle's state and parameters against the plan."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airbeat.checks.conditions import ARDUPILOT
from airbeat.checks.findings import Finding, Severity
from airbeat.geo.coordinates import AltitudeDatum
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.link.connection import Link
from airbeat.link.telemetry import Telemetry
from airbeat.link.vehicle import Vehicle
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan

__all__ = ["PARAMETERS", "PreflightFinding", "judge", "preflight", "read_parameters"]

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
_EKF_ATTITUDE, _EKF_VELOCITY, _EKF_POSITION, _EKF_NO_POSITION = 1, 2, 16, 128
_FIX_3D = 3
_LEAST_SATELLITES = 6
_WORST_HDOP = 2.0
_HOME_NEAR_M, _HOME_FAR_M = 30.0, 1000.0
_HOME_HEIGHT_M = 10.0
_SMALL_BOARD_ITEMS = 303
_CLEARANCE_M = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightFinding(Finding):
    """A finding with the parameter that would settle it.

    Attributes:
        parameter: the autopilot's parameter, or empty.
        value: what to set it to, or None.
    """

    parameter: str = ""
    value: float | None = None

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "severity": self.severity.value,
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
            "parameter": self.parameter,
            "value": self.value,
        }


def preflight(link: Link, plan: FlightPlan) -> tuple[PreflightFinding, ...]:
    """Reads the vehicle's state and parameters and judges the plan against them; worst first.

    Raises:
        LinkError: the vehicle fell silent.
    """
    vehicle = Vehicle.on(link)
    vehicle.start_telemetry()
    vehicle.wait(
        lambda t: None not in (t.gps_fix, t.ekf_flags, t.battery_v, t.mode),
        timeout_s=5.0,
        what="its state",
    )
    vehicle.request_home()
    return judge(
        plan,
        vehicle.now,
        read_parameters(vehicle),
        texts=vehicle.recent_texts,
        own_system=link.peer.own_system,
    )


def read_parameters(vehicle: Vehicle) -> dict[str, float]:
    """The parameters that the findings rest on, as the vehicle holds them now."""
    parameters = vehicle.parameters(PARAMETERS)
    newer = {_RETURN_HEIGHT: _RETURN_HEIGHT_M, _STATION: _STATION_NEW}
    missing = [new for old, new in newer.items() if old not in parameters]
    return parameters | (vehicle.parameters(missing) if missing else {})


def judge(
    plan: FlightPlan,
    state: Telemetry,
    parameters: Mapping[str, float],
    *,
    texts: list[str] | None = None,
    own_system: int | None = None,
) -> tuple[PreflightFinding, ...]:
    """Findings on a plan and a vehicle's state; worst first.

    Args:
        texts: what the vehicle said lately.
        own_system: our MAVLink system id; None where it does not matter.
    """
    order = list(Severity)
    found = [
        *_position_findings(state),
        *_readiness_findings(plan, state, texts or []),
        *_home_findings(plan, state),
        *_fence_findings(plan, parameters),
        *_ceiling_findings(plan, parameters),
        *_return_findings(plan, parameters),
        *_capacity_findings(plan),
        *_camera_findings(plan, parameters),
        *_rally_findings(plan, parameters),
        *_failsafe_findings(parameters),
        *_station_findings(parameters, own_system),
    ]
    return tuple(sorted(found, key=lambda f: order.index(f.severity)))


def _error(code: str, message: str, remedy: str, **more: Any) -> PreflightFinding:
    return PreflightFinding(severity=Severity.ERROR, code=code, message=message, remedy=remedy, **more)


def _warning(code: str, message: str, remedy: str, **more: Any) -> PreflightFinding:
    return PreflightFinding(severity=Severity.WARNING, code=code, message=message, remedy=remedy, **more)


def _note(code: str, message: str, remedy: str, **more: Any) -> PreflightFinding:
    return PreflightFinding(severity=Severity.NOTE, code=code, message=message, remedy=remedy, **more)


def farthest_m(plan: FlightPlan) -> float:
    """Distance of the farthest waypoint from home [m]."""
    return max((distance_m(plan.home, i.position) for _, i in plan.waypoints() if i.position), default=0.0)


def highest_m(plan: FlightPlan) -> float:
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


def _position_findings(state: Telemetry) -> Iterator[PreflightFinding]:
    if state.gps_fix is None or state.gps_fix < _FIX_3D:
        yield _error("gps-fix", "no 3D position fix", "wait in the open until the GPS has a 3D fix")
    else:
        if state.satellites is not None and state.satellites < _LEAST_SATELLITES:
            yield _warning(
                "gps-satellites",
                Message("only {satellites} satellites", satellites=state.satellites),
                Message("wait for {least_satellites} or more", least_satellites=_LEAST_SATELLITES),
            )
        if state.hdop is not None and state.hdop > _WORST_HDOP:
            yield _warning(
                "gps-hdop",
                Message("position is poor (HDOP {hdop:.1f})", hdop=state.hdop),
                "wait for a better fix",
            )
    flags = state.ekf_flags
    if flags is None:
        yield _warning("ekf", "the vehicle says nothing of its position filter", "look at its EKF status")
    elif flags & _EKF_NO_POSITION or not flags & _EKF_POSITION:
        yield _error(
            "ekf", "the position filter (EKF) has no absolute position", "wait for the EKF to settle"
        )
    elif flags & (_EKF_ATTITUDE | _EKF_VELOCITY) != _EKF_ATTITUDE | _EKF_VELOCITY:
        yield _error("ekf", "the attitude and velocity filter is not ready", "wait for the EKF to settle")


def _readiness_findings(plan: FlightPlan, state: Telemetry, texts: list[str]) -> Iterator[PreflightFinding]:
    if state.armed:
        yield _error(
            "armed",
            Message("the vehicle is already armed, in {mode}", mode=state.mode),
            "land and disarm it first",
        )
    if state.prearm_ok is False:
        reasons = list(dict.fromkeys(t for t in texts if t.startswith("PreArm")))
        yield _error(
            "prearm",
            "the autopilot's own checks fail" + (f": {'; '.join(reasons[-5:])}" if reasons else ""),
            "clear what the autopilot names",
        )
    if state.unhealthy:
        yield _warning(
            "sensors",
            Message("not healthy: {unhealthy}", unhealthy=", ".join(state.unhealthy)),
            "check these sensors",
        )
    if state.battery_share is None:
        yield _warning(
            "battery",
            "the vehicle does not say how full its battery is",
            "set up the battery monitor (BATT_MONITOR) and measure the battery",
            parameter="BATT_MONITOR",
        )
        return
    if plan.estimate is not None and plan.airframe is not None:
        reserve = plan.airframe.reserve_share
        needed = plan.estimate.battery_share * (1.0 - reserve) + reserve
        if state.battery_share < needed - 0.005:
            yield _error(
                "battery",
                Message(
                    "battery at {battery_share:.0%}, the plan needs {needed:.0%} ({reserve:.0%} of it "
                    "reserve)",
                    battery_share=state.battery_share,
                    needed=needed,
                    reserve=reserve,
                ),
                "put in a full battery, or split the mission",
            )
    elif state.battery_share < 0.5:
        yield _warning(
            "battery",
            Message("battery at {battery_share:.0%}", battery_share=state.battery_share),
            "put in a full battery",
        )


def _home_findings(plan: FlightPlan, state: Telemetry) -> Iterator[PreflightFinding]:
    place = state.position or state.home
    if place is None:
        return
    away_m = distance_m(place, plan.home)
    message = f"the vehicle is {away_m:.0f} m from the plan's home: it returns to where it took off"
    if away_m > _HOME_FAR_M:
        yield _error("home-distance", message, "carry it to the planned home, or plan from here")
    elif away_m > _HOME_NEAR_M:
        yield _warning("home-distance", message, "check the legs from and to this place")
    ground_m = state.home_amsl_m if state.home_amsl_m is not None else state.amsl_m
    if plan.home_amsl_m is not None and ground_m is not None:
        difference_m = ground_m - plan.home_amsl_m
        if abs(difference_m) > _HOME_HEIGHT_M:
            side = Message("above") if difference_m > 0 else Message("below")
            yield _warning(
                "home-height",
                Message(
                    "the vehicle's home lies {difference_m:.0f} m {side} the planned one: all heights "
                    "above home shift by that",
                    difference_m=abs(difference_m),
                    side=side,
                ),
                "check home's height, or plan from here",
            )


def _fence_findings(plan: FlightPlan, parameters: Mapping[str, float]) -> Iterator[PreflightFinding]:
    enabled = parameters.get("FENCE_ENABLE", 0.0) > 0
    kinds = int(parameters.get("FENCE_TYPE", 0.0))
    radius_m = parameters.get("FENCE_RADIUS")
    far_m = farthest_m(plan)
    if enabled and kinds & _TYPE_CIRCLE and radius_m is not None and far_m > radius_m - _CLEARANCE_M:
        yield _error(
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
        yield _warning(
            "fence-off",
            "the plan has a fence, but the vehicle's fence is switched off (FENCE_ENABLE 0)",
            Message("set FENCE_ENABLE to 1{trap}", trap=trap),
            parameter="FENCE_ENABLE",
            value=1.0,
        )
    if "FENCE_TYPE" in parameters and not kinds & _TYPE_POLYGON:
        yield _warning(
            "fence-type",
            "the vehicle's fence ignores polygons and zones (FENCE_TYPE)",
            Message("set FENCE_TYPE to {kinds}", kinds=kinds | _TYPE_POLYGON),
            parameter="FENCE_TYPE",
            value=float(kinds | _TYPE_POLYGON),
        )
    zones = sum(p.inclusion for p in plan.fence.polygons) + sum(c.inclusion for c in plan.fence.circles)
    options = int(parameters.get("FENCE_OPTIONS", 0.0))
    if zones > 1 and not options & _OPTION_ANY_ZONE:
        make = _error if enabled else _warning
        yield make(
            "fence-zones",
            f"the plan has {zones} inclusion zones, and the vehicle must be inside all of them at once",
            f"set FENCE_OPTIONS to {options | _OPTION_ANY_ZONE} (bit 1: any zone is enough)",
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
    top_m = highest_m(plan)
    if active and top_m > ceiling_m - _CLEARANCE_M:
        yield _error(
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
        yield _warning(
            "fence-ceiling-unset",
            f"the plan's ceiling of {limit_m:.0f} m is not kept by the vehicle "
            f"({'FENCE_ALT_MAX is ' + format(ceiling_m, '.0f') + ' m' if active else 'its ceiling is off'})",
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
        yield _error(
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
    yield _note(
        "return-height-known",
        Message("the vehicle returns {words}", words=words),
        "check trees and wires on the way home",
    )


def _capacity_findings(plan: FlightPlan) -> Iterator[PreflightFinding]:
    count = len(plan.items) + 1
    if count > _SMALL_BOARD_ITEMS:
        yield _warning(
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
            yield _warning(
                "fence-capacity",
                Message(
                    "the fence has {vertices} vertices; boards hold about {max_fence_vertices}",
                    vertices=vertices,
                    max_fence_vertices=ARDUPILOT.max_fence_vertices,
                ),
                "simplify the fence if the upload is refused",
            )
    if plan.rally is not None and len(plan.rally) > ARDUPILOT.max_rally_points:
        yield _warning(
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
        yield _warning(
            "camera",
            "no camera is set up (CAM1_TYPE 0): nothing is triggered and no photograph is logged",
            "set CAM1_TYPE (1 = servo, 4 = mount …) and restart the autopilot",
            parameter="CAM1_TYPE",
            value=1.0,
        )
    elif parameters.get("CAM_AUTO_ONLY") == 0:
        yield _note(
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
        yield _warning(
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
        yield _warning(
            "failsafe-battery",
            "the vehicle does nothing when its battery runs low (BATT_FS_LOW_ACT 0)",
            "set BATT_FS_LOW_ACT to 2 (return)",
            parameter="BATT_FS_LOW_ACT",
            value=2.0,
        )
    if parameters.get("FS_GCS_ENABLE") == 0:
        yield _note(
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
        yield _warning(
            "failsafe-link-id",
            Message(
                "the vehicle's link failsafe listens to system {listens}, and we are {own_system}: "
                "it does nothing when this link is lost",
                listens=int(listens),
                own_system=own_system,
            ),
            Message("use --system-id {listens}", listens=int(listens)),
        )
