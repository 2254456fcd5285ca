"""A preflight finding, and the three kinds of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airbeat.checks.findings import Finding, Severity

__all__ = ["PreflightFinding", "error", "note", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightFinding(Finding):
    """A finding with the parameter that would settle it.

    Attributes:
        parameter: the autopilot's parameter, or empty.
        value: what to set it to, or None.
    """

    parameter: str = ""
    value: float | None = None

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "severity": self.severity.value,
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
            "parameter": self.parameter,
            "value": self.value,
        }


def error(code: str, message: str, remedy: str, **more: Any) -> PreflightFinding:
    """What forbids the flight."""
    return PreflightFinding(severity=Severity.ERROR, code=code, message=message, remedy=remedy, **more)


def warning(code: str, message: str, remedy: str, **more: Any) -> PreflightFinding:
    """What the pilot must look at."""
    return PreflightFinding(severity=Severity.WARNING, code=code, message=message, remedy=remedy, **more)


def note(code: str, message: str, remedy: str, **more: Any) -> PreflightFinding:
    """What the pilot should know."""
    return PreflightFinding(severity=Severity.NOTE, code=code, message=message, remedy=remedy, **more)
