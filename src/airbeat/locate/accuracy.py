"""How wrong a located position may be: the error budget, its ellipse, and the fusion of several looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame

__all__ = [
    "ErrorBudget",
    "ErrorTerm",
    "GroundPoint",
    "circular_error_90_m",
    "frame_budget",
    "fuse",
    "ground_point",
    "relative_covariance",
]

Array = npt.NDArray[np.float64]

_ELLIPSE_90 = math.sqrt(-2 * math.log(0.1))
"""Radius of the 90 % ellipse of a bivariate normal distribution [standard deviations]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBudget:
    """One standard deviation of everything a located position rests on.

    The defaults suit a small multicopter without RTK over gentle ground; give measured values where there
    are any. Each ``*_shared`` is the share of that source's variance that is the same in all frames of one
    flight, and so does not average out over several looks.

    Attributes:
        gps_m: horizontal position, per axis [m]. DJI data sheets: hovering accuracy with GNSS ±1.5 m.
        height_m: height above home [m]. Barometer: DJI data sheets ±0.5 m, plus 0.5…1 m of drift in a flight.
        tilt_deg: camera tilt about each horizontal axis [degrees]. Makers state only ±0.01…0.02° of
            vibration; horizon errors of 0.5° after hard manoeuvres are common (judgement, not a data sheet).
        heading_deg: camera heading [degrees]. Magnetic compass after calibration 1…3°, declination included.
        terrain_m: the ground's height where the object is, against the height assumed [m]. The flat-ground
            assumption over gentle relief (judgement); on a hillside give the relief across a frame.
        pixel_px: the chosen pixel against the object's place on the ground, per axis [px].
    """

    gps_m: float = 1.5
    height_m: float = 1.0
    tilt_deg: float = 0.5
    heading_deg: float = 2.0
    terrain_m: float = 3.0
    pixel_px: float = 8.0
    gps_shared: float = 0.8
    height_shared: float = 0.9
    tilt_shared: float = 0.5
    heading_shared: float = 0.8
    terrain_shared: float = 1.0
    pixel_shared: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0) or (name.endswith("_shared") and value > 1):
                raise ValueError(
                    f"{name}: expected a number from 0{'…1' if 'shared' in name else ''}, got {value}"
                )


_LEVER_ARM_M = 0.1
"""However good the receiver: camera and antenna are not in one place, nor is the exposure's moment exact."""
_RTK_SIGMA_M = 0.5
_RTK_HEIGHT_M = 0.3


def frame_budget(meta: FrameMeta, budget: ErrorBudget) -> ErrorBudget:
    """A budget with what a photograph's file says of its own accuracy.

    The position's standard deviation (RTK, Parrot's and Skydio's accuracy) takes the place of ``gps_m``.
    DJI's heights above home are as good as its RTK where there is one (``RtkStdHgt`` below 0.5 m); then
    ``height_m`` is 0.3 m, or twice that deviation if that is more. Other makers' altitude accuracy is that of
    the GPS altitude, not of the height above home, and is not used.
    """
    changes: dict[str, float] = {}
    if meta.position_sigma_m is not None:
        changes["gps_m"] = max(meta.position_sigma_m, _LEVER_ARM_M)
    if meta.maker == "dji" and meta.height_sigma_m is not None and meta.height_sigma_m < _RTK_SIGMA_M:
        changes["height_m"] = max(_RTK_HEIGHT_M, 2 * meta.height_sigma_m)
    return replace(budget, **changes) if changes else budget


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTerm:
    """What one standard deviation of one source does to a position.

    Attributes:
        source: name of the source, the same in all frames.
        east_m: displacement east [m].
        north_m: displacement north [m].
        shared: share of the variance that is the same in all frames of one flight, 0…1.
    """

    source: str
    east_m: float
    north_m: float
    shared: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundPoint:
    """A place on the ground and how well it is known.

    Attributes:
        position: WGS84.
        ce90_m: radius of the circle around the position that holds the true place in 90 % of cases [m],
            if the error budget is true.
        semi_major_m: longer semi-axis of the 90 % error ellipse [m].
        semi_minor_m: shorter semi-axis of the 90 % error ellipse [m].
        major_bearing_deg: direction of the longer axis [degrees clockwise from north, 0…180).
        ground_height_m: height of the ground there above home [m]; None for a fused position.
        terms: the budget's terms at this place; empty for a fused position.
    """

    position: LatLon
    ce90_m: float
    semi_major_m: float
    semi_minor_m: float
    major_bearing_deg: float
    ground_height_m: float | None = None
    terms: tuple[ErrorTerm, ...] = ()


