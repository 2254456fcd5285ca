"""Solid parts that bodies and objects of the embedded ground are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Bgr", "Capsule", "Crown", "Facet", "Thing"]

Bgr = tuple[int, int, int]
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Capsule:
    """Two balls and all between them.

    Attributes:
        start: centre of the first ball in the thing's own frame (x right, y ahead, z up) [m].
        end: centre of the second ball [m].
        start_radius_m: radius at the start [m].
        end_radius_m: radius at the end [m].
        bgr: colour in full sun, blue, green, red.
    """

    start: Point
    end: Point
    start_radius_m: float
    end_radius_m: float
    bgr: Bgr

    def scaled(self, factor: float) -> Capsule:
        """The same, larger or smaller about the origin."""
        a, b = self.start, self.end
        return Capsule(
            (a[0] * factor, a[1] * factor, a[2] * factor),
            (b[0] * factor, b[1] * factor, b[2] * factor),
            self.start_radius_m * factor,
            self.end_radius_m * factor,
            self.bgr,
        )


@dataclass(frozen=True, slots=True)
class Facet:
    """A flat piece.

    Attributes:
        corners: in the thing's own frame [m].
        bgr: colour as lit, blue, green, red.
    """

    corners: tuple[Point, ...]
    bgr: Bgr


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """An object of person's size or less on the ground.

    Attributes:
        kind: "person", "rock", "stump", "log", "tarp", "bag", "clothes" …
        xy_m: where its origin stands, east and north [m].
        base_m: height of the ground there above home [m].
        slope: rise of the ground towards east and north [m/m].
        heading_deg: where its own y axis points [degrees clockwise from north].
        parts: its parts.
        shade: 1 in the sun, less under a tree's shadow.
        person_id: number of the person, 0 for everything else.
    """

    kind: str
    xy_m: tuple[float, float]
    base_m: float
    slope: tuple[float, float]
    heading_deg: float
    parts: tuple[Capsule | Facet, ...] = field(repr=False)
    shade: float = 1.0
    person_id: int = 0

    @property
    def top_m(self) -> float:
        """Height of its highest point above the ground [m]."""
        return max(
            max(p.start[2] + p.start_radius_m, p.end[2] + p.end_radius_m)
            if isinstance(p, Capsule)
            else max(c[2] for c in p.corners)
            for p in self.parts
        )

    def world(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Points of its own frame, (n, 3), as east, north, height above home [m]."""
        own = np.asarray(points, dtype=float).reshape(-1, 3)
        turn = np.radians(self.heading_deg)
        cos, sin = np.cos(turn), np.sin(turn)
        east = own[:, 0] * cos + own[:, 1] * sin
        north = -own[:, 0] * sin + own[:, 1] * cos
        up = self.base_m + own[:, 2] + east * self.slope[0] + north * self.slope[1]
        return np.column_stack([east + self.xy_m[0], north + self.xy_m[1], up])


@dataclass(frozen=True, slots=True, kw_only=True)
class Crown:
    """A tree or a bush seen from above.

    Attributes:
        xy_m: where it stands, east and north [m].
        base_m: height of the ground there above home [m].
        height_m: height of its top above the ground [m].
        radius_m: radius of its crown [m].
        sprite: which picture of a crown.
        turn_deg: how that picture is turned [degrees].
    """

    xy_m: tuple[float, float]
    base_m: float
    height_m: float
    radius_m: float
    sprite: int
    turn_deg: float
