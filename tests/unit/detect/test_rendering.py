"""What draws people to train on: sizes, shadows, light, boxes; bodies where `anny` is installed."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench"
GSD = 0.02


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch):
    """Imports a module of the package `train`."""
    monkeypatch.syspath_prepend(str(BENCH))

    def load(name: str) -> ModuleType:
        return import_module(f"train.{name}")

    return load


def light(module, *, azimuth_deg: float = 0.0, elevation_deg: float = 45.0, sky_share: float = 0.3):
    return module("render").Light(
        sun_azimuth_rad=math.radians(azimuth_deg),
        sun_elevation_rad=math.radians(elevation_deg),
        sky_share=sky_share,
    )


def post(module, tall_m: float = 1.7, radius_m: float = 0.15):
    random = np.random.default_rng(1)
    return module("shapes").tube(
        random, (0, 0, 0), (0, 0, tall_m), radius_m, (0.5, 0.5, 0.5), spacing_m=0.008
    )


def sides(sprite) -> tuple[float, float]:
    left, top, right, bottom = sprite.box_px
    return right - left, bottom - top


@pytest.mark.parametrize("pitch_deg", [-20, -45, -70])
def test_a_post_is_as_tall_on_the_picture_as_the_camera_sees_it(module, pitch_deg):
    pitch = math.radians(pitch_deg)
    sprite = module("render").render(post(module), pitch_rad=pitch, light=light(module), gsd_m_px=GSD)
    wide, tall = sides(sprite)
    assert wide == pytest.approx(0.30 / GSD, abs=2)
    assert tall == pytest.approx((1.7 * math.cos(pitch) + 0.30 * abs(math.sin(pitch))) / GSD, abs=2)


def test_a_sprite_drawn_at_twice_the_gsd_has_half_the_pixels(module):
    render = module("render").render
    fine, coarse = (
        render(post(module), pitch_rad=-0.6, light=light(module), gsd_m_px=gsd) for gsd in (GSD, 2 * GSD)
    )
    assert np.array(sides(coarse)) == pytest.approx(np.array(sides(fine)) / 2, abs=1.5)


@pytest.mark.parametrize(("azimuth_deg", "away"), [(0, (-1, 0)), (90, (0, 1)), (180, (1, 0)), (270, (0, -1))])
def test_shadows_fall_away_from_the_sun_and_are_as_long_as_its_height_says(module, azimuth_deg, away):
    low = light(module, azimuth_deg=azimuth_deg, elevation_deg=30)
    sprite = module("render").render(post(module), pitch_rad=-math.pi / 2, light=low, gsd_m_px=GSD)
    y, x = np.nonzero(sprite.shadow > 128)
    along = (x - sprite.foot_px[0]) * away[0] + (y - sprite.foot_px[1]) * away[1]
    assert along.max() * GSD == pytest.approx(1.7 / math.tan(math.radians(30)), abs=0.2)
    assert along.min() * GSD > -0.3


def test_under_an_overcast_sky_nothing_casts_a_shadow(module):
    grey = light(module, sky_share=1.0)
    sprite = module("render").render(post(module), pitch_rad=-1.0, light=grey, gsd_m_px=GSD)
    assert sprite.shadow.max() == 0
    assert sprite.alpha.max() == 255


def test_the_side_towards_the_sun_is_brighter(module):
    sprite = module("render").render(
        post(module, radius_m=0.3), pitch_rad=-0.3, light=light(module, azimuth_deg=0), gsd_m_px=GSD
    )
    left, top, right, bottom = (round(v) for v in sprite.box_px)
    body = sprite.bgr[top + 8 : bottom - 8].astype(float).mean(axis=2)
    assert body[:, right - 6 : right - 2].mean() > 1.3 * body[:, left + 2 : left + 6].mean()


def test_what_stands_in_the_shade_of_something_else_is_darker(module):
    shapes, render = module("shapes"), module("render")
    random = np.random.default_rng(2)
    slab = shapes.box(random, (1, 1, 0.02), (0, 0, 0.01), (0.5, 0.5, 0.5), spacing_m=0.01)
    roof = shapes.box(random, (1, 1, 0.02), (0, 0, 1.0), (0.5, 0.5, 0.5), spacing_m=0.01)
    high = light(module, elevation_deg=89)
    alone = render.shade(slab, high)
    below = render.shade(shapes.joined([slab, roof]), high)[: len(slab.xyz_m)]
    upper = slab.normals[:, 2] > 0.9
    assert below[upper].mean() < 0.5 * alone[upper].mean()


def test_a_picture_says_where_people_are_and_leaves_hidden_ones_out(module):
    pytest.importorskip("torch")
    scenes, sprites = module("scenes"), module("sprites")
    cloud = post(module)
    person = module("render").render(cloud, pitch_rad=-0.6, light=light(module), gsd_m_px=0.022)
    pool = sprites.Pool(sprites=[person], postures=["standing"])
    flat = scenes.Ground(bgr=np.full((300, 300, 3), 90, np.uint8), marked=np.empty((0, 4)), gsd_m_px=0.04)
    sampler = scenes.Scenes(
        {"oblique": [flat]},
        [flat.bgr],
        {"oblique": scenes.Views(people=pool, things=pool)},
        side_px=256,
        oblique_share=1.0,
        people_share=1.0,
    )
    drawn = [sampler(np.random.default_rng(seed)) for seed in range(12)]
    whole = [b for s in drawn for b in s.persons if b.min() > 2 and b.max() < 254]
    assert len(whole) > 5
    tall = np.array([b[3] - b[1] for b in whole])
    expected = (1.7 * math.cos(0.6) + 0.3 * math.sin(0.6)) / 0.04
    assert np.median(tall) == pytest.approx(expected, rel=0.12)
    assert all(s.image.shape == (256, 256, 3) and s.image.dtype == np.uint8 for s in drawn)
    assert any(len(s.ignored) for s in drawn)


def scattered(module, seed: int, count: int, *, sun_rad: float = 0.0) -> np.ndarray:
    """What is drawn onto even grey ground, with a post's shadow among what may be drawn."""
    sprite = module("render").render(post(module), pitch_rad=-0.6, light=light(module), gsd_m_px=0.022)
    picture = np.full((224, 224, 3), 120, np.float32)
    module("clutter").scatter(
        np.random.default_rng(seed),
        picture,
        count=count,
        grain=np.random.default_rng(0).integers(60, 180, (336, 336, 3), dtype=np.uint8),
        sprites=[sprite],
        gsd_m_px=0.04,
        sun_rad=sun_rad,
        oblique=True,
    )
    return picture


