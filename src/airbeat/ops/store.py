"""The two databases an operations log may lie in, and what each needs to keep it append-only.

SQLite (one file, WAL mode) for a laptop; PostgreSQL for an agency with many desks. Whatever differs between
them is here; the log itself is written once. In both the database refuses to change or delete events.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from airbeat.errors import DependencyError, InputFileError, UsageError
from airbeat.language.words import Message

__all__ = ["CLAIMS", "EVENTS", "Store", "is_database_url", "without_password"]

_TABLES = sa.MetaData()
EVENTS = sa.Table(
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
CLAIMS = sa.Table(
    "claims",
    _TABLES,
    sa.Column("candidate", sa.Text, primary_key=True),
    sa.Column("reviewer", sa.Text, nullable=False),
    sa.Column("until_s", sa.Double, nullable=False),
)
_SQLITE_REFUSALS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS events_{verb.lower()} BEFORE {verb} ON events "
    "BEGIN SELECT RAISE(ABORT, 'events are only added'); END"
    for verb in ("UPDATE", "DELETE")
)
_POSTGRESQL_REFUSALS = (
    "CREATE OR REPLACE FUNCTION events_are_only_added() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'events are only added'; END $$",
    "CREATE OR REPLACE TRIGGER events_changed BEFORE UPDATE OR DELETE ON events "
    "FOR EACH ROW EXECUTE FUNCTION events_are_only_added()",
    "CREATE OR REPLACE TRIGGER events_emptied BEFORE TRUNCATE ON events "
    "FOR EACH STATEMENT EXECUTE FUNCTION events_are_only_added()",
)
_MAKING = 0x61697262656174
"""Advisory lock of PostgreSQL under which tables are made ("airbeat" in ASCII)."""
_SCHEMES = ("postgresql://", "postgres://", "postgresql+psycopg://")


def is_database_url(text: str) -> bool:
    """Whether this names a PostgreSQL database and not a file."""
    return text.startswith(_SCHEMES)


def without_password(url: str) -> str:
    """A database's URL as it may be shown and written down.

    Raises:
        UsageError: it cannot be read.
    """
    return _parsed(url).set(drivername="postgresql", password=None).render_as_string()


class Store:
    """One database with the tables of an operation.

    Args:
        place: an SQLite file, made if it is missing, or the URL of a PostgreSQL database,
            ``postgresql://USER:PASSWORD@HOST/DATABASE``.

    Attributes:
        name: what messages call it; a URL's password is not in it.

    Raises:
        UsageError: it cannot be reached or written.
        InputFileError: the file is there but is no log.
        DependencyError: a URL was given and the extra ``postgres`` is not installed.
    """

    def __init__(self, place: Path | str) -> None:
        if isinstance(place, str) and is_database_url(place):
            self._engine, self.name = _postgresql(place)
        else:
            self._engine, self.name = _sqlite(Path(place)), str(place)
        self._is_file = self._engine.dialect.name == "sqlite"
        with self.transaction() as connection:
            self._make(connection)

    def transaction(self) -> Transaction:
        """A transaction; whatever was done in it is on the disk when its block has ended."""
        return Transaction(self._engine, self.name)

    def hold_end(self, connection: sa.Connection) -> None:
        """Let nobody else append until the transaction ends; reading goes on."""
        if not self._is_file:  # SQLite's transactions hold the file from their start, see _begin
            connection.execute(sa.text("LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE"))

    def hold_claims(self, connection: sa.Connection) -> None:
        """Let nobody else claim until the transaction ends."""
        if not self._is_file:
            connection.execute(sa.text("LOCK TABLE claims IN SHARE ROW EXCLUSIVE MODE"))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _make(self, connection: sa.Connection) -> None:
        if not self._is_file:
            known = sa.inspect(connection).get_table_names()
            if {"events", "claims"} <= set(known):
                return
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_MAKING})"))
        _TABLES.create_all(connection)
        for refusal in _SQLITE_REFUSALS if self._is_file else _POSTGRESQL_REFUSALS:
            connection.execute(sa.text(refusal))


class Transaction:
    """A transaction whose failures are told as ours."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self._context = engine.begin()
        self._name = name

    def __enter__(self) -> sa.Connection:
        try:
            return self._context.__enter__()
        except sa.exc.DBAPIError as error:
            raise self._told(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._context.__exit__(kind, value, trace)
        except sa.exc.DBAPIError as error:
            raise self._told(error) from error
        if isinstance(value, sa.exc.DBAPIError):
            raise self._told(value) from value

    def _told(self, error: sa.exc.DBAPIError) -> InputFileError | UsageError:
        words = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason given"
        if isinstance(error, sa.exc.OperationalError):
            return UsageError(
                Message("{name} cannot be used: {words}", name=self._name, words=words),
                remedy="check that it is there and has room, and that nothing else holds it",
            )
        return InputFileError(Message("is no operations log: {words}", words=words), where=self._name)


def _sqlite(path: Path) -> sa.Engine:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            Message("{path} cannot be written: {reason}", path=path.parent, reason=error.strerror)
        ) from error
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30.0})
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _parsed(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # Not chained: the reason repeats the URL, and with it the password.
        raise UsageError(
            "the database's URL cannot be read", remedy="write postgresql://USER:PASSWORD@HOST/DATABASE"
        ) from None


def _postgresql(text: str) -> tuple[sa.Engine, str]:
    url = _parsed(text).set(drivername="postgresql+psycopg")
    try:
        engine = sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    except ModuleNotFoundError as error:
        raise DependencyError(
            "PostgreSQL needs the package psycopg", remedy="pip install 'airbeat[postgres]'"
        ) from error
    return engine, without_password(text)


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy says BEGIN itself, see _begin
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: sa.Connection) -> None:
    """A transaction that may write takes the file from its start, so that no two can read the same end."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
