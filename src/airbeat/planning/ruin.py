"""Tracks shared among sorties: whole strings of them are taken out and put back where they cost least.

Slack induction by string removals (Christiaens and Vanden Berghe 2020, "Slack Induction by String Removals
for Vehicle Routing Problems", Transportation Science 54) for tracks that are entered at either end, with a
budget of steps, never of wall time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Share", "shared_tracks"]

Points = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Route = list[int]

_REMOVED = 5
"""Tracks taken out in one step, on average."""
_LONGEST_STRING = 5
_NEIGHBOURS = 60
_HOT_S, _COLD_S = 15.0, 0.3
"""Losses of time that are accepted at the start and at the end of the search."""
_BLINK = 0.1
"""How often the best place for a track is overlooked."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Share:
    """What is shared.

    Attributes:
        link_s: (2n + 1, 2n + 1) symmetric times between ends of n tracks; ends 2k and 2k + 1 belong to
            track k, the last row is home.
        service_s: (n,) times of the tracks.
        middle: (n, 2) where they are [m].
        usable_s: longest sortie [s].
        sortie_s: what one sortie more costs [s].
        over: what each second beyond the longest sortie costs [s]; inf where no sortie may be longer.
    """

    link_s: Points
    service_s: Points
    middle: Points
    usable_s: float
    sortie_s: float
    over: float = math.inf

    def over_s(self, times_s: Points) -> Points:
        """What sorties of some length cost for being too long [s]."""
        beyond_s = np.maximum(times_s - self.usable_s, 0.0)
        return np.multiply(beyond_s, self.over, out=np.zeros_like(beyond_s), where=beyond_s > 0.0)

    def time_s(self, route: Route) -> float:
        """Time of a sortie that enters tracks at the given ends, ways from and to home included [s]."""
        ends = np.array(route)
        home = len(self.link_s) - 1
        into, out = np.append(ends, home), np.insert(ends ^ 1, 0, home)
        return float(self.link_s[out, into].sum() + self.service_s[ends // 2].sum())


def shared_tracks(
    share: Share, *, steps: int, seed: int, initial: Sequence[Route] | None = None
) -> list[Route]:
    """Sorties that fly every track once: the ends at which they enter them, in flying order.

    Args:
        share: tracks and times.
        steps: how often tracks are taken out and put back.
        seed: of the choices.
        initial: sorties to begin with; what does not fit into the longest one is moved.

    Returns:
        The cheapest sorties found. A track that fits into none has one of its own, which is too long.
    """
    rng = random.Random(seed)
    now = _State(share, initial or [])
    far = -np.maximum(share.link_s[-1, 0:-1:2], share.link_s[-1, 1::2])
    lost = np.flatnonzero(now.route[: now.tracks] < 0)
    now.put_back(lost[np.argsort(far[lost], kind="stable")], rng)
    squared = ((share.middle[:, None] - share.middle[None]) ** 2).sum(axis=2)
    near: list[list[int]] = np.argsort(squared, axis=1, kind="stable")[:, :_NEIGHBOURS].tolist()
    best = now
    heat = _HOT_S if initial is None else _HOT_S / 10
    cooling = (_COLD_S / heat) ** (1 / max(1, steps))
    for _ in range(steps):
        trial = now.copy()
        gone = _ordered(share, _ruined(trial, near[rng.randrange(now.tracks)], rng), rng)
        trial.put_back(gone, rng)
        if trial.cost_s < now.cost_s - heat * math.log(1.0 - rng.random()):
            now = trial
            if now.cost_s < best.cost_s - 1e-9:
                best = now
        heat *= cooling
    return best.routes()


def _ruined(state: _State, near: Sequence[int], rng: random.Random) -> list[int]:
    """Take strings of tracks out of sorties near a place; returns the tracks."""
    used = int((state.count > 0).sum())
    longest = min(_LONGEST_STRING, state.tracks / used)
    strings = int(rng.uniform(1, 4 * _REMOVED / (1 + longest)))
    touched: set[int] = set()
    gone: list[int] = []
    for track in near:
        if len(touched) >= strings:
            break
        route = int(state.route[track])
        if route < 0 or route in touched:
            continue
        touched.add(route)
        length = int(rng.uniform(1, min(longest, float(state.count[route])) + 1))
        gone += _string(state, track, length, kept=rng.random() < 0.5, rng=rng)
    return gone


def _string(state: _State, track: int, length: int, *, kept: bool, rng: random.Random) -> list[int]:
    """Take a string of tracks round one of them out, or a longer one of which a part in the middle stays."""
    stays = 0
    if kept and length > 1:
        stays = 1
        while rng.random() < 0.5:
            stays += 1
    string = [track]
    for _ in range(rng.randrange(length)):
        before = int(state.before[string[0]])
        if before >= state.tracks:
            break
        string.insert(0, before)
    while len(string) < length + stays:
        after = int(state.right[string[-1]])
        if after == state.home:
            break
        string.append(after // 2)
    if stays and len(string) > stays:
        first = rng.randrange(len(string) - stays + 1)
        string = string[:first] + string[first + stays :]
    for each in string:
        state.take(each)
    return string


def _ordered(share: Share, tracks: list[int], rng: random.Random) -> Numbers:
    """The order in which tracks are put back: at random, longest, farthest, or nearest first."""
    which = np.array(tracks, dtype=np.int64)
    u = rng.random()
    if u < 0.4:
        rng.shuffle(tracks)
        return np.array(tracks, dtype=np.int64)
    away = share.link_s[-1, 2 * which]
    key = -share.service_s[which] if u < 0.8 else -away if u < 0.9 else away
    return np.asarray(which[np.argsort(key, kind="stable")])


class _State:
    """Sorties as gaps into which tracks go: gap k is behind track k, gap n + r at the start of sortie r.

    Attributes:
        left: end before each gap; right: end behind it, home where the sortie ends there.
        route: sortie of each gap; -1 for tracks that are in none.
        before: gap before each track.
        total_s: time of each sortie; count: tracks in it.
    """

    def __init__(self, share: Share, initial: Sequence[Route]) -> None:
        self.share = share
        self.tracks = n = len(share.service_s)
        self.home = 2 * n
        slots = min(n, len(initial) + n)
        self.left = np.full(n + slots, self.home)
        self.right = np.full(n + slots, self.home)
        self.route = np.concatenate([np.full(n, -1), np.arange(slots)])
        self.before = np.full(n, -1)
        self.total_s = np.zeros(slots)
        self.count = np.zeros(slots, dtype=np.int64)
        for r, ends in enumerate(initial):
            gap = n + r
            for k, end in enumerate(ends):
                if math.isinf(share.over) and share.time_s(ends[: k + 1]) > share.usable_s:
                    break
                self._put(end // 2, gap, end)
                gap = end // 2

    def copy(self) -> _State:
        other = object.__new__(_State)
        other.share, other.tracks, other.home = self.share, self.tracks, self.home
        for name in ("left", "right", "route", "before", "total_s", "count"):
            setattr(other, name, getattr(self, name).copy())
        return other

    @property
    def cost_s(self) -> float:
        """Time of all sorties, and the price of each and of those that are too long [s]."""
        over_s = 0.0 if math.isinf(self.share.over) else float(self.share.over_s(self.total_s).sum())
        return float(self.total_s.sum()) + self.share.sortie_s * int((self.count > 0).sum()) + over_s

    def routes(self) -> list[Route]:
        """The ends at which each sortie enters its tracks."""
        found = []
        for r in np.flatnonzero(self.count).tolist():
            ends = [int(self.right[self.tracks + r])]
            while int(self.right[ends[-1] // 2]) != self.home:
                ends.append(int(self.right[ends[-1] // 2]))
            found.append(ends)
        return found

    def take(self, track: int) -> None:
        """Take a track out."""
        link, gap, r = self.share.link_s, int(self.before[track]), int(self.route[track])
        left, entry, right = int(self.left[gap]), int(self.right[gap]), int(self.right[track])
        gone_s = link[left, entry] + link[entry ^ 1, right] + self.share.service_s[track]
        self.count[r] -= 1
        self.total_s[r] += (link[left, right] if self.count[r] else 0.0) - gone_s
        self.right[gap] = right
        if right != self.home:
            self.before[right // 2] = gap
        self.route[track] = -1

    def _put(self, track: int, gap: int, entry: int) -> None:
        link, r = self.share.link_s, int(self.route[gap])
        left, right = int(self.left[gap]), int(self.right[gap])
        more_s = link[left, entry] + link[entry ^ 1, right] + self.share.service_s[track]
        self.total_s[r] += more_s - link[left, right]
        self.count[r] += 1
        self.left[track], self.right[track], self.route[track] = entry ^ 1, right, r
        if right != self.home:
            self.before[right // 2] = track
        self.right[gap], self.before[track] = entry, gap

    def put_back(self, gone: Numbers, rng: random.Random) -> None:
        """Put tracks back one by one, each where it costs least."""
        if len(gone) == 0:
            return
        used = int(np.flatnonzero(self.count)[-1]) + 1 if self.count.any() else 0
        starts = self.tracks + np.arange(min(len(self.count), used + len(gone)))
        gaps = np.concatenate([np.flatnonzero(self.route[: self.tracks] >= 0), starts])
        gaps = np.concatenate([gaps, gone])
        open_gaps = len(gaps) - len(gone)
        more_s, backwards = self._prices(gone, gaps)
        more_s[:, open_gaps:] = np.inf
        for k, track in enumerate(gone.tolist()):
            price = more_s[k]
            total_s = self.total_s[np.maximum(self.route[gaps], 0)]
            over_s = self.share.over_s(total_s + price)
            start = gaps >= self.tracks
            empty = np.zeros(len(gaps), dtype=bool)
            empty[start] = self.count[gaps[start] - self.tracks] == 0
            # What fits into no sortie gets one of its own: bending may still shorten that.
            over_s = np.where(
                empty, 0.0, over_s if math.isinf(self.share.over) else over_s - self.share.over_s(total_s)
            )
            price = price + np.where(empty, self.share.sortie_s, 0.0) + over_s
            best = int(price.argmin())
            if rng.random() < _BLINK:
                overlooked, price[best] = price[best], np.inf
                second = int(price.argmin())
                price[best] = overlooked
                best = second if math.isfinite(price[second]) else best
            gap = int(gaps[best])
            self._put(track, gap, 2 * track + int(backwards[k, best]))
            rest = gone[k + 1 :]
            if len(rest):
                changed = np.array([best, open_gaps + k])
                more_s[k + 1 :, changed], backwards[k + 1 :, changed] = self._prices(rest, gaps[changed])

    def _prices(self, tracks: Numbers, gaps: Numbers) -> tuple[Points, npt.NDArray[np.bool_]]:
        """(k, g) time that each track adds in each gap [s], and whether it is entered at its second end."""
        link = self.share.link_s
        left, right = self.left[gaps], self.right[gaps]
        first, second = link[2 * tracks], link[2 * tracks + 1]
        forward, backward = first[:, left] + second[:, right], second[:, left] + first[:, right]
        added = np.minimum(forward, backward) - link[left, right] + self.share.service_s[tracks, None]
        return added, backward < forward
