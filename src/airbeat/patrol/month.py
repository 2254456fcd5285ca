"""A month's totals of proven flights, by kind of duty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

__all__ = ["DutyKind", "DutyTotal", "month_totals"]


class DutyKind(StrEnum):
    """What a flight was for."""

    PATROL = "patrol"
    CASE = "case"
    RESCUE = "rescue"
    EVENT = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyTotal:
    """Totals of one kind of duty.

    Attributes:
        duty: the kind.
        days: days with a flight.
        flights: how many.
        flight_s: time in the air [s].
        length_m: flown over ground [m].
        pictures: photographs.
        required: visits that were asked for.
        seen: of them those that were made.
    """

    duty: DutyKind
    days: int
    flights: int
    flight_s: float
    length_m: float
    pictures: int
    required: int
    seen: int


def month_totals(proofs: Iterable[Mapping[str, Any]], *, year: int, month: int) -> tuple[DutyTotal, ...]:
    """Totals of a month, one for each kind of duty.

    Of proofs of the same day, beat and duty the last one counts; no flight counts twice.

    Args:
        proofs: documents as ``airbeat patrol prove`` writes them, in the order in which they were made.
        year, month: by the local days of the proofs.
    """
    last: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for proof in proofs:
        day = date.fromisoformat(str(proof["day"]))
        if (day.year, day.month) != (year, month):
            continue
        flights = "" if proof["beat"] else ",".join(sorted(f["sha256"] for f in proof["flights"]))
        key = (str(proof["day"]), str((proof["beat"] or {}).get("name", flights)), str(proof["duty"]))
        last.pop(key, None)
        last[key] = proof
    return tuple(_total(kind, last.values()) for kind in DutyKind)


def _total(kind: DutyKind, proofs: Iterable[Mapping[str, Any]]) -> DutyTotal:
    own = [p for p in proofs if p["duty"] == kind.value]
    flights = {f["sha256"]: (p["day"], f) for p in own for f in p["flights"]}
    return DutyTotal(
        duty=kind,
        days=len({day for day, _ in flights.values()}),
        flights=len(flights),
        flight_s=sum(float(f["duration_s"]) for _, f in flights.values()),
        length_m=sum(float(f["length_m"]) for _, f in flights.values()),
        pictures=sum(int(f["pictures"]) for _, f in flights.values()),
        required=sum(len(p["visits"]) for p in own),
        seen=sum(bool(v["seen"]) for p in own for v in p["visits"]),
    )
