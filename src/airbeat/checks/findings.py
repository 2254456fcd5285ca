"""What a checker says about a plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from airbeat.geo.coordinates import LatLon
from airbeat.language.words import _, translated

__all__ = ["Finding", "Severity", "has_errors"]

_ITEMS_LISTED = 6


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Do not fly this."""
    WARNING = "warning"
    """Fly only when somebody has looked at it and knows why it is so."""
    NOTE = "note"
    """Worth knowing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a checker found.

    Attributes:
        severity: how bad it is.
        code: stable name; :mod:`airbeat.checks.catalogue` says what each means.
        message: what is wrong, with figures.
        items: numbers of the mission items concerned (home is 0).
        place: where, if it has a place.
        remedy: what to do about it, one sentence.
    """

    severity: Severity
    code: str
    message: str
    items: tuple[int, ...] = ()
    place: LatLon | None = None
    remedy: str = ""

    def told(self) -> str:
        """What ``str`` says, in the reader's language as far as the catalogue has it."""
        listed = ", ".join(map(str, self.items[:_ITEMS_LISTED]))
        more = len(self.items) - _ITEMS_LISTED
        if more > 0:
            listed = _("{items} and {more} more", items=listed, more=more)
        numbers = f" [{_('item {items}', items=listed)}]" if self.items else ""
        words = f"{translated(self.message)} ({translated(self.remedy)})"
        return f"{_(self.severity.value)} {self.code}{numbers}: {words}"

    def __str__(self) -> str:
        listed = ", ".join(map(str, self.items[:_ITEMS_LISTED]))
        more = len(self.items) - _ITEMS_LISTED
        numbers = f" [item {listed}{f' and {more} more' if more > 0 else ''}]" if self.items else ""
        return f"{self.severity.value} {self.code}{numbers}: {self.message} ({self.remedy})"


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether an error is among findings: such a plan is neither written nor flown."""
    return any(f.severity is Severity.ERROR for f in findings)
