"""The report's map as one inline SVG: no external file, sharp in print, safe for colour-blind readers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPoint, Point

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import _
from airbeat.mission.plan import Fence, FlightPlan, ItemRole
from airbeat.report.content import CandidateEntry, ReportContent

__all__ = ["HATCH", "STYLE", "WIDTH_PX", "MapCanvas", "beyond_map", "draw_fence", "draw_grid", "map_svg"]

WIDTH_PX = 1000.0
_MAX_HEIGHT_PX = 1100.0
_MARGIN_PX = 40.0
_NEAR_M = 500.0

# Okabe–Ito colours.
STYLE = """
.bg{fill:#fbfaf6}.grid{stroke:#d9d6cc;stroke-width:1}.gridtext{font-size:11px;fill:#77736a}
.footprint{fill:#56b4e9;fill-opacity:.10;stroke:#56b4e9;stroke-opacity:.35;stroke-width:.7}
.gap{fill:#e69f00;fill-opacity:.75;stroke:#b87800;stroke-width:1}
.area{fill:none;stroke:#000;stroke-width:2.4}
.fence{fill:none;stroke:#009e73;stroke-width:1.8;stroke-dasharray:9 3 2 3}
.keepout{fill:url(#hatch);stroke:#d55e00;stroke-width:1.8}
.planned{fill:none;stroke:#0072b2;stroke-width:1.6;stroke-dasharray:6 5}
.flown{fill:none;stroke:#0072b2;stroke-width:2.2;stroke-opacity:.85;stroke-linejoin:round}
.place{fill:#000;stroke:#fff;stroke-width:1.5}.label{font-size:13px;font-weight:700;fill:#000}
.halo{paint-order:stroke;stroke:#fff;stroke-width:3px}
.ce90{fill:#cc79a7;fill-opacity:.25;stroke:#cc79a7}
.candidate{fill:#cc3377;stroke:#fff;stroke-width:1.6}
.candidate-number{font-size:12px;font-weight:700;fill:#7a0f45;text-anchor:middle}
.legend{font-size:12px;fill:#222}.frame{fill:none;stroke:#555;stroke-width:1}
"""


HATCH = (
    '<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path d="M0 0V7" stroke="#d55e00" stroke-width="2" stroke-opacity=".6"/></pattern>'
)
"""How keep-outs are filled: once in a page."""


class MapCanvas:
    """Local metres to SVG pixels, north up, and the SVG text made so far.

    Attributes:
        frame: the local frame.
        px_per_m: its scale.
        height_px: height of the map; its width is `WIDTH_PX`.
        parts: SVG elements.
    """

    def __init__(self, frame: LocalFrame, bounds_m: tuple[float, float, float, float]) -> None:
        self.frame = frame
        x0, y0, x1, y1 = bounds_m
        span_x, span_y = max(x1 - x0, 20.0), max(y1 - y0, 20.0)
        self.px_per_m = min((WIDTH_PX - 2 * _MARGIN_PX) / span_x, (_MAX_HEIGHT_PX - 2 * _MARGIN_PX) / span_y)
        self.height_px = span_y * self.px_per_m + 2 * _MARGIN_PX
        self._x0 = (x0 + x1) / 2 - WIDTH_PX / 2 / self.px_per_m
        self._y1 = (y0 + y1) / 2 + self.height_px / 2 / self.px_per_m
        self.parts: list[str] = []

    def add(self, text: str) -> None:
        """Add an element."""
        self.parts.append(text)

    def px(self, xy_m: Any) -> Any:
        """Local metres to (n, 2) pixels."""
        xy = np.asarray(xy_m, dtype=float).reshape(-1, 2)
        return np.column_stack([(xy[:, 0] - self._x0) * self.px_per_m, (self._y1 - xy[:, 1]) * self.px_per_m])

    def place(self, position: LatLon) -> tuple[float, float]:
        """A position's pixels."""
        x, y = self.px(self.frame.to_xy([position]))[0]
        return float(x), float(y)

    def ring(self, xy_m: Any, *, close: bool) -> str:
        """A path through local metres."""
        points = self.px(xy_m)
        text = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        return text + "Z" if close else text

    def polygons(self, geographic: Any, css: str) -> None:
        """The polygons of a geographic shape."""
        for polygon in _polygons(self.frame.to_local(geographic)):
            rings = [polygon.exterior, *polygon.interiors]
            d = "".join(self.ring(np.asarray(r.coords)[:-1], close=True) for r in rings)
            self.add(f'<path class="{css}" fill-rule="evenodd" d="{d}"/>')

    def line(self, positions: Sequence[LatLon], css: str) -> None:
        """A line through positions."""
        if len(positions) > 1:
            d = self.ring(self.frame.to_xy(positions), close=False)
            self.add(f'<path class="{css}" d="{d}"/>')

    def marker(self, position: LatLon, letter: str, title: str) -> None:
        """A named place."""
        x, y = self.place(position)
        self.add(
            f'<g><title>{escape(title)}</title><circle class="place" cx="{x:.1f}" cy="{y:.1f}" r="6"/>'
            f'<text class="label halo" x="{x + 9:.1f}" y="{y + 5:.1f}">{escape(letter)}</text></g>'
        )


def _polygons(geometry: Any) -> list[Any]:
    return [g for g in shapely.get_parts(geometry) if g.geom_type == "Polygon" and not g.is_empty]


def _circle(frame: LocalFrame, centre: LatLon, radius_m: float) -> Any:
    x, y = frame.to_xy([centre])[0]
    return frame.to_geographic(Point(x, y).buffer(radius_m))


def _ring(positions: Iterable[LatLon]) -> Any:
    return shapely.Polygon([(p.lon_deg, p.lat_deg) for p in positions])


def planned_line(plan: FlightPlan) -> list[LatLon]:
    """Take-off, waypoints and return, as straight lines on the map."""
    line = [plan.home, *(item.position for _, item in plan.waypoints() if item.position)]
    if any(item.role is ItemRole.RETURN for item in plan.items):
        line.append(plan.home)
    return line


def _frame(plan: FlightPlan) -> LocalFrame:
    positions = [plan.home, *(i.position for _, i in plan.waypoints() if i.position)]
    return LocalFrame.around(MultiPoint([(p.lon_deg, p.lat_deg) for p in positions]))


def _plan_shapes(plan: FlightPlan, frame: LocalFrame) -> list[Any]:
    positions = planned_line(plan)
    if plan.last_seen:
        positions.append(plan.last_seen)
    shapes = []
    if plan.fence:
        positions += [v for p in plan.fence.polygons for v in p.vertices]
        shapes += [
            frame.to_local(_circle(frame, c.centre, c.radius_m)) for c in plan.fence.circles if c.inclusion
        ]
    if plan.survey:
        shapes.append(frame.to_local(plan.survey.area))
    return [MultiPoint(frame.to_xy(positions)), *shapes]


def _extent(content: ReportContent, frame: LocalFrame) -> tuple[float, float, float, float]:
    """Bounds of the plan [m], and of what was flown and found near it.

    One position that is far off, as a photograph without a GPS fix says it, must not shrink all else.
    """
    shapes = _plan_shapes(content.plan, frame)
    x0, y0, x1, y1 = shapely.total_bounds(shapes)
    reach = _NEAR_M + max(x1 - x0, y1 - y0)
    flown = [place for flight in content.flights for place in flight.track]
    flown += content.flown.track if content.flown else ()
    found = [c.position for c in content.searched.candidates] if content.searched else []
    if flown or found:
        xy = frame.to_xy([*flown, *found])
        near = (xy > [x0 - reach, y0 - reach]).all(axis=1) & (xy < [x1 + reach, y1 + reach]).all(axis=1)
        shapes.append(MultiPoint(xy[near]))
    x0, y0, x1, y1 = shapely.total_bounds(shapes)
    return float(x0), float(y0), float(x1), float(y1)


def beyond_map(content: ReportContent) -> tuple[int, ...]:
    """Numbers of the candidates that are too far from the plan to be on the map."""
    if content.searched is None:
        return ()
    frame = _frame(content.plan)
    canvas = MapCanvas(frame, _extent(content, frame))
    numbers = []
    for entry in content.searched.candidates:
        x, y = canvas.place(entry.position)
        if not (0 <= x <= WIDTH_PX and 0 <= y <= canvas.height_px):
            numbers.append(entry.number)
    return tuple(numbers)


def _nice_step_m(span_m: float) -> float:
    raw = span_m / 5
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= raw)


def draw_grid(canvas: MapCanvas) -> None:
    """A graticule in metres from the map's centre, and a scale bar."""
    step = _nice_step_m(WIDTH_PX / canvas.px_per_m)
    step_px = step * canvas.px_per_m
    cx, cy = (float(v) for v in canvas.px([[0.0, 0.0]])[0])
    for k in range(-20, 21):
        x, y = cx + k * step_px, cy + k * step_px
        if 0 < x < WIDTH_PX:
            canvas.add(f'<path class="grid" d="M{x:.1f} 0V{canvas.height_px:.1f}"/>')
        if 0 < y < canvas.height_px:
            canvas.add(f'<path class="grid" d="M0 {y:.1f}H{WIDTH_PX:.1f}"/>')
    y = canvas.height_px - 18
    label = f"{step:g} m" if step < 1000 else f"{step / 1000:g} km"
    canvas.add(
        f'<path d="M20 {y - 6:.1f}V{y:.1f}H{20 + step_px:.1f}V{y - 6:.1f}" fill="none" '
        f'stroke="#000" stroke-width="2"/><text class="legend halo" x="{26 + step_px:.1f}" '
        f'y="{y + 2:.1f}">{escape(_("{length} (grid the same)", length=label))}</text>'
        f'<g transform="translate({WIDTH_PX - 30:.0f} 40)"><path d="M0 -24L9 4L0 -2L-9 4Z"/>'
        '<text class="label" x="0" y="20" text-anchor="middle">N</text></g>'
    )


def draw_fence(canvas: MapCanvas, fence: Fence) -> None:
    """The fence's zones."""
    for polygon in fence.polygons:
        canvas.polygons(_ring(polygon.vertices), "fence" if polygon.inclusion else "keepout")
    for circle in fence.circles:
        shape = _circle(canvas.frame, circle.centre, circle.radius_m)
        canvas.polygons(shape, "fence" if circle.inclusion else "keepout")


def _candidate_title(entry: CandidateEntry) -> str:
    return _("candidate {number}, CE90 {ce90_m:.1f} m", number=entry.number, ce90_m=entry.ce90_m)


def _candidates(canvas: MapCanvas, content: ReportContent) -> None:
    if content.searched is None:
        return
    for entry in content.searched.candidates:
        x, y = canvas.place(entry.position)
        radius = max(entry.ce90_m * canvas.px_per_m, 3.0)
        canvas.add(
            f"<g><title>{escape(_candidate_title(entry))}</title>"
            f'<circle class="ce90" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'
            f'<circle class="candidate" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
            f'<text class="candidate-number halo" x="{x:.1f}" y="{y - 8:.1f}">{entry.number}</text></g>'
        )


def _legend(content: ReportContent, height_px: float) -> str:
    entries = [("area", _("area"), "")]
    if content.plan.fence:
        entries += [("fence", _("fence"), ""), ("keepout", _("keep-out"), "")]
    entries.append(("planned", _("planned"), "line"))
    if content.flown or content.flights:
        entries.append(("flown", _("flown"), "line"))
    if content.searched:
        entries += [("footprint", _("photographed"), ""), ("gap", _("not photographed"), "")]
        entries.append(("candidate", _("candidate, CE90"), "dot"))
    parts, x = [], 20.0
    for css, label, kind in entries:
        y = height_px + 20
        if kind == "line":
            mark = f'<path class="{css}" d="M{x} {y}h26"/>'
        elif kind == "dot":
            mark = f'<circle class="{css}" cx="{x + 13}" cy="{y}" r="5"/>'
        else:
            mark = f'<rect class="{css}" x="{x}" y="{y - 7}" width="26" height="14"/>'
        parts.append(f'{mark}<text class="legend" x="{x + 32}" y="{y + 4}">{escape(label)}</text>')
        x += 52 + sum(7.2 if sign.isascii() else 13.0 for sign in label)
    return "".join(parts)


def map_svg(content: ReportContent) -> str:
    """The map: area, fence, planned dashed, flown solid, footprints, gaps, candidates; north is up."""
    plan = content.plan
    frame = _frame(plan)
    canvas = MapCanvas(frame, _extent(content, frame))
    canvas.add(f'<rect class="bg" width="{WIDTH_PX:.0f}" height="{canvas.height_px:.1f}"/>')
    draw_grid(canvas)
    if content.searched:
        for footprint in content.searched.footprints:
            canvas.polygons(footprint, "footprint")
        if content.searched.uncovered is not None:
            canvas.polygons(content.searched.uncovered, "gap")
    if plan.fence:
        draw_fence(canvas, plan.fence)
    if plan.survey:
        canvas.polygons(plan.survey.area, "area")
    canvas.line(planned_line(plan), "planned")
    if content.flown:
        canvas.line(content.flown.track, "flown")
    for flight in content.flights[1 if content.flown else 0 :]:
        canvas.line(flight.track, "flown")
    for rally in plan.rally or ():
        canvas.marker(rally.position, "R", _("rally point"))
    if plan.last_seen:
        canvas.marker(plan.last_seen, "LKP", _("last known point"))
    canvas.marker(plan.home, "H", _("home: take-off place"))
    _candidates(canvas, content)
    total, about = canvas.height_px + 40, escape(_("Map of the search area"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX:.0f} {total:.0f}" role="img" '
        f'aria-label="{about}"><style>{STYLE}</style><defs>{HATCH}<clipPath id="map-clip">'
        f'<rect width="{WIDTH_PX:.0f}" height="{canvas.height_px:.1f}"/></clipPath></defs>'
        f'<g clip-path="url(#map-clip)">{"".join(canvas.parts)}</g>'
        f'<rect class="frame" width="{WIDTH_PX:.0f}" height="{canvas.height_px:.1f}"/>'
        f"{_legend(content, canvas.height_px)}</svg>"
    )
