"""What is done with one frame: metadata, boxes, places on the ground, cut-outs."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from airbeat import __version__
from airbeat.detect.appearance import appearance
from airbeat.detect.catalogue import detector_for
from airbeat.detect.detections import Detections, Detector
from airbeat.detect.exercise import ExerciseDetector
from airbeat.detect.records import FoundBox, FrameRefusal, SearchedFrame
from airbeat.errors import FrameError
from airbeat.frames.meta import FrameMeta
from airbeat.frames.opencv import opencv
from airbeat.frames.reader import blank_rows, load_image, read_frame_meta
from airbeat.language.words import Message
from airbeat.locate.accuracy import ErrorBudget, GroundPoint
from airbeat.locate.ground import finest_gsd_m_px, gsd_m_px, locate_pixels
from airbeat.locate.relief import TerrainGround

__all__ = ["Found", "FrameTask", "Neighbours", "SearchSettings", "models_digest", "search_frame"]

_RECORD_VERSION = 1
"""Counted up when what is kept of a frame changes, so that frames of older versions are searched again."""

_FINEST_GSD_M_PX = 0.001
_COARSEST_GSD_M_PX = {"rgb": 0.10, "thermal": 0.30}
_WARN_GSD_M_PX = {"rgb": 0.035, "thermal": 0.20}
_BLANK_ROWS, _BLACK = 32, 2
_CROP_MARGIN_M = 2.0
_CROP_LARGEST_PX = 480
_CROP_QUALITY = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """What every frame is searched with.

    Attributes:
        detector: picklable, if there is more than one worker.
        detector_name: what it is called in results.
        threshold: boxes scoring less are left out.
        gsd_m_px: ground sampling distance given by hand, used instead of the frames' metadata [m/px].
        modality: "rgb" or "thermal" given by hand; None for what each frame says.
        ground_height_m: height of the ground under a frame's camera above home [m]; a function must be
            picklable, if there is more than one worker.
        budget: what the positions' errors are propagated from.
        terrain: a height model instead of flat ground.
    """

    detector: Detector
    detector_name: str
    threshold: float
    gsd_m_px: float | None
    modality: str | None
    ground_height_m: float | Callable[[FrameMeta], float]
    budget: ErrorBudget
    terrain: TerrainGround | None = None

    def key(self) -> str:
        """Same key, same result for the same frame: a hash of all settings and of the shipped networks."""
        values = {
            "record": _RECORD_VERSION,
            "version": __version__,
            "models": models_digest(),
            "detector": _identity(self.detector),
            "threshold": self.threshold,
            "gsd_m_px": self.gsd_m_px,
            "modality": self.modality,
            "ground": _identity(self.ground_height_m),
            "budget": asdict(self.budget),
            "terrain": _digest(pickle.dumps(self.terrain)),
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTask:
    """One frame to be searched.

    Attributes:
        path: the file.
        name: its path below the folder that is searched.
        meta: its metadata, where they are known already.
        identity: what it is by its file and by metadata that its source gave; "" where its file says all.
        is_listed: whether it is one of a list, in which another may have its name.
        neighbours: files of the frames taken just before and after it, nearest first.
    """

    path: Path
    name: str
    meta: FrameMeta | None = None
    identity: str = ""
    is_listed: bool = False
    neighbours: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A searched frame, and the JPEG cut-out of each of its boxes."""

    frame: SearchedFrame
    crops: tuple[bytes, ...]


def search_frame(task: FrameTask, settings: SearchSettings) -> Found | FrameRefusal:
    """Search one frame; what is wrong with it is returned, not raised."""
    cv2 = opencv()
    try:
        return _search(task, settings)
    except FrameError as error:
        remedy = f" ({error.remedy})" if error.remedy else ""
        reason = f"{error.message}{remedy}"
    except MemoryError:
        reason = "there is not enough memory for this picture (use fewer workers)"
    except cv2.error as error:
        reason = f"the picture cannot be worked on: {str(error).strip()[:200]}"
    return FrameRefusal(path=task.path, name=task.name, reason=reason)


