"""Pictures for a briefing, and letters in the language of who looks at them."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from airbeat.cli.report import gather
from airbeat.language.words import ENGLISH, current_language, speaking
from airbeat.mission.loader import load_mission
from airbeat.planning.plan import plan_mission
from airbeat.report import lettering
from airbeat.report.briefing import BRIEFING_SIZE_PX, briefing_pictures
from airbeat.report.contact_sheet import SheetEntry, contact_sheets
from airbeat.report.content import FlightRow, ReportContent, TimelineRow
from airbeat.report.picture import draw_picture
from airbeat.report.picture_content import picture_of_plans

MISSION = Path(__file__).resolve().parents[3] / "missions" / "demo-hillside.yaml"
BEGUN = datetime(2026, 5, 1, 8, tzinfo=UTC)
has_chinese_font = pytest.mark.skipif(not lettering._drawable("zh_CN"), reason="no font with Chinese letters")


@pytest.fixture(scope="module")
def content() -> ReportContent:
    plan = plan_mission(load_mission(MISSION))
    return gather(plan, candidates_json=None)


def _flown(content: ReportContent) -> ReportContent:
    places = tuple(item.position for _n, item in content.plan.waypoints() if item.position is not None)
    flight = FlightRow(
        name="flight.json", vehicle="v", begun_utc=BEGUN, duration_s=400.0, outcome="completed", photos=3,
        items=(9, 9), battery_shares=(None, None), track=places,
    )  # fmt: skip
    rows = [("flight.begun", "flight begins"), ("search.ended", "14 candidates"), ("note", "team sent")]
    timeline = tuple(
        TimelineRow(time_utc=BEGUN + timedelta(minutes=7 * n), actor="Desk K", words=words, kind=kind)
        for n, (kind, words) in enumerate(rows)
    )
    return replace(content, flights=(flight,), timeline=timeline)


def _pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_a_plan_alone_has_a_map_and_no_empty_sheets(content: ReportContent) -> None:
    assert list(briefing_pictures(content)) == ["map.png"]


def test_what_was_flown_changes_the_map_and_brings_a_timeline(content: ReportContent) -> None:
    plain, flown = briefing_pictures(content), briefing_pictures(_flown(content))
    assert set(flown) == {"map.png", "timeline.png"}
    for png in flown.values():
        assert Image.open(io.BytesIO(png)).size == BRIEFING_SIZE_PX
    assert (_pixels(plain["map.png"]) != _pixels(flown["map.png"])).any()
    assert flown == briefing_pictures(_flown(content)), "the same content gives the same pictures"


def test_confirmed_candidates_come_first_on_the_sheet_and_a_broken_cut_out_is_no_failure(
    search_folder: Callable[..., Path], content: ReportContent
) -> None:
    folder = search_folder(14)
    (folder / "crops" / "C003.jpg").write_bytes(b"\xff\xd8 broken")
    found = gather(content.plan, candidates_json=folder / "candidates.json")
    png = briefing_pictures(found)["candidates.png"]
    assert Image.open(io.BytesIO(png)).size == BRIEFING_SIZE_PX
    assert found.searched is not None
    last = found.searched.candidates[-1]
    confirmed = replace(
        found.searched, candidates=(*found.searched.candidates[:-1], replace(last, confirmed=True))
    )
    again = briefing_pictures(replace(found, searched=confirmed))["candidates.png"]
    assert (_pixels(png)[104:400, 40:340] != _pixels(again)[104:400, 40:340]).any()


def test_without_a_font_pictures_are_english_and_that_is_said_once(
    content: ReportContent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lettering, "_installed", lambda _size, _bold: ())
    monkeypatch.setattr(lettering, "_chinese", lambda _size: ())
    lettering._drawable.cache_clear()
    try:
        with speaking("zh_CN"), caplog.at_level(logging.WARNING):
            for _ in range(3):
                with lettering.picture_language():
                    assert current_language() == ENGLISH
            plan = picture_of_plans([content.plan], figures=())
            assert draw_picture(plan)
        assert caplog.text.count("no font here has the letters of zh_CN") == 1
    finally:
        lettering._drawable.cache_clear()


@has_chinese_font
def test_every_kind_of_picture_has_chinese_letters_where_a_font_has_them(
    content: ReportContent, search_folder: Callable[..., Path]
) -> None:
    crop = search_folder(1) / "crops" / "C001.jpg"
    entry = SheetEntry(id="C001", crop=crop, score=0.9, place="32U", looks="seen")

    def drawn() -> list[bytes]:
        sheet = next(contact_sheets([entry], title="s", total=1, note="n"))
        plan = draw_picture(picture_of_plans([content.plan], figures=(("area", "1 km²"),)))
        return [sheet, plan, *briefing_pictures(_flown(content)).values()]

    english = drawn()
    with speaking("zh_CN"):
        chinese = drawn()
    for one, other in zip(english, chinese, strict=True):
        assert one != other
    with speaking("zh_CN"):
        text = "航线旁向重叠，电子围栏"
        assert lettering.font_for(text, 20)[1] == text, "no question marks"


@has_chinese_font
def test_a_font_that_has_the_simplified_forms_draws_each_character_differently() -> None:
    font, shown = lettering.font_for("航线围栏", 40)
    assert shown == "航线围栏"
    masks = {bytes(font.getmask(sign)) for sign in shown}
    assert len(masks) == 4, "boxes for unknown characters would all be the same"
