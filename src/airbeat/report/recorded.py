"""A search, told to the operation's log: as it goes on, and its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from airbeat.detect.run import DetectionRun
from airbeat.ops.happenings import Happening
from airbeat.ops.recorder import Recorder, files_of

__all__ = ["SearchRecord", "recorded_search"]

_LookKey = tuple[str, tuple[float, ...]]


class SearchRecord:
    """Tells of a search, as often as there is more of it, what the log does not say yet.

    Files that cannot be searched are told of once in every search: what is wrong with them may have changed.

    Args:
        recorder: what is told.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._frames: set[str] = set()
        self._refused: set[tuple[str, str]] = set()
        self._found: set[frozenset[_LookKey]] = set()
        self._looks: set[_LookKey] = set()
        if recorder.log is None:
            return
        kinds = [Happening.FRAME_SEARCHED.value, Happening.CANDIDATE_FOUND.value]
        for event in recorder.log.events(kinds=kinds):
            if event.kind == Happening.FRAME_SEARCHED:
                self._frames.add(event.payload["sha256"])
            else:
                self._know(_looks_key(event.payload["looks"]))

    def so_far(self, run: DetectionRun) -> None:
        """Tell of new frames, of files that cannot be searched, and of candidates that nobody knew of.

        Raises:
            UsageError: the log cannot be written; what is told next includes all this.
        """
        self._tell(run, self._looks.isdisjoint)

    def ended(self, run: DetectionRun) -> None:
        """Tell of what is new, of candidates that have other looks than was said, and of the end.

        Raises:
            UsageError: the log cannot be written.
        """
        if self._recorder.log is None:
            return
        told = self._tell(run, lambda looks: looks not in self._found)
        self._recorder.tell(
            Happening.SEARCH_ENDED,
            source=run.source,
            detector=run.detector,
            threshold=run.threshold,
            frames=len(run.frames),
            refused=len(run.refused),
            candidates=len(run.candidates),
            new_candidates=told,
            files=files_of([run.json_path]),
        )

    def _tell(self, run: DetectionRun, is_new: Callable[[frozenset[_LookKey]], bool]) -> int:
        if self._recorder.log is None:
            return 0
        frames = [f for f in _frames(run) if f["sha256"] not in self._frames]
        refused = [{"file": r.path.name, "reason": r.reason} for r in run.refused]
        refused = [r for r in refused if (r["file"], r["reason"]) not in self._refused]
        candidates = [c for c in _candidates(run) if is_new(_looks_key(c["looks"]))]
        self._recorder.tell_all(
            [
                *((Happening.FRAME_SEARCHED, f) for f in frames),
                *((Happening.FRAME_REFUSED, r) for r in refused),
                *((Happening.CANDIDATE_FOUND, c) for c in candidates),
            ]
        )
        self._frames |= {f["sha256"] for f in frames}
        self._refused |= {(r["file"], r["reason"]) for r in refused}
        for candidate in candidates:
            self._know(_looks_key(candidate["looks"]))
        return len(candidates)

    def _know(self, looks: frozenset[_LookKey]) -> None:
        self._found.add(looks)
        self._looks |= looks


def recorded_search(recorder: Recorder, run: DetectionRun) -> None:
    """Tell of a finished search: frames and candidates that the log has not yet, and its end."""
    SearchRecord(recorder).ended(run)


def _looks_key(looks: Iterable[Mapping[str, Any]]) -> frozenset[_LookKey]:
    return frozenset((look["sha256"], tuple(look["xyxy_px"])) for look in looks)


def _frames(run: DetectionRun) -> Iterator[dict[str, Any]]:
    for frame in run.frames:
        meta = frame.meta
        yield {
            "file": meta.path.name,
            "sha256": meta.sha256,
            "gsd_m_px": frame.gsd_m_px,
            "boxes": len(frame.detections.xyxy_px),
            "lat_deg": meta.position.lat_deg if meta.position else None,
            "lon_deg": meta.position.lon_deg if meta.position else None,
        }


def _candidates(run: DetectionRun) -> Iterator[dict[str, Any]]:
    for record in run.candidates:
        point = record.candidate.point
        yield {
            "candidate": record.id,
            "score": record.candidate.score,
            "lat_deg": point.position.lat_deg if point else None,
            "lon_deg": point.position.lon_deg if point else None,
            "ce90_m": point.ce90_m if point else None,
            "looks": [{"sha256": sha, "xyxy_px": list(box)} for sha, box in record.boxes],
        }
