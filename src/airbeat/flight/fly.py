"""Flying a plan: checks, upload, arming, start, and watching until it has landed.

The flight is followed by position, the current item and status texts, never by MISSION_ITEM_REACHED
alone, which ArduPilot drops when something else is due. All waits are on the vehicle's own time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from airbeat.checks.findings import Severity
from airbeat.errors import FindingsError, RefusedByVehicleError, UsageError
from airbeat.flight.preflight import PreflightFinding, preflight
from airbeat.flight.record import FlightOutcome, FlightRecord
from airbeat.flight.schedule import Schedule
from airbeat.flight.upload import UploadProgress, UploadVerdict, upload_plan
from airbeat.geo.frame import distance_m
from airbeat.link.connection import Link
from airbeat.link.telemetry import EventKind, PhotoTaken, PositionFix, Telemetry, VehicleEvent
from airbeat.link.vehicle import Identity, Vehicle
from airbeat.mission.plan import FlightPlan

__all__ = ["Confirm", "FlightProgress", "fly_plan"]

_READY_S = 90.0
_OFF_GROUND_M = 0.5
_LINK_QUIET_S = 5.0
_LINK_LOST_S = 30.0
_FAILSAFE_WORDS = ("failsafe", "fence", "breach", "battery", "ekf", "crash", "gps glitch", "thrust loss")
_FAILSAFE_MEMORY_S = 5.0
_MISSION_MODES = frozenset({"AUTO", "AUTO_RTL"})
_LANDING_MODES = frozenset({"RTL", "SMART_RTL", "LAND"})
_MISSION_COMPLETE = 5
_POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightProgress:
    """Where the flight is.

    Attributes:
        phase: "waiting", "uploading", "arming", "flying" or "landed".
        state: the vehicle's telemetry.
        item: current mission item.
        items: number of mission items.
        elapsed_s: since take-off, vehicle time [s].
        fraction: share of the planned time that is done, 0…1.
        eta_s: seconds of vehicle time to the landing.
        distance_home_m: to the plan's home [m], or None.
        photos: reported so far.
    """

    phase: str
    state: Telemetry
    item: int = 0
    items: int = 0
    elapsed_s: float = 0.0
    fraction: float = 0.0
    eta_s: float = 0.0
    distance_home_m: float | None = None
    photos: int = 0


Confirm = Callable[[tuple[PreflightFinding, ...], UploadVerdict], bool]
"""Asked before arming, with the findings and the upload's verdict; only True arms."""


def fly_plan(
    link: Link,
    plan: FlightPlan,
    *,
    confirmed: bool = False,
    confirm: Confirm | None = None,
    progress: Callable[[FlightProgress], None] | None = None,
    on_event: Callable[[VehicleEvent], None] | None = None,
    on_photo: Callable[[PhotoTaken], None] | None = None,
    on_upload: UploadProgress | None = None,
) -> FlightRecord:
    """Checks, uploads, arms, starts, and watches until the vehicle has landed and disarmed.

    A mode change from outside always wins: it is reported and never fought. When the vehicle then lands
    by itself (RTL, LAND) it is watched to the ground; otherwise watching ends there.

    Args:
        confirmed: whether somebody has agreed to arming.
        confirm: asked instead, just before arming.

    Raises:
        UsageError: nobody agreed to arming.
        FindingsError: a preflight finding forbids the flight.
        RefusedByVehicleError: upload, arming or start was refused.
        LinkError: the link broke before take-off, or the upload's outcome is unknown.
    """
    if not confirmed and confirm is None:
        raise UsageError(
            "flying arms the motors, and nobody has confirmed that",
            remedy="make sure that nobody is near the vehicle, then confirm",
        )
    vehicle = Vehicle.on(link)
    vehicle.happened()
    watch = _Watch(vehicle, plan, progress, on_event, on_photo)
    watch.report("waiting")
    findings = _wait_until_ready(link, vehicle, plan)
    identity = vehicle.identity()
    errors = [f for f in findings if f.severity is Severity.ERROR]
    if errors:
        raise FindingsError(
            "not ready to fly: " + "; ".join(f.message for f in errors), remedy=errors[0].remedy
        )
    watch.report("uploading")
    verdict = upload_plan(link, plan, progress=on_upload)
    verdict.raise_unless_verified()
    if not (confirmed or (confirm is not None and confirm(findings, verdict) is True)):
        raise UsageError("not confirmed: nothing was armed; the plan is on the vehicle", remedy="")
    watch.report("arming")
    _arm_and_start(vehicle)
    return watch.until_landed(identity)


