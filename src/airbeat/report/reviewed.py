"""What reviewers decided, beside the candidates it is about.

The decisions on a search lie in ``operations.sqlite`` in its folder. A search that belongs to an operation
has ``operation.json`` there instead, which names the operation's log: a file, as seen from the folder, or the
URL of a database without its password.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import Field

from airbeat.errors import UsageError
from airbeat.formats.atomic import write_files
from airbeat.language.words import Message
from airbeat.ops.log import OperationsLog
from airbeat.ops.reviews import Decision, Reviewable, Reviews, carry_over
from airbeat.ops.store import is_database_url, without_password
from airbeat.report.artefact import Part, read_artefact
from airbeat.report.searched import SearchResults

__all__ = ["LOG_NAME", "belongs_to", "decisions_beside", "log_beside", "logged_sha256", "reviewables"]

LOG_NAME = "operations.sqlite"
"""The operations log in the folder of a search."""
_POINTER = "operation.json"
_FROM_OUTSIDE = "AIRBEAT_OPERATION"
"""Environment variable that ``--operation`` reads too; its URL may hold the password."""


class _Pointer(Part):
    schema_version: int = Field(ge=1, le=1)
    operation: str = Field(min_length=1, max_length=4096)


def reviewables(results: SearchResults) -> list[Reviewable]:
    """The candidates of a search, by what reviews know them by."""
    return [
        Reviewable(
            id=row.id,
            looks=tuple((look.sha256 or look.file, look.xyxy_px or ()) for look in row.looks),
        )
        for row in results.candidates
    ]


def belongs_to(folder: Path, operation: str) -> None:
    """Note that a search belongs to an operation; decisions made on it before are carried over.

    Args:
        folder: where ``candidates.json`` lies.
        operation: the operation's log, a file or a database's URL.

    Raises:
        UsageError: the search belongs to another operation, or the log cannot be used.
    """
    named = without_password(operation) if is_database_url(operation) else os.path.relpath(operation, folder)
    before = _pointer(folder)
    if before == named:
        return
    if before is not None:
        raise UsageError(
            Message("{folder} belongs to the operation {before}", folder=folder, before=before),
            remedy="leave --operation out, or name that one",
        )
    own = folder / LOG_NAME
    if own.is_file():
        with OperationsLog(own) as old, OperationsLog(operation) as new:
            old.verify()
            carry_over(old, new)
    text = json.dumps({"schema_version": 1, "operation": named}, ensure_ascii=False)
    write_files({folder / _POINTER: text.encode()}, overwrite=True)


def log_beside(folder: Path) -> Path | str:
    """Where the decisions on a search are kept: its own log, or its operation's.

    Raises:
        InputFileError: ``operation.json`` cannot be used.
    """
    named = _pointer(folder)
    if named is None:
        return folder / LOG_NAME
    if not is_database_url(named):
        return folder / named
    given = os.environ.get(_FROM_OUTSIDE, "")
    return given if is_database_url(given) and without_password(given) == named else named


def _pointer(folder: Path) -> str | None:
    path = folder / _POINTER
    if not path.is_file():
        return None
    return read_artefact(path, _Pointer, remedy="written by airbeat detect --operation").operation


def decisions_beside(folder: Path, results: SearchResults) -> dict[str, Decision]:
    """The decisions that count on the candidates of a search; none where nobody has reviewed it.

    Args:
        folder: where ``candidates.json`` lies.
        results: what is in that.

    Raises:
        InputFileError: the log was tampered with.
    """
    place = log_beside(folder)
    if isinstance(place, Path) and not place.is_file():
        return {}
    with OperationsLog(place) as log:
        log.verify()
        return Reviews(log, reviewables(results)).state()


def logged_sha256(folder: Path) -> str:
    """Hash of the last event of the log with the decisions on a search; "" where there is none."""
    place = log_beside(folder)
    if isinstance(place, Path) and not place.is_file():
        return ""
    with OperationsLog(place) as log:
        return log.last_sha256()
