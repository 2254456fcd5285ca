"""Uploading a plan: fence, then rally points, then the mission, each read back and compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from airbeat.errors import LinkError, RefusedByVehicleError
from airbeat.language.words import Message
from airbeat.link.connection import Link
from airbeat.link.ftp_choice import Via
from airbeat.link.items import (
    MissionType,
    WireItem,
    compare_items,
    fence_items,
    losses,
    mission_items,
    rally_items,
)
from airbeat.link.transfer import Outcome, TransferResult
from airbeat.link.vehicle import Vehicle
from airbeat.mission.plan import FlightPlan

__all__ = ["UploadProgress", "UploadVerdict", "upload_plan"]

UploadProgress = Callable[[str, int, int], None]
"""Gets what is being transferred ("fence", "rally points", "mission"), steps done, and steps in all."""
_HEARTBEAT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadVerdict:
    """What came of an upload, per type; None for a type that was not sent (the notes say why).

    Attributes:
        fence: the fence's transfer.
        rally: the rally points' transfer.
        mission: the mission's transfer.
        current_item: the mission item that is current after the upload, or None.
        notes: what was left alone, what the vehicle does not store, what was not sent and why.
    """

    fence: TransferResult | None = None
    rally: TransferResult | None = None
    mission: TransferResult | None = None
    current_item: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def transfers(self) -> tuple[TransferResult, ...]:
        """The transfers that were begun, in order."""
        return tuple(t for t in (self.fence, self.rally, self.mission) if t is not None)

    @property
    def outcome(self) -> Outcome:
        """Verified only if everything was; else the first other outcome."""
        return next(
            (t.outcome for t in self.transfers if t.outcome is not Outcome.VERIFIED), Outcome.VERIFIED
        )

    @property
    def verified(self) -> bool:
        """Whether the vehicle holds the whole plan."""
        return self.outcome is Outcome.VERIFIED and self.mission is not None

    def raise_unless_verified(self) -> None:
        """Turns a bad outcome into the error that says what to do.

        Raises:
            RefusedByVehicleError: the vehicle said no.
            LinkError: the outcome is unknown.
        """
        for transfer in self.transfers:
            if transfer.outcome is Outcome.VERIFIED:
                continue
            kind = RefusedByVehicleError if transfer.outcome is Outcome.REFUSED else LinkError
            raise kind(f"{transfer.message}; on the vehicle: {transfer.on_vehicle}", remedy=transfer.remedy)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "verified": self.verified,
            "outcome": self.outcome.value,
            "fence": self.fence.to_json() if self.fence else None,
            "rally": self.rally.to_json() if self.rally else None,
            "mission": self.mission.to_json() if self.mission else None,
            "current_item": self.current_item,
            "notes": list(self.notes),
        }


def upload_plan(
    link: Link,
    plan: FlightPlan,
    *,
    progress: UploadProgress | None = None,
    while_flying: bool = False,
    via: Via | str = Via.AUTO,
) -> UploadVerdict:
    """Uploads a plan's fence, rally points and mission, in this order, and reads each back.

    What the plan does not state (fence or rally points None) is left alone on the vehicle. The order
    stops at the first type that is not verified. Afterwards the mission's first item is made current:
    ArduPilot would otherwise go on at the old mission's index.

    Args:
        while_flying: also when the vehicle flies AUTO; it is switched to BRAKE first.
        via: "auto", "item" or "ftp".

    Raises:
        RefusedByVehicleError: the vehicle flies AUTO; or it will not take BRAKE.
        LinkError: the vehicle does not say in which mode it is.
        PlanFileError: a number in the plan that MAVLink cannot carry.
    """
    vehicle = Vehicle.on(link)
    mission = mission_items(plan)
    fence = None if plan.fence is None else fence_items(plan.fence)
    rally = None if plan.rally is None else rally_items(plan.rally)
    notes = _notes(plan, mission)
    _refuse_in_auto(vehicle, while_flying=while_flying)
    settled = vehicle.settle_files()
    contents = {MissionType.FENCE: fence, MissionType.RALLY: rally, MissionType.MISSION: mission}
    wanted = {kind: items for kind, items in contents.items() if items is not None}
    results: dict[MissionType, TransferResult] = {}
    for kind, items in wanted.items():
        results[kind] = _transfer(vehicle, kind, items, progress, Via(via))
        if results[kind].outcome is not Outcome.VERIFIED:
            notes += _not_sent(kind, plan)
            break
    else:
        if not settled:
            results = _looked_at_again(vehicle, wanted, results, Via(via))
    current: int | None = None
    done = results.get(MissionType.MISSION)
    if done is not None and done.outcome is Outcome.VERIFIED:
        current = _make_first_current(vehicle)
        if current is None:
            notes.append(Message("the vehicle did not confirm that the mission will begin at its first item"))
    return UploadVerdict(
        fence=results.get(MissionType.FENCE),
        rally=results.get(MissionType.RALLY),
        mission=done,
        current_item=current,
        notes=tuple(notes),
    )


def _looked_at_again(
    vehicle: Vehicle,
    wanted: Mapping[MissionType, list[WireItem]],
    verified: Mapping[MissionType, TransferResult],
    via: Via,
) -> dict[MissionType, TransferResult]:
    """The verdicts on everything once more, where a file left open may have replaced what was verified."""
    vehicle.settle_files()
    results = dict(verified)
    for kind, items in wanted.items():
        try:
            differs = compare_items(items, vehicle.download(kind, via=Via.ITEM))
        except LinkError as error:
            results[kind] = replace(
                results[kind],
                outcome=Outcome.UNKNOWN,
                message=Message(
                    "verified, but it could not be read once more at the end: {message}",
                    message=error.message,
                ),
                remedy="restore the link and upload again; do not fly before the upload is verified",
                on_vehicle=f"unknown: the {kind.words} may have been replaced since",
            )
            break
        if differs:
            results[kind] = vehicle.upload(kind, items, via=via)
            if results[kind].outcome is not Outcome.VERIFIED:
                break
    return results


def _notes(plan: FlightPlan, mission: list[WireItem]) -> list[str]:
    notes = []
    if plan.fence is None:
        notes.append(Message("the plan states no fence: the vehicle's own fence was left alone"))
    elif plan.fence.is_empty:
        notes.append(Message("the plan's fence has no zones: the vehicle's fence is removed"))
    if plan.rally is None:
        notes.append(Message("the plan states no rally points: the vehicle's own were left alone"))
    return notes + losses(mission)


def _not_sent(failed: MissionType, plan: FlightPlan) -> list[str]:
    order = [MissionType.FENCE, MissionType.RALLY, MissionType.MISSION]
    later = order[order.index(failed) + 1 :]
    return [
        f"{kind.words} not sent, because the {failed.words} could not be verified"
        for kind in later
        if not (kind is MissionType.RALLY and plan.rally is None)
    ]


def _refuse_in_auto(vehicle: Vehicle, *, while_flying: bool) -> None:
    if not vehicle.wait(lambda t: t.mode is not None, timeout_s=_HEARTBEAT_S, what="a heartbeat"):
        raise LinkError("the vehicle does not say in which mode it is", remedy="check the link")
    if not (vehicle.now.armed and vehicle.now.mode == "AUTO"):
        return
    if not while_flying:
        raise RefusedByVehicleError(
            "the vehicle is flying a mission (AUTO): a new one now would change it under way",
            remedy="switch to BRAKE, LOITER or GUIDED first",
        )
    vehicle.set_mode("BRAKE", only_from={"AUTO"})


def _transfer(
    vehicle: Vehicle,
    kind: MissionType,
    items: list[WireItem],
    progress: UploadProgress | None,
    via: Via,
) -> TransferResult:
    if progress is None:
        return vehicle.upload(kind, items, via=via)
    return vehicle.upload(
        kind, items, via=via, progress=lambda done, total: progress(kind.words, done, total)
    )


def _make_first_current(vehicle: Vehicle) -> int | None:
    """Makes the first item current; the number that the vehicle then names, or None."""
    if not vehicle.set_current_item(0).accepted:
        return None
    vehicle.wait(lambda t: t.mission_seq in (0, 1), timeout_s=3.0, what="the current item")
    return vehicle.now.mission_seq if vehicle.now.mission_seq in (0, 1) else 0
