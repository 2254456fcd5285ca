"""Rounds over a part of a beat, sortie after sortie, such that nothing waits too long.

The drones of a crew follow one cycle of visits, in which urgent stops come more often (``template``), each
flight taking it up where the one before left it. What is closed or was seen too lately is passed over; a stop
that would become overdue before the next flight is put into this one out of turn.

Times are seconds after the beginning of the shift. Idleness is the time since the last visit began, counted
from the beginning of a window to its first visit and from the last to its end (Machado et al. 2002, weighted
as in Alamdari, Fata and Smith 2014).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from airbeat.patrol.batteries import BatteryBook, Pack

__all__ = ["Crew", "Gap", "Rounds", "Route", "Sortie", "gaps_of", "patrolled", "worst_of"]

Window = tuple[float, float]

_IDLE_STEP_S = 60.0
"""After a flight that would see nothing it is tried again so much later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Drones that share stops and a launch place.

    Attributes:
        legs_s: (n + 1, n + 1) times from stop to stop; the launch place is number n [s].
        service_s: of each stop [s].
        windows: of each stop: when visits count, in order; each needs a visit of its own.
        interval: most time between two visits of a stop at a time [s]; inf for no limit.
        weight: of a stop at a time; idleness is multiplied by it.
        least_s: least time between two visits of each stop [s].
        packs: batteries of the drones, all alike in what they fly.
        up_s, down_s: take-off and landing [s].
        until_s: when everything must be on the ground [s].
    """

    legs_s: Sequence[Sequence[float]]
    service_s: Sequence[float]
    windows: Sequence[Sequence[Window]]
    interval: Callable[[int, float], float]
    weight: Callable[[int, float], float]
    least_s: Sequence[float]
    packs: Sequence[Pack]
    up_s: float
    down_s: float
    until_s: float

    @property
    def stops(self) -> int:
        """How many there are."""
        return len(self.service_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sortie:
    """A flight: drone, take-off, landing, and (stop, beginning) in flying order [s]."""

    drone: int
    take_off_s: float
    land_s: float
    visits: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Time without a visit.

    Attributes:
        stop: number of the stop.
        begin_s, end_s: from a visit, or the window's beginning, to the next, or the window's end [s].
        allowed_s: most that it may last by the interval in force at its beginning [s].
        weight: in force at its beginning.
    """

    stop: int
    begin_s: float
    end_s: float
    allowed_s: float
    weight: float

    @property
    def length_s(self) -> float:
        """How long it lasts [s]."""
        return self.end_s - self.begin_s

    @property
    def weighted_s(self) -> float:
        """Length times weight [s]."""
        return self.length_s * self.weight

    @property
    def over_s(self) -> float:
        """By how much it is longer than it may [s]; 0 where it is not."""
        return max(0.0, self.length_s - self.allowed_s)


