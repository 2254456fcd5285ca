"""What a search writes: `candidates.json`, `candidates.geojson` (RFC 7946) and the cut-outs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airbeat import __version__
from airbeat.formats.atomic import write_files

if TYPE_CHECKING:
    from airbeat.detect.run import CandidateRecord, DetectionRun
    from airbeat.detect.search import SearchedFrame
    from airbeat.locate.accuracy import GroundPoint

__all__ = ["NOTE", "SCHEMA", "crop_name", "write_results"]

SCHEMA = "airbeat/candidates/1"
NOTE = "Candidates, not confirmed. Photographs without candidates are not cleared."


def crop_name(candidate_id: str, jpeg: bytes) -> str:
    """File name of a cut-out: it says its candidate and changes with its content."""
    return f"{candidate_id}-{hashlib.sha256(jpeg).hexdigest()[:8]}.jpg"


def _place(point: GroundPoint) -> dict[str, float]:
    return {
        "lat_deg": round(point.position.lat_deg, 8),
        "lon_deg": round(point.position.lon_deg, 8),
        "ce90_m": round(point.ce90_m, 2),
    }


def _numbers(values: Any, places: int = 1) -> list[float]:
    return [round(float(v), places) for v in values]


def _frame(
    frame: SearchedFrame, detector: str, tied: dict[tuple[int, int], str], number: int
) -> dict[str, Any]:
    meta = frame.meta
    boxes = []
    for j, point in enumerate(frame.points):
        box: dict[str, Any] = {
            "xyxy_px": _numbers(frame.detections.xyxy_px[j]),
            "score": round(float(frame.detections.scores[j]), 4),
            "detector": detector,
            "candidate": tied.get((number, j)),
        }
        boxes.append(box | (_place(point) if point is not None else {}))
    position = meta.position
    return {
        "file": meta.path.name,
        "sha256": meta.sha256,
        "width_px": meta.width_px,
        "height_px": meta.height_px,
        "time_utc": meta.time_utc.isoformat() if meta.time_utc else None,
        "lat_deg": position.lat_deg if position else None,
        "lon_deg": position.lon_deg if position else None,
        "height_above_home_m": meta.height_above_home_m,
        "gimbal_yaw_deg": meta.gimbal_yaw_deg,
        "gimbal_pitch_deg": meta.gimbal_pitch_deg,
        "gimbal_roll_deg": meta.gimbal_roll_deg,
        "focal_length_px": meta.focal_length_px,
        "camera_model": meta.camera_model,
        "software": meta.software,
        "modality": meta.modality,
        "gsd_m_px": round(frame.gsd_m_px, 5),
        "ground_height_above_home_m": round(frame.ground_height_m, 2),
        "boxes": boxes,
        "findings": list(frame.findings),
    }


def _candidate(record: CandidateRecord, run: DetectionRun) -> dict[str, Any]:
    point = record.candidate.point
    return {
        "id": record.id,
        **_place(point),
        "ellipse90": {
            "semi_major_m": round(point.semi_major_m, 2),
            "semi_minor_m": round(point.semi_minor_m, 2),
            "major_bearing_deg": round(point.major_bearing_deg, 1),
        },
        "score": round(record.candidate.score, 4),
        "status": "candidate",
        "frames_with_it": len(record.candidate.looks),
        "frames_over_it": record.covered_by,
        "looks": [
            {
                "file": run.frames[look.frame].meta.path.name,
                "box": look.box,
                "xyxy_px": _numbers(run.frames[look.frame].detections.xyxy_px[look.box]),
                "score": round(look.score, 4),
            }
            for look in record.candidate.looks
        ],
        "crop": f"crops/{record.crop.name}",
    }


def _report(run: DetectionRun) -> dict[str, Any]:
    tied = {(look.frame, look.box): r.id for r in run.candidates for look in r.candidate.looks}
    return {
        "schema": SCHEMA,
        "tool": {"name": "airbeat", "version": __version__},
        "note": NOTE,
        "detector": {"name": run.detector, "threshold": run.threshold},
        "positions": "WGS84; flat ground at ground_height_above_home_m of each frame; ce90_m at 90 %",
        "summary": {
            "frames_searched": len(run.frames),
            "frames_not_searched": len(run.refused),
            "boxes": run.boxes,
            "boxes_without_place": run.boxes_without_place,
            "candidates": len(run.candidates),
        },
        "frames": [_frame(f, run.detector, tied, i) for i, f in enumerate(run.frames)],
        "not_searched": [{"file": r.path.name, "reason": r.reason} for r in run.refused],
        "duplicates": [{"file": a.name, "same_as": b.name} for a, b in run.duplicates],
        "candidates": [_candidate(r, run) for r in run.candidates],
    }


def _geojson(report: dict[str, Any]) -> dict[str, Any]:
    features = [
        {
            "type": "Feature",
            "id": c["id"],
            "geometry": {"type": "Point", "coordinates": [c["lon_deg"], c["lat_deg"]]},
            "properties": {
                key: c[key]
                for key in ("ce90_m", "score", "status", "frames_with_it", "frames_over_it", "crop")
            }
            | {"title": f"{c['id']} (candidate, not confirmed)", "files": [k["file"] for k in c["looks"]]},
        }
        for c in report["candidates"]
    ]
    return {"type": "FeatureCollection", "features": features}


def write_results(run: DetectionRun, crops: dict[Path, bytes], *, overwrite: bool) -> None:
    """Write a run whole: cut-outs and JSON appear together, those of an earlier run go last.

    Raises:
        UsageError: files exist and may not be replaced, or the folder cannot be written.
    """
    report = _report(run)
    contents: dict[Path, str | bytes] = {
        **crops,
        run.geojson_path: json.dumps(_geojson(report), indent=1) + "\n",
        run.json_path: json.dumps(report, indent=1) + "\n",
    }
    stale = set((run.json_path.parent / "crops").glob("C*-????????.jpg")) - set(crops)
    write_files(contents, overwrite=overwrite)
    for path in stale:
        path.unlink(missing_ok=True)
