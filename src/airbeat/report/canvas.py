"""A raster canvas with smooth edges: everything is drawn three times as large and scaled down at the end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from PIL import Image, ImageChops, ImageColor, ImageDraw

from airbeat.report.lettering import font_for, width_px

__all__ = ["Canvas", "Points"]

Points = npt.NDArray[np.float64]

_SCALE = 3
_ARROW_LOOK_PX = 9.0
_ARROW_BEND_DEG = 25.0


class Canvas:
    """A picture being drawn; all places and sizes are pixels of the finished picture, y down.

    Args:
        size_px: (width, height).
        colour: of the ground.
    """

    def __init__(self, size_px: tuple[int, int], colour: str = "#ffffff") -> None:
        self.size_px = size_px
        self._image = Image.new("RGB", (size_px[0] * _SCALE, size_px[1] * _SCALE), colour)
        self._draw = ImageDraw.Draw(self._image)

    def finished(self) -> Image.Image:
        """The picture at its own size."""
        return self._image.resize(self.size_px, Image.Resampling.LANCZOS)

    # surfaces

    def image(self, image: Image.Image) -> None:
        """Fill the whole picture with an image, its pixels kept as sharp squares."""
        self._image.paste(image.convert("RGB").resize(self._image.size, Image.Resampling.NEAREST))

    def _mask(self, geometry: Any) -> tuple[Image.Image, tuple[int, int]] | None:
        """A geometry's polygons as a mask, and where its corner lies; None outside the picture."""
        width, height = self._image.size
        shape = shapely.transform(geometry, lambda xy: xy * _SCALE)
        shape = shapely.intersection(shapely.make_valid(shape), shapely.box(-9, -9, width + 9, height + 9))
        polygons = [p for g in shapely.get_parts(shape) for p in shapely.get_parts(g)]
        polygons = [p for p in polygons if p.geom_type == "Polygon" and not p.is_empty]
        if not polygons:
            return None
        x0, y0, x1, y1 = (int(v) for v in shapely.total_bounds(polygons))
        mask = Image.new("L", (x1 - x0 + 2, y1 - y0 + 2), 0)
        draw = ImageDraw.Draw(mask)
        for polygon in polygons:
            for ring, tone in ((polygon.exterior, 255), *((hole, 0) for hole in polygon.interiors)):
                draw.polygon([(x - x0, y - y0) for x, y in ring.coords], fill=tone)
        return mask, (x0, y0)

    def fill(self, geometry: Any, colour: str, *, opacity: float = 1.0) -> None:
        """Fill a shapely (Multi)Polygon given in pixels."""
        found = self._mask(geometry)
        if found is not None:
            mask, corner = found
            self._image.paste(colour, corner, mask.point([round(k * opacity) for k in range(256)]))

    def hatch(self, geometry: Any, colour: str, *, gap_px: float = 9.0, opacity: float = 0.75) -> None:
        """Hatch a shapely (Multi)Polygon given in pixels with rising lines."""
        found = self._mask(geometry)
        if found is None:
            return
        mask, corner = found
        lines = Image.new("L", mask.size, 0)
        draw = ImageDraw.Draw(lines)
        gap = gap_px * _SCALE
        first = -((corner[0] + corner[1]) % gap)
        for k in np.arange(first, sum(mask.size) + gap, gap):
            draw.line([(k, 0), (k - mask.size[1], mask.size[1])], fill=round(255 * opacity), width=2 * _SCALE)
        self._image.paste(colour, corner, ImageChops.multiply(mask, lines))

    def outline(
        self, geometry: Any, colour: str, *, stroke_px: float = 2.0, dash_px: Sequence[float] = ()
    ) -> None:
        """The rings of a shapely (Multi)Polygon given in pixels."""
        for polygon in (p for g in shapely.get_parts(geometry) for p in shapely.get_parts(g)):
            if polygon.geom_type == "Polygon":
                for ring in (polygon.exterior, *polygon.interiors):
                    self.line(np.asarray(ring.coords), colour, stroke_px=stroke_px, dash_px=dash_px)

    # lines

    def line(
        self, points: Points, colour: str, *, stroke_px: float = 2.0, dash_px: Sequence[float] = ()
    ) -> None:
        """A line through (n, 2) pixels, whole or in dashes: lengths on, off, on, … [px]."""
        width = max(1, round(stroke_px * _SCALE))
        for run in _dashes(np.asarray(points, dtype=np.float64), dash_px) if dash_px else (points,):
            corners = [(float(x) * _SCALE, float(y) * _SCALE) for x, y in run]
            if len(corners) > 1:
                self._draw.line(corners, fill=colour, width=width, joint="curve")

    def arrows(self, points: Points, colour: str, *, size_px: float = 8.0, every_px: float = 190.0) -> None:
        """Arrow heads along a line through (n, 2) pixels, where it runs straight enough to show one."""
        line = np.asarray(points, dtype=np.float64)
        steps = np.hypot(*np.diff(line, axis=0).T)
        at = np.concatenate([[0.0], np.cumsum(steps)])
        place = min(every_px / 2, at[-1] / 2)
        while place < at[-1]:
            spots = np.clip([place - _ARROW_LOOK_PX, place, place + _ARROW_LOOK_PX], 0.0, at[-1])
            behind, here, ahead = np.column_stack([np.interp(spots, at, line[:, k]) for k in (0, 1)])
            into, out = here - behind, ahead - here
            bend = math.degrees(math.atan2(abs(into[0] * out[1] - into[1] * out[0]), float(into @ out)))
            if bend < _ARROW_BEND_DEG and np.hypot(*into) > 3 and np.hypot(*out) > 3:
                self._arrow(here, math.atan2(*(ahead - behind)[::-1]), colour, size_px)
                place += every_px
            else:
                place += _ARROW_LOOK_PX

    def _arrow(self, tip: Points, angle_rad: float, colour: str, size_px: float) -> None:
        shape = np.array([[1.0, 0.0], [-0.8, 0.75], [-0.45, 0.0], [-0.8, -0.75]]) * size_px
        c, s = math.cos(angle_rad), math.sin(angle_rad)
        turned = shape @ np.array([[c, s], [-s, c]]) + tip
        self.polygon(turned, colour, edge="#ffffff", stroke_px=1.0)

    # marks

    def polygon(self, points: Points, colour: str, *, edge: str = "", stroke_px: float = 1.0) -> None:
        """A filled polygon of (n, 2) pixels, with an edge round it where a colour for it is given."""
        corners = [(float(x) * _SCALE, float(y) * _SCALE) for x, y in points]
        if edge:
            width = round(2 * stroke_px * _SCALE)
            self._draw.line([*corners, corners[0], corners[1]], fill=edge, width=width, joint="curve")
        self._draw.polygon(corners, fill=colour)

    def rectangle(
        self, box_px: tuple[float, float, float, float], *, fill: str | None = None, edge: str | None = None
    ) -> None:
        """A rectangle from (left, top) to (right, bottom)."""
        x0, y0, x1, y1 = (round(v * _SCALE) for v in box_px)
        self._draw.rectangle((x0, y0, x1 - 1, y1 - 1), fill=fill, outline=edge, width=_SCALE)

    def disc(self, x: float, y: float, radius_px: float, colour: str, *, edge: str = "#ffffff") -> None:
        """A filled circle with an edge."""
        box = tuple(round(v * _SCALE) for v in (x - radius_px, y - radius_px, x + radius_px, y + radius_px))
        self._draw.ellipse(box, fill=colour, outline=edge, width=2 * _SCALE)

    def text(
        self,
        place: tuple[float, float],
        text: str,
        *,
        size_px: int = 16,
        bold: bool = False,
        colour: str = "#000000",
        anchor: str = "ls",
        halo: bool = False,
    ) -> None:
        """One line of text; the anchor is Pillow's: horizontal l, m or r, then vertical a, m or s."""
        font, shown = font_for(text, size_px * _SCALE, bold=bold)
        self._draw.text(
            (place[0] * _SCALE, place[1] * _SCALE),
            shown,
            font=font,
            fill=colour,
            anchor=anchor,
            stroke_width=2 * _SCALE if halo else 0,
            stroke_fill="#ffffff" if halo else None,
        )

    def badge(self, x: float, y: float, text: str, colour: str, *, square: bool = False) -> None:
        """A short text in a coloured circle or square that its width fits."""
        half = max(10.0, width_px(text, 13, bold=True) / 2 + 5)
        if square:
            self.rectangle((x - half - 2, y - 12, x + half + 2, y + 12), fill="#ffffff")
            self.rectangle((x - half, y - 10, x + half, y + 10), fill=colour)
        else:
            self.disc(x, y, half + 2, colour)
        light = sum(w * c for w, c in zip((0.3, 0.59, 0.11), ImageColor.getrgb(colour)[:3], strict=True))
        ink = "#000000" if light > 150 else "#ffffff"
        self.text((x, y), text, size_px=13, bold=True, colour=ink, anchor="mm")


def _dashes(line: Points, pattern_px: Sequence[float]) -> Iterator[Points]:
    """The drawn pieces of a dashed line."""
    steps = np.hypot(*np.diff(line, axis=0).T) if len(line) > 1 else np.zeros(0)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    period = sum(pattern_px)
    if at[-1] <= 0:
        return
    offsets = np.concatenate([[0.0], np.cumsum(pattern_px)])
    for begin in np.arange(0.0, at[-1], period):
        for a, b in list(pairwise(begin + offsets))[::2]:
            low, high = a, min(b, at[-1])
            if high <= low:
                continue
            inner = line[(at > low) & (at < high)]
            ends = [[np.interp(s, at, line[:, 0]), np.interp(s, at, line[:, 1])] for s in (low, high)]
            yield np.vstack([ends[0], inner, ends[1]])
