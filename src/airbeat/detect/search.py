"""Searches frames one after the other in worker processes: boxes, places on the ground, cut-outs."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from airbeat.detect.catalogue import detector_for
from airbeat.detect.detections import Detections, Detector
from airbeat.errors import AirbeatError, FrameError
from airbeat.frames.meta import FrameMeta
from airbeat.frames.opencv import opencv
from airbeat.frames.reader import load_image
from airbeat.locate.accuracy import ErrorBudget, GroundPoint
from airbeat.locate.ground import gsd_m_px, locate_pixels

__all__ = ["FrameRefusal", "SearchSettings", "SearchedFrame", "search_frames"]

_COARSEST_GSD_M_PX = {"rgb": 0.10, "thermal": 0.30}
_WARN_GSD_M_PX = {"rgb": 0.035, "thermal": 0.20}
_CROP_MARGIN_M = 2.0
_CROP_LARGEST_PX = 480
_CROP_QUALITY = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """What every frame is searched with.

    Attributes:
        detector: picklable, if there is more than one worker.
        threshold: boxes scoring less are left out.
        gsd_m_px: ground sampling distance given by hand, for frames whose metadata lack it [m/px].
        ground_height_m: height of the ground under a frame's camera above home [m].
        budget: what the positions' errors are propagated from.
    """

    detector: Detector
    threshold: float
    gsd_m_px: float | None
    ground_height_m: Callable[[FrameMeta], float]
    budget: ErrorBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedFrame:
    """One frame that was searched.

    Attributes:
        meta: the frame.
        gsd_m_px: at which it was searched [m/px].
        ground_height_m: height of the ground above home that was assumed [m].
        detections: boxes, best first.
        points: where each box lies on the ground, None where the frame cannot say.
        crops: file of each box's cut-out.
        findings: what was missing or assumed, one sentence each.
    """

    meta: FrameMeta
    gsd_m_px: float
    ground_height_m: float
    detections: Detections
    points: tuple[GroundPoint | None, ...]
    crops: tuple[Path, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRefusal:
    """One frame that was not searched.

    Attributes:
        path: the file.
        reason: why, and what to do.
    """

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    meta: FrameMeta
    gsd_m_px: float
    detector: Detector
    threshold: float
    crop_stem: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Boxes:
    detections: Detections
    crops: tuple[Path, ...]


_Outcome = Future[_Boxes] | _Boxes | FrameError


def search_frames(
    frames: Iterable[FrameMeta], settings: SearchSettings, *, crop_dir: Path, workers: int
) -> Iterator[SearchedFrame | FrameRefusal]:
    """Search frames as they come; results in the same order.

    One frame is in memory per worker, and at most two per worker are under way.

    Args:
        frames: any iterable, also one that waits for the next photograph.
        settings: detector and geometry.
        crop_dir: existing folder for the cut-outs.
        workers: processes; 1 searches in this process.

    Raises:
        DependencyError: OpenCV cannot be loaded.
        AirbeatError: a worker process died.
    """
    waiting: deque[tuple[FrameMeta, float, float, tuple[str, ...], _Outcome]] = deque()
    with _submitter(workers) as submit:
        for number, meta in enumerate(frames):
            try:
                height_m = settings.ground_height_m(meta)
                gsd, findings = _usable_gsd(meta, settings.gsd_m_px, height_m)
            except FrameError as error:
                waiting.append((meta, 0.0, 0.0, (), error))
            else:
                task = _Task(
                    meta=meta,
                    gsd_m_px=gsd,
                    detector=settings.detector,
                    threshold=settings.threshold,
                    crop_stem=crop_dir / f"{number:06d}",
                )
                waiting.append((meta, gsd, height_m, findings, submit(task)))
            while len(waiting) >= 2 * workers:
                yield _finished(*waiting.popleft(), budget=settings.budget)
        while waiting:
            yield _finished(*waiting.popleft(), budget=settings.budget)


@contextmanager
def _submitter(workers: int) -> Iterator[Callable[[_Task], _Outcome]]:
    if workers == 1:
        yield _search_here
        return
    opencv()  # where it cannot be loaded, that is said here; of a worker one would only see that it died
    pool = ProcessPoolExecutor(
        max_workers=workers, mp_context=multiprocessing.get_context("spawn"), initializer=opencv
    )
    try:
        yield lambda task: pool.submit(_search, task)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _search_here(task: _Task) -> _Boxes | FrameError:
    try:
        return _search(task)
    except FrameError as error:
        return error


def _usable_gsd(
    meta: FrameMeta, given: float | None, ground_height_m: float
) -> tuple[float, tuple[str, ...]]:
    findings = []
    if given is not None:
        gsd = given
        findings.append(f"GSD {gsd * 100:.1f} cm/px was given by hand")
    else:
        gsd = gsd_m_px(meta, ground_height_m=ground_height_m)
    kind = meta.modality if meta.modality in _COARSEST_GSD_M_PX else "rgb"
    if gsd > _COARSEST_GSD_M_PX[kind]:
        raise FrameError(
            f"GSD {gsd * 100:.1f} cm/px is too coarse to show a person"
            f" (limit {_COARSEST_GSD_M_PX[kind] * 100:.0f} cm/px)",
            where=meta.path.name,
            remedy="fly lower",
        )
    if gsd > _WARN_GSD_M_PX[kind]:
        findings.append(f"GSD {gsd * 100:.1f} cm/px is coarse: expect to miss people")
    if kind == "thermal":
        findings.append("thermal frame searched by a detector whose rates were measured on colour frames")
    return gsd, tuple(findings)


def _finished(
    meta: FrameMeta,
    gsd: float,
    ground_height_m: float,
    findings: tuple[str, ...],
    outcome: _Outcome,
    *,
    budget: ErrorBudget,
) -> SearchedFrame | FrameRefusal:
    try:
        boxes = outcome.result() if isinstance(outcome, Future) else outcome
    except FrameError as error:
        boxes = error
    except BrokenProcessPool as error:
        raise AirbeatError(
            "a worker process died, most likely for want of memory",
            where=meta.path.name,
            remedy="use fewer workers",
        ) from error
    if isinstance(boxes, FrameError):
        remedy = f" ({boxes.remedy})" if boxes.remedy else ""
        return FrameRefusal(path=meta.path, reason=f"{boxes.message}{remedy}")
    points, missed = _places(meta, boxes.detections, ground_height_m, budget)
    return SearchedFrame(
        meta=meta,
        gsd_m_px=gsd,
        ground_height_m=ground_height_m,
        detections=boxes.detections,
        points=points,
        crops=boxes.crops,
        findings=(*meta.findings, *findings, *missed),
    )


def _places(
    meta: FrameMeta, detections: Detections, ground_height_m: float, budget: ErrorBudget
) -> tuple[tuple[GroundPoint | None, ...], list[str]]:
    """Where the boxes' middles lie, and what is to be said about those that lie nowhere."""
    middles = (detections.xyxy_px[:, :2] + detections.xyxy_px[:, 2:]) / 2
    points: list[GroundPoint | None] = []
    reasons: dict[str, int] = {}
    for middle in middles:
        try:
            points += locate_pixels(meta, middle, ground_height_m=ground_height_m, budget=budget)
        except FrameError as error:
            points.append(None)
            reasons[error.message] = reasons.get(error.message, 0) + 1
    return tuple(points), [f"{n} boxes have no place on the ground: {text}" for text, n in reasons.items()]


