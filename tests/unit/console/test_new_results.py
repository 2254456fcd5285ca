"""Results that are written while a desk is open: they appear, and nothing that was decided is lost."""

from __future__ import annotations

import json

import pytest


def decided(client, candidate, verdict, **more):
    return client.post(
        "/api/decide", json={"candidate": candidate, "verdict": verdict, "seen_event": 0, **more}
    )


def written_anew(console, change):
    """Change ``candidates.json`` as a search does: the new one takes the place of the old one at once."""
    path = console.desk.folder / "candidates.json"
    results = json.loads(path.read_text())
    change(results["candidates"])
    new = path.with_suffix(".tmp")
    new.write_text(json.dumps(results))
    new.replace(path)


def another(candidates):
    """A thirteenth candidate, at a place in a photograph where none was."""
    look = candidates[0]["looks"][0] | {"xyxy_px": [700.0, 20.0, 716.0, 50.0]}
    candidates.append(candidates[0] | {"id": "C013", "score": 0.01, "looks": [look]})


def test_a_candidate_that_comes_while_the_desk_is_open_can_be_decided_on_and_older_decisions_stay(
    signed, console
):
    client = signed()
    assert decided(client, "C001", "person").status_code == 200
    before = client.get("/api/candidates").json()
    written_anew(console, another)
    now = client.get("/api/candidates").json()
    assert now["generation"] == before["generation"] + 1
    assert (now["counts"]["candidates"], now["counts"]["person"], now["counts"]["unreviewed"]) == (13, 1, 12)
    assert decided(client, "C013", "clue", generation=now["generation"]).status_code == 200
    assert client.get("/api/candidates/C013").json()["places"][0]["x_px"] == 708.0
    # A page that has not looked since decides on what it shows.
    assert decided(client, "C002", "no", generation=before["generation"]).status_code == 200
    assert console.desk.log.verify() == 3


def test_an_open_page_is_told_of_new_results(console):
    import asyncio

    from airbeat.console.app import _Pages

    class Connected:
        async def is_disconnected(self) -> bool:
            return False

    async def told() -> str:
        events = _Pages(console)._told_as_it_happens(Connected(), 0, console.desk.generation)  # type: ignore[arg-type]
        await anext(events)
        written_anew(console, another)
        return await anext(events)

    assert "search.written" in asyncio.run(told())


def test_the_map_shows_the_photographs_of_new_results(signed, console):
    client = signed()
    assert len(client.get("/api/layers").json()["footprints"]) == 3
    path = console.desk.folder / "candidates.json"
    results = json.loads(path.read_text())
    results["frames"].append(results["frames"][0] | {"file": "DJI_0004.JPG", "sha256": "f" * 64})
    path.write_text(json.dumps(results))
    assert len(client.get("/api/layers").json()["footprints"]) == 4


def test_a_name_that_means_another_candidate_now_is_not_decided_on_by_a_page_that_shows_the_old_one(
    signed, console
):
    client = signed()
    shown = client.get("/api/candidates").json()["generation"]
    assert decided(client, "C003", "person", generation=shown).status_code == 200

    def renumber(candidates):
        candidates[0]["id"], candidates[1]["id"] = "C002", "C001"

    written_anew(console, renumber)
    refused = decided(client, "C001", "no", generation=shown)
    assert refused.status_code == 409
    assert "another candidate" in refused.json()["error"]
    assert client.post("/api/undo", json={"candidate": "C001", "generation": shown}).status_code == 409
    rows = {r["id"]: r for r in client.get("/api/candidates").json()["candidates"]}
    assert (rows["C001"]["verdict"], rows["C003"]["verdict"]) == (None, "person")
    assert decided(client, "C001", "no", generation=shown + 1).status_code == 200
    assert decided(client, "C004", "no", generation=shown).status_code == 200


def test_results_that_cannot_be_read_are_named_and_what_was_there_can_still_be_decided_on(signed, console):
    client = signed()
    path = console.desk.folder / "candidates.json"
    whole = path.read_text()
    path.write_text(whole[:1000])
    answer = client.get("/api/candidates")
    assert answer.status_code == 500
    assert "candidates.json" in answer.json()["error"]
    assert decided(client, "C001", "person").status_code == 200
    path.write_text(whole + "\n")
    assert client.get("/api/candidates").json()["counts"]["person"] == 1


@pytest.mark.parametrize("generation", [-1, "3", 1.5])
def test_a_state_that_is_no_number_is_refused(signed, generation):
    assert decided(signed(), "C001", "no", generation=generation).status_code == 400
