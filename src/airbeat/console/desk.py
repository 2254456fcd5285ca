"""The review desk's state: candidates, who looks at which, what was decided, and their pictures.

Everything comes from the files of a search and from the log; the desk keeps nothing of its own, so that
several desks and several consoles see the same.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from airbeat.errors import AirbeatError, FrameError, InputFileError
from airbeat.frames.reader import load_image, read_frame_meta
from airbeat.geo.coordinates import LatLon
from airbeat.locate.ground import pixel_of
from airbeat.ops.happenings import Happening
from airbeat.ops.log import OperationsLog
from airbeat.ops.reviews import Decision, Reviews, Verdict
from airbeat.report.handover import FOLDER as HANDOVER
from airbeat.report.handover import confirmed_sightings, write_handover
from airbeat.report.reviewed import reviewables
from airbeat.report.searched import (
    CandidateRow,
    FrameRow,
    SearchResults,
    no_results,
    read_search_results,
)

__all__ = ["Conflict", "Desk", "Unknown"]

_MOST_NOTE = 2000
_FRAMES_KEPT = 3
_AROUND_PX = 160
"""Half a side of the cut-outs of neighbouring frames [px]."""


class Unknown(Exception):  # noqa: N818 - an answer, not a failure
    """No such candidate, frame or picture."""


class Conflict(Exception):  # noqa: N818 - an answer, not a failure
    """Somebody else decided since this desk last looked."""

    def __init__(self, now: dict[str, Any]) -> None:
        super().__init__("decided meanwhile")
        self.now = now


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a candidate should be in a frame, and whether the search had a box there."""

    file: str
    sha256: str
    x_px: float
    y_px: float
    has_box: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """A search's results as they were last read, and what is made of them."""

    stamp: tuple[int, int, int] | None
    results: SearchResults
    rows: dict[str, CandidateRow]
    frames: dict[str, FrameRow]
    by_file: dict[str, FrameRow]
    reviews: Reviews


