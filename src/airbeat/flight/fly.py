"""Flying a plan: checks, upload, arming, start, and watching until it has landed."""

from __future__ import annotations

from collections.abc import Callable

from airbeat.checks.findings import Severity
from airbeat.errors import FindingsError, LinkError, RefusedByVehicleError, UsageError
from airbeat.flight.area import PhotographedArea
from airbeat.flight.begin import NextSortie
from airbeat.flight.preflight import PreflightFinding, preflight
from airbeat.flight.record import FlightRecord
from airbeat.flight.upload import UploadProgress, UploadVerdict, upload_plan
from airbeat.flight.watch import FlightProgress, Interruption, Watch, Watchers
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.link.connection import Link
from airbeat.link.items import MissionType, compare_items, mission_items
from airbeat.link.telemetry import PhotoTaken, VehicleEvent
from airbeat.link.vehicle import Vehicle
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan

__all__ = ["Confirm", "continue_plan", "fly_plan", "fly_sortie", "watch_plan"]

_READY_S = 90.0
_HEARTBEAT_EVERY_S = 1.2
"""Within this time whether it is armed, and its mode, are heard anew (HEARTBEAT, 1 Hz)."""
_FRESH_S = 3.0
_MOVED_M = 5.0
"""What position errors and hovering move a vehicle; one that is further away has been flown there [m]."""
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
    interrupt: Callable[[bool], Interruption | None] | None = None,
    keep: Callable[[FlightRecord], None] | None = None,
    area: PhotographedArea | None = None,
    on_upload: UploadProgress | None = None,
) -> FlightRecord:
    """Checks, uploads, arms, starts, and watches until the vehicle has landed and disarmed.

    A mode change from outside always wins: it is reported and never fought. When the vehicle then lands
    by itself (RTL, LAND) it is watched to the ground; otherwise watching ends there.

    Args:
        confirmed: whether somebody has agreed to arming.
        confirm: asked instead, just before arming.
        progress: told where the flight is, many times a second; as all of these in the calling thread.
        on_event: told of modes, status texts and link trouble.
        on_photo: told of each photograph.
        interrupt: asked many times a second for what to do, and told whether the flight stands paused by
            it; None means nothing.
        keep: given the record of every flight, also when watching is broken off by an exception.
        area: what was photographed before this flight; None where nothing was.

    Raises:
        UsageError: nobody agreed to arming.
        FindingsError: a preflight finding forbids the flight.
        RefusedByVehicleError: upload, arming or start was refused, or the mode was changed while somebody
            was asked.
        LinkError: the link broke before take-off, or the upload's outcome is unknown.
    """
    if not confirmed and confirm is None:
        raise UsageError(
            "flying arms the motors, and nobody has confirmed that",
            remedy="make sure that nobody is near the vehicle, then confirm",
        )
    vehicle = Vehicle.on(link)
    vehicle.happened()
    watchers = Watchers(
        progress=progress, on_event=on_event, on_photo=on_photo, interrupt=interrupt, keep=keep, area=area
    )
    watch = Watch(vehicle, plan, watchers)
    watch.report("waiting")
    findings = _wait_until_ready(link, vehicle, plan)
    identity = vehicle.identity()
    _refuse_errors(findings, "not ready to fly")
    watch.report("uploading")
    verdict = upload_plan(link, plan, progress=on_upload)
    verdict.raise_unless_verified()
    mode = vehicle.now.mode
    if not confirmed:
        if confirm is None or confirm(findings, verdict) is not True:
            raise UsageError("not confirmed: nothing was armed; the plan is on the vehicle", remedy="")
        vehicle.wait(lambda _t: False, timeout_s=_HEARTBEAT_EVERY_S, what="its state after the question")
    _look_again(link, vehicle, plan, mode=mode)
    watch.report("arming")
    _arm_and_start(vehicle, mode=mode)
    return watch.until_landed(identity)


_HOVERS = frozenset({"BRAKE", "LOITER", "GUIDED", "POSHOLD"})


def continue_plan(
    link: Link,
    plan: FlightPlan,
    *,
    confirmed: bool = False,
    start: LatLon | None = None,
    mode: str | None = None,
    watchers: Watchers,
    on_upload: UploadProgress | None = None,
) -> FlightRecord:
    """Uploads a plan to a vehicle that hovers, passes over its take-off, and goes on in AUTO.

    Args:
        plan: from where the vehicle is; its first item is a take-off, which is passed over.
        confirmed: whether somebody has agreed that it flies off.
        start: where the way begins that was found inside the fence; None where none was looked for.
        mode: that this station set, or in which somebody agreed; None for the one that it hovers in now.

    Raises:
        UsageError: nobody agreed.
        RefusedByVehicleError: the vehicle does not hover, or no longer where its way begins, somebody
            changed its mode meanwhile, or it refused the upload or AUTO.
        LinkError: the link broke.
    """
    if not confirmed:
        raise UsageError("the vehicle would fly off, and nobody has confirmed that")
    vehicle = Vehicle.on(link)
    if mode is not None:
        _require_mode(vehicle, mode)
    here = vehicle.now.mode
    if not vehicle.now.armed or here is None or here not in _HOVERS:
        raise RefusedByVehicleError(
            Message("the vehicle does not hover: it is in {mode}", mode=here),
            remedy=Message("switch it to one of {modes}, or let it land", modes=", ".join(sorted(_HOVERS))),
        )
    _require_start(vehicle, start)
    watch = Watch(vehicle, plan, watchers)
    watch.report("uploading")
    upload_plan(link, plan, progress=on_upload).raise_unless_verified()
    identity = vehicle.identity()
    first = next(n for n, item in plan.numbered() if item.command != MavCmd.NAV_TAKEOFF)
    answer = vehicle.set_current_item(first)
    if not answer.accepted:
        raise RefusedByVehicleError(
            Message(
                "the vehicle did not make item {first} current: {result}", first=first, result=answer.result
            )
        )
    watch.report("arming")
    _require_mode(vehicle, here)
    _require_start(vehicle, start)
    vehicle.set_mode("AUTO", only_from={here})
    vehicle.happened()
    return watch.until_landed(identity)


