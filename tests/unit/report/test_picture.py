"""The picture of a plan shows what is flown, where, and what must be known of it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.mission.loader import UNSURVEYED, load_mission
from airbeat.planning.plan import plan_mission
from airbeat.report.canvas import Canvas
from airbeat.report.lettering import fitted, font_for, width_px, wrapped
from airbeat.report.picture import PICTURE_SIZE_PX, draw_picture
from airbeat.report.picture_content import PlanPicture, picture_of_features, picture_of_plans

MISSIONS = Path(__file__).resolve().parents[3] / "missions"
HOME = LatLon(lat_deg=46.999, lon_deg=7.999)
AREA = shapely.Polygon(
    [(8, 47), (8.01, 47), (8.01, 47.006), (8, 47.006)],
    [[(8.004, 47.002), (8.006, 47.002), (8.006, 47.004), (8.004, 47.004)]],
)
BLUE, ORANGE, RED, GREEN = (0, 114, 178), (230, 159, 0), (198, 40, 40), (26, 127, 55)


def _feature(role: str, line: list[tuple[float, float]], **properties: object) -> dict[str, Any]:
    coordinates = [list(c) for c in line]
    return {
        "type": "Feature",
        "properties": {"role": role, **properties},
        "geometry": {"type": "LineString", "coordinates": coordinates},
    }


def _two_sorties() -> PlanPicture:
    home, a, b, c = (7.999, 46.999), (8.001, 47.001), (8.009, 47.001), (8.009, 47.005)
    features = [
        _feature("path", [home, a, b, home], sortie=1, drone=1),
        _feature("path", [home, c, (8.001, 47.005), home], sortie=2, drone=1),
        _feature("transit", [home, a], sortie=1, drone=1),
        _feature("transit", [b, home], sortie=1, drone=1),
    ]
    return picture_of_features(features, title="Two", area=AREA, home=HOME, notes=("a note",))


def _pixels(picture: PlanPicture) -> np.ndarray:
    with Image.open(io.BytesIO(draw_picture(picture))) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def _map_count(pixels: np.ndarray, colour: tuple[int, int, int]) -> int:
    """How many pixels of the map, without the legend, have a colour."""
    return int((np.abs(pixels[100:1140, 30:1165] - colour).max(axis=2) < 40).sum())


def test_a_shipped_mission_becomes_a_sheet_with_its_source_and_its_warning_in_the_file() -> None:
    plan = plan_mission(load_mission(MISSIONS / "river-bridge-points.yaml"))
    data = draw_picture(picture_of_plans([plan], figures=[("length", "1.12 km")]))
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        assert image.size == PICTURE_SIZE_PX == (1600, 1200)
        about = image.text
    assert about["Title"] == plan.name
    assert about["airbeat:source_sha256"] == plan.provenance.source_sha256
    assert UNSURVEYED in about["airbeat:notes"]
    assert data == draw_picture(picture_of_plans([plan], figures=[("length", "1.12 km")]))


def test_fixed_points_are_numbered_in_flying_order_and_named_once() -> None:
    plan = plan_mission(load_mission(MISSIONS / "river-bridge-points.yaml"))
    picture = picture_of_plans([plan], figures=[])
    assert len(picture.visits) == 3
    assert picture.lines[0].runs[-1][1] is True, "the way home is a transit"
    assert picture.lines[0].runs[-1][0][-1] == plan.home


def test_an_unsurveyed_plan_bears_an_amber_banner_and_a_surveyed_one_does_not() -> None:
    amber = (255, 226, 168)
    surveyed = _pixels(_two_sorties())
    warned = _pixels(replace(_two_sorties(), notes=(UNSURVEYED,)))
    assert int((np.abs(warned[:90] - amber).max(axis=2) < 6).sum()) > 5000
    assert int((np.abs(surveyed[:90] - amber).max(axis=2) < 6).sum()) == 0


def test_each_sortie_has_its_colour_and_holes_are_hatched() -> None:
    pixels = _pixels(_two_sorties())
    for colour in (BLUE, ORANGE, RED):
        assert _map_count(pixels, colour) > 500, colour
    assert _map_count(pixels, GREEN) == 0, "there is no fence"
    fenced = replace(_two_sorties(), inclusions=(AREA.convex_hull.buffer(0.001),))
    assert _map_count(_pixels(fenced), GREEN) > 500


def test_transits_are_told_from_the_work_and_keep_their_order() -> None:
    first, second = _two_sorties().lines
    assert [transit for _, transit in first.runs] == [True, False, True]
    assert [transit for _, transit in second.runs] == [False]
    assert first.runs[0][0][-1] == first.runs[1][0][0]
    assert first.name == "sortie 1"


def test_a_dashed_line_has_gaps_and_a_whole_one_has_none() -> None:
    shown = {}
    for name, dash in (("whole", ()), ("dashed", (10.0, 10.0))):
        canvas = Canvas((220, 20))
        canvas.line(np.array([[10.0, 10.0], [210.0, 10.0]]), "#000000", stroke_px=4, dash_px=dash)
        shown[name] = np.asarray(canvas.finished().convert("L"))[10, 12:208]
    assert shown["whole"].max() < 40
    assert 0.4 < (shown["dashed"] < 128).mean() < 0.6


def test_a_fill_leaves_holes_open_and_edges_smooth() -> None:
    canvas = Canvas((100, 100))
    hole = [(40, 40), (60, 40), (60, 60), (40, 60)]
    canvas.fill(shapely.Polygon([(10, 10), (90, 13), (90, 90), (10, 90)], [hole]), "#000000")
    grey = np.asarray(canvas.finished().convert("L"))
    assert grey[50, 50] == 255
    assert grey[25, 25] == 0
    assert len(np.unique(grey)) > 5, "anti-aliased"


def test_arrows_point_the_way_that_is_flown() -> None:
    canvas = Canvas((200, 40))
    canvas.arrows(np.array([[0.0, 20.0], [200.0, 20.0]]), "#000000", size_px=10)
    dark = np.asarray(canvas.finished().convert("L")) < 128
    columns = np.flatnonzero(dark.any(axis=0))
    heights = dark[:, columns].sum(axis=0)
    assert heights[:6].max() > heights[-6:].max(), "wide behind, a tip ahead"


@pytest.mark.parametrize("text", ["Königstuhl m²", "Łódź", "北京 Москва", "✈ …"])
def test_no_text_is_shown_as_empty_boxes(text: str) -> None:
    font, shown = font_for(text, 20)
    unknown = font.getmask("\uffff")
    for sign in shown:
        drawn = font.getmask(sign)
        assert sign == " " or bytes(drawn) != bytes(unknown) or drawn.size != unknown.size
    assert len(shown) >= len(text.split())


def test_without_any_installed_font_accents_are_dropped_and_other_signs_become_question_marks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airbeat.report import lettering

    monkeypatch.setattr(lettering, "_installed", lambda size_px, bold: ())
    monkeypatch.setattr(lettering, "_chinese", lambda size_px: ())
    assert font_for("Königstuhl 2 m² – 北京", 20)[1] == "Konigstuhl 2 m2 - ??"
    assert font_for("plain", 20)[1] == "plain"


def test_text_that_is_too_long_is_cut_or_wrapped_within_its_width() -> None:
    text = "height 70.3 m home follows from the GSD of 2.5 cm, flat ground at home's height assumed"
    assert width_px(fitted(text, 14, 200), 14) <= 200
    assert fitted(text, 14, 200).endswith("…")
    lines = wrapped(f"{text} {'x' * 400}", 14, 200)
    assert all(width_px(line, 14) <= 200 for line in lines)
    assert " ".join(lines).startswith(text)


def test_many_notes_and_sorties_stay_on_the_sheet_and_say_how_many_are_left_out() -> None:
    many = replace(
        _two_sorties(),
        lines=_two_sorties().lines * 12,
        notes=tuple(f"note {n} " + "word " * 40 for n in range(40)),
        title="A title " * 40,
    )
    pixels = _pixels(many)
    assert pixels.shape == (1200, 1600, 3)
    assert (pixels[:, 1585:] == 255).all(), "nothing beyond the margin"
    assert (pixels[1197:] == 255).all()


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(GeometryError):
        draw_picture(PlanPicture(title="nothing", lines=()))
