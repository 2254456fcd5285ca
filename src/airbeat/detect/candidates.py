"""The same person in overlapping frames becomes one candidate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.detect.appearance import LENGTH
from airbeat.detect.clusters import Clusters, LookArrays
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.locate.accuracy import ErrorTerm, GroundPoint, fuse

__all__ = ["Candidate", "Look", "LookTable", "tie"]

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

    def arrays(self, indices: Sequence[int]) -> LookArrays:
        """Looks that have a place, as the arrays that tying works on."""
        points = np.array([self._points[i] for i in indices])
        frame = LocalFrame.around(shapely.MultiPoint(points[:, 1::-1]))
        xy = frame.to_xy(LatLon(lat_deg=float(p[0]), lon_deg=float(p[1])) for p in points)
        terms = np.zeros((len(indices), len(self._sources), 3))
        for row, i in enumerate(indices):
            terms[row, : len(self._terms[i])] = self._terms[i]
        return LookArrays(
            frames=np.array([self._frames[i] for i in indices]),
            xy_m=xy,
            terms_m=terms[:, :, :2],
            shared=terms[:, :, 2],
            appearance=np.frombuffer(b"".join(self._looks[i] for i in indices), np.uint8).reshape(-1, LENGTH),
        )


def tie(looks: Iterable[Look] | LookTable) -> list[Candidate]:
    """Tie looks into candidates, best score first.

    Looks are tied by their distance over the errors they do not share, and by their colours, and never two
    looks of one frame: people who stand side by side stay two candidates. A look without a place is a
    candidate of its own. The result does not depend on the order of the looks.
    """
    if isinstance(looks, LookTable):
        table = looks
    else:
        table = LookTable()
        for look in looks:
            table.add(look)
    order = table.order_of(range(len(table)))
    placed = [i for i in order if table.has_place(i)]
    groups = [[i] for i in order if not table.has_place(i)]
    if placed:
        clusters = Clusters(table.arrays(placed))
        groups += [[placed[k] for k in members] for members in clusters.tied()]
    candidates = [_candidate(table, group) for group in groups]
    return sorted(candidates, key=lambda c: (-c.score, c.looks[0].frame, c.looks[0].box))


def _candidate(table: LookTable, group: list[int]) -> Candidate:
    looks = sorted((table.look(i) for i in group), key=lambda k: (-k.score, k.frame, k.box))
    point = looks[0].point
    if point is not None and len(group) > 1:
        best = sorted(table.order_of(group), key=table.ce90_m)[:_MOST_FUSED]
        points = [table.look(i, with_terms=True).point for i in best]
        point = fuse([p for p in points if p is not None])
    return Candidate(looks=tuple(looks), point=point, score=looks[0].score)
