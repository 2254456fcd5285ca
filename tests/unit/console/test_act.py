"""Planning, exporting and flying from the pages: what is refused, what is kept, and who must say yes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from airbeat.checks.findings import Finding, Severity
from airbeat.console.actstate import Act
from airbeat.console.app import Console
from airbeat.console.desk import Desk
from airbeat.console.guard import CSRF_HEADER, MAX_BODY_BYTES
from airbeat.console.sessions import Sessions
from airbeat.flight.planned import PlannedMission, planned
from airbeat.formats.catalogue import FORMATS
from airbeat.formats.files import read_plan_file
from airbeat.mission.loader import load_mission
from airbeat.ops.log import OperationsLog
from airbeat.planning.plan import plan_mission

ROOT = Path(__file__).resolve().parents[3]
DEMO = ROOT / "missions" / "demo-hillside.yaml"
UNITS = ROOT / "missions" / "units" / "school-runs.yaml"
HOST = "127.0.0.1:8631"
PATIENT_S = 240.0
CONTROL = {
    "/api/act/upload": {"plan": "plan-1", "vehicle": "embedded"},
    "/api/act/fly": {"plan": "plan-1", "vehicle": "embedded"},
    "/api/act/answer": {"job": "job-1", "word": "embedded"},
    "/api/act/order": {"job": "job-1", "wish": "land"},
    "/api/act/dispatch": {"candidate": "C001"},
}
OTHERS = {
    "/api/act/read": {},
    "/api/act/open/plan-1": {},
    "/api/act/fence": {"drawing": {}},
    "/api/act/plan": {"drawing": {}, "choices": {}},
    "/api/act/export": {"plan": "plan-1", "format": "plan"},
    "/api/act/look": {"candidate": "C001"},
    "/api/act/search": {},
    "/api/act/cancel": {"job": "job-1"},
}
SPOT = {"lat": 49.3950, "lon": 8.7310}


@pytest.fixture
def console(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Console]:
    """A console on an empty folder; ``control`` and ``units`` by indirect parameters."""
    wanted: dict[str, Any] = getattr(request, "param", {})
    folder = tmp_path / "operation"
    folder.mkdir()
    with OperationsLog(folder / "operations.sqlite") as log:
        desk = Desk(folder, None, log, second_look=False)
        act = Act(
            desk,
            load_plan=lambda path: plan_mission(load_mission(path)),
            control=wanted.get("control", True),
            units=wanted.get("units"),
            vehicles={"D1": "tcp:127.0.0.1:1"},
        )
        yield Console(
            desk=desk,
            sessions=Sessions(),
            layers=lambda: {"planned": [], "flown": [], "footprints": []},
            hosts=lambda: frozenset({HOST}),
            name="operation",
            act=act,
        )
        act.close()


def job_of(client: Any, answer: Any) -> dict[str, Any]:
    """The job that an answer began."""
    assert answer.status_code == 202, answer.text
    return next(j for j in client.get("/api/act").json()["jobs"] if j["id"] == answer.json()["job"])


def until(client: Any, answer: Any, *states: str) -> dict[str, Any]:
    """The job that an answer began, once it is in one of these states."""
    end_s = time.monotonic() + PATIENT_S
    while (job := job_of(client, answer))["state"] not in states:
        assert job["state"] in ("running", "asking"), job
        assert time.monotonic() < end_s, job
        time.sleep(0.05)
    return job


@cache
def planned_once(mission: Path) -> PlannedMission:
    """What planning a mission gives."""
    loaded = load_mission(mission)
    return planned(loaded, fence=loaded.fence)


def kept(act: Act, *, mission: Path = DEMO, failed: bool = False) -> str:
    """A plan that is there already."""
    result = planned_once(mission)
    if failed:
        found = Finding(severity=Severity.ERROR, code="x", message="it leaves the fence", remedy="draw anew")
        result = replace(result, found=((found,),))
    return act.plans.add(act.plans.new_id(), mission.read_text(), result, by="Desk A", sketch=None).id


# What is refused


@pytest.mark.parametrize("console", [{"control": False}], indirect=True)
def test_without_control_nothing_is_uploaded_flown_or_dispatched(signed, console):
    kept(console.act)
    client = signed()
    for path, body in CONTROL.items():
        answer = client.post(path, json=body)
        assert answer.status_code == 403, path
        assert "--no-control" in answer.json()["error"]
    state = client.get("/api/act").json()
    assert (state["control"], state["vehicles"], state["jobs"]) == (False, [], [])
    assert client.post("/api/act/export", json=OTHERS["/api/act/export"]).status_code == 200


def test_every_route_that_does_something_needs_the_token_of_the_session(signed, console):
    client = signed()
    token = client.headers.pop(CSRF_HEADER)
    for path, body in (CONTROL | OTHERS).items():
        for wrong in ({}, {CSRF_HEADER: ""}, {CSRF_HEADER: token[:-1]}):
            assert client.post(path, json=body, headers=wrong).status_code == 403, path
    assert console.act.jobs.all() == []


def test_a_stranger_sees_and_does_nothing(stranger):
    for path in ("/plan", "/api/act", "/api/act/plans/plan-1", "/plan-file/plan-1.plan"):
        assert stranger.get(path).status_code == 401
    for path, body in (CONTROL | OTHERS).items():
        assert stranger.post(path, json=body).status_code in (401, 403)


def test_nobody_acts_without_a_name(signed, console):
    client = signed()
    for session in console.sessions._sessions.values():
        session.name = ""
    for path, body in (CONTROL | OTHERS).items():
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "say who you are first"), path


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b" " * (MAX_BODY_BYTES + 1), "application/octet-stream", 413),
        (DEMO.read_bytes(), "application/json", 415),
        (DEMO.read_bytes(), "multipart/form-data; boundary=x", 415),
        (b"", "application/octet-stream", 422),
        (b"\xff\xd8\xff\xe0 a photograph", "application/octet-stream", 422),
        (b"PK\x03\x04", "application/octet-stream", 422),
        (b"[" * 50_000, "application/octet-stream", 422),
        (b"area: /etc/passwd", "application/octet-stream", 422),
    ],
)
def test_an_upload_that_is_too_large_or_no_mission_is_refused(signed, content, kind, status):
    answer = signed().post("/api/act/read", content=content, headers={"content-type": kind})
    assert answer.status_code == status
    assert "error" in answer.json()
    assert "Traceback" not in answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/plan-file/..%2foperations.sqlite",
        "/plan-file/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/plan-file/.",
        "/plan-file/nothing.plan",
        "/api/act/plans/..%2fplan-1",
        "/api/act/plans/%00",
        "/static/../pages/plan.html",
    ],
)
def test_no_name_leads_out_of_the_folder(signed, console, path):
    client = signed()
    kept(console.act)
    client.post("/api/act/export", json=OTHERS["/api/act/export"])
    assert client.get("/plan-file/plan-1.plan").status_code == 200
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("plan", ["..%2f..%2fx", "plan-1%00", "plan-9", "plan-1.yaml"])
def test_an_earlier_mission_is_one_of_those_in_the_folder(signed, console, plan):
    (console.desk.folder / "plans").mkdir()
    shutil.copy(DEMO, console.desk.folder / "plans" / "plan-1.yaml")
    (console.desk.folder / "plans" / "plan-x.yaml").write_text("secret")
    client = signed()
    assert client.get("/api/act").json()["earlier"] == ["plan-1"]
    assert client.post("/api/act/open/plan-1", json={}).json()["choices"]["pattern"] == "lawnmower"
    assert client.post(f"/api/act/open/{plan}", json={}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"drawing": {"area": [[[SPOT, SPOT]]]}, "choices": {}},
        {"drawing": {"area": [[[SPOT] * 2001]]}, "choices": {}},
        {"drawing": {"home": {"lat": 91, "lon": 8}}, "choices": {}},
        {"drawing": {"home": {"lat": "49", "lon": 8}}, "choices": {}},
        {"drawing": {"file": "/etc/passwd"}, "choices": {}},
        {"drawing": {}, "choices": {"height_m": -1}},
        {"drawing": {}, "choices": {"speed_m_s": 1e9}},
        {"drawing": {}, "choices": {"name": "x" * 101}},
        {"drawing": {}},
    ],
)
def test_what_is_no_drawing_is_refused(signed, console, body):
    answer = signed().post("/api/act/plan", json=body)
    assert answer.status_code == 400
    assert console.act.jobs.all() == []


def test_kept_blocks_of_a_file_that_was_forgotten_are_not_silently_left_out(signed):
    body = {"drawing": {}, "choices": {}, "kept": "file-7"}
    answer = signed().post("/api/act/plan", json=body)
    assert (answer.status_code, "load it again" in answer.json()["error"]) == (409, True)


@pytest.mark.parametrize(
    "address",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "tcp:",
        "tcp:a b:1",
        "/dev/../etc/passwd",
        "csv:x",
        "flight.tlog",
        "/dev/sda",
    ],
)
def test_what_is_no_vehicle_s_address_is_not_opened(signed, console, address):
    plan = kept(console.act)
    answer = signed().post("/api/act/upload", json={"plan": plan, "vehicle": address})
    assert answer.status_code in (400, 422)
    assert console.act.jobs.all() == []


def test_a_plan_with_errors_is_neither_exported_nor_uploaded_nor_flown(signed, console):
    plan = kept(console.act, failed=True)
    client = signed()
    answer = client.post("/api/act/export", json={"plan": plan, "format": "kml"})
    assert (answer.status_code, "it leaves the fence" in answer.json()["error"]) == (422, True)
    done = until(client, client.post("/api/act/upload", json={"plan": plan, "vehicle": "D1"}), "failed")
    assert done["error"].startswith("not uploaded: the checks found 1 error: it leaves the fence")
    flown = until(client, client.post("/api/act/fly", json={"plan": plan, "vehicle": "D1"}), "failed")
    assert flown["error"].startswith("not flown: the checks found 1 error")
    assert not (console.desk.folder / "exports").exists()


def test_no_vehicle_takes_the_name_of_the_simulated_one(console):
    from airbeat.errors import UsageError

    with pytest.raises(UsageError, match="no vehicle can be called embedded"):
        Act(console.desk, load_plan=lambda _path: None, vehicles={"embedded": "tcp:127.0.0.1:1"})


def test_a_file_that_kills_who_reads_it_does_not_kill_the_console(signed, monkeypatch):
    from airbeat.console import actwork

    monkeypatch.setattr(actwork, "_read", killed)
    answer = signed().post(
        "/api/act/read", content=b"PK\x03\x04", headers={"content-type": "application/octet-stream"}
    )
    assert (answer.status_code, "died" in answer.json()["error"]) == (422, True)


def killed(_content: bytes, _told: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# What is done


def test_an_uploaded_mission_is_planned_as_the_command_line_plans_it(signed, console):
    client = signed()
    read = client.post(
        "/api/act/read", content=DEMO.read_bytes(), headers={"content-type": "application/octet-stream"}
    ).json()
    assert read["keeps"] == ["last_seen", "rally"]
    body = {"drawing": read["drawing"], "choices": read["choices"], "kept": read["kept"]}
    result = until(client, client.post("/api/act/plan", json=body), "done")["result"]
    assert result == {"plan": "plan-1", "ok": True}
    loaded = load_mission(DEMO)
    expected = planned(loaded, fence=loaded.fence)
    ours = console.act.plans.find("plan-1").mission
    assert ours.plan.items == expected.plan.items
    assert ours.plan.fence == expected.plan.fence
    shown = client.get("/api/act/plans/plan-1").json()
    assert [f["message"] for f in shown["findings"]] == [f.message for f in expected.findings]
    assert len(shown["footprints"]) == expected.plan.estimate.photos
    assert ["photographs", str(expected.plan.estimate.photos)] in shown["rows"]
    again = load_mission(console.desk.folder / "plans" / "plan-1.yaml")
    assert plan_mission(again).items == expected.plan.items
    event = console.desk.log.events()[-1]
    assert (event.kind, event.actor, event.payload["files"][0]["file"]) == (
        "mission.planned",
        "Desk K",
        "plan-1.yaml",
    )


def test_every_format_is_exported_with_what_it_does_not_hold(signed, console):
    plan = kept(console.act)
    client = signed()
    for known in FORMATS:
        answer = client.post("/api/act/export", json={"plan": plan, "format": known.key})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["file"] == f"plan-1{known.suffixes[0]}"
        file = client.get(f"/plan-file/{found['file']}")
        assert file.headers["content-disposition"] == "attachment"
        assert file.headers["content-type"] == "application/octet-stream"
        assert bool(found["losses"]) == (
            not known.holds >= {"items", "fence", "rally", "home", "last-seen"}
        ), known
    (console.desk.folder / "copy.plan").write_bytes(client.get("/plan-file/plan-1.plan").content)
    assert (
        read_plan_file(console.desk.folder / "copy.plan").items
        == console.act.plans.find(plan).mission.plan.items
    )
    assert [e.kind for e in console.desk.log.events()] == ["mission.exported"] * len(FORMATS)


def test_planning_that_cannot_be_done_says_why_and_the_log_knows(signed, console):
    ring = [SPOT, {"lat": 49.3951, "lon": 8.7310}, {"lat": 49.3951, "lon": 8.7312}]
    body = {
        "drawing": {"area": [[ring]], "home": {"lat": 50.5, "lon": 8.7}},
        "choices": {"camera": "embedded-12mp", "airframe": "arducopter-quad", "height_m": 60.0},
    }
    client = signed()
    job = until(client, client.post("/api/act/plan", json=body), "failed")
    assert "km from home" in job["error"]
    assert "plan-1.yaml:" not in job["error"]
    assert client.get("/api/act").json()["plans"] == []
    assert console.desk.log.events()[-1].kind == "act.failed"
    client.cookies.set("airbeat-language", "zh_CN")
    assert "离起飞点" in client.get("/api/act").json()["jobs"][0]["error"]
    nothing = client.post("/api/act/plan", json={"drawing": {}, "choices": {}})
    assert (nothing.status_code, "请先绘制一个区域" in nothing.json()["error"]) == (422, True)


def test_a_flight_on_the_embedded_vehicle_begins_with_a_typed_name_and_ends_as_ordered(
    signed, console, tmp_path
):
    mission = tmp_path / "hop.yaml"
    mission.write_text(
        "airbeat: 1\nkind: waypoints\nname: Hop\nhome: {lat: 49.3950, lon: 8.7310}\n"
        "height: {value_m: 20, datum: home}\nspeed_m_s: 5\ncamera: embedded-12mp\nairframe: arducopter-quad\n"
        "waypoints:\n  points: [{lat: 49.3955, lon: 8.7310, dwell_s: 120}, {lat: 49.3955, lon: 8.7315}]\n"
    )
    plan = kept(console.act, mission=mission)
    client, other = signed("Desk A"), signed("Desk K")
    body = {"plan": plan, "vehicle": "embedded", "speedup": 20.0}
    fly = client.post("/api/act/fly", json=body)
    asked = until(client, fly, "asking")
    assert asked["question"]["word"] == "embedded"
    assert asked["question"]["upload"]["verified"]
    assert client.post("/api/act/upload", json=body).status_code == 409  # one at a time
    wrong = client.post("/api/act/answer", json={"job": asked["id"], "word": "yes"})
    assert (wrong.status_code, "type embedded to confirm" in wrong.json()["error"]) == (400, True)
    client.post("/api/act/answer", json={"job": asked["id"], "word": ""})
    assert "not confirmed: nothing was armed" in until(client, fly, "failed")["error"]
    assert "flight.begun" not in [e.kind for e in console.desk.log.events()]

    fly = client.post("/api/act/fly", json=body)
    asked = until(client, fly, "asking")
    assert other.post("/api/act/answer", json={"job": asked["id"], "word": "embedded"}).json()["confirmed"]
    end_s = time.monotonic() + PATIENT_S
    while (job_of(client, fly)["live"].get("height_m") or 0.0) < 15.0:
        assert time.monotonic() < end_s, job_of(client, fly)
        time.sleep(0.05)
    (seen,) = console.act.fleet.states()
    assert (seen["name"], seen["kind"], seen["mode"]) == ("embedded", "embedded vehicle", "AUTO")
    assert client.post("/api/act/cancel", json={"job": asked["id"]}).status_code == 409
    assert client.post("/api/act/order", json={"job": asked["id"], "wish": "jump"}).status_code == 400
    assert client.post("/api/act/order", json={"job": asked["id"], "wish": "return"}).status_code == 200
    done = until(client, fly, "done")["result"]
    assert done["outcome"] == "interrupted"
    assert "this station told it to" in done["explanation"]
    assert (done["landed"], done["may_go_on"]) == (True, True)
    assert client.post("/api/act/order", json={"job": asked["id"], "wish": "land"}).status_code == 409
    who = {e.kind: e.actor for e in console.desk.log.events()}
    assert (who["flight.confirmed"], who["flight.ordered"], who["flight.ended"]) == (
        "Desk K",
        "Desk A",
        "Desk A",
    )
    assert console.act.fleet.states() == []  # it has landed, and nobody listens to it any more
    assert console.desk.log.verify() > 5
    assert len(console.act.flights.records()) == 1

    rest = client.post("/api/act/fly", json=body | {"resume": True})
    asked = until(client, rest, "asking")
    assert asked["question"]["items"] > 0
    client.post("/api/act/answer", json={"job": asked["id"], "word": ""})
    until(client, rest, "failed")


def test_a_console_that_ends_stops_watching_a_flight_and_names_it(console):
    def work(job):
        while job.take_order() != "leave":
            job.live({"flying": True})
            time.sleep(0.01)
        return {"left": True}

    act = console.act
    jobs = [act.jobs.begin("fly", v, by="x", work=work, vehicle=v) for v in ("D1", "embedded")]
    end_s = time.monotonic() + PATIENT_S
    for job in jobs:
        assert job.answer(yes=True, by="x") is False
        job.hold_on()
        while not job.to_json()["live"].get("flying"):
            assert time.monotonic() < end_s
            time.sleep(0.01)
    assert act.flying() == ["D1"]
    act.close()
    assert [job.to_json()["result"] for job in jobs] == [{"left": True}] * 2
    assert act.flying() == []


def test_a_vehicle_that_does_not_answer_is_said(signed, console, monkeypatch):
    from airbeat.console import actflight

    monkeypatch.setattr(actflight, "_HEARTBEAT_S", 1.0)
    plan = kept(console.act)
    client = signed()
    job = until(client, client.post("/api/act/upload", json={"plan": plan, "vehicle": "D1"}), "failed")
    assert "127.0.0.1:1" in job["error"]


# From a candidate


def test_an_empty_desk_fills_when_candidates_come(signed, console, search_folder):
    client = signed()
    assert client.post("/api/claim", json={}).json()["candidate"] is None
    now = client.get("/api/candidates").json()
    assert (now["candidates"], now["searched"], now["counts"]["unreviewed"]) == ([], 0, 0)
    folder = search_folder(3)
    for path in folder.iterdir():
        if path.name != "operations.sqlite":
            target = console.desk.folder / path.name
            (shutil.copytree if path.is_dir() else shutil.copy)(path, target)
    now = client.get("/api/candidates").json()
    assert [c["id"] for c in now["candidates"]] == ["C001", "C002", "C003"]
    assert now["searched"] == 3
    assert client.post("/api/claim", json={}).json()["candidate"] == "C001"


def test_a_closer_look_is_a_plan_like_any_other(signed, console, search_folder, tmp_path):
    shutil.copy(search_folder(3) / "candidates.json", console.desk.folder / "candidates.json")
    row = console.desk.results.candidates[0]
    mission = tmp_path / "flown.yaml"
    mission.write_text(
        "airbeat: 1\nkind: waypoints\nname: Flown\n"
        f"home: {{lat: {row.lat_deg + 0.0003}, lon: {row.lon_deg}}}\n"
        "height: {value_m: 50, datum: home}\nspeed_m_s: 5\ncamera: dji-p4p\nairframe: arducopter-quad\n"
        f"waypoints:\n  points: [{{lat: {row.lat_deg}, lon: {row.lon_deg}}}]\n"
    )
    client = signed()
    assert client.post("/api/act/look", json={"candidate": "C999"}).status_code == 404
    answer = client.post("/api/act/look", json={"candidate": "C001"})
    assert (answer.status_code, "plan one here" in answer.json()["error"]) == (422, True)
    console.act.mission = mission
    done = until(client, client.post("/api/act/look", json={"candidate": "C001"}), "done")
    shown = client.get(f"/api/act/plans/{done['result']['plan']}").json()
    assert shown["name"].startswith("Closer look at C001")
    assert "orbit" in (console.desk.folder / "plans" / "plan-1.yaml").read_text()


@pytest.mark.parametrize("console", [{"units": UNITS}], indirect=True)
def test_units_are_ranked_for_a_candidate_and_who_asked_is_in_the_log(signed, console, search_folder):
    results = json.loads((search_folder(1) / "candidates.json").read_text())
    results["candidates"][0] |= {"lat_deg": 47.58, "lon_deg": 7.65}
    (console.desk.folder / "candidates.json").write_text(json.dumps(results))
    client = signed()
    assert client.get("/api/act").json()["dispatch"] is True
    job = until(client, client.post("/api/act/dispatch", json={"candidate": "C001"}), "done")
    units = job["result"]["units"]
    assert {u["unit"] for u in units} == {"bicycle patrol", "drone 1", "car 12"}
    assert job["result"]["sent"] is None
    assert any(u["kind"] == "drone" and u["arrival_s"] for u in units)
    sent = client.post("/api/act/dispatch", json={"candidate": "C001", "send": True})
    assert "no drone with an address can go" in until(client, sent, "failed")["error"]
    first = console.desk.log.events()[0]
    assert (first.kind, first.actor) == ("dispatch.ranked", "Desk K")


@pytest.mark.parametrize("console", [{}], indirect=True)
def test_a_drone_is_sent_only_after_its_name_was_typed(signed, console, search_folder, tmp_path):
    from airbeat.console.actdispatch import Dispatch
    from airbeat.mission.beatloader import load_beat
    from airbeat.sim.vehicle.config import VehicleConfig
    from airbeat.sim.vehicle.server import EmbeddedVehicle

    beat = ROOT / "missions" / "beats" / "school-runs.yaml"
    results = json.loads((search_folder(1) / "candidates.json").read_text())
    results["candidates"][0] |= {"lat_deg": 47.58, "lon_deg": 7.65}
    (console.desk.folder / "candidates.json").write_text(json.dumps(results))
    pad = load_beat(beat).drones[0][0].position
    with EmbeddedVehicle(VehicleConfig(home=pad, speedup=5.0)) as vehicle:
        units = tmp_path / "units.yaml"
        units.write_text(
            f"airbeat: 1\nkind: units\nbeat: {beat}\ndrones: [{{name: drone 1, connect: '{vehicle.url}'}}]\n"
        )
        act = console.act
        act.dispatch = Dispatch(units, console.desk.folder, console.desk.log, act.fleet, lambda _path: None)
        client = signed()
        sent = client.post("/api/act/dispatch", json={"candidate": "C001", "send": True})
        asked = until(client, sent, "asking")
        assert asked["question"]["word"] == "drone 1"
        assert "may it arm, take off and go there now?" in asked["question"]["words"]
        client.post("/api/act/answer", json={"job": asked["id"], "word": ""})
        assert "drone 1 was not sent" in until(client, sent, "failed")["error"]
        assert not vehicle.armed
    kinds = [e.kind for e in console.desk.log.events()]
    assert kinds == ["dispatch.ranked", "dispatch.failed", "act.failed"]


def test_a_search_does_not_replace_what_another_search_found(signed, console, search_folder):
    shutil.copy(search_folder(3) / "candidates.json", console.desk.folder / "candidates.json")
    client = signed()
    job = until(client, client.post("/api/act/search", json={}), "failed")
    assert "holds what a search of" in job["error"]
    assert len(console.desk.results.candidates) == 3


# The pages


def test_the_plan_page_asks_nothing_of_any_other_address_and_runs_nothing_inline(signed):
    client = signed()
    page = client.get("/plan").text
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", page)
    for name in (
        "plan.js",
        "plan-draw.js",
        "plan-show.js",
        "plan-fly.js",
        "plan-ask.js",
        "desk-act.js",
        "plan.css",
    ):
        text = client.get(f"/static/{name}").text
        assert not re.search(r"https?:", text), name
        assert "innerHTML" not in text, name
