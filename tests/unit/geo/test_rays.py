"""Lines of sight and ground: against planes worked out by hand, and against marching in centimetres."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from airbeat.errors import TerrainError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.rays import first_hit
from airbeat.geo.terrain import HeightGrid, Terrain

HERE = LatLon(lat_deg=47.0, lon_deg=11.0)
FRAME = LocalFrame(HERE)
EARTH_M = 6_371_000.0


def terrain_of(
    height: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    cell_m: float = 10.0,
    half_m: float = 1500.0,
    turn_deg: float = 0.0,
) -> Terrain:
    """A raster laid out in metres east and north of HERE, turned if wished."""
    side = round(2 * half_m / cell_m) + 1
    cosine, sine = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
    columns, rows = np.meshgrid(np.arange(side), np.arange(side))
    x, y = columns * cell_m - half_m, half_m - rows * cell_m
    east, north = x * cosine - y * sine, x * sine + y * cosine

    def to_cells(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        e, n = FRAME.from_lon_lat(lon, lat).T
        u, v = e * cosine + n * sine, n * cosine - e * sine
        return (u + half_m) / cell_m, (half_m - v) / cell_m

    grid = HeightGrid(
        heights_m=height(east, north).astype(np.float32), to_cells=to_cells, resolution_m=cell_m
    )
    return Terrain(grids=(grid,), name="made.tif")


def marched(terrain: Terrain, origin: np.ndarray, unit: np.ndarray, farthest_m: float) -> float:
    """Distance at which a march of 1 cm first finds itself below ground, for the slow proof."""
    for begin in np.arange(0.0, farthest_m, 100.0):
        s = np.arange(begin, begin + 100.0, 0.01)
        across = math.hypot(unit[0], unit[1]) * s
        height = origin[2] + unit[2] * s + across**2 / (2 * EARTH_M)
        ground = terrain.heights_m(*FRAME.to_lon_lat(origin[:2] + np.outer(s, unit[:2])))
        below = np.flatnonzero(height <= ground)
        if len(below):
            return float(s[below[0]])
    return math.nan


def test_level_ground_is_met_where_the_triangle_says() -> None:
    terrain = terrain_of(lambda e, n: np.full(e.shape, 500.0))
    hit = first_hit(terrain, FRAME, (10.0, -20.0, 600.0), (0.0, 1.0, -1.0))
    assert hit.east_m == pytest.approx(10.0, abs=1e-6)
    assert hit.north_m == pytest.approx(80.0, abs=2e-3)  # 100 m, and 0.8 mm for the Earth's curve
    assert hit.height_m == pytest.approx(500.0, abs=1e-6)
    assert hit.distance_m == pytest.approx(100 * math.sqrt(2), abs=2e-3)


def test_straight_down_is_the_ground_below() -> None:
    terrain = terrain_of(lambda e, n: 500.0 + 0.1 * e - 0.2 * n)
    hit = first_hit(terrain, FRAME, (33.0, 44.0, 700.0), (0.0, 0.0, -3.0))
    assert (hit.east_m, hit.north_m) == pytest.approx((33.0, 44.0))
    assert hit.height_m == pytest.approx(500 + 3.3 - 8.8, abs=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_a_sloping_plane_is_met_where_algebra_says(seed: int) -> None:
    """Within 5 mm, at every slope and direction, however the raster is turned."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-0.5, 0.5, 2)
    terrain = terrain_of(
        lambda e, n: 500.0 + a * e + b * n, cell_m=float(rng.uniform(2, 40)), turn_deg=rng.uniform(0, 90)
    )
    origin = np.array([*rng.uniform(-200, 200, 2), 0.0])
    origin[2] = 500 + a * origin[0] + b * origin[1] + rng.uniform(20, 150)
    bearing, dip = rng.uniform(0, 2 * math.pi), math.radians(rng.uniform(40, 89))
    unit = np.array([math.sin(bearing) * math.cos(dip), math.cos(bearing) * math.cos(dip), -math.sin(dip)])
    hit = first_hit(terrain, FRAME, origin, unit)
    sink = a * unit[0] + b * unit[1] - unit[2]
    s = (origin[2] - 500 - a * origin[0] - b * origin[1]) / sink
    s += (math.cos(dip) * s) ** 2 / (2 * EARTH_M) / sink
    assert hit.distance_m == pytest.approx(s, abs=5e-3)


