"""A case's state as one PNG picture: where the person may be, and how well each piece of ground was searched.

Both maps have north up and a grid of latitudes and longitudes. Their colours grow darker in one hue from
light yellow to dark blue, so that they read the same to colour-blind people and in grey print. The same case
gives the same picture.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from airbeat import __version__
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import _
from airbeat.report.canvas import Canvas, Points
from airbeat.report.lettering import fitted, picture_language, wrapped
from airbeat.report.picture_map import INK, home_mark, last_seen_mark, north_arrow
from airbeat.search.build import UNNAMED_SEGMENT
from airbeat.search.grid import ProbabilityMap, SearchGrid

__all__ = ["SCALE", "CasePicture", "draw_case", "poa_classes", "pod_classes"]

Array = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]

CASE_PICTURE_SIZE_PX = (1800, 1200)
_MAP_PX = 820
_TOP = 132
_LEFTS = (56, 56 + _MAP_PX + 72)
_FOOTER_PX, _LINES_PX, _LINE_PX = 92, 38, 21
"""From the maps to the signs' meanings, from those to the sentences, and from line to line [px]."""
_SOFT, _AMBER_INK, _PAPER = "#5d5a52", "#6b3d00", "#ffffff"
# Lightness falls evenly while the hue turns from yellow over green to blue (as in ColorBrewer's YlGnBu).
SCALE = ("#fbfaf2", "#edf0b4", "#b5dfb7", "#5fbec1", "#2a83b7", "#22408f")
"""Colours of classes 0 to 5."""
_POA_SHARES = (0.95, 0.75, 0.50, 0.25, 0.10)
_SAME = 1.0 - 1e-9
_POD_STEPS = (0.0, 0.2, 0.4, 0.6, 0.8)
_FIND, _FOOTPRINT = "#d55e00", "#3a3a3a"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CasePicture:
    """What the picture shows.

    Attributes:
        title: headline.
        now: the map.
        pod: (rows, columns) cumulative POD, lower end, row 0 in the south.
        segments: names and (rows, columns) shares of each cell inside.
        last_known: the point last known.
        launches: where to take off.
        finds: places that people called a person or a clue, with their ids.
        footprints: geographic outlines of photographs that count.
        lines: sentences under the maps, the most important first.
        warning: what must not be overlooked, or "".
    """

    title: str
    now: ProbabilityMap
    pod: Array
    segments: Sequence[tuple[str, Array]]
    last_known: LatLon
    launches: Sequence[LatLon]
    finds: Sequence[tuple[LatLon, str]]
    footprints: Sequence[Any]
    lines: Sequence[str]
    warning: str = ""


def poa_classes(now: ProbabilityMap) -> Classes:
    """(rows, columns) class of each cell: 5 for the densest cells that together hold 10 % of what is on the
    map, then 25, 50, 75, 95 %, and 0 for the rest and for cells without any probability."""
    poa = now.poa.ravel()
    total = float(poa.sum())
    classes = np.zeros(poa.shape, dtype=np.int64)
    if total <= 0:
        return classes.reshape(now.grid.shape)
    falling = np.sort(poa)[::-1]
    held = np.cumsum(falling) / total
    for number, share in enumerate(_POA_SHARES, start=1):
        least = falling[min(int(np.searchsorted(held, share)), len(falling) - 1)]
        classes[poa >= least * _SAME] = number  # cells as likely as one another belong together
    classes[poa <= 0] = 0
    return classes.reshape(now.grid.shape)


def pod_classes(pod: Array) -> Classes:
    """(rows, columns) class of each cell: 0 for nothing at all, then steps of 20 %."""
    found = np.zeros(pod.shape, dtype=np.int64)
    for number, step in enumerate(_POD_STEPS, start=1):
        found[pod > step if step == 0 else pod >= step] = number
    return found


