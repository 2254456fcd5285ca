"""The whole story in a real browser that reaches nothing but the console.

An area is drawn, planned, exported, uploaded to the embedded vehicle and flown; its photographs are searched,
a candidate is confirmed and handed over. AIRBEAT_STORY_PICTURES names a folder for a picture of each step.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airbeat.formats.files import read_plan_file
from airbeat.ops.log import OperationsLog

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytest.importorskip("starlette", reason="the extra console is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.timeout(1200),
]
PATIENT_MS = 300_000


@pytest.fixture
def console(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, Path]]:
    """A console on a folder that is not there yet, with options by indirect parameters; link and folder."""
    folder = tmp_path / "operation"
    options = getattr(request, "param", ())
    words = [sys.executable, "-m", "airbeat", "console", str(folder), "--port", "0", *options]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("open http://127.0.0.1:"), line
        yield line.removeprefix("open ").strip(), folder
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.fixture
def page(console: tuple[str, Path]) -> Iterator[Any]:
    """A signed-in page; what it complains of, or asks of other addresses, fails the test."""
    link, _ = console
    home = link.split("/enter", maxsplit=1)[0]
    complaints: list[str] = []

    def elsewhere(route: Any) -> None:
        if route.request.url.startswith((home, "data:", "blob:")):
            route.continue_()
        else:
            complaints.append(f"asked for {route.request.url}")
            route.abort()

    def said(message: Any) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            complaints.append(message.text)

    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
        context.route("**/*", elsewhere)
        sync_api.expect.set_options(timeout=PATIENT_MS)
        page = context.new_page()
        page.set_default_timeout(PATIENT_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", said)
        page.goto(link)
        yield page
        browser.close()
    assert complaints == []


def picture(page: Any, name: str) -> None:
    if folder := os.environ.get("AIRBEAT_STORY_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def drawing_page(page: Any) -> None:
    """From the empty desk to the page where missions are drawn, over the hillside of the demo."""
    page.fill("#name", "Desk K")
    page.click("#name-dialog button")
    sync_api.expect(page.locator("#title")).to_contain_text("Nothing was searched yet")
    picture(page, "01-empty-desk")
    page.click('header a[href="/plan"]')
    sync_api.expect(page.locator("#who")).to_have_text("Desk K")
    page.fill("#goto-place", "49.3950, 8.7310")
    page.click("#goto button")


def draw(page: Any, tool: str, *corners: tuple[float, float]) -> None:
    """Click corners, as shares of the map's width and height, and end the shape with Enter."""
    box = page.locator("#plan-map").bounding_box()
    page.click(f'[data-tool="{tool}"]')
    for x, y in corners:
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    if len(corners) > 1:
        page.keyboard.press("Enter")


def downloaded(page: Any, selector: str) -> Path:
    with page.expect_download() as download:
        page.click(selector)
    return Path(download.value.path())


def draw_mission(page: Any) -> None:
    """An area, taken back and drawn again, home, and a fence round them."""
    expect = sync_api.expect
    drawing_page(page)
    draw(page, "area", (0.44, 0.40), (0.58, 0.39), (0.59, 0.58), (0.45, 0.59))
    expect(page.locator("#shapes")).to_contain_text("ha")
    page.keyboard.press("Control+z")
    expect(page.locator("#shapes li")).to_have_count(0)
    draw(page, "area", (0.44, 0.40), (0.58, 0.39), (0.59, 0.58), (0.45, 0.59))
    draw(page, "home", (0.52, 0.68))
    page.click("#fence-round")
    expect(page.locator("#shapes li")).to_have_count(3)
    picture(page, "02-drawn")


def plan_and_export(page: Any) -> None:
    """The mission is planned, exported whole, and exported to a format that does not hold all of it."""
    expect = sync_api.expect
    page.click('[data-tab="mission"]')
    page.fill('[name="name"]', "Hillside <b>exercise</b>")
    picture(page, "03-mission")
    page.click("#plan")
    expect(page.locator("#plan-name")).to_have_text("Hillside <b>exercise</b>")
    expect(page.locator("#rows")).to_contain_text("of the area")
    picture(page, "04-planned")

    page.select_option("#format", "plan")
    page.click("#export")
    expect(page.locator("#exported")).to_contain_text("holds everything")
    exported = read_plan_file(downloaded(page, "#exported a"))
    assert exported.fence is not None
    assert len(exported.items) > 5
    page.select_option("#format", "litchi")
    page.click("#export")
    expect(page.locator("#exported")).to_contain_text("holds all but")
    picture(page, "05-exported")


def fly(page: Any) -> None:
    """Uploaded to the embedded vehicle and flown, once its name was typed."""
    expect = sync_api.expect
    page.click('[data-tab="fly"]')
    page.select_option("#speedup", "20")
    page.click("#upload")
    expect(page.locator("#outcome")).to_contain_text("verified")
    picture(page, "06-uploaded")
    page.click("#fly")
    page.wait_for_selector("dialog.ask[open]")
    expect(page.locator("#confirm-yes")).to_be_disabled()
    page.reload()  # the question is the console's: it is there again
    page.wait_for_selector("dialog.ask[open]")
    page.fill("#confirm-word", "embedde")
    expect(page.locator("#confirm-yes")).to_be_disabled()
    page.fill("#confirm-word", "embedded")
    picture(page, "07-confirm")
    page.click("#confirm-yes")
    page.wait_for_selector("#flight:not([hidden])")
    expect(page.locator("#flight-rows")).to_contain_text(
        re.compile("flying, AUTO.*photographs *[1-9]", re.DOTALL)
    )
    picture(page, "08-flying")
    expect(page.locator("#outcome")).to_contain_text("completed: the mission was flown to its end")
    picture(page, "09-flown")


