"""Tracks made ready for sorties: cut into pieces, with what it takes to fly between them and from home.

Tracks are cut where home lies beside them, so that a sortie may go out along one and come back along the
next, and into pieces short enough to share. Two pieces of one track flown in turn need no stop between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import PlanningError
from airbeat.planning.cutting import pairs
from airbeat.planning.estimate import STOP_ANGLE_DEG
from airbeat.planning.ferry import FlightRooms
from airbeat.planning.job import Job
from airbeat.planning.ruin import Route, Share, shared_tracks
from airbeat.planning.tour import Links

__all__ = ["SortieNet"]

Points = npt.NDArray[np.float64]

_LONGEST_PIECES = 20.0
"""Longest piece of a track, in spacings."""
_BESIDE_HOME = 1.5
"""A track is cut beside home where both pieces are longer than so many spacings."""
_HALVINGS = 4
_NEVER_S = 1e6
_ROUNDS = 3


class SortieNet:
    """Pieces of tracks and the times between them.

    Args:
        tracks: polylines (n, 2) [m].
        job: what is covered.
        rooms: where ways from and to home may run.
        home: the launch place [m].
        usable_s: longest sortie [s]; what cannot be flown in one is halved.

    Attributes:
        pieces: polylines (n, 2) [m].
    """

    def __init__(
        self, tracks: Sequence[Points], *, job: Job, rooms: FlightRooms, home: Points, usable_s: float
    ) -> None:
        self.job, self.rooms, self.home = job, rooms, home
        self._known: dict[tuple[float, float], float] = {}
        self.pieces = [piece for track in tracks for piece in self._pieces(track, usable_s)]
        self.ends = np.vstack([p[[0, -1]] for p in self.pieces])
        self.links = Links(self.ends, job.near, job.far)
        n = len(self.ends)
        self.link_s = np.zeros((n + 1, n + 1))
        self.link_s[:n, :n] = self.links.link
        self.link_s[n, :n] = self.link_s[:n, n] = [self._from_home_s(p) for p in pairs(self.ends)]
        self.service_s = np.array([self._service_s(p) for p in self.pieces])
        self._goes_on = self._joints()
        for a, b in self._goes_on:
            self.link_s[a, b] = self.link_s[b, a] = -self._stop_s(a, b)
            self.links.known[a, b] = self.links.known[b, a] = True

    def _pieces(self, track: Points, usable_s: float) -> list[Points]:
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(track, axis=0).T))])
        length = float(along[-1])
        if length < 1.0:
            return [track]
        foot = shapely.LineString(track).project(shapely.Point(self.home))
        least = _BESIDE_HOME * self.job.spacing_m
        marks = [0.0, *([foot] if least < foot < length - least else []), length]
        cuts = []
        for a, b in pairwise(marks):
            count = math.ceil((b - a) / (_LONGEST_PIECES * self.job.spacing_m))
            cuts += np.linspace(a, b, max(1, count) + 1)[:-1].tolist()
        cuts = self._shortened(track, along, [*cuts, length], usable_s)
        return [_between(track, along, a, b) for a, b in pairwise(cuts)]

    def _shortened(self, track: Points, along: Points, cuts: list[float], usable_s: float) -> list[float]:
        """More cuts where a piece takes longer than a sortie; cuts of curves lie on their corners."""
        for _ in range(_HALVINGS):
            if len(track) > 2:
                cuts = sorted({float(along[np.abs(along - cut).argmin()]) for cut in cuts})
            extra = []
            for a, b in pairwise(cuts):
                piece = _between(track, along, a, b)
                there_s = sum(self._from_home_s(p) for p in (pairs(piece)[0], pairs(piece)[-1]))
                if there_s + self._service_s(piece) > usable_s and b - a > self.job.spacing_m / 2:
                    extra.append((a + b) / 2)
            if not extra:
                break
            cuts = sorted([*cuts, *extra])
        return cuts

    def _service_s(self, piece: Points) -> float:
        return self.job.model.path_time_s(pairs(piece))

    def _from_home_s(self, place: tuple[float, float]) -> float:
        if place not in self._known:
            way = self.rooms.way(self.home, place)
            self._known[place] = _NEVER_S if way is None else self.job.model.path_time_s(way)
        return self._known[place]

    def _stop_s(self, a: int, b: int) -> float:
        """What a stop between two pieces costs that are one straight leg [s]."""
        times = self.job.model.leg_times_s
        lengths = np.array(
            [float(np.hypot(*np.diff(_ending(self.pieces[e // 2], e), axis=0)[-1])) for e in (a, b)]
        )
        return float(times(lengths).sum() - times(lengths.sum()[None])[0])

    def _joints(self) -> list[tuple[int, int]]:
        """Ends where one piece goes on straight as the next."""
        found = []
        for k, (one, two) in enumerate(pairwise(self.pieces)):
            into, out = one[-1] - one[-2], two[1] - two[0]
            straight = math.cos(math.radians(STOP_ANGLE_DEG)) * math.hypot(*into) * math.hypot(*out)
            if math.dist(one[-1], two[0]) < 0.01 and float(into @ out) > straight > 0:
                found.append((2 * k + 1, 2 * k + 2))
        return found

    def shared(
        self,
        *,
        usable_s: float,
        sortie_s: float,
        steps: float,
        seed: int,
        initial: Sequence[Route] | None = None,
        over: float = math.inf,
    ) -> list[Route]:
        """Sorties over all pieces, with exact times between those that follow one another.

        Args:
            usable_s: longest sortie [s].
            sortie_s: what one sortie more costs [s].
            steps: of the search, for each piece.
            seed: of the search.
            initial: sorties to begin with.
            over: what each second beyond the longest sortie costs [s].
        """
        middle = np.array([p.mean(axis=0) for p in self.pieces])
        routes: list[Route] = []
        for round_ in range(_ROUNDS):
            share = Share(
                link_s=self.link_s,
                service_s=self.service_s,
                middle=middle,
                usable_s=usable_s,
                sortie_s=sortie_s,
                over=over,
            )
            routes = shared_tracks(
                share,
                steps=int(len(self.pieces) * steps / (1 if round_ == 0 else 4)),
                seed=seed + round_,
                initial=routes or initial,
            )
            if not self._make_exact(routes):
                break
        return routes

    def time_s(self, routes: Sequence[Route]) -> float:
        """Time of all sorties [s]."""
        share = Share(
            link_s=self.link_s, service_s=self.service_s, middle=self.ends, usable_s=math.inf, sortie_s=0.0
        )
        return sum(map(share.time_s, routes))

    def burden(self, route: Route, more_s: float) -> None:
        """Let the pieces of a sortie count as longer, each by its share of some time [s]."""
        pieces = np.array(route) // 2
        self.service_s[pieces] *= 1.0 + more_s / self.service_s[pieces].sum()

    def _make_exact(self, routes: Sequence[Route]) -> bool:
        changed = False
        for route in routes:
            for a, b in pairwise(route):
                leaves, enters = a ^ 1, b
                if not self.links.known[leaves, enters]:
                    way = self.rooms.way(self.ends[leaves], self.ends[enters])
                    time_s = _NEVER_S if way is None else self.job.model.path_time_s(way)
                    changed |= abs(time_s - float(self.link_s[leaves, enters])) > 1.0
                    self.link_s[leaves, enters] = self.link_s[enters, leaves] = time_s
                    self.links.known[leaves, enters] = self.links.known[enters, leaves] = True
        return changed

    def legs(self, route: Route) -> tuple[Points, npt.NDArray[np.bool_]]:
        """(n, 2) corners of a sortie from home to home, and for each leg whether it lies on a track.

        Raises:
            PlanningError: two places that no way joins.
        """
        points = self._home_way(route[0])
        on_track = [False] * (len(points) - 1)
        joined = {pair for a, b in self._goes_on for pair in ((a, b), (b, a))}
        for k, end in enumerate(route):
            piece = pairs(_ending(self.pieces[end // 2], end ^ 1))
            points += piece[1:]
            on_track += [True] * (len(piece) - 1)
            if k + 1 < len(route) and (end ^ 1, route[k + 1]) not in joined:
                way = self.links.way_between(end ^ 1, route[k + 1])
                points += way[1:]
                on_track += [False] * (len(way) - 1)
        back = self._home_way(route[-1] ^ 1)[::-1]
        points += back[1:]
        on_track += [False] * (len(back) - 1)
        line, tracks = np.array(points), np.array(on_track)
        apart = np.concatenate([[True], np.hypot(*np.diff(line, axis=0).T) > 0.01])
        return line[apart], tracks[apart[1:]]

    def _home_way(self, end: int) -> list[tuple[float, float]]:
        way = self.rooms.way(self.home, self.ends[end])
        if way is None:
            raise PlanningError(
                "a part of the area cannot be reached from home without crossing a keep-out",
                remedy="move home or open a way through the keep-outs",
            )
        return list(way)


def _between(track: Points, along: Points, first: float, last: float) -> Points:
    """(k, 2) corners of a track between two places along it."""
    inner = (along > first + 0.01) & (along < last - 0.01)
    ends = [[np.interp(at, along, track[:, k]) for k in (0, 1)] for at in (first, last)]
    return np.vstack([ends[0], track[inner], ends[1]])


def _ending(piece: Points, end: int) -> Points:
    """The piece as it is flown towards one of its ends."""
    return piece if end % 2 else piece[::-1]
