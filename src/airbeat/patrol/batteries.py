"""When drones can fly: batteries that are full, chargers that are free, landings that leave the pad free."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["BatteryBook", "Pack", "full_flights"]

STAGGER_S = 15.0
"""Between two take-offs from one launch site, so that one drone at a time is over the pad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """The batteries of a drone.

    Attributes:
        site: number of the launch site, whose chargers it shares.
        chargers: how many batteries charge there at once.
        batteries: how many the drone has, all full at first.
        charge_s: to charge one that came back empty [s]; one that is half full takes half as long.
        swap_s: on the ground between two flights [s].
        flight_s: how long a full battery flies [s].
    """

    site: int
    chargers: int
    batteries: int
    charge_s: float
    swap_s: float
    flight_s: float


class BatteryBook:
    """Books flights one after another in the order of their landings, and says when the next can leave.

    Args:
        packs: of the drones, by their numbers.
        busy: take-offs of others from each launch site, by its number [s].
    """

    def __init__(self, packs: Sequence[Pack], *, busy: Mapping[int, Sequence[float]] | None = None) -> None:
        self._busy = {site: sorted(times) for site, times in (busy or {}).items()}
        self._packs = list(packs)
        self._ready = [0.0] * len(packs)
        self._full = [[0.0] * pack.batteries for pack in packs]
        self._chargers: dict[int, list[float]] = {p.site: [0.0] * p.chargers for p in packs}
        self._last_take_off: dict[int, float] = {}

    def copied(self) -> BatteryBook:
        """The same, to try something out."""
        other = BatteryBook(())
        other._packs, other._busy = self._packs, self._busy
        other._ready = list(self._ready)
        other._full = [list(f) for f in self._full]
        other._chargers = {site: list(free) for site, free in self._chargers.items()}
        other._last_take_off = dict(self._last_take_off)
        return other

    def ready_s(self, drone: int) -> float:
        """Earliest next take-off of a drone [s]."""
        pack = self._packs[drone]
        pad = self._last_take_off.get(pack.site, -STAGGER_S) + STAGGER_S
        return self.pad_free_s(drone, max(self._ready[drone], self._full[drone][0], pad, 0.0))

    def pad_free_s(self, drone: int, take_off_s: float) -> float:
        """The first time from one on at which no other crew's drone takes off from the same pad [s]."""
        for other in self._busy.get(self._packs[drone].site, ()):
            if abs(other - take_off_s) < STAGGER_S:
                take_off_s = other + STAGGER_S
        return take_off_s

    def fly(self, drone: int, take_off_s: float, land_s: float) -> None:
        """Book a flight: its battery goes to the first charger that is free."""
        pack = self._packs[drone]
        heapq.heappop(self._full[drone])
        chargers = self._chargers[pack.site]
        used = min(1.0, (land_s - take_off_s) / pack.flight_s)
        full = max(land_s, chargers[0]) + used * pack.charge_s
        heapq.heapreplace(chargers, full)
        heapq.heappush(self._full[drone], full)
        self._ready[drone] = land_s + pack.swap_s
        last = self._last_take_off.get(pack.site, -STAGGER_S)
        self._last_take_off[pack.site] = max(last, take_off_s)


def full_flights(
    packs: Sequence[Pack], *, until_s: float, shortest_s: float, first_s: float | None = None
) -> list[tuple[int, float, float]]:
    """Flights that can be made whatever each of them does: (drone, take-off, latest landing) [s].

    Every flight is taken to empty its battery, so that whoever keeps to these times finds a full one.

    Args:
        packs: of the drones.
        until_s: when the last must be on the ground.
        shortest_s: flights shorter than this are of no use.
        first_s: when the first flight of each drone ends at the latest; None for a whole battery.
    """
    book = BatteryBook(packs)
    flights: list[tuple[int, float, float]] = []
    begun = [False] * len(packs)
    while True:
        drone = min(range(len(packs)), key=lambda d: (book.ready_s(d), d))
        start = book.ready_s(drone)
        if start + shortest_s > until_s:
            return sorted(flights, key=lambda f: (f[0], f[1]))
        flight_s = packs[drone].flight_s
        if first_s is not None and not begun[drone]:
            flight_s = max(min(first_s, flight_s), shortest_s)
        begun[drone] = True
        land = min(start + flight_s, until_s)
        flights.append((drone, start, land))
        book.fly(drone, start, start + flight_s)
