"""The same person in overlapping frames becomes one candidate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.detect.appearance import LENGTH
from airbeat.detect.clusters import APART_M, Clusters, LookArrays
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.locate.accuracy import ErrorTerm, GroundPoint, fuse

__all__ = ["Candidate", "Look", "LookTable", "TiedBefore", "tie"]

_MOST_FUSED = 200
"""Looks from which a position is made; more do not make it better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One box of one frame with its place on the ground.

    Attributes:
        frame: number of the frame.
        box: number of the box in its frame.
        score: the detector's score, 0…1.
        point: where it is; None where the frame cannot say.
        appearance: its colours, see `airbeat.detect.appearance`; empty where they are not known.
    """

    frame: int
    box: int
    score: float
    point: GroundPoint | None
    appearance: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A person candidate: one or more looks at what is taken for the same thing.

    Attributes:
        looks: best score first, at most one a frame.
        point: fused position; None for the single look of a frame that does not know its place.
        score: the best look's score, 0…1.
    """

    looks: tuple[Look, ...]
    point: GroundPoint | None
    score: float


@dataclass(slots=True)
class LookTable:
    """Looks as they are gathered from frames, in little memory: 100,000 take some 60 MB."""

    _frames: list[int] = field(default_factory=list)
    _boxes: list[int] = field(default_factory=list)
    _scores: list[float] = field(default_factory=list)
    _points: list[npt.NDArray[np.float64] | None] = field(default_factory=list)
    _terms: list[npt.NDArray[np.float64]] = field(default_factory=list)
    _looks: list[bytes] = field(default_factory=list)
    _sources: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, look: Look) -> None:
        """Take one look in."""
        self._frames.append(look.frame)
        self._boxes.append(look.box)
        self._scores.append(look.score)
        self._looks.append(bytes(look.appearance or bytes(LENGTH)))
        point = look.point
        if point is None:
            self._points.append(None)
            self._terms.append(np.empty((0, 3)))
            return
        position = point.position
        self._points.append(
            np.array(
                [
                    position.lat_deg,
                    position.lon_deg,
                    point.ce90_m,
                    point.semi_major_m,
                    point.semi_minor_m,
                    point.major_bearing_deg,
                ]
            )
        )
        for term in point.terms:
            self._sources.setdefault(term.source, len(self._sources))
        terms = np.zeros((len(self._sources), 3))
        for term in point.terms:
            terms[self._sources[term.source]] = (term.east_m, term.north_m, term.shared)
        self._terms.append(terms)

    def order_of(self, indices: Iterable[int]) -> list[int]:
        """These looks by frame and box, whatever the order they came in."""
        return sorted(indices, key=lambda i: (self._frames[i], self._boxes[i]))

    def ce90_m(self, i: int) -> float:
        """How well the place of look ``i`` is known [m]; infinite where it has none."""
        values = self._points[i]
        return math.inf if values is None else float(values[2])

    def has_place(self, i: int) -> bool:
        """Whether look ``i`` has a place on the ground."""
        return self._points[i] is not None

    def look(self, i: int, *, with_terms: bool = False) -> Look:
        """Look ``i``; the terms of its position's error are left out unless they are asked for."""
        values = self._points[i]
        point = None
        if values is not None:
            lat, lon, ce90, major, minor, bearing = values.tolist()
            point = GroundPoint(
                position=LatLon(lat_deg=lat, lon_deg=lon),
                ce90_m=ce90,
                semi_major_m=major,
                semi_minor_m=minor,
                major_bearing_deg=bearing,
                terms=self._error_terms(i) if with_terms else (),
            )
        return Look(frame=self._frames[i], box=self._boxes[i], score=self._scores[i], point=point)

    def _error_terms(self, i: int) -> tuple[ErrorTerm, ...]:
        rows = zip(self._sources, self._terms[i].tolist(), strict=False)
        return tuple(ErrorTerm(source=s, east_m=e, north_m=n, shared=share) for s, (e, n, share) in rows)

    def frame_around(self, indices: Sequence[int]) -> LocalFrame:
        """A local frame in the middle of looks that have a place."""
        points = np.array([self._points[i] for i in indices])
        return LocalFrame.around(shapely.MultiPoint(points[:, 1::-1]))

    def xy_m(self, indices: Sequence[int], frame: LocalFrame) -> npt.NDArray[np.float64]:
        """(n, 2) places of looks that have one, east and north [m]."""
        points = np.array([self._points[i] for i in indices])
        return frame.from_lon_lat(points[:, 1], points[:, 0])

    def arrays(self, indices: Sequence[int], frame: LocalFrame) -> LookArrays:
        """Looks that have a place, as the arrays that tying works on."""
        terms = np.zeros((len(indices), len(self._sources), 3))
        for row, i in enumerate(indices):
            terms[row, : len(self._terms[i])] = self._terms[i]
        return LookArrays(
            frames=np.array([self._frames[i] for i in indices]),
            xy_m=self.xy_m(indices, frame),
            terms_m=terms[:, :, :2],
            shared=terms[:, :, 2],
            appearance=np.frombuffer(b"".join(self._looks[i] for i in indices), np.uint8).reshape(-1, LENGTH),
        )


