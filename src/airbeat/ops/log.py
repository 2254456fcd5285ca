"""An append-only log of events, each of which holds the hash of the one before it.

The log is one SQLite file in WAL mode. An event that `OperationsLog.append` has returned is on the disk,
whatever happens to the program afterwards. The database itself refuses to change or delete events; who
edits the file all the same breaks the chain, and `OperationsLog.verify` names the place. Events that were
cut off at the end leave a whole chain behind: to notice that, keep the hash of the last event elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from airbeat.errors import InputFileError, UsageError

__all__ = ["Event", "OperationsLog"]

SCHEMA_VERSION = 1
FIRST = "0" * 64
"""What the first event holds in place of the hash of the one before."""

_TABLES = sa.MetaData()
_EVENTS = sa.Table(
    "events",
    _TABLES,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("time_utc", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("previous_sha256", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False, unique=True),
)
_REFUSALS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS events_{verb.lower()} BEFORE {verb} ON events "
    "BEGIN SELECT RAISE(ABORT, 'events are only added'); END"
    for verb in ("UPDATE", "DELETE")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the log.

    Attributes:
        number: from 1, without gaps.
        time_utc: when it was written down.
        actor: who caused it.
        kind: what happened, e.g. ``"review.decision"``.
        payload: what belongs to it, JSON.
        sha256: hash of all this and of the event before, hexadecimal.
    """

    number: int
    time_utc: datetime
    actor: str
    kind: str
    payload: dict[str, Any]
    sha256: str


class OperationsLog:
    """The operations log of one folder or operation; use it in a ``with`` block, or close it.

    Several programs may append at the same time; each waits for the other.

    Args:
        path: the SQLite file; made if it is missing.

    Raises:
        UsageError: it cannot be written.
        InputFileError: the file is there but is no log.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{path.parent} cannot be written: {error.strerror}") from error
        self._engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30.0})
        sa.event.listen(self._engine, "connect", _prepare)
        sa.event.listen(self._engine, "begin", _begin)
        with self._connected() as connection:
            _TABLES.create_all(connection)
            for refusal in _REFUSALS:
                connection.execute(sa.text(refusal))

    def __enter__(self) -> OperationsLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    def append(self, kind: str, payload: Mapping[str, Any], *, actor: str) -> Event:
        """Add an event; when this returns it is kept.

        Args:
            kind: what happened.
            payload: what belongs to it; plain JSON values.
            actor: who caused it.

        Raises:
            UsageError: the file cannot be written.
            ValueError: the payload is not JSON.
        """
        text = json.dumps(dict(payload), sort_keys=True, ensure_ascii=False, allow_nan=False)
        with self._connected() as connection:
            last = connection.execute(
                sa.select(_EVENTS.c.number, _EVENTS.c.sha256).order_by(_EVENTS.c.number.desc()).limit(1)
            ).first()
            row: dict[str, Any] = {
                "number": last.number + 1 if last else 1,
                "schema_version": SCHEMA_VERSION,
                "time_utc": datetime.now(UTC).isoformat(timespec="microseconds"),
                "actor": actor,
                "kind": kind,
                "payload": text,
                "previous_sha256": last.sha256 if last else FIRST,
            }
            row["sha256"] = _hash(row)
            connection.execute(_EVENTS.insert().values(row))
        return _event(row)

    def events(self) -> list[Event]:
        """All events in their order.

        Raises:
            InputFileError: the file is damaged.
        """
        with self._connected() as connection:
            rows = connection.execute(sa.select(_EVENTS).order_by(_EVENTS.c.number)).mappings().all()
        return [_event(dict(row)) for row in rows]

    def verify(self) -> int:
        """Recompute the whole chain.

        Returns:
            How many events it has.

        Raises:
            InputFileError: naming the first event that was changed, taken out or put in.
        """
        previous, count = FIRST, 0
        with self._connected() as connection:
            for row in connection.execute(sa.select(_EVENTS).order_by(_EVENTS.c.number)).mappings():
                count += 1
                if row["number"] != count:
                    raise self._broken(count, f"is missing; event {row['number']} comes in its place")
                if row["previous_sha256"] != previous:
                    raise self._broken(count, f"does not follow event {count - 1} as that is now")
                if row["sha256"] != _hash(dict(row)):
                    raise self._broken(count, "was changed after it was written")
                previous = row["sha256"]
        return count

    def _broken(self, number: int, what: str) -> InputFileError:
        return InputFileError(
            f"event {number} {what}",
            where=str(self.path),
            remedy="take the log from a copy made before; what follows this event proves nothing",
        )

    def _connected(self) -> _Transaction:
        return _Transaction(self._engine, self.path)


class _Transaction:
    """A transaction whose failures are told as ours."""

    def __init__(self, engine: sa.Engine, path: Path) -> None:
        self._context = engine.begin()
        self._path = path

    def __enter__(self) -> sa.Connection:
        try:
            return self._context.__enter__()
        except sa.exc.DBAPIError as error:
            raise self._told(error) from error

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        try:
            self._context.__exit__(kind, value, trace)
        except sa.exc.DBAPIError as error:
            raise self._told(error) from error
        if isinstance(value, sa.exc.DBAPIError):
            raise self._told(value) from value

    def _told(self, error: sa.exc.DBAPIError) -> InputFileError | UsageError:
        if isinstance(error, sa.exc.OperationalError):
            return UsageError(
                f"{self._path} cannot be used: {error.orig}",
                remedy="check that the disk has room and that nothing else holds the file",
            )
        return InputFileError(f"is no operations log: {error.orig}", where=str(self._path))


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy says BEGIN itself, see _begin
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: sa.Connection) -> None:
    """A transaction that may write takes the file from its start, so that no two can read the same end."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _hash(row: Mapping[str, Any]) -> str:
    names = ("number", "schema_version", "time_utc", "actor", "kind", "payload", "previous_sha256")
    text = json.dumps([row[name] for name in names], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _event(row: Mapping[str, Any]) -> Event:
    try:
        payload = json.loads(row["payload"])
        time_utc = datetime.fromisoformat(row["time_utc"])
    except (ValueError, TypeError) as error:
        raise InputFileError(f"event {row['number']} is damaged: {error}") from error
    return Event(
        number=int(row["number"]),
        time_utc=time_utc,
        actor=str(row["actor"]),
        kind=str(row["kind"]),
        payload=payload,
        sha256=str(row["sha256"]),
    )
