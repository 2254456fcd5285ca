"""From a mission to what is flown: planned, cut into sorties, each of them checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from airbeat.checks.autopilot import MAX_ITEMS
from airbeat.checks.findings import Finding, Severity
from airbeat.checks.plan import check_plan
from airbeat.errors import FindingsError
from airbeat.language.words import Message
from airbeat.mission.mission import Mission
from airbeat.mission.plan import Fence, FlightPlan
from airbeat.planning.batteries import needs_splitting, split_flight
from airbeat.planning.plan import plan_mission

__all__ = ["PlannedMission", "planned", "refuse_errors", "sorties_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMission:
    """A mission's plan as it is flown.

    Attributes:
        plan: the whole of it.
        sorties: the plan as it is, or what each battery flies of it.
        found: what the checks found in each sortie.
    """

    plan: FlightPlan
    sorties: tuple[FlightPlan, ...]
    found: tuple[tuple[Finding, ...], ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the checks found, each thing once."""
        return tuple(dict.fromkeys(f for some in self.found for f in some))

    @property
    def failed(self) -> bool:
        """Whether an error is among it: such a plan is neither written nor flown."""
        return any(f.severity is Severity.ERROR for f in self.findings)


def planned(
    mission: Mission,
    *,
    fence: Fence | None,
    seed: int = 0,
    effort: int = 1,
    progress: Callable[[float], None] | None = None,
) -> PlannedMission:
    """Plan a mission, cut it into sorties where it must be, and check each.

    Args:
        mission: what is planned.
        fence: what the plan states as its fence: the mission file's own, for what filling gaps closes beyond
            it serves planning alone.
        seed: of the route search.
        effort: how hard to look for a faster route, 1 to 10.
        progress: told the share done, 0…1.

    Raises:
        PlanningError: no safe plan exists for the mission.
        GeometryError: the area has no surface.
    """
    plan = replace(plan_mission(mission, seed=seed, effort=effort, progress=progress), fence=fence)
    sorties = sorties_of(mission, plan)
    return PlannedMission(
        plan=plan, sorties=sorties, found=tuple(tuple(check_plan(sortie)) for sortie in sorties)
    )


def sorties_of(mission: Mission, plan: FlightPlan) -> tuple[FlightPlan, ...]:
    """The plan as it is, or cut into sorties where a battery or the autopilot's memory cannot hold it.

    Raises:
        PlanningError: a place that cannot be reached and left on one battery.
    """
    if not needs_splitting(plan, most_items=MAX_ITEMS):
        return (plan,)
    return tuple(replace(p, fence=plan.fence) for p in split_flight(mission, plan, most_items=MAX_ITEMS))


def refuse_errors(findings: Sequence[Finding], *, refused: str) -> None:
    """Stop on errors among findings.

    Args:
        findings: what the checks found.
        refused: begins the refusal, e.g. "not flown".

    Raises:
        FindingsError: there is an error among them.
    """
    errors = [f for f in findings if f.severity is Severity.ERROR]
    if errors:
        raise FindingsError(_refusal(refused, errors), remedy=errors[0].remedy)


def _refusal(refused: str, errors: Sequence[Finding]) -> Message:
    found = "; ".join(f.message for f in errors)
    if len(errors) == 1:
        return Message("{refused}: the checks found 1 error: {found}", refused=refused, found=found)
    return Message(
        "{refused}: the checks found {count} errors: {found}", refused=refused, count=len(errors), found=found
    )