@dataclass(slots=True, kw_only=True, eq=False)
class Rounds:
    """Where the rounds of a crew are.

    Attributes:
        crew: who flies.
        loop: the cycle of visits; a stop may be in it several times.
        bound_s: weighted idleness that is kept below where it can be [s].
        last_s: when each stop was last visited; −inf for never.
        at: number in the loop at which the next flight begins.
        book: batteries and pads.
        sorties: flown so far.
    """

    crew: Crew
    loop: list[int]
    bound_s: float
    last_s: list[float]
    at: int = 0
    book: BatteryBook
    sorties: list[Sortie] = field(default_factory=list)

    @classmethod
    def begun(
        cls,
        crew: Crew,
        loop: Sequence[int],
        bound_s: float = math.inf,
        *,
        busy: Mapping[int, Sequence[float]] | None = None,
    ) -> Rounds:
        """Rounds before their first flight.

        Args:
            crew: who flies.
            loop: the cycle of visits.
            bound_s: weighted idleness to keep below [s].
            busy: take-offs of other crews from each launch site, by its number [s].
        """
        return cls(
            crew=crew,
            loop=list(loop),
            bound_s=bound_s,
            last_s=[-math.inf] * crew.stops,
            book=BatteryBook(crew.packs, busy=busy),
        )

    def copied(self) -> Rounds:
        """The same, to try something out."""
        return Rounds(
            crew=self.crew,
            loop=list(self.loop),
            bound_s=self.bound_s,
            last_s=list(self.last_s),
            at=self.at,
            book=self.book.copied(),
            sorties=list(self.sorties),
        )

    def allowed_s(self, stop: int, now_s: float) -> float:
        """How long a stop may wait from a time on: by its interval and by the bound [s]."""
        weight = self.crew.weight(stop, now_s)
        bound = self.bound_s / weight if weight > 0 else math.inf
        return min(self.crew.interval(stop, now_s), bound)

    def due_s(self, stop: int, now_s: float, *, last_s: float | None = None) -> tuple[float, float] | None:
        """From when and until when a stop should be visited next; None where it need not be any more.

        Args:
            stop: its number.
            now_s: not before this time.
            last_s: when it was last visited, where that is not booked yet.
        """
        crew = self.crew
        last = self.last_s[stop] if last_s is None else last_s
        service = crew.service_s[stop]
        for begin, end in crew.windows[stop]:
            latest = end - service
            if now_s > latest:
                continue
            release = last + crew.least_s[stop]
            if last >= begin:
                due = last + self.allowed_s(stop, max(last, 0.0))
                if due > latest:
                    continue
            else:
                release = max(release, begin)
                due = min(begin + self.allowed_s(stop, begin), latest)
            return max(release, begin), max(due, release)
        return None

    def next_ready(self, not_before_s: float = 0.0) -> tuple[int, float] | None:
        """The drone that can leave first, and when [s]; None where the shift is over before it is back."""
        crew = self.crew
        drone = min(range(len(crew.packs)), key=lambda d: (self.book.ready_s(d), d))
        take_off = max(self.book.ready_s(drone), not_before_s)
        return None if take_off + crew.up_s + crew.down_s >= crew.until_s else (drone, take_off)

    def next_route(self, drone: int, take_off_s: float) -> Route | None:
        """What the next flight of a drone would be; None where it would see nothing."""
        route = Route(self, drone, take_off_s)
        return route if route.visits else None

    def fly(self, route: Route) -> Sortie:
        """Book a flight."""
        sortie = route.sortie()
        for stop, begin in sortie.visits:
            self.last_s[stop] = begin
        self.book.fly(route.drone, route.take_off_s, sortie.land_s)
        self.sorties.append(sortie)
        self.at = route.at
        return sortie


