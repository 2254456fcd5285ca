"""Tours as a problem of their own: stops with windows, flights with batteries, times between places.

A stop can be served by any of its choices: a direction of a line, an entry of a circle, one of several
windows. A slot is a flight that a drone can make: from when, until when, for how long. Every solver takes a
:class:`TourProblem` and gives tours, which are timed here by one rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from airbeat.patrol.legtimes import LegTimes

__all__ = ["Choice", "Slot", "Timing", "Tour", "TourProblem", "timed", "total_s"]

_ROUND_S = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way of serving a stop.

    Attributes:
        stop: number of the stop.
        way: number of the way among those of the stop.
        window: number of the window among those of the stop.
        start, end: numbers of the places where it is entered and left.
        service_s: how long it takes [s].
        early_s, late_s: when it may begin [s after the beginning of the shift].
    """

    stop: int
    way: int = 0
    window: int = 0
    start: int
    end: int
    service_s: float
    early_s: float
    late_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A flight that a drone can make.

    Attributes:
        drone: number of the drone.
        place: number of the place from which it flies and to which it returns.
        up_s, down_s: take-off and landing [s].
        early_s: earliest take-off [s after the beginning of the shift].
        late_s: latest landing [s].
        most_s: longest flight, take-off and landing included [s].
        loudspeaker: whether the drone has one.
        profile: number of the leg times that hold for it.
        price_s: what it costs beside what every flight costs [s].
    """

    drone: int
    place: int
    up_s: float
    down_s: float
    early_s: float
    late_s: float
    most_s: float
    loudspeaker: bool = False
    profile: int = 0
    price_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TourProblem:
    """Stops to be served.

    Attributes:
        names: of the stops.
        choices: of all stops, those of a stop beside one another, in the order of the stops.
        slots: flights there can be.
        legs: times between places, one for each profile.
        speaking: numbers of the stops that need a loudspeaker.
        sortie_price_s: what one flight more costs beside its time in the air [s].
    """

    names: tuple[str, ...]
    choices: tuple[Choice, ...]
    slots: tuple[Slot, ...]
    legs: tuple[LegTimes, ...]
    speaking: frozenset[int] = frozenset()
    sortie_price_s: float = 0.0
    _by_stop: dict[int, tuple[int, ...]] = field(default_factory=dict, compare=False, repr=False)

    def of_stop(self, stop: int) -> tuple[int, ...]:
        """Numbers of the choices of a stop."""
        if not self._by_stop:
            for number, choice in enumerate(self.choices):
                self._by_stop[choice.stop] = (*self._by_stop.get(choice.stop, ()), number)
        return self._by_stop.get(stop, ())

    def may_fly(self, slot: Slot, stop: int) -> bool:
        """Whether a slot's drone can serve a stop at all."""
        return slot.loudspeaker or stop not in self.speaking


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """One flight: its slot, and the numbers of the choices in the order in which they are served."""

    slot: int
    choices: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a tour does what [s after the beginning of the shift].

    Attributes:
        take_off_s: when it leaves the ground.
        begin_s: when each service begins.
        land_s: when it is on the ground again.
        travel_s: time between stops and to and from the launch place, take-off and landing included.
        late_s: by how much each service begins too late.
        over_s: by how much it is longer than its battery lasts, and later than its slot ends.
    """

    take_off_s: float
    begin_s: tuple[float, ...]
    land_s: float
    travel_s: float
    late_s: tuple[float, ...]
    over_s: float

    @property
    def duration_s(self) -> float:
        """Take-off to landing [s]."""
        return self.land_s - self.take_off_s

    @property
    def feasible(self) -> bool:
        """Whether nothing is late and the battery lasts."""
        return self.over_s <= _ROUND_S and all(late <= _ROUND_S for late in self.late_s)


def timed(problem: TourProblem, tour: Tour, *, not_before_s: float | None = None) -> Timing:
    """When a tour does what, leaving as late as nothing in it becomes later.

    A drone that would wait in the air for a window waits on the ground instead.

    Args:
        problem: what is served.
        tour: in which order.
        not_before_s: earliest take-off; None for that of the slot [s].
    """
    slot = problem.slots[tour.slot]
    legs = problem.legs[slot.profile].time_s
    earliest = slot.early_s if not_before_s is None else not_before_s
    chosen = [problem.choices[k] for k in tour.choices]
    # Forward at once, and how much later everything could begin without the end being later.
    clock, slack, waited = earliest + slot.up_s, np.inf, 0.0
    travel = slot.up_s + slot.down_s
    at = slot.place
    arrivals = []
    for choice in chosen:
        way = float(legs[at, choice.start])
        travel += way
        clock += way
        wait = max(0.0, choice.early_s - clock)
        slack = min(slack, waited + wait + max(0.0, choice.late_s - (clock + wait)))
        waited += wait
        clock += wait
        arrivals.append(clock)
        clock += choice.service_s
        at = choice.end
    way = float(legs[at, slot.place])
    travel += way
    land = clock + way + slot.down_s
    delay = min(waited, slack) if chosen else 0.0
    begin = _forward(problem, slot, chosen, earliest + delay)
    last = begin[-1] + chosen[-1].service_s + way + slot.down_s if chosen else land
    late = tuple(max(0.0, b - c.late_s) for b, c in zip(begin, chosen, strict=True))
    duration = last - (earliest + delay)
    return Timing(
        take_off_s=earliest + delay,
        begin_s=tuple(begin),
        land_s=last,
        travel_s=travel,
        late_s=late,
        over_s=max(0.0, duration - slot.most_s, last - slot.late_s),
    )


def _forward(problem: TourProblem, slot: Slot, chosen: Sequence[Choice], take_off_s: float) -> list[float]:
    legs = problem.legs[slot.profile].time_s
    clock, at = take_off_s + slot.up_s, slot.place
    begin = []
    for choice in chosen:
        clock = max(clock + float(legs[at, choice.start]), choice.early_s)
        begin.append(clock)
        clock += choice.service_s
        at = choice.end
    return begin


def total_s(problem: TourProblem, tours: Sequence[Tour]) -> float:
    """What tours cost: travel, and the price of each flight [s]."""
    flown = [t for t in tours if t.choices]
    prices = sum(problem.sortie_price_s + problem.slots[t.slot].price_s for t in flown)
    return prices + sum(timed(problem, t).travel_s for t in flown)
