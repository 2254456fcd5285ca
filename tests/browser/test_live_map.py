"""The live map in a real browser that reaches nothing but the console, while a vehicle flies."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from airbeat.errors import AirbeatError
from airbeat.flight.crowds import ALERT
from airbeat.flight.fly import fly_plan
from airbeat.flight.watch import Interruption
from airbeat.link.connection import connect
from airbeat.mission.loader import load_mission
from airbeat.ops.log import OperationsLog
from airbeat.planning.plan import plan_mission
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytest.importorskip("starlette", reason="the extra console is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.timeout(600),
]
PATIENT_MS = 60_000
MISSIONS = Path(__file__).parents[2] / "missions"
MISSION, CASE = MISSIONS / "demo-hillside.yaml", MISSIONS / "cases" / "koenigstuhl-walker.yaml"
PAPER = "rgb(26, 26, 26)"
RED = "rgb(179, 0, 27)"


@pytest.fixture
def at_map(chromium: Any) -> Iterator[Callable[..., tuple[Any, list[str]]]]:
    """Call with a console's link: its live map, and what it complained of or asked of other addresses."""
    contexts = []

    def enter(link: str, **options: Any) -> tuple[Any, list[str]]:
        home = link.split("/enter", maxsplit=1)[0]
        complaints: list[str] = []
        context = chromium.new_context(**({"viewport": {"width": 1280, "height": 720}} | options))
        contexts.append(context)

        def elsewhere(route: Any) -> None:
            if route.request.url.startswith((home, "data:")):
                route.continue_()
            else:
                complaints.append(f"asked for {route.request.url}")
                route.abort()

        context.route("**/*", elsewhere)
        page = context.new_page()
        page.set_default_timeout(PATIENT_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda said: complaints.append(said.text) if "Security" in said.text else None)
        page.goto(link)
        page.goto(f"{home}/map")
        page.locator(".graticule").nth(2).wait_for(state="attached")
        return page, complaints

    yield enter
    for context in contexts:
        context.close()


@pytest.fixture
def hillside(search_folder: Callable[..., Path]) -> Path:
    """A search whose photographs and candidates lie on the ground of the demonstration mission."""
    folder = search_folder(6)
    path = folder / "candidates.json"
    results = json.loads(path.read_text())
    for row in results["candidates"] + results["frames"]:
        row["lat_deg"] += 49.3953 - 51.0
        row["lon_deg"] += 8.7312 - 8.0
    path.write_text(json.dumps(results))
    return folder


def fly(vehicle: EmbeddedVehicle) -> threading.Thread:
    """Fly the mission in a thread, which ends with the vehicle."""
    plan = plan_mission(load_mission(MISSION))

    def left_when_gone(_paused: bool) -> Interruption | None:
        return None if vehicle._thread.is_alive() else Interruption.LEAVE

    def flight() -> None:
        with suppress(AirbeatError), connect(vehicle.url) as link:
            fly_plan(link, plan, confirmed=True, interrupt=left_when_gone)

    thread = threading.Thread(target=flight, daemon=True)
    thread.start()
    return thread


def vehicle_at_home(speedup: float) -> EmbeddedVehicle:
    plan = plan_mission(load_mission(MISSION))
    home_amsl_m = plan.home_amsl_m or 0.0
    return EmbeddedVehicle(VehicleConfig(home=plan.home, home_amsl_m=home_amsl_m, speedup=speedup))


