"""The map of a plan's picture: what is flown, where, in which direction; north up."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import shapely
from PIL import Image

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import _
from airbeat.report.canvas import Canvas, Points
from airbeat.report.lettering import fitted
from airbeat.report.picture_content import PlanPicture

__all__ = [
    "AREA",
    "FENCE",
    "FENCE_DASH",
    "INK",
    "KEEPOUT",
    "SEEN",
    "TRANSIT_DASH",
    "UNSEEN",
    "MapImage",
    "home_mark",
    "last_seen_mark",
    "map_image",
    "north_arrow",
    "rally_mark",
    "scale_bar",
    "sortie_colour",
    "visit_mark",
]

_MAP_MARGIN_PX = 46.0
_ARROW_EVERY_PX = 190.0
_HOME_PX = 24.0
_MARK_BESIDE_PX = 12.0
"""Start and end marks nearer to home than this are put beside it."""
_FENCE_ROOM = 0.4
"""A side of the fence is on the map where it is no further than this share of the map's extent beyond it."""
# Okabe–Ito's first, then others that keep apart from the keep-outs' red and the fence's green.
_SORTIE_COLOURS = (
    "#0072b2", "#e69f00", "#7b3294", "#00a3b4", "#d0377d", "#8c5a2b", "#56b4e9", "#6b7a00",
)  # fmt: skip
_GROUND, _GRID, INK = "#fbfaf6", "#e2dfd5", "#1c1c1c"
AREA, UNSEEN, FENCE, KEEPOUT = "#f3dc8c", "#b8a9c9", "#1a7f37", "#c62828"
SEEN = "#56b4e9"
_STROKE_PX, _THINNEST_PX, _STROKE_SHARE = 2.6, 1.2, 0.15
"""Width of the flown line, and where lines are dense the least width and its share of their distance."""
_RALLY, _LAST_SEEN = "#9a6700", "#b3003c"
TRANSIT_DASH = (10.0, 7.0)
FENCE_DASH = (14.0, 5.0, 3.0, 5.0)


class MapImage(NamedTuple):
    """A drawn map, its scale [px/m] and the side of its grid's squares [m]."""

    image: Image.Image
    px_per_m: float
    step_m: float


class _Map:
    """Geographic shapes to the pixels of the map."""

    def __init__(self, picture: PlanPicture, size_px: tuple[int, int]) -> None:
        places = [p for line in picture.lines for run, _way in line.runs for p in run]
        places += [place for place, _name in picture.rally]
        places += [p for p in (picture.home, picture.last_seen) if p is not None]
        corners = shapely.MultiPoint([(p.lon_deg, p.lat_deg) for p in places])
        self.frame = LocalFrame.around(corners if picture.area is None else picture.area)
        shapes = [self.frame.to_local(corners)]
        shapes += [] if picture.area is None else [self.frame.to_local(picture.area)]
        x0, y0, x1, y1 = shapely.total_bounds(shapes)
        room = _FENCE_ROOM * max(x1 - x0, y1 - y0)
        low, high = np.array([x0, y0]), np.array([x1, y1])
        for zone in (*picture.inclusions, *picture.keepouts):
            bounds = np.array(self.frame.to_local(zone).bounds)
            low = np.where(bounds[:2] >= [x0 - room, y0 - room], np.minimum(low, bounds[:2]), low)
            high = np.where(bounds[2:] <= [x1 + room, y1 + room], np.maximum(high, bounds[2:]), high)
        (x0, y0), (x1, y1) = low, high
        span = (max(x1 - x0, 20.0), max(y1 - y0, 20.0))
        self.px_per_m = min((s - 2 * _MAP_MARGIN_PX) / m for s, m in zip(size_px, span, strict=True))
        self._left = (x0 + x1) / 2 - size_px[0] / 2 / self.px_per_m
        self._top = (y0 + y1) / 2 + size_px[1] / 2 / self.px_per_m
        self.canvas = Canvas(size_px, _GROUND)

    def px(self, positions: Iterable[LatLon]) -> Points:
        return self._scaled(self.frame.to_xy(positions))

    def shape(self, geographic: Any) -> Any:
        return shapely.transform(self.frame.to_local(geographic), self._scaled)

    def _scaled(self, xy: Points) -> Points:
        px = np.column_stack([xy[:, 0] - self._left, self._top - xy[:, 1]]) * self.px_per_m
        return np.asarray(px, dtype=np.float64)

    def stroke_px(self, picture: PlanPicture) -> float:
        """Width of the flown lines: thinner where they lie close together."""
        length = sum(
            shapely.LineString(self.px(run)).length for line in picture.lines for run, _way in line.runs
        )
        if picture.area is None or length <= 0:
            return _STROKE_PX
        apart = self.shape(picture.area).area / length
        return float(np.clip(_STROKE_SHARE * apart, _THINNEST_PX, _STROKE_PX))

    def grid(self, step_m: float) -> None:
        width, height = self.canvas.size_px
        step = step_m * self.px_per_m
        origin = self._scaled(np.zeros((1, 2)))[0]
        for x in np.arange(origin[0] % step, width, step):
            self.canvas.line(np.array([[x, 0], [x, height]]), _GRID, stroke_px=1)
        for y in np.arange(origin[1] % step, height, step):
            self.canvas.line(np.array([[0, y], [width, y]]), _GRID, stroke_px=1)


