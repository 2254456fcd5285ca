"""What is kept of a frame that was searched: all that candidates, reports and a restart need of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from airbeat.detect.detections import Detections
from airbeat.frames.meta import FrameMeta
from airbeat.locate.accuracy import GroundPoint

__all__ = ["FoundBox", "FrameRefusal", "SearchedFrame", "frame_from_json", "frame_to_json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBox:
    """One box of a frame.

    Attributes:
        xyxy_px: left, top, right, bottom [px of the full frame].
        score: the detector's score, 0…1.
        detector: which detector found it.
        point: where its middle lies on the ground, None where the frame cannot say.
        appearance: its colours, see `airbeat.detect.appearance`.
        crop: where its cut-out lies in the file of cut-outs: first byte, number of bytes.
    """

    xyxy_px: tuple[float, float, float, float]
    score: float
    detector: str
    point: GroundPoint | None
    appearance: tuple[int, ...]
    crop: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class SearchedFrame:
    """One frame that was searched.

    Attributes:
        name: the file's path below the folder that was searched.
        meta: the frame.
        gsd_m_px: at which it was searched [m/px]; None where nobody knows it.
        ground_height_m: height of the ground above home that was assumed [m].
        boxes: best first.
        findings: what was missing or assumed, one sentence each.
    """

    name: str
    meta: FrameMeta
    gsd_m_px: float | None
    ground_height_m: float
    boxes: tuple[FoundBox, ...]
    findings: tuple[str, ...]

    @cached_property
    def detections(self) -> Detections:
        """The boxes as a struct of arrays."""
        return Detections(
            xyxy_px=np.array([b.xyxy_px for b in self.boxes], dtype=float).reshape(-1, 4),
            scores=np.array([b.score for b in self.boxes], dtype=float),
            detectors=np.array([b.detector for b in self.boxes], dtype=str),
        )

    @property
    def points(self) -> tuple[GroundPoint | None, ...]:
        """Where each box lies on the ground, None where the frame cannot say."""
        return tuple(b.point for b in self.boxes)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRefusal:
    """One frame that was not searched.

    Attributes:
        path: the file.
        reason: why, and what to do.
        name: the file's path below the folder that was searched.
    """

    path: Path
    reason: str
    name: str = ""


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(SearchedFrame)


def frame_to_json(frame: SearchedFrame) -> bytes:
    """One line of JSON from which `frame_from_json` makes an equal frame."""
    data: bytes = _adapter().dump_json(frame)
    return data


def frame_from_json(data: bytes) -> SearchedFrame:
    """The frame that `frame_to_json` wrote.

    Raises:
        ValueError: something else.
    """
    frame: SearchedFrame = _adapter().validate_json(data)
    return frame
