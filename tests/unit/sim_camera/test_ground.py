"""The embedded ground: relief, people and objects as the search exercise needs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.geo.terrain import read_terrain
from airbeat.sim.ground import Ground

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)

SEEDS = range(1, 11)


@pytest.fixture(scope="module")
def several(grounds: Any) -> list[Any]:
    return [grounds(seed) for seed in (1, 2, 3)]


def test_the_ground_is_level_with_home_at_home_and_metres_high_elsewhere(several: list[Any]) -> None:
    for ground in several:
        assert float(ground.height_m([(0.0, 0.0)])[0]) == pytest.approx(0.0, abs=1e-9)
        x, y = np.meshgrid(np.arange(-150, 151, 10.0), np.arange(-150, 151, 10.0))
        heights = ground.height_m(np.column_stack([x.ravel(), y.ravel()]))
        assert 2.0 < np.ptp(heights) < 14.0


def test_the_same_seed_plants_the_same_people_and_another_seed_others(grounds: Any) -> None:
    first = grounds(7).people
    assert grounds(7).people == first
    assert grounds(8).people != first


def test_a_third_of_the_people_lie_and_half_wear_earth_colours(several: list[Any]) -> None:
    for ground in several:
        people = ground.people
        assert len(people) == 24
        assert sum(p.posture == "lying" for p in people) * 3 >= len(people)
        assert sum(p.earth_colours for p in people) == len(people) // 2
        lying = [p for p in people if p.posture == "lying"]
        assert 0 < sum(p.earth_colours for p in lying) < len(lying)
        assert all(1.5 <= p.height_m <= 1.85 for p in people)


def test_people_are_inside_the_area_apart_and_to_be_seen_from_above(several: list[Any]) -> None:
    for ground in several:
        for person in ground.people:
            at = shapely.Point(person.position.lon_deg, person.position.lat_deg)
            assert ground.area.contains(at)
            assert person.nadir_visibility >= 0.6
            others = [q for q in ground.people if q.id != person.id]
            assert min(distance_m(person.position, q.position) for q in others) > 10.5


def test_some_people_are_partly_hidden_by_a_crown(several: list[Any]) -> None:
    assert sum(p.nadir_visibility < 0.97 for ground in several for p in ground.people) >= 3


def test_a_lying_person_has_full_length_and_a_standing_one_full_height(ground: Any) -> None:
    things = {
        t.person_id: t
        for ix in range(-10, 10)
        for iy in range(-10, 10)
        for t in ground.things(ix, iy)
        if t.person_id
    }
    assert sorted(things) == [p.id for p in ground.people]
    for person in ground.people:
        parts = things[person.id].parts
        ends = np.array([e for p in parts for e in (p.start, p.end)])
        radii = np.array([r for p in parts for r in (p.start_radius_m, p.end_radius_m)])
        if person.posture == "lying":
            length = (ends[:, 1] + radii).max() - (ends[:, 1] - radii).min()
            assert 0.88 * person.height_m < length < 1.12 * person.height_m
        if person.posture == "standing":
            assert 0.95 * person.height_m < things[person.id].top_m < 1.25 * person.height_m


def test_objects_of_a_persons_size_lie_everywhere_and_few_of_them_are_left_by_people(
    several: list[Any],
) -> None:
    kinds: dict[str, int] = {}
    for ground in several:
        for ix in range(-9, 9):
            for iy in range(-9, 9):
                objects = [t for t in ground.things(ix, iy) if not t.person_id]
                assert objects
                for thing in objects:
                    kinds[thing.kind] = kinds.get(thing.kind, 0) + 1
    total = sum(kinds.values())
    left_by_people = kinds["tarp"] + kinds["bag"] + kinds["clothes"]
    assert {"rock", "log", "stump", "brush"} < set(kinds)
    assert 0.02 < left_by_people / total < 0.08


def test_an_area_without_room_for_the_people_is_refused(grounds: Any) -> None:
    with pytest.raises(PlanningError, match="room for"):
        grounds(1, side_m=25.0)


def test_the_truth_file_says_where_everybody_is(ground: Any, tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    ground.write_truth(path)
    truth = json.loads(path.read_text(encoding="utf-8"))
    assert truth["schema"] == "airbeat-truth/1"
    assert len(truth["persons"]) == len(ground.people)
    first, person = truth["persons"][0], ground.people[0]
    assert (first["lat"], first["lon"]) == (person.position.lat_deg, person.position.lon_deg)
    assert list(tmp_path.iterdir()) == [path]


def test_neighbouring_texture_tiles_meet_without_a_seam(ground: Any) -> None:
    west, east = ground.texture.tile(0, 0), ground.texture.tile(1, 0)
    across = np.abs(west[:, -1].astype(int) - east[:, 0].astype(int)).mean()
    inside = np.abs(west[:, -2].astype(int) - west[:, -1].astype(int)).mean()
    assert across < 1.5 * inside


def test_a_tile_is_the_same_after_it_was_forgotten(ground: Any) -> None:
    before = ground.texture.tile(-2, 3).copy()
    ground.texture.clear()
    assert np.array_equal(ground.texture.tile(-2, 3), before)


def test_a_height_model_gives_the_ground_its_shape(tmp_path: Path, height_file: Callable[..., Path]) -> None:
    def plane(east: np.ndarray, north: np.ndarray) -> np.ndarray:
        return 700.0 + 0.2 * east + 0.1 * north

    terrain = read_terrain([height_file(tmp_path / "model.tif", HOME, plane)], (8.48, 51.17, 8.50, 51.19))
    frame = LocalFrame(HOME)
    area = frame.to_geographic(shapely.box(-100.0, -100.0, 100.0, 100.0))
    ground = Ground(seed=3, frame=frame, area=area, home=HOME, persons=3, relief_m=0.0, terrain=terrain)
    heights = ground.height_m([(0.0, 0.0), (90.0, 0.0), (0.0, -50.0)])
    assert heights == pytest.approx([0.0, 18.0, -5.0], abs=0.3)
