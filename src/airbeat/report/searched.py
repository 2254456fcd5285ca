"""Reads what a search wrote (``candidates.json``) into the report's searched part."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import shapely
from pydantic import AwareDatetime, Field

from airbeat.checks.coverage import coverage_fraction, uncovered
from airbeat.errors import FrameError, InputFileError
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message, _
from airbeat.locate.ground import footprint
from airbeat.ops.reviews import Decision
from airbeat.report.artefact import Part, read_artefact
from airbeat.report.content import CandidateEntry, SearchedPart

__all__ = ["SYNTHETIC", "SearchResults", "no_results", "read_search_results", "searched_part"]

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
    gsd_m_px: float | None  # None where nobody knows it
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
    """One photograph that shows a candidate, and where in it."""

    file: str
    sha256: str = ""
    xyxy_px: tuple[float, float, float, float] | None = None


class CandidateRow(Part):
    """One candidate. Files are named after its id, which therefore is no path."""

    id: str = Field(pattern=r"^[^./\\\x00-\x1f][^/\\\x00-\x1f]{0,59}$")
    lat_deg: float | None  # None where its photograph does not know its place
    lon_deg: float | None
    ce90_m: float | None = Field(ge=0)
    ground_amsl_m: float | None = None
    score: float
    frames_over_it: int
    looks: list[LookRow] = Field(min_length=1)
    missed_in: list[str] = Field(default_factory=list)
    crop: str

    @property
    def position(self) -> LatLon | None:
        """Where it is, if anybody knows."""
        if self.lat_deg is None or self.lon_deg is None:
            return None
        return LatLon(lat_deg=self.lat_deg, lon_deg=self.lon_deg)

    def crop_in(self, folder: Path) -> Path:
        """The file of its cut-out.

        Args:
            folder: where ``candidates.json`` lies.

        Raises:
            InputFileError: it names a file outside the folder.
        """
        try:
            crop = (folder / self.crop).resolve()
        except (OSError, ValueError) as error:
            raise InputFileError(
                Message("candidate {id}: {crop!r} is no file name", id=self.id, crop=self.crop)
            ) from error
        if not crop.is_relative_to(folder.resolve()):
            raise InputFileError(
                Message("candidate {id}: cut-out {crop!r} is outside the folder", id=self.id, crop=self.crop)
            )
        return crop


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

    schema_name: Literal["airbeat/candidates/1", "airbeat/candidates/2"] = Field(alias="schema")
    source: str = ""
    positions: str = ""
    detector: DetectorRow
    frames: list[FrameRow]
    not_searched: list[RefusedRow]
    candidates: list[CandidateRow]


def no_results() -> SearchResults:
    """What there is before anything was searched."""
    return SearchResults(
        schema="airbeat/candidates/2",
        detector=DetectorRow(name="", threshold=0.0),
        frames=[],
        not_searched=[],
        candidates=[],
    )


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


def searched_part(
    results: SearchResults,
    *,
    folder: Path,
    area: Any | None,
    decisions: Mapping[str, Decision] = MappingProxyType({}),
) -> SearchedPart:
    """What was photographed, with coverage recomputed from the photographs' own metadata.

    Args:
        results: what the search wrote.
        folder: where ``candidates.json`` lies; cut-outs are below it.
        area: geographic (Multi)Polygon that should be covered, or None.
        decisions: what reviewers said, by candidate.

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
    gsds = [row.gsd_m_px for row in results.frames if row.gsd_m_px is not None]
    times = [row.time_utc for row in results.frames if row.time_utc is not None]
    entries = [
        _entry(n, row, folder, decisions.get(row.id)) for n, row in enumerate(results.candidates, start=1)
    ]
    unplaced = [(row.file, sum(box.lat_deg is None for box in row.boxes)) for row in results.frames]
    return SearchedPart(
        frames_received=len(results.frames) + len(results.not_searched),
        frames_searched=len(results.frames),
        footprints=tuple(footprints),
        coverage_fraction=coverage,
        uncovered=gap,
        gsd_range_m_px=(min(gsds), max(gsds)) if gsds else None,
        detector=_(
            "{detector}, score at least {threshold:.2f}",
            detector=results.detector.name,
            threshold=results.detector.threshold,
        ),
        candidates=tuple(e for e in entries if e is not None),
        unusable=tuple((row.file, row.reason) for row in results.not_searched),
        unplaced=tuple((file, boxes) for file, boxes in unplaced if boxes),
        taken_utc=(min(times), max(times)) if times else None,
        reviewed=len(decisions),
        confirmed=sum(d.verdict.status == "confirmed" for d in decisions.values()),
        synthetic=any(SYNTHETIC in row.software for row in results.frames),
    )


def _entry(number: int, row: CandidateRow, folder: Path, decision: Decision | None) -> CandidateEntry | None:
    """A candidate as the report shows it; None for one without a place."""
    crop, position = row.crop_in(folder), row.position
    if position is None or row.ce90_m is None:
        return None
    return CandidateEntry(
        number=number,
        position=position,
        ce90_m=row.ce90_m,
        score=row.score,
        looks=len(row.looks),
        chances=row.frames_over_it,
        crop=crop if crop.is_file() else None,
        frames=tuple(look.file for look in row.looks),
        decision=_said(decision) if decision is not None else "",
        confirmed=decision is not None and decision.verdict.status == "confirmed",
        dismissed=decision is not None and decision.verdict.status == "dismissed",
    )


def _said(decision: Decision) -> str:
    note = f": {decision.note}" if decision.note else ""
    return _(
        "{verdict}, {status} by {reviewer}{note}",
        verdict=_(decision.verdict.value),
        status=_(decision.verdict.status),
        reviewer=decision.reviewer,
        note=note,
    )
