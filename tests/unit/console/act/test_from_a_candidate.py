"""From a candidate: a closer look is planned, and the nearest drone is sent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
UNITS = ROOT / "missions" / "units" / "school-runs.yaml"


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


def test_a_closer_look_is_a_plan_like_any_other(signed, console, search_folder, tmp_path, until):
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
def test_units_are_ranked_for_a_candidate_and_who_asked_is_in_the_log(signed, console, search_folder, until):
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
def test_a_drone_is_sent_only_after_its_name_was_typed(signed, console, search_folder, tmp_path, until):
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


def test_a_search_does_not_replace_what_another_search_found(signed, console, search_folder, until):
    shutil.copy(search_folder(3) / "candidates.json", console.desk.folder / "candidates.json")
    client = signed()
    job = until(client, client.post("/api/act/search", json={}), "failed")
    assert "holds what a search of" in job["error"]
    assert len(console.desk.results.candidates) == 3
