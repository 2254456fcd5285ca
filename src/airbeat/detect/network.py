"""The network detector: our own small heat-map network per modality, run by OpenCV on one thread.

The weights lie beside this module (``person_thermal.onnx``); what was measured with them, and how they want
their input, lies in ``person_thermal.json``; what they were trained on is told by ``docs/model-person-*.md``.
"""

from __future__ import annotations

import json
import math
import threading
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.detect.calibration import threshold_for_rate
from airbeat.detect.detections import Detections
from airbeat.detect.doubtful import seen_again
from airbeat.detect.rescoring import EVIDENCE, SecondLook, rescored
from airbeat.errors import UsageError
from airbeat.frames.opencv import opencv
from airbeat.language.words import Message

__all__ = ["NetworkDetector", "NetworkFigures", "network_figures", "prepare", "search"]

Image = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_BLOCK_PX = 4
"""Network pixels per side of a block of the network's map: see `search`."""

_CELL_PX = 2
_SIZE_UNIT_PX = 16.0
_GRAIN_PX = 32
"""Sides of what the network is given are multiples of this."""

_TILE_PX, _MARGIN_PX = 1408, 96
_MOST_WORKING_PX = 50e6
_LARGEST_SCALE = 2.0
_LOG_SIDES = (-2.0, 3.0)
_BROAD_PX, _NARROW_PX = 65, 17
_SAME_PERSON_OVERLAP = 0.5
_NESTED_SHARE = 0.8
_MOST_BOXES = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFigures:
    """What was measured with a modality's network, and how it wants its input: its JSON file.

    Attributes:
        gsd_range_m_px: frames of a known GSD outside this range are scaled to its nearer end [m/px].
        unknown_gsd_scales: frames of an unknown GSD are searched at each of these scales.
        mirrored: whether the frame is also searched mirrored, and the answers averaged.
        mirrored_up_to_scale: where the GSD is known, frames searched at this scale or a smaller one are also
            searched mirrored, since they are searched fast.
        doubtful_per_megapixel: how many boxes are looked at again in the mirror where one scale is searched,
            see `airbeat.detect.doubtful` [1/MP of what the network is given].
        least_log_odds: places below are not looked at.
        probability: (log odds, share of the boxes at such log odds that are persons), both rising.
        threshold: the default threshold on that probability.
        false_per_frame: (false candidates per frame, lowest threshold that keeps below), measured.
        longest_side_m: where the GSD is known, boxes whose longer side lies outside this range are no persons
            [m]; None to let every box pass.
        second_look: by which the log odds are replaced before they are turned into probabilities; None to
            leave them.
    """

    gsd_range_m_px: tuple[float, float]
    unknown_gsd_scales: tuple[float, ...]
    mirrored: bool
    least_log_odds: float
    probability: tuple[tuple[float, float], ...]
    threshold: float
    false_per_frame: tuple[tuple[float, float], ...]
    longest_side_m: tuple[float, float] | None = None
    second_look: SecondLook | None = None
    mirrored_up_to_scale: float = 0.0
    doubtful_per_megapixel: float = 0.0


@cache
def network_figures(modality: str) -> NetworkFigures:
    """The figures of the network of a modality ("rgb" or "thermal").

    Raises:
        UsageError: no network for this modality ships.
    """
    data: dict[str, Any] = json.loads(_shipped(f"person_{modality}.json", modality).decode("utf-8"))
    low, high = data["gsd_range_m_px"]
    look = data.get("second_look")
    return NetworkFigures(
        gsd_range_m_px=(low, high),
        unknown_gsd_scales=tuple(data["unknown_gsd_scales"]),
        mirrored=data["mirrored"],
        least_log_odds=data["least_log_odds"],
        probability=tuple((odds, share) for odds, share in data["probability"]),
        threshold=data["threshold"],
        false_per_frame=tuple((rate, threshold) for rate, threshold in data["false_per_frame"]),
        longest_side_m=tuple(data["longest_side_m"]) if "longest_side_m" in data else None,
        second_look=None if look is None else _second_look(look),
        mirrored_up_to_scale=data.get("mirrored_up_to_scale", 0.0),
        doubtful_per_megapixel=data.get("doubtful_per_megapixel", 0.0),
    )