def test_a_flight_is_seen_moving_and_goes_stale_in_red_when_the_vehicle_is_gone(
    console: Any, at_map: Any, hillside: Path
) -> None:
    expect = sync_api.expect
    with vehicle_at_home(8.0) as vehicle:
        link, _ = console(
            hillside, "--plan", str(MISSION), "--vehicle", f"D1={vehicle.url}", "--case", str(CASE)
        )
        page, complaints = at_map(link)
        card, label = page.locator("#vehicles li"), page.locator(".craft-mark span")
        expect(card).to_contain_text("embedded vehicle", timeout=PATIENT_MS)
        expect(label).to_be_visible(timeout=PATIENT_MS)
        page.locator("#sound").click()
        expect(page.locator("#sound")).to_have_text("♪ Sound is on", timeout=PATIENT_MS)
        fly(vehicle)
        expect(card).to_contain_text("AUTO", timeout=PATIENT_MS)
        expect(label).to_have_text(re.compile(r"D1 · [3-9]\d\sm · \d+\s% · \d\ss"), timeout=PATIENT_MS)
        page.fill("#alert-battery", "100")
        expect(page.locator("#alerts li")).to_contain_text(
            re.compile(r"▼D1: battery at \d+ %"), timeout=PATIENT_MS
        )
        places = set()
        for _ in range(40):
            place = page.locator(".craft-mark").evaluate("e => e.parentElement.style.transform")
            places.add(place)
            if len(places) >= 5:
                break
            page.wait_for_timeout(500)
        assert len(places) >= 5
        assert label.evaluate("e => getComputedStyle(e).color") == PAPER
        page.locator("#follow").select_option("D1")
        page.wait_for_timeout(1500)
        box, mark = page.locator("#map").bounding_box(), page.locator(".craft-mark").bounding_box()
        assert abs(mark["x"] - box["x"] - box["width"] / 2) < 120
        assert abs(mark["y"] - box["y"] - box["height"] / 2) < 120
        expect(page.locator("#alerts li")).to_have_count(1)
    expect(card).to_contain_text("⚠ STALE: nothing heard for", timeout=PATIENT_MS)
    expect(label).to_contain_text("⚠ STALE")
    assert card.evaluate("e => getComputedStyle(e).color") == RED
    assert label.evaluate("e => getComputedStyle(e).color") == RED
    expect(page.locator("#alerts li.serious").first).to_contain_text("⚠D1: STALE: nothing heard for")
    expect(page.locator("#alerts")).to_have_attribute("data-sounded", "2")
    assert complaints == []


def test_the_map_shows_plan_case_candidates_and_what_is_decided_at_the_desk(
    console: Any, at_map: Any, hillside: Path
) -> None:
    expect = sync_api.expect
    link, _ = console(hillside, "--plan", str(MISSION), "--case", str(CASE))
    page, complaints = at_map(link)
    expect(page.locator(".pin.unreviewed:not(.sign)")).to_have_count(6)
    expect(page.locator("#case-note")).to_have_text(re.compile("No ground is cleared"))
    expect(page.locator("img.case-poa")).to_have_count(1)
    expect(page.locator(".letter-mark", has_text="R")).to_have_count(1)
    for name in ("area", "fence", "planned", "flown", "photographed", "searched: POD", "probability map"):
        expect(page.locator(".leaflet-control-layers-overlays", has_text=name)).to_have_count(1)
    page.hover(".leaflet-control-layers")
    page.get_by_label("searched: POD").check()
    expect(page.locator("img.case-pod")).to_have_count(1)
    page.mouse.move(480, 600)
    desk = page.context.new_page()
    desk.set_default_timeout(PATIENT_MS)
    desk.goto(page.url.replace("/map", "/"))
    desk.fill("#name", "Desk K")
    desk.click("#name-dialog button")
    desk.wait_for_selector('#title:has-text("Candidate C001")')
    desk.keyboard.press("p")
    expect(page.locator(".pin.person:not(.sign)")).to_have_text("P", timeout=PATIENT_MS)
    desk.click('a:has-text("Live map")')
    desk.wait_for_selector("#legend")
    expect(page.locator("#log li").first).to_contain_text("C001 is decided on: person")
    assert complaints == []


def test_new_candidates_and_gatherings_are_alerted_in_words_with_a_symbol(
    console: Any, at_map: Any, hillside: Path
) -> None:
    expect = sync_api.expect
    link, _ = console(hillside)
    page, complaints = at_map(link)
    page.fill("#alert-score", "0.6")
    page.locator("#alert-score").press("Tab")  # a key pressed allows the page to sound
    expect(page.locator("#sound")).to_have_text("♪ Sound is on")
    page.click("#sound")
    expect(page.locator("#sound")).to_have_text("♪ Sound is off")
    found = {"looks": 1, "lat_deg": None, "lon_deg": None, "ce90_m": None}
    alert = {"zone": "<b>gate</b>", "what": "raised", "colour": "red"}
    with OperationsLog(hillside / "operations.sqlite") as log:
        log.append("candidate.found", found | {"candidate": "C777", "score": 0.55}, actor="airbeat")
        log.append("candidate.found", found | {"candidate": "C778", "score": 0.65}, actor="airbeat")
        log.append(ALERT, alert, actor="airbeat")
    alerts = page.locator("#alerts li")
    expect(alerts).to_have_count(2, timeout=PATIENT_MS)
    expect(alerts.nth(0)).to_contain_text("⬢gathering at <b>gate</b>: alert raised to red")
    expect(alerts.nth(1)).to_contain_text("◎new candidate C778, score 0.65")
    assert page.locator("#alerts b").count() == 0
    assert page.locator("#alerts").get_attribute("data-sounded") is None, "it was muted"
    page.click("#sound")
    with OperationsLog(hillside / "operations.sqlite") as log:
        log.append("candidate.found", found | {"candidate": "C779", "score": 0.9}, actor="airbeat")
    expect(page.locator("#alerts")).to_have_attribute("data-sounded", "1", timeout=PATIENT_MS)
    page.reload()
    expect(page.locator("#log li").first).to_contain_text("C779", timeout=PATIENT_MS)
    expect(page.locator("#alerts li")).to_have_count(0)
    assert complaints == []