def _search(task: FrameTask, settings: SearchSettings) -> Found:
    meta = task.meta or read_frame_meta(task.path)
    if settings.modality is not None:
        meta = replace(meta, modality=settings.modality)
    ground = settings.ground_height_m
    height_m = float(ground(meta)) if callable(ground) else float(ground)
    detector = detector_for(settings.detector, meta, Neighbours(task.neighbours))
    needs_gsd = isinstance(detector, ExerciseDetector)
    gsd, findings = _usable_gsd(meta, settings, height_m, needed=needs_gsd)
    image = load_image(meta)
    findings += _lost(meta, image)
    found = detector(image, gsd_m_px=math.nan if gsd is None else gsd, modality=meta.modality)
    found = found.only(found.scores >= settings.threshold)
    points, missed = _places(meta, found, height_m, settings)
    boxes = tuple(
        FoundBox(
            xyxy_px=tuple(float(v) for v in box),  # type: ignore[arg-type]
            score=float(score),
            detector=str(name) or type(detector).__name__,
            point=point,
            appearance=appearance(image, box),
            crop=(0, 0),
        )
        for box, score, name, point in zip(found.xyxy_px, found.scores, found.detectors, points, strict=True)
    )
    frame = SearchedFrame(
        name=task.name,
        meta=meta,
        gsd_m_px=gsd,
        ground_height_m=height_m,
        boxes=boxes,
        findings=(*meta.findings, *findings, *missed),
    )
    return Found(frame=frame, crops=tuple(_crop(image, box, gsd) for box in found.xyxy_px))


def _lost(meta: FrameMeta, image: npt.NDArray[np.uint8]) -> tuple[str, ...]:
    """What is to be said of a JPEG that ends as it should, and whose lower part is of one colour."""
    rows = blank_rows(image) if meta.path.suffix.lower() in {".jpg", ".jpeg"} else 0
    if rows < _BLANK_ROWS or image[-1, 0].max() <= _BLACK:  # bars around a video's picture are black
        return ()
    return (
        f"the lowest {rows} of {meta.height_px} rows are of one colour, as where a file was damaged:"
        " nobody can be seen there",
    )


class Neighbours(Sequence[FrameMeta]):
    """Metadata of the frames around one, read only when a detector asks; unreadable ones are left out."""

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self._paths = paths
        self._metas: list[FrameMeta] | None = None

    def _read(self) -> list[FrameMeta]:
        if self._metas is None:
            self._metas = []
            for path in self._paths:
                try:
                    self._metas.append(read_frame_meta(path))
                except FrameError:
                    continue  # it is a frame itself, and refused as such
        return self._metas

    def __len__(self) -> int:
        return len(self._read())

    @overload
    def __getitem__(self, index: int) -> FrameMeta: ...
    @overload
    def __getitem__(self, index: slice) -> list[FrameMeta]: ...
    def __getitem__(self, index: int | slice) -> FrameMeta | list[FrameMeta]:
        return self._read()[index]


