"""A cycle of visits that one drone repeats, in which stops of more weight come more often.

The cycle is made of rounds. A stop that may wait k times as long as the most urgent one is in every k-th
round; stops of one k are spread over the rounds so that each round covers a piece of the ground whole rather
than all of it thinly. A local search then moves visits between and within rounds until the worst weighted gap
no longer falls. What counts is the cycle as it is flown: with returns for a full battery whenever the next
stop and the way home are too far.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from airbeat.planning.order import order_tracks

__all__ = ["Flown", "Ground", "best_cycle", "flown_cycle", "round_counts"]

_ORDER_ITERATIONS = 1500
_MOST_ROUNDS = 24
_COUNTS = (1, 2, 3, 4, 6, 8, 12, 24)
"""In every how many-th round a stop can be; their common multiple is the number of rounds."""
_SWAPS = 4
"""Returns for a full battery whose gaps count, at the least: they come at other stops each time."""
_NEAR = 8
_HEAT = 0.001
"""How much worse a move may be to be kept now and then, as a share, at first."""
_EVEN = 0.15
"""How much the mean of weighted gaps counts beside the worst: it tells which of equal cycles is nearer to a
better one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a drone repeats.

    Attributes:
        legs_s: (n + 1, n + 1) times from stop to stop; the launch place is number n [s].
        service_s: of each stop [s].
        weight: of each stop.
        battery_s: longest flight, take-off and landing included; infinite for no returns [s].
        up_s, down_s: take-off and landing [s].
        swap_s: on the ground between two flights [s].
    """

    legs_s: Sequence[Sequence[float]]
    service_s: Sequence[float]
    weight: Sequence[float]
    battery_s: float
    up_s: float
    down_s: float
    swap_s: float

    @property
    def stops(self) -> int:
        """How many there are."""
        return len(self.service_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flown:
    """A cycle as it is flown again and again.

    Attributes:
        worst_s: worst weighted gap [s].
        mean_s: mean of the stops' worst weighted gaps [s].
        cycle_s: how long the cycle lasts [s].
        worst_stop: where the worst gap is.
    """

    worst_s: float
    mean_s: float
    cycle_s: float
    worst_stop: int

    @property
    def price(self) -> float:
        """What the search lowers."""
        return self.worst_s + _EVEN * self.mean_s


def flown_cycle(ground: Ground, cycle: Sequence[int]) -> Flown:
    """Time a cycle that follows itself, after a first time through that brings it into its rhythm.

    It is flown two times more, and again until gaps with returns for a full battery are among those that
    count: a cycle that is shorter than a battery has none in most of its turns. A battery without end
    (``battery_s`` infinite) needs none.
    """
    legs, service = ground.legs_s, ground.service_s
    pad = ground.stops
    limit = ground.battery_s - ground.down_s
    whole_s = sum(legs[a][b] + service[b] for a, b in pairwise([cycle[-1], *cycle]))
    farthest_s = max(legs[stop][pad] for stop in cycle)
    swaps_asked = _SWAPS if whole_s > 0.0 and limit < math.inf else 0
    clock, here = ground.up_s, pad
    used = ground.up_s
    last = [-1.0] * pad
    worst = [0.0] * pad
    begun = 0.0
    turn, swaps, swaps_before = 0, 0, 0
    while turn < 3 or swaps_before < swaps_asked:
        if turn == 1:
            begun = clock
        if turn > 2 and swaps == swaps_before:
            # The last turn had no return; as many more as the battery holds whole are like it.
            skipped = max(0, int((limit - used - farthest_s) // whole_s))
            clock, used, turn = clock + skipped * whole_s, used + skipped * whole_s, turn + skipped
            last = [moment + skipped * whole_s for moment in last]
        swaps_before = swaps
        for stop in cycle:
            way = legs[here][stop]
            if used + way + service[stop] + legs[stop][pad] > limit and here != pad:
                clock += legs[here][pad] + ground.down_s + ground.swap_s + ground.up_s
                way, used = legs[pad][stop], ground.up_s
                swaps += 1
            clock += way
            if turn and last[stop] >= 0.0:
                gap = clock - last[stop]
                worst[stop] = max(worst[stop], gap)
            last[stop] = clock
            clock += service[stop]
            used += way + service[stop]
            here = stop
        turn += 1
    weighted = [w * g for w, g in zip(ground.weight, worst, strict=True)]
    top = max(range(pad), key=weighted.__getitem__)
    return Flown(
        worst_s=weighted[top],
        mean_s=sum(weighted) / pad,
        cycle_s=(clock - begun) / (turn - 1),
        worst_stop=top,
    )


def round_counts(weights: Sequence[float], urgent: float) -> list[int]:
    """In every how many-th round each stop is, where a stop of weight ``urgent`` is in each."""
    return [max(c for c in _COUNTS if c == 1 or c * w <= urgent * (1 + 1e-9)) for w in weights]


def best_cycle(ground: Ground, *, iterations: int, seed: int = 0) -> tuple[list[int], Flown]:
    """The cycle with the least worst weighted gap found.

    Args:
        ground: what is repeated.
        iterations: how many moves are tried.
        seed: of their choice.
    """
    n = ground.stops
    if n <= 1:
        return list(range(n)), flown_cycle(ground, list(range(n))) if n else Flown(
            worst_s=0.0, mean_s=0.0, cycle_s=0.0, worst_stop=-1
        )
    legs = np.array(ground.legs_s)
    order = _order(legs, range(n))
    starts = []
    for urgent in sorted(set(ground.weight), reverse=True):
        counts = round_counts(ground.weight, urgent)
        for spread in (True, False):
            rounds = _rounds(ground, order, counts, spread=spread)
            place = {stop: k for k, stop in enumerate(order)}
            in_turn = [s for r in rounds for s in sorted(r, key=place.__getitem__)]
            starts.append((flown_cycle(ground, in_turn).price, in_turn))
            shortest = [s for r in rounds for s in _order(legs, r, like=order)]
            starts.append((flown_cycle(ground, shortest).price, shortest))
    starts.sort(key=lambda s: s[0])
    best: tuple[Flown, list[int]] | None = None
    for number, (_, cycle) in enumerate(starts[:2]):
        found = _improved(ground, legs, cycle, iterations // 2, random.Random(seed + number))
        if best is None or found[0].worst_s < best[0].worst_s:
            best = found
    assert best is not None  # noqa: S101 - there is a start for every weight
    return best[1], best[0]


def _order(legs: np.ndarray, stops: Sequence[int] | range, *, like: Sequence[int] | None = None) -> list[int]:
    """A short closed way over stops; it begins with the first of them in another order."""
    chosen = list(stops)
    if len(chosen) <= 3:
        return chosen if like is None else sorted(chosen, key=list(like).index)
    ends = np.repeat(np.array(chosen), 2)
    found = [chosen[k] for k, _ in order_tracks(legs[np.ix_(ends, ends)], iterations=_ORDER_ITERATIONS)]
    gaps = [legs[a, b] for a, b in pairwise([*found, found[0]])]
    cut = int(np.argmax(gaps)) + 1
    found = found[cut:] + found[:cut]
    if like is None:
        return found
    place = {stop: k for k, stop in enumerate(like)}
    rising = sum(place[b] > place[a] for a, b in pairwise(found))
    found = found if rising >= len(found) / 2 else found[::-1]
    first = min(range(len(found)), key=lambda k: place[found[k]])
    return found[first:] + found[:first]


def _rounds(ground: Ground, order: Sequence[int], counts: Sequence[int], *, spread: bool) -> list[list[int]]:
    """Rounds in which each stop is in every so many-th.

    Args:
        ground: for services.
        order: of all stops along one way.
        counts: of each stop.
        spread: whether neighbours of one count are in one round; otherwise in different ones.
    """
    number = math.lcm(*set(counts))
    rounds: list[list[int]] = [[] for _ in range(min(number, _MOST_ROUNDS))]
    total = sum(ground.service_s) + 1e-9
    for count in sorted(set(counts)):
        along, at = 0.0, 0
        for stop in order:
            along += ground.service_s[stop] + 1e-9 * total
            if counts[stop] != count:
                continue
            share = min(along / total, 1 - 1e-9)
            phase = _reversed(int(share * count), count) if spread else at % count
            at += 1
            for k in range(phase, len(rounds), count):
                rounds[k].append(stop)
    return [r for r in rounds if r]


def _reversed(number: int, count: int) -> int:
    """Phases such that the halves of a piece of ground are in rounds of one parity, and so on."""
    if count % 2:
        return number
    half = count // 2
    return (_reversed(number % half, half) if half > 1 else 0) * 2 + number // half


def _improved(
    ground: Ground, legs: np.ndarray, cycle: list[int], iterations: int, chance: random.Random
) -> tuple[Flown, list[int]]:
    """Move visits while that lowers the price; now and then one that does not is kept."""
    n = ground.stops
    near = np.argsort(legs[:n, :n], axis=1)[:, 1 : _NEAR + 1].tolist()
    now = flown_cycle(ground, cycle)
    best, best_cycle_ = now, list(cycle)
    heat = _HEAT * now.price
    for step in range(iterations):
        tried = _moved(ground, cycle, near, now.worst_stop, chance)
        flown = flown_cycle(ground, tried)
        cooled = heat * (1.0 - step / iterations)
        if flown.price < now.price - cooled * math.log(max(chance.random(), 1e-12)):
            cycle, now = tried, flown
            if (now.worst_s, now.price) < (best.worst_s, best.price):
                best, best_cycle_ = now, list(cycle)
    return best, best_cycle_


def _moved(
    ground: Ground, cycle: list[int], near: Sequence[Sequence[int]], worst: int, chance: random.Random
) -> list[int]:
    """One move: a visit elsewhere, two visits exchanged, a stretch turned round, one more or one less."""
    kind = chance.random()
    size = len(cycle)
    tried = list(cycle)
    if kind < 0.45:
        at = chance.randrange(size)
        stop = tried.pop(at)
        tried.insert(_beside(tried, near[stop], at, chance), stop)
    elif kind < 0.6:
        a, b = sorted((chance.randrange(size), min(size - 1, chance.randrange(size))))
        b = min(b, a + 12)
        tried[a : b + 1] = tried[a : b + 1][::-1]
    elif kind < 0.75:
        visits = [k for k, s in enumerate(tried) if s == worst]
        at = chance.choice(visits)
        tried.pop(at)
        tried.insert(_beside(tried, near[worst], at, chance), worst)
    elif kind < 0.85:
        stop = worst if chance.random() < 0.7 else chance.randrange(ground.stops)
        tried.insert(_beside(tried, near[stop], chance.randrange(size), chance), stop)
    elif kind < 0.95:
        at = chance.randrange(size)
        if tried.count(tried[at]) > 1:
            tried.pop(at)
    else:
        length = chance.randint(2, 6)
        at = chance.randrange(max(1, size - length))
        part = tried[at : at + length]
        del tried[at : at + length]
        to = _beside(tried, near[part[0]], at, chance)
        tried[to:to] = part if chance.random() < 0.5 else part[::-1]
    return tried


def _beside(cycle: Sequence[int], near: Sequence[int], at: int, chance: random.Random) -> int:
    """A place in the cycle beside a visit of a near stop: mostly one not far off in time."""
    wanted = chance.choice(near)
    places = [k for k, s in enumerate(cycle) if s == wanted]
    if not places:
        return chance.randrange(len(cycle) + 1)
    places.sort(key=lambda k: abs(k - at))
    pick = places[0] if chance.random() < 0.6 else chance.choice(places)
    return pick + chance.randint(0, 1)
