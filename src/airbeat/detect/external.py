"""Any YOLO-style network that a user has as an ONNX file, run by OpenCV, tile by tile.

A network's own size of picture is kept to, whatever it is. Three layouts of output are understood, and told
apart by their shape (c classes, n places):

- v5: (1, n, 5 + c): middle x, y, width, height, how sure that anything is there, and each class;
- v8, v11: (1, 4 + c, n): middle x, y, width, height, and each class;
- end to end (v10, or exported with NMS): (1, n, 6): left, top, right, bottom, score, class.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.detect.detections import Detections
from airbeat.detect.inputs import read_limited
from airbeat.detect.onnxfile import class_named, picture_size
from airbeat.errors import InputFileError, UsageError
from airbeat.frames.opencv import opencv
from airbeat.language.words import Message

__all__ = ["ExternalDetector"]

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_LEAST_BYTES, _MOST_BYTES = 16, 600_000_000
_SIDES_PX = (640, 1280, 416, 320, 512, 960)
"""Sides that are tried where a network does not say the size of its input, the usual ones first."""
_LEAST_SIDE_PX, _MOST_SIDE_PX = 32, 4096

_GREY = 114
"""What the letterbox is filled with, as these networks are trained."""

_OVERLAP_PX = 96
_SAME_PERSON_OVERLAP = 0.5
_LEAST_SCORE = 0.01
_MOST_BOXES = 300
_MOST_PLACES, _MOST_CLASSES = 200_000, 2_000
_PERSON_NAMES = ("person", "pedestrian", "people", "human")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalDetector:
    """A `Detector` of one class of a user's network. Its scores are the network's own, not probabilities.

    Attributes:
        path: the ONNX file.
        class_number: which class is a person; None for the one the file calls so, else the first.
        threshold: boxes scoring less are left out.
    """

    path: Path
    class_number: int | None = None
    threshold: float = 0.25

    def __post_init__(self) -> None:
        if not self.path.is_file():
            raise UsageError(Message("no file {path}", path=self.path), remedy="give external:FILE.onnx")

    @property
    def smallest_score(self) -> float:
        """The threshold."""
        return self.threshold

    def __call__(
        self, image_bgr: npt.NDArray[np.uint8], *, gsd_m_px: float = math.nan, modality: str = "rgb"
    ) -> Detections:
        """See `airbeat.detect.detections.Detector`; the GSD is not used.

        Raises:
            InputFileError: no ONNX file that OpenCV can run, or an output of another layout.
        """
        model = _models.get(self.path)
        height, width = image_bgr.shape[:2]
        person = model.person if self.class_number is None else self.class_number
        boxes, scores = [np.empty((0, 4))], [np.empty(0)]
        least = max(self.threshold, _LEAST_SCORE)
        wide, high = model.size_px
        for left, top in _tiles(width, height, model.size_px):
            tile = image_bgr[top : top + high, left : left + wide]
            found, sure = _boxes(model.run(tile), person, least=least, name=self.path.name)
            boxes.append(found + np.array([left, top, left, top]))
            scores.append(sure)
        all_boxes = np.clip(np.concatenate(boxes), 0, (width, height, width, height))
        kept = _distinct(all_boxes, np.concatenate(scores))
        return Detections.best_first(all_boxes[kept], np.concatenate(scores)[kept], detector="external")


def _tiles(width: int, height: int, size_px: tuple[int, int]) -> list[tuple[int, int]]:
    """Corners of overlapping tiles, so wide and high, that cover a picture."""

    def starts(length: int, side: int) -> list[int]:
        if length <= side:
            return [0]
        overlap = min(_OVERLAP_PX, side // 2)
        count = math.ceil((length - overlap) / (side - overlap))
        return [round(i * (length - side) / (count - 1)) for i in range(count)]

    return [(x, y) for y in starts(height, size_px[1]) for x in starts(width, size_px[0])]


class _Model:
    """One network that OpenCV has read, with the size of its input as it says or was found by trying."""

    def __init__(self, path: Path) -> None:
        data = read_limited(path, _MOST_BYTES)
        self._name = path.name
        if len(data) < _LEAST_BYTES:
            raise InputFileError("too short for a network", where=path.name, remedy="give an ONNX file")
        try:
            self._network = opencv().dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
            self._network.setPreferableBackend(opencv().dnn.DNN_BACKEND_OPENCV)
        except opencv().error as error:
            raise InputFileError(
                Message("OpenCV cannot read this network: {reason}", reason=_first_line(error)),
                where=path.name,
                remedy="export it as ONNX with opset 12 and fixed input size",
            ) from None
        self.person = class_named(data, _PERSON_NAMES) or 0
        self.size_px = self._size(picture_size(data))

    def _size(self, said: tuple[int, int] | None) -> tuple[int, int]:
        """(width, height) of what the network takes: as it says, else the first of the usual sizes."""
        if said is not None and not all(_LEAST_SIDE_PX <= side <= _MOST_SIDE_PX for side in said):
            raise InputFileError(
                Message("the network takes pictures of {width}×{height} px", width=said[0], height=said[1]),
                where=self._name,
                remedy="export it with an input of 640×640",
            )
        sizes = [(side, side) for side in _SIDES_PX] if said is None else [said]
        refusal = ""
        for width, height in sizes:
            try:
                self._forward(np.full((height, width, 3), _GREY, np.uint8))
            except opencv().error as error:
                refusal = refusal or _first_line(error)
            else:
                return width, height
        tried = ", ".join(f"{width}×{height}" for width, height in sizes)
        raise InputFileError(
            Message("the network takes no picture of {tried} px: {refusal}", tried=tried, refusal=refusal),
            where=self._name,
            remedy="export it with a batch of 1 and an input of 640×640",
        )

    def _forward(self, tile: Image) -> list[Any]:
        blob = opencv().dnn.blobFromImage(tile, 1 / 255, swapRB=True)
        self._network.setInput(blob)
        return list(self._network.forward(self._network.getUnconnectedOutLayersNames()))

    def run(self, tile: Image) -> list[Any]:
        """The network's outputs for a tile of at most its size, set into grey at the top left."""
        width, height = self.size_px
        whole = np.full((height, width, 3), _GREY, np.uint8)
        whole[: tile.shape[0], : tile.shape[1]] = tile
        try:
            return self._forward(whole)
        except opencv().error as error:
            raise InputFileError(
                Message("the network failed: {reason}", reason=_first_line(error)), where=self._name
            ) from None