def _second_look(look: dict[str, Any]) -> SecondLook:
    middle, spread = zip(*(look["evidence"][name] for name in EVIDENCE), strict=True)
    return SecondLook(middle=middle, spread=spread, weights=tuple(look["weights"]), offset=look["offset"])


def _shipped(name: str, modality: str) -> bytes:
    try:
        return resources.files("airbeat.detect").joinpath(name).read_bytes()
    except FileNotFoundError as error:
        raise UsageError(
            Message("no person network for {modality} pictures ships with airbeat", modality=modality),
            remedy="use --modality thermal, or another detector",
        ) from error


class _PerThread(threading.local):
    """Networks of one thread: OpenCV's must not be shared between threads."""

    def __init__(self) -> None:
        self.networks: dict[str, Any] = {}

    def network(self, modality: str) -> Any:
        if modality not in self.networks:
            model = np.frombuffer(_shipped(f"person_{modality}.onnx", modality), dtype=np.uint8)
            network = opencv().dnn.readNetFromONNX(model)
            network.setPreferableBackend(opencv().dnn.DNN_BACKEND_OPENCV)
            self.networks[modality] = network
        return self.networks[modality]


_per_thread = _PerThread()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDetector:
    """A `Detector` of persons by the shipped network of the frame's modality.

    A score is the share of boxes scored alike that were persons, on flights the network was not trained on;
    what that was measured on is told by ``docs/model-person-*.md``. Without a GSD (NaN) the frame is searched
    at the scales the network was trained for.

    Attributes:
        threshold: candidates scoring less are left out; None for the default of the frame's modality.
    """

    threshold: float | None = None

    @classmethod
    def for_false_candidates(cls, max_per_frame: float, *, modality: str) -> NetworkDetector:
        """The detector with the lowest threshold whose measured rate of false candidates is not above this.

        Raises:
            UsageError: lower than was ever measured, or no number; no network of this modality.
        """
        curve = network_figures(modality).false_per_frame
        return cls(threshold=threshold_for_rate(curve, max_per_frame))

    def __call__(
        self, image_bgr: Image, *, gsd_m_px: float = math.nan, modality: str = "thermal"
    ) -> Detections:
        """See `airbeat.detect.detections.Detector`; a GSD of NaN means that it is not known.

        Raises:
            UsageError: no network of this modality ships.
        """
        figures = network_figures(modality)
        scales = figures.unknown_gsd_scales
        gsd_is_known = math.isfinite(gsd_m_px) and gsd_m_px > 0
        if gsd_is_known:
            scales = (gsd_m_px / min(max(gsd_m_px, figures.gsd_range_m_px[0]), figures.gsd_range_m_px[1]),)
        boxes, log_odds = search(
            _per_thread.network(modality),
            image_bgr,
            modality=modality,
            scales=scales,
            mirrored=figures.mirrored or (gsd_is_known and scales[0] <= figures.mirrored_up_to_scale),
            least_log_odds=figures.least_log_odds,
            doubtful_per_megapixel=figures.doubtful_per_megapixel,
        )
        if figures.second_look is not None:
            log_odds = rescored(image_bgr, boxes, log_odds, scale=scales[0], look=figures.second_look)
            best_first = np.argsort(-log_odds, kind="stable")
            boxes, log_odds = boxes[best_first], log_odds[best_first]
        odds, shares = zip(*figures.probability, strict=True)
        scores = np.interp(log_odds, odds, shares)
        kept = scores >= (figures.threshold if self.threshold is None else self.threshold)
        if gsd_is_known and figures.longest_side_m is not None:
            longest_m = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0) * gsd_m_px
            kept &= (longest_m >= figures.longest_side_m[0]) & (longest_m <= figures.longest_side_m[1])
        return Detections(xyxy_px=boxes[kept], scores=scores[kept])


