"""Candidate layouts of sweep lines over an area, with what each is expected to take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.planning.estimate import FlightModel
from airbeat.planning.ribbon import centre_line, lengthened, passes_along
from airbeat.planning.route import polygons_of
from airbeat.planning.strips import Shape, strip_lines
from airbeat.planning.sweep import candidate_angles

__all__ = ["Layout", "layouts", "sweep_of"]

Points = npt.NDArray[np.float64]

_ANGLES = 8
_SHIFTS = (None, 0.5, 0.0, 1.0)
_SHIFTED = 3
"""So many of the best directions are tried with all shifts."""
_REFINED = 3
_APART_RAD = math.radians(4.0)
"""Directions nearer to one another than this count as one."""
_SMOOTH = (0.0, 0.25, 0.5, 1.0)
"""Lengths over which a ribbon's middle is evened out, as shares of the spacing."""
_UNSEEN_PRICE = 4.0
"""What leaving area unseen is expected to cost, in the time that sweeping as much area takes."""
_ARM_REACH_SHARE = 1.0
"""Arms are what a disc with so many spacings as its radius cannot be moved through."""
_MOST_ARMS = 24
_ARM_AREA_SHARE = 0.2
_PART_ANGLES = 3
_OWN_LINE_SHARE = 0.3
"""A leftover piece of more than this share of a squared swath is worth a line of its own."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Tracks to be flown.

    Attributes:
        tracks: polylines (n, 2) [m].
        angle_rad: the main direction.
        time_s: flight time to be expected, hops included.
    """

    tracks: list[Points]
    angle_rad: float
    time_s: float


def layouts(
    target: Any,
    space: Any,
    *,
    spacing_m: float,
    radius_m: float,
    model: FlightModel,
    allowance_m2: float,
    centre: Any | None = None,
    centre_width_m: float = 0.0,
    angle_rad: float | None = None,
) -> list[Layout]:
    """Layouts of one connected target, the most promising of each kind first.

    Args:
        target: what is to be seen.
        space: where it may be flown.
        spacing_m: distance between lines.
        radius_m: half the swath.
        model: what legs cost.
        allowance_m2: area that may stay unseen.
        centre: centre line of a corridor.
        centre_width_m: the corridor's full width.
        angle_rad: the only direction to use.
    """
    cost = _Cost(target, spacing_m, radius_m, model, allowance_m2)
    found = _ribbons(target, space, cost, centre, centre_width_m) if angle_rad is None else []
    if found and centre is not None:
        # A corridor is flown along its line.
        return sorted(found, key=lambda layout: layout.time_s)
    angles = [angle_rad] if angle_rad is not None else _angles(target, spacing_m)
    shape, room = Shape(target), Shape(space)
    rough: list[Layout] = []
    for shifts, tried in ((_SHIFTS[:2], len(angles)), (_SHIFTS[2:], _SHIFTED)):
        for angle in angles[:tried]:
            for shift in shifts:
                lines, unseen = strip_lines(
                    shape, room, angle, spacing_m=spacing_m, radius_m=radius_m, shift=shift
                )
                if lines:
                    rough.append(Layout(tracks=lines, angle_rad=angle, time_s=cost.time_s(lines, unseen)))
        rough.sort(key=lambda layout: layout.time_s)
        angles = list(dict.fromkeys(layout.angle_rad for layout in rough))
    others = [layout for layout in _by_direction(rough)[:_REFINED] if layout not in rough[:_REFINED]]
    chosen = [*rough[:_REFINED], *others]
    straight = _by_direction([_refined(layout, space, cost) for layout in chosen])
    found = sorted(found, key=lambda layout: layout.time_s)
    # The best of each kind first: what they are expected to take compares less well between kinds.
    mixed = _by_part(target, space, cost) if angle_rad is None else []
    found = [*found[:1], *straight[:1], *mixed, *found[1:], *straight[1:]]
    if not found:
        x, y = target.representative_point().coords[0]
        found = [Layout(tracks=[np.array([[x, y], [x, y]])], angle_rad=0.0, time_s=0.0)]
    return found


