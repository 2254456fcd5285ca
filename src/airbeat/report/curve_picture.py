"""The detection curve as a picture: recall by pixels on target, with its interval and counts."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from airbeat.detect.scoring import SizeBin
from airbeat.report.canvas import Canvas
from airbeat.report.lettering import fitted

__all__ = ["CurveLine", "draw_curves"]

_SIZE_PX = (1000, 620)
_LEFT, _RIGHT, _TOP, _BOTTOM = 80.0, 970.0, 80.0, 520.0
_COLOURS = ("#0b5fa5", "#c2410c", "#15803d", "#7e22ce", "#525252")
_INK, _FAINT = "#1f2937", "#d1d5db"
_LEAST_PX, _MOST_PX = 4.0, 512.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveLine:
    """One detector's curve.

    Attributes:
        label: what the legend says.
        bins: classes of pixels on target.
    """

    label: str
    bins: tuple[SizeBin, ...]


def _x(pixels: float) -> float:
    share = math.log(min(max(pixels, _LEAST_PX), _MOST_PX) / _LEAST_PX) / math.log(_MOST_PX / _LEAST_PX)
    return _LEFT + share * (_RIGHT - _LEFT)


def _y(recall: float) -> float:
    return _BOTTOM - recall * (_BOTTOM - _TOP)


def _middle(size: SizeBin) -> float:
    low = max(size.from_px, _LEAST_PX)
    return math.sqrt(low * min(size.to_px, _MOST_PX))


def draw_curves(title: str, lines: Sequence[CurveLine]) -> bytes:
    """A PNG picture of one curve or several.

    Args:
        title: a line above it.
        lines: at most five are told apart by colour.
    """
    sheet = Canvas(_SIZE_PX)
    sheet.text((_LEFT, 38), fitted(title, 20, _RIGHT - _LEFT, bold=True), size_px=20, colour=_INK, bold=True)
    for percent in range(0, 101, 20):
        y = _y(percent / 100)
        sheet.line(np.array([[_LEFT, y], [_RIGHT, y]]), _FAINT, stroke_px=1.0)
        sheet.text((_LEFT - 8, y), f"{percent} %", size_px=14, colour=_INK, anchor="rm")
    for pixels in (4, 8, 16, 32, 64, 128, 256, 512):
        x = _x(pixels)
        sheet.line(np.array([[x, _BOTTOM], [x, _BOTTOM + 6]]), _INK, stroke_px=1.0)
        sheet.text((x, _BOTTOM + 10), str(pixels), size_px=14, colour=_INK, anchor="ma")
    about = "longest edge of the person [px]; bars: 95 % interval; above: persons"
    sheet.text((_LEFT, _BOTTOM + 46), about, size_px=14, colour=_INK)
    for number, line in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        for size in line.bins:
            x = _x(_middle(size)) + 4.0 * number
            bar = np.array([[x, _y(size.recall.low)], [x, _y(size.recall.high)]])
            sheet.line(bar, colour, stroke_px=2.0)
            sheet.disc(x, _y(size.recall.value), 5.0, colour)
            if len(lines) == 1:
                sheet.text((x, _TOP - 8), str(size.persons), size_px=13, colour=_INK, anchor="ms")
        places = [(_x(_middle(s)) + 4.0 * number, _y(s.recall.value)) for s in line.bins]
        if len(places) > 1:
            sheet.line(np.array(places), colour, stroke_px=1.5)
        place = (_LEFT + 300 * (number % 3), _BOTTOM + 70 + 20 * (number // 3))
        sheet.text(place, fitted(line.label, 15, 290, bold=True), size_px=15, colour=colour, bold=True)
    buffer = io.BytesIO()
    sheet.finished().save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
