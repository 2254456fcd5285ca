"""What the checker found, as a picture and as one self-contained page with a map of each finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
import shapely

from airbeat import __version__
from airbeat.checks.findings import Finding, Severity
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.notation import decimal_degrees
from airbeat.language.words import N_, _, current_language, ngettext, translated
from airbeat.mission.legs import Leg, legs
from airbeat.mission.plan import FlightPlan
from airbeat.report.lettering import picture_language
from airbeat.report.picture import draw_picture
from airbeat.report.picture_content import Mark, picture_of_plans
from airbeat.report.svgmap import HATCH, STYLE, WIDTH_PX, MapCanvas, draw_fence, draw_grid

__all__ = ["CheckedPlan", "checked_page", "checked_picture"]

_COLOURS = {Severity.ERROR: "#c62828", Severity.WARNING: "#b26a00", Severity.NOTE: "#546e7a"}
_MOST_MAPS = 60
_ROOM_M = 60.0
_FAR_M = 100_000.0
_WIDEST_M = 3_000.0
_ITEMS_LABELLED = 12
_MARKS_STYLE = """
.leg{fill:none;stroke:#0072b2;stroke-width:2;stroke-opacity:.55}
.bad-error{fill:none;stroke:#c62828;stroke-width:5}.bad-warning{fill:none;stroke:#b26a00;stroke-width:5}
.bad-note{fill:none;stroke:#546e7a;stroke-width:5}
.spot{fill:none;stroke:#000;stroke-width:2.5}.spot2{fill:none;stroke:#fff;stroke-width:6;stroke-opacity:.8}
.card .legend{font-size:26px}.card .label{font-size:24px}.card .item{font-size:30px}
.item{font-size:17px;font-weight:700;fill:#000;text-anchor:middle}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPlan:
    """A plan and what was found in it.

    Attributes:
        name: the file's name, and the sortie.
        plan: the plan.
        findings: worst first.
    """

    name: str
    plan: FlightPlan
    findings: tuple[Finding, ...]


def _counted(findings: Iterable[Finding]) -> str:
    severities = [f.severity for f in findings]
    words = (
        ngettext("{count} error", "{count} errors", severities.count(Severity.ERROR)),
        ngettext("{count} warning", "{count} warnings", severities.count(Severity.WARNING)),
        ngettext("{count} note", "{count} notes", severities.count(Severity.NOTE)),
    )
    return ", ".join(words)


def _near_legs(plan: FlightPlan, finding: Finding) -> list[Leg]:
    """The legs that a finding is about."""
    numbers = set(finding.items)
    return [leg for leg in legs(plan) if leg.number in numbers and leg.start != leg.end]


def _spot(plan: FlightPlan, finding: Finding) -> LatLon | None:
    """Where a finding is: its place, else the end of its first leg, else its first item's place."""
    if finding.place is not None:
        return finding.place
    flown = _near_legs(plan, finding)
    if flown:
        return flown[0].end
    if finding.items and finding.items[0] == 0:
        return plan.home
    return next((plan.items[n - 1].position for n in finding.items if plan.items[n - 1].position), None)


@picture_language()
def checked_picture(checked: Sequence[CheckedPlan], between: Sequence[Finding]) -> bytes:
    """All plans on one map as a PNG, findings numbered as in the list beside it.

    Raises:
        GeometryError: nothing to show.
    """
    plans = [one.plan for one in checked]
    marks, ways, said = [], [], []
    number = 0
    for one in (*checked, CheckedPlan(name="", plan=plans[0], findings=tuple(between))):
        for finding in one.findings:
            number += 1
            prefix = f"{one.name}: " if len(checked) > 1 and one.name else ""
            own = next((n for n in one.plan.notes if finding.message.endswith(n)), "")
            severity, message = _(finding.severity.value), translated(finding.message)
            said.append(own or f"{number} {severity} {finding.code}: {prefix}{message}")
            colour = _COLOURS[finding.severity]
            spot = _spot(one.plan, finding) if one.name else finding.place
            if finding.severity is not Severity.NOTE and one.name:
                ways += [(leg.start, leg.end, colour) for leg in _near_legs(one.plan, finding)]
            if spot is not None:
                marks.append(Mark(position=spot, label=str(number), colour=colour))
    every = [f for one in checked for f in one.findings] + list(between)
    figures = [(_("findings"), _counted(every)), (_("items"), ", ".join(str(len(p.items)) for p in plans))]
    picture = picture_of_plans(plans, figures=figures)
    return draw_picture(
        replace(
            picture,
            notes=tuple(said) or (_("nothing was found"),),
            notes_title=N_("Findings"),
            marks=tuple(reversed(marks)),
            marked_ways=tuple(ways),
        )
    )


# page


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = files("airbeat.report").joinpath("templates/check.html").read_text(encoding="utf-8")
    return environment.from_string(text)


def checked_page(
    checked: Sequence[CheckedPlan], between: Sequence[Finding], *, responsibility: str = ""
) -> str:
    """The findings as one HTML page without scripts or external files.

    Args:
        checked: plans with their findings.
        between: findings between the aircraft.
        responsibility: what a page that rests on rules says at its top.
    """
    from markupsafe import Markup

    left = _MOST_MAPS
    plans = []
    for one in checked:
        cards = []
        for number, finding in enumerate(one.findings, start=1):
            svg = _finding_map(one.plan, finding) if left > 0 else ""
            left -= bool(svg)
            cards.append(_card(number, finding, Markup(svg)))  # noqa: S704 - numbers and escaped text only
        overview = Markup(_overview(one))  # noqa: S704 - as above
        plans.append(
            {
                "name": one.name,
                "counts": _counted(one.findings),
                "cards": cards,
                "overview": overview,
                "provenance": one.plan.provenance,
                "notes": [translated(note) for note in one.plan.notes],
            }
        )
    page: str = _template().render(
        plans=plans,
        between=[_card(n, f, Markup("")) for n, f in enumerate(between, start=1)],
        counts=_counted([*(f for one in checked for f in one.findings), *between]),
        responsibility=translated(responsibility),
        language=current_language().replace("_", "-"),
        _=_,
        style=Markup(STYLE + _MARKS_STYLE),  # noqa: S704 - a constant
        hatch=Markup(HATCH),  # noqa: S704 - a constant
        version=__version__,
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def _card(number: int, finding: Finding, svg: Any) -> dict[str, Any]:
    listed = ", ".join(map(str, finding.items[:20]))
    return {
        "number": number,
        "severity": finding.severity.value,
        "code": finding.code,
        "message": translated(finding.message),
        "remedy": translated(finding.remedy),
        "items": listed + (" …" if len(finding.items) > 20 else ""),
        "place": decimal_degrees(finding.place) if finding.place else "",
        "svg": svg,
    }


def _overview(one: CheckedPlan) -> str:
    """The whole plan with numbered findings."""
    plan = one.plan
    frame = LocalFrame(plan.home)
    flown = legs(plan)
    places = [plan.home, *(leg.end for leg in flown)]
    places += [v for p in (plan.fence.polygons if plan.fence else ()) for v in p.vertices]
    xy = frame.to_xy(places)
    xy = xy[np.isfinite(xy).all(axis=1) & (np.abs(xy) < _FAR_M).all(axis=1)]
    x0, y0 = xy.min(axis=0)
    x1, y1 = xy.max(axis=0)
    canvas = _canvas(plan, frame, (float(x0), float(y0), float(x1), float(y1)))
    for finding in reversed(one.findings):
        if finding.severity is not Severity.NOTE:
            for leg in _near_legs(plan, finding):
                canvas.line([leg.start, leg.end], f"bad-{finding.severity.value}")
    for number, finding in reversed(list(enumerate(one.findings, start=1))):
        spot = _spot(plan, finding)
        if spot is None:
            continue
        x, y = canvas.place(spot)
        if 0 <= x <= WIDTH_PX and 0 <= y <= canvas.height_px:
            canvas.add(
                f'<g><title>{escape(finding.code)}</title><rect x="{x - 13:.1f}" y="{y - 13:.1f}" width="26" '
                f'height="26" rx="4" fill="{_COLOURS[finding.severity]}" stroke="#fff" stroke-width="2"/>'
                f'<text x="{x:.1f}" y="{y + 6:.1f}" class="item" style="fill:#fff">{number}</text></g>'
            )
    return _svg(canvas, "overview", _("Map of {name}", name=one.name))


def _finding_map(plan: FlightPlan, finding: Finding) -> str:
    """The neighbourhood of a finding; empty where it has no place."""
    spot = _spot(plan, finding)
    if spot is None:
        return ""
    frame = LocalFrame(spot)
    bad = _near_legs(plan, finding)
    bounds = (-_ROOM_M, -0.6 * _ROOM_M, _ROOM_M, 0.6 * _ROOM_M)
    if bad and finding.place is None:
        xy = np.clip(frame.to_xy([p for leg in bad for p in (leg.start, leg.end)]), -_WIDEST_M, _WIDEST_M)
        (x0, y0), (x1, y1) = xy.min(axis=0) - 20.0, xy.max(axis=0) + 20.0
        bounds = (float(x0), float(y0), float(x1), float(y1))
    canvas = _canvas(plan, frame, bounds)
    for leg in bad:
        canvas.line([leg.start, leg.end], f"bad-{finding.severity.value}")
    for leg in bad[:_ITEMS_LABELLED]:
        x, y = canvas.place(leg.end)
        canvas.add(f'<text class="item halo" x="{x:.1f}" y="{y - 10:.1f}">{leg.number}</text>')
    x, y = canvas.place(spot)
    for css in ("spot2", "spot"):
        canvas.add(f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="16"/>')
    return _svg(canvas, f"finding-{finding.code}", _("Map of {name}", name=finding.code))


def _canvas(plan: FlightPlan, frame: LocalFrame, bounds: tuple[float, float, float, float]) -> MapCanvas:
    """Ground, grid, fence, area and the plan's legs, as far as they are on the map."""
    canvas = MapCanvas(frame, bounds)
    canvas.add(f'<rect class="bg" width="{WIDTH_PX:.0f}" height="{canvas.height_px:.1f}"/>')
    draw_grid(canvas)
    if plan.fence is not None:
        draw_fence(canvas, plan.fence)
    if plan.survey is not None:
        canvas.polygons(plan.survey.area, "area")
    sheet = shapely.box(-50, -50, WIDTH_PX + 50, canvas.height_px + 50)
    flown = [leg for leg in legs(plan) if leg.start != leg.end]
    chains: list[list[LatLon]] = []
    for before, leg in pairwise([None, *flown]):
        if leg is None:
            continue
        if before is None or before.end != leg.start or not chains:
            chains.append([leg.start])
        chains[-1].append(leg.end)
    for chain in chains:
        line = shapely.LineString(canvas.px(frame.to_xy(chain))).intersection(sheet)
        for part in shapely.get_parts(line):
            if part.geom_type == "LineString":
                points = "L".join(f"{x:.1f} {y:.1f}" for x, y in part.coords)
                canvas.add(f'<path class="leg" d="M{points}"/>')
    for rally in plan.rally or ():
        canvas.marker(rally.position, "R", _("rally point"))
    canvas.marker(plan.home, "H", _("home: take-off place"))
    return canvas


def _svg(canvas: MapCanvas, name: str, title: str) -> str:
    """The canvas as an inline SVG that cuts off what lies beyond it."""
    return (
        f'<svg class="map" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX:.0f} '
        f'{canvas.height_px:.0f}" role="img" aria-label="{escape(title, quote=True)}" '
        f'data-name="{escape(name, quote=True)}">{"".join(canvas.parts)}'
        f'<rect class="frame" width="{WIDTH_PX:.0f}" height="{canvas.height_px:.1f}"/></svg>'
    )
