"""What detectors reach on labelled photographs, measured, several of them beside one another."""

from __future__ import annotations

import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from airbeat.detect.catalogue import detector_for, detector_named, smallest_score
from airbeat.detect.cocofile import CocoImage, CocoSet
from airbeat.detect.scoring import Interval, Pool, ScoredImage, bootstrap, score_image
from airbeat.detect.search import Neighbours
from airbeat.errors import AirbeatError, FrameError, UsageError
from airbeat.frames.meta import FrameMeta
from airbeat.frames.reader import load_image, read_frame_meta
from airbeat.language.words import Message
from airbeat.locate.ground import gsd_m_px

__all__ = ["RATES", "Evaluation", "Figures", "evaluate", "figures", "search_labelled"]

RATES = (0.1, 0.5, 1.0, 5.0)
"""False alarms per image at which recall is told."""

_MIN_GSD_M_PX, _MAX_GSD_M_PX = 0.001, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One detector's boxes on a set, judged.

    Attributes:
        detector: its name.
        threshold: the score from which it reports by default.
        images: judged images, in the set's order, without those that could not be read.
        gsds_m_px: of each of them, NaN where it is not known [m/px].
        refused: (file, reason) of those that could not be read.
        megapixels: searched in all.
        seconds: wall time of searching, without decoding [s].
        cpu_seconds: processor time of the same [s].
        peak_memory_mb: largest resident size of the process that searched, Python and libraries included
            [MB]; NaN where the system does not say.
    """

    detector: str
    threshold: float
    images: tuple[ScoredImage, ...]
    gsds_m_px: tuple[float, ...]
    refused: tuple[tuple[str, str], ...]
    megapixels: float
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is told of one detector on one set; intervals are 95 %.

    Attributes:
        detector: its name.
        threshold: the score from which it reports by default.
        images: how many were searched.
        persons: how many are labelled in them.
        recall_at: by false alarms per image: recall, interval by drawing images anew.
        average_precision: interval as above.
        recall: at the threshold.
        precision: at the threshold, Wilson interval.
        false_per_image: at the threshold, interval by drawing images anew.
        calibration_error: mean difference of score and share of right boxes.
        five_best_hold_all: share of images with 1 … 10 persons whose five best boxes hold all of them.
        ten_best_hold_all: the same of the ten best.
        ms_per_megapixel: processor time.
        wall_ms_per_megapixel: by the clock.
        peak_memory_mb: of the process that searched.
    """

    detector: str
    threshold: float
    images: int
    persons: int
    recall_at: dict[float, Interval]
    average_precision: Interval
    recall: Interval
    precision: Interval
    false_per_image: Interval
    calibration_error: float
    five_best_hold_all: Interval
    ten_best_hold_all: Interval
    ms_per_megapixel: float
    wall_ms_per_megapixel: float
    peak_memory_mb: float