class Desk:
    """The candidates of one search, for several reviewers at once.

    What was searched meanwhile is read again whenever the file has changed; where nothing was searched yet
    there are no candidates.

    Args:
        folder: where ``candidates.json`` lies, or will.
        photographs: folder of the photographs; None for where the search found them.
        log: where decisions are kept.
        second_look: whether each candidate needs two reviewers, the second without knowing the first's word.

    Raises:
        InputFileError: the search's files cannot be used.
    """

    def __init__(
        self, folder: Path, photographs: Path | None, log: OperationsLog, *, second_look: bool
    ) -> None:
        self.folder = folder
        self._photographs = photographs
        self.log = log
        self.second_look = second_look
        self._reading = Lock()
        self._search = self._read(self._stamp())
        self._lock = Lock()
        self._kept: OrderedDict[str, npt.NDArray[np.uint8]] = OrderedDict()
        self._seen = -1
        self._seen_in: _Search | None = None
        self._decided: dict[str, dict[str, Decision]] = {}

    # What was searched

    @property
    def results(self) -> SearchResults:
        """What was searched so far."""
        return self._now().results

    @property
    def photographs(self) -> Path:
        """Folder of the photographs."""
        if self._photographs is not None:
            return self._photographs
        source = self.results.source
        return Path(source) if source and Path(source).is_dir() else self.folder / "frames"

    def _stamp(self) -> tuple[int, int, int] | None:
        """Changes with the file; None where there is none."""
        try:
            known = (self.folder / "candidates.json").stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputFileError(f"cannot be read: {error.strerror}", where=str(self.folder)) from error
        return known.st_mtime_ns, known.st_size, known.st_ino

    def _now(self) -> _Search:
        stamp = self._stamp()
        if stamp == self._search.stamp:
            return self._search
        with self._reading:
            if stamp != self._search.stamp:
                self._search = self._read(stamp)
        return self._search

    def _read(self, stamp: tuple[int, int, int] | None) -> _Search:
        path = self.folder / "candidates.json"
        results = no_results() if stamp is None else read_search_results(path)
        return _Search(
            stamp=stamp,
            results=results,
            rows={row.id: row for row in results.candidates},
            frames={row.sha256: row for row in results.frames if row.sha256},
            by_file={row.file: row for row in results.frames},
            reviews=Reviews(self.log, reviewables(results)),
        )

    # What is decided

    def listed(self, reviewer: str) -> dict[str, Any]:
        """All candidates, best first, as this reviewer may see them; and the counts that are always shown."""
        decided, held = self._state(), self.log.claims.held()
        rows = [self._row(row, decided.get(row.id, {}), held, reviewer) for row in self.results.candidates]
        counts = {v.value: sum(r["verdict"] == v.value for r in rows) for v in Verdict}
        counts |= {
            "candidates": len(rows),
            "unreviewed": sum(not decided.get(r["id"]) for r in rows),
            "open_for_you": sum(r["open"] for r in rows),
            "disputed": sum(bool(r["disputed"]) for r in rows),
            "not_searched": len(self.results.not_searched),
        }
        return {
            "candidates": rows,
            "counts": counts,
            "event": self._seen,
            "second_look": self.second_look,
            "searched": len(self.results.frames),
        }

    def decide(
        self, candidate: str, verdict: str, *, reviewer: str, note: str, seen_event: int, despite: bool
    ) -> dict[str, Any]:
        """Add a decision.

        Args:
            candidate: its id.
            verdict: person, clue, no or unsure.
            reviewer: who decides.
            note: what is to be remembered.
            seen_event: number of the last event that the desk had been told of.
            despite: decide although somebody else did since.

        Raises:
            Unknown: no such candidate or verdict.
            Conflict: somebody else decided on it since ``seen_event``, and the second look is not wanted.
        """
        if candidate not in self._now().rows or verdict not in {v.value for v in Verdict}:
            raise Unknown
        with self._lock:
            others = [
                d
                for who, d in self._fresh().get(candidate, {}).items()
                if who != reviewer and d.event > seen_event
            ]
            if others and not despite and not self.second_look:
                raise Conflict(_decision_json(max(others, key=lambda d: d.event)))
            event = self._now().reviews.decide(
                candidate, Verdict(verdict), reviewer=reviewer, note=note.strip()[:_MOST_NOTE]
            )
        return {"event": event.number}

    def undo(self, candidate: str, *, reviewer: str) -> dict[str, Any]:
        """Take this reviewer's last decision on a candidate back.

        Raises:
            Unknown: no such candidate, or nothing of this reviewer's to take back.
        """
        with self._lock:
            mine = self._fresh().get(candidate, {}).get(reviewer)
            if mine is None:
                raise Unknown
            event = self._now().reviews.undo_event(candidate, mine.event, reviewer=reviewer)
        return {"event": event.number}

    def claim_next(self, *, reviewer: str, order: str, after: str) -> str | None:
        """The next candidate that this reviewer has not decided on and nobody else looks at.

        Args:
            reviewer: who.
            order: ``score`` for the best first, ``place`` for the nearest to ``after`` first.
            after: the candidate looked at before, or "".
        """
        here = self._now().rows.get(after)
        while True:
            decided = self._state()
            waiting = [r for r in self.results.candidates if self._is_open(decided.get(r.id, {}), reviewer)]
            if order == "place" and here is not None and here.position is not None:
                waiting.sort(key=lambda row: _apart(row, here))
            taken = self.log.claims.take_first([row.id for row in waiting], reviewer=reviewer)
            # Who had it a moment ago may have decided between the look at the log and the claim.
            if taken is None or self._is_open(self._state().get(taken, {}), reviewer):
                return taken

    def _is_open(self, decided: dict[str, Decision], reviewer: str) -> bool:
        return reviewer not in decided and len(decided) < (2 if self.second_look else 1)

    def _state(self) -> dict[str, dict[str, Decision]]:
        with self._lock:
            return self._fresh()

    def _fresh(self) -> dict[str, dict[str, Decision]]:
        """What is decided, read again only where the log has grown."""
        last, search = self.log.last_number(), self._now()
        if last != self._seen or search is not self._seen_in:
            self._decided = search.reviews.by_reviewer()
            self._seen, self._seen_in = last, search
        return self._decided

    def _row(
        self, row: CandidateRow, decided: dict[str, Decision], held: dict[str, str], reviewer: str
    ) -> dict[str, Any]:
        mine = decided.get(reviewer)
        hidden = self.second_look and mine is None
        verdicts = {d.verdict for d in decided.values()}
        last = None if hidden or not decided else max(decided.values(), key=lambda d: d.event)
        return {
            "id": row.id,
            "score": row.score,
            "lat_deg": row.lat_deg,
            "lon_deg": row.lon_deg,
            "ce90_m": row.ce90_m,
            "looks": len(row.looks),
            "frames_over_it": row.frames_over_it,
            "verdict": last.verdict.value if last else None,
            "decision": _decision_json(last) if last else None,
            "open": self._is_open(decided, reviewer),
            "disputed": not hidden and len(verdicts) > 1,
            "claimed_by": held.get(row.id) if held.get(row.id) != reviewer else None,
        }

    def hand_over(self, *, reviewer: str) -> dict[str, Any]:
        """Write the hand-over files of the persons and clues as they are decided now, and say so in the log.

        Returns:
            ``files``, and ``without_place``: those that are confirmed but whose place nobody knows.

        Raises:
            UsageError: they cannot be written.
        """
        sightings, unplaced = confirmed_sightings(self.results, self._now().reviews.state())
        written = write_handover(self.folder / HANDOVER, sightings)
        files = [
            {"file": p.name, "sha256": hashlib.sha256(p.read_bytes()).hexdigest()} for p in sorted(written)
        ]
        if files:
            self.log.append(Happening.HANDOVER_WRITTEN.value, {"files": files}, actor=reviewer)
        return {"files": [f["file"] for f in files], "without_place": unplaced}

    def handed_over(self, name: str) -> bytes:
        """One of the hand-over files.

        Raises:
            Unknown: there is none of that name.
        """
        folder = self.folder / HANDOVER
        path = next((p for p in folder.glob("*") if p.name == name and p.is_file()), None)
        if path is None:
            raise Unknown
        return path.read_bytes()

    # What there is to see

    def detail(self, candidate: str) -> dict[str, Any]:
        """Looks at a candidate, and where it should be in the frames that show the place without a box.

        Raises:
            Unknown: no such candidate.
        """
        row = self._now().rows.get(candidate)
        if row is None:
            raise Unknown
        places = list(self._places(row))
        return {
            "id": row.id,
            "places": [
                {"file": p.file, "sha256": p.sha256, "x_px": p.x_px, "y_px": p.y_px, "has_box": p.has_box}
                for p in places
            ],
            "looks": [
                {"file": k.file, "sha256": k.sha256, "xyxy_px": k.xyxy_px, "gsd_m_px": self._gsd(k.sha256)}
                for k in row.looks
            ],
        }

    def crop(self, candidate: str) -> bytes:
        """The cut-out of a candidate's best look, JPEG.

        Raises:
            Unknown: no such candidate, or its cut-out cannot be read.
        """
        row = self._now().rows.get(candidate)
        try:
            if row is None:
                raise Unknown
            return _jpeg(cv2.imdecode(np.frombuffer(row.crop_in(self.folder).read_bytes(), np.uint8), 1))
        except (OSError, InputFileError, cv2.error) as error:
            raise Unknown from error

    def frame(self, sha256: str) -> bytes:
        """A whole frame as the search saw it, JPEG.

        Raises:
            Unknown: no frame of this search, or its file is no longer what was searched.
        """
        return _jpeg(self._image(sha256))

    def around(self, sha256: str, x_px: float, y_px: float) -> bytes:
        """What a frame shows around a pixel, JPEG.

        Raises:
            Unknown: as for ``frame``.
        """
        image = self._image(sha256)
        height, width = image.shape[:2]
        left = int(min(max(x_px - _AROUND_PX, 0), max(width - 2 * _AROUND_PX, 0)))
        top = int(min(max(y_px - _AROUND_PX, 0), max(height - 2 * _AROUND_PX, 0)))
        return _jpeg(image[top : top + 2 * _AROUND_PX, left : left + 2 * _AROUND_PX])

    def _places(self, row: CandidateRow) -> list[_Place]:
        places, shown, search = [], set(), self._now()
        for look in row.looks:
            if look.xyxy_px is not None and look.sha256 in search.frames:
                x, y = (look.xyxy_px[0] + look.xyxy_px[2]) / 2, (look.xyxy_px[1] + look.xyxy_px[3]) / 2
                places.append(_Place(look.file, look.sha256, x, y, has_box=True))
                shown.add(look.file)
        for file in row.missed_in:
            frame = search.by_file.get(file)
            pixel = None if frame is None or file in shown else _pixel(frame, row.position)
            if frame is not None and pixel is not None:
                places.append(_Place(file, frame.sha256, *pixel, has_box=False))
        return places

    def _gsd(self, sha256: str) -> float | None:
        frame = self._now().frames.get(sha256)
        return frame.gsd_m_px if frame else None

    def _image(self, sha256: str) -> npt.NDArray[np.uint8]:
        row = self._now().frames.get(sha256)
        if row is None:
            raise Unknown
        with self._lock:
            if sha256 in self._kept:
                self._kept.move_to_end(sha256)
                return self._kept[sha256]
        try:
            meta = read_frame_meta(self._file(row))
            if meta.sha256 != sha256:
                raise Unknown
            image = load_image(meta)
        except (AirbeatError, OSError) as error:
            raise Unknown from error
        with self._lock:
            self._kept[sha256] = image
            while len(self._kept) > _FRAMES_KEPT:
                self._kept.popitem(last=False)
        return image

    def _file(self, row: FrameRow) -> Path:
        """The file of a frame; names in ``candidates.json`` lead nowhere but below the two folders."""
        for folder in (self.photographs, self.folder / "frames"):
            path = (folder / row.file).resolve()
            if path.is_relative_to(folder.resolve()) and path.is_file():
                return path
        raise Unknown


def _pixel(frame: FrameRow, position: LatLon | None) -> tuple[float, float] | None:
    if position is None:
        return None
    try:
        ((x, y),) = pixel_of(frame.meta(), [position], ground_height_m=frame.ground_height_above_home_m)
    except FrameError:
        return None
    inside = 0 <= x <= frame.width_px and 0 <= y <= frame.height_px
    return (float(x), float(y)) if inside else None


def _apart(row: CandidateRow, here: CandidateRow) -> float:
    if row.position is None or here.position is None:
        return math.inf
    east = (row.position.lon_deg - here.position.lon_deg) * math.cos(math.radians(here.position.lat_deg))
    return math.hypot(row.position.lat_deg - here.position.lat_deg, east)


def _jpeg(image: npt.NDArray[Any] | None) -> bytes:
    if image is None:
        raise Unknown
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not done:
        raise Unknown
    return data.tobytes()


def _decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "verdict": decision.verdict.value,
        "note": decision.note,
        "reviewer": decision.reviewer,
        "time_utc": decision.time_utc.isoformat(),
        "event": decision.event,
    }
