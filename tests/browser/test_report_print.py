"""The report in a real browser: its print is the PDF, in both languages, with the network cut."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airbeat.cli.report import gather
from airbeat.language.words import speaking
from airbeat.mission.loader import load_mission
from airbeat.ops.log import OperationsLog
from airbeat.ops.reviews import Reviews, Verdict
from airbeat.planning.plan import plan_mission
from airbeat.report import lettering
from airbeat.report.html import report_html
from airbeat.report.reviewed import reviewables
from airbeat.report.searched import read_search_results

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PDFTOTEXT, PDFFONTS = shutil.which("pdftotext"), shutil.which("pdffonts")
MISSION = Path(__file__).resolve().parents[2] / "missions" / "demo-hillside.yaml"
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(PDFTOTEXT is None, reason="no pdftotext on this machine"),
    pytest.mark.timeout(600),
]


@pytest.fixture
def search(search_folder: Callable[..., Path]) -> Path:
    """A search of thirty candidates, on two of which reviewers have decided, one of them disputed."""
    folder = search_folder(30)
    with OperationsLog(folder / "operations.sqlite") as log:
        reviews = Reviews(log, reviewables(read_search_results(folder / "candidates.json")))
        reviews.decide("C001", Verdict.PERSON, reviewer="Desk K", note="waving <b>")
        reviews.decide("C002", Verdict.CLUE, reviewer="Desk K")
        reviews.decide("C002", Verdict.NO, reviewer="Desk L")
    return folder


def _printed(browser: Any, folder: Path, language: str) -> tuple[str, Path]:
    """Text of the printed report, and its PDF."""
    with speaking(language):
        content = gather(plan_mission(load_mission(MISSION)), candidates_json=folder / "candidates.json")
        (folder / "report.html").write_text(report_html(content), encoding="utf-8")
    asked: list[str] = []
    page = browser.new_page()
    page.set_default_timeout(300_000)
    page.on("request", lambda request: asked.append(request.url))
    page.goto((folder / "report.html").as_uri())
    assert page.evaluate("document.documentElement.lang") == language.replace("_", "-")
    pdf = folder / f"{language}.pdf"
    page.pdf(path=str(pdf), prefer_css_page_size=True, print_background=True)
    page.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert PDFTOTEXT is not None
    text = subprocess.run([PDFTOTEXT, "-layout", str(pdf), "-"], capture_output=True, check=True, text=True)
    return text.stdout, pdf


def test_the_print_has_every_candidate_the_decisions_and_numbered_pages(chromium: Any, search: Path) -> None:
    text, _ = _printed(chromium, search, "en")
    pages = text.rstrip("\f").split("\f")
    assert len(pages) >= 3
    for number, page in enumerate(pages, start=1):
        assert re.search(rf"{number} ?/ ?{len(pages)}\b", page)
        assert "This area is not cleared." in page
    assert all(f"Candidate {number}" in text for number in range(1, 31))
    assert "Reviewers disagree on: C002" in text
    assert "waving <b>" in text
    assert "C002 is decided on: no" in text


@pytest.mark.skipif(not lettering._drawable("zh_CN"), reason="no font with Chinese letters")
def test_the_print_in_chinese_has_its_letters_and_a_font_that_holds_them(chromium: Any, search: Path) -> None:
    text, pdf = _printed(chromium, search, "zh_CN")
    for words in ("该去看的地方", "判定及判定人", "复核员有分歧", "行动时间线"):
        assert words in text.replace(" ", "")
    assert "Places to look" not in text
    if PDFFONTS is not None:
        fonts = subprocess.run([PDFFONTS, str(pdf)], capture_output=True, check=True, text=True).stdout
        assert any(name in fonts for name in ("CJK", "WenQuanYi", "Hei", "Song", "PingFang", "YaHei")), fonts
