"""A plan as one PNG picture for a briefing: the map, the key figures, the legend, what must be known.

The map shows what will be flown, not what was seen; the picture says so. North is up, lengths are those of
the local metric frame. The same plan gives the same picture.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import shapely
from PIL.PngImagePlugin import PngInfo

from airbeat import __version__
from airbeat.geo.frame import LocalFrame
from airbeat.geo.notation import decimal_degrees
from airbeat.language.words import N_, _, translated
from airbeat.report.canvas import Canvas
from airbeat.report.lettering import fitted, picture_language, width_px, wrapped
from airbeat.report.picture_content import FlownLine, PlanPicture
from airbeat.report.picture_map import (
    AREA,
    FENCE,
    FENCE_DASH,
    INK,
    KEEPOUT,
    TRANSIT_DASH,
    UNSEEN,
    home_mark,
    last_seen_mark,
    map_image,
    north_arrow,
    rally_mark,
    scale_bar,
    sortie_colour,
    visit_mark,
)

__all__ = ["HONESTY", "PICTURE_SIZE_PX", "draw_picture"]

PICTURE_SIZE_PX = (1600, 1200)
HONESTY = N_("A plan, not a search: nothing on this map has been photographed or cleared.")
"""What every picture of a plan says."""

_MAP_BOX = (24, 92, 1172, 1144)
_PANEL_X, _PANEL_RIGHT = 1196, 1576
_SOFT = "#5d5a52"
_MARK = "#c62828"
_AMBER, _AMBER_INK = "#ffe2a8", "#6b3d00"
_WARNINGS = ("unsurveyed", "not for flight")
_MOST_SORTIES_LISTED = 8


@picture_language()
def draw_picture(picture: PlanPicture) -> bytes:
    """The picture as the bytes of a PNG file of 1600 × 1200 pixels.

    Title, provenance and schema version stand in the file's text fields as well.

    Raises:
        GeometryError: nothing to show: no line, area or place.
    """
    sheet = Canvas(PICTURE_SIZE_PX)
    _header(sheet, picture)
    y = _figures(sheet, picture)
    y = _legend(sheet, picture, y + 14)
    _notes(sheet, picture, y + 14)
    left, top, right, bottom = _MAP_BOX
    sheet.text((left, bottom + 26), _(HONESTY), size_px=17, bold=True, colour=_AMBER_INK)
    sheet.text((left, bottom + 47), fitted(_source(picture), 13, 740), size_px=13, colour=_SOFT)
    sheet.rectangle((left - 1, top - 1, right + 1, bottom + 1), edge="#555555")
    drawn = map_image(picture, (right - left, bottom - top))
    north_arrow(sheet, right - 36, bottom + 10)
    scale_bar(sheet, right - 64, bottom + 20, drawn)
    image = sheet.finished()
    image.paste(drawn.image, (left, top))
    about = PngInfo()
    for key, value in {
        "Title": picture.title,
        "Software": f"airbeat {picture.provenance.tool_version or __version__}",
        "airbeat:schema_version": str(picture.provenance.schema_version),
        "airbeat:source_name": picture.provenance.source_name,
        "airbeat:source_sha256": picture.provenance.source_sha256,
        "airbeat:notes": "\n".join(picture.notes),
    }.items():
        about.add_itxt(key, value)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True, pnginfo=about, dpi=(150, 150))
    return stream.getvalue()


def _source(picture: PlanPicture) -> str:
    p = picture.provenance
    source = f" · from {p.source_name} (SHA-256 {p.source_sha256[:16]})" if p.source_name else ""
    return f"airbeat {p.tool_version or __version__}{source} · WGS84"


def _header(sheet: Canvas, picture: PlanPicture) -> None:
    said = next((n for n in picture.notes if any(w in n.lower() for w in _WARNINGS)), None)
    limit = _PANEL_RIGHT - _MAP_BOX[0]
    if said is not None:
        text = said.upper()
        wide = min(width_px(text, 20, bold=True) + 40, 820.0)
        box = (_PANEL_RIGHT - wide, 26.0, float(_PANEL_RIGHT), 72.0)
        sheet.rectangle(box, fill=_AMBER, edge="#c98a00")
        sheet.text((box[0] + wide / 2, 50), fitted(text, 20, wide - 30, bold=True), size_px=20, bold=True,
                   colour=_AMBER_INK, anchor="mm")  # fmt: skip
        limit -= round(wide) + 30
    sheet.text((_MAP_BOX[0], 62), fitted(picture.title, 34, limit, bold=True), size_px=34, bold=True)


def _heading(sheet: Canvas, y: float, text: str) -> float:
    sheet.text((_PANEL_X, y + 16), text, size_px=18, bold=True)
    sheet.rectangle((_PANEL_X, y + 23, _PANEL_RIGHT, y + 24.4), fill=INK)
    return y + 32


def _figures(sheet: Canvas, picture: PlanPicture) -> float:
    y = _heading(sheet, _MAP_BOX[1], _("Key figures"))
    column, rows = 166.0, list(picture.figures)
    if picture.home is not None:
        rows.append((_("home"), decimal_degrees(picture.home)))
    for label, value in rows:
        sheet.text((_PANEL_X, y + 14), fitted(translated(label), 15, column - 8), size_px=15, colour=_SOFT)
        for line in wrapped(translated(value), 15, _PANEL_RIGHT - _PANEL_X - column)[:2]:
            sheet.text((_PANEL_X + column, y + 14), line, size_px=15, bold=False, colour=INK)
            y += 19
        y += 4
    return y


def _legend(sheet: Canvas, picture: PlanPicture, y: float) -> float:
    """What the map's colours and lines mean; the y [px] below it."""
    y = _heading(sheet, y, _("Legend"))
    for number, (kind, label) in enumerate(_entries(picture)):
        _sample(sheet, kind, y + 25 * number)
        text = fitted(label, 15, _PANEL_RIGHT - _PANEL_X - 56)
        sheet.text((_PANEL_X + 56, y + 25 * number + 14), text, size_px=15, colour=INK)
    return _place_legend(sheet, picture, y + 25 * len(_entries(picture)))


