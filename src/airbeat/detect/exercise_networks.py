"""The two small networks of the exercise detector, run by OpenCV, and the pictures they are shown.

Both see colours relative to the frame: its mean colour taken away, divided by its spread. What counts is how
a place differs from the frame it is in, not how bright or warm the frame is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.frames.opencv import opencv

__all__ = [
    "CELL_PX",
    "JUDGE_BLUR_PX",
    "Palette",
    "Working",
    "cut_out",
    "find",
    "judge",
    "palette",
    "working_image",
]

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

WORKING_GSD_M_PX = 0.05
"""GSD at which the finder searches [m/px]."""

JUDGE_GSD_M_PX = 0.025
"""GSD at which the judge looks [m/px]."""

CELL_PX = 4
"""Working pixels per side of a cell of the finder's map."""

_JUDGE_SIDE_PX = 112
JUDGE_BLUR_PX = 0.8
"""Every view is smoothed as much, so that how a frame's pixels fall on its own makes no difference."""

_MOST_WORKING_PX = 16e6
_TILE_PX, _MARGIN_PX = 1024, 64
_SMALLEST_SIDE_PX = 16
_FLAT = 0.5
_LEAST_SPREAD = 20.0
"""An even field is not stretched further than this: the networks have only seen frames of 30 and more."""
_FINDER, _JUDGE = "exercise_finder.onnx", "exercise_judge.onnx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours of a frame: mean of B, G, R and their mean standard deviation [8-bit units]."""

    mean_bgr: tuple[float, float, float]
    spread: float

    @property
    def is_flat(self) -> bool:
        """Whether the frame shows one colour only, so that nothing can differ from it."""
        return self.spread < _FLAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """A frame brought to the GSD it is searched at: BGR picture, its GSD, its pixels per frame pixel."""

    bgr: Image
    gsd_m_px: float
    scale: float


def working_image(image_bgr: Image, gsd_m_px: float) -> Working:
    """Bring a frame to the working GSD; a coarse one is enlarged as far as memory allows."""
    cv2 = opencv()
    height, width = image_bgr.shape[:2]
    scale = min(gsd_m_px / WORKING_GSD_M_PX, max(1.0, math.sqrt(_MOST_WORKING_PX / (height * width))))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return Working(bgr=cv2.resize(image_bgr, size, interpolation=way), gsd_m_px=gsd_m_px / scale, scale=scale)


def palette(working: Working) -> Palette:
    """Measure a frame's colours on every 37th pixel."""
    pixels = working.bgr.reshape(-1, 3)[::37].astype(np.float32)
    blue, green, red = pixels.mean(axis=0).tolist()
    return Palette(mean_bgr=(blue, green, red), spread=float(pixels.std(axis=0).mean()))


@cache
def _model(name: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(resources.files("airbeat.detect").joinpath(name).read_bytes(), dtype=np.uint8)


def _network(name: str) -> Any:
    """A network of its own for every call: OpenCV's must not be shared between threads."""
    cv2 = opencv()
    network = cv2.dnn.readNetFromONNX(_model(name))
    network.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    return network


def _blob(images: Any, colours: Palette) -> Any:
    return opencv().dnn.blobFromImages(images, 1 / max(colours.spread, _LEAST_SPREAD), mean=colours.mean_bgr)


def find(working: Working, colours: Palette) -> Array:
    """How like a person every place is: (rows, columns) log odds in cells of `CELL_PX`.

    Searched tile by tile, so that memory does not grow with the frame.
    """
    cv2 = opencv()
    image = working.bgr
    height, width = image.shape[:2]
    below, beside = (max(0, _SMALLEST_SIDE_PX - side) for side in (height, width))
    if below or beside:
        image = cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    rows, columns = (max(_SMALLEST_SIDE_PX, side) // CELL_PX for side in (height, width))
    heat = np.empty((rows, columns), dtype=np.float32)
    network = _network(_FINDER)
    step = (_TILE_PX - 2 * _MARGIN_PX) // CELL_PX
    margin = _MARGIN_PX // CELL_PX
    for top in range(0, rows, step):
        for left in range(0, columns, step):
            first_row, first_column = max(0, top - margin), max(0, left - margin)
            last_row, last_column = min(rows, top + step + margin), min(columns, left + step + margin)
            tile = image[
                first_row * CELL_PX : last_row * CELL_PX, first_column * CELL_PX : last_column * CELL_PX
            ]
            network.setInput(_blob([tile], colours))
            found = network.forward()[0, 0]
            inner = found[
                top - first_row : top - first_row + step, left - first_column : left - first_column + step
            ]
            heat[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return heat


def cut_out(image_bgr: Image, x_px: float, y_px: float, *, gsd_m_px: float) -> Image:
    """The judge's view of a place of a frame: 2.8 x 2.8 m at 2.5 cm/px, edges mirrored."""
    cv2 = opencv()
    scale, half = gsd_m_px / JUDGE_GSD_M_PX, _JUDGE_SIDE_PX / 2
    reach = math.ceil(half / scale) + 3
    height, width = image_bgr.shape[:2]
    left, top = math.floor(x_px) - reach, math.floor(y_px) - reach
    right, bottom = left + 2 * reach, top + 2 * reach
    piece = image_bgr[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    if left < 0 or top < 0 or right > width or bottom > height:
        piece = cv2.copyMakeBorder(
            piece,
            max(0, -top),
            max(0, bottom - height),
            max(0, -left),
            max(0, right - width),
            cv2.BORDER_REFLECT,
        )
    if scale < 0.75:
        piece = cv2.GaussianBlur(piece, (0, 0), 0.5 / scale)
    shift = np.array(
        [[scale, 0, half - (x_px - left) * scale], [0, scale, half - (y_px - top) * scale]], dtype=np.float32
    )
    side = (_JUDGE_SIDE_PX, _JUDGE_SIDE_PX)
    view = cv2.warpAffine(piece, shift, side, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    smooth: Image = cv2.GaussianBlur(view, (0, 0), JUDGE_BLUR_PX)
    return smooth


def judge(views: list[Image], colours: Palette) -> tuple[Array, Array]:
    """Judge places by their views, each also turned by half.

    Returns:
        (n,) log odds that a person is there; (n, 4) middle x, y and width, height of the box around the
        person [m], from the middle of the view.
    """
    network = _network(_JUDGE)
    odds, boxes = [], []
    for flip_x, flip_y in ((1, 1), (-1, -1)):
        network.setInput(_blob([np.ascontiguousarray(v[::flip_y, ::flip_x]) for v in views], colours))
        out = network.forward().reshape(len(views), 5)
        odds.append(out[:, 0])
        boxes.append(out[:, 1:] * np.array([flip_x, flip_y, 1, 1], dtype=np.float32))
    box = np.mean(boxes, axis=0)
    side_m = _JUDGE_SIDE_PX * JUDGE_GSD_M_PX
    return np.mean(odds, axis=0), np.hstack([box[:, :2] * side_m / 2, np.exp(box[:, 2:]) * side_m])
