"""A plan as the bytes of another program's file, and what that file does not hold of it."""

from __future__ import annotations

from dataclasses import dataclass

from airbeat.errors import UsageError
from airbeat.formats.catalogue import PlanFormat
from airbeat.formats.complete import lacking
from airbeat.formats.editable import made_editable
from airbeat.formats.files import read_plan_bytes
from airbeat.formats.losses import Loss, losses
from airbeat.formats.wpl_zones import write_fence_wpl, write_rally_wpl
from airbeat.formats.wpml import AIRCRAFT, DEFAULT_AIRCRAFT, write_wpml
from airbeat.language.words import Message
from airbeat.mission.plan import FlightPlan

__all__ = ["Converted", "converted", "lacking_for"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A plan in a format.

    Attributes:
        data: the file.
        losses: what the file, read back, does not hold of the plan.
        lacking: what the route must still be given before it can be flown.
    """

    data: bytes
    losses: tuple[Loss, ...]
    lacking: tuple[str, ...]


def converted(
    plan: FlightPlan,
    wanted: PlanFormat,
    *,
    name: str,
    aircraft: str = DEFAULT_AIRCRAFT,
    zones_for: str = "mavproxy",
    editable: bool = False,
) -> Converted:
    """Write a plan, read it back, and compare.

    Args:
        plan: what is written.
        wanted: the format.
        name: of the file, for messages.
        aircraft: the aircraft that a DJI route is for.
        zones_for: the program that a fence or rally file is for, ``mavproxy`` or ``mission-planner``.
        editable: lines as a survey that QGroundControl can edit.

    Raises:
        PlanFileError: the plan holds what the format cannot.
        UsageError: no such aircraft.
    """
    if aircraft not in AIRCRAFT:
        raise UsageError(
            Message("no aircraft {aircraft!r}", aircraft=aircraft[:40]),
            remedy=Message("there are {aircraft}", aircraft=", ".join(AIRCRAFT)),
        )
    plan, uneditable = _editable(plan) if editable else (plan, ())
    data = _written(plan, wanted, aircraft=aircraft, zones_for=zones_for)
    held = read_plan_bytes(data, wanted, name=name)
    lost = (*losses(plan, held, precision=wanted.precision), *uneditable)
    return Converted(data=data, losses=lost, lacking=lacking_for(plan, wanted))


def lacking_for(plan: FlightPlan, wanted: PlanFormat) -> tuple[str, ...]:
    """What the route lacks, in the formats that ArduPilot's ground stations send as they are."""
    return lacking(plan) if wanted.key in ("plan", "waypoints") else ()


def _editable(plan: FlightPlan) -> tuple[FlightPlan, tuple[Loss, ...]]:
    plan, why = made_editable(plan)
    text = f"written as single items, which QGroundControl does not draw anew: {why}"
    return plan, (Loss(where="survey", text=text),) if why else ()


def _written(plan: FlightPlan, wanted: PlanFormat, *, aircraft: str, zones_for: str) -> bytes:
    if wanted.key == "dji":
        return write_wpml(plan, aircraft=aircraft)
    if wanted.key in ("fence", "rally") and zones_for == "mission-planner":
        write = write_fence_wpl if wanted.key == "fence" else write_rally_wpl
        return write(plan, home_row=True).encode("utf-8")
    return wanted.write(plan)
