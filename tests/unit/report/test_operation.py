"""The report's tables of an operation: flights, decisions with their reviewers, segments, the timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airbeat.errors import InputFileError
from airbeat.flight.casefolder import start_case
from airbeat.flight.searchstatus import status_of
from airbeat.ops.log import OperationsLog
from airbeat.ops.reviews import Reviews, Verdict
from airbeat.report.flown import FlightFile
from airbeat.report.operation import MOST_ROWS, decision_rows, flight_row, segments_part, timeline
from airbeat.report.reviewed import reviewables
from airbeat.report.searched import read_search_results

CASE = Path(__file__).resolve().parents[3] / "missions" / "cases" / "koenigstuhl-walker.yaml"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[OperationsLog]:
    with OperationsLog(tmp_path / "operations.sqlite") as opened:
        yield opened


@pytest.fixture
def reviews(log: OperationsLog, search_folder: Callable[..., Path]) -> Reviews:
    return Reviews(log, reviewables(read_search_results(search_folder(4) / "candidates.json")))


def _flight(**more: object) -> FlightFile:
    return FlightFile.model_validate(
        {
            "vehicle": {"name": "copter 1"},
            "outcome": "completed",
            "explanation": "it landed",
            "begun_utc": "2026-05-01T08:00:00+00:00",
            "takeoff_time_s": 10.0,
            "duration_s": 420.0,
            "track": [[10.0, 51.0, 8.0, 50.0, 350.0, 5.0]],
            "events": [],
        }
        | more
    )


def test_a_flight_is_one_line_with_its_battery_and_photographs() -> None:
    flight = _flight(
        photos=[{}, {}, {}],
        last_item=7,
        items=9,
        battery_at_takeoff_share=0.98,
        battery_at_end_share=0.41,
    )
    row = flight_row("flight.json", flight)
    assert (row.photos, row.items, row.battery_shares) == (3, (7, 9), (0.98, 0.41))
    assert row.begun_utc == datetime(2026, 5, 1, 8, tzinfo=UTC)
    assert row.outcome == "completed: it landed"


def test_a_record_of_an_older_version_says_that_its_battery_is_not_known() -> None:
    row = flight_row("flight.json", _flight(begun_utc="yesterday"))
    assert row.battery_shares == (None, None)
    assert row.begun_utc is None


def test_a_track_beside_the_earth_is_refused_with_the_records_name() -> None:
    with pytest.raises(InputFileError, match="flight-2"):
        flight_row("flight-2.json", _flight(track=[[0, 95.0, 8.0, 0, 0, 0]]))


def test_each_reviewers_last_word_is_told_and_which_of_them_counts(reviews: Reviews) -> None:
    reviews.decide("C001", Verdict.UNSURE, reviewer="Desk K")
    reviews.decide("C001", Verdict.PERSON, reviewer="Desk K", note="waving")
    reviews.decide("C001", Verdict.PERSON, reviewer="Desk L")
    reviews.decide("C002", Verdict.CLUE, reviewer="Desk K")
    reviews.decide("C002", Verdict.NO, reviewer="Desk L")
    rows = decision_rows(reviews)
    assert [(r.candidate, r.reviewer, r.verdict, r.counts, r.disputed) for r in rows] == [
        ("C001", "Desk K", "person", False, False),
        ("C001", "Desk L", "person", True, False),
        ("C002", "Desk K", "clue", False, True),
        ("C002", "Desk L", "no", True, True),
    ]
    assert rows[0].note == "waving"


def test_frames_and_candidates_are_counted_run_by_run_and_routine_is_left_out(log: OperationsLog) -> None:
    log.append("search.begun", {"source": "card"}, actor="desk")
    frame = {"sha256": "0", "gsd_m_px": 0.02, "boxes": 1, "lat_deg": None, "lon_deg": None}
    for number in range(5):
        log.append("frame.searched", frame | {"file": f"{number}.jpg"}, actor="desk")
    said = {"kind": "statustext", "severity": 6, "time_s": 1.0}
    log.append("flight.said", said | {"text": "Mission: 4 WP"}, actor="desk")
    log.append("flight.said", said | {"text": "Battery failsafe"}, actor="desk")
    log.append("note", {"text": "ground team sent"}, actor="Desk M")
    rows, left_out = timeline(log, [])
    assert [row.words for row in rows] == [
        "search of card begins",
        "5 photographs searched",
        "statustext: Battery failsafe",
        "ground team sent",
    ]
    assert left_out == 1
    assert rows[-1].actor == "Desk M"


def test_a_flight_that_the_log_does_not_know_is_in_the_timeline_at_its_own_hour(log: OperationsLog) -> None:
    log.append("note", {"text": "later"}, actor="desk")
    rows, _ = timeline(log, [flight_row("flight.json", _flight())])
    assert rows[0].time_utc.year == 2026
    assert rows[0].words == "flight.json: copter 1; completed: it landed"
    log.append("flight.begun", {"plan": "p", "vehicle": "v"}, actor="desk")
    rows, _ = timeline(log, [flight_row("flight.json", _flight())])
    assert all("copter 1" not in row.words for row in rows)


def test_a_very_long_timeline_ends_and_says_how_much_is_left_out(log: OperationsLog) -> None:
    log.append_all([("note", {"text": str(n)}) for n in range(MOST_ROWS + 7)], actor="desk")
    rows, left_out = timeline(log, [])
    assert (len(rows), left_out) == (MOST_ROWS, 7)


def test_a_case_that_nobody_searched_has_every_segment_and_no_pod(tmp_path: Path) -> None:
    case = start_case(CASE, tmp_path / "case")
    part = segments_part(case, status_of(case), picture_png=b"png")
    assert [line.name for line in part.lines] == [name for name, _share in case.model.segments]
    for line in part.lines:
        assert (line.pod, line.gap, line.taken_utc, line.flights, line.reviewers) == ((0, 0), 1, None, (), ())
    assert part.rest[0] == part.rest[1] > 0
