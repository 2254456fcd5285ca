"""The review desk in a real browser that reaches nothing but the console."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
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


def decide(page: Any, *steps: str) -> None:
    """Press keys, each once the title is what the one before brings: ``"p C002"``."""
    for step in steps:
        key, following = step.split()
        page.keyboard.press(key)
        sync_api.expect(page.locator("#title")).to_contain_text(following, timeout=PATIENT_MS)


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
    page, complaints = entered(chromium, link, "Desk K")
    expect = sync_api.expect
    expect(page.locator("#unreviewed")).to_have_text("6 of 6 not reviewed")
    decide(page, "p C002", "c C003", "n C004", "u C005")
    expect(page.locator("#unreviewed")).to_have_text("2 of 6 not reviewed", timeout=PATIENT_MS)
    expect(page.locator("#counts")).to_contain_text("persons 1 · clues 1 · unsure 1 · no 1")
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
    first, troubles = entered(chromium, link, "Desk A")
    second, more = entered(chromium, another_link(first), "Desk K")
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
    assert {e.actor for e in events} == {"Desk A", "Desk K"}
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


def marks(page: Any) -> list[str]:
    return list(page.locator("#list .mark").all_inner_texts())


def beside_the_log(
    chromium: Any, console: Started, folder: Path
) -> tuple[Any, list[str], sqlite3.Connection]:
    """A desk that lists all candidates, the complaints of its page, and the log opened beside it."""
    link, _ = console(folder)
    page, complaints = entered(chromium, link, "Desk K")
    page.locator("#filter").select_option("all")
    return page, complaints, sqlite3.connect(folder / "operations.sqlite", isolation_level=None)


def decisions(folder: Path) -> list[tuple[str, str]]:
    with OperationsLog(folder / "operations.sqlite") as log:
        log.verify()
        return [(e.payload["candidate"], e.payload["verdict"]) for e in log.events(kinds=["review.decision"])]


def test_the_next_candidate_is_shown_while_decisions_are_saved_in_the_order_of_the_keys(
    chromium: Any, console: Started, search_folder: Callable[..., Path]
) -> None:
    folder = search_folder(6)
    page, complaints, holder = beside_the_log(chromium, console, folder)
    expect = sync_api.expect
    holder.execute("BEGIN IMMEDIATE")  # nobody can write until this ends
    decide(page, "p C002", "c C003")
    page.keyboard.press("n")
    expect(page.locator("#title")).to_have_text("Saving …", timeout=PATIENT_MS)
    page.keyboard.press("u")  # nothing is shown that this could be about
    expect(page.locator("#saving")).to_contain_text("NOT SAVED YET: C001, C002, C003", timeout=PATIENT_MS)
    expect(page.locator("#list .mark.saving")).to_have_count(3)
    expect(page.locator("#unreviewed")).to_have_text("6 of 6 not reviewed")
    expect(page.locator(".leaflet-marker-icon.pin.person")).to_have_count(0)
    holder.execute("ROLLBACK")
    holder.close()
    expect(page.locator("#unreviewed")).to_have_text("3 of 6 not reviewed", timeout=PATIENT_MS)
    expect(page.locator("#title")).to_contain_text("C004", timeout=PATIENT_MS)
    expect(page.locator("#saving")).to_have_text("")
    assert marks(page) == ["P", "C", "N", "·", "·", "·"]
    assert complaints == []
    assert decisions(folder) == [("C001", "person"), ("C002", "clue"), ("C003", "no")]


def test_what_the_log_does_not_take_is_shown_undecided_again_and_nothing_behind_it_is_kept(
    chromium: Any, console: Started, search_folder: Callable[..., Path]
) -> None:
    folder = search_folder(6)
    page, complaints, holder = beside_the_log(chromium, console, folder)
    expect = sync_api.expect
    holder.execute(
        "CREATE TRIGGER full BEFORE INSERT ON events WHEN NEW.payload LIKE '%\"C002\"%' "
        "BEGIN SELECT RAISE(ABORT, 'no room'); END"
    )
    holder.execute("BEGIN IMMEDIATE")
    decide(page, "p C002", "c C003", "n Saving")
    holder.execute("ROLLBACK")
    expect(page.locator("#unsaved-dialog")).to_be_visible(timeout=PATIENT_MS)
    expect(page.locator("#unsaved-words")).to_contain_text("no room")
    expect(page.locator("#unsaved-list li")).to_have_text(["C002: clue: not saved", "C003: no: not saved"])
    page.locator("#unsaved-words").click()
    page.keyboard.press("u")  # the reviewer types on: it must not decide what the dialog brings back
    expect(page.locator("#title")).to_contain_text("C002")
    expect(page.locator("#unreviewed")).to_have_text("5 of 6 not reviewed", timeout=PATIENT_MS)
    assert marks(page) == ["P", "·", "·", "·", "·", "·"]
    assert decisions(folder) == [("C001", "person")]
    holder.execute("DROP TRIGGER full")
    holder.close()
    page.click("#unsaved-dialog button")
    decide(page, "c C003", "n C004")
    expect(page.locator("#unreviewed")).to_have_text("3 of 6 not reviewed", timeout=PATIENT_MS)
    assert complaints == []
    assert decisions(folder) == [("C001", "person"), ("C002", "clue"), ("C003", "no")]


def test_a_console_that_dies_while_decisions_are_on_their_way_leaves_none_of_them_shown_as_decided(
    chromium: Any, console: Started, search_folder: Callable[..., Path]
) -> None:
    folder = search_folder(6)
    link, process = console(folder)
    page, _ = entered(chromium, link, "Desk K")
    expect = sync_api.expect
    expect(page.locator("#near figure")).to_have_count(3, timeout=PATIENT_MS)
    process.send_signal(signal.SIGSTOP)
    decide(page, "p C002", "c C003")
    expect(page.locator("#saving")).to_contain_text("C001, C002")
    process.kill()
    process.wait()
    expect(page.locator("#unsaved-dialog")).to_be_visible(timeout=PATIENT_MS)
    expect(page.locator("#unsaved-list li")).to_have_count(2)
    expect(page.locator("#unsaved-list li >> nth=0")).to_contain_text("C001: person: not known to be saved")
    expect(page.locator("#unsaved-list li >> nth=1")).to_have_text("C002: clue: not saved")
    expect(page.locator("#title")).to_contain_text("C001")
    expect(page.locator("#unreviewed")).to_have_text("6 of 6 not reviewed")
    assert set(marks(page)) == {"·"}
    assert decisions(folder) == []


def test_who_decided_meanwhile_is_said_although_the_desk_has_gone_on(
    chromium: Any, console: Started, search_folder: Callable[..., Path]
) -> None:
    folder = search_folder(4)
    link, _ = console(folder)
    page, complaints = entered(chromium, link, "Desk A")
    other, more = entered(chromium, another_link(page), "Desk K")
    expect = sync_api.expect
    page.locator("#filter").select_option("all")
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/api/decide", hold, times=1)
    page.keyboard.press("p")
    expect(page.locator("#title")).to_contain_text("C002", timeout=PATIENT_MS)
    other.click('#list button[data-id="C001"]')
    expect(other.locator("#title")).to_contain_text("C001")
    other.keyboard.press("n")
    expect(other.locator("#unreviewed")).to_have_text("3 of 4 not reviewed", timeout=PATIENT_MS)
    held[0].continue_()
    expect(page.locator("#conflict-words")).to_contain_text(
        "Desk K decided meanwhile that C001", timeout=PATIENT_MS
    )
    page.click('#conflict-dialog button[value="despite"]')
    expect(page.locator("#list .mark.person:not(.saving)")).to_have_count(1, timeout=PATIENT_MS)
    expect(page.locator("#title")).to_contain_text("C002")
    assert complaints + more == []
    assert decisions(folder) == [("C001", "no"), ("C001", "person")]


def test_a_console_that_is_gone_is_said_and_nothing_counts_as_recorded(
    chromium: Any, console: Started, search_folder: Callable[..., Path]
) -> None:
    folder = search_folder(3)
    link, process = console(folder)
    page, _ = entered(chromium, link, "Desk K")
    sync_api.expect(page.locator("#near figure")).to_have_count(3, timeout=PATIENT_MS)
    process.kill()
    process.wait()
    sync_api.expect(page.locator("#link-state")).to_have_text("NO WORD FROM THE CONSOLE", timeout=PATIENT_MS)
    page.keyboard.press("p")
    sync_api.expect(page.locator("#unsaved-list")).to_contain_text("C001: person", timeout=PATIENT_MS)
    sync_api.expect(page.locator("#title")).to_contain_text("C001")
    sync_api.expect(page.locator("#unreviewed")).to_have_text("3 of 3 not reviewed")
    with OperationsLog(folder / "operations.sqlite") as log:
        assert log.verify() == 0