def sweep_of(
    target: Any,
    space: Any,
    angle_rad: float,
    *,
    spacing_m: float,
    radius_m: float,
    model: FlightModel,
    allowance_m2: float,
) -> list[Points]:
    """Tracks in one direction over a target, with lines of their own for what those leave unseen.

    Args: as of ``layouts``.
    """
    cost = _Cost(target, spacing_m, radius_m, model, allowance_m2)
    found = []
    for shift in _SHIFTS[:2]:
        lines, unseen = strip_lines(
            Shape(target), Shape(space), angle_rad, spacing_m=spacing_m, radius_m=radius_m, shift=shift
        )
        if lines:
            found.append(Layout(tracks=lines, angle_rad=angle_rad, time_s=cost.time_s(lines, unseen)))
    if not found:
        return []
    return _refined(min(found, key=lambda layout: layout.time_s), space, cost).tracks


def _by_part(target: Any, space: Any, cost: _Cost) -> list[Layout]:
    """A layout with directions and spacings of their own for arms and for what they grow from."""
    reach = _ARM_REACH_SHARE * cost.spacing
    simple = target.simplify(cost.spacing / 6)
    body = simple.buffer(-reach, quad_segs=4).buffer(1.01 * reach, quad_segs=4)
    least_m2 = cost.spacing**2
    arms = [p for p in polygons_of(target.difference(body)) if p.area > least_m2]
    if not 0 < len(arms) <= _MOST_ARMS or sum(a.area for a in arms) < _ARM_AREA_SHARE * target.area:
        return []
    rest = [p for p in polygons_of(target.difference(shapely.union_all(arms))) if p.area > least_m2]
    parts = sorted([*arms, *rest], key=lambda p: -p.area)
    room = Shape(space)
    tracks: list[Points] = []
    directions = []
    for part in parts:
        own = _Cost(part, cost.spacing, cost.radius, cost.model, 0.0)
        options = []
        for angle in _angles(part, cost.spacing)[:_PART_ANGLES]:
            for shift in _SHIFTS[:2]:
                lines, unseen = strip_lines(
                    Shape(part), room, angle, spacing_m=cost.spacing, radius_m=cost.radius, shift=shift
                )
                if lines:
                    options.append((own.time_s(lines, unseen), angle, lines))
        if options:
            _, angle, lines = min(options, key=lambda o: o[0])
            tracks += lines
            directions.append(angle)
    if not tracks:
        return []
    return [_refined(Layout(tracks=tracks, angle_rad=directions[0], time_s=0.0), space, cost)]


def _by_direction(found: list[Layout]) -> list[Layout]:
    """The best layout of each direction, most promising first, then the second best of each, …"""
    turns: dict[float, int] = {}
    ranked: list[tuple[int, int, Layout]] = []
    for layout in sorted(found, key=lambda lay: lay.time_s):
        near = next(
            (a for a in turns if abs(math.remainder(a - layout.angle_rad, math.pi)) < _APART_RAD), None
        )
        key = layout.angle_rad if near is None else near
        ranked.append((turns.get(key, 0), len(ranked), layout))
        turns[key] = turns.get(key, 0) + 1
    return [layout for _, _, layout in sorted(ranked, key=lambda r: r[:2])]


class _Cost:
    def __init__(
        self, target: Any, spacing_m: float, radius_m: float, model: FlightModel, allowance_m2: float
    ) -> None:
        self.target, self.spacing, self.radius, self.model = target, spacing_m, radius_m, model
        self.allowance = allowance_m2
        self.hop_s = model.leg_time_s(spacing_m)

    def time_s(self, tracks: Sequence[Points], unseen_m2: float) -> float:
        """Time of the tracks with a hop after each, and a price for what stays unseen."""
        straight = np.array([math.dist(*t) for t in tracks if len(t) == 2])
        curved = sum(self.model.path_time_s([(x, y) for x, y in t]) for t in tracks if len(t) > 2)
        sweep_m2_s = 2 * self.radius * self.model.speed_m_s
        missing = max(0.0, unseen_m2 - self.allowance)
        lines = float(self.model.leg_times_s(straight).sum()) + float(curved)
        return lines + self.hop_s * len(tracks) + _UNSEEN_PRICE * missing / sweep_m2_s

    def unseen(self, tracks: Sequence[Points]) -> list[Any]:
        """What the tracks leave unseen."""
        lines = [shapely.LineString(t) for t in tracks]
        return polygons_of(
            self.target.difference(shapely.union_all(shapely.buffer(lines, self.radius, quad_segs=8)))
        )