def _entries(picture: PlanPicture) -> list[tuple[str | int, str]]:
    """Kind (a sortie's number for its line) and label of what the legend shows."""
    entries: list[tuple[str | int, str]] = []
    if picture.area is not None:
        entries.append(("area", _("area to look at")))
    if picture.unseen is not None:
        entries.append(("unseen", _("not seen by this plan")))
    if picture.inclusions:
        entries.append(("fence", _("fence: stay inside")))
    if picture.keepouts:
        entries.append(("keepout", _("keep-out or hole")))
    for number, line in enumerate(picture.lines[:_MOST_SORTIES_LISTED]):
        entries.append((number, f"{translated(line.name)}, {_length_km(line):.2f} km"))
    if len(picture.lines) > _MOST_SORTIES_LISTED:
        entries.append(("", _("… and {count} more sorties", count=len(picture.lines) - _MOST_SORTIES_LISTED)))
    if any(transit for line in picture.lines for _run, transit in line.runs):
        entries.append(("transit", _("transit: on the way")))
    if picture.marks:
        entries.append(("mark", _("a finding, by its number")))
    return entries if picture.visits else [*entries, ("ends", _("start and end of the work"))]


def _sample(sheet: Canvas, kind: str | int, y: float) -> None:
    """How the map draws a kind, in a strip 42 px wide."""
    x = float(_PANEL_X)
    box: Any = shapely.box(x, y + 2, x + 42, y + 17)
    way = np.array([[x, y + 10], [x + 42, y + 10]])
    if kind == "area":
        sheet.fill(box, AREA, opacity=0.55)
        sheet.outline(box, INK)
    elif kind == "unseen":
        sheet.fill(box, UNSEEN)
    elif kind == "fence":
        sheet.line(way, FENCE, stroke_px=2.4, dash_px=FENCE_DASH)
    elif kind == "keepout":
        sheet.hatch(box, KEEPOUT)
        sheet.outline(box, KEEPOUT)
    elif kind == "transit":
        sheet.line(way, sortie_colour(0), stroke_px=1.8, dash_px=TRANSIT_DASH)
    elif kind == "mark":
        sheet.badge(x + 21, y + 9, "1", _MARK, square=True)
    elif kind == "ends":
        sheet.badge(x + 10, y + 9, "S", sortie_colour(0))
        sheet.badge(x + 34, y + 9, "E", sortie_colour(0), square=True)
    elif isinstance(kind, int):
        sheet.line(way, sortie_colour(kind), stroke_px=2.8)
        sheet.arrows(way, sortie_colour(kind))


def _place_legend(sheet: Canvas, picture: PlanPicture, y: float) -> float:
    entries = (
        (picture.home is not None, home_mark, _("home: take-off and landing")),
        (bool(picture.rally), rally_mark, _("rally point: other landing place")),
        (picture.last_seen is not None, last_seen_mark, _("where the person was last seen")),
        (bool(picture.visits), visit_mark, _("point to visit, in this order")),
    )
    for shown, mark, label in entries:
        if shown:
            mark(sheet, _PANEL_X + 21.0, y + 14.0)
            sheet.text((_PANEL_X + 56, y + 19), label, size_px=15, colour=INK)
            y += 32
    return y


def _length_km(line: FlownLine) -> float:
    places = [p for run, _way in line.runs for p in run]
    if not places:
        return 0.0
    frame = LocalFrame.around(shapely.MultiPoint([(p.lon_deg, p.lat_deg) for p in places]))
    return sum(float(np.hypot(*np.diff(frame.to_xy(run), axis=0).T).sum()) for run, _way in line.runs) / 1000


def _notes(sheet: Canvas, picture: PlanPicture, y: float) -> None:
    """Notes as far as there is room; the number of those that are left out."""
    if not picture.notes:
        return
    y = _heading(sheet, y, _(picture.notes_title))
    bottom = PICTURE_SIZE_PX[1] - 24.0
    for number, note in enumerate(picture.notes):
        lines = wrapped(translated(note), 14, _PANEL_RIGHT - _PANEL_X - 14)
        if y + 18 * (len(lines) + 1) > bottom:
            rest = len(picture.notes) - number
            sheet.text(
                (_PANEL_X, y + 13),
                _("… and {count} more, in the plan's output", count=rest),
                size_px=14,
                colour=_SOFT,
            )
            return
        sheet.text((_PANEL_X, y + 13), "•", size_px=14, colour=_SOFT)
        for line in lines:
            sheet.text((_PANEL_X + 14, y + 13), line, size_px=14, colour=INK)
            y += 18
        y += 4
