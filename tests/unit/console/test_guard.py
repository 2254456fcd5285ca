"""Nobody uses the console who was not let in, and no page of another site uses it in their name."""

from __future__ import annotations

import re

import pytest

from airbeat.console.guard import CSRF_HEADER, MAX_BODY_BYTES

DECISION = {"candidate": "C001", "verdict": "person", "seen_event": 0}
PATHS = [
    "/",
    "/api/me",
    "/api/candidates",
    "/api/candidates/C001",
    "/api/layers",
    "/api/events",
    "/picture/crop/C001",
    "/picture/frame/" + "0" * 64,
]


@pytest.mark.parametrize("path", PATHS)
def test_without_a_session_nothing_is_shown(stranger, path):
    answer = stranger.get(path)
    assert answer.status_code == 401
    assert "C001" not in answer.text


@pytest.mark.parametrize("path", PATHS)
def test_a_forged_cookie_opens_nothing(stranger, path):
    stranger.cookies.set("airbeat-session", "A" * 43)
    assert stranger.get(path).status_code == 401


def test_a_link_lets_one_browser_in_and_no_second(console, stranger):
    link = f"/enter?token={console.sessions.link()}"
    first = stranger.get(link)
    assert first.status_code == 303
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    stranger.cookies.clear()
    assert stranger.get(link).status_code == 403
    for wrong in ("", "x", "é", "0" * 10_000):
        assert stranger.get("/enter", params={"token": wrong}).status_code == 403


def test_a_link_ends_after_a_quarter_of_an_hour(console, stranger, monkeypatch):
    token = console.sessions.link()
    from airbeat.console import sessions

    later = sessions.time.monotonic() + 901
    monkeypatch.setattr(sessions.time, "monotonic", lambda: later)
    assert stranger.get(f"/enter?token={token}").status_code == 403


@pytest.mark.parametrize("path", ["/api/decide", "/api/undo", "/api/claim", "/api/invite", "/api/me"])
def test_what_changes_something_needs_the_token_of_the_session(signed, path):
    client = signed()
    right = client.headers.pop(CSRF_HEADER)
    for wrong in (None, "", "x", right[:-1], right.swapcase()):
        headers = {} if wrong is None else {CSRF_HEADER: wrong}
        assert client.post(path, json=DECISION, headers=headers).status_code == 403
    assert client.get("/api/candidates").json()["counts"]["unreviewed"] == 12


def test_the_token_of_another_session_is_of_no_use(signed):
    mine, theirs = signed("Desk A"), signed("Desk K")
    answer = mine.post("/api/decide", json=DECISION, headers={CSRF_HEADER: theirs.headers[CSRF_HEADER]})
    assert answer.status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:9999", ""])
def test_a_page_of_another_site_can_change_nothing(signed, origin):
    answer = signed().post("/api/decide", json=DECISION, headers={"origin": origin})
    assert answer.status_code == 403
    assert "another site" in answer.json()["error"]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1:1", "127.0.0.1", "", "127.0.0.1:8631.evil.example"]
)
def test_a_name_that_is_not_ours_is_not_served(signed, host):
    client = signed()
    for path in ("/", "/api/candidates", "/static/desk.js"):
        assert client.get(path, headers={"host": host}).status_code == 421


def test_every_answer_forbids_what_files_could_bring_along(signed, stranger):
    for answer in (
        signed().get("/"),
        signed().get("/api/candidates"),
        signed().get("/static/desk.js"),
        stranger.get("/api/me"),
        stranger.get("/enter?token=x"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers


def test_pages_ask_nothing_of_any_other_address(signed):
    client = signed()
    files = ["/", "/login", "/static/console.css"]
    files += [f"/static/{name}.js" for name in ("api", "desk", "map", "viewer")]
    for file in files:
        addresses = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", client.get(file).text))
        assert not addresses, file


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2f..%2f..%2fetc/passwd",
        "/static/leaflet/../../../../../../../etc/passwd",
        "/static//etc/passwd",
        "/static/leaflet/%2e%2e%2f__init__.py",
        "/picture/crop/..%2f..%2fcandidates.json",
        "/picture/frame/..%2f..%2f..%2fetc%2fpasswd",
        "/picture/around/x?x=nan&y=1e999",
        "/picture/around/" + "0" * 64 + "?x=1",
        "/api/candidates/%00",
        "/nothing/of/the/kind",
    ],
)
def test_no_path_leads_out(signed, path):
    answer = signed().get(path)
    assert answer.status_code == 404
    assert "root:" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"candidate": "C001"}', "application/json", 400),
        (b'{"candidate": 1, "verdict": "no", "seen_event": 0}', "application/json", 400),
        (b'{"candidate": "C001", "verdict": "no", "seen_event": 0, "more": 1}', "application/json", 400),
        (b'{"candidate": "C001", "verdict": "alive", "seen_event": 0}', "application/json", 404),
        (b'{"candidate": "C999", "verdict": "no", "seen_event": 0}', "application/json", 404),
        (b'{"candidate": "C001", "verdict": "no", "seen_event": -1}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"candidate=C001", "application/x-www-form-urlencoded", 415),
        (b'{"candidate": "C001", "verdict": "no", "seen_event": 0}', "text/plain", 415),
        (b" " * (MAX_BODY_BYTES + 1), "application/json", 413),
    ],
)
def test_what_is_no_decision_is_refused_and_nothing_is_recorded(signed, body, kind, status):
    client = signed()
    answer = client.post("/api/decide", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert "error" in answer.json()
    assert "Traceback" not in answer.text
    assert client.get("/api/candidates").json()["counts"]["unreviewed"] == 12


def test_a_body_without_a_length_ends_at_the_limit(signed):
    def endless():
        for _ in range(MAX_BODY_BYTES // 100_000 + 2):
            yield b" " * 100_000

    answer = signed().post("/api/decide", content=endless(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize("console", [{"password": "a long password"}], indirect=True)
def test_a_password_lets_in_and_wrong_ones_are_soon_not_looked_at(console, stranger, monkeypatch):
    from airbeat.console import app

    async def at_once(_s: float) -> None:
        return None

    monkeypatch.setattr(app.asyncio, "sleep", at_once)
    origin = {"origin": "http://127.0.0.1:8631"}
    assert stranger.get("/").headers["location"] == "/login"
    assert stranger.post("/login", data={"password": "a long password"}).status_code == 403  # no Origin
    for _ in range(5):
        assert stranger.post("/login", data={"password": "guess"}, headers=origin).status_code == 403
    assert stranger.post("/login", data={"password": "a long password"}, headers=origin).status_code == 403
    console.sessions._wrong_s.clear()
    assert stranger.post("/login", data={"password": "a long password"}, headers=origin).status_code == 303
    assert stranger.get("/").status_code == 200


def test_without_a_password_there_is_no_login(stranger):
    assert stranger.get("/login").status_code == 404
    answer = stranger.post("/login", data={"password": ""}, headers={"origin": "http://127.0.0.1:8631"})
    assert answer.status_code == 404


def test_a_name_is_asked_for_and_plain(signed):
    client = signed()
    for wrong in ("", " ", "\u202egnp", "a\0b", "x" * 61):
        assert client.post("/api/me", json={"name": wrong}).status_code == 400
    assert client.get("/api/me").json()["name"] == "Desk K"