def _round_step_m(span_m: float) -> float:
    """A round length of an eighth to a quarter of a span."""
    power = 10.0 ** math.floor(math.log10(span_m / 4))
    return max(m * power for m in (1, 2, 5) if m * power <= span_m / 4 + 1e-9)


def map_image(picture: PlanPicture, size: tuple[int, int]) -> MapImage:
    """The map of a plan in so many pixels (width, height).

    Raises:
        GeometryError: nothing to show: no line, area or place.
    """
    at = _Map(picture, size)
    canvas = at.canvas
    step_m = _round_step_m(size[0] / at.px_per_m)
    at.grid(step_m)
    if picture.area is not None:
        canvas.fill(at.shape(picture.area), AREA, opacity=0.55)
        canvas.outline(at.shape(picture.area), INK, stroke_px=2.4)
    if picture.unseen is not None:
        canvas.fill(at.shape(picture.unseen), UNSEEN, opacity=0.9)
    if picture.seen is not None:
        canvas.fill(at.shape(picture.seen), SEEN, opacity=0.35)
    for zone in picture.inclusions:
        canvas.outline(at.shape(zone), FENCE, stroke_px=2.4, dash_px=FENCE_DASH)
    for zone in picture.keepouts:
        canvas.fill(at.shape(zone), "#ffffff", opacity=0.8)
        canvas.hatch(at.shape(zone), KEEPOUT)
        canvas.outline(at.shape(zone), KEEPOUT, stroke_px=2.4)
    sheet = shapely.box(0, 0, *size)
    edges = [at.shape(zone).boundary for zone in picture.inclusions]
    if edges and not any(edge.intersects(sheet) for edge in edges):
        place = (size[0] - 16.0, size[1] - 16.0)
        canvas.text(
            place, _("the fence lies beyond this map"), size_px=15, colour=FENCE, anchor="rs", halo=True
        )
    _draw_lines(picture, at)
    for start, end, colour in picture.marked_ways:
        canvas.line(at.px([start, end]), colour, stroke_px=5.0)
    _draw_places(picture, at)
    return MapImage(canvas.finished(), at.px_per_m, step_m)


def sortie_colour(number: int) -> str:
    """The colour of a sortie's line, by its number from 0."""
    return _SORTIE_COLOURS[number % len(_SORTIE_COLOURS)]


def _draw_lines(picture: PlanPicture, at: _Map) -> None:
    stroke = at.stroke_px(picture)
    for number, line in enumerate(picture.lines):
        for run, transit in sorted(line.runs, key=lambda entry: not entry[1]):
            dash = TRANSIT_DASH if transit or picture.tracks else ()
            at.canvas.line(
                at.px(run), sortie_colour(number), stroke_px=0.7 * stroke if transit else stroke, dash_px=dash
            )
    for track in picture.tracks:
        if len(track) > 1:
            at.canvas.line(at.px(track), INK, stroke_px=stroke)
    if picture.tracks:
        return
    size = 3.0 + 2.0 * stroke
    for number, line in enumerate(picture.lines):
        for run, transit in line.runs:
            at.canvas.arrows(
                at.px(run),
                sortie_colour(number),
                size_px=0.8 * size if transit else size,
                every_px=_ARROW_EVERY_PX * _STROKE_PX / stroke,
            )
    if not picture.visits:
        _draw_ends(picture, at)


