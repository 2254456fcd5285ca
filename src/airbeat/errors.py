"""The error tree. Every error has a stable code, an exit code, and says what to do.

::

    AirbeatError                     exit 70 unless a subclass says otherwise
    ├── UsageError                 exit 2    the command line contradicts itself
    ├── FindingsError                exit 1    the work was done, and what it found stops us
    │   ├── PlanningError            exit 1    no safe plan exists for this input
    │   └── RefusedByVehicleError    exit 1    the vehicle answered no
    ├── InputFileError (ValueError)  exit 3    a file from outside is wrong
    │   ├── MissionFileError         exit 3    all problems of one mission file at once
    │   │   └── RulesFileError       exit 3    all problems of one rules file at once
    │   ├── GeometryError            exit 3    a shape that cannot be used
    │   ├── TerrainError             exit 3    a height model that cannot be used
    │   ├── PlanFileError            exit 3    a .plan, .waypoints, KML or GeoJSON file
    │   └── FrameError               exit 3    a photograph or its metadata
    ├── LinkError (OSError)          exit 4    the vehicle cannot be reached or fell silent
    └── DependencyError              exit 70   an installed package does not work here
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from airbeat.language.words import translated

__all__ = [
    "AirbeatError",
    "DependencyError",
    "FindingsError",
    "FrameError",
    "GeometryError",
    "InputFileError",
    "LinkError",
    "MissionFileError",
    "PlanFileError",
    "PlanningError",
    "Problem",
    "RefusedByVehicleError",
    "RulesFileError",
    "TerrainError",
    "UsageError",
]


class AirbeatError(Exception):
    """Base of all errors that a user may see.

    Attributes:
        code: stable, machine-readable name, e.g. ``"mission-file"``.
        exit_code: what the command line exits with.
        message: what was wrong.
        where: file:line:column, item number or coordinate, or ``""``.
        remedy: what to do about it, one sentence.
    """

    code = "airbeat"
    exit_code = 70

    def __init__(self, message: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.remedy})" if self.remedy else text

    def told(self) -> str:
        """What ``str`` says, in the reader's language as far as the catalogue has it."""
        text = translated(self.message)
        text = f"{self.where}: {text}" if self.where else text
        return f"{text} ({translated(self.remedy)})" if self.remedy else text


class UsageError(AirbeatError):
    """The command line asks for things that do not go together."""

    code = "usage"
    exit_code = 2


class FindingsError(AirbeatError):
    """The work was done, and what it found is the bad news."""

    code = "findings"
    exit_code = 1


class PlanningError(FindingsError):
    """No plan that keeps the rules exists for this input."""

    code = "planning"


class RefusedByVehicleError(FindingsError):
    """The vehicle answered, and the answer was no."""

    code = "refused-by-vehicle"


class InputFileError(AirbeatError, ValueError):
    """A file from outside cannot be used; nothing was written."""

    code = "input-file"
    exit_code = 3


class GeometryError(InputFileError):
    """A shape that cannot be used, with the place where it goes wrong."""

    code = "geometry"


class TerrainError(InputFileError):
    """A height model that cannot be read, or has no heights where they are needed."""

    code = "terrain"


class PlanFileError(InputFileError):
    """A plan, waypoint, KML or GeoJSON file that cannot be read."""

    code = "plan-file"


class FrameError(InputFileError):
    """A photograph that cannot be read, or metadata that cannot be believed."""

    code = "frame"


class LinkError(AirbeatError, OSError):
    """The vehicle cannot be reached, or fell silent."""

    code = "link"
    exit_code = 4


class DependencyError(AirbeatError, ImportError):
    """An installed package does not work on this machine."""

    code = "dependency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem in an input file.

    Attributes:
        line: 1-based line, 0 when the whole file is meant.
        column: 1-based column.
        key: dotted path of the key, e.g. ``pattern.overlap.side``.
        message: what is wrong, with the value that was found.
        remedy: what to write instead.
    """

    line: int
    column: int
    key: str
    message: str
    remedy: str = ""


class MissionFileError(InputFileError):
    """All problems of one mission file, in the order of its lines."""

    code = "mission-file"

    def __init__(self, path: str, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(problems, key=lambda p: (p.line, p.column, p.key)))
        super().__init__("\n".join(self._lines(str)), where="", remedy="")

    def told(self) -> str:
        """All problems, in the reader's language as far as the catalogue has it."""
        return "\n".join(self._lines(translated))

    def _lines(self, said: Callable[[str], str]) -> list[str]:
        lines = []
        for p in self.problems:
            key = f"{p.key}: " if p.key else ""
            hint = f" ({said(p.remedy)})" if p.remedy else ""
            place = f"{self.path}:{p.line}:{p.column}" if p.line else self.path
            lines.append(f"{place}: {key}{said(p.message)}{hint}")
        return lines


class RulesFileError(MissionFileError):
    """All problems of one file of rules (``airbeat check --rules``), in the order of its lines."""

    code = "rules-file"