def evaluate(
    labelled: CocoSet,
    detectors: Sequence[str],
    *,
    gsd_m_px: float | None = None,
    modality: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Evaluation]:
    """Search every photograph of a set with every detector; each in a process of its own.

    Args:
        labelled: the set.
        detectors: names that `detector_named` knows.
        gsd_m_px: of every photograph, used instead of what the COCO file or its metadata say [m/px].
        modality: of every photograph, instead of what its metadata say.
        progress: called with (done, of) after every tenth photograph or so.

    Raises:
        UsageError: no such detector, a detector twice, or an absurd GSD.
        AirbeatError: a process died.
    """
    if gsd_m_px is not None and not _MIN_GSD_M_PX <= gsd_m_px <= _MAX_GSD_M_PX:
        raise UsageError(
            Message("GSD {gsd_m_px} m/px is outside 0.001…1", gsd_m_px=gsd_m_px),
            remedy="give metres per pixel",
        )
    if len(set(detectors)) != len(detectors):
        raise UsageError("a detector is named twice", remedy="name each once")
    for name in detectors:
        detector_named(name)
    size = max(1, min(50, len(labelled.images) // 10))
    pieces = [labelled.images[i : i + size] for i in range(0, len(labelled.images), size)]
    around = _around(labelled.images)
    done, of = 0, len(labelled.images) * len(detectors)
    results = []
    for name in detectors:
        parts = []
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
            for piece in pieces:
                try:
                    task = pool.submit(search_labelled, piece, name, gsd_m_px, modality, around)
                    parts.append(task.result())
                except BrokenProcessPool as error:
                    raise AirbeatError(
                        "the process that searched died, most likely for want of memory", where=name
                    ) from error
                done += len(piece)
                if progress is not None:
                    progress(done, of)
        results.append(_joined(parts))
    return results


def _around(images: Sequence[CocoImage]) -> dict[Path, tuple[Path, ...]]:
    """The photographs before and after each by their names, as a search of their folder has them."""
    paths = sorted({image.path for image in images})
    return {path: (*paths[max(0, i - 1) : i], *paths[i + 1 : i + 2]) for i, path in enumerate(paths)}


def _joined(parts: Sequence[Evaluation]) -> Evaluation:
    return replace(
        parts[0],
        threshold=min(p.threshold for p in parts),
        images=tuple(i for p in parts for i in p.images),
        gsds_m_px=tuple(g for p in parts for g in p.gsds_m_px),
        refused=tuple(r for p in parts for r in p.refused),
        megapixels=sum(p.megapixels for p in parts),
        seconds=sum(p.seconds for p in parts),
        cpu_seconds=sum(p.cpu_seconds for p in parts),
        peak_memory_mb=max(p.peak_memory_mb for p in parts),
    )


def search_labelled(
    images: Sequence[CocoImage],
    name: str,
    gsd: float | None = None,
    modality: str | None = None,
    around: Mapping[Path, tuple[Path, ...]] | None = None,
) -> Evaluation:
    """Search labelled photographs with one detector in this process, at threshold 0, and judge its boxes.

    See `evaluate` for the arguments. A photograph that cannot be read is in ``refused``.

    Args:
        images: the photographs.
        name: the detector's.
        gsd: of every photograph [m/px].
        modality: of every photograph.
        around: the photographs before and after each; by default those in ``images``.
    """
    around = _around(images) if around is None else around
    lenient, shipped = detector_named(name, threshold=0.0), detector_named(name)
    scored, gsds, refused, thresholds = [], [], [], []
    megapixels = seconds = cpu_seconds = 0.0
    for labelled in images:
        try:
            meta = _meta(labelled, modality)
            image = load_image(meta)
            scale = gsd if gsd is not None else _gsd(labelled, meta)
            detector = detector_for(lenient, meta, Neighbours(around.get(labelled.path, ())))
            began, cpu_began = time.perf_counter(), time.process_time()
            found = detector(image, gsd_m_px=scale, modality=meta.modality)
        except FrameError as error:
            refused.append((labelled.path.name, error.message))
            continue
        seconds += time.perf_counter() - began
        cpu_seconds += time.process_time() - cpu_began
        megapixels += image.shape[0] * image.shape[1] / 1e6
        thresholds.append(smallest_score(detector_for(shipped, meta)))
        scored.append(score_image(found, labelled.persons_xyxy, labelled.ignored_xyxy))
        gsds.append(scale)
    return Evaluation(
        detector=name,
        threshold=min(thresholds, default=math.inf),
        images=tuple(scored),
        gsds_m_px=tuple(gsds),
        refused=tuple(refused),
        megapixels=megapixels,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        peak_memory_mb=_peak_memory_mb(),
    )


def _meta(labelled: CocoImage, modality: str | None) -> FrameMeta:
    meta = read_frame_meta(labelled.path)
    if (meta.width_px, meta.height_px) != (labelled.width_px, labelled.height_px):
        raise FrameError(
            Message(
                "the picture has {width_px}×{height_px} px, "
                "the COCO file says {said_width_px}×{said_height_px}",
                width_px=meta.width_px,
                height_px=meta.height_px,
                said_width_px=labelled.width_px,
                said_height_px=labelled.height_px,
            ),
            where=labelled.path.name,
        )
    return meta if modality is None else replace(meta, modality=modality)


def _gsd(labelled: CocoImage, meta: FrameMeta) -> float:
    """What the COCO file says, else the metadata over ground as high as home; else NaN [m/px]."""
    if math.isfinite(labelled.gsd_m_px):
        return labelled.gsd_m_px
    try:
        found = gsd_m_px(meta, ground_height_m=0.0)
    except FrameError:
        return math.nan
    return found if _MIN_GSD_M_PX <= found <= _MAX_GSD_M_PX else math.nan


def _peak_memory_mb() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3) * (1.0 if sys.platform == "darwin" else 1.024)


def figures(evaluation: Evaluation, *, seed: int = 0, draws: int = 1000) -> Figures:
    """The figures of one detector on one set.

    Args:
        evaluation: its judged boxes.
        seed: of the bootstrap.
        draws: of the bootstrap; average precision, which looks at every box each time, takes a fifth.
    """
    pool, threshold = Pool(evaluation.images), evaluation.threshold
    megapixels = evaluation.megapixels or math.nan

    def spread(figure: Callable[[npt.NDArray[np.float64]], float], share: float = 1.0) -> Interval:
        return bootstrap(pool, figure, seed=seed, draws=max(1, round(share * draws)))

    return Figures(
        detector=evaluation.detector,
        threshold=threshold,
        images=len(evaluation.images),
        persons=int(pool.persons.sum()),
        recall_at={rate: spread(partial(pool.recall_at, rate)) for rate in RATES},
        average_precision=spread(pool.average_precision, 0.2),
        recall=spread(partial(pool.recall_above, threshold)),
        precision=pool.precision_above(threshold),
        false_per_image=spread(partial(pool.false_above, threshold)),
        calibration_error=pool.calibration_error(),
        five_best_hold_all=pool.whole_among_best(5),
        ten_best_hold_all=pool.whole_among_best(10),
        ms_per_megapixel=1000 * evaluation.cpu_seconds / megapixels,
        wall_ms_per_megapixel=1000 * evaluation.seconds / megapixels,
        peak_memory_mb=evaluation.peak_memory_mb,
    )