@picture_language()
def draw_case(picture: CasePicture) -> bytes:
    """The picture as the bytes of a PNG file, 1800 × 1200 pixels, and higher where the sentences need it."""
    bottom = _TOP + _View(picture.now.grid).size[1]
    lines = _lines(picture)
    wide, high = CASE_PICTURE_SIZE_PX
    sheet = Canvas((wide, max(high, bottom + _FOOTER_PX + _LINES_PX + _LINE_PX * len(lines))))
    sheet.text((_LEFTS[0], 52), fitted(picture.title, 32, 1680, bold=True), size_px=32, bold=True)
    if picture.warning:
        text = fitted(picture.warning, 18, 1680, bold=True)
        sheet.text((_LEFTS[0], 82), text, size_px=18, bold=True, colour=_AMBER_INK)
    heads = (_("Where the person may be now"), _("How well it was searched: POD, lower end"))
    maps = []
    for left, head, classes in zip(
        _LEFTS, heads, (poa_classes(picture.now), pod_classes(picture.pod)), strict=True
    ):
        sheet.text((left, 120), head, size_px=20, bold=True)
        maps.append((left, _map(picture, classes, searched=left != _LEFTS[0])))
    _legends(sheet, bottom + 34)
    _footer(sheet, lines, bottom + _FOOTER_PX)
    north_arrow(sheet, _LEFTS[1] - 44, _TOP + 8)
    image = sheet.finished()
    for left, drawn in maps:
        image.paste(drawn, (left, _TOP))
    about = PngInfo()
    about.add_itxt("Title", picture.title)
    about.add_itxt("Software", f"airbeat {__version__}")
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True, pnginfo=about, dpi=(150, 150))
    return stream.getvalue()


class _View:
    """Local metres of the grid to the pixels of a map."""

    def __init__(self, grid: SearchGrid) -> None:
        width, height = grid.columns * grid.cell_m, grid.rows * grid.cell_m
        self.grid = grid
        self.px_per_m = min(_MAP_PX / width, _MAP_PX / height)
        self.size = (round(width * self.px_per_m), round(height * self.px_per_m))

    def xy(self, local: Points) -> Points:
        g = self.grid
        top = g.south_m + g.rows * g.cell_m
        px = np.column_stack([local[:, 0] - g.west_m, top - local[:, 1]]) * self.px_per_m
        return np.asarray(px, dtype=np.float64)

    def place(self, position: LatLon) -> tuple[float, float]:
        x, y = self.xy(self.grid.frame.to_xy([position]))[0]
        return float(x), float(y)

    def shape(self, geographic: Any) -> Any:
        return shapely.transform(self.grid.frame.to_local(geographic), self.xy)


def _map(picture: CasePicture, classes: Classes, *, searched: bool) -> Image.Image:
    view = _View(picture.now.grid)
    canvas = Canvas(view.size)
    palette = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in SCALE], dtype=np.uint8)
    canvas.image(Image.fromarray(palette[classes[::-1]]))
    _graticule(canvas, view)
    if searched:
        for outline in picture.footprints:
            canvas.outline(view.shape(outline), _FOOTPRINT, stroke_px=0.6)
    _segments(canvas, view, picture.segments)
    for launch in picture.launches:
        home_mark(canvas, *view.place(launch))
    last_seen_mark(canvas, *view.place(picture.last_known))
    for position, label in picture.finds:
        canvas.badge(*view.place(position), label, _FIND)
    canvas.rectangle((0, 0, *view.size), edge="#555555")
    return canvas.finished()


def _segments(canvas: Canvas, view: _View, segments: Sequence[tuple[str, Array]]) -> None:
    """Names at the segments' middles, and edges where the cells that belong mostly to one segment end."""
    grid = view.grid
    owner = np.full(grid.shape, -1)
    most = np.full(grid.shape, 0.5)
    for number, (_name, share) in enumerate(segments):
        owner = np.where(share >= most, number, owner)
        most = np.maximum(most, share)
    x = grid.west_m + np.arange(grid.columns + 1) * grid.cell_m
    y = grid.south_m + np.arange(grid.rows + 1) * grid.cell_m
    for row, column in np.argwhere(owner[:, 1:] != owner[:, :-1]):
        ends = np.array([[x[column + 1], y[row]], [x[column + 1], y[row + 1]]])
        canvas.line(view.xy(ends), INK, stroke_px=1.4)
    for row, column in np.argwhere(owner[1:] != owner[:-1]):
        ends = np.array([[x[column], y[row + 1]], [x[column + 1], y[row + 1]]])
        canvas.line(view.xy(ends), INK, stroke_px=1.4)
    for number, (name, _share) in enumerate(segments):
        inside = np.argwhere(owner == number)
        if len(inside) and name != UNNAMED_SEGMENT:
            middle = inside.mean(axis=0)
            row, column = inside[np.argmin(((inside - middle) ** 2).sum(axis=1))]
            at = view.xy(np.array([[grid.x_m()[column], grid.y_m()[row]]]))[0]
            text = fitted(name, 15, 220, bold=True)
            canvas.text((at[0], at[1]), text, size_px=15, bold=True, colour=INK, anchor="mm", halo=True)


