"""Several people review at once: no work twice, nothing lost, a second look that does not know the first."""

from __future__ import annotations

import json
import threading

import cv2
import numpy as np
import pytest

from airbeat.errors import UsageError
from airbeat.ops.claims import CLAIM_S


def decided(client, candidate, verdict, **more):
    body = {"candidate": candidate, "verdict": verdict, "seen_event": 0} | more
    return client.post("/api/decide", json=body)


def test_a_decision_is_counted_and_the_next_candidate_comes_with_the_answer(signed, console):
    client = signed()
    assert client.post("/api/claim", json={}).json()["candidate"] == "C001"
    answer = decided(client, "C001", "person", order="score", note=" waving ").json()
    assert answer == {"event": 1, "next": "C002", "ahead": [], "claimed_s": CLAIM_S}
    now = client.get("/api/candidates").json()
    assert now["counts"]["person"] == 1
    assert now["counts"]["unreviewed"] == 11
    assert now["candidates"][0]["decision"]["note"] == "waving"
    assert console.desk.log.verify() == 1
    assert console.desk.log.events()[0].actor == "Desk K"


def test_two_reviewers_are_given_different_candidates_until_a_claim_ends(signed, console):
    first, second = signed("Desk A"), signed("Desk K")
    assert first.post("/api/claim", json={}).json()["candidate"] == "C001"
    assert second.post("/api/claim", json={}).json()["candidate"] == "C002"
    rows = {r["id"]: r["claimed_by"] for r in second.get("/api/candidates").json()["candidates"]}
    assert (rows["C001"], rows["C002"], rows["C003"]) == ("Desk A", None, None)
    claims = console.desk.log.claims
    assert claims.held(now_s=10e9) == {}
    import time

    later = time.time() + CLAIM_S + 1
    assert claims.take_first(["C001", "C002"], reviewer="Desk C", now_s=later) == "C001"


def test_the_nearest_place_may_come_next(signed):
    client = signed()
    assert client.post("/api/claim", json={"order": "place", "after": "C008"}).json()["candidate"] == "C008"
    assert decided(client, "C008", "no", order="place").json()["next"] in {"C001", "C007", "C009"}


def test_a_desk_may_hold_what_comes_after_the_next_and_keeps_what_it_was_promised(signed):
    first, second = signed("Desk A"), signed("Desk K")
    ahead = {"ahead": 2}
    answer = first.post("/api/claim", json=ahead).json()
    assert (answer["candidate"], answer["ahead"]) == ("C001", ["C002", "C003"])
    assert second.post("/api/claim", json={}).json()["candidate"] == "C004"
    answer = decided(first, "C001", "no", order="score", keep=["C003", "C002", "C004"], **ahead).json()
    assert (answer["next"], answer["ahead"]) == ("C003", ["C002", "C005"])
    assert first.post("/api/claim", json=ahead | {"keep": ["C001"]}).json()["candidate"] == "C002"
    assert first.post("/api/claim", json={"ahead": 5}).status_code == 400
    assert first.post("/api/claim", json={"keep": ["C001"] * 5}).status_code == 400


def test_a_decision_that_is_kept_is_said_to_be_although_no_next_one_can_be_claimed(
    signed, console, monkeypatch
):
    def full(*_words, **_named):
        raise UsageError("the log cannot be used: no room", remedy="make room")

    client = signed()
    monkeypatch.setattr(type(console.desk.log.claims), "take", full)
    answer = decided(client, "C001", "person", order="score")
    assert (answer.status_code, answer.json()) == (200, {"event": 1})
    assert [e.payload["candidate"] for e in console.desk.log.events()] == ["C001"]


def test_who_decides_on_what_another_decided_meanwhile_is_told_and_may_insist(signed):
    first, second = signed("Desk A"), signed("Desk K")
    assert decided(first, "C001", "no").status_code == 200
    answer = decided(second, "C001", "person")
    assert answer.status_code == 409
    assert answer.json()["now"]["reviewer"] == "Desk A"
    assert decided(second, "C001", "person", despite=True).status_code == 200
    row = first.get("/api/candidates").json()["candidates"][0]
    assert (row["verdict"], row["disputed"]) == ("person", True)


def test_everybody_undoes_only_what_is_their_own(signed):
    first, second = signed("Desk A"), signed("Desk K")
    decided(first, "C001", "no")
    assert second.post("/api/undo", json={"candidate": "C001"}).status_code == 404
    assert first.post("/api/undo", json={"candidate": "C001"}).status_code == 200
    assert first.get("/api/candidates").json()["counts"]["unreviewed"] == 12