def search_and_hand_over(page: Any) -> None:
    """The flight's photographs are searched, and the candidate is confirmed and handed over."""
    expect = sync_api.expect
    page.click("#search")
    expect(page.locator("#searched")).to_contain_text("photographs searched:", timeout=PATIENT_MS)
    picture(page, "10-searched")
    page.click("#to-desk")
    page.wait_for_selector('#title:has-text("Candidate C001")')
    page.wait_for_timeout(500)
    picture(page, "11-desk")
    page.keyboard.press("p")
    expect(page.locator("#counts")).to_contain_text("persons 1")
    page.click("#hand-over")
    page.wait_for_selector('#hand-over-files a:has-text("sightings.kml")')
    assert "C001" in downloaded(page, '#hand-over-files a:has-text("sightings.kml")').read_text()
    picture(page, "12-handed-over")
    page.click("#hand-over-dialog button")


def look_closer(page: Any) -> None:
    """A closer look at the candidate is planned."""
    expect = sync_api.expect
    page.select_option("#filter", "all")
    page.click('#list [data-id="C001"]')
    page.click("#look")
    page.wait_for_selector("#act-dialog a")
    picture(page, "13-closer-look")
    page.click("#act-dialog a")
    expect(page.locator("#plan-name")).to_contain_text("Closer look at C001")
    expect(page.locator("#findings")).not_to_contain_text("error")
    picture(page, "14-closer-look-planned")


def log_tells(folder: Path) -> None:
    """The operation's log holds all of it, in its order, with who did it."""
    checked = subprocess.run(
        [sys.executable, "-m", "airbeat", "log", "verify", str(folder / "operations.sqlite"), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(checked.stdout)["events"] > 20
    with OperationsLog(folder / "operations.sqlite") as log:
        events = log.events()
    kinds = [e.kind for e in events]
    wanted = [
        "mission.planned",
        "mission.exported",
        "mission.uploaded",
        "flight.confirmed",
        "flight.begun",
        "flight.ended",
        "search.ended",
        "review.decision",
        "handover.written",
    ]
    places = [kinds.index(kind) for kind in wanted]
    assert places == sorted(places)
    assert {e.actor for e in events} == {"Desk K"}


def test_an_area_is_drawn_flown_searched_and_a_find_handed_over(page: Any, console: tuple[str, Path]) -> None:
    _, folder = console

    draw_mission(page)
    plan_and_export(page)
    fly(page)
    search_and_hand_over(page)
    look_closer(page)
    log_tells(folder)


def test_shapes_are_changed_corner_by_corner_and_each_change_is_undone(page: Any, tmp_path: Path) -> None:
    expect = sync_api.expect
    drawing_page(page)
    draw(page, "area", (0.30, 0.30), (0.60, 0.30), (0.60, 0.60), (0.30, 0.60))
    shape = page.locator("#shapes li")
    expect(shape).to_contain_text("4 corners")
    square = shape.inner_text()

    def drag(selector: str, by: tuple[float, float]) -> None:
        box = page.locator(selector).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + by[0] / 2, y + by[1] / 2, steps=3)
        page.mouse.move(x + by[0], y + by[1], steps=3)
        page.mouse.up()

    drag(".corner >> nth=0", (-60, -40))
    expect(shape).not_to_have_text(square)
    drag(".middle >> nth=1", (50, 0))
    expect(shape).to_contain_text("5 corners")
    picture(page, "20-corners")
    page.keyboard.press("Delete")  # the corner that was dragged last is chosen
    expect(shape).to_contain_text("4 corners")
    for _ in range(3):
        page.click("#undo")
    expect(shape).to_have_text(square)
    page.reload()
    expect(shape).to_have_text(square)
    shape.locator("button").click()
    page.click("#delete-shape")
    expect(shape).to_have_count(0)

    evil = "<img src=x onerror=alert(1)>"
    ring = [[8.730, 49.394], [8.732, 49.394], [8.732, 49.396], [8.730, 49.394]]
    feature = {
        "type": "Feature",
        "properties": {"name": evil},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    file = tmp_path / f"{evil.replace('/', '')}.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "name": evil, "features": [feature]}))
    page.set_input_files("#file", str(file))
    expect(shape).to_contain_text("3 corners")
    file.write_text('{"type": "FeatureCollection", "features": [{"type": "' + evil + '"}]}')
    page.set_input_files("#file", str(file))
    expect(page.locator("#said")).not_to_be_empty()
    assert page.locator("main img[src=x], header img").count() == 0


@pytest.mark.parametrize("console", [("--no-control",)], indirect=True)
def test_without_control_the_pages_show_nothing_that_moves_a_vehicle(page: Any) -> None:
    expect = sync_api.expect
    drawing_page(page)
    page.click('[data-tab="fly"]')
    expect(page.locator("#no-control")).to_be_visible()
    for control in ("#upload", "#fly", "#resume", "#vehicle"):
        expect(page.locator(control)).to_be_hidden()
    picture(page, "21-no-control")
