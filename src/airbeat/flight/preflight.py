"""What must be looked at before a plan is flown: the vehicle's state and parameters against the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from airbeat.checks.findings import Severity
from airbeat.flight.preflightfinding import PreflightFinding, error, warning
from airbeat.flight.preflightparameters import PARAMETERS, parameter_findings, read_parameters
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.link.connection import Link
from airbeat.link.telemetry import Telemetry
from airbeat.link.vehicle import Vehicle
from airbeat.mission.plan import FlightPlan

__all__ = ["PARAMETERS", "PreflightFinding", "judge", "preflight", "read_parameters"]

_EKF_ATTITUDE, _EKF_VELOCITY, _EKF_POSITION, _EKF_NO_POSITION = 1, 2, 16, 128
_FIX_3D = 3
_LEAST_SATELLITES = 6
_WORST_HDOP = 2.0
_HOME_NEAR_M, _HOME_FAR_M = 30.0, 1000.0
_HOME_HEIGHT_M = 10.0


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
        *parameter_findings(plan, parameters, own_system),
    ]
    return tuple(sorted(found, key=lambda f: order.index(f.severity)))


def _position_findings(state: Telemetry) -> Iterator[PreflightFinding]:
    if state.gps_fix is None or state.gps_fix < _FIX_3D:
        yield error("gps-fix", "no 3D position fix", "wait in the open until the GPS has a 3D fix")
    else:
        if state.satellites is not None and state.satellites < _LEAST_SATELLITES:
            yield warning(
                "gps-satellites",
                Message("only {satellites} satellites", satellites=state.satellites),
                Message("wait for {least_satellites} or more", least_satellites=_LEAST_SATELLITES),
            )
        if state.hdop is not None and state.hdop > _WORST_HDOP:
            yield warning(
                "gps-hdop",
                Message("position is poor (HDOP {hdop:.1f})", hdop=state.hdop),
                "wait for a better fix",
            )
    flags = state.ekf_flags
    if flags is None:
        yield warning("ekf", "the vehicle says nothing of its position filter", "look at its EKF status")
    elif flags & _EKF_NO_POSITION or not flags & _EKF_POSITION:
        yield error("ekf", "the position filter (EKF) has no absolute position", "wait for the EKF to settle")
    elif flags & (_EKF_ATTITUDE | _EKF_VELOCITY) != _EKF_ATTITUDE | _EKF_VELOCITY:
        yield error("ekf", "the attitude and velocity filter is not ready", "wait for the EKF to settle")


def _readiness_findings(plan: FlightPlan, state: Telemetry, texts: list[str]) -> Iterator[PreflightFinding]:
    if state.armed:
        yield error(
            "armed",
            Message("the vehicle is already armed, in {mode}", mode=state.mode),
            "land and disarm it first",
        )
    if state.prearm_ok is False:
        reasons = list(dict.fromkeys(t for t in texts if t.startswith("PreArm")))
        yield error(
            "prearm",
            Message("the autopilot's own checks fail: {reasons}", reasons="; ".join(reasons[-5:]))
            if reasons
            else "the autopilot's own checks fail",
            "clear what the autopilot names",
        )
    if state.unhealthy:
        yield warning(
            "sensors",
            Message("not healthy: {unhealthy}", unhealthy=", ".join(state.unhealthy)),
            "check these sensors",
        )
    if state.battery_share is None:
        yield warning(
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
            yield error(
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
        yield warning(
            "battery",
            Message("battery at {battery_share:.0%}", battery_share=state.battery_share),
            "put in a full battery",
        )


def _home_findings(plan: FlightPlan, state: Telemetry) -> Iterator[PreflightFinding]:
    place = state.position or state.home
    if place is None:
        return
    away_m = distance_m(place, plan.home)
    message = Message(
        "the vehicle is {away_m:.0f} m from the plan's home: it returns to where it took off", away_m=away_m
    )
    if away_m > _HOME_FAR_M:
        yield error("home-distance", message, "carry it to the planned home, or plan from here")
    elif away_m > _HOME_NEAR_M:
        yield warning("home-distance", message, "check the legs from and to this place")
    ground_m = state.home_amsl_m if state.home_amsl_m is not None else state.amsl_m
    if plan.home_amsl_m is not None and ground_m is not None:
        difference_m = ground_m - plan.home_amsl_m
        if abs(difference_m) > _HOME_HEIGHT_M:
            side = Message("above") if difference_m > 0 else Message("below")
            yield warning(
                "home-height",
                Message(
                    "the vehicle's home lies {difference_m:.0f} m {side} the planned one: all heights "
                    "above home shift by that",
                    difference_m=abs(difference_m),
                    side=side,
                ),
                "check home's height, or plan from here",
            )
