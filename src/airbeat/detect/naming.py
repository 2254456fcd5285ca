"""Names of candidates that stay while more photographs come in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["LookKey", "Names", "by_rank", "look_box"]

LookKey = tuple[str, tuple[float, ...]]
"""SHA-256 of a frame and the box in it [px, one decimal]."""

_NUMBERED = re.compile(r"C(\d{3,9})")


def look_box(xyxy_px: Iterable[float]) -> tuple[float, ...]:
    """A box as it is kept in results [px, one decimal]."""
    return tuple(round(float(v), 1) for v in xyxy_px)


def by_rank(candidates: Sequence[Iterable[LookKey]]) -> list[str]:
    """``C001`` for the first candidate, and so on."""
    return [f"C{number:03d}" for number in range(1, len(candidates) + 1)]


class Names:
    """Gives candidates names, and each the one it had before.

    A candidate is the one that it shares a look with. Where two have become one, the older name stays; where
    one has become two, the better keeps it. No name is given twice.

    Args:
        known: the looks of candidates that have names.
        given: how many names were ever given, those that are no longer in use counted.
    """

    def __init__(self, known: Mapping[str, Iterable[LookKey]], *, given: int = 0) -> None:
        self._of_look = {look: name for name, looks in known.items() for look in looks}
        numbers = [int(match[1]) for name in known if (match := _NUMBERED.fullmatch(name))]
        self.given = max([given, *numbers])

    def __call__(self, candidates: Sequence[Iterable[LookKey]]) -> list[str]:
        """The names of candidates, best first, by their looks."""
        groups = [list(looks) for looks in candidates]
        taken: set[str] = set()
        names: list[str] = []
        for looks in groups:
            had = {self._of_look[look] for look in looks if look in self._of_look} - taken
            if had:
                names.append(min(had, key=lambda name: (len(name), name)))
            else:
                self.given += 1
                names.append(f"C{self.given:03d}")
            taken.add(names[-1])
        self._of_look |= {look: name for name, looks in zip(names, groups, strict=True) for look in looks}
        return names
