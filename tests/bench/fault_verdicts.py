"""Whether what an upload said is what the vehicle holds, read over another link afterwards."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from airbeat.link.items import MissionType, WireItem, compare_items, fence_items, mission_items, rally_items
from airbeat.link.transfer import Outcome, TransferResult
from airbeat.mission.plan import FlightPlan

Content = Mapping[MissionType, Sequence[WireItem]]


def content_of(plan: FlightPlan) -> dict[MissionType, list[WireItem]]:
    """What a plan puts on a vehicle, by type."""
    content = {MissionType.MISSION: mission_items(plan)}
    if plan.fence is not None:
        content[MissionType.FENCE] = fence_items(plan.fence)
    if plan.rally is not None:
        content[MissionType.RALLY] = rally_items(plan.rally)
    return content


def same(one: Sequence[WireItem], other: Sequence[WireItem]) -> bool:
    """Whether two contents say the same."""
    return not compare_items(one, other)


@dataclass(kw_only=True)
class Judgement:
    """What came of a run.

    Attributes:
        kind: in words; runs are counted by it.
        silent: what was said and is not so; empty when all that was said is so.
    """

    kind: str
    silent: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Contents:
    """What the vehicle held before, should hold, may hold by a second station's work, and holds."""

    old: Content
    sent: Content
    rival: Sequence[WireItem] | None
    held: Content

    def name(self, kind: MissionType) -> str:
        """What the vehicle holds, in words."""
        held = self.held[kind]
        if same(self.sent[kind], held):
            return "this plan"
        if same(self.old.get(kind, []), held):
            return "the old content"
        if kind is MissionType.MISSION and self.rival is not None and same(self.rival, held):
            return "the second station's mission"
        if len(held) <= (kind is MissionType.MISSION):
            return "nothing"
        return "a part"


def judge(transfers: Sequence[TransferResult], contents: Contents, *, error: str = "") -> Judgement:
    """Compares every statement with the vehicle's content.

    Args:
        transfers: verdicts, in order; what was not begun has none.
        contents: of the vehicle.
        error: the message, where the upload ended with an error instead of a verdict.
    """
    said = {t.mission_type: t for t in transfers}
    silent = []
    for kind in contents.held:
        if kind in said:
            silent += _false_words(said[kind], contents)
        elif (
            not error
            and kind in contents.sent
            and contents.name(kind)
            not in (
                "the old content",
                "the second station's mission",
            )
        ):
            silent.append(f"the {kind.words} was not sent, the vehicle holds {contents.name(kind)}")
    if error:
        return Judgement(kind=f"error, holds {contents.name(MissionType.MISSION)}", silent=silent)
    last = transfers[-1]
    kind = f"{last.outcome.value}"
    if last.outcome is Outcome.REFUSED:
        kind += f" ({last.result})"
    if last.outcome is not Outcome.VERIFIED or contents.name(last.mission_type) != "this plan":
        kind += f", holds {contents.name(last.mission_type)}"
    return Judgement(kind=kind, silent=silent)


def _false_words(result: TransferResult, contents: Contents) -> list[str]:
    """What of a verdict is not so."""
    kind = result.mission_type
    held, holds = contents.held[kind], contents.name(kind)
    about = f"{kind.words}: said {result.outcome.value}, on the vehicle {result.on_vehicle!r}"
    by_rival = holds == "the second station's mission"
    if result.outcome is Outcome.VERIFIED:
        return [] if holds == "this plan" or by_rival else [f"{about}; it holds {holds}"]
    if result.outcome is Outcome.UNKNOWN:
        return [] if result.on_vehicle.startswith("unknown") else [f"{about}; it holds {holds}"]
    if by_rival:
        return []  # written after the verdict, or what the verdict says
    wrong = []
    if result.read_back is not None and not same(result.read_back, held):
        wrong.append(f"{about}; what was read back is not what it holds ({holds})")
    words = result.on_vehicle
    count = re.match(r"(\d+) items that are not", words)
    mission = kind is MissionType.MISSION
    if words.startswith("no ") and len(held) > mission:
        wrong.append(f"{about}; it holds {len(held)} items")
    if "it had before" in words and holds != "the old content":
        wrong.append(f"{about}; it holds {holds}")
    if count and int(count[1]) != len(held) - mission:
        wrong.append(f"{about}; it holds {len(held)} items")
    if not words:
        wrong.append(f"{about}; it holds {holds}")
    return wrong
