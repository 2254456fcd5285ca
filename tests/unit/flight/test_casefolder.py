"""A case from its start over updates to its papers: what counts, what is refused, what survives."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from airbeat.errors import InputFileError, MissionFileError, UsageError
from airbeat.flight.casefolder import CaseFolder, start_case
from airbeat.flight.ground_searched import Shown, search_ground
from airbeat.flight.reviews import Decision, ReviewState, no_reviews, read_reviews
from airbeat.flight.searchstatus import NOT_CLEARED, status_of
from airbeat.flight.searchupdate import UpdateResult, update_case
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.case import Posture
from airbeat.report.flown import FlightFile
from airbeat.report.searched import read_search_results
from airbeat.report.searchpapers import papers_html
from airbeat.report.searchpicture import poa_classes, pod_classes
from airbeat.search.pod import exponential_pod, overall_success

CENTRE = LatLon(lat_deg=47.0, lon_deg=11.0)
FRAME = LocalFrame(CENTRE)
NOW = datetime(2026, 10, 3, 18, 0, tzinfo=UTC)
CASE = """\
airbeat: 1
kind: case
name: Test
missing: {last_known: {lat: 47.0, lon: 11.0}, category: dementia, terrain: flat}
map: {cell_m: 20, reach_m: 300, rest_of_world: 0.2}
"""
WIDTH, HEIGHT, FOCAL = 4000, 3000, 2812.5
CURVE = {
    "schema": "airbeat-detection-curve/1",
    "bins": [{"px_from": 8, "px_to": None, "persons": 100, "found": 80, "low": 0.7, "high": 0.9}],
}


def frame_row(number: int, x_m: float, y_m: float, height_m: float = 60.0, **changes: Any) -> dict[str, Any]:
    place = FRAME.to_latlon([(x_m, y_m)])[0]
    row = {
        "file": f"P{number:04d}.JPG", "sha256": f"{number:064x}", "width_px": WIDTH, "height_px": HEIGHT,
        "time_utc": (NOW + timedelta(seconds=3 * number)).isoformat(), "lat_deg": place.lat_deg,
        "lon_deg": place.lon_deg, "height_above_home_m": height_m, "gimbal_yaw_deg": 0.0,
        "gimbal_pitch_deg": -90.0, "gimbal_roll_deg": 0.0, "focal_length_px": FOCAL,
        "gsd_m_px": height_m / FOCAL, "ground_height_above_home_m": 0.0, "boxes": [],
    }  # fmt: skip
    return row | changes


def candidate(number: int, files: Sequence[str]) -> dict[str, Any]:
    return {"id": f"C{number:03d}", "lat_deg": 47.0, "lon_deg": 11.0, "ce90_m": 2.0, "score": 0.5,
            "frames_over_it": 3, "looks": [{"file": f} for f in files], "crop": ""}  # fmt: skip


@pytest.fixture
def flight(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Writes a candidates.json and a ledger.json; their paths."""

    def write(
        rows: Sequence[dict[str, Any]],
        *,
        candidates: Sequence[dict[str, Any]] = (),
        refused: Sequence[str] = (),
        taken: int | None = None,
        name: str = "out",
    ) -> tuple[Path, Path]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        document = {
            "schema": "airbeat/candidates/1",
            "detector": {"name": "Test", "threshold": 0.5},
            "frames": list(rows),
            "not_searched": [{"file": f, "reason": "truncated"} for f in refused],
            "candidates": list(candidates),
        }
        (folder / "candidates.json").write_text(json.dumps(document))
        ledger = {
            "schema": "airbeat/ledger/1", "source_sha256": "", "footprint_across_m": 85.0,
            "gaps": {"type": "MultiPolygon", "coordinates": []}, "plan_name": "Test flight",
            "counted_by": "camera feedback", "photos": len(rows) if taken is None else taken,
        }  # fmt: skip
        (folder / "ledger.json").write_text(json.dumps(ledger))
        return folder / "candidates.json", folder / "ledger.json"

    return write


@pytest.fixture
def started(tmp_path: Path) -> CaseFolder:
    (tmp_path / "case.yaml").write_text(CASE)
    return start_case(tmp_path / "case.yaml", tmp_path / "case")


