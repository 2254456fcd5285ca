"""Who may use the console: one-time links, a password where it listens beyond this machine, sessions."""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass, field

__all__ = ["Session", "Sessions"]

LINK_S = 900.0
"""How long a one-time link may be used [s]."""
SESSION_S = 16 * 3600.0
"""How long a browser stays signed in [s]; longer than any shift."""
_TRIES, _TRIES_S = 5, 60.0
"""Wrong passwords in so many seconds, after which none is looked at."""


@dataclass(slots=True)
class Session:
    """One signed-in browser.

    Attributes:
        csrf: what every request that changes something must carry.
        until_s: when it ends, on the monotonic clock [s].
        name: who sits there; "" until said.
    """

    csrf: str
    until_s: float
    name: str = ""


@dataclass
class Sessions:
    """All sessions of one console; they end with the program.

    Attributes:
        password: what ``/login`` takes; "" where there is no password.
    """

    password: str = ""
    _links: dict[str, float] = field(default_factory=dict)
    _sessions: dict[str, Session] = field(default_factory=dict)
    _wrong_s: list[float] = field(default_factory=list)

    def link(self) -> str:
        """A new token for one use within a quarter of an hour."""
        token = secrets.token_urlsafe(32)
        self._links[token] = time.monotonic() + LINK_S
        return token

    def enter(self, token: str) -> str | None:
        """The key of a new session for a token, which is used up; None for a token that is not known."""
        known = next((t for t in self._links if hmac.compare_digest(t.encode(), token.encode())), None)
        if known is None or self._links.pop(known) < time.monotonic():
            return None
        return self._begin()

    def login(self, password: str) -> str | None:
        """The key of a new session; None for a wrong password, or after too many of them."""
        now_s = time.monotonic()
        self._wrong_s = [t for t in self._wrong_s if t > now_s - _TRIES_S]
        if not self.password or len(self._wrong_s) >= _TRIES:
            return None
        if not hmac.compare_digest(self.password.encode(), password.encode()):
            self._wrong_s.append(now_s)
            return None
        return self._begin()

    def find(self, key: str) -> Session | None:
        """The session of a cookie, None where it has none or it has ended."""
        session = self._sessions.get(key)
        if session is not None and session.until_s < time.monotonic():
            del self._sessions[key]
            return None
        return session

    def _begin(self) -> str:
        key = secrets.token_urlsafe(32)
        until_s = time.monotonic() + SESSION_S
        self._sessions[key] = Session(csrf=secrets.token_urlsafe(32), until_s=until_s)
        return key