_Group = tuple[tuple[int, ...], GroundPoint | None]
"""Looks of one candidate, as their numbers in their part, and its place."""


class TiedBefore:
    """What was tied before, so that a further frame costs only what lies near what it shows.

    Attributes:
        ids: of every look of a table, by its number there: the same for the same look in every table.
        frame: in which places are compared.
    """

    def __init__(self) -> None:
        self.ids: Sequence[Hashable] = ()
        self.frame: LocalFrame | None = None
        self._parts: dict[tuple[Hashable, ...], list[_Group]] = {}
        self._used: dict[tuple[Hashable, ...], list[_Group]] = {}

    def begin(self, ids: Sequence[Hashable]) -> None:
        """Another table is to be tied."""
        self.ids = ids
        self._parts, self._used = self._used or self._parts, {}

    def groups(self, part: Sequence[int], tied: Callable[[], list[_Group]]) -> list[_Group]:
        """The groups of a part: those of before, or as they are tied now."""
        key = tuple(self.ids[i] for i in part)
        self._used[key] = found = self._parts.get(key) or tied()
        return found


def tie(looks: Iterable[Look] | LookTable, *, before: TiedBefore | None = None) -> list[Candidate]:
    """Tie looks into candidates, best score first.

    Looks are tied by their distance over the errors they do not share, and by their colours, and never two
    looks of one frame: people who stand side by side stay two candidates. A look without a place is a
    candidate of its own. The result does not depend on the order of the looks.

    Args:
        looks: all of them.
        before: remembers what was tied; for tables to which more looks come.
    """
    if isinstance(looks, LookTable):
        table = looks
    else:
        table = LookTable()
        for look in looks:
            table.add(look)
    order = table.order_of(range(len(table)))
    placed = [i for i in order if table.has_place(i)]
    candidates = [_candidate(table, [i], None) for i in order if not table.has_place(i)]
    if placed:
        before = before or TiedBefore()
        if not before.ids:
            before.begin(range(len(table)))
        frame = before.frame = before.frame or table.frame_around(placed)
        for part in _parts(placed, table.xy_m(placed, frame)):
            for members, point in before.groups(part, partial(_tied, table, part, frame)):
                candidates.append(_candidate(table, [part[k] for k in members], point))
    return sorted(candidates, key=lambda c: (-c.score, c.looks[0].frame, c.looks[0].box))


def _parts(looks: list[int], xy_m: npt.NDArray[np.float64]) -> list[list[int]]:
    """Looks in parts that are so far apart that no candidate has looks of two; their order stays."""
    cells = [(column, row) for column, row in np.floor(xy_m / APART_M).astype(int).tolist()]
    occupied = set(cells)
    part_of: dict[tuple[int, int], int] = {}
    for start in dict.fromkeys(cells):
        if start in part_of:
            continue
        part_of[start] = number = len(part_of)
        reached = [start]
        while reached:
            column, row = reached.pop()
            for near in itertools.product((column - 1, column, column + 1), (row - 1, row, row + 1)):
                if near in occupied and near not in part_of:
                    part_of[near] = number
                    reached.append(near)
    parts: dict[int, list[int]] = {}
    for look, cell in zip(looks, cells, strict=True):
        parts.setdefault(part_of[cell], []).append(look)
    return list(parts.values())


def _tied(table: LookTable, part: list[int], frame: LocalFrame) -> list[_Group]:
    """The looks of a part tied into groups, each with its place."""
    tied = [[0]] if len(part) == 1 else Clusters(table.arrays(part, frame)).tied()
    return [(tuple(members), _place(table, [part[k] for k in members])) for members in tied]


def _place(table: LookTable, group: list[int]) -> GroundPoint | None:
    """Where the looks of a group are, by the best known of them; None for a single one, which says it."""
    if len(group) == 1:
        return None
    best = sorted(table.order_of(group), key=table.ce90_m)[:_MOST_FUSED]
    points = [table.look(i, with_terms=True).point for i in best]
    return fuse([p for p in points if p is not None])


def _candidate(table: LookTable, group: list[int], point: GroundPoint | None) -> Candidate:
    looks = sorted((table.look(i) for i in group), key=lambda k: (-k.score, k.frame, k.box))
    return Candidate(looks=tuple(looks), point=point or looks[0].point, score=looks[0].score)
