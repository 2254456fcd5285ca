"""Smooth seeded fields over the whole plane: relief, woods, dryness, paths and water."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["GroundFields", "Noise"]

Array = npt.NDArray[np.float64]

_TABLE = 256


class Noise:
    """Value noise with quintic interpolation, -1…1, of a given wavelength [m]."""

    def __init__(self, seed: int, purpose: int, wavelength_m: float) -> None:
        rng = np.random.default_rng([seed, 11, purpose])
        self._table = rng.uniform(-1.0, 1.0, (_TABLE, _TABLE))
        self._turn = rng.uniform(0, 2 * np.pi)
        self._wavelength_m = wavelength_m

    def __call__(self, x_m: Array, y_m: Array) -> Array:
        """Values at points of any shape (east, north) [m]."""
        cos, sin = np.cos(self._turn), np.sin(self._turn)
        u = (x_m * cos - y_m * sin) / self._wavelength_m + 100.0
        v = (x_m * sin + y_m * cos) / self._wavelength_m + 100.0
        i, j = np.floor(u), np.floor(v)
        fu, fv = u - i, v - j
        a = np.asarray(i, dtype=np.int64) % _TABLE
        b = np.asarray(j, dtype=np.int64) % _TABLE
        su = fu * fu * fu * (fu * (fu * 6 - 15) + 10)
        sv = fv * fv * fv * (fv * (fv * 6 - 15) + 10)
        a1, b1 = (a + 1) % _TABLE, (b + 1) % _TABLE
        t = self._table
        low = t[a, b] * (1 - su) + t[a1, b] * su
        high = t[a, b1] * (1 - su) + t[a1, b1] * su
        value: Array = low * (1 - sv) + high * sv
        return value


class GroundFields:
    """What the ground is made of at any point; the same for the same seed.

    Args:
        seed: the ground's seed.
        relief_m: typical difference between the highest and the lowest of 12 hectares of ground [m].
        home_xy: where the height is zero [m].
        under: heights that the relief lies on, of places (x, y) [m]; None for level ground.
    """

    def __init__(
        self,
        seed: int,
        *,
        relief_m: float,
        home_xy: tuple[float, float],
        under: Callable[[Array, Array], Array] | None = None,
    ) -> None:
        self._under = under
        self._relief = [
            (0.58 * relief_m, Noise(seed, 0, 260.0)),
            (0.24 * relief_m, Noise(seed, 1, 90.0)),
            (0.06 * relief_m, Noise(seed, 2, 24.0)),
        ]
        self._wood = [Noise(seed, 3, 75.0), Noise(seed, 4, 28.0)]
        self._dry = [Noise(seed, 5, 60.0), Noise(seed, 6, 14.0)]
        self._bare = [Noise(seed, 7, 34.0), Noise(seed, 8, 7.0)]
        self._path = Noise(seed, 9, 150.0)
        self._stream = Noise(seed, 10, 320.0)
        self._width = Noise(seed, 12, 22.0)
        self._home_height_m = 0.0
        self._home_height_m = float(self.height_m(np.array([home_xy[0]]), np.array([home_xy[1]]))[0])

    def height_m(self, x_m: Array, y_m: Array) -> Array:
        """Height above home [m]."""
        total = np.full(np.shape(x_m), -self._home_height_m)
        if self._under is not None:
            total += self._under(x_m, y_m)
        for amplitude_m, noise in self._relief:
            total += amplitude_m * noise(x_m, y_m)
        return total

    def wood(self, x_m: Array, y_m: Array) -> Array:
        """How wooded, about -1…1; trees stand where it is above zero."""
        return 0.7 * self._wood[0](x_m, y_m) + 0.45 * self._wood[1](x_m, y_m)

    def dry(self, x_m: Array, y_m: Array) -> Array:
        """How dry the grass is, about -1…1."""
        return 0.75 * self._dry[0](x_m, y_m) + 0.35 * self._dry[1](x_m, y_m)

    def bare(self, x_m: Array, y_m: Array) -> Array:
        """How bare the earth is, about -1…1."""
        return 0.7 * self._bare[0](x_m, y_m) + 0.4 * self._bare[1](x_m, y_m)

    def path_distance_m(self, x_m: Array, y_m: Array) -> Array:
        """Distance from the edge of the nearest path [m], negative on it; rough away from it."""
        return _contour_distance_m(self._path, x_m, y_m) - (0.7 + 0.25 * self._width(x_m, y_m))

    def stream_distance_m(self, x_m: Array, y_m: Array) -> Array:
        """Distance from the bank of the stream [m], negative in the water; rough away from it."""
        return _contour_distance_m(self._stream, x_m, y_m) - (1.6 + 1.1 * self._width(x_m, y_m))


def _contour_distance_m(noise: Noise, x_m: Array, y_m: Array) -> Array:
    """Distance from the noise's zero line, by |n| / |grad n| [m]."""
    n = noise(x_m, y_m)
    gx = noise(x_m + 0.5, y_m) - n
    gy = noise(x_m, y_m + 0.5) - n
    distance: Array = np.abs(n) / (2.0 * np.hypot(gx, gy) + 1e-4)
    return distance