def _step_deg(span_deg: float) -> float:
    """A round step that divides a span into two to five."""
    power = 10.0 ** math.floor(math.log10(span_deg / 2))
    return max(m * power for m in (1, 2, 5) if m * power <= span_deg / 2 + 1e-12)


def _graticule(canvas: Canvas, view: _View) -> None:
    """Lines of latitude and longitude with their degrees."""
    grid = view.grid
    corners = shapely.get_coordinates(grid.frame.to_geographic(grid.outline()))
    middle = grid.frame.origin.lon_deg
    lon = np.mod(corners[:, 0] - middle + 180.0, 360.0) - 180.0 + middle
    lat = corners[:, 1]
    share = np.linspace(0.0, 1.0, 21)
    step = _step_deg(min(np.ptp(lon), np.ptp(lat)))
    digits = max(0, -math.floor(math.log10(step)))

    def draw(values: Array, at: Callable[[float, float], LatLon], span: Array, *, across: bool) -> None:
        for value in values:
            places = [at(float(value), float(s)) for s in span.min() + share * np.ptp(span)]
            line = view.xy(grid.frame.to_xy(places))
            canvas.line(line, "#8f8b80", stroke_px=0.7, dash_px=(3.0, 4.0))
            edge_x, edge_y = line[0]
            where = (5.0, edge_y - 4) if across else (edge_x + 4, view.size[1] - 6.0)
            canvas.text(where, f"{value:.{digits}f}", size_px=12, colour=_SOFT, halo=True)

    draw(_multiples(lat, step), lambda v, s: LatLon(lat_deg=v, lon_deg=_wrapped(s)), lon, across=True)
    draw(_multiples(lon, step), lambda v, s: LatLon(lat_deg=s, lon_deg=_wrapped(v)), lat, across=False)


def _wrapped(lon_deg: float) -> float:
    return (lon_deg + 180.0) % 360.0 - 180.0


def _multiples(values: Array, step: float) -> Array:
    first, last = math.ceil(values.min() / step), math.floor(values.max() / step)
    return np.arange(first, last + 1) * step


def _legends(sheet: Canvas, y: float) -> None:
    poa = [_("beyond 95 %"), "95 %", "75 %", "50 %", "25 %", "10 %"]
    pod = [_("nothing seen"), _("below 20 %"), "20 %", "40 %", "60 %", _("80 % or more")]
    heads = (
        _("the darkest ground holds 10 % of what is on the map, with the next colour 25 %, …"),
        _("chance that a person there would have been found so far, at least"),
    )
    for left, labels, head in zip(_LEFTS, (poa, pod), heads, strict=True):
        sheet.text((left, y - 8), head, size_px=14, colour=_SOFT)
        wide = _MAP_PX / len(labels)
        for number, (label, colour) in enumerate(zip(labels, SCALE, strict=True)):
            x = left + number * wide
            sheet.rectangle((x, y, x + wide - 6, y + 18), fill=colour, edge="#777777")
            sheet.text((x, y + 36), label, size_px=14, colour=INK)


def _lines(picture: CasePicture) -> list[tuple[str, bool]]:
    """The sentences under the maps, line by line, and whether each is bold, as the first sentence is."""
    width_px = CASE_PICTURE_SIZE_PX[0] - 2 * _LEFTS[0]
    return [
        (text, number == 0)
        for number, line in enumerate(picture.lines)
        for text in wrapped(line, 15, width_px, bold=number == 0)
    ]


def _footer(sheet: Canvas, lines: Sequence[tuple[str, bool]], y: float) -> None:
    x = float(_LEFTS[0])
    marks: list[tuple[Callable[[Canvas, float, float], None], str, float]] = [
        (last_seen_mark, _("last known"), 134.0),
        (home_mark, _("launch"), 114.0),
    ]
    for mark, label, wide in marks:
        mark(sheet, x + 10, y + 4)
        sheet.text((x + 32, y + 9), label, size_px=15, colour=INK)
        x += wide
    sheet.badge(x + 12, y + 4, "C1", _FIND)
    sheet.text((x + 34, y + 9), _("person or clue, as people decided"), size_px=15, colour=INK)
    x += 300
    box = shapely.box(x, y - 6, x + 34, y + 14)
    sheet.outline(box, _FOOTPRINT, stroke_px=0.8)
    sheet.text((x + 44, y + 9), _("photograph that counts"), size_px=15, colour=INK)
    y += _LINES_PX
    for text, bold in lines:
        sheet.text((_LEFTS[0], y), text, size_px=15, bold=bold, colour=_AMBER_INK if bold else INK)
        y += _LINE_PX