def _wait_until_ready(link: Link, vehicle: Vehicle, plan: FlightPlan) -> tuple[PreflightFinding, ...]:
    """Preflight, repeated while what is missing comes by waiting (position, filter, own checks)."""
    comes_by_waiting = {"gps-fix", "ekf", "prearm"}
    findings = preflight(link, plan)
    started_s = vehicle.now.time_s
    while any(f.severity is Severity.ERROR and f.code in comes_by_waiting for f in findings):
        if vehicle.now.time_s - started_s > _READY_S:
            break
        vehicle.wait(lambda _t: False, timeout_s=2.0, what="a position")
        findings = preflight(link, plan)
    return findings


def _arm_and_start(vehicle: Vehicle) -> None:
    """GUIDED, arm, MISSION_START: the order in which ArduPilot accepts it."""
    vehicle.set_mode("GUIDED")
    vehicle.arm()
    answer = vehicle.start_mission()
    if answer.accepted and vehicle.wait(lambda t: t.mode == "AUTO", timeout_s=5.0, what="mode AUTO"):
        return
    if vehicle.now.mode == "GUIDED":
        vehicle.disarm()
    raise RefusedByVehicleError(
        f"the vehicle did not start the mission: {answer.result}, it is in {vehicle.now.mode}",
        remedy="; ".join(vehicle.recent_texts[-3:]) or "check that the mission begins with a take-off",
    )