def _search(task: _Task) -> _Boxes:
    """What a worker does with one frame."""
    image = load_image(task.meta)
    detector = detector_for(task.detector, task.meta)
    found = detector(image, gsd_m_px=task.gsd_m_px, modality=task.meta.modality)
    keep = found.scores >= task.threshold
    detections = found.only(keep)
    crops = []
    for number, box in enumerate(detections.xyxy_px):
        path = task.crop_stem.with_name(f"{task.crop_stem.name}-{number:03d}.jpg")
        path.write_bytes(_crop(image, box, task.gsd_m_px))
        crops.append(path)
    return _Boxes(detections=detections, crops=tuple(crops))


def _crop(image: npt.NDArray[np.uint8], box: npt.NDArray[np.float64], gsd: float) -> bytes:
    """JPEG of a box with some metres around it, the box marked outside its edge."""
    cv2 = opencv()
    height, width = image.shape[:2]
    margin = _CROP_MARGIN_M / gsd
    x0, y0 = (max(0, int(v - margin)) for v in box[:2])
    x1, y1 = min(width, int(box[2] + margin)), min(height, int(box[3] + margin))
    piece = image[y0:y1, x0:x1].copy()
    gap = 4
    corner = (int(box[0]) - x0 - gap, int(box[1]) - y0 - gap)
    cv2.rectangle(piece, corner, (int(box[2]) - x0 + gap, int(box[3]) - y0 + gap), (0, 255, 255), 2)
    scale = _CROP_LARGEST_PX / max(piece.shape[:2])
    if scale < 1:
        piece = cv2.resize(piece, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", piece, [cv2.IMWRITE_JPEG_QUALITY, _CROP_QUALITY])
    data: bytes = encoded.tobytes()
    return data