class Route:
    """One flight along the cycle, before it is booked.

    Attributes:
        drone: number of the drone.
        take_off_s: when it leaves [s].
        visits: stops in flying order.
        at: number in the cycle at which the next flight begins.
    """

    def __init__(self, rounds: Rounds, drone: int, take_off_s: float) -> None:
        crew = rounds.crew
        self._rounds, self._crew = rounds, crew
        self.drone, self.take_off_s = drone, take_off_s
        battery = crew.packs[drone].flight_s
        self._limit = min(take_off_s + battery, crew.until_s) - crew.down_s
        self.visits: list[int] = []
        self._steps: list[int] = []
        self.at = rounds.at
        self._along()
        self._urgent()

    def _along(self) -> None:
        """Follow the cycle as far as the battery lasts, at most once through."""
        rounds, crew = self._rounds, self._crew
        pad, legs = crew.stops, crew.legs_s
        clock, here = self.take_off_s + crew.up_s, pad
        seen: dict[int, float] = {}
        for step in range(len(rounds.loop)):
            stop = rounds.loop[(rounds.at + step) % len(rounds.loop)]
            arrive = clock + legs[here][stop]
            due = rounds.due_s(stop, arrive, last_s=seen.get(stop))
            if due is not None and due[0] <= arrive:
                leave = arrive + crew.service_s[stop]
                if leave + legs[stop][pad] > self._limit:
                    break
                self.visits.append(stop)
                self._steps.append(step)
                seen[stop] = arrive
                clock, here = leave, stop
            self.at = (rounds.at + step + 1) % len(rounds.loop)

    def _urgent(self) -> None:
        """Put in what would be overdue before the next flight could see it."""
        rounds, crew = self._rounds, self._crew
        pack = crew.packs[self.drone]
        end = self.take_off_s + pack.flight_s + pack.swap_s + crew.up_s
        chosen = set(self.visits)
        waiting = []
        for stop in range(crew.stops):
            if stop in chosen:
                continue
            due = rounds.due_s(stop, self.take_off_s)
            if due is not None and due[0] < self._limit and due[1] < end + crew.legs_s[crew.stops][stop]:
                waiting.append((due[1], stop))
        for due_s, stop in sorted(waiting):
            self._put_in(stop, due_s)

    def _put_in(self, stop: int, due_s: float) -> None:
        """Put a stop where it costs least and is in time; visits at the end give way to it."""
        crew = self._crew
        pad, legs = crew.stops, crew.legs_s
        for keep in range(len(self.visits), -1, -1):
            kept = self.visits[:keep]
            places = []
            for k in range(keep + 1):
                before = kept[k - 1] if k else pad
                after = kept[k] if k < keep else pad
                more = legs[before][stop] + legs[stop][after] - (legs[before][after] if kept else 0.0)
                places.append((more, k))
            for _, k in sorted(places):
                tried = [*kept[:k], stop, *kept[k:]]
                if self.fits(tried, due={stop: due_s}):
                    if keep < len(self.visits):
                        later = [s for s in self._steps[keep:] if s >= 0]
                        if later:
                            self.at = (self._rounds.at + later[0]) % len(self._rounds.loop)
                    self.visits = tried
                    self._steps = [*self._steps[:keep][:k], -1, *self._steps[:keep][k:]]
                    return

    def fits(self, stops: Sequence[int], *, due: Mapping[int, float]) -> bool:
        """Whether the battery lasts for stops in an order, all open when reached, some in time."""
        begins, home = self._timed(stops)
        if home > self._limit:
            return False
        seen: dict[int, float] = {}
        for stop, begin in zip(stops, begins, strict=True):
            window = self._rounds.due_s(stop, begin, last_s=seen.get(stop))
            if window is None or window[0] > begin + 1e-6 or begin > due.get(stop, math.inf) + 1e-6:
                return False
            seen[stop] = begin
        return True

    def reorder(self, stops: Sequence[int]) -> bool:
        """Fly the same visits in another order; False, and no change, where that does not fit."""
        if not self.fits(stops, due={}):
            return False
        self.visits = list(stops)
        return True

    def _timed(self, stops: Sequence[int]) -> tuple[list[float], float]:
        """When each begins, and when the drone is back over the pad [s]."""
        crew = self._crew
        clock, here = self.take_off_s + crew.up_s, crew.stops
        begins = []
        for stop in stops:
            clock += crew.legs_s[here][stop]
            begins.append(clock)
            clock += crew.service_s[stop]
            here = stop
        return begins, clock + crew.legs_s[here][crew.stops]

    def sortie(self) -> Sortie:
        """The flight."""
        begins, home = self._timed(self.visits)
        return Sortie(
            drone=self.drone,
            take_off_s=self.take_off_s,
            land_s=home + self._crew.down_s,
            visits=tuple(zip(self.visits, begins, strict=True)),
        )


def patrolled(rounds: Rounds) -> Rounds:
    """Fly on until the shift ends, leaving as soon as something is to be seen."""
    waited = 0.0
    while (ready := rounds.next_ready(waited)) is not None:
        route = rounds.next_route(*ready)
        waited = 0.0
        if route is None:
            waited = ready[1] + _IDLE_STEP_S
        else:
            rounds.fly(route)
    return rounds


def gaps_of(crew: Crew, sorties: Sequence[Sortie]) -> list[Gap]:
    """The times without a visit of each stop in each of its windows.

    Args:
        crew: whose stops.
        sorties: what was flown.
    """
    times: list[list[float]] = [[] for _ in range(crew.stops)]
    for sortie in sorties:
        for stop, begin in sortie.visits:
            times[stop].append(begin)
    gaps = []
    for stop, seen in enumerate(times):
        seen.sort()
        for begin, end in crew.windows[stop]:
            inside = [t for t in seen if begin <= t <= end]
            for a, b in pairwise([begin, *inside, end]):
                gaps.append(
                    Gap(
                        stop=stop,
                        begin_s=a,
                        end_s=b,
                        allowed_s=crew.interval(stop, a),
                        weight=crew.weight(stop, a),
                    )
                )
    return gaps


def worst_of(gaps: Sequence[Gap]) -> float:
    """Worst weighted idleness [s]."""
    return max((g.weighted_s for g in gaps), default=0.0)
