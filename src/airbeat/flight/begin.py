"""Which part of a plan is flown now: all of it, what an interrupted flight left, what one battery carries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from airbeat.errors import LinkError, RefusedByVehicleError
from airbeat.flight.resume import plan_from, resume_plan, resume_point
from airbeat.flight.sorties import cut_after, next_sortie, sorties
from airbeat.flight.state import FlightState, ResumePoint, StateKeeper
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.link.connection import Link
from airbeat.link.vehicle import Vehicle
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan

__all__ = ["NextSortie", "find_sortie", "for_batteries", "keeper_for"]


@dataclass(frozen=True, kw_only=True)
class NextSortie:
    """What is flown now of a plan.

    Attributes:
        plan: what the vehicle gets.
        rest: what is left of the whole plan, of which ``plan`` is what one battery carries.
        until: the last of the whole plan's items that is flown; None for all of them.
        point: where it takes the whole plan up, or None.
        start: where the vehicle is, when it is in the air.
        attached: the vehicle flies it already.
    """

    plan: FlightPlan
    rest: FlightPlan
    until: int | None = None
    point: ResumePoint | None = None
    start: LatLon | None = None
    attached: bool = False

    def as_flown(self) -> FlightPlan:
        """The plan as the checks should see it: begun where the vehicle is, ended at the real home."""
        if self.start is None:
            return self.plan

        items = [
            replace(i, position=self.start)
            if i.command == MavCmd.NAV_TAKEOFF
            else replace(i, command=MavCmd.NAV_LAND, position=self.plan.home)
            if i.command == MavCmd.NAV_RETURN_TO_LAUNCH
            else i
            for i in self.plan.items
        ]
        return replace(self.plan, home=self.start, items=tuple(items))


def find_sortie(link: Link, plan: FlightPlan, state: FlightState | None) -> NextSortie:
    """What is left to fly, by the state and by what the vehicle does now.

    Raises:
        UsageError: nothing is left.
        PlanningError: no way to the interrupted leg, or too far for one battery.
        RefusedByVehicleError: the vehicle is on its way down.
        LinkError: it does not tell its state.
    """

    if state is None:
        return _from_home(plan, plan, None)
    vehicle = Vehicle.on(link)
    vehicle.start_telemetry()
    known = vehicle.wait(
        lambda t: t.armed is False or (t.armed is True and None not in (t.position, t.height_above_home_m)),
        timeout_s=10.0,
        what="its state",
    )
    now = vehicle.now
    if not known:
        raise LinkError(
            Message("{url}: the vehicle does not tell whether it is armed, and where it is", url=link.url),
            remedy="wait for its position fix, or restore the link; then start again",
        )
    if not now.armed:
        return _from_home(plan, resume_plan(plan, state), resume_point(plan, state))
    if now.mode == "AUTO":
        began = state.resumed_from.position if state.resumed_from else None
        at = state.resumed_at
        rest = plan if at is None else plan_from(plan, at, start=began, done=state)
        until = state.until
        cut = None if until is None else cut_after(rest, until - (len(plan.items) - len(rest.items)))
        return NextSortie(plan=cut or rest, rest=rest, until=until, point=at, start=began, attached=True)
    if now.mode in {"RTL", "SMART_RTL", "LAND"}:
        raise RefusedByVehicleError(
            Message("the vehicle is coming down in {mode}", mode=now.mode),
            remedy="wait until it has landed, or switch to LOITER",
        )
    rest = resume_plan(plan, state, start=now.position)
    return NextSortie(plan=rest, rest=rest, point=resume_point(plan, state), start=now.position)


def keeper_for(
    sortie: NextSortie,
    plan: FlightPlan,
    path: Path,
    *,
    earlier: FlightState | None,
    number: int,
    say: Callable[[str], None],
) -> StateKeeper:
    """Keeps the state of a sortie's flight on disk.

    Args:
        sortie: what is flown now.
        plan: the whole plan.
        path: the file.
        earlier: the state that it goes on from.
        number: 1 for the first flight of the plan.
        say: told when the file can no longer be written.

    Raises:
        UsageError: the file cannot be written.
    """
    return StateKeeper(
        path,
        plan,
        flown=sortie.rest,
        earlier=earlier,
        resumed_at=sortie.point,
        resumed_from=sortie.start,
        sortie=number,
        until=sortie.until,
        say=say,
    )


def _from_home(plan: FlightPlan, rest: FlightPlan, point: ResumePoint | None) -> NextSortie:
    """As much of what is left as one battery carries."""

    offset = len(plan.items) - len(rest.items)
    sortie = next_sortie(rest, least=point.item - offset if point else 0)
    until = None if sortie.until is None else sortie.until + offset
    return NextSortie(plan=sortie.plan, rest=rest, until=until, point=point)


def for_batteries(plan: FlightPlan) -> FlightPlan:
    """The plan as the checks should see it as a whole: each sortie is checked for its own battery.

    Raises:
        PlanningError: a part of the plan that cannot be split is too long for one battery.
    """
    count = len(sorties(plan))
    if count == 1 or plan.estimate is None:
        return plan
    estimate = replace(plan.estimate, battery_share=min(plan.estimate.battery_share, 1.0))
    return replace(plan, estimate=estimate, notes=(*plan.notes, f"flown in {count} sorties, a battery each"))