@pytest.mark.parametrize("console", [{"second_look": True}], indirect=True)
def test_a_second_look_does_not_know_the_first(signed):
    first, second = signed("Desk A"), signed("Desk K")
    decided(first, "C001", "no", note="a stone")
    seen = second.get("/api/candidates")
    row = seen.json()["candidates"][0]
    assert (row["verdict"], row["decision"], row["open"]) == (None, None, True)
    assert "a stone" not in seen.text
    assert seen.json()["counts"]["unreviewed"] == 11
    assert second.post("/api/claim", json={}).json()["candidate"] == "C001"
    decided(second, "C001", "person")
    for client in (first, second):
        row = client.get("/api/candidates").json()["candidates"][0]
        assert (row["disputed"], row["open"]) == (True, False)
    third = signed("Desk C")
    assert third.post("/api/claim", json={}).json()["candidate"] == "C002"


def test_decisions_of_many_threads_are_all_kept(signed, console):
    clients = [signed(f"reviewer {n}") for n in range(4)]
    statuses: list[int] = []

    def review(client):
        while (candidate := client.post("/api/claim", json={}).json()["candidate"]) is not None:
            statuses.append(decided(client, candidate, "no").status_code)

    threads = [threading.Thread(target=review, args=(c,)) for c in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = console.desk.log.events()
    assert statuses == [200] * 12
    assert sorted(e.payload["candidate"] for e in events) == [f"C{n:03d}" for n in range(1, 13)]


def test_pictures_are_those_of_the_search(signed, console):
    client = signed()
    crop = client.get("/picture/crop/C001")
    assert crop.headers["content-type"] == "image/jpeg"
    assert cv2.imdecode(np.frombuffer(crop.content, np.uint8), 1).shape == (120, 120, 3)
    detail = client.get("/api/candidates/C001").json()
    assert [p["has_box"] for p in detail["places"]] == [True, False, False]
    for place in detail["places"]:
        assert 0 <= place["x_px"] <= 800
        around = client.get(f"/picture/around/{place['sha256']}", params={"x": place["x_px"], "y": 1e9})
        assert cv2.imdecode(np.frombuffer(around.content, np.uint8), 1).shape == (320, 320, 3)
    whole = client.get(f"/picture/frame/{detail['looks'][0]['sha256']}")
    assert cv2.imdecode(np.frombuffer(whole.content, np.uint8), 1).shape == (600, 800, 3)


def test_a_photograph_that_was_exchanged_is_not_shown(signed, console):
    client = signed()
    sha = client.get("/api/candidates/C001").json()["looks"][0]["sha256"]
    (console.desk.photographs / "DJI_0001.JPG").write_bytes(
        (console.desk.photographs / "DJI_0002.JPG").read_bytes()
    )
    assert client.get(f"/picture/frame/{sha}").status_code == 404


def test_a_search_that_names_files_elsewhere_shows_none_of_them(signed, console, tmp_path):
    (tmp_path / "secret.jpg").write_bytes((console.desk.photographs / "DJI_0001.JPG").read_bytes())
    path = console.desk.folder / "candidates.json"
    results = json.loads(path.read_text())
    results["candidates"][0]["crop"] = "../secret.jpg"
    results["frames"][0]["file"] = "../secret.jpg"
    path.write_text(json.dumps(results))
    desk = type(console.desk)(
        console.desk.folder, console.desk.photographs, console.desk.log, second_look=False
    )
    from airbeat.console.desk import Unknown

    with pytest.raises(Unknown):
        desk.crop("C001")
    with pytest.raises(Unknown):
        desk.frame(results["frames"][0]["sha256"])


def test_the_map_has_the_footprints_of_the_photographs(signed):
    layers = signed().get("/api/layers").json()
    assert len(layers["footprints"]) == 3
    ring = layers["footprints"][0]["geometry"]["coordinates"][0]
    assert all(abs(lon - 8) < 0.001 and abs(lat - 51) < 0.001 for lon, lat in ring)


def test_what_is_confirmed_is_handed_over_and_the_log_says_so(signed, console):
    client = signed()
    assert client.post("/api/handover", json={}).json() == {"files": [], "without_place": []}
    decided(client, "C002", "person")
    files = client.post("/api/handover", json={}).json()["files"]
    assert "sightings.gpx" in files
    assert "C002.cot.xml" in files
    gpx = client.get("/handover/sightings.gpx")
    assert gpx.headers["content-disposition"] == "attachment"
    assert b"C002" in gpx.content
    assert [e.kind for e in console.desk.log.events()] == ["review.decision", "handover.written"]
    for wrong in ("..%2fcandidates.json", "%2e%2e", "nothing.gpx"):
        assert client.get(f"/handover/{wrong}").status_code == 404


@pytest.mark.parametrize("name", ["../C001", "..", "C\\..\\x", "a/b", "", "C\n1"])
def test_a_candidate_whose_name_is_a_path_is_refused(console, name):
    from airbeat.errors import InputFileError
    from airbeat.report.searched import read_search_results

    path = console.desk.folder / "candidates.json"
    results = json.loads(path.read_text())
    results["candidates"][0]["id"] = name
    path.write_text(json.dumps(results))
    with pytest.raises(InputFileError, match=r"candidates\.0\.id"):
        read_search_results(path)
