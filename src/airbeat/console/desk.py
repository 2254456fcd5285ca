"""The review desk's state: candidates, who looks at which, what was decided, and their pictures.

Everything comes from the files of a search and from the log; the desk keeps nothing of its own, so that
several desks and several consoles see the same. Results that are written anew while a desk is open (`airbeat
watch`, or another `airbeat detect`) are taken up at once; decisions follow what was looked at.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from airbeat.console.generation import Generation
from airbeat.errors import AirbeatError, FrameError, InputFileError
from airbeat.frames.reader import load_image, read_frame_meta
from airbeat.geo.coordinates import LatLon
from airbeat.locate.ground import pixel_of
from airbeat.ops.happenings import Happening
from airbeat.ops.log import OperationsLog
from airbeat.ops.reviews import Decision, Verdict
from airbeat.report.handover import FOLDER as HANDOVER
from airbeat.report.handover import confirmed_sightings, write_handover
from airbeat.report.searched import CandidateRow, FrameRow, SearchResults, no_results, read_search_results

__all__ = ["Conflict", "Desk", "Renumbered", "Unknown"]

RESULTS = "candidates.json"

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


class Renumbered(Exception):  # noqa: N818 - an answer, not a failure
    """The search was written anew since this desk last looked, and the name now means another candidate."""


class Desk:
    """The candidates of one search, for several reviewers at once.

    Where nothing was searched yet there are no candidates.

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
        self._read_at = self._written_at()
        self._now = Generation(self._read(), log)
        self._trouble: AirbeatError | None = None
        self._reading = Lock()
        self._lock = Lock()
        self._kept: OrderedDict[str, npt.NDArray[np.uint8]] = OrderedDict()

    @property
    def photographs(self) -> Path:
        """Folder of the photographs."""
        if self._photographs is not None:
            return self._photographs
        source = self.results.source
        return Path(source) if source and Path(source).is_dir() else self.folder / "frames"

    def _read(self) -> SearchResults:
        """What was searched; nothing where there is no file."""
        path = self.folder / RESULTS
        return read_search_results(path) if path.exists() else no_results()

    @property
    def results(self) -> SearchResults:
        """What the search has found so far."""
        return self._generation().results

    @property
    def generation(self) -> int:
        """Counts up with every state of the search's results."""
        return self._generation().number

    def _generation(self) -> Generation:
        """The state of the search's results now; where it cannot be read, the last that could be."""
        if self._written_at() != self._read_at and self._reading.acquire(blocking=False):
            try:
                self._read_at = self._written_at()
                results = self._read()
                before = self._now
                self._now = Generation(results, self.log, number=before.number + 1, before=before)
                self._trouble = None
            except AirbeatError as error:
                self._trouble = error
            finally:
                self._reading.release()
        return self._now

    def _written_at(self) -> tuple[int, int, int] | None:
        """What changes when the results are written anew; None where they are not there."""
        try:
            status = (self.folder / RESULTS).stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    # What is decided

    def listed(self, reviewer: str) -> dict[str, Any]:
        """All candidates, best first, as this reviewer may see them; and the counts that are always shown.

        Raises:
            InputFileError: the results were written anew, but cannot be read.
        """
        now = self._generation()
        if self._trouble is not None:
            raise self._trouble
        decided, last_event = self._state(now)
        held = self.log.claims.held()
        rows = [self._row(row, decided.get(row.id, {}), held, reviewer) for row in now.results.candidates]
        counts = {v.value: sum(r["verdict"] == v.value for r in rows) for v in Verdict}
        counts |= {
            "candidates": len(rows),
            "unreviewed": sum(not decided.get(r["id"]) for r in rows),
            "open_for_you": sum(r["open"] for r in rows),
            "disputed": sum(bool(r["disputed"]) for r in rows),
            "not_searched": len(now.results.not_searched),
        }
        return {
            "candidates": rows,
            "counts": counts,
            "event": last_event,
            "second_look": self.second_look,
            "generation": now.number,
            "searched": len(now.results.frames),
        }

    def decide(
        self,
        candidate: str,
        verdict: str,
        *,
        reviewer: str,
        note: str,
        seen_event: int,
        despite: bool,
        generation: int | None = None,
    ) -> dict[str, Any]:
        """Add a decision.

        Args:
            candidate: its id.
            verdict: person, clue, no or unsure.
            reviewer: who decides.
            note: what is to be remembered.
            seen_event: number of the last event that the desk had been told of.
            despite: decide although somebody else did since.
            generation: the state of the results that the desk shows; None for the present one.

        Raises:
            Unknown: no such candidate or verdict.
            Renumbered: the desk shows another candidate under that name.
            Conflict: somebody else decided on it since ``seen_event``, and the second look is not wanted.
        """
        now = self._meant(candidate, generation)
        if verdict not in {v.value for v in Verdict}:
            raise Unknown
        with self._lock:
            others = [
                d
                for who, d in now.standing.by_reviewer().get(candidate, {}).items()
                if who != reviewer and d.event > seen_event
            ]
            if others and not despite and not self.second_look:
                raise Conflict(_decision_json(max(others, key=lambda d: d.event)))
            event = now.reviews.decide(
                candidate, Verdict(verdict), reviewer=reviewer, note=note.strip()[:_MOST_NOTE]
            )
        return {"event": event.number}

    def undo(self, candidate: str, *, reviewer: str, generation: int | None = None) -> dict[str, Any]:
        """Take this reviewer's last decision on a candidate back.

        Raises:
            Unknown: no such candidate, or nothing of this reviewer's to take back.
            Renumbered: the desk shows another candidate under that name.
        """
        now = self._meant(candidate, generation)
        with self._lock:
            mine = now.standing.by_reviewer().get(candidate, {}).get(reviewer)
            if mine is None:
                raise Unknown
            event = now.reviews.undo_event(candidate, mine.event, reviewer=reviewer)
        return {"event": event.number}

    def _meant(self, candidate: str, generation: int | None) -> Generation:
        """The present state, if a name means in it what it meant in the one that a desk shows."""
        now = self._generation()
        if candidate not in now.rows:
            raise Unknown
        if generation is not None and generation < now.means_since[candidate]:
            raise Renumbered
        return now

    def claim_next(
        self, *, reviewer: str, order: str, after: str, keep: Sequence[str] = (), ahead: int = 0
    ) -> list[str]:
        """The next candidates that this reviewer has not decided on and nobody else looks at.

        Args:
            reviewer: who.
            order: ``score`` for the best first, ``place`` for the nearest to ``after`` first.
            after: the candidate looked at before, or "".
            keep: what the reviewer looks at or was promised before; it comes first while it is open.
            ahead: how many may be claimed besides the next, so that a desk can step without asking.

        Returns:
            The next candidate and those after it; empty where nothing is left.
        """
        promised = {name: place for place, name in enumerate(reversed(keep), start=1)}
        now = self._generation()
        here = now.rows.get(after)
        while True:
            decided, _ = self._state(now)
            waiting = [r for r in now.results.candidates if self._is_open(decided.get(r.id, {}), reviewer)]
            if order == "place" and here is not None and here.position is not None:
                waiting.sort(key=lambda row: _apart(row, here))
            waiting.sort(key=lambda row: -promised.get(row.id, 0))
            taken = self.log.claims.take([row.id for row in waiting], most=1 + ahead, reviewer=reviewer)
            # Who had it a moment ago may have decided between the look at the log and the claim.
            decided, _ = self._state(now)
            if all(self._is_open(decided.get(name, {}), reviewer) for name in taken):
                return taken

    def _is_open(self, decided: dict[str, Decision], reviewer: str) -> bool:
        return reviewer not in decided and len(decided) < (2 if self.second_look else 1)

    def _state(self, now: Generation) -> tuple[dict[str, dict[str, Decision]], int]:
        """What is decided, by candidate and reviewer; and the number of the last event that says so."""
        with self._lock:
            return now.standing.by_reviewer(), now.standing.last_event

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
            "crop": Path(row.crop).name,
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
        now = self._generation()
        sightings, unplaced = confirmed_sightings(now.results, now.reviews.state())
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
        now = self._generation()
        row = now.rows.get(candidate)
        if row is None:
            raise Unknown
        places = list(self._places(row, now))
        return {
            "id": row.id,
            "places": [
                {"file": p.file, "sha256": p.sha256, "x_px": p.x_px, "y_px": p.y_px, "has_box": p.has_box}
                for p in places
            ],
            "looks": [
                {"file": k.file, "sha256": k.sha256, "xyxy_px": k.xyxy_px, "gsd_m_px": _gsd(now, k.sha256)}
                for k in row.looks
            ],
        }

    def crop(self, candidate: str) -> bytes:
        """The cut-out of a candidate's best look, JPEG.

        Raises:
            Unknown: no such candidate, or its cut-out cannot be read.
        """
        row = self._generation().rows.get(candidate)
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

    def _places(self, row: CandidateRow, now: Generation) -> list[_Place]:
        places, shown = [], set()
        for look in row.looks:
            if look.xyxy_px is not None and look.sha256 in now.frames:
                x, y = (look.xyxy_px[0] + look.xyxy_px[2]) / 2, (look.xyxy_px[1] + look.xyxy_px[3]) / 2
                places.append(_Place(look.file, look.sha256, x, y, has_box=True))
                shown.add(look.file)
        for file in row.missed_in:
            frame = now.by_file.get(file)
            pixel = None if frame is None or file in shown else _pixel(frame, row.position)
            if frame is not None and pixel is not None:
                places.append(_Place(file, frame.sha256, *pixel, has_box=False))
        return places

    def _image(self, sha256: str) -> npt.NDArray[np.uint8]:
        row = self._generation().frames.get(sha256)
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


def _gsd(now: Generation, sha256: str) -> float | None:
    frame = now.frames.get(sha256)
    return frame.gsd_m_px if frame else None


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
