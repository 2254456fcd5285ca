"""A folder of photographs becomes candidates with places, written as JSON, GeoJSON and cut-outs."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from airbeat.detect.candidates import Candidate, Look, tie
from airbeat.detect.catalogue import detector_named, smallest_score
from airbeat.detect.detections import Detector
from airbeat.detect.results import crop_name, write_results
from airbeat.detect.search import FrameRefusal, SearchedFrame, SearchSettings, search_frames
from airbeat.errors import FrameError, UsageError
from airbeat.frames.folder import scan_folder
from airbeat.frames.meta import FrameMeta
from airbeat.locate.accuracy import ErrorBudget
from airbeat.locate.ground import pixel_of

__all__ = ["CandidateRecord", "DetectionRun", "detect_folder", "detect_frames"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRecord:
    """A person candidate as it is handed on. Nobody has confirmed it.

    Attributes:
        id: "C001" for the best, and so on.
        candidate: its looks and its place.
        covered_by: how many searched frames show the place, those that saw nothing there included.
        crop: cut-out of its best look.
    """

    id: str
    candidate: Candidate
    covered_by: int
    crop: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionRun:
    """What came out of a folder.

    Attributes:
        frames: the frames that were searched, in order.
        refused: those that were not, with the reason.
        duplicates: files with the same bytes as another, and that one.
        candidates: best score first.
        threshold: boxes scoring less were left out.
        detector: name of the detector.
        json_path: `candidates.json`.
        geojson_path: `candidates.geojson`.
        ignored: how many files of the folder are no photographs by their name.
        folders: names of the folders in it, which were not looked into.
    """

    frames: tuple[SearchedFrame, ...]
    refused: tuple[FrameRefusal, ...]
    duplicates: tuple[tuple[Path, Path], ...]
    candidates: tuple[CandidateRecord, ...]
    threshold: float
    detector: str
    json_path: Path
    geojson_path: Path
    ignored: int = 0
    folders: tuple[str, ...] = ()

    @property
    def boxes(self) -> int:
        """Boxes in all frames, before fusion."""
        return sum(len(f.detections) for f in self.frames)

    @property
    def boxes_without_place(self) -> int:
        """Boxes that could not be put on the ground and so are in no candidate."""
        return sum(p is None for f in self.frames for p in f.points)


def detect_folder(
    folder: Path,
    *,
    out_dir: Path,
    detector: Detector | None = None,
    threshold: float | None = None,
    max_false_per_frame: float | None = None,
    workers: int = 2,
    gsd_m_px: float | None = None,
    ground_height_m: float | Callable[[FrameMeta], float] = 0.0,
    budget: ErrorBudget | None = None,
    progress: Callable[[int, int], None] | None = None,
    overwrite: bool = True,
) -> DetectionRun:
    """Search every photograph of a folder and write what was found.

    As `detect_frames`; photographs that cannot be read are in the run's `refused`.

    Raises:
        FrameError: the folder cannot be read or holds no photographs.
        UsageError: options contradict one another, or `out_dir` cannot be written.
    """
    scan = scan_folder(folder)
    if not (scan.frames or scan.refused):
        below = f"; folders below are not read: {', '.join(scan.folders[:3])}" if scan.folders else ""
        raise FrameError(
            "no photographs here", where=str(folder), remedy=f"name a folder with JPEG files{below}"
        )
    run = detect_frames(
        scan.frames,
        out_dir=out_dir,
        detector=detector,
        threshold=threshold,
        max_false_per_frame=max_false_per_frame,
        workers=workers,
        gsd_m_px=gsd_m_px,
        ground_height_m=ground_height_m,
        budget=budget,
        progress=progress,
        overwrite=overwrite,
        refused=[FrameRefusal(path=path, reason=reason) for path, reason in scan.refused],
        duplicates=scan.duplicates,
    )
    return replace(run, ignored=scan.ignored, folders=scan.folders)


def detect_frames(
    frames: Iterable[FrameMeta],
    *,
    out_dir: Path,
    detector: Detector | None = None,
    threshold: float | None = None,
    max_false_per_frame: float | None = None,
    workers: int = 2,
    gsd_m_px: float | None = None,
    ground_height_m: float | Callable[[FrameMeta], float] = 0.0,
    budget: ErrorBudget | None = None,
    progress: Callable[[int, int], None] | None = None,
    overwrite: bool = True,
    refused: Iterable[FrameRefusal] = (),
    duplicates: tuple[tuple[Path, Path], ...] = (),
) -> DetectionRun:
    """Search frames as they come, tie the boxes into candidates and write the results.

    Args:
        frames: any iterable; it may wait for the next photograph of a flight that goes on.
        out_dir: where `candidates.json`, `candidates.geojson` and `crops/` go; made if missing.
        detector: default "auto", see `airbeat.detect.catalogue`.
        threshold: smallest score of a box; default the detector's own.
        max_false_per_frame: choose the default detector's threshold from its measured curve instead.
        workers: processes.
        gsd_m_px: ground sampling distance given by hand, used instead of the frames' metadata [m/px].
        ground_height_m: height of the ground above home [m], or a function that says it for a frame (the
            ground under its camera).
        budget: what the positions' errors are propagated from.
        progress: called after each frame with (done, of); "of" grows with "done" where `frames` is no list.
        overwrite: whether results of an earlier run may be replaced.
        refused: files already found unreadable, to be listed.
        duplicates: files with the same bytes as another, to be listed.

    Raises:
        UsageError: options contradict one another, or `out_dir` cannot be written.
        AirbeatError: a worker process died.
    """
    settings = _settings(
        detector=detector,
        threshold=threshold,
        max_false_per_frame=max_false_per_frame,
        gsd_m_px=gsd_m_px,
        ground_height_m=ground_height_m,
        budget=budget,
    )
    if workers < 1:
        raise UsageError(f"{workers} workers cannot search", remedy="give 1 or more")
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".searching-", dir=out_dir))
    except OSError as error:
        raise UsageError(
            f"{out_dir} cannot be written: {error.strerror}", remedy="choose another folder"
        ) from error
    known = len(frames) if isinstance(frames, list | tuple) else 0
    searched: list[SearchedFrame] = []
    not_searched = list(refused)
    try:
        results = search_frames(frames, settings, crop_dir=scratch, workers=workers)
        for done, result in enumerate(results, start=1):
            if isinstance(result, SearchedFrame):
                searched.append(result)
            else:
                not_searched.append(result)
            if progress is not None:
                progress(done, max(known, done))
        records, crops = _records(searched, out_dir)
        run = DetectionRun(
            frames=tuple(searched),
            refused=tuple(not_searched),
            duplicates=duplicates,
            candidates=tuple(records),
            threshold=settings.threshold,
            detector=type(settings.detector).__name__,
            json_path=out_dir / "candidates.json",
            geojson_path=out_dir / "candidates.geojson",
        )
        write_results(run, crops, overwrite=overwrite)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return run


def _settings(
    *,
    detector: Detector | None,
    threshold: float | None,
    max_false_per_frame: float | None,
    gsd_m_px: float | None,
    ground_height_m: float | Callable[[FrameMeta], float],
    budget: ErrorBudget | None,
) -> SearchSettings:
    if threshold is not None and max_false_per_frame is not None:
        raise UsageError("a threshold and a rate of false candidates exclude each other", remedy="give one")
    if max_false_per_frame is not None and detector is not None:
        raise UsageError("no false-candidate curve was measured for this detector", remedy="give a threshold")
    if gsd_m_px is not None and not (math.isfinite(gsd_m_px) and 0.001 <= gsd_m_px <= 1.0):
        raise UsageError(f"GSD {gsd_m_px} m/px is outside 0.001…1", remedy="give metres per pixel")
    if threshold is not None and not 0 <= threshold <= 1:
        raise UsageError(f"threshold {threshold} is outside 0…1")
    if detector is None:
        detector = detector_named("auto", threshold=threshold, max_false_per_frame=max_false_per_frame)
        threshold = smallest_score(detector)
    return SearchSettings(
        detector=detector,
        threshold=0.0 if threshold is None else threshold,
        gsd_m_px=gsd_m_px,
        ground_height_m=_height_function(ground_height_m),
        budget=budget or ErrorBudget(),
    )


def _height_function(height_m: float | Callable[[FrameMeta], float]) -> Callable[[FrameMeta], float]:
    if callable(height_m):
        return height_m
    fixed = float(height_m)
    return lambda _: fixed


def _records(frames: list[SearchedFrame], out_dir: Path) -> tuple[list[CandidateRecord], dict[Path, bytes]]:
    looks = [
        Look(frame=i, box=j, score=float(frame.detections.scores[j]), point=point)
        for i, frame in enumerate(frames)
        for j, point in enumerate(frame.points)
        if point is not None
    ]
    candidates = tie(looks)
    covered = _covered_by(frames, candidates)
    records, crops = [], {}
    for number, (candidate, count) in enumerate(zip(candidates, covered, strict=True), start=1):
        best = candidate.looks[0]
        jpeg = frames[best.frame].crops[best.box].read_bytes()
        path = out_dir / "crops" / crop_name(f"C{number:03d}", jpeg)
        crops[path] = jpeg
        records.append(
            CandidateRecord(id=f"C{number:03d}", candidate=candidate, covered_by=int(count), crop=path)
        )
    return records, crops


def _covered_by(frames: list[SearchedFrame], candidates: list[Candidate]) -> npt.NDArray[np.int_]:
    """For each candidate the number of frames that show its place or have a look at it."""
    seen = [{look.frame for look in c.looks} for c in candidates]
    counts = np.zeros(len(candidates), dtype=int)
    positions = [c.point.position for c in candidates]
    for i, frame in enumerate(frames):
        looked = np.array([i in frames_of for frames_of in seen], dtype=bool)
        try:
            pixels = pixel_of(frame.meta, positions, ground_height_m=frame.ground_height_m)
        except FrameError:
            counts += looked
            continue
        size = np.array([frame.meta.width_px, frame.meta.height_px])
        with np.errstate(invalid="ignore"):
            shown = ((pixels >= 0) & (pixels <= size)).all(axis=1)
        counts += looked | shown
    return counts
