"""Which photographs count for a POD: those that were received and then really looked through.

A photograph counts when people looked through the whole of it, or when a detector with a measured detection
curve searched it and somebody decided on every candidate in it. Everything else counts for nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field

from airbeat.errors import InputFileError, UsageError
from airbeat.report.artefact import Part, read_artefact
from airbeat.report.reviewed import decisions_beside, logged_sha256
from airbeat.report.searched import FrameRow, SearchResults

__all__ = ["Counted", "Decision", "ReviewState", "count_frames", "find_reviews", "no_reviews", "read_reviews"]


class Decision(StrEnum):
    """What a reviewer said of a candidate."""

    PERSON = "person"
    CLUE = "clue"
    NO = "no"
    UNSURE = "unsure"


class _FrameReview(Part):
    file: str
    reviewer: str = ""


class _CandidateReview(Part):
    candidate: str
    decision: Decision
    reviewer: str = ""
    note: str = ""


class _ReviewsFile(Part):
    schema_name: Literal["airbeat/reviews/1"] = Field(alias="schema")
    frames: list[_FrameReview] = Field(default_factory=list)
    candidates: list[_CandidateReview] = Field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewState:
    """What people did with the photographs and candidates so far.

    Attributes:
        frames: names of photographs that people looked through whole.
        decisions: what was said of candidates, by their id; a candidate that is not in it is undecided.
        notes: a reviewer's note on a candidate, by its id.
        reviewers: who reviewed, as far as it was written down.
    """

    frames: frozenset[str]
    decisions: Mapping[str, Decision]
    notes: Mapping[str, str]
    reviewers: tuple[str, ...]


def no_reviews() -> ReviewState:
    """Nobody looked at anything yet."""
    return ReviewState(frames=frozenset(), decisions={}, notes={}, reviewers=())


def read_reviews(path: Path, results: SearchResults) -> ReviewState:
    """The state of the review in a ``reviews.json``.

    Args:
        path: the file; the last entry on a photograph or candidate counts.
        results: the search that was reviewed.

    Raises:
        InputFileError: it cannot be read, or names a photograph or candidate that the search has not.
    """
    read = read_artefact(path, _ReviewsFile, remedy="review the candidates first")
    known = {row.file for row in results.frames} | {row.file for row in results.not_searched}
    _refuse_unknown(path, "photograph", (f.file for f in read.frames), known)
    _refuse_unknown(
        path, "candidate", (c.candidate for c in read.candidates), {c.id for c in results.candidates}
    )
    names = [f.reviewer for f in read.frames] + [c.reviewer for c in read.candidates]
    return ReviewState(
        frames=frozenset(f.file for f in read.frames),
        decisions={c.candidate: c.decision for c in read.candidates},
        notes={c.candidate: c.note for c in read.candidates if c.note},
        reviewers=tuple(n for n in dict.fromkeys(names) if n),
    )


def find_reviews(path: Path | None, folder: Path, results: SearchResults) -> tuple[ReviewState, str]:
    """The state of the review, and the SHA-256 of where it was read ("" where there is none).

    Args:
        path: the file, or None for ``reviews.json`` in ``folder``, where there is one.
        folder: of the candidates.
        results: the search that was reviewed.

    Raises:
        InputFileError: it cannot be read, or is another search's.
    """
    chosen = path or folder / "reviews.json"
    if path is None and not chosen.is_file():
        return _logged(folder, results)
    review = read_reviews(chosen, results)
    return review, hashlib.sha256(chosen.read_bytes()).hexdigest()


def _logged(folder: Path, results: SearchResults) -> tuple[ReviewState, str]:
    """What ``airbeat review`` wrote into the operations log beside the candidates."""
    decided = decisions_beside(folder, results)
    if not decided:
        return no_reviews(), ""
    review = ReviewState(
        frames=frozenset(),
        decisions={name: Decision(d.verdict.value) for name, d in decided.items()},
        notes={name: d.note for name, d in decided.items() if d.note},
        reviewers=tuple(dict.fromkeys(d.reviewer for d in decided.values())),
    )
    return review, logged_sha256(folder)


def _refuse_unknown(path: Path, what: str, named: Iterable[str], known: set[str]) -> None:
    for name in named:
        if name not in known:
            raise InputFileError(
                f"{what} {name[:80]!r} is not in this search",
                where=str(path),
                remedy="give the review of this search",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Which photographs count.

    Attributes:
        rows: those that do.
        left_out: (photograph, why it does not) of the others that were received.
        reviewed: how many people looked through, or decided on where a measured detector searched.
        method: how, one sentence.
    """

    rows: tuple[FrameRow, ...]
    left_out: tuple[tuple[str, str], ...]
    reviewed: int
    method: str


def count_frames(results: SearchResults, review: ReviewState, *, measured: bool) -> Counted:
    """The photographs that count, and why the others do not.

    Args:
        results: what was received and searched by program.
        review: what people did.
        measured: whether the detection curve was measured on a detector; a rule for people who look gives
            the detector's silence no value.

    Raises:
        UsageError: the same photograph twice in the search.
    """
    rows, left_out = [], [(row.file, f"not readable: {row.reason}") for row in results.not_searched]
    open_ids: dict[str, list[str]] = {}
    for candidate in results.candidates:
        if review.decisions.get(candidate.id, Decision.UNSURE) is Decision.UNSURE:
            for look in candidate.looks:
                open_ids.setdefault(look.file, []).append(candidate.id)
    seen: set[str] = set()
    for row in results.frames:
        if row.file in seen:
            raise UsageError(f"{row.file} is in the search twice", remedy="search each folder on its own")
        seen.add(row.file)
        undecided = open_ids.get(row.file, [])
        if row.file in review.frames and not undecided:
            rows.append(row)
        elif undecided:
            ids = ", ".join(sorted(set(undecided))[:5])
            left_out.append((row.file, f"a candidate in it is undecided: {ids}"))
        elif measured:
            rows.append(row)
        else:
            left_out.append((row.file, "nobody looked through it"))
    looked = len(review.frames & seen)
    by = "searched by the detector whose curve was measured, every candidate decided by people"
    method = by if measured else "looked through by people"
    return Counted(rows=tuple(rows), left_out=tuple(left_out), reviewed=max(looked, len(rows)), method=method)