def _draw_ends(picture: PlanPicture, at: _Map) -> None:
    for number, line in enumerate(picture.lines):
        working = [run for run, transit in line.runs if not transit]
        if not working:
            continue
        label = str(number + 1) if len(picture.lines) > 1 else ""
        home = None if picture.home is None else at.px([picture.home])[0]
        ends = at.px([working[-1][-1], working[0][0]])
        for letter, (x, y) in zip("ES", ends, strict=True):
            hidden = home is not None and math.hypot(x - home[0], y - home[1]) < _HOME_PX
            side = 0.0 if not hidden else 34.0 if letter == "S" else -34.0
            at.canvas.badge(x + side, y, f"{letter}{label}", sortie_colour(number), square=letter == "E")


def _draw_places(picture: PlanPicture, at: _Map) -> None:
    canvas = at.canvas
    for number, (x, y) in enumerate(at.px(picture.visits), start=1):
        visit_mark(canvas, x, y)
        canvas.text((x + 12, y - 8), str(number), size_px=15, bold=True, colour=INK, halo=True)
    for position, name in picture.rally:
        x, y = at.px([position])[0]
        rally_mark(canvas, x, y)
        canvas.text((x + 15, y + 6), fitted(name, 14, 220), size_px=14, colour=INK, halo=True)
    if picture.last_seen is not None:
        x, y = at.px([picture.last_seen])[0]
        last_seen_mark(canvas, x, y)
        canvas.text((x + 17, y + 5), _("last seen"), size_px=14, bold=True, colour="#7a0029", halo=True)
    if picture.home is not None:
        x, y = at.px([picture.home])[0]
        home_mark(canvas, x, y)
    for mark in picture.marks:
        x, y = at.px([mark.position])[0]
        canvas.badge(x + _MARK_BESIDE_PX, y - _MARK_BESIDE_PX, mark.label, mark.colour, square=True)


def home_mark(canvas: Canvas, x: float, y: float) -> None:
    """The take-off place's sign."""
    house = [(0, -15), (16, -2), (11, -2), (11, 12), (-11, 12), (-11, -2), (-16, -2)]
    canvas.polygon(np.array(house, dtype=float) + np.array([x, y]), INK, edge="#ffffff", stroke_px=2.5)
    canvas.text((x, y + 4), "H", size_px=14, bold=True, colour="#ffffff", anchor="mm")


def rally_mark(canvas: Canvas, x: float, y: float) -> None:
    """A rally point's sign."""
    corners = np.array([(0.0, -13.0), (12.0, 8.0), (-12.0, 8.0)])
    canvas.polygon(corners + np.array([x, y]), _RALLY, edge="#ffffff", stroke_px=2)
    canvas.text((x, y + 2), "R", size_px=11, bold=True, colour="#ffffff", anchor="mm")


def visit_mark(canvas: Canvas, x: float, y: float) -> None:
    """A fixed point's sign."""
    canvas.disc(x, y, 7, "#ffffff", edge=INK)


def last_seen_mark(canvas: Canvas, x: float, y: float) -> None:
    """The sign of the place where a person was last seen."""
    turn = np.arange(10) * math.pi / 5
    radius = np.where(np.arange(10) % 2 == 0, 14.0, 5.6)
    star = np.column_stack([radius * np.sin(turn), -radius * np.cos(turn)])
    canvas.polygon(star + np.array([x, y]), _LAST_SEEN, edge="#ffffff", stroke_px=2)


def scale_bar(canvas: Canvas, right: float, y: float, drawn: MapImage) -> None:
    """A scale bar that ends at an x [px], as long as the grid's squares."""
    length = drawn.step_m * drawn.px_per_m
    label = f"{drawn.step_m:g} m" if drawn.step_m < 1000 else f"{drawn.step_m / 1000:g} km"
    x = right - length
    for k in range(4):
        tone = INK if k % 2 == 0 else "#ffffff"
        canvas.rectangle((x + k * length / 4, y, x + (k + 1) * length / 4, y + 8), fill=tone, edge=INK)
    canvas.text((x, y + 25), "0", size_px=14, colour=INK, anchor="ls")
    canvas.text(
        (right, y + 25), _("{length}, as the grid", length=label), size_px=14, colour=INK, anchor="rs"
    )


def north_arrow(canvas: Canvas, x: float, y: float) -> None:
    """An arrow to the north, its tip at (x, y)."""
    canvas.polygon(np.array([[x, y], [x + 11, y + 38], [x, y + 30], [x - 11, y + 38]]), INK)
    canvas.text((x + 16, y + 36), "N", size_px=20, bold=True, colour=INK)
