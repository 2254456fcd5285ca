"""How many persons are in a zone of a frame, with the measured error of counting.

What is counted are boxes above a probability, each as one or as its probability, times a factor that puts
back what the detector misses and takes out what it makes up. Which of them errs least, the factor, and the
error that is left are measured on labelled frames (tests/bench/crowd_error.py) and lie in
``calibration.json``, by kind: photographs, thermal frames, and frames that the embedded camera drew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.detect.catalogue import detector_named, is_drawn
from airbeat.detect.detections import Detections
from airbeat.errors import GeometryError, UsageError
from airbeat.frames.meta import FrameMeta
from airbeat.language.words import Message

__all__ = [
    "CrowdCount",
    "CrowdCounter",
    "CrowdError",
    "count_crowd",
    "count_zones",
    "counted",
    "crowd_error",
]

_Z95 = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdError:
    """What was measured of counting on one kind of frames.

    Attributes:
        factor: persons over what is counted.
        least: boxes of a lower probability are not counted.
        weighted: whether a box counts as its probability, else as one.
        floor_persons: standard deviation of a count in a zone where hardly anyone is.
        share: part of the standard deviation that grows with the count, over the count.
        enlarged: how many times larger than for single persons frames of a known GSD are searched.
    """

    factor: float
    floor_persons: float
    share: float
    least: float = 0.05
    weighted: bool = True
    enlarged: float = 1.0

    def deviation(self, persons: float) -> float:
        """Standard deviation of a count [persons]."""
        return math.hypot(self.floor_persons, self.share * persons)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdCount:
    """Persons in a zone.

    Attributes:
        persons: the estimate; not a whole number.
        low: lower end of its 95 % interval, not below 0.
        high: upper end.
    """

    persons: float
    low: float
    high: float


@cache
def crowd_error(kind: str) -> CrowdError:
    """The measured error of counting on a kind of frames: "rgb", "thermal" or "exercise".

    Raises:
        UsageError: it was not measured.
    """
    text = resources.files("airbeat.detect").joinpath("calibration.json").read_text(encoding="utf-8")
    tables: dict[str, Any] = json.loads(text).get("crowd", {})
    if kind not in tables:
        raise UsageError(
            Message("counting was not measured on {kind} pictures", kind=kind),
            remedy=Message(
                "there is a measured error for: {kinds}", kinds=", ".join(sorted(tables)) or Message("none")
            ),
        )
    table = tables[kind]
    return CrowdError(
        factor=table["factor"],
        floor_persons=table["floor_persons"],
        share=table["share"],
        least=table["least"],
        weighted=table["weighted"],
        enlarged=table.get("enlarged", 1.0),
    )


def counted(
    found: Detections,
    zone_px: shapely.Polygon | shapely.MultiPolygon,
    *,
    least: float,
    weighted: bool = True,
) -> float:
    """The boxes whose middle lies in a zone, or the sum of their probabilities.

    Args:
        found: boxes with probabilities, weak ones too.
        zone_px: in pixels of the frame, y down.
        least: boxes of a lower probability are not counted.
        weighted: whether a box counts as its probability, else as one.

    Raises:
        GeometryError: the zone is empty or crosses itself.
    """
    if zone_px.is_empty or not zone_px.is_valid:
        raise GeometryError("the zone is empty or crosses itself", remedy="draw it again")
    middles = (found.xyxy_px[:, :2] + found.xyxy_px[:, 2:]) / 2
    inside = (found.scores >= least) & shapely.intersects_xy(zone_px, middles[:, 0], middles[:, 1])
    return float(found.scores[inside].sum()) if weighted else float(inside.sum())


@dataclass(frozen=True, slots=True)
class CrowdCounter:
    """Counts the persons in zones of a frame with the shipped networks.

    Frames that the embedded camera drew are searched by the exercise detector, whose counting was measured on
    such frames alone; all others by the network of their modality.
    """

    def count(
        self,
        image_bgr: npt.NDArray[np.uint8],
        zones_px: Sequence[shapely.Polygon | shapely.MultiPolygon],
        *,
        meta: FrameMeta,
        gsd_m_px: float,
    ) -> list[CrowdCount]:
        """Persons in each zone, in their order; the frame is searched once.

        Args:
            image_bgr: (height, width, 3) uint8.
            zones_px: in pixels of the frame, y down.
            meta: of the frame.
            gsd_m_px: ground sampling distance [m/px]; NaN where it is not known.

        Raises:
            UsageError: no network of the modality, or its counting was not measured.
            GeometryError: a zone is empty or crosses itself.
        """
        kind = "exercise" if is_drawn(meta) else meta.modality
        return count_zones(image_bgr, zones_px, gsd_m_px=gsd_m_px, modality=meta.modality, kind=kind)


def count_zones(
    image_bgr: npt.NDArray[np.uint8],
    zones_px: Sequence[shapely.Polygon | shapely.MultiPolygon],
    *,
    gsd_m_px: float,
    modality: str,
    kind: str = "",
) -> list[CrowdCount]:
    """Count the persons in zones of a frame.

    Args:
        image_bgr: (height, width, 3) uint8.
        zones_px: in pixels of the frame, y down.
        gsd_m_px: ground sampling distance [m/px]; NaN where it is not known.
        modality: "rgb" or "thermal".
        kind: which measured error counts, "exercise" for drawn frames; the modality's where it is empty.

    Raises:
        UsageError: no network of the modality, or its counting was not measured.
        GeometryError: a zone is empty or crosses itself.
    """
    error = crowd_error(kind or modality)
    name = "exercise" if kind == "exercise" else "network"
    detector = detector_named(name, threshold=error.least)
    found = detector(image_bgr, gsd_m_px=error.enlarged * gsd_m_px, modality=modality)
    counts = []
    for zone_px in zones_px:
        persons = error.factor * counted(found, zone_px, least=error.least, weighted=error.weighted)
        reach = _Z95 * error.deviation(persons)
        counts.append(CrowdCount(persons=persons, low=max(0.0, persons - reach), high=persons + reach))
    return counts


def count_crowd(
    image_bgr: npt.NDArray[np.uint8],
    zone_px: shapely.Polygon | shapely.MultiPolygon,
    *,
    gsd_m_px: float,
    modality: str,
) -> CrowdCount:
    """Count the persons in a zone of a frame with the shipped network; see `count_zones`."""
    return count_zones(image_bgr, [zone_px], gsd_m_px=gsd_m_px, modality=modality)[0]