def _angles(target: Any, spacing_m: float) -> list[float]:
    """The directions with the fewest lines, counted on a simplified outline."""
    simple = target.simplify(spacing_m / 6)
    angles = np.array(candidate_angles(target, step_deg=5.0))
    lines = Shape(target if simple.is_empty else simple).edge_sum(angles)
    return [float(angles[k]) for k in np.argsort(lines, kind="stable")[:_ANGLES]]


def _ribbons(target: Any, space: Any, cost: _Cost, centre: Any | None, centre_width_m: float) -> list[Layout]:
    """Passes along the middle, for ribbon-like targets."""
    polygons = polygons_of(target)
    if len(polygons) != 1:
        return []
    if centre is None:
        middle = centre_line(polygons[0])
    else:
        middle = lengthened(shapely.get_coordinates(centre), max(0.0, (centre_width_m - cost.spacing) / 2))
    if middle is None:
        return []
    length = shapely.LineString(middle).length
    width = polygons[0].area / length if centre is None else centre_width_m
    found = []
    for smooth in _SMOOTH:
        tracks = passes_along(
            middle,
            space,
            width_m=width,
            spacing_m=cost.spacing,
            smooth_m=smooth * cost.spacing,
            turn_radius_m=cost.model.turn_radius_m,
        )
        if tracks:
            refined = _refined(Layout(tracks=tracks, angle_rad=0.0, time_s=0.0), space, cost)
            extra = refined.tracks[len(tracks) :]
            pieces = [piece for track in tracks for piece in _parted(track, extra, cost.spacing)]
            found.append(replace(refined, tracks=[*pieces, *extra]))
    return found


def _parted(track: Points, extra: Sequence[Points], reach_m: float) -> list[Points]:
    """A track cut where extra lines begin or end beside it, so that they can be flown on the way."""
    cuts = set()
    for end in [p for line in extra for p in line]:
        away = np.hypot(*(track - end).T)
        nearest = int(np.argmin(away))
        if away[nearest] < 2 * reach_m and 0 < nearest < len(track) - 1:
            cuts.add(nearest)
    at = [0, *sorted(cuts), len(track) - 1]
    return [track[a : b + 1] for a, b in pairwise(at)]


def _refined(layout: Layout, space: Any, cost: _Cost) -> Layout:
    """The layout with lines of their own for large leftover pieces, and its exact price."""
    left = cost.unseen(layout.tracks)
    swath_m2 = (2 * cost.radius) ** 2
    extra = [
        line
        for piece in left
        if piece.area > _OWN_LINE_SHARE * swath_m2
        for line in _line_through(piece, space, cost.radius)
    ]
    tracks = [*layout.tracks, *extra]
    if extra:
        left = cost.unseen(tracks)
    return Layout(
        tracks=tracks, angle_rad=layout.angle_rad, time_s=cost.time_s(tracks, sum(p.area for p in left))
    )


def _line_through(piece: Any, space: Any, radius: float) -> list[Points]:
    """A line along a long leftover piece, clipped to the space."""
    box = shapely.minimum_rotated_rectangle(piece)
    if box.geom_type != "Polygon":
        return []
    corners = shapely.get_coordinates(box)[:4]
    sides = np.roll(corners, -1, axis=0) - corners
    k = int(np.argmax(np.hypot(*sides[:2].T)))
    length = float(np.hypot(*sides[k]))
    if length < 3 * radius:
        return []
    middle, along = corners.mean(axis=0), sides[k] / length
    half = length / 2 - radius / 2
    cut = shapely.intersection(shapely.LineString([middle - along * half, middle + along * half]), space)
    parts = [g for g in shapely.get_parts(cut) if g.geom_type == "LineString" and g.length > 0.5]
    longest = max(parts, key=lambda g: g.length, default=None)
    return [] if longest is None else [shapely.get_coordinates(longest)[[0, -1]]]
