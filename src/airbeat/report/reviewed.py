"""What reviewers decided, beside the candidates it is about."""

from __future__ import annotations

from pathlib import Path

from airbeat.ops.log import OperationsLog
from airbeat.ops.reviews import Decision, Reviewable, Reviews
from airbeat.report.searched import SearchResults

__all__ = ["LOG_NAME", "decisions_beside", "reviewables"]

LOG_NAME = "operations.sqlite"
"""The operations log in the folder of a search."""


def reviewables(results: SearchResults) -> list[Reviewable]:
    """The candidates of a search, by what reviews know them by."""
    return [
        Reviewable(
            id=row.id,
            looks=tuple((look.sha256 or look.file, look.xyxy_px or ()) for look in row.looks),
        )
        for row in results.candidates
    ]


def decisions_beside(folder: Path, results: SearchResults) -> dict[str, Decision]:
    """The decisions that count on the candidates of a search; none where nobody has reviewed it.

    Args:
        folder: where ``candidates.json`` lies.
        results: what is in that.

    Raises:
        InputFileError: the log was tampered with.
    """
    path = folder / LOG_NAME
    if not path.is_file():
        return {}
    with OperationsLog(path) as log:
        log.verify()
        return Reviews(log, reviewables(results)).state()
