"""A console with twelve candidates, and browsers that are signed in to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra console is not installed")

from starlette.testclient import TestClient

from airbeat.console.app import Console, console_app
from airbeat.console.desk import Desk
from airbeat.console.guard import CSRF_HEADER
from airbeat.console.layers import map_layers
from airbeat.console.sessions import Sessions
from airbeat.ops.log import OperationsLog

HOST = "127.0.0.1:8631"

Signed = Callable[..., TestClient]


@pytest.fixture
def console(search_folder: Callable[..., Path], request: pytest.FixtureRequest) -> Iterator[Console]:
    """The console of one search; ``second_look`` and ``password`` by indirect parameters."""
    wanted: dict[str, Any] = getattr(request, "param", {})
    folder = search_folder(12)
    with OperationsLog(folder / "operations.sqlite") as log:
        desk = Desk(folder, folder.parent / "photos", log, second_look=wanted.get("second_look", False))
        yield Console(
            desk=desk,
            sessions=Sessions(password=wanted.get("password", "")),
            layers=lambda: map_layers(desk.results, None, []),
            hosts=lambda: frozenset({HOST}),
            name="test <search>",
        )


@pytest.fixture
def stranger(console: Console) -> TestClient:
    """A browser that is not signed in."""
    return TestClient(console_app(console), base_url=f"http://{HOST}", follow_redirects=False)


@pytest.fixture
def signed(console: Console) -> Signed:
    """Call with a name: a browser that is signed in under it."""

    def sign(name: str = "Desk K") -> TestClient:
        client = TestClient(console_app(console), base_url=f"http://{HOST}", follow_redirects=False)
        assert client.get(f"/enter?token={console.sessions.link()}").status_code == 303
        client.headers[CSRF_HEADER] = client.get("/api/me").json()["csrf"]
        assert client.post("/api/me", json={"name": name}).json()["name"] == name
        return client

    return sign