def circular_error_90_m(sigma_major_m: float, sigma_minor_m: float) -> float:
    """Radius that holds 90 % of a centred bivariate normal distribution, exactly [m].

    With P(R) = mean over α of 1 - exp(-R² / 2(σ₁²cos²α + σ₂²sin²α)), solved by bisection: 2.146 σ for a
    round distribution, 1.645 σ for one that lies on a line.
    """
    if sigma_major_m <= 0:
        return 0.0
    ratio = sigma_minor_m / sigma_major_m
    angle = (np.arange(256) + 0.5) * (math.pi / 256)
    spread = np.cos(angle) ** 2 + (ratio * np.sin(angle)) ** 2
    low, high = 1.6, 2.2
    for _ in range(40):
        middle = (low + high) / 2
        inside = 1 - np.exp(-(middle**2) / (2 * spread)).mean()
        low, high = (middle, high) if inside < 0.9 else (low, middle)
    return sigma_major_m * (low + high) / 2


def _with_covariance(
    position: LatLon,
    covariance: Array,
    terms: tuple[ErrorTerm, ...],
    ground_height_m: float | None = None,
) -> GroundPoint:
    values, vectors = np.linalg.eigh(covariance)
    minor, major = np.sqrt(np.clip(values, 0, None))
    east, north = vectors[:, 1]
    return GroundPoint(
        position=position,
        ce90_m=circular_error_90_m(float(major), float(minor)),
        semi_major_m=float(major) * _ELLIPSE_90,
        semi_minor_m=float(minor) * _ELLIPSE_90,
        major_bearing_deg=math.degrees(math.atan2(east, north)) % 180.0,
        ground_height_m=ground_height_m,
        terms=terms,
    )


def ground_point(
    position: LatLon, terms: Sequence[ErrorTerm], *, ground_height_m: float | None = None
) -> GroundPoint:
    """A place whose errors are the sum of independent terms."""
    vectors = np.array([(t.east_m, t.north_m) for t in terms]).reshape(-1, 2)
    covariance: Array = vectors.T @ vectors
    return _with_covariance(position, covariance, tuple(terms), ground_height_m)


def _cross_covariance(a: GroundPoint, b: GroundPoint) -> Array:
    """Covariance between two looks' errors: the shared part of the terms they have in common."""
    other = {t.source: t for t in b.terms}
    total = np.zeros((2, 2))
    for term in a.terms:
        twin = other.get(term.source)
        if twin is not None:
            share = math.sqrt(term.shared * twin.shared)
            total += share * np.outer((term.east_m, term.north_m), (twin.east_m, twin.north_m))
    return total


def _covariance(point: GroundPoint) -> Array:
    vectors = np.array([(t.east_m, t.north_m) for t in point.terms]).reshape(-1, 2)
    total: Array = vectors.T @ vectors
    return total


def relative_covariance(a: GroundPoint, b: GroundPoint) -> Array:
    """(2, 2) covariance of the difference of two looks' positions, shared errors taken out [m²]."""
    cross = _cross_covariance(a, b)
    difference: Array = _covariance(a) + _covariance(b) - cross - cross.T
    return difference


def fuse(points: Sequence[GroundPoint]) -> GroundPoint:
    """One position out of several looks of one flight at the same object.

    The mean is weighted by the inverse of each look's variance. Its covariance is the sum over all pairs of
    looks, so errors that all looks share (GPS offset, height, terrain) stay, except where the looks come
    from different sides and the geometry itself cancels them.

    Args:
        points: one or more, as `airbeat.locate.ground` made them.

    Raises:
        ValueError: no points.
    """
    if not points:
        raise ValueError("points: expected at least one, got none")
    if len(points) == 1:
        return points[0]
    frame = LocalFrame(points[0].position)
    xy = frame.to_xy(p.position for p in points)
    variances = np.array([sum(t.east_m**2 + t.north_m**2 for t in p.terms) for p in points])
    weights = 1 / np.maximum(variances, 1e-6)
    weights /= weights.sum()
    covariance = np.zeros((2, 2))
    common: dict[str, Array] = {}
    for weight, point in zip(weights, points, strict=True):
        for term in point.terms:
            moved = weight * np.array([term.east_m, term.north_m])
            covariance += (1 - term.shared) * np.outer(moved, moved)
            common[term.source] = common.get(term.source, np.zeros(2)) + math.sqrt(term.shared) * moved
    for moved in common.values():  # the sum over all pairs is the square of the sum
        covariance += np.outer(moved, moved)
    position = frame.to_latlon([weights @ xy])[0]
    return _with_covariance(position, covariance, ())