def search(
    network: Any,
    image_bgr: Image,
    *,
    modality: str,
    scales: tuple[float, ...] = (1.0,),
    mirrored: bool = False,
    least_log_odds: float = -3.0,
    doubtful_per_megapixel: float = 0.0,
) -> tuple[Floats, Floats]:
    """Find persons with a network that OpenCV has read.

    The network is given (1, 3, height, width) and answers (1, 6, height / 4, width / 4): the log odds that a
    person's middle lies in each of the 2 x 2 px cells of the 4 x 4 px block, row by row, and log width and
    height of the box over 16 px. Persons are the cells higher than the eight around them; of two boxes that
    cover each other by half the better stays. Where several scales are searched, so it does of two of which
    one lies mostly in the other: a person at one scale and a part of the person at another.

    So many boxes per megapixel of what the network is given, the most doubtful ones, are looked at again in
    the mirror where one scale is searched and not mirrored: for the others there is no time.

    Returns:
        (n, 4) boxes xyxy [px of the image] and (n,) log odds, best first.
    """
    again = 0.0 if mirrored or len(scales) > 1 else doubtful_per_megapixel
    found = [
        _search_at(network, image_bgr, modality, scale, mirrored=mirrored, least=least_log_odds, again=again)
        for scale in scales
    ]
    boxes, log_odds = _best_first(
        *(np.concatenate(part) for part in zip(*found, strict=True)), nested=len(scales) > 1
    )
    height, width = image_bgr.shape[:2]
    return np.clip(boxes, 0, (width, height, width, height)), log_odds


def _search_at(
    network: Any,
    image_bgr: Image,
    modality: str,
    scale: float,
    *,
    mirrored: bool,
    least: float,
    again: float,
) -> tuple[Floats, Floats]:
    """Boxes [px of the image] and log odds of one scale, in no order."""
    height, width = image_bgr.shape[:2]
    scale = min(scale, _LARGEST_SCALE, max(1.0, math.sqrt(_MOST_WORKING_PX / (height * width))))
    image = image_bgr
    if scale != 1:
        cv2 = opencv()
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = cv2.resize(image_bgr, size, interpolation=way)
    high, wide = image.shape[:2]
    boxes, odds = [np.empty((0, 4))], [np.empty(0)]
    step = _TILE_PX - 2 * _MARGIN_PX
    for top in _starts(high, step):
        for left in _starts(wide, step):
            first_y, first_x = max(0, top - _MARGIN_PX), max(0, left - _MARGIN_PX)
            tile = image[first_y : top + step + _MARGIN_PX, first_x : left + step + _MARGIN_PX]
            prepared = prepare(tile, modality)
            found, log_odds = _peaks(_answer(network, prepared, mirrored=mirrored), least)
            if most := round(again * prepared[0].size / 1e6):
                found, log_odds = _best_first(found, log_odds)
                log_odds = seen_again(network, prepared, found, log_odds, most=most)
            found += (first_x, first_y, first_x, first_y)
            middles = (found[:, :2] + found[:, 2:]) / 2
            last = (wide if left + step >= wide else left + step, high if top + step >= high else top + step)
            inside = ((middles >= (left, top)) & (middles < last)).all(axis=1)
            boxes.append(found[inside])
            odds.append(log_odds[inside])
    return np.concatenate(boxes) / np.tile((wide / width, high / height), 2), np.concatenate(odds)


def _starts(length_px: int, step_px: int) -> range:
    """Where tiles begin; a length that fits into one tile with its margins takes one."""
    return range(0, 1) if length_px <= _TILE_PX else range(0, length_px, step_px)


