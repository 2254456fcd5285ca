"""Planning, exporting and flying from the pages: what is kept, and who must say yes."""

from __future__ import annotations

import re
import time
from pathlib import Path

from airbeat.flight.planned import planned
from airbeat.formats.catalogue import FORMATS
from airbeat.formats.files import read_plan_file
from airbeat.mission.loader import load_mission
from airbeat.planning.plan import plan_mission

DEMO = Path(__file__).resolve().parents[4] / "missions" / "demo-hillside.yaml"
PATIENT_S = 240.0
SPOT = {"lat": 49.3950, "lon": 8.7310}


def test_an_uploaded_mission_is_planned_as_the_command_line_plans_it(signed, console, until):
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


def test_every_format_is_exported_with_what_it_does_not_hold(signed, console, kept):
    plan = kept()
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


def test_planning_that_cannot_be_done_says_why_and_the_log_knows(signed, console, until):
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
    signed, console, *, tmp_path, until, job_of, kept
):
    mission = tmp_path / "hop.yaml"
    mission.write_text(
        "airbeat: 1\nkind: waypoints\nname: Hop\nhome: {lat: 49.3950, lon: 8.7310}\n"
        "height: {value_m: 20, datum: home}\nspeed_m_s: 5\ncamera: embedded-12mp\nairframe: arducopter-quad\n"
        "waypoints:\n  points: [{lat: 49.3955, lon: 8.7310, dwell_s: 120}, {lat: 49.3955, lon: 8.7315}]\n"
    )
    plan = kept(mission=mission)
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


def test_a_vehicle_that_does_not_answer_is_said(signed, console, monkeypatch, until, kept):
    from airbeat.console import actflight

    monkeypatch.setattr(actflight, "_HEARTBEAT_S", 1.0)
    plan = kept()
    client = signed()
    job = until(client, client.post("/api/act/upload", json={"plan": plan, "vehicle": "D1"}), "failed")
    assert "127.0.0.1:1" in job["error"]


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