def _require_mode(vehicle: Vehicle, mode: str) -> None:
    """Refuses a vehicle whose mode somebody has changed."""
    if vehicle.now.mode != mode:
        raise RefusedByVehicleError(
            Message("the mode was changed to {mode}: left to the pilot", mode=vehicle.now.mode),
            remedy="agree who flies, then start again",
        )


def _require_start(vehicle: Vehicle, start: LatLon | None) -> None:
    """Refuses a vehicle that has left the place from which its way was found."""
    place = vehicle.now.position
    if start is None or place is None:
        return
    moved_m = distance_m(start, place)
    if moved_m > _MOVED_M:
        raise RefusedByVehicleError(
            Message(
                "not sent off: the vehicle is {moved_m:.0f} m from where its way was found", moved_m=moved_m
            ),
            remedy="let it hover, and give the order again: the way is then found from there",
        )


def watch_plan(link: Link, plan: FlightPlan, *, watchers: Watchers) -> FlightRecord:
    """Watches a vehicle that flies a plan already, without changing anything.

    Raises:
        RefusedByVehicleError: the vehicle holds another mission.
        LinkError: the mission cannot be read, or the link broke.
    """
    vehicle = Vehicle.on(link)
    differences = compare_items(mission_items(plan), vehicle.download(MissionType.MISSION))
    if differences:
        raise RefusedByVehicleError(
            Message(
                "the vehicle flies another mission than this one ({differences})", differences=differences[0]
            ),
            remedy="switch it to LOITER or BRAKE to go on with this plan from where it is",
        )
    watch = Watch(vehicle, plan, watchers)
    identity = vehicle.identity()
    vehicle.happened()
    return watch.until_landed(identity)


def fly_sortie(
    link: Link,
    sortie: NextSortie,
    *,
    watchers: Watchers,
    confirm: Confirm | None,
    agree: Callable[[], bool],
    say: Callable[[str], None],
) -> FlightRecord:
    """Fly from the ground, go on in the air, or watch what flies already.

    Args:
        sortie: what is flown now.
        watchers: who is told, and who may interrupt.
        confirm: asked just before arming; None where somebody has agreed to it already.
        agree: asked before a vehicle that hovers flies off.
        say: told in words what is done.

    Raises:
        UsageError: nobody agreed.
        FindingsError, RefusedByVehicleError, LinkError: as `fly_plan` and `continue_plan`.
    """
    if sortie.attached:
        say(
            "the vehicle flies this mission already: only watching. Photographs that it took while nobody "
            "watched are in no record; the ledger can count the autopilot's log or the photographs themselves"
        )
        return watch_plan(link, sortie.plan, watchers=watchers)
    if sortie.start is not None:
        mode = Vehicle.on(link).now.mode  # before somebody is asked, which takes time
        return continue_plan(
            link, sortie.plan, confirmed=agree(), start=sortie.start, mode=mode, watchers=watchers
        )
    return fly_plan(
        link,
        sortie.plan,
        confirmed=confirm is None,
        confirm=confirm,
        progress=watchers.progress,
        on_event=watchers.on_event,
        on_photo=watchers.on_photo,
        interrupt=watchers.interrupt,
        keep=watchers.keep,
        area=watchers.area,
    )


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


def _refuse_errors(findings: tuple[PreflightFinding, ...], words: str) -> None:
    errors = [f for f in findings if f.severity is Severity.ERROR]
    if errors:
        raise FindingsError(f"{words}: " + "; ".join(f.message for f in errors), remedy=errors[0].remedy)


def _look_again(link: Link, vehicle: Vehicle, plan: FlightPlan, *, mode: str | None) -> None:
    """Preflight just before arming: the upload and the question take time, in which things change.

    Args:
        mode: the mode before the question.

    Raises:
        FindingsError: something now forbids the flight.
        RefusedByVehicleError: somebody changed the mode meanwhile.
        LinkError: the vehicle fell silent.
    """
    if link.silence_s > _FRESH_S:
        raise LinkError(
            Message("not armed: no word from the vehicle for {silence_s:.0f} s", silence_s=link.silence_s),
            remedy="check the link",
        )
    _refuse_errors(preflight(link, plan), "not armed: no longer ready to fly")
    if vehicle.now.mode != mode:
        raise RefusedByVehicleError(
            Message(
                "not armed: meanwhile somebody changed the mode from {mode} to {mode_now}",
                mode=mode,
                mode_now=vehicle.now.mode,
            ),
            remedy="agree who flies, then start again",
        )


def _arm_and_start(vehicle: Vehicle, *, mode: str | None) -> None:
    """GUIDED, arm, MISSION_START: the order in which ArduPilot accepts it, and only from the mode before."""
    vehicle.set_mode("GUIDED", only_from={mode} if mode else None)
    vehicle.arm(mode="GUIDED")
    answer = vehicle.start_mission(only_from="GUIDED")
    if answer.accepted and vehicle.wait(lambda t: t.mode == "AUTO", timeout_s=5.0, what="mode AUTO"):
        return
    if vehicle.now.mode == "GUIDED":
        vehicle.disarm()
    raise RefusedByVehicleError(
        Message(
            "the vehicle did not start the mission: {result}, it is in {mode}",
            result=answer.result,
            mode=vehicle.now.mode,
        ),
        remedy="; ".join(vehicle.recent_texts[-3:]) or "check that the mission begins with a take-off",
    )
