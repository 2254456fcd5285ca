"""Rings to shapes: what is used as drawn, repaired, joined or refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.polygons import Outline, RingError, Shape, assemble, check_simple_ring, clean_ring

FRAME = LocalFrame(LatLon(lat_deg=46.95, lon_deg=7.45))


def ring(*xy: tuple[float, float]) -> tuple[LatLon, ...]:
    return tuple(FRAME.to_latlon(xy))


def square(x: float, y: float, size: float) -> tuple[LatLon, ...]:
    return ring((x, y), (x + size, y), (x + size, y + size), (x, y + size))


def area_m2(shape: Shape) -> float:
    return float(FRAME.to_local(shape.geometry).area)


def one(shell: Sequence[LatLon], *holes: Sequence[LatLon]) -> Shape:
    return assemble([Outline(shell=tuple(shell), holes=tuple(tuple(h) for h in holes))])


def test_a_good_ring_keeps_its_coordinates_exactly() -> None:
    shell = square(0, 0, 100)
    shape = one((*shell, shell[0]))
    assert list(shape.geometry.exterior.coords)[:-1] == [(p.lon_deg, p.lat_deg) for p in shell]
    assert shape.notes == ()


def test_repeated_points_and_the_closing_point_are_dropped() -> None:
    a, b, c, _ = square(0, 0, 10)
    assert clean_ring([a, a, b, c, c, a, a]) == (a, b, c)
    assert clean_ring([a, a]) == (a,)


def test_holes_that_touch_overlap_or_reach_beyond_are_taken_off() -> None:
    assert area_m2(one(square(0, 0, 100), square(10, 10, 20), square(20, 20, 20))) == pytest.approx(
        9300, abs=1
    )
    beyond = one(square(0, 0, 100), square(90, 40, 20))
    assert area_m2(beyond) == pytest.approx(9800, abs=1)
    assert any("beyond its outline" in note for note in beyond.notes)


def test_a_hole_elsewhere_is_refused_with_its_index() -> None:
    with pytest.raises(RingError, match="lies outside") as caught:
        assemble(
            [
                Outline(shell=square(0, 0, 100)),
                Outline(shell=square(200, 0, 100), holes=(square(220, 20, 10), square(0, 200, 10))),
            ]
        )
    assert (caught.value.polygon, caught.value.hole) == (1, 1)


def test_holes_that_leave_nothing_are_refused() -> None:
    with pytest.raises(RingError, match="leave nothing"):
        one(square(0, 0, 100), square(-1, -1, 102))


def test_a_small_loop_is_repaired_and_a_large_one_refused() -> None:
    small = one(
        ring((0, 0), (100, 0), (100, 100), (50, 100), (50.5, 100.5), (50, 100.5), (50.5, 100), (0, 100))
    )
    assert area_m2(small) == pytest.approx(10_000, abs=2)
    assert any("repaired" in note for note in small.notes)
    with pytest.raises(RingError, match="which ground is meant"):
        one(ring((0, 0), (100, 0), (0, 100), (100, 100)))


def test_a_scribble_of_thousands_of_crossings_is_refused_at_once() -> None:
    scribble = ring(*(((i * 7919) % 5000, (i * 104729) % 4999) for i in range(5000)))
    with pytest.raises(RingError, match="very many other places"):
        one(scribble)


def test_polygons_apart_stay_apart_and_polygons_that_share_an_edge_become_one() -> None:
    apart = assemble([Outline(shell=square(0, 0, 100)), Outline(shell=square(200, 0, 100))])
    assert apart.geometry.geom_type == "MultiPolygon"
    joined = assemble([Outline(shell=square(0, 0, 100)), Outline(shell=square(100, 0, 100))])
    assert joined.geometry.geom_type == "Polygon"
    assert area_m2(joined) == pytest.approx(20_000, abs=1)


def test_a_ring_round_the_pole_is_an_ordinary_place() -> None:
    shell = tuple(LatLon(lat_deg=89.95, lon_deg=lon) for lon in (-135.0, -45.0, 45.0, 135.0))
    shape = one(shell)
    local = LocalFrame.around(shape.geometry).to_local(shape.geometry)
    assert local.is_valid
    assert local.area == pytest.approx(2 * 5585**2, rel=0.01)


@pytest.mark.parametrize(
    "points",
    [
        ring((0, 0), (100, 0)),
        ring((0, 0), (100, 0), (200, 0)),
        ring((0, 0), (100, 0), (0, 100), (100, 100)),
        ring((0, 0), (100, 0), (50, 50), (100, 100), (0, 100), (50, 50)),
    ],
    ids=["two points", "a line", "a bow tie", "a self-touch"],
)
def test_a_fence_must_be_a_simple_ring(points: tuple[LatLon, ...]) -> None:
    with pytest.raises(RingError):
        check_simple_ring(points)


def test_nothing_and_half_the_world_are_refused() -> None:
    with pytest.raises(GeometryError, match="no polygon"):
        assemble([])
    far = (LatLon(lat_deg=0, lon_deg=0), LatLon(lat_deg=0, lon_deg=90), LatLon(lat_deg=80, lon_deg=0))
    with pytest.raises(GeometryError, match="1000 km"):
        one(far)