def test_distances_are_measured_and_base_maps_come_from_files(
    console: Any, at_map: Any, hillside: Path, tmp_path: Path
) -> None:
    expect = sync_api.expect
    stream = BytesIO()
    Image.new("RGB", (256, 256), "palegreen").save(stream, "PNG")
    with sqlite3.connect(tmp_path / "forest.mbtiles") as file:
        file.executescript(
            "CREATE TABLE metadata (name, value); INSERT INTO metadata VALUES ('name', '<i>Forest</i>'),"
            "('attribution', '<a href=\"https://elsewhere.test/\">mappers</a>');"
            "CREATE TABLE tiles (zoom_level, tile_column, tile_row, tile_data);"
        )
        x, y = int((8.7312 + 180) / 360 * 2**10), 2**10 - 1 - 350
        rows = [(10, x + dx, y + dy, stream.getvalue()) for dx in range(-3, 4) for dy in range(-40, 41)]
        file.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)
    file.close()
    link, _ = console(hillside, "--plan", str(MISSION), "--base", str(tmp_path / "forest.mbtiles"))
    page, complaints = at_map(link)
    expect(page.locator(".base-tile img.leaflet-tile-loaded").first).to_be_attached(timeout=PATIENT_MS)
    expect(page.locator(".leaflet-control-attribution")).to_have_text("mappers")
    page.hover(".leaflet-control-layers")
    page.get_by_label("graticule only").check()
    expect(page.locator(".base-tile img")).to_have_count(0)
    page.mouse.move(480, 600)
    page.click("#measure")
    expect(page.locator("#measured")).to_have_text("press the map at the first place")
    page.mouse.click(150, 300)
    page.mouse.click(450, 300)
    expect(page.locator("#measured")).to_have_text(re.compile(r"^\d+ m at 090°$"))
    page.mouse.click(450, 500)
    expect(page.locator("#measured")).to_have_text(re.compile(r"^\d+ m in all; last leg \d+ m at 180°$"))
    page.click("#measure")
    expect(page.locator("#measured")).to_have_text("")
    assert complaints == []


def test_a_console_that_is_gone_makes_every_vehicle_stale(console: Any, at_map: Any, hillside: Path) -> None:
    expect = sync_api.expect
    with vehicle_at_home(1.0) as vehicle:
        link, process = console(hillside, "--vehicle", f"D1={vehicle.url}")
        page, _ = at_map(link)
        card = page.locator("#vehicles li")
        expect(card).to_contain_text("heard", timeout=PATIENT_MS)
        process.kill()
        process.wait()
        expect(page.locator("#link-state")).to_have_text("⚠ NO WORD FROM THE CONSOLE", timeout=PATIENT_MS)
        expect(card).to_contain_text("⚠ STALE", timeout=PATIENT_MS)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1024, 768)])
def test_everything_is_reachable_on_a_laptop_and_on_a_tablet(
    console: Any, at_map: Any, hillside: Path, width: int, height: int
) -> None:
    link, _ = console(
        hillside, "--plan", str(MISSION), "--case", str(CASE), "--vehicle", "D1=tcp:127.0.0.1:9"
    )
    page, complaints = at_map(
        link, viewport={"width": width, "height": height}, has_touch=width < 1100, is_mobile=width < 1100
    )
    sync_api.expect(page.locator("#vehicles li")).to_contain_text("⚠ NEVER HEARD", timeout=PATIENT_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.documentElement.scrollHeight") <= height
    for name in ("#follow", "#fit", "#measure", "#sound", "#print", "#map"):
        box = page.locator(name).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["height"] >= (40 if width < 1100 else 30)
    page.locator("#scales").scroll_into_view_if_needed()
    assert page.locator("#scales").is_visible()
    assert complaints == []