@pytest.mark.parametrize("seed", range(12))
def test_rough_ground_is_met_where_a_march_of_a_centimetre_meets_it(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    cell = float(rng.choice([5.0, 12.0, 30.0]))
    waves = rng.uniform(-0.02, 0.02, (6, 2))
    phases = rng.uniform(0, 6.28, 6)

    def height(e: np.ndarray, n: np.ndarray) -> np.ndarray:
        total = np.full(e.shape, 800.0)
        for (kx, ky), phase in zip(waves, phases, strict=True):
            total += 15 * np.sin(kx * e + ky * n + phase)
        return total + rng.normal(0, 1.5, e.shape)

    terrain = terrain_of(height, cell_m=cell, turn_deg=float(rng.uniform(0, 90)))
    ground = terrain.heights_m(*FRAME.to_lon_lat([(0.0, 0.0)]))[0]
    origin = np.array([0.0, 0.0, ground + rng.uniform(30, 120)])
    bearing, dip = rng.uniform(0, 2 * math.pi), math.radians(rng.uniform(4, 40))
    unit = np.array([math.sin(bearing) * math.cos(dip), math.cos(bearing) * math.cos(dip), -math.sin(dip)])
    hit = first_hit(terrain, FRAME, origin, unit)
    assert hit.distance_m == pytest.approx(marched(terrain, origin, unit, 3000.0), abs=0.02)
    below = terrain.heights_m(*FRAME.to_lon_lat([(hit.east_m, hit.north_m)]))[0]
    assert hit.height_m == pytest.approx(below, abs=0.005)


def test_a_ridge_of_one_cell_is_not_jumped_over() -> None:
    def height(e: np.ndarray, n: np.ndarray) -> np.ndarray:
        return np.where(np.abs(n - 700.0) < 5.0, 560.0, 500.0)

    hit = first_hit(terrain_of(height), FRAME, (0.0, 0.0, 570.0), (0.0, 1.0, -0.02))
    assert 690.0 < hit.north_m < 700.0


def test_a_ray_that_grazes_over_a_ridge_goes_on_behind_it() -> None:
    def height(e: np.ndarray, n: np.ndarray) -> np.ndarray:
        return np.where(np.abs(n - 300.0) < 5.0, 540.0, 500.0)

    hit = first_hit(terrain_of(height), FRAME, (0.0, 0.0, 570.0), (0.0, 1.0, -0.09))
    assert hit.north_m == pytest.approx(70 / 0.09 + 0.53, abs=0.02)  # for the Earth's curve


def test_a_ray_upwards_meets_a_mountain_in_front_of_it() -> None:
    terrain = terrain_of(lambda e, n: np.maximum(500.0, n))
    hit = first_hit(terrain, FRAME, (0.0, 0.0, 600.0), (0.0, 1.0, 0.2))
    assert hit.north_m == pytest.approx(750.0, abs=0.2)


def test_the_earths_curve_hides_the_foot_of_what_is_far() -> None:
    terrain = terrain_of(lambda e, n: np.zeros(e.shape), cell_m=100.0, half_m=14_000.0)
    hit = first_hit(terrain, FRAME, (0.0, 0.0, 100.0), (0.0, 1.0, -100.0 / 10_000.0))
    assert hit.north_m == pytest.approx(10_938, abs=2)  # 10,000 m on a flat Earth


@pytest.mark.parametrize(
    ("origin", "direction", "wording"),
    [
        ((0.0, 0.0, 400.0), (0.0, 1.0, -1.0), "begins 100.0 m below"),
        ((0.0, 0.0, 600.0), (0.0, 1.0, 0.0), "looks up, over all ground"),
        ((0.0, 0.0, 600.0), (0.0, 1.0, -0.02), "no heights"),
        ((0.0, 0.0, 501.0), (1.0, 1.0, 0.001), "looks up"),
    ],
)
def test_what_meets_no_ground_is_refused_with_the_reason(
    origin: tuple[float, ...], direction: tuple[float, ...], wording: str
) -> None:
    terrain = terrain_of(lambda e, n: np.full(e.shape, 500.0))
    with pytest.raises(TerrainError, match=wording):
        first_hit(terrain, FRAME, origin, direction)


def test_the_end_of_the_search_is_said() -> None:
    terrain = terrain_of(lambda e, n: np.full(e.shape, 500.0))
    with pytest.raises(TerrainError, match="no ground within 1 km"):
        first_hit(terrain, FRAME, (0.0, 0.0, 600.0), (0.0, 1.0, -0.02), farthest_m=1000.0)


def test_a_hole_is_in_the_way_only_below_the_highest_ground() -> None:
    def height(e: np.ndarray, n: np.ndarray) -> np.ndarray:
        heights = np.where(e > 1000.0, 560.0, 500.0)
        heights[np.hypot(e, n - 300.0) < 30.0] = np.nan
        return heights

    terrain = terrain_of(height)
    over = first_hit(terrain, FRAME, (0.0, 0.0, 700.0), (0.0, 1.0, -0.25))
    assert over.north_m == pytest.approx(800.0, abs=0.3)
    with pytest.raises(TerrainError, match="no heights"):
        first_hit(terrain, FRAME, (0.0, 0.0, 600.0), (0.0, 1.0, -0.2))


def test_where_models_overlap_the_first_one_counts_and_steps_between_them_are_met() -> None:
    inner = terrain_of(lambda e, n: np.full(e.shape, 520.0), cell_m=5.0, half_m=200.0)
    outer = terrain_of(lambda e, n: np.full(e.shape, 500.0), cell_m=30.0)
    both = Terrain(grids=(*inner.grids, *outer.grids), name="two")
    inside = first_hit(both, FRAME, (0.0, 0.0, 570.0), (0.0, 1.0, -0.5))
    assert inside.north_m == pytest.approx(100.0, abs=0.01)
    outside = first_hit(both, FRAME, (0.0, 0.0, 570.0), (0.0, 1.0, -0.1))
    assert outside.north_m == pytest.approx(700.4, abs=0.1)
    wall = first_hit(both, FRAME, (0.0, -600.0, 560.0), (0.0, 1.0, -0.13))
    assert wall.north_m == pytest.approx(-202.55, abs=0.01), "the step at the inner model's edge"
