"""The operations log: added to, never changed, and it shows when somebody did."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from airbeat.errors import InputFileError, UsageError
from airbeat.ops.log import OperationsLog


def tampered(place: Path | str, *statements: str) -> None:
    """Change the database as somebody would who does not want to be seen."""
    if isinstance(place, Path):
        with closing(sqlite3.connect(place)) as connection, connection:
            connection.execute("DROP TRIGGER events_update")
            connection.execute("DROP TRIGGER events_delete")
            for statement in statements:
                connection.execute(statement)
    else:
        import psycopg

        with psycopg.connect(place) as connection:
            connection.execute("DROP TRIGGER events_changed ON events")
            for statement in statements:
                connection.execute(statement)


def executed(place: Path | str, statement: str) -> str:
    """What a database says to a statement."""
    if isinstance(place, Path):
        with closing(sqlite3.connect(place)) as connection, connection:
            try:
                connection.execute(statement)
            except sqlite3.IntegrityError as error:
                return str(error)
        return ""
    import psycopg

    with psycopg.connect(place) as connection:
        try:
            connection.execute(statement)
        except psycopg.errors.RaiseException as error:
            return str(error)
    return ""


def test_events_come_back_in_their_order_and_the_chain_holds(log):
    for number in range(5):
        log.append("test", {"number": number, "text": "Größe ✓"}, actor="Desk A")
    events = log.events()
    assert [e.payload["number"] for e in events] == [0, 1, 2, 3, 4]
    assert [e.number for e in events] == [1, 2, 3, 4, 5]
    assert {e.actor for e in events} == {"Desk A"}
    assert all(e.time_utc.utcoffset().total_seconds() == 0 for e in events)
    assert log.verify() == 5


def test_an_empty_log_is_whole(log):
    assert log.verify() == 0


def test_the_database_refuses_to_change_or_delete_an_event(log, place):
    log.append("test", {}, actor="a")
    statements = ["UPDATE events SET actor = 'b'", "DELETE FROM events"]
    statements += [] if isinstance(place, Path) else ["TRUNCATE events"]
    for statement in statements:
        assert "events are only added" in executed(place, statement)
    assert log.verify() == 1


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE events SET payload = replace(payload, '2', '9') WHERE number = 3", "event 3 was changed"),
        ("UPDATE events SET actor = 'x' WHERE number = 1", "event 1 was changed"),
        ("UPDATE events SET time_utc = '2020-01-01T00:00:00+00:00' WHERE number = 2", "event 2 was changed"),
        ("DELETE FROM events WHERE number = 2", "event 2 is missing"),
        ("UPDATE events SET previous_sha256 = sha256 WHERE number = 4", "event 4 does not follow"),
    ],
)
def test_the_first_broken_link_is_named(log, place, statement, words):
    for number in range(5):
        log.append("test", {"number": number}, actor="a")
    tampered(place, statement)
    with pytest.raises(InputFileError, match=words):
        log.verify()


def test_a_forged_event_with_a_right_hash_of_its_own_breaks_the_chain_after_it(log, place, tmp_path):
    for number in range(3):
        log.append("test", {"number": number}, actor="a")
    with OperationsLog(tmp_path / "forged.sqlite") as other:
        other.append("test", {"number": 0}, actor="a")
        forged = other.append("test", {"number": 99}, actor="a")
    tampered(
        place,
        f"UPDATE events SET payload = '{{\"number\": 99}}', sha256 = '{forged.sha256}' WHERE number = 2",
    )
    with pytest.raises(InputFileError, match="event 2"):
        log.verify()


def _append_many(place: Path | str, name: str) -> None:
    with OperationsLog(place) as log:
        for number in range(20):
            log.append("test", {"number": number}, actor=name)


def test_several_programs_may_append_at_the_same_time(place):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(place, name)) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with OperationsLog(place) as log:
        assert log.verify() == 40
        for name in ("a", "b"):
            assert [e.payload["number"] for e in log.events() if e.actor == name] == list(range(20))


def test_several_events_are_added_together_or_not_at_all(log):
    log.append_all([("one", {"n": 1}), ("two", {"n": 2})], actor="a")
    with pytest.raises(ValueError, match="JSON"):
        log.append_all([("three", {"n": 3}), ("four", {"n": float("inf")})], actor="a")
    assert [(e.number, e.kind) for e in log.events()] == [(1, "one"), (2, "two")]
    assert log.append_all([], actor="a") == []
    assert log.verify() == 2


def test_events_are_given_by_kind_and_from_a_number_on(log):
    for number in range(6):
        log.append("even" if number % 2 == 0 else "odd", {"n": number}, actor="a")
    assert [e.payload["n"] for e in log.events(after=2)] == [2, 3, 4, 5]
    assert [e.payload["n"] for e in log.events(after=2, kinds=["odd"])] == [3, 5]


def test_names_that_are_no_text_are_kept(log):
    log.append("test", {"file": "caf\udce9 \0.jpg"}, actor="A\0 \udce9")
    assert log.verify() == 1
    (event,) = log.events()
    assert event.payload["file"] == "caf\udce9 \0.jpg"
    assert "\0" not in event.actor


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_what_was_acknowledged_survives_the_program_being_killed(place):
    code = (
        "import sys; from pathlib import Path; from airbeat.ops.log import OperationsLog\n"
        "log = OperationsLog(Path(sys.argv[1]) if sys.argv[2] == 'f' else sys.argv[1])\n"
        "n = 0\n"
        "while True:\n"
        "    log.append('test', {'number': n}, actor='a'); print(n, flush=True); n += 1\n"
    )
    before = 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(place), "f" if isinstance(place, Path) else "u"],
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            for _ in range(7):
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
        with OperationsLog(place) as log:
            count = log.verify()
            numbers = [e.payload["number"] for e in log.events()]
        assert acknowledged in numbers[before:]
        assert numbers[before:] == list(range(count - before))
        before = count


def test_a_file_that_is_no_log_is_refused(tmp_path):
    path = tmp_path / "operations.sqlite"
    path.write_text("this is no database, and long enough to be looked at as one " * 40)
    with pytest.raises((InputFileError, UsageError), match="operations"):
        OperationsLog(path)


def test_what_is_no_json_is_not_written(log):
    with pytest.raises(ValueError, match="JSON"):
        log.append("test", {"value": float("nan")}, actor="a")
    assert log.verify() == 0


def test_the_password_of_a_database_is_in_no_message():
    pytest.importorskip("psycopg")
    with pytest.raises(UsageError) as caught:
        OperationsLog("postgresql://desk:s3cret@127.0.0.1:1/airbeat")
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
