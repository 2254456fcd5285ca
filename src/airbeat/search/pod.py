"""Probability of detection, and what a search that found nothing says about where the person is.

Coverage is C = W·L/A: sweep width times track length over area; for parallel sweeps W/S with the spacing S.
Formulas: Koopman, Search and Screening (1980); Stone, Theory of Optimal Search (1975); IAMSAR Manual II;
Koester et al., Sweep Width Estimation for Ground Search and Rescue (2004), whose field data fell between the
exponential and the inverse cube law. That is why a band is reported and not a number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.errors import GeometryError
from airbeat.language.words import Message
from airbeat.search.grid import ProbabilityMap

__all__ = [
    "PodBand",
    "coverage",
    "cumulative_pod",
    "definite_range_pod",
    "exponential_pod",
    "inverse_cube_pod",
    "overall_success",
    "parallel_sweep_pod",
    "pod_band",
    "success",
    "updated",
]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PodBand:
    """Probability of detection between two laws.

    Attributes:
        low: by the exponential law (random search), any shape.
        high: by the inverse cube law (parallel sweep), the same shape.
    """

    low: Array
    high: Array


def coverage(sweep_width_m: float, length_m: float, area_m2: float) -> float:
    """C = W·L/A.

    Raises:
        GeometryError: an area of 0 or less.
    """
    if not area_m2 > 0:
        raise GeometryError(
            Message("an area of {area_m2:g} m² cannot be covered", area_m2=area_m2),
            remedy="give an area above 0",
        )
    return sweep_width_m * length_m / area_m2


def exponential_pod(coverage: npt.ArrayLike) -> Array:
    """Random search: 1 − e^−C; 0.632 at C = 1."""
    return np.asarray(-np.expm1(-np.asarray(coverage, dtype=np.float64)), dtype=np.float64)


def inverse_cube_pod(coverage: npt.ArrayLike) -> Array:
    """Parallel sweep with the inverse cube law of detection: erf(√π·C/2); 0.790 at C = 1."""
    values = np.asarray(coverage, dtype=np.float64) * (math.sqrt(math.pi) / 2)
    return _erf(values)


def definite_range_pod(coverage: npt.ArrayLike) -> Array:
    """Parallel sweep with a sensor that sees all within its range and nothing beyond: min(1, C)."""
    return np.minimum(1.0, np.asarray(coverage, dtype=np.float64))


def pod_band(coverage_low: npt.ArrayLike, coverage_high: npt.ArrayLike | None = None) -> PodBand:
    """The band from the exponential to the inverse cube law.

    Args:
        coverage_low: coverage by the lower end of the detection curve, any shape.
        coverage_high: by its upper end; the lower end's where the curve has no interval.
    """
    high = coverage_low if coverage_high is None else coverage_high
    return PodBand(low=exponential_pod(coverage_low), high=inverse_cube_pod(high))


def parallel_sweep_pod(swath_m: float, spacing_m: float, p0: float) -> float:
    """Exact POD of endless parallel sweeps whose looks are independent, with a flat lateral-range curve.

    With n = w/S, k = ⌊n⌋ and φ = n − k a share φ of the ground is seen k + 1 times and the rest k times:
    POD = (1−φ)(1−(1−p0)^k) + φ(1−(1−p0)^(k+1)).

    Args:
        swath_m: width w within which each sweep detects with probability p0 [m].
        spacing_m: distance S between the sweeps [m].
        p0: probability of detection of one sweep, 0…1.

    Raises:
        GeometryError: a width or spacing of 0 or less, or a probability outside 0…1.
    """
    if not (swath_m > 0 and spacing_m > 0 and 0 <= p0 <= 1):
        raise GeometryError(
            Message(
                "no sweep has a swath of {swath_m:g} m, a spacing of {spacing_m:g} m and p0 = {p0:g}",
                swath_m=swath_m,
                spacing_m=spacing_m,
                p0=p0,
            ),
            remedy="widths are above 0, p0 is 0 to 1",
        )
    looks = swath_m / spacing_m
    whole = math.floor(looks)
    part = looks - whole
    return (1 - part) * (1 - (1 - p0) ** whole) + part * (1 - (1 - p0) ** (whole + 1))


def cumulative_pod(pods: npt.ArrayLike) -> Array:
    """1 − Π(1 − POD_k) over the first axis: searches whose chances are independent of one another."""
    return np.asarray(1.0 - np.prod(1.0 - np.asarray(pods, dtype=np.float64), axis=0), dtype=np.float64)


def success(before: ProbabilityMap, pod: npt.ArrayLike) -> Array:
    """(rows, columns) probability of success POS = POA·POD of each cell."""
    return np.asarray(before.poa * _checked(before, pod), dtype=np.float64)


def updated(before: ProbabilityMap, pod: npt.ArrayLike) -> ProbabilityMap:
    """The map after a search that found nothing (Bayes): POA' = POA·(1−POD)/(1−Σ POA·POD).

    The rest of the world has POD 0, so it gains. Searching only ever shifts probability; it clears nothing.

    Args:
        before: the map.
        pod: (rows, columns) probability of detection, 0…1.

    Raises:
        GeometryError: another shape, a value outside 0…1, or a search that leaves no place at all.
    """
    detection = _checked(before, pod)
    left = before.poa * (1.0 - detection)
    remaining = float(left.sum()) + before.rest
    if not remaining > 0:
        raise GeometryError(
            "the search leaves the person no place to be",
            remedy="give the rest of the world a share above 0, or a POD below 1",
        )
    poa = left / remaining
    return ProbabilityMap(grid=before.grid, poa=poa, rest=max(0.0, 1.0 - float(poa.sum())))


def overall_success(first: ProbabilityMap, pods: npt.ArrayLike) -> float:
    """OPOS = 1 − Σ POA⁰·Π(1 − POD_k): the chance that all searches together would have found the person.

    The sum runs over the rest of the world too, where POD is 0.

    Args:
        first: the map before any search.
        pods: (searches, rows, columns); no searches give 0.
    """
    stack = np.asarray(pods, dtype=np.float64).reshape(-1, *first.grid.shape)
    missed = np.prod(1.0 - stack, axis=0)
    return 1.0 - (float((first.poa * missed).sum()) + first.rest)


def _checked(before: ProbabilityMap, pod: npt.ArrayLike) -> Array:
    values = np.asarray(pod, dtype=np.float64)
    if values.shape != before.grid.shape:
        raise GeometryError(
            Message(
                "PODs of shape {shape} for a map of {shape_2}", shape=values.shape, shape_2=before.grid.shape
            )
        )
    if not ((values >= 0) & (values <= 1)).all():
        raise GeometryError("a POD is outside 0 to 1", remedy="check the detection curve")
    return values


def _erf(x: Array) -> Array:
    """The error function; numpy has none."""
    flat = np.ravel(x)
    kinds, back = np.unique(flat, return_inverse=True)
    if len(kinds) > _TABLE_FROM:
        table_x = np.linspace(0.0, _ERF_ONE, _TABLE_SIZE)
        table_y = np.array([math.erf(v) for v in table_x])
        return np.asarray(np.interp(flat, table_x, table_y, left=0.0, right=1.0).reshape(np.shape(x)))
    return np.asarray(np.array([math.erf(v) for v in kinds])[back].reshape(np.shape(x)))


_TABLE_FROM = 20_000
"""So many different values are interpolated in a table, with errors below 1e-8."""
_TABLE_SIZE = 60_001
_ERF_ONE = 6.0
