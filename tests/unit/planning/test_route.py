"""Ways inside the free space are short, stay inside, and are denied where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from airbeat.planning.route import Router


def _metres(length: np.ndarray) -> np.ndarray:
    return np.asarray(length)


def _line(way: tuple[float, list[tuple[float, float]]] | None) -> shapely.LineString:
    assert way is not None
    return shapely.LineString(way[1])


def test_a_free_way_is_straight() -> None:
    router = Router(shapely.box(0, 0, 10, 10), _metres)
    assert router.route((1, 1), (9, 9)) == (pytest.approx(np.hypot(8, 8)), [(1.0, 1.0), (9.0, 9.0)])


def test_the_way_round_an_obstacle_is_the_shorter_one() -> None:
    space = shapely.box(0, 0, 100, 100).difference(shapely.box(40, 20, 60, 100))
    way = _line(Router(space, _metres).route((10, 50), (90, 50)))
    assert way.difference(space.buffer(0.02)).length == 0
    assert way.length == pytest.approx(2 * np.hypot(30, 30) + 20, abs=0.5)


def test_the_way_from_one_wall_of_an_obstacle_to_another_is_found() -> None:
    space = shapely.box(0, 0, 100, 100).difference(shapely.box(40, 40, 60, 60))
    way = _line(Router(space, _metres).route((50, 40), (50, 60)))
    assert way.length == pytest.approx(40, abs=0.5)


def test_a_neck_of_a_few_metres_is_passed() -> None:
    lobes = shapely.union_all([shapely.box(0, 0, 500, 500), shapely.box(600, 0, 1100, 500)])
    wavy = shapely.union_all([shapely.Point(x, 500).buffer(7) for x in range(0, 500, 10)])
    space = lobes.difference(wavy).union(shapely.box(499, 248, 601, 252))
    way = _line(Router(space, _metres, max_nodes=8).route((100, 100), (1000, 100)))
    assert way.difference(space.buffer(0.02)).length == 0


def test_no_way_exists_between_separate_parts() -> None:
    space = shapely.union_all([shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)])
    assert Router(space, _metres).route((5, 5), (25, 5)) is None
