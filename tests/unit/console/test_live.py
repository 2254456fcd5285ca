"""The live map's answers: vehicles, candidates, the case, base maps, and all of it as it changes."""

from __future__ import annotations

import dataclasses
import io
import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from starlette.testclient import TestClient

from airbeat.cli.main import cli
from airbeat.console.app import console_app
from airbeat.console.basemap import Shelf, open_base
from airbeat.console.casemap import CaseMap
from airbeat.console.fleet import VehicleKind, VehicleState
from airbeat.console.live import Live
from airbeat.errors import InputFileError, UsageError
from airbeat.flight.crowds import ALERT
from airbeat.geo.coordinates import LatLon

MISSIONS = Path(__file__).parents[3] / "missions"
PATHS = [
    "/map",
    "/api/live",
    "/api/live/candidates",
    "/api/live/events",
    "/api/case",
    "/api/bases",
    "/base/0/0/0/0",
    "/picture/case/poa",
]


@pytest.fixture
def opened(console):
    """Call with what the live map shows and the console's other fields: a browser that is signed in."""

    def sign(live: Live = console.live, **others) -> TestClient:
        changed = dataclasses.replace(console, live=live, **others)
        client = TestClient(console_app(changed), base_url="http://127.0.0.1:8631", follow_redirects=False)
        assert client.get(f"/enter?token={console.sessions.link()}").status_code == 303
        return client

    return sign


