"""Planning, exporting and flying from the pages: what is refused, and to whom."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from airbeat.console.actstate import Act
from airbeat.console.guard import CSRF_HEADER, MAX_BODY_BYTES

DEMO = Path(__file__).resolve().parents[4] / "missions" / "demo-hillside.yaml"
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


@pytest.mark.parametrize("console", [{"control": False}], indirect=True)
def test_without_control_nothing_is_uploaded_flown_or_dispatched(signed, console, kept):
    kept()
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
def test_no_name_leads_out_of_the_folder(signed, console, path, kept):
    client = signed()
    kept()
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
def test_what_is_no_vehicle_s_address_is_not_opened(signed, console, address, kept):
    plan = kept()
    answer = signed().post("/api/act/upload", json={"plan": plan, "vehicle": address})
    assert answer.status_code in (400, 422)
    assert console.act.jobs.all() == []


def test_a_plan_with_errors_is_neither_exported_nor_uploaded_nor_flown(signed, console, until, kept):
    plan = kept(failed=True)
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