def _usable_gsd(
    meta: FrameMeta, settings: SearchSettings, ground_height_m: float, *, needed: bool
) -> tuple[float | None, tuple[str, ...]]:
    """The GSD, None where a detector can do without, and what is to be said of it."""
    findings = []
    if settings.gsd_m_px is not None:
        gsd = settings.gsd_m_px
        findings.append(f"GSD {gsd * 100:.1f} cm/px was given by hand")
    else:
        try:
            gsd = gsd_m_px(meta, ground_height_m=ground_height_m, terrain=settings.terrain)
        except FrameError as error:
            if needed:
                raise
            return None, (f"the GSD is not known, and sizes were not checked: {error.message}",)
        if gsd < _FINEST_GSD_M_PX:
            said = Message(
                "GSD {gsd_cm_px:.2g} cm/px cannot be true for a photograph from the air", gsd_cm_px=gsd * 100
            )
            if needed:
                raise FrameError(said, where=meta.path.name, remedy="give the ground's height, or the GSD")
            return None, (f"{said}: sizes were not checked; the ground may lie lower than home",)
    kind = meta.modality if meta.modality in _COARSEST_GSD_M_PX else "rgb"
    if gsd > _COARSEST_GSD_M_PX[kind]:
        near = math.nan if settings.gsd_m_px is not None else _near_gsd(meta, settings, ground_height_m)
        if needed or not near <= _COARSEST_GSD_M_PX[kind]:
            raise FrameError(
                Message(
                    "GSD {gsd_cm_px:.1f} cm/px is too coarse to show a person "
                    "(limit {coarsest_cm_px:.0f} cm/px)",
                    gsd_cm_px=gsd * 100,
                    coarsest_cm_px=_COARSEST_GSD_M_PX[kind] * 100,
                ),
                where=meta.path.name,
                remedy="fly lower",
            )
        return None, (
            f"GSD {gsd * 100:.1f} cm/px in the middle is too coarse to show a person, {near * 100:.1f} cm/px"
            " at the near edge is not: searched without checking sizes",
        )
    if gsd > _WARN_GSD_M_PX[kind]:
        findings.append(f"GSD {gsd * 100:.1f} cm/px is coarse: expect to miss people")
    return gsd, tuple(findings)


def _near_gsd(meta: FrameMeta, settings: SearchSettings, ground_height_m: float) -> float:
    """GSD at the near edge of a frame that looks far [m/px]; NaN where it cannot be told."""
    try:
        return finest_gsd_m_px(meta, ground_height_m=ground_height_m, terrain=settings.terrain)
    except FrameError:  # its corners lie beyond the height model
        return math.nan


def _places(
    meta: FrameMeta, detections: Detections, ground_height_m: float, settings: SearchSettings
) -> tuple[tuple[GroundPoint | None, ...], list[str]]:
    """Where the boxes' middles lie, and what is to be said about those that lie nowhere."""
    middles = (detections.xyxy_px[:, :2] + detections.xyxy_px[:, 2:]) / 2
    points: list[GroundPoint | None] = []
    reasons: dict[str, int] = {}
    for middle in middles:
        try:
            points += locate_pixels(
                meta,
                middle,
                ground_height_m=ground_height_m,
                budget=settings.budget,
                terrain=settings.terrain,
            )
        except FrameError as error:
            points.append(None)
            reasons[error.message] = reasons.get(error.message, 0) + 1
    return tuple(points), [f"{n} boxes have no place on the ground: {text}" for text, n in reasons.items()]


def _crop(image: npt.NDArray[np.uint8], box: npt.NDArray[np.float64], gsd: float | None) -> bytes:
    """JPEG of a box with some metres, or twice its size, around it, the box marked outside its edge."""
    cv2 = opencv()
    height, width = image.shape[:2]
    sides = box[2:] - box[:2]
    margin = _CROP_MARGIN_M / gsd if gsd is not None else 2 * float(sides.max())
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


@cache
def models_digest() -> str:
    """A hash of the networks and figures that ship with the detectors."""
    digest = hashlib.sha256()
    for item in sorted(resources.files("airbeat.detect").iterdir(), key=lambda p: p.name):
        if item.name.endswith((".onnx", ".json")):
            digest.update(item.name.encode() + item.read_bytes())
    return digest.hexdigest()


def _identity(thing: Any) -> str:
    """What a detector or a ground is, as text that is the same in every process that makes the same one.

    A thing that neither says what it is (``repr``) nor can be pickled is another one in every process.
    """
    files = [_file_digest(v) for v in _values(thing) if isinstance(v, Path) and v.is_file()]
    text = repr(thing)
    if " at 0x" not in text:
        return f"{type(thing).__qualname__} {text} {files}"
    try:
        return f"{type(thing).__qualname__} {_digest(pickle.dumps(thing))} {files}"
    except (pickle.PicklingError, AttributeError, TypeError):
        return secrets.token_hex(8)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _values(thing: Any) -> list[Any]:
    return [getattr(thing, f.name) for f in fields(thing)] if is_dataclass(thing) else []


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
