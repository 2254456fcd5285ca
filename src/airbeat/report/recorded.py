"""A finished search, told to the operation's log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airbeat.detect.run import DetectionRun
from airbeat.ops.happenings import Happening
from airbeat.ops.recorder import Recorder, files_of

__all__ = ["recorded_search"]


def recorded_search(recorder: Recorder, run: DetectionRun) -> None:
    """Tell of a finished search: frames and candidates that the log has not yet, and its end."""
    if recorder.log is None:
        return
    known = recorder.log.events(kinds=[Happening.FRAME_SEARCHED.value, Happening.CANDIDATE_FOUND.value])
    frames = {e.payload["sha256"] for e in known if e.kind == Happening.FRAME_SEARCHED.value}
    found = {_looks_key(e.payload["looks"]) for e in known if e.kind == Happening.CANDIDATE_FOUND.value}
    recorder.tell_all((Happening.FRAME_SEARCHED, f) for f in _frames(run) if f["sha256"] not in frames)
    recorder.tell_all(
        (Happening.FRAME_REFUSED, {"file": refusal.path.name, "reason": refusal.reason})
        for refusal in run.refused
    )
    candidates = [c for c in _candidates(run) if _looks_key(c["looks"]) not in found]
    recorder.tell_all((Happening.CANDIDATE_FOUND, c) for c in candidates)
    recorder.tell(
        Happening.SEARCH_ENDED,
        source=run.source,
        detector=run.detector,
        threshold=run.threshold,
        frames=len(run.frames),
        refused=len(run.refused),
        candidates=len(run.candidates),
        new_candidates=len(candidates),
        files=files_of([run.json_path]),
    )


def _looks_key(looks: Iterable[Mapping[str, Any]]) -> frozenset[tuple[str, tuple[float, ...]]]:
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