def told_once(opened, live: Live, after: str, **headers: str) -> dict:
    """The first event of the stream, which ends behind it."""
    asked = iter([False, True])
    client = opened(live, ending=lambda: next(asked))
    answer = client.get(f"/api/live/events?after={after}", headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    number, data = answer.text.strip().split("\n")
    return {"id": number.removeprefix("id: ")} | json.loads(data.removeprefix("data: "))


@pytest.mark.parametrize("path", PATHS)
def test_without_a_session_the_live_map_shows_nothing(stranger, path):
    assert stranger.get(path).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_the_live_map_carries_the_guard_of_the_whole_console(opened, path):
    answer = opened(ending=lambda: True).get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_has_no_script_or_style_of_its_own(opened):
    page = opened().get("/map").text
    assert 'src="/static/live.js"' in page
    assert "style=" not in page
    assert page.count("<script") == 1


def test_vehicles_are_told_with_their_tracks_and_then_without(opened, console):
    live = Live()
    live.fleet.heard("D1", VehicleState(kind=VehicleKind.EMBEDDED, position=LatLon(lat_deg=51, lon_deg=8)))
    now = opened(live).get("/api/live").json()
    assert now["vehicles"][0]["track"] == [[8, 51]]
    event = told_once(opened, live, "0-0")
    assert (event["id"], event["vehicles"][0]["name"], "track" in event["vehicles"][0]) == (
        "0-0",
        "D1",
        False,
    )


def test_events_and_footprints_are_told_once_and_go_on_where_a_browser_left(opened, console):
    import shapely

    live = Live()
    for number in range(3):
        live.fleet.photographed("D1", shapely.box(8.0, 51.0 + number, 8.1, 51.1 + number))
    found = {"candidate": "C013", "score": 0.7, "lat_deg": None, "looks": 1, "ce90_m": None, "lon_deg": None}
    console.desk.log.append("candidate.found", found, actor="airbeat")
    alert = {"zone": "gate", "colour": "red", "what": "raised", "persons": 200.0}
    console.desk.log.append(ALERT, alert, actor="airbeat")
    event = told_once(opened, live, "0-0", **{"last-event-id": "1-2"})
    assert event["id"] == "2-3"
    assert [f["properties"]["number"] for f in event["footprints"]] == [3]
    (said,) = event["said"]
    assert {k: said[k] for k in ("zone", "colour", "what")} == {
        "zone": "gate",
        "colour": "red",
        "what": "raised",
    }
    first = told_once(opened, live, "0-3")["said"][0]
    assert (first["kind"], first["candidate"], first["score"]) == ("candidate.found", "C013", 0.7)
    assert told_once(opened, live, "2-3")["said"] == []


@pytest.mark.parametrize("after", ["x", "1", "-1-0", "0-x", "²-0", "0--1", ""])
def test_a_stream_that_begins_nowhere_is_refused(opened, after):
    assert opened().get("/api/live/events", params={"after": after}).status_code == 404


@pytest.mark.parametrize("console", [{"second_look": True}], indirect=True)
def test_who_watches_a_blind_review_learns_no_verdict(opened, signed, console):
    first = signed("Desk A")
    body = {"candidate": "C001", "verdict": "person", "seen_event": 0, "note": "waving"}
    assert first.post("/api/decide", json=body).status_code == 200
    client = opened()
    row = client.get("/api/live/candidates").json()["candidates"][0]
    assert (row["verdict"], row["decision"]) == (None, None)
    said = client.get("/api/live").json()["said"]
    assert [event["words"] for event in said] == ["C001 is decided on"]
    assert "person" not in json.dumps(said)


def test_candidates_are_shown_with_their_verdicts_to_who_has_not_said_a_name(opened, signed):
    body = {"candidate": "C002", "verdict": "clue", "seen_event": 0}
    signed().post("/api/decide", json=body)
    rows = opened().get("/api/live/candidates").json()["candidates"]
    assert {r["id"]: r["verdict"] for r in rows}["C002"] == "clue"


def test_without_a_case_or_a_base_map_there_is_none(opened):
    client = opened()
    assert client.get("/api/case").json() is None
    assert client.get("/picture/case/poa").status_code == 404
    assert client.get("/api/bases").json() == {"bases": []}
    assert client.get("/base/0/0/0/0").status_code == 204


def test_a_case_is_told_in_numbers_and_two_pictures(opened):
    case = CaseMap(MISSIONS / "cases" / "koenigstuhl-walker.yaml")
    try:
        client = opened(Live(case=case))
        assert client.get("/api/live").json()["case"] == 1
        about = client.get("/api/case").json()
        assert about["note"].startswith("No ground is cleared")
        assert {"name", "pod_low", "pod_high", "gap", "poa_after"} <= set(about["segments"][0]["properties"])
        for name in ("poa", "pod"):
            answer = client.get(f"/picture/case/{name}")
            assert answer.headers["content-type"] == "image/png"
            assert Image.open(io.BytesIO(answer.content)).mode == "RGBA"
        assert client.get("/picture/case/other").status_code == 404
    finally:
        case.close()


def test_tiles_come_from_the_files_and_wrong_numbers_get_nothing(opened, tmp_path):
    stream = io.BytesIO()
    Image.new("RGB", (256, 256), "navy").save(stream, "PNG")
    with sqlite3.connect(tmp_path / "sea.mbtiles") as file:
        file.executescript(
            "CREATE TABLE metadata (name, value); INSERT INTO metadata VALUES ('name', '<b>Sea</b>');"
            "CREATE TABLE tiles (zoom_level, tile_column, tile_row, tile_data);"
        )
        file.executemany(
            "INSERT INTO tiles VALUES (?, ?, ?, ?)", [(0, 0, 0, stream.getvalue()), (1, 0, 0, b"x")]
        )
    file.close()
    shelf = Shelf([open_base(tmp_path / "sea.mbtiles")])
    client = opened(Live(bases=shelf))
    (base,) = client.get("/api/bases").json()["bases"]
    assert (base["name"], base["max_zoom"]) == ("Sea", 1)
    tile = client.get("/base/0/0/0/0")
    assert (tile.content, tile.headers["content-type"]) == (stream.getvalue(), "image/png")
    assert client.get("/base/0/1/0/1").status_code == 404
    assert client.get("/base/0/1/0/0").status_code == 204
    for wrong in ("0/0/0/1", "9/0/0/0", "0/99/0/0", "0/1/99999999999999999999/0"):
        assert client.get(f"/base/{wrong}").status_code == 204
    for wrong in ("-1/0/0/0", "a/0/0/0", "0/0/0/0.png", "0/../0/0"):
        assert client.get(f"/base/{wrong}").status_code == 404
    shelf.close()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (["--base", "{dir}/x.mbtiles"], InputFileError, "is no base map"),
        (["--case", "{dir}"], InputFileError, "holds no case"),
        (["--vehicle", "pigeon"], UsageError, "no vehicle address"),
        (["--vehicle", "tcp:h:1", "--vehicle", "D2=tcp:h:1"], UsageError, "there already"),
    ],
)
def test_what_cannot_be_shown_is_refused_before_the_console_begins(
    search_folder, tmp_path, options, error, words
):
    (tmp_path / "x.mbtiles").write_text("hello")
    named = [option.format(dir=tmp_path) for option in options]
    folder = search_folder(1)
    done = CliRunner().invoke(cli, ["console", str(folder), "--port", "0", *named], standalone_mode=False)
    assert isinstance(done.exception, error)
    assert words in str(done.exception)