def lines(count: int = 5, step_m: float = 40.0) -> list[dict[str, Any]]:
    """Photographs along one line through the middle of the map."""
    return [frame_row(k, (k - count // 2) * step_m, 0.0) for k in range(count)]


def update(
    case: CaseFolder,
    paths: tuple[Path, Path],
    *,
    looked: Sequence[str] | None = None,
    review: ReviewState | None = None,
    force: bool = False,
) -> UpdateResult:
    names = [r.file for r in read_search_results(paths[0]).frames] if looked is None else looked
    return update_case(
        case,
        ledgers=[paths[1]],
        candidates_json=paths[0],
        review=review or no_reviews(),
        reviews_sha256="",
        looked_through=frozenset(names),
        made_utc=NOW,
        force=force,
    )


# what photographs are worth


def test_one_photograph_straight_down_is_worth_the_curve_within_its_footprint(started: CaseFolder) -> None:
    meta = FrameMeta(path=Path("a.jpg"), width_px=WIDTH, height_px=HEIGHT, position=CENTRE,
                     height_above_home_m=60.0, gimbal_yaw_deg=30.0, gimbal_pitch_deg=-90.0,
                     gimbal_roll_deg=0.0, focal_length_px=FOCAL)  # fmt: skip
    found = search_ground(started.model, [Shown(meta=meta, ground_height_m=0.0)], Posture.LYING)
    grid = started.model.grid
    p = float(started.model.curve.probability(1.7 * FOCAL / 60.0))
    middle = (grid.rows // 2, grid.columns // 2)
    assert found.searched.coverage[middle] == pytest.approx(p, abs=1e-6)
    assert found.searched.pod_low[middle] == pytest.approx(float(exponential_pod(p)), abs=1e-6)
    footprint_m2 = (WIDTH * 60.0 / FOCAL) * (HEIGHT * 60.0 / FOCAL)
    assert found.searched.seen.sum() * grid.cell_area_m2 == pytest.approx(footprint_m2, rel=0.03)
    assert found.gsd_m_px == pytest.approx((60.0 / FOCAL, 60.0 / FOCAL))
    assert found.sweep_width_m == pytest.approx(p * WIDTH * 60.0 / FOCAL, rel=1e-3)


def test_ground_that_is_higher_is_seen_less_wide(started: CaseFolder) -> None:
    row = read_row(frame_row(1, 0, 0))
    flat = search_ground(started.model, [Shown(meta=row, ground_height_m=0.0)], Posture.EITHER)
    hill = search_ground(started.model, [Shown(meta=row, ground_height_m=30.0)], Posture.EITHER)
    assert hill.searched.seen.sum() == pytest.approx(flat.searched.seen.sum() / 4, rel=0.25)
    assert hill.heights_m == (30.0, 30.0)


def read_row(row: dict[str, Any]) -> FrameMeta:
    from airbeat.report.searched import FrameRow

    return FrameRow.model_validate(row).meta()


def test_a_standing_person_shows_more_from_the_side_and_from_two_sides_more_is_found(
    started: CaseFolder,
) -> None:
    def oblique(number: int, x: float, yaw: float) -> Shown:
        row = frame_row(number, x, 0.0, gimbal_yaw_deg=yaw, gimbal_pitch_deg=-45.0)
        return Shown(meta=read_row(row), ground_height_m=0.0)

    grid = started.model.grid
    cell = (grid.rows // 2, grid.columns // 2)
    one = search_ground(started.model, [oblique(1, 80.0, 270.0)], Posture.STANDING)
    same = search_ground(started.model, [oblique(1, 80.0, 270.0), oblique(2, 82.0, 270.0)], Posture.STANDING)
    two = search_ground(started.model, [oblique(1, 80.0, 270.0), oblique(2, -80.0, 90.0)], Posture.STANDING)
    assert one.searched.coverage[cell] > 0.9
    assert same.searched.coverage[cell] == pytest.approx(one.searched.coverage[cell], abs=0.05)
    assert two.searched.coverage[cell] == pytest.approx(2 * one.searched.coverage[cell], abs=0.05)


def test_the_track_is_as_long_as_flown_over_the_map(started: CaseFolder) -> None:
    rows = [Shown(meta=read_row(r), ground_height_m=0.0) for r in lines(9, 40.0)]
    found = search_ground(started.model, rows, Posture.EITHER)
    assert found.length_m.sum() == pytest.approx(320.0, rel=1e-3)
    assert found.swept_m2.sum() == pytest.approx(320.0 * found.sweep_width_m, rel=1e-3)


# updates


def test_an_update_moves_the_map_away_from_what_was_searched(started: CaseFolder, flight: Any) -> None:
    result = update(started, flight(lines()))
    assert result.record.images.counted == 5
    assert result.after.rest > result.before.rest
    middle = (started.model.grid.rows // 2, started.model.grid.columns // 2)
    assert result.after.poa[middle] < result.before.poa[middle]
    assert result.after.poa[0, 0] > result.before.poa[0, 0]
    again = CaseFolder(started.folder)
    assert np.array_equal(again.current().poa, result.after.poa)
    assert again.success_band()[0] == pytest.approx(result.success[0])
    assert again.success_band()[0] < again.success_band()[1]


def test_two_flights_cumulate(started: CaseFolder, flight: Any) -> None:
    first = update(started, flight(lines(), name="one"))
    shifted = [frame_row(k + 50, (k - 2) * 40.0, 90.0) for k in range(5)]
    second = update(started, flight(shifted, name="two"))
    low, _ = started.success_band()
    assert low == pytest.approx(1 - (1 - first.success[0]) * (1 - second.success[0]), abs=1e-12)
    pods = [u.arrays["pod_low"] for u in started.counting]
    assert low == pytest.approx(overall_success(started.model.first, pods), abs=1e-12)
    assert second.record.previous_sha256 != first.record.previous_sha256


def test_photographs_that_nobody_looked_through_count_for_nothing(started: CaseFolder, flight: Any) -> None:
    paths = flight(lines())
    with pytest.raises(UsageError, match="no photograph counts"):
        update(started, paths, looked=[])
    assert not list((started.folder / "updates").glob("*"))
    result = update(started, paths, looked=["P0002.JPG"])
    assert result.record.images.model_dump() == {
        "expected": 5, "received": 5, "searched_by_program": 5, "reviewed": 1, "counted": 1,
        "beside_the_map": 0,
    }  # fmt: skip
    assert {row.reason for row in result.record.left_out} == {"nobody looked through it"}


def test_images_not_received_or_not_readable_are_told_and_count_for_nothing(
    started: CaseFolder, flight: Any
) -> None:
    result = update(started, flight(lines(), refused=["P0099.JPG"], taken=9))
    assert result.record.images.expected == 9
    assert result.record.images.received == 6
    assert result.record.images.counted == 5
    assert any("3 of 9 photographs taken were not received" in note for note in result.record.notes)
    assert result.record.left_out[0].reason == "not readable: truncated"


def test_a_photograph_with_an_undecided_candidate_does_not_count(started: CaseFolder, flight: Any) -> None:
    paths = flight(lines(), candidates=[candidate(1, ["P0001.JPG"]), candidate(2, ["P0003.JPG"])])
    review = ReviewState(
        frames=frozenset(), decisions={"C001": Decision.NO, "C002": Decision.UNSURE}, notes={}, reviewers=()
    )
    result = update(started, paths, review=review)
    assert result.record.images.counted == 4
    assert [(r.file, r.reason) for r in result.record.left_out] == [
        ("P0003.JPG", "a candidate in it is undecided: C002")
    ]
    assert status_of(started).undecided == 1


def test_with_a_measured_curve_the_detectors_silence_counts_but_its_candidates_must_be_decided(
    tmp_path: Path, flight: Any
) -> None:
    (tmp_path / "curve.json").write_text(json.dumps(CURVE))
    (tmp_path / "measured.yaml").write_text(CASE + "detection: {curve: curve.json}\n")
    case = start_case(tmp_path / "measured.yaml", tmp_path / "measured")
    paths = flight(lines(), candidates=[candidate(1, ["P0001.JPG"])])
    result = update(case, paths, looked=[])
    assert result.record.images.counted == 4
    assert "measured" in result.record.method
    middle = (case.model.grid.rows // 2, case.model.grid.columns // 2)
    assert case.effort().coverage[middle] == pytest.approx(0.8, abs=1e-6)
    assert case.effort().pod_low[middle] == pytest.approx(float(exponential_pod(0.7)), abs=1e-6)


def test_the_same_update_twice_is_refused_and_more_reviewed_replaces_it(
    started: CaseFolder, flight: Any
) -> None:
    paths = flight(lines())
    update(started, paths, looked=["P0001.JPG", "P0002.JPG"])
    with pytest.raises(UsageError, match="all 2 photographs that count are in update 1 already"):
        update(started, paths, looked=["P0001.JPG", "P0002.JPG"])
    whole = update(started, paths)
    assert whole.record.replaces == 1
    fresh = CaseFolder(started.folder)
    assert [u.record.number for u in fresh.counting] == [2]
    assert len(fresh.updates) == 2
    assert status_of(fresh).images.counted == 5
    assert fresh.success_band()[0] == pytest.approx(whole.success[0])


def test_photographs_of_an_earlier_update_are_not_counted_again_among_others(
    started: CaseFolder, flight: Any
) -> None:
    update(started, flight(lines(), name="one"))
    mixed = [*lines()[:2], frame_row(77, 0.0, 100.0)]
    with pytest.raises(UsageError, match="2 of these photographs were counted in update 1 already"):
        update(started, flight(mixed, name="two"))
    copied = [frame_row(80, 0, 0), frame_row(81, 0, 0, sha256=f"{80:064x}")]
    with pytest.raises(UsageError, match="twice under two names"):
        update(started, flight(copied, name="three"))


def test_photographs_beside_the_map_or_too_coarse_change_nothing(started: CaseFolder, flight: Any) -> None:
    with pytest.raises(UsageError, match="shows any of the map"):
        update(started, flight([frame_row(1, 5000.0, 0.0)], name="far"))
    high = flight([frame_row(1, 0.0, 0.0, height_m=400.0)], name="high")
    with pytest.raises(UsageError, match=r"GSD 14\.2 cm is coarser than 10 cm"):
        update(started, high)
    assert update(started, high, force=True).record.images.counted == 1


def test_photographs_too_coarse_among_others_are_told_and_left_out(started: CaseFolder, flight: Any) -> None:
    """As those that look far, which show people in their foreground alone."""
    far = frame_row(50, 0, 0, gimbal_pitch_deg=-35.0, height_m=170.0)
    result = update(started, flight([*lines(), far]))
    assert result.record.images.counted == 5
    (left_out,) = result.record.left_out
    assert left_out.file == "P0050.JPG"
    assert left_out.reason.startswith("GSD 10.5 cm is coarser than 10 cm")


def test_a_photograph_without_a_place_is_told_and_left_out(started: CaseFolder, flight: Any) -> None:
    rows = [*lines(), frame_row(50, 0, 0, lat_deg=None, lon_deg=None)]
    result = update(started, flight(rows))
    assert result.record.images.counted == 5
    assert "the metadata lack the position" in result.record.left_out[0].reason


# the folder


def test_a_folder_that_holds_a_case_is_not_begun_again(started: CaseFolder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds a case already"):
        start_case(tmp_path / "case.yaml", started.folder)
    with pytest.raises(InputFileError, match="holds no case"):
        CaseFolder(tmp_path)
    with pytest.raises(MissionFileError, match="no such file"):
        start_case(tmp_path / "none.yaml", tmp_path / "other")


def test_a_folder_with_other_files_of_those_names_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(CASE)
    (tmp_path / "case.yaml").write_text("another")
    with pytest.raises(UsageError, match="is another file"):
        start_case(tmp_path / "mine.yaml", tmp_path)
    assert (tmp_path / "case.yaml").read_text() == "another"
    assert not (tmp_path / "case.json").exists()


def test_the_folder_stands_alone_when_the_cases_files_are_gone(tmp_path: Path) -> None:
    track = {"type": "LineString", "coordinates": [[10.998, 47.0], [11.003, 47.001]]}
    (tmp_path / "roads.geojson").write_text(json.dumps(track))
    block = "lines: {features: [{file: roads.geojson, buffer_m: 20, weight: 1}]}\n"
    (tmp_path / "case.yaml").write_text(CASE + block)
    begun = start_case(tmp_path / "case.yaml", tmp_path / "case")
    (tmp_path / "roads.geojson").unlink()
    (tmp_path / "case.yaml").unlink()
    assert np.array_equal(CaseFolder(tmp_path / "case").current().poa, begun.current().poa)


@pytest.mark.parametrize("what", ["case.yaml", "updates/0001.json", "arrays"])
def test_a_folder_that_was_changed_is_refused(started: CaseFolder, flight: Any, what: str) -> None:
    update(started, flight(lines(), name="one"))
    update(started, flight([frame_row(60, 0, 100)], name="two"))
    path = (
        next((started.folder / "updates").glob("0001-*.npz")) if what == "arrays" else started.folder / what
    )
    content = path.read_bytes()
    path.write_bytes(content.replace(b"dementia", b"despondent") if what == "case.yaml" else content + b" ")
    with pytest.raises(InputFileError, match="changed"):
        CaseFolder(started.folder)


def test_half_an_update_is_none(started: CaseFolder, flight: Any) -> None:
    """An interruption between the two files leaves arrays without a record; the next update goes on."""
    (started.folder / "updates").mkdir()
    (started.folder / "updates" / "0001-0123456789abcdef.npz").write_bytes(b"half")
    (started.folder / "updates" / ".0001.json.12345678.tmp").write_text("{")
    assert CaseFolder(started.folder).updates == []
    update(started, flight(lines()))
    assert len(CaseFolder(started.folder).updates) == 1


# reviews


def test_reviews_are_read_and_those_of_another_search_refused(tmp_path: Path, flight: Any) -> None:
    paths = flight(lines(), candidates=[candidate(1, ["P0001.JPG"])])
    results = read_search_results(paths[0])
    document = {
        "schema": "airbeat/reviews/1",
        "frames": [{"file": "P0000.JPG", "reviewer": "desk 1"}],
        "candidates": [
            {"candidate": "C001", "decision": "unsure"},
            {"candidate": "C001", "decision": "person", "note": "red jacket", "reviewer": "desk 2"},
        ],
    }
    path = tmp_path / "reviews.json"
    path.write_text(json.dumps(document))
    review = read_reviews(path, results)
    assert review.frames == {"P0000.JPG"}
    assert review.decisions == {"C001": Decision.PERSON}
    assert review.notes == {"C001": "red jacket"}
    assert review.reviewers == ("desk 1", "desk 2")
    for wrong in ({"frames": [{"file": "X.JPG"}]}, {"candidates": [{"candidate": "C9", "decision": "no"}]}):
        path.write_text(json.dumps({"schema": "airbeat/reviews/1"} | wrong))
        with pytest.raises(InputFileError, match="is not in this search"):
            read_reviews(path, results)


# status, papers, picture


def test_the_status_never_calls_ground_clear_and_adds_up(started: CaseFolder, flight: Any) -> None:
    status = status_of(started)
    assert "nothing was searched yet" in status.notes
    assert status.success == pytest.approx((0.0, 0.0))
    update(started, flight(lines()))
    status = status_of(started)
    told = status.to_json()
    assert told["cleared"] is False
    assert told["note"] == NOT_CLEARED
    assert sum(row.poa_after for row in status.segments) + status.rest_after == pytest.approx(1.0)
    assert sum(row.pos_low for row in status.segments) == pytest.approx(status.success[0])
    assert sum(row.area_m2 for row in status.segments) == pytest.approx(600.0**2)
    assert status.next_best


def test_the_papers_hold_what_is_known_and_leave_the_rest_empty(started: CaseFolder, flight: Any) -> None:
    find = candidate(7, ["P0001.JPG"])
    review = ReviewState(
        frames=frozenset(), decisions={"C007": Decision.CLUE}, notes={"C007": "<glove>"}, reviewers=()
    )
    update(started, flight(lines(), candidates=[find], taken=8), review=review)
    record = FlightFile.model_validate(
        {
            "vehicle": {"name": "embedded vehicle"}, "plan": {"name": "Test flight"}, "outcome": "completed",
            "explanation": "landed", "begun_utc": "2026-10-03T18:00:00+00:00", "takeoff_time_s": 12.0,
            "duration_s": 60.0, "track": [[10.0, 47.0, 11.0, 0.0, 600.0, 0.0]],
            "events": [{"time_s": 12.0, "kind": "mode", "text": "AUTO"},
                       {"time_s": 13.0, "kind": "statustext", "text": "Mission: 2 WP"}],
        }
    )  # fmt: skip
    text = papers_html(started, status_of(started), picture_png=b"", flights=[("flight.json", record)])
    assert text.count(NOT_CLEARED) >= 11
    assert "10-03 18:00:02" in text
    assert "mode: AUTO" in text
    assert "Mission: 2 WP" not in text
    assert "3 photographs were taken but not received" in text
    assert "&lt;glove&gt;" in text
    assert "<glove>" not in text
    assert "5 / 5 / 5" in text.replace("8 / ", "")
    for form in ("ICS 204", "SAR 104", "ICS 214"):
        assert form in text
    bad = record.model_copy(update={"begun_utc": "yesterday"})
    with pytest.raises(InputFileError, match="no time with a zone"):
        papers_html(started, status_of(started), picture_png=b"", flights=[("flight.json", bad)])


def test_the_pictures_classes_hold_their_shares(started: CaseFolder) -> None:
    now = started.current()
    classes = poa_classes(now)
    on_map = now.poa.sum()
    for number, share in ((5, 0.10), (4, 0.25), (3, 0.50), (2, 0.75), (1, 0.95)):
        held = now.poa[classes >= number]
        assert held.sum() >= share * on_map - 1e-9
        assert held.min() >= now.poa[classes < number].max(initial=0.0)
    assert pod_classes(np.array([0.0, 0.01, 0.2, 0.59, 0.6, 0.95])).tolist() == [0, 1, 2, 3, 4, 5]