class _Models(threading.local):
    """Networks of one thread: OpenCV's must not be shared between threads."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, int], _Model] = {}

    def get(self, path: Path) -> _Model:
        try:
            key = (path, path.stat().st_mtime_ns)
        except OSError as error:
            raise InputFileError(
                Message("cannot be read: {reason}", reason=error.strerror), where=str(path)
            ) from error
        if key not in self._known:
            self._known = {key: _Model(path)}
        return self._known[key]


_models = _Models()


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][-200:] if lines else type(error).__name__


def _boxes(outputs: list[Any], person: int, *, least: float, name: str) -> tuple[Floats, Floats]:
    """Boxes (n, 4) xyxy [px of the tile] and their scores, from an output of any known layout."""
    tables = [o for o in outputs if np.ndim(o) == 3]  # beside it masks, or what it was made of
    output = np.asarray(tables[0], dtype=np.float64) if len(tables) == 1 else np.empty(0)
    shape = " and ".join(str(tuple(np.shape(o))) for o in outputs)
    unknown = InputFileError(
        Message("an output of shape {shape} is no layout of YOLO v5, v8, v10 or v11", shape=shape),
        where=name,
        remedy="export it without post-processing, as one output",
    )
    if output.ndim != 3 or output.shape[0] != 1 or max(output.shape) > _MOST_PLACES:
        raise unknown
    table = output[0]
    if table.shape[1] == 6 and table.shape[0] <= 1000 and _looks_end_to_end(table):
        rows = table[np.round(table[:, 5]) == person]
        xyxy, scores = rows[:, :4], rows[:, 4]
    else:
        turned = table.shape[0] < table.shape[1]
        rows = table.T if turned else table
        classes = rows.shape[1] - (4 if turned else 5)
        if not 1 <= classes <= _MOST_CLASSES:
            raise unknown
        if person >= classes:
            raise UsageError(
                Message(
                    "{name} has {classes} classes, none with number {person}",
                    name=name,
                    classes=classes,
                    person=person,
                )
            )
        scores = rows[:, 4 + person] if turned else rows[:, 4] * rows[:, 5 + person]
        xyxy = np.hstack([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2])
    good = np.isfinite(xyxy).all(axis=1) & np.isfinite(scores) & (scores >= least)
    good &= (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
    return xyxy[good], np.clip(scores[good], 0, 1)


def _looks_end_to_end(table: Floats) -> bool:
    """Whether rows are left, top, right, bottom, score, whole class, rather than a v5 of one class."""
    classes = table[:, 5]
    return bool(np.allclose(classes, np.round(classes), atol=1e-4) and (table[:, 4] <= 1.0 + 1e-6).all())


def _distinct(boxes: Floats, scores: Floats) -> npt.NDArray[np.int_]:
    """Numbers of the boxes that stay when those that a better one covers are left out, best first."""
    if not len(boxes):
        return np.empty(0, dtype=int)
    sides = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    kept = opencv().dnn.NMSBoxes(sides.tolist(), scores.tolist(), 0.0, _SAME_PERSON_OVERLAP)
    return np.asarray(kept, dtype=int).ravel()[:_MOST_BOXES]