def test_small_things_are_drawn_anywhere_and_the_same_for_the_same_seed(module):
    drawn = [scattered(module, seed, 8) for seed in range(25)]
    changed = np.array([(np.abs(p - 120).max(axis=2) > 1).mean() for p in drawn])
    assert (changed > 0.002).all()
    assert np.median(changed) < 0.5
    everywhere = np.mean([np.abs(p - 120).max(axis=2) > 1 for p in drawn], axis=0)
    assert everywhere.reshape(4, 56, 4, 56).mean(axis=(1, 3)).min() > 0.01
    assert all(p.min() >= 0 and p.max() <= 255 for p in drawn)
    assert np.array_equal(drawn[3], scattered(module, 3, 8))


@pytest.mark.parametrize(("sun_rad", "away"), [(0.0, -1), (math.pi, 1)])
def test_shadows_of_small_things_fall_away_from_the_sun(module, sun_rad, away):
    aside = []
    for seed in range(30):
        picture = np.full((200, 200, 3), 120, np.float32)
        module("clutter")._post(np.random.default_rng(seed), picture, np.array([100.0, 100.0]), sun_rad, 0.0)
        _, x = np.nonzero(picture.mean(axis=2) < 116)
        aside.append(x.mean() - 100 if len(x) else 0.0)
    assert np.mean(aside) * away > 1.5


def test_the_shade_of_leaves_only_darkens(module):
    picture = np.full((128, 128, 3), 120, np.float32)
    module("clutter").dappled(np.random.default_rng(1), picture)
    assert picture.max() <= 120.01
    assert 20 < picture.mean() < 115
    assert picture.min() > 5


def test_people_who_can_not_be_told_from_the_ground_are_left_out(module):
    pytest.importorskip("torch")
    scenes = module("scenes")
    picture = np.full((64, 64, 3), 80, np.uint8)
    picture[20:30, 20:26] = 82
    assert scenes._spread(picture, np.array([20, 20, 26, 30])) < scenes._LEAST_SPREAD
    picture[20:30, 20:26] = 110
    assert scenes._spread(picture, np.array([20, 20, 26, 30])) > scenes._LEAST_SPREAD


def test_a_pool_comes_back_from_its_file_as_it_was(module, tmp_path):
    sprites = module("sprites")
    sprite = module("render").render(post(module), pitch_rad=-1.2, light=light(module), gsd_m_px=GSD)
    sprites.Pool(sprites=[sprite, sprite], postures=["", "prone"]).save(tmp_path / "pool.npz")
    back = sprites.Pool.load(tmp_path / "pool.npz")
    assert back.postures == ["", "prone"]
    for again in back.sprites:
        assert np.array_equal(again.bgr, sprite.bgr)
        assert np.array_equal(again.shadow, sprite.shadow)
        assert again.light == sprite.light
        assert again.box_px == sprite.box_px


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("posture", "tall_m", "long_m"),
    [
        ("standing", (1.0, 2.2), (0.3, 1.3)),
        ("supine", (0.1, 0.9), (1.0, 2.6)),
        ("curled", (0.1, 0.8), (0.5, 1.6)),
    ],
)
def test_bodies_stand_and_lie_on_the_ground_as_long_as_people_are(module, posture, tall_m, long_m):
    pytest.importorskip("anny")
    bodies = module("bodies")
    for seed in range(3):
        random = np.random.default_rng(seed)
        cloud = bodies.dressed(random, bodies.posed(random, posture))
        low, high = np.quantile(cloud.xyz_m, 0.002, axis=0), np.quantile(cloud.xyz_m, 0.998, axis=0)
        assert abs(low[2]) < 0.05
        assert tall_m[0] < high[2] < tall_m[1]
        assert long_m[0] < (high - low)[:2].max() < long_m[1]
        assert cloud.person.all()
