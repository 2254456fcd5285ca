"""The review desk in a real browser that reaches nothing but the console."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airbeat.ops.log import OperationsLog

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytest.importorskip("starlette", reason="the extra console is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.timeout(600),
]
PATIENT_MS = 60_000

Started = Callable[..., tuple[str, subprocess.Popen[str]]]


def entered(browser: Any, link: str, name: str) -> tuple[Any, list[str]]:
    """A page at the desk, and what it complained of or asked of other addresses."""
    home = link.split("/enter", maxsplit=1)[0]
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 720})

    def elsewhere(route: Any) -> None:
        if route.request.url.startswith((home, "data:", "blob:")):
            route.continue_()
        else:
            complaints.append(f"asked for {route.request.url}")
            route.abort()

    context.route("**/*", elsewhere)
    page = context.new_page()
    page.set_default_timeout(PATIENT_MS)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.goto(link)
    page.fill("#name", name)
    page.click("#name-dialog button")
    page.wait_for_selector('#title:has-text("Candidate")')
    return page, complaints


def another_link(page: Any) -> str:
    page.click("#invite")
    page.wait_for_selector("#invite-dialog[open]")
    link = page.inner_text("#invite-link")
    page.click("#invite-dialog button")
    return str(link)


def test_a_reviewer_goes_through_candidates_with_the_keyboard(
    chromium: Any, console: Started, search_folder: Callable[..., Path]
) -> None:
    folder = search_folder(6)
    link, _ = console(folder)
    page, complaints = entered(chromium, link, "K. Brandt")
    expect = sync_api.expect
    expect(page.locator("#unreviewed")).to_have_text("6 of 6 not reviewed")
    for key, following in (("p", "C002"), ("c", "C003"), ("n", "C004"), ("u", "C005")):
        page.keyboard.press(key)
        expect(page.locator("#title")).to_contain_text(following, timeout=PATIENT_MS)
    expect(page.locator("#unreviewed")).to_have_text("2 of 6 not reviewed", timeout=PATIENT_MS)
    expect(page.locator("#counts")).to_contain_text("1 persons · 1 clues · 1 unsure · 1 no")
    page.keyboard.press("z")
    expect(page.locator("#unreviewed")).to_have_text("3 of 6 not reviewed", timeout=PATIENT_MS)
    expect(page.locator("#title")).to_contain_text("C004")
    expect(page.locator("#near figure")).to_have_count(3)
    expect(page.locator("#near .missed")).to_have_count(2)
    expect(page.locator(".leaflet-marker-icon.pin.person")).to_have_count(1)
    page.locator("#filter").select_option("found")
    expect(page.locator("#list li")).to_have_count(2)
    page.click("#hand-over")
    expect(page.locator("#hand-over-files li")).to_have_count(6)
    with page.expect_download() as download:
        page.click('#hand-over-files a:has-text("sightings.kml")')
    assert "C001" in download.value.path().read_text()
    page.click("#hand-over-dialog button")
    page.keyboard.press("m")
    expect(page.locator("#measured")).to_have_text("click two points")
    box = page.locator("#frame").bounding_box()
    page.mouse.click(box["x"] + 50, box["y"] + 50)
    page.mouse.click(box["x"] + 150, box["y"] + 50)
    expect(page.locator("#measured")).to_contain_text("cm/px", timeout=PATIENT_MS)
    page.reload()
    expect(page.locator("#unreviewed")).to_have_text("3 of 6 not reviewed", timeout=PATIENT_MS)
    assert complaints == []
    with OperationsLog(folder / "operations.sqlite") as log:
        assert log.verify() == 6


def test_two_browsers_review_two_hundred_candidates_and_no_decision_is_lost_or_doubled(
    chromium: Any, console: Started, search_folder: Callable[..., Path]
) -> None:
    folder = search_folder(200)
    link, _ = console(folder)
    first, troubles = entered(chromium, link, "A. Weber")
    second, more = entered(chromium, another_link(first), "K. Brandt")
    expect = sync_api.expect
    for number in range(2000):  # both press keys as fast as they can, also while an answer is under way
        for page in (first, second):
            page.keyboard.press("pcnu"[number % 4])
        if number % 10 == 0 and all("Nothing is left" in p.inner_text("#title") for p in (first, second)):
            break
    for page in (first, second):
        expect(page.locator("#unreviewed")).to_have_text("all 200 reviewed", timeout=PATIENT_MS)
    assert troubles + more == []
    with OperationsLog(folder / "operations.sqlite") as log:
        log.verify()
        events = log.events(kinds=["review.decision"])
    assert len({e.payload["candidate"] for e in events}) == 200
    assert {e.actor for e in events} == {"A. Weber", "K. Brandt"}
    twice = len(events) - 200
    assert twice == 0, f"{twice} candidates were decided on twice"


def test_names_from_files_are_shown_and_never_run(
    chromium: Any, console: Started, search_folder: Callable[..., Path]
) -> None:
    evil = "<img src=x onerror=alert(1)>.JPG"
    folder = search_folder(3, names=(evil, "'\"><script>alert(2)<.JPG", "javascript:alert(3).JPG"))
    results = json.loads((folder / "candidates.json").read_text())
    results["candidates"][0]["id"] = "<b onclick=alert(4)>C"
    (folder / "candidates.json").write_text(json.dumps(results))
    link, _ = console(folder)
    page, complaints = entered(chromium, link, "<script>alert(5)</script>")
    sync_api.expect(page.locator("#frame-title")).to_have_text(evil, timeout=PATIENT_MS)
    sync_api.expect(page.locator("#title")).to_contain_text("<b onclick")
    page.hover(".leaflet-marker-icon.pin >> nth=0", force=True)
    page.keyboard.press("p")
    sync_api.expect(page.locator("#unreviewed")).to_have_text("2 of 3 not reviewed", timeout=PATIENT_MS)
    assert page.locator("main b, main script, main img[src=x]").count() == 0
    assert complaints == []


def test_a_console_that_is_gone_is_said_and_nothing_counts_as_recorded(
    chromium: Any, console: Started, search_folder: Callable[..., Path]
) -> None:
    folder = search_folder(3)
    link, process = console(folder)
    page, _ = entered(chromium, link, "K. Brandt")
    sync_api.expect(page.locator("#near figure")).to_have_count(3, timeout=PATIENT_MS)
    process.kill()
    process.wait()
    sync_api.expect(page.locator("#link-state")).to_have_text("NO WORD FROM THE CONSOLE", timeout=PATIENT_MS)
    page.keyboard.press("p")
    sync_api.expect(page.locator("#said")).to_contain_text("nothing was recorded", timeout=PATIENT_MS)
    with OperationsLog(folder / "operations.sqlite") as log:
        assert log.verify() == 0
