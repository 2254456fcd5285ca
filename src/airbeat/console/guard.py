"""What every request must pass before the console looks at it, and what every answer carries.

Against DNS rebinding the ``Host`` must be one of ours; against other sites' pages the ``Origin`` must be
ours and the session's token must be in a header that no form can send; against what files bring along, the
content security policy allows scripts, styles and connections from the console alone.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airbeat.console.sessions import Session, Sessions
from airbeat.console.words import WORDS_PATH

__all__ = ["COOKIE", "CSRF_HEADER", "MAX_BODY_BYTES", "Guard"]

COOKIE = "airbeat-session"
CSRF_HEADER = "x-airbeat-csrf"
MAX_BODY_BYTES = 4_000_000
_OPEN = ("/enter", "/login", "/static/", WORDS_PATH)
_SAFE = {"GET", "HEAD"}
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class Guard:
    """ASGI middleware around the whole console.

    Args:
        app: the console.
        sessions: who is signed in.
        hosts: values of ``Host`` that are ours, e.g. ``127.0.0.1:8631``.
    """

    def __init__(self, app: ASGIApp, *, sessions: Sessions, hosts: Callable[[], frozenset[str]]) -> None:
        self._app = app
        self._sessions = sessions
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, _with_headers(send))
            return
        await self._app(scope, _limited(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        if headers.get("host", "").lower() not in self._hosts():
            return _refused(421, "this address is not the console's")
        session = self._sessions.find(_cookie(headers))
        scope["session"] = session
        if method not in _SAFE:
            wrong = self._forged(headers, session, path)
            if wrong:
                return _refused(403, wrong)
        if session is None and not path.startswith(_OPEN):
            if path.startswith("/api/") or method not in _SAFE or not self._sessions.password:
                return _refused(401, "open the console with the link that airbeat console printed")
            return RedirectResponse("/login", status_code=303)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            return _refused(413, f"more than {MAX_BODY_BYTES // 1_000_000} MB are not taken")
        return None

    def _forged(self, headers: Headers, session: Session | None, path: str) -> str:
        origin = headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] not in self._hosts():
            return "the request comes from another site's page"
        if path == "/login":
            return "" if origin is not None else "the request does not say from which page it comes"
        given = headers.get(CSRF_HEADER, "")
        if session is None or not hmac.compare_digest(session.csrf.encode(), given.encode()):
            return "the request does not carry this session's token; reload the page"
        return ""


def session_of(request: Request) -> Session:
    """The session of a request that has passed."""
    session: Session = request.scope["session"]
    return session


def _cookie(headers: Headers) -> str:
    try:
        cookie = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookie[COOKIE].value if COOKIE in cookie else ""


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status_code=status)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if "server" in headers:
                del headers["server"]
        await send(message)

    return sending


class TooMuchError(Exception):
    """A request's body goes on beyond the limit."""


def _limited(receive: Receive) -> Receive:
    """A body without a stated length ends the request at the limit too."""
    taken = 0

    async def receiving() -> Message:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > MAX_BODY_BYTES:
                raise TooMuchError
        return message

    return receiving
