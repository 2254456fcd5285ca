"""The two databases that the operations log is tested on; PostgreSQL is started by the tests themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from airbeat.ops.log import OperationsLog

_NUMBERS = count()


def _programs() -> Path | None:
    """Where PostgreSQL's own programs lie; Debian keeps them off the PATH."""
    known = shutil.which("initdb")
    folders = [Path(known).resolve().parent] if known else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "initdb").exists() and (f / "pg_ctl").exists()), None)


def _owner() -> str | None:
    """PostgreSQL refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else None


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server: the URL of its databases, with ``{database}`` in it; skipped without one."""
    pytest.importorskip("psycopg", reason="the package psycopg is not installed")
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine")
    with tempfile.TemporaryDirectory(prefix="airbeat-pg-") as name:
        folder = Path(name)
        if _owner():
            shutil.chown(folder, _owner())
        try:
            _run(programs / "initdb", "-D", folder / "data", "-U", "airbeat", "-A", "trust", "--no-sync")
            options = f"-k {folder} -c listen_addresses='' -c fsync=off"
            _run(
                programs / "pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w", "start"
            )
        except (OSError, KeyError, PermissionError, subprocess.CalledProcessError) as error:
            pytest.skip(f"PostgreSQL does not start here: {error}")
        try:
            yield f"postgresql://airbeat@/{{database}}?host={folder}"
        finally:
            _run(programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")


def _run(*words: str | Path) -> None:
    subprocess.run(
        [str(w) for w in words],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=_owner(),
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a log may lie: a new SQLite file, or a new database of a PostgreSQL server."""
    if request.param == "sqlite":
        return tmp_path / "operations.sqlite"
    import psycopg

    server: str = request.getfixturevalue("postgresql")
    name = f"operations_{next(_NUMBERS)}"
    with psycopg.connect(server.format(database="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.format(database=name)


@pytest.fixture
def log(place: Path | str) -> Iterator[OperationsLog]:
    """An empty log in either database."""
    with OperationsLog(place) as opened:
        yield opened
