"""Rules of a country as data: what each says, where it stands, and how a plan is compared with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airbeat.checks.findings import Severity

__all__ = ["PILOT_REMAINS", "Rule", "RuleKind", "RuleSet"]

PILOT_REMAINS = (
    "The pilot remains responsible: these rules are an extract, laws change, and zones, permits, training, "
    "registration and the place itself are not in it."
)
"""What every output that rests on rules says."""


class RuleKind(StrEnum):
    """How a plan is compared with a rule."""

    HEIGHT_ABOVE_GROUND = "height-above-ground"
    """``most`` metres above the ground below, along every leg."""
    NO_FLY = "no-fly"
    """The shapes of ``file``, with ``most`` metres round them, are not flown over."""
    NIGHT = "night"
    """The sun is not lower than ``least`` degrees during the flight."""
    PEOPLE = "people"
    """``least`` metres horizontally from where people are."""
    MASS = "mass"
    """The take-off mass is at most ``most`` kg."""
    SPEED = "speed"
    """The ground speed is at most ``most`` m/s."""
    DISTANCE = "distance"
    """The flight stays within ``most`` metres of the take-off place."""
    WIND = "wind"
    """The wind is at most ``most`` m/s."""
    PILOT = "pilot"
    """Nothing in a plan tells: the pilot looks after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Attributes:
        name: short and stable, within its set.
        kind: how a plan is compared with it.
        says: what it asks for, in a sentence.
        source: where it stands.
        dated: the date of that text, and since when it applies.
        severity: of a plan that does not keep it.
        most: the upper limit in the kind's unit, or None.
        least: the lower limit in the kind's unit, or None.
        from_kg: it holds for take-off masses from here on [kg].
        below_kg: it holds for take-off masses below this [kg].
        shapes: geographic geometry of no-fly ground, or None.
    """

    name: str
    kind: RuleKind
    says: str
    source: str
    dated: str
    severity: Severity = Severity.ERROR
    most: float | None = None
    least: float | None = None
    from_kg: float = 0.0
    below_kg: float = float("inf")
    shapes: Any | None = field(default=None, compare=False)

    def holds_for(self, mass_kg: float | None) -> bool:
        """Whether it concerns an aircraft of that take-off mass; one of unknown mass is concerned by all."""
        return mass_kg is None or self.from_kg <= mass_kg < self.below_kg


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """The rules of one file.

    Attributes:
        key: the file's name without suffix.
        title: whose rules they are.
        looked_up: when somebody last compared the file with the texts.
        note: what the reader must know, beside `PILOT_REMAINS`.
        rules: in the order of the file.
        sha256: of the file.
    """

    key: str
    title: str
    looked_up: str
    note: str
    rules: tuple[Rule, ...]
    sha256: str = ""
