"""Reads what a search wrote (``candidates.json``) into the report's searched part."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import shapely
from pydantic import AwareDatetime, Field

from airbeat.checks.coverage import coverage_fraction, uncovered
from airbeat.errors import FrameError, InputFileError
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.locate.ground import footprint
from airbeat.report.artefact import Part, read_artefact
from airbeat.report.content import CandidateEntry, SearchedPart

__all__ = ["SYNTHETIC", "SearchResults", "read_search_results", "searched_part"]

_GAP_SHOWN_M2 = 1.0

SYNTHETIC = "synthetic image"
"""What the embedded camera writes into the software field of its photographs."""


class BoxRow(Part):
    """One box of one photograph."""

    xyxy_px: tuple[float, float, float, float]
    score: float
    lat_deg: float | None = None  # absent where the photograph cannot say the place


class FrameRow(Part):
    """One searched photograph with the metadata that place it."""

    file: str
    sha256: str = ""
    software: str = ""
    time_utc: AwareDatetime | None = None
    width_px: int = Field(gt=0)
    height_px: int = Field(gt=0)
    lat_deg: float | None
    lon_deg: float | None
    height_above_home_m: float | None
    gimbal_yaw_deg: float | None
    gimbal_pitch_deg: float | None
    gimbal_roll_deg: float | None
    focal_length_px: float | None
    gsd_m_px: float
    ground_height_above_home_m: float
    boxes: list[BoxRow]

    def meta(self) -> FrameMeta:
        """The photograph's metadata as locate takes them."""
        position = None
        if self.lat_deg is not None and self.lon_deg is not None:
            position = LatLon(lat_deg=self.lat_deg, lon_deg=self.lon_deg)
        return FrameMeta(
            path=Path(self.file),
            time_utc=self.time_utc,
            width_px=self.width_px,
            height_px=self.height_px,
            position=position,
            height_above_home_m=self.height_above_home_m,
            gimbal_yaw_deg=self.gimbal_yaw_deg,
            gimbal_pitch_deg=self.gimbal_pitch_deg,
            gimbal_roll_deg=self.gimbal_roll_deg,
            focal_length_px=self.focal_length_px,
        )


class LookRow(Part):
    """One photograph that shows a candidate."""

    file: str


class CandidateRow(Part):
    """One candidate."""

    id: str
    lat_deg: float
    lon_deg: float
    ce90_m: float = Field(ge=0)
    score: float
    frames_over_it: int
    looks: list[LookRow]
    crop: str


class RefusedRow(Part):
    """One photograph that was not searched."""

    file: str
    reason: str


class DetectorRow(Part):
    """Which detector ran, and from which score on it reports."""

    name: str
    threshold: float


class SearchResults(Part):
    """``candidates.json``."""

    schema_name: Literal["airbeat/candidates/1"] = Field(alias="schema")
    detector: DetectorRow
    frames: list[FrameRow]
    not_searched: list[RefusedRow]
    candidates: list[CandidateRow]


def read_search_results(path: Path) -> SearchResults:
    """Read ``candidates.json``.

    Raises:
        InputFileError: too large, not JSON, or not what ``airbeat detect`` writes.
    """
    return read_artefact(path, SearchResults, remedy="run airbeat detect first")


def _footprints(results: SearchResults) -> list[Any]:
    shapes = []
    for row in results.frames:
        try:
            shapes.append(footprint(row.meta(), ground_height_m=row.ground_height_above_home_m))
        except FrameError:
            continue  # searched by a GSD given by hand: it has no place, and so covers nothing here
    return shapes


def searched_part(results: SearchResults, *, folder: Path, area: Any | None) -> SearchedPart:
    """What was photographed, with coverage recomputed from the photographs' own metadata.

    Args:
        results: what the search wrote.
        folder: where ``candidates.json`` lies; cut-outs are below it.
        area: geographic (Multi)Polygon that should be covered, or None.

    Raises:
        InputFileError: a cut-out outside ``folder``.
    """
    footprints = _footprints(results)
    coverage, gap = None, None
    if area is not None:
        frame = LocalFrame.around(area)
        coverage = coverage_fraction(area, footprints, frame)
        local = frame.to_local(uncovered(area, footprints))
        shown = [p for p in shapely.get_parts(local) if p.area >= _GAP_SHOWN_M2]
        gap = frame.to_geographic(shapely.union_all(shown)) if shown else None
    gsds = [row.gsd_m_px for row in results.frames]
    times = [row.time_utc for row in results.frames if row.time_utc is not None]
    unplaced = [(row.file, sum(box.lat_deg is None for box in row.boxes)) for row in results.frames]
    return SearchedPart(
        frames_received=len(results.frames) + len(results.not_searched),
        frames_searched=len(results.frames),
        footprints=tuple(footprints),
        coverage_fraction=coverage,
        uncovered=gap,
        gsd_range_m_px=(min(gsds), max(gsds)) if gsds else None,
        detector=f"{results.detector.name}, score at least {results.detector.threshold:.2f}",
        candidates=tuple(_entry(n, row, folder) for n, row in enumerate(results.candidates, start=1)),
        unusable=tuple((row.file, row.reason) for row in results.not_searched),
        unplaced=tuple((file, boxes) for file, boxes in unplaced if boxes),
        taken_utc=(min(times), max(times)) if times else None,
        synthetic=any(SYNTHETIC in row.software for row in results.frames),
    )


def _entry(number: int, row: CandidateRow, folder: Path) -> CandidateEntry:
    try:
        crop = (folder / row.crop).resolve()
    except (OSError, ValueError) as error:
        raise InputFileError(f"candidate {row.id}: {row.crop!r} is no file name") from error
    if not crop.is_relative_to(folder.resolve()):
        raise InputFileError(f"candidate {row.id}: cut-out {row.crop!r} is outside the folder")
    return CandidateEntry(
        number=number,
        position=LatLon(lat_deg=row.lat_deg, lon_deg=row.lon_deg),
        ce90_m=row.ce90_m,
        score=row.score,
        looks=len(row.looks),
        chances=row.frames_over_it,
        crop=crop if crop.is_file() else None,
        frames=tuple(look.file for look in row.looks),
    )
