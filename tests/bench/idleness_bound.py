"""A lower bound of the worst weighted idleness of any patrol, by discs, moats and flights.

Let R be the worst weighted idleness of a patrol by m drones: the beginnings of two visits of stop v that
follow one another are never further apart than R/φ_v. Round each stop there is a disc of radius r_v, round
each launch place one of radius ρ, and round sets S of stops there are moats of width w_S, all in seconds of
flight, such that for all stops u and v, d_v0 being the way to the nearest launch place,

    r_u + r_v + Σ {w_S: S holds one of u, v} ≤ d_uv,      r_v + ρ + Σ {w_S: S holds v} ≤ d_v0,

with w_S, ρ ≥ 0 and 2·r_v ≥ -s_v (control zones and moats: Jünger and Pulleyblank 1993). So a flight that
visits the stops F takes at least up + down + 2ρ + Σ_F (s_v + 2·r_v) + Σ {2·w_S: S holds some of F}: each
disc and each moat that it touches it crosses inwards and outwards. (A visit that follows another of the
same stop at once crosses nothing. It costs its stay or more and lets the next come later by no more than
that, so it never pays: s_v + 2·r_v ≤ R/φ_v.) Now count per second. Stop v is visited at a rate of φ_v/R or
more. Let c_S be the rate of flights that touch S. There are two bounds of it:

  * Visits of v in one flight are less than E_v = E - up - down - 2·d_v0 apart, E being the battery. From
    the first visit of one flight to the first of the next it takes E_v + R/φ_v at most: c_S ≥ 1/(R/φ_v +
    E_v) for every v in S.
  * With other discs r', ρ' that keep the lines above without moats, a flight has E - up - down - 2ρ' for
    the s_v + 2·r'_v of its visits: c_S ≥ Σ_S φ_v·(s_v + 2·r'_v)/(R·(E - up - down - 2ρ')).

Flights as long as the battery are the best use of time, so that

    Σ φ_v·(s_v + 2·r_v)/R + Σ_S 2·w_S·c_S(R) ≤ m·(E - up - down - 2ρ)/(E + swap),

and R is no less than where both sides are equal: the left one falls with R. Linear programmes find discs
and moats that are good; what they prove holds however they were found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import linkage
from scipy.optimize import brentq, linprog
from scipy.sparse import csr_matrix
from scipy.spatial.distance import squareform

__all__ = ["Patrolled", "lower_bound_s"]

Array = npt.NDArray[np.float64]

_LARGEST_CLUSTER = 80
_RINGS = 24
_NEAR = 10
_PASSES = 2
_ROUND_S = 1e-7


@dataclass(frozen=True, kw_only=True, eq=False)
class Patrolled:
    """What is patrolled.

    Attributes:
        between_s: (n, n) ways between stops [s].
        out_s: (n,) ways to the nearest launch place [s].
        weights: (n,).
        stays_s: (n,) [s].
        drones: how many.
        battery_s, up_s, down_s, swap_s: of each [s].
    """

    between_s: Array
    out_s: Array
    weights: Array
    stays_s: Array
    drones: int
    battery_s: float
    up_s: float
    down_s: float
    swap_s: float

    @property
    def useful_s(self) -> float:
        """What a battery has for ways and stays [s]."""
        return self.battery_s - self.up_s - self.down_s

    @property
    def flights_per_s(self) -> float:
        """Of all drones, as long as the battery."""
        return self.drones / (self.battery_s + self.swap_s)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Zones:
    """Radii of discs, widths of moats, radius round launch places [s]."""

    radii_s: Array
    widths_s: Array
    pad_s: float


def lower_bound_s(given: Patrolled) -> float:
    """No patrol has less worst weighted idleness than this [s]."""
    n = len(given.weights)
    none = np.zeros((0, n), dtype=bool)
    guess_s = float((given.weights * given.stays_s).sum()) / (given.flights_per_s * given.useful_s)
    plain = _zones(given, none, np.zeros(0), guess_s)
    best_s = _proven_s(given, plain, none, np.zeros(0))
    sets = _families(given)
    loads = sets @ (given.weights * (given.stays_s + 2 * plain.radii_s)) / (given.useful_s - 2 * plain.pad_s)
    for _ in range(_PASSES):
        found = _zones(given, sets, _touched(given, sets, loads, best_s), best_s)
        best_s = max(best_s, _proven_s(given, found, sets, loads))
    return best_s


def _touched(given: Patrolled, sets: npt.NDArray[np.bool_], loads: Array, worst_s: float) -> Array:
    """Least rate of flights that touch each set, where the worst weighted idleness is so much [1/s]."""
    if not len(sets):
        return np.zeros(0)
    within_s = np.maximum(given.useful_s - 2 * given.out_s, 0.0)
    single = 1.0 / (worst_s / given.weights + within_s)
    return np.maximum(np.where(sets, single, 0.0).max(axis=1), loads / worst_s)


def _proven_s(given: Patrolled, zones: _Zones, sets: npt.NDArray[np.bool_], loads: Array) -> float:
    """What discs and moats prove [s]."""
    visits = float((given.weights * (given.stays_s + 2 * zones.radii_s)).sum())
    room = given.flights_per_s * (given.useful_s - 2 * zones.pad_s)

    def over(worst_s: float) -> float:
        return visits / worst_s + float(2 * zones.widths_s @ _touched(given, sets, loads, worst_s)) - room

    low = visits / room
    high = 2 * low
    while over(high) > 0:
        high *= 2
    return float(brentq(over, low, high, rtol=1e-9)) if over(low) > 0 else low


def _families(given: Patrolled) -> npt.NDArray[np.bool_]:
    """(sets, n): clusters of neighbours of every size, and all that is farther out than some distance."""
    n = len(given.weights)
    rows = []
    for kind in ("single", "average"):
        members = [np.array([k]) for k in range(n)]
        for a, b, *_ in linkage(squareform(given.between_s, checks=False), kind):
            joined = np.concatenate([members[int(a)], members[int(b)]])
            members.append(joined)
            if len(joined) <= min(_LARGEST_CLUSTER, n - 1):
                rows.append(np.isin(np.arange(n), joined))
    for least_s in np.quantile(given.out_s, np.linspace(0.0, 0.9, _RINGS)):
        rows.append(given.out_s >= least_s)
    return np.unique(np.array(rows, dtype=bool), axis=0)


def _zones(given: Patrolled, sets: npt.NDArray[np.bool_], touched: Array, worst_s: float) -> _Zones:
    """Discs and moats of the greatest sum at one idleness: linear programmes with ever more pairs."""
    n, count = len(given.weights), len(sets)
    near = np.argsort(given.between_s, axis=1)[:, 1 : _NEAR + 1]
    pairs = np.unique(np.sort([(i, int(j)) for i in range(n) for j in near[i]], axis=1), axis=0)
    gain = np.concatenate([2 * given.weights / worst_s, 2 * touched, [2 * given.flights_per_s]])
    homes = np.hstack([np.eye(n), sets.T.astype(float), np.ones((n, 1))])
    bounds = [(-float(s) / 2, None) for s in given.stays_s] + [(0.0, None)] * (count + 1)
    first, second = np.triu_indices(n, 1)
    while True:
        crossed = sets[:, pairs[:, 0]] ^ sets[:, pairs[:, 1]]
        touching = np.zeros((len(pairs), n))
        touching[np.arange(len(pairs)), pairs[:, 0]] = touching[np.arange(len(pairs)), pairs[:, 1]] = 1.0
        matrix = np.vstack([np.hstack([touching, crossed.T, np.zeros((len(pairs), 1))]), homes])
        limit = np.concatenate([given.between_s[pairs[:, 0], pairs[:, 1]], given.out_s])
        found = linprog(-gain, A_ub=csr_matrix(matrix), b_ub=limit, bounds=bounds).x
        radii, widths, pad_s = found[:n], found[n:-1], float(found[-1])
        apart = np.zeros((n, n))
        for row, width in zip(sets[widths > _ROUND_S], widths[widths > _ROUND_S], strict=True):
            apart += width * (row[:, None] ^ row[None])
        over = (radii[:, None] + radii[None] + apart - given.between_s)[first, second]
        if over.max() <= 1e-6:
            # What the solver leaves over, 1e-6 s, is less than the figures' digits.
            return _Zones(radii_s=radii, widths_s=np.maximum(widths, 0.0), pad_s=max(pad_s, 0.0))
        worst = np.argsort(-over)[: 4 * n]
        worst = worst[over[worst] > 1e-6]
        pairs = np.unique(np.vstack([pairs, np.column_stack([first[worst], second[worst]])]), axis=0)
