"""What a search writes: `candidates.json`, `candidates.geojson` (RFC 7946) and the cut-outs.

`candidates.json` is one object with one frame or candidate a line:

- ``schema``, ``tool``, ``note``, ``source`` (what was searched, as it was named), ``positions``;
- ``detector``: ``name``, ``threshold``; ``summary``: counts, and of `airbeat watch` ``names_given``, the
  number of the last candidate that was given a name;
- ``frames``: ``file`` (path below the source), ``sha256``, the metadata it was placed by, ``gsd_m_px`` (null
  where it is not known), ``boxes`` (``xyxy_px``: left, top, right, bottom; ``score``; ``detector``;
  ``candidate``: id; ``lat_deg``, ``lon_deg``, ``ce90_m`` where the box has a place) and ``findings``;
- ``not_searched`` (``file``, ``reason``), ``duplicates`` (``file``, ``same_as``);
- ``candidates``, best first: ``id``, ``lat_deg``, ``lon_deg``, ``ce90_m`` (null for a frame that does not
  know its place), ``ellipse90``, ``ground_amsl_m`` (height of the ground there above sea level by the
  height model, else by the aircraft's own heights; null where nothing says it), ``score``, ``status``,
  ``frames_with_it``, ``frames_over_it``, ``looks`` (``file``, ``sha256``, ``box``, ``xyxy_px``, ``score``),
  ``missed_in`` (files that show the place and have no box there) and ``crop``.

Nothing in it depends on when or on how many processors it was made; what `airbeat watch` writes differs in
the ids alone, which stay as they were given while photographs came in.
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airbeat import __version__
from airbeat.formats.atomic import write_files

if TYPE_CHECKING:
    from airbeat.detect.records import SearchedFrame
    from airbeat.detect.run import CandidateRecord, DetectionRun
    from airbeat.locate.accuracy import GroundPoint

__all__ = ["NOTE", "SCHEMA", "crop_name", "write_results"]

SCHEMA = "airbeat/candidates/2"
NOTE = "Candidates, not confirmed. Photographs without candidates are not cleared."


def crop_name(candidate_id: str, jpeg: bytes) -> str:
    """File name of a cut-out: it says its candidate and changes with its content."""
    return f"{candidate_id}-{hashlib.sha256(jpeg).hexdigest()[:8]}.jpg"


def _place(point: GroundPoint | None) -> dict[str, float | None]:
    if point is None:
        return {"lat_deg": None, "lon_deg": None, "ce90_m": None}
    return {
        "lat_deg": round(point.position.lat_deg, 8),
        "lon_deg": round(point.position.lon_deg, 8),
        "ce90_m": round(point.ce90_m, 2),
    }


def _numbers(values: Any, places: int = 1) -> list[float]:
    return [round(float(v), places) for v in values]


def _frame(frame: SearchedFrame, tied: dict[tuple[int, int], str], number: int) -> dict[str, Any]:
    meta = frame.meta
    boxes = []
    for j, found in enumerate(frame.boxes):
        box: dict[str, Any] = {
            "xyxy_px": _numbers(found.xyxy_px),
            "score": round(found.score, 4),
            "detector": found.detector,
            "candidate": tied.get((number, j)),
        }
        boxes.append(box | (_place(found.point) if found.point is not None else {}))
    position = meta.position
    return {
        "file": frame.name,
        "sha256": meta.sha256,
        "width_px": meta.width_px,
        "height_px": meta.height_px,
        "time_utc": meta.time_utc.isoformat() if meta.time_utc else None,
        "lat_deg": position.lat_deg if position else None,
        "lon_deg": position.lon_deg if position else None,
        "height_above_home_m": meta.height_above_home_m,
        "amsl_m": meta.amsl_m,
        "gimbal_yaw_deg": meta.gimbal_yaw_deg,
        "gimbal_pitch_deg": meta.gimbal_pitch_deg,
        "gimbal_roll_deg": meta.gimbal_roll_deg,
        "focal_length_px": meta.focal_length_px,
        "camera_model": meta.camera_model,
        "software": meta.software,
        "modality": meta.modality,
        "gsd_m_px": None if frame.gsd_m_px is None else round(frame.gsd_m_px, 5),
        "ground_height_above_home_m": round(frame.ground_height_m, 2),
        "boxes": boxes,
        "findings": list(frame.findings),
    }


def _candidate(record: CandidateRecord, names: list[str]) -> dict[str, Any]:
    point = record.candidate.point
    ellipse = point and {
        "semi_major_m": round(point.semi_major_m, 2),
        "semi_minor_m": round(point.semi_minor_m, 2),
        "major_bearing_deg": round(point.major_bearing_deg, 1),
    }
    heights = [h for h in record.ground_amsl_m if h is not None]
    return {
        "id": record.id,
        **_place(point),
        "ellipse90": ellipse,
        "ground_amsl_m": round(statistics.median(heights), 1) if heights else None,
        "score": round(record.candidate.score, 4),
        "status": "candidate",
        "frames_with_it": len(record.candidate.looks),
        "frames_over_it": record.covered_by,
        "looks": [
            {
                "file": names[look.frame],
                "sha256": sha256,
                "box": look.box,
                "xyxy_px": _numbers(xyxy_px),
                "score": round(look.score, 4),
            }
            for look, (sha256, xyxy_px) in zip(record.candidate.looks, record.boxes, strict=True)
        ],
        "missed_in": [names[number] for number in record.missed_in],
        "crop": f"crops/{record.crop.name}",
    }


def _head(run: DetectionRun) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "tool": {"name": "airbeat", "version": __version__},
        "note": NOTE,
        "source": run.source,
        "detector": {"name": run.detector, "threshold": run.threshold},
        "positions": f"WGS84; {run.ground}; ce90_m at 90 %",
        "summary": {
            "frames_searched": len(run.frames),
            "frames_not_searched": len(run.refused),
            "boxes": run.boxes,
            "boxes_without_place": run.boxes_without_place,
            "candidates": len(run.candidates),
            **({} if run.names_given is None else {"names_given": run.names_given}),
        },
    }


def _lines(key: str, rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield f'"{key}": ['
    for number, row in enumerate(rows):
        yield ("\n " if number == 0 else ",\n ") + json.dumps(row)
    yield "\n]"


def _report(run: DetectionRun) -> Iterator[str]:
    tied = {(look.frame, look.box): r.id for r in run.candidates for look in r.candidate.looks}
    names = run.names
    yield json.dumps(_head(run), indent=1)[:-2] + ",\n"
    yield from _lines("frames", (_frame(f, tied, i) for i, f in enumerate(run.frames)))
    yield ",\n"
    yield from _lines("not_searched", ({"file": r.name, "reason": r.reason} for r in run.refused))
    yield ",\n"
    yield from _lines("duplicates", ({"file": a, "same_as": b} for a, b in run.duplicates))
    yield ",\n"
    yield from _lines("candidates", (_candidate(r, names) for r in run.candidates))
    yield "\n}\n"


def _feature(record: CandidateRecord, names: list[str]) -> dict[str, Any]:
    c = _candidate(record, names)
    kept = ("ce90_m", "score", "status", "frames_with_it", "frames_over_it", "crop")
    return {
        "type": "Feature",
        "id": c["id"],
        "geometry": {"type": "Point", "coordinates": [c["lon_deg"], c["lat_deg"]]},
        "properties": {key: c[key] for key in kept}
        | {"title": f"{c['id']} (candidate, not confirmed)", "files": [k["file"] for k in c["looks"]]},
    }


def _geojson(run: DetectionRun) -> Iterator[str]:
    yield '{"type": "FeatureCollection",\n'
    names = run.names
    placed = (r for r in run.candidates if r.candidate.point is not None)
    yield from _lines("features", (_feature(r, names) for r in placed))
    yield "}\n"


def write_results(run: DetectionRun, crop: Callable[[CandidateRecord], bytes], *, overwrite: bool) -> None:
    """Write a run whole: cut-outs and JSON appear together, those of an earlier run go last.

    Cut-outs that are there already stay as they are.

    Frames are read and written one after the other, so that memory does not grow with them.

    Args:
        run: what was found.
        crop: JPEG of a candidate's cut-out.
        overwrite: whether results of an earlier run may be replaced.

    Raises:
        UsageError: files exist and may not be replaced, or the folder cannot be written.
    """
    there = set((run.json_path.parent / "crops").glob("C*-????????.jpg"))
    wanted = {r.crop: r for r in run.candidates}
    kept = there if overwrite else set()  # a cut-out is written whole, and its name says its content
    crops: dict[Path, Iterator[bytes]] = {
        path: (crop(r) for r in (r,)) for path, r in wanted.items() if path not in kept
    }
    stale = there - set(wanted)
    write_files({**crops, run.geojson_path: _geojson(run), run.json_path: _report(run)}, overwrite=overwrite)
    for path in stale:
        path.unlink(missing_ok=True)
