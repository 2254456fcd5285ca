"""An append-only log of events, each of which holds the hash of the one before it.

An event that `OperationsLog.append` has returned is on the disk, whatever happens to the program afterwards.
The database itself refuses to change or delete events; who edits it all the same breaks the chain, and
`OperationsLog.verify` names the place. Events that were cut off at the end leave a whole chain behind: to
notice that, keep the hash of the last event elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from airbeat.errors import InputFileError, UsageError
from airbeat.language.words import Message
from airbeat.ops.claims import Claims
from airbeat.ops.store import EVENTS, Store

__all__ = ["FIRST", "SCHEMA_VERSION", "Event", "OperationsLog", "chained"]

SCHEMA_VERSION = 1
FIRST = "0" * 64
"""What the first event holds in place of the hash of the one before."""
_COLUMNS = tuple(column.name for column in EVENTS.columns)


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
        place: an SQLite file, made if it is missing, or the URL of a PostgreSQL database.

    Attributes:
        name: what messages call it.
        claims: who looks at what right now.

    Raises:
        UsageError: it cannot be reached or written.
        InputFileError: the file is there but is no log.
        DependencyError: a URL was given and the extra ``postgres`` is not installed.
    """

    def __init__(self, place: Path | str) -> None:
        self._store = Store(place)
        self.name = self._store.name
        self.claims = Claims(self._store)

    def __enter__(self) -> OperationsLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def append(self, kind: str, payload: Mapping[str, Any], *, actor: str) -> Event:
        """Add an event; when this returns it is kept.

        Args:
            kind: what happened.
            payload: what belongs to it; plain JSON values.
            actor: who caused it.

        Raises:
            UsageError: the database cannot be written.
            ValueError: the payload is not JSON.
        """
        return self.append_all([(kind, payload)], actor=actor)[0]

    def append_all(self, happenings: Sequence[tuple[str, Mapping[str, Any]]], *, actor: str) -> list[Event]:
        """Add several events at once, all of them or, where something goes wrong, none.

        Args:
            happenings: kind and payload of each, in their order.
            actor: who caused them.

        Raises:
            UsageError: the database cannot be written.
            ValueError: a payload is not JSON.
        """
        if not happenings:
            return []
        texts = [(kind, _json(payload)) for kind, payload in happenings]
        with self._store.transaction() as connection:
            self._store.hold_end(connection)
            last = connection.execute(
                sa.select(EVENTS.c.number, EVENTS.c.sha256).order_by(EVENTS.c.number.desc()).limit(1)
            ).first()
            number, previous = (last.number, last.sha256) if last else (0, FIRST)
            now = datetime.now(UTC).isoformat(timespec="microseconds")
            rows: list[dict[str, Any]] = []
            for kind, text in texts:
                number += 1
                row: dict[str, Any] = {
                    "number": number,
                    "schema_version": SCHEMA_VERSION,
                    "time_utc": now,
                    "actor": _storable(actor),
                    "kind": kind,
                    "payload": text,
                    "previous_sha256": previous,
                }
                previous = row["sha256"] = _hash(row)
                rows.append(row)
            connection.execute(EVENTS.insert(), rows)
        return [_event(row) for row in rows]

    def events(self, *, after: int = 0, kinds: Iterable[str] = ()) -> list[Event]:
        """Events in their order.

        Args:
            after: only those with a higher number than this.
            kinds: only those of these kinds; all where there are none.

        Raises:
            InputFileError: the log is damaged.
        """
        wanted = sa.select(EVENTS).where(EVENTS.c.number > after).order_by(EVENTS.c.number)
        if kinds := tuple(kinds):
            wanted = wanted.where(EVENTS.c.kind.in_(kinds))
        with self._store.transaction() as connection:
            rows = connection.execute(wanted).mappings().all()
        return [_event(dict(row)) for row in rows]

    def last_number(self) -> int:
        """Number of the last event; 0 where there is none."""
        with self._store.transaction() as connection:
            return int(connection.execute(sa.select(sa.func.max(EVENTS.c.number))).scalar() or 0)

    def last_sha256(self) -> str:
        """Hash of the last event; "" where there is none."""
        with self._store.transaction() as connection:
            last = connection.execute(
                sa.select(EVENTS.c.sha256).order_by(EVENTS.c.number.desc()).limit(1)
            ).scalar()
        return str(last or "")

    def verify(self) -> int:
        """Recompute the whole chain.

        Returns:
            How many events it has.

        Raises:
            InputFileError: naming the first event that was changed, taken out or put in.
        """
        return sum(1 for _ in chained(self.rows(), where=self.name))

    def rows(self) -> Iterator[dict[str, Any]]:
        """The log's rows as they are kept, in their order, for a bundle; nothing of them is checked."""
        with self._store.transaction() as connection:
            for row in connection.execute(sa.select(EVENTS).order_by(EVENTS.c.number)).mappings():
                yield dict(row)

    def take_over(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Add rows of another log as they are; this one must be empty or be their beginning.

        Returns:
            How many rows were added.

        Raises:
            InputFileError: the rows are no whole chain.
            UsageError: this log holds other events.
        """
        for _ in chained(rows, where="the rows"):
            pass
        with self._store.transaction() as connection:
            self._store.hold_end(connection)
            own = connection.execute(
                sa.select(EVENTS.c.number, EVENTS.c.sha256).order_by(EVENTS.c.number)
            ).all()
            for mine, theirs in zip(own, rows, strict=False):
                if mine.sha256 != theirs["sha256"]:
                    raise UsageError(
                        Message(
                            "{name} holds another operation: event {number} differs",
                            name=self.name,
                            number=mine.number,
                        ),
                        remedy="import into a new log",
                    )
            if len(own) > len(rows):
                raise UsageError(
                    Message(
                        "{name} has {own} events, what is imported ends at {imported}",
                        name=self.name,
                        own=len(own),
                        imported=len(rows),
                    ),
                    remedy="nothing is missing here; import into a new log if you want the shorter one",
                )
            fresh = [{name: row[name] for name in _COLUMNS} for row in rows[len(own) :]]
            if fresh:
                connection.execute(EVENTS.insert(), fresh)
        return len(fresh)


def chained(rows: Iterable[Mapping[str, Any]], *, where: str) -> Iterator[Event]:
    """The rows' events, each checked against the hash it holds and the one before it.

    Args:
        rows: rows of the table ``events`` in their order.
        where: what messages call them.

    Raises:
        InputFileError: naming the first event that was changed, taken out or put in.
    """
    previous = FIRST
    for count, row in enumerate(rows, start=1):
        if row["number"] != count:
            raise _broken(
                where,
                Message(
                    "event {number} is missing; event {found} comes in its place",
                    number=count,
                    found=row["number"],
                ),
            )
        if row["previous_sha256"] != previous:
            raise _broken(
                where,
                Message(
                    "event {number} does not follow event {before} as that is now",
                    number=count,
                    before=count - 1,
                ),
            )
        if row["sha256"] != _hash(row):
            raise _broken(where, Message("event {number} was changed after it was written", number=count))
        previous = row["sha256"]
        yield _event(row)


def _broken(where: str, what: Message) -> InputFileError:
    return InputFileError(
        what,
        where=where,
        remedy="take the log from a copy made before; what follows this event proves nothing",
    )


def _json(payload: Mapping[str, Any]) -> str:
    text = json.dumps(dict(payload), sort_keys=True, ensure_ascii=False, allow_nan=False)
    if _storable(text) == text:
        return text
    return json.dumps(dict(payload), sort_keys=True, ensure_ascii=True, allow_nan=False)


def _storable(text: str) -> str:
    """Text as a database takes it: names of files may hold bytes that are no text, and NUL is none."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _hash(row: Mapping[str, Any]) -> str:
    names = ("number", "schema_version", "time_utc", "actor", "kind", "payload", "previous_sha256")
    text = json.dumps([row[name] for name in names], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _event(row: Mapping[str, Any]) -> Event:
    try:
        payload = json.loads(row["payload"])
        time_utc = datetime.fromisoformat(row["time_utc"])
    except (ValueError, TypeError) as error:
        raise InputFileError(
            Message("event {number} is damaged: {error}", number=row["number"], error=error)
        ) from error
    return Event(
        number=int(row["number"]),
        time_utc=time_utc,
        actor=str(row["actor"]),
        kind=str(row["kind"]),
        payload=payload,
        sha256=str(row["sha256"]),
    )