def _answer(network: Any, prepared: Array, *, mirrored: bool) -> Array:
    """(6, rows, columns): the network's answer to a picture of any size, with its mirror's if wanted."""
    height, width = prepared.shape[1:]
    sides = (-(-height // _GRAIN_PX) * _GRAIN_PX, -(-width // _GRAIN_PX) * _GRAIN_PX)
    given = np.zeros((1, 3, *sides), np.float32)
    given[0, :, :height, :width] = prepared
    network.setInput(given)
    answer: Array = network.forward()[0]
    if mirrored:
        network.setInput(np.ascontiguousarray(given[:, :, :, ::-1]))
        other = network.forward()[0][:, :, ::-1]
        answer = (answer + other[[1, 0, 3, 2, 4, 5]]) / 2
    return answer[:, : -(-height // _BLOCK_PX), : -(-width // _BLOCK_PX)]


def _peaks(answer: Array, least: float) -> tuple[Floats, Floats]:
    """(n, 4) boxes xyxy [px of what the network was given] and (n,) log odds."""
    rows, columns = answer.shape[1:]
    cells = answer[:4].reshape(2, 2, rows, columns).transpose(2, 0, 3, 1).reshape(2 * rows, 2 * columns)
    highest = opencv().dilate(cells, np.ones((3, 3), np.uint8))
    y, x = np.nonzero((cells >= highest) & (cells >= least))
    middles = (np.column_stack([x, y]) + 0.5) * _CELL_PX
    half = _SIZE_UNIT_PX / 2 * np.exp(np.clip(answer[4:, y // 2, x // 2], *_LOG_SIDES).astype(np.float64)).T
    return np.hstack([middles - half, middles + half]), cells[y, x].astype(np.float64)


def _best_first(boxes: Floats, log_odds: Floats, *, nested: bool = False) -> tuple[Floats, Floats]:
    """The distinct ones of the best boxes, best first: see `_distinct`."""
    order = np.argsort(-log_odds, kind="stable")[:_MOST_BOXES]
    boxes, log_odds = boxes[order], log_odds[order]
    kept = _distinct(boxes, nested=nested)
    return boxes[kept], log_odds[kept]


def _distinct(boxes: Floats, *, nested: bool) -> list[int]:
    """Indices of the boxes, best first, that no better one covers by half (intersection over union).

    With `nested` also no better one lies in them, or around them, by `_NESTED_SHARE` of the smaller's area.
    """
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    near = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(
        boxes[:, None, :2], boxes[None, :, :2]
    )
    common = np.clip(near, 0, None).prod(axis=2)
    same = common >= _SAME_PERSON_OVERLAP * (areas[:, None] + areas[None] - common)
    if nested:
        same |= common >= _NESTED_SHARE * np.minimum(areas[:, None], areas[None])
    dropped = np.zeros(len(boxes), dtype=bool)
    for k in np.flatnonzero(same.sum(axis=1) > 1):
        if not dropped[k]:
            dropped[k + 1 :] |= same[k, k + 1 :]
    return np.flatnonzero(~dropped).tolist()


def prepare(image_bgr: npt.NDArray[Any], modality: str) -> Array:
    """What the network is shown of a picture.

    Photographs: blue, green and red, centred and scaled. Thermal pictures, whose grey values mean nothing by
    themselves: grey; grey less its mean within 32 px over its spread there; grey less its mean within 8 px.

    Args:
        image_bgr: (height, width, 3), uint8 or float32 0…255.
        modality: "rgb" or "thermal".

    Returns:
        (3, height, width) float32, about -3…3.
    """
    if modality != "thermal":
        centred = np.ascontiguousarray(image_bgr.transpose(2, 0, 1), dtype=np.float32)
        centred -= np.float32(127.5)
        centred /= np.float32(64)
        return centred
    cv2 = opencv()
    grey = cv2.transform(image_bgr.astype(np.float32), np.full((1, 3), 1 / 3, np.float32))
    broad, narrow = (_BROAD_PX, _BROAD_PX), (_NARROW_PX, _NARROW_PX)
    mean = cv2.boxFilter(grey, -1, broad, borderType=cv2.BORDER_REFLECT)
    square = cv2.sqrBoxFilter(grey, -1, broad, borderType=cv2.BORDER_REFLECT)
    spread = np.sqrt(np.maximum(square - mean * mean, 0)) + 6
    near = grey - cv2.boxFilter(grey, -1, narrow, borderType=cv2.BORDER_REFLECT)
    prepared: Array = np.stack([(grey - 127.5) / 64, (grey - mean) / spread, near / 24])
    return np.clip(prepared, -4, 4, out=prepared)
