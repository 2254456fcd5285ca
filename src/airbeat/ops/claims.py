"""Who looks at which candidate right now, so that two people do not do the same work.

A claim is a courtesy with an end: it lies beside the log, not in it, proves nothing, and hinders nobody from
deciding. Two consoles on one database see each other's claims.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import sqlalchemy as sa

from airbeat.ops.store import CLAIMS, Store

__all__ = ["CLAIM_S", "Claims"]

CLAIM_S = 90.0
"""How long a candidate stays with a reviewer who does not say anything more [s]."""


class Claims:
    """The claims of one operation.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def take_first(self, wanted: Sequence[str], *, reviewer: str, now_s: float | None = None) -> str | None:
        """Claim the first of these that nobody else has; the reviewer's other claims end.

        Returns:
            What was claimed; None where others have all of it.
        """
        return next(iter(self.take(wanted, most=1, reviewer=reviewer, now_s=now_s)), None)

    def take(
        self, wanted: Sequence[str], *, most: int, reviewer: str, now_s: float | None = None
    ) -> list[str]:
        """Claim the first few of these that nobody else has; the reviewer's other claims end.

        Args:
            wanted: what may be claimed, the best first, each once.
            most: how many may be claimed at once.
            reviewer: who.
            now_s: the time [s since 1970]; None for now.

        Returns:
            What was claimed, the best first; empty where others have all of it.
        """
        now_s = time.time() if now_s is None else now_s
        with self._store.transaction() as connection:
            self._store.hold_claims(connection)
            connection.execute(
                CLAIMS.delete().where((CLAIMS.c.until_s < now_s) | (CLAIMS.c.reviewer == reviewer))
            )
            taken = set(connection.execute(sa.select(CLAIMS.c.candidate)).scalars())
            chosen = [key for key in wanted if key not in taken][:most]
            if chosen:
                rows = [{"candidate": k, "reviewer": reviewer, "until_s": now_s + CLAIM_S} for k in chosen]
                connection.execute(CLAIMS.insert(), rows)
        return chosen

    def held(self, *, now_s: float | None = None) -> dict[str, str]:
        """Reviewer by what is claimed."""
        now_s = time.time() if now_s is None else now_s
        with self._store.transaction() as connection:
            rows = connection.execute(sa.select(CLAIMS).where(CLAIMS.c.until_s >= now_s))
            return {row.candidate: row.reviewer for row in rows}

    def leave(self, *, reviewer: str) -> None:
        """End all claims of a reviewer."""
        with self._store.transaction() as connection:
            self._store.hold_claims(connection)
            connection.execute(CLAIMS.delete().where(CLAIMS.c.reviewer == reviewer))