class _Watch:
    """Follows one flight and gathers its record."""

    def __init__(
        self,
        vehicle: Vehicle,
        plan: FlightPlan,
        progress: Callable[[FlightProgress], None] | None,
        on_event: Callable[[VehicleEvent], None] | None,
        on_photo: Callable[[PhotoTaken], None] | None,
    ) -> None:
        self._vehicle = vehicle
        self._plan = plan
        self._schedule = Schedule(plan)
        self._progress = progress or (lambda _p: None)
        self._on_event = on_event or (lambda _e: None)
        self._on_photo = on_photo or (lambda _p: None)
        self._track: list[PositionFix] = []
        self._photos: list[PhotoTaken] = []
        self._events: list[VehicleEvent] = []
        self._takeoff_s: float | None = None
        self._landing_s: float | None = None
        self._last_item = 0
        self._complete = False
        self._quiet = False
        self._left_auto: VehicleEvent | None = None
        self._left_auto_why = ""

    def report(self, phase: str) -> None:
        """Tells the caller where the flight is."""
        now = self._vehicle.now
        elapsed_s = now.time_s - self._takeoff_s if self._takeoff_s is not None else 0.0
        left_s = total_s = self._schedule.duration_s
        if self._takeoff_s is not None and now.position is not None:
            height_m = now.height_above_home_m or 0.0
            left_s = self._schedule.left_s(now.mission_seq or 0, now.position, height_m)
        if phase == "landed":
            left_s = 0.0
        self._progress(
            FlightProgress(
                phase=phase,
                state=now,
                item=now.mission_seq or 0,
                items=len(self._plan.items),
                elapsed_s=elapsed_s,
                fraction=min(max(1.0 - left_s / total_s, 0.0), 1.0) if total_s else 0.0,
                eta_s=left_s,
                distance_home_m=distance_m(now.position, self._plan.home) if now.position else None,
                photos=len(self._photos),
            )
        )

    def until_landed(self, identity: Identity) -> FlightRecord:
        """Watches until the flight has ended in one way or another."""
        while True:
            self._take_happenings()
            ended = self._ended()
            if ended is not None:
                self._take_happenings()
                self.report("landed" if self._landing_s is not None else "flying")
                return self._record(identity, *ended)
            self.report("flying")
            time.sleep(_POLL_S)

    def _take_happenings(self) -> None:
        for event in self._vehicle.happened():
            if isinstance(event, PositionFix):
                self._on_fix(event)
            elif isinstance(event, PhotoTaken):
                self._photos.append(event)
                self._on_photo(event)
            else:
                self._note(event)
        now = self._vehicle.now
        if self._takeoff_s is not None:
            self._last_item = max(self._last_item, now.mission_seq or 0)
            self._complete = self._complete or now.mission_state == _MISSION_COMPLETE
        silent_s = self._vehicle.link.silence_s
        if (silent_s > _LINK_QUIET_S) != self._quiet:
            self._quiet = silent_s > _LINK_QUIET_S
            words = "no word from the vehicle" if self._quiet else "the vehicle is heard again"
            self._note(VehicleEvent(time_s=now.time_s, kind=EventKind.LINK, text=words, severity=4))

    def _on_fix(self, fix: PositionFix) -> None:
        self._track.append(fix)
        if self._takeoff_s is None and fix.height_above_home_m > _OFF_GROUND_M:
            self._takeoff_s = fix.time_s
        elif self._takeoff_s is not None:
            on_ground = self._vehicle.now.landed
            low = fix.height_above_home_m < _OFF_GROUND_M
            if on_ground or (on_ground is None and low):
                self._landing_s = self._landing_s or fix.time_s
            else:
                self._landing_s = None

    def _note(self, event: VehicleEvent) -> None:
        self._events.append(event)
        self._on_event(event)
        left = event.kind is EventKind.MODE and event.text not in _MISSION_MODES
        if left and self._left_auto is None and self._takeoff_s is not None:
            self._left_auto = event
            self._left_auto_why = self._failsafe_text(event.time_s)
        elif event.kind is EventKind.MODE and event.text in _MISSION_MODES:
            self._left_auto = None  # the pilot gave the mission back

    def _failsafe_text(self, time_s: float) -> str:
        """What the autopilot said, just before, of ending the mission by itself; empty if nothing."""
        for event in reversed(self._events):
            if time_s - event.time_s > _FAILSAFE_MEMORY_S:
                break
            if event.kind is EventKind.STATUSTEXT and any(w in event.text.lower() for w in _FAILSAFE_WORDS):
                return event.text
        return ""

    def _ended(self) -> tuple[FlightOutcome, str] | None:
        now = self._vehicle.now
        if self._vehicle.link.silence_s > _LINK_LOST_S:
            where = f" at {now.position}, {now.height_above_home_m:.0f} m" if now.position else ""
            return (
                FlightOutcome.LINK_LOST,
                f"no word for {_LINK_LOST_S:.0f} s; last heard in {now.mode}{where}: it may still be flying",
            )
        if now.armed is False:
            return self._ended_disarmed()
        if self._left_auto is not None and now.mode not in _LANDING_MODES | _MISSION_MODES:
            return FlightOutcome.PILOT_TOOK_OVER, f"the mode was changed to {now.mode}; the pilot is flying"
        return None

    def _ended_disarmed(self) -> tuple[FlightOutcome, str]:
        now = self._vehicle.now
        if self._takeoff_s is not None and self._landing_s is None:
            self._landing_s = now.time_s
        if self._left_auto is not None:
            mode = self._left_auto.text
            late = self._failsafe_text(self._left_auto.time_s + _FAILSAFE_MEMORY_S)
            why = self._left_auto_why or late
            if why:
                return FlightOutcome.RETURNED_EARLY, f"the autopilot switched to {mode}: {why}"
            return FlightOutcome.PILOT_TOOK_OVER, f"the mode was changed to {mode}; it has landed"
        last_nav = max((seq for seq, item in self._plan.numbered() if item.is_nav), default=0)
        if self._complete or self._last_item >= last_nav:
            return FlightOutcome.COMPLETED, "the mission was flown to its end, landed and disarmed"
        return (
            FlightOutcome.ENDED_EARLY,
            f"disarmed at item {self._last_item} of {len(self._plan.items)}",
        )

    def _record(self, identity: Identity, outcome: FlightOutcome, explanation: str) -> FlightRecord:
        return FlightRecord(
            plan_name=self._plan.name,
            provenance=self._plan.provenance,
            vehicle=identity,
            outcome=outcome,
            explanation=explanation,
            takeoff_time_s=self._takeoff_s,
            landing_time_s=self._landing_s,
            track=tuple(self._track),
            photos=tuple(self._photos),
            events=tuple(self._events),
            last_item=self._last_item,
            items=len(self._plan.items),
        )
