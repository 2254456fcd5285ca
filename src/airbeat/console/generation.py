"""What a search had found when a desk last read it, and since when each name means what it means."""

from __future__ import annotations

from airbeat.ops.log import OperationsLog
from airbeat.ops.reviews import Reviews
from airbeat.report.reviewed import reviewables
from airbeat.report.searched import SearchResults

__all__ = ["Generation"]


class Generation:
    """One state of the search's results.

    Args:
        results: what was read.
        log: where decisions are kept.
        number: counts up with every state that was read.
        before: the state before it.
    """

    def __init__(
        self,
        results: SearchResults,
        log: OperationsLog,
        *,
        number: int = 1,
        before: Generation | None = None,
    ) -> None:
        self.results = results
        self.number = number
        self.rows = {row.id: row for row in results.candidates}
        self.frames = {row.sha256: row for row in results.frames if row.sha256}
        self.by_file = {row.file: row for row in results.frames}
        self.reviews = Reviews(log, reviewables(results))
        self.standing = self.reviews.standing()
        self._looks = {c.id: frozenset(c.looks) for c in self.reviews.candidates}
        self.means_since: dict[str, int] = {
            name: before.means_since[name]
            if before is not None and not looks.isdisjoint(before._looks.get(name, ()))
            else number
            for name, looks in self._looks.items()
        }
        """The first state in which each name meant what it means now."""
