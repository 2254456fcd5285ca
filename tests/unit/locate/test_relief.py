"""Places on hills: where planes say, with the errors that were put in, and refused where nothing is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from airbeat.errors import FrameError, TerrainError
from airbeat.frames.lens import Lens
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.geo.terrain import HeightGrid, Terrain
from airbeat.locate.accuracy import ErrorBudget, frame_budget
from airbeat.locate.ground import footprint, gsd_m_px, locate_pixel, locate_pixels, pixel_of
from airbeat.locate.relief import TerrainGround, above_home, terrain_ground

HERE = LatLon(lat_deg=51.0, lon_deg=8.0)
FRAME = LocalFrame(HERE)


def model(height: Callable[[np.ndarray, np.ndarray], np.ndarray], *, half_m: float = 1000.0) -> Terrain:
    """A raster of 10 m cells round HERE."""
    side = round(2 * half_m / 10) + 1
    columns, rows = np.meshgrid(np.arange(side), np.arange(side))

    def to_cells(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        east, north = FRAME.from_lon_lat(lon, lat).T
        return (east + half_m) / 10, (half_m - north) / 10

    heights = height(columns * 10 - half_m, half_m - rows * 10).astype(np.float32)
    grid = HeightGrid(heights_m=heights, to_cells=to_cells, resolution_m=10.0)
    return Terrain(grids=(grid,), name="hill.tif")


def plane(a: float, b: float, level_m: float = 300.0) -> TerrainGround:
    return TerrainGround(terrain=model(lambda e, n: level_m + a * e + b * n), home_height_m=level_m)


def test_a_slope_is_met_where_the_plane_says(frame):
    """45° down to the north, ground that rises by a fifth: 100 m up meets it 100/1.2 m ahead."""
    meta = frame(gimbal_pitch_deg=-45.0)
    point = locate_pixel(meta, 2000, 1500, terrain=plane(0.0, 0.2))
    east, north = FRAME.to_xy([point.position])[0]
    assert (east, north) == pytest.approx((0.0, 100 / 1.2), abs=0.01)
    assert point.ground_height_m == pytest.approx(20 / 1.2, abs=0.01)
    flat = locate_pixel(meta, 2000, 1500)
    assert distance_m(flat.position, point.position) == pytest.approx(100 - 100 / 1.2, abs=0.02)
    assert flat.ground_height_m == 0.0


def test_level_ground_of_a_model_is_flat_ground(frame):
    meta = frame(gimbal_pitch_deg=-50.0, gimbal_yaw_deg=70.0, gimbal_roll_deg=5.0)
    pixels = [(0, 1000), (2000, 1500), (4000, 3000)]
    budget = ErrorBudget(terrain_m=2.0)
    for on_model, on_flat in zip(
        locate_pixels(meta, pixels, terrain=plane(0, 0), budget=budget),
        locate_pixels(meta, pixels, budget=budget),
        strict=True,
    ):
        assert distance_m(on_model.position, on_flat.position) < 0.03, "the Earth's curve"
        assert on_model.ce90_m == pytest.approx(on_flat.ce90_m, rel=1e-3)
        assert on_model.major_bearing_deg == pytest.approx(on_flat.major_bearing_deg, abs=0.1)


def test_the_models_own_error_takes_the_place_of_flat_grounds(frame):
    meta = frame(gimbal_pitch_deg=-45.0)
    only_terrain = ErrorBudget(gps_m=0, height_m=0, tilt_deg=0, heading_deg=0, pixel_px=0, terrain_m=50.0)
    ground = replace(plane(0.0, 0.0), sigma_m=2.0)
    point = locate_pixel(meta, 2000, 1500, terrain=ground, budget=only_terrain)
    assert point.ce90_m == pytest.approx(1.645 * 2.0, rel=1e-2)
    rising = locate_pixel(meta, 2000, 1500, terrain=replace(plane(0, 0.5), sigma_m=2.0), budget=only_terrain)
    assert rising.ce90_m == pytest.approx(1.645 * 2.0 / 1.5, rel=1e-2)


def test_a_place_and_its_pixel_agree_on_a_hill(frame):
    ground = TerrainGround(
        terrain=model(lambda e, n: 300 + 20 * np.sin(e / 70) + 15 * np.cos(n / 50)), home_height_m=310.0
    )
    meta = frame(
        gimbal_pitch_deg=-70.0,
        gimbal_yaw_deg=33.0,
        lens=Lens(centre_x_px=2010.0, centre_y_px=1490.0, k1=-0.1, k2=0.02),
        readout_s=0.03,
        velocity_north_m_s=12.0,
        velocity_east_m_s=-5.0,
    )
    pixels = np.array([(100.0, 200.0), (3900.0, 2900.0), (2000.0, 1500.0)])
    points = locate_pixels(meta, pixels, terrain=ground)
    back = pixel_of(meta, [p.position for p in points], terrain=ground)
    assert back == pytest.approx(pixels, abs=0.05)


def test_gsd_and_footprint_follow_the_ground(frame):
    high = plane(0, 0, level_m=340.0)
    ground = replace(high, home_height_m=300.0)
    assert gsd_m_px(frame(), terrain=ground) == pytest.approx(60 / 2000, rel=1e-4)
    flat = footprint(frame(), ground_height_m=40.0)
    assert footprint(frame(), terrain=ground).symmetric_difference(flat).area < 1e-4 * flat.area


def test_a_ridge_that_an_error_may_miss_widens_the_ellipse(frame):
    """The ray meets a ridge's crest; half a degree higher it goes on to the valley far behind."""
    terrain = model(lambda e, n: np.where(np.abs(n - 300) < 15, 350.0, 300.0))
    ground = TerrainGround(terrain=terrain, home_height_m=300.0)
    meta = frame(gimbal_pitch_deg=math.degrees(math.atan2(-51.0, 300.0)))
    on_the_crest = locate_pixel(meta, 2000, 1500, terrain=ground)
    assert on_the_crest.semi_major_m > 100
    below_the_crest = locate_pixel(frame(gimbal_pitch_deg=-13.0), 2000, 1500, terrain=ground)
    assert below_the_crest.semi_major_m < 30


@pytest.mark.parametrize(
    ("changes", "wording"),
    [
        ({"gimbal_pitch_deg": 5.0}, "horizon"),
        ({"gimbal_pitch_deg": -3.0}, "no heights"),
        ({"height_above_home_m": -30.0}, "below the ground of the model"),
    ],
)
def test_what_meets_no_ground_is_refused_with_the_frames_name(frame, changes, wording):
    with pytest.raises(FrameError, match=rf"IMG_0001\.JPG.*{wording}"):
        locate_pixel(frame(**changes), 2000, 1500, terrain=plane(0, 0))


def test_home_is_read_off_the_model_or_the_photographs(frame):
    terrain = model(lambda e, n: 300.0 + 0.1 * e)
    by_place = terrain_ground(terrain, [frame()], home=FRAME.to_latlon([(50.0, 0.0)])[0])
    assert by_place.home_height_m == pytest.approx(305.0, abs=1e-3)
    assert by_place.sigma_m == 2.0
    said = [frame(amsl_m=402.0), frame(amsl_m=405.0), frame(amsl_m=404.0)]
    by_altitude = terrain_ground(terrain, said)
    assert by_altitude.home_height_m == pytest.approx(304.0)
    assert by_altitude.sigma_m == pytest.approx(math.hypot(2, 8))
    assert "altitudes above sea level" in by_altitude.source
    fine = terrain_ground(terrain, [replace(f, height_sigma_m=0.03) for f in said])
    assert fine.sigma_m == pytest.approx(math.hypot(2, 1))
    wild = terrain_ground(terrain, [frame(amsl_m=400.0), frame(amsl_m=440.0)])
    assert wild.sigma_m > 12


def test_without_home_and_altitudes_a_model_is_of_no_use(frame):
    terrain = model(lambda e, n: 300.0 + 0.1 * e)
    with pytest.raises(TerrainError, match=r"not known.*--home"):
        terrain_ground(terrain, [frame()])
    with pytest.raises(TerrainError, match="no height at the take-off place"):
        terrain_ground(terrain, [frame()], home=LatLon(lat_deg=10.0, lon_deg=10.0))


# Lens and shutter


def test_a_lens_moves_the_place_as_its_polynomial_says(frame):
    """Barrel of 10 % at r = 0.5: what is seen at 0.45 comes from 0.5."""
    lens = Lens(centre_x_px=2000.0, centre_y_px=1500.0, k1=-0.4)
    seen = 0.5 * (1 - 0.4 * 0.25)
    point = locate_pixel(frame(lens=lens), 2000 + 2000 * seen, 1500)
    assert FRAME.to_xy([point.position])[0] == pytest.approx((50.0, 0.0), abs=1e-3)


def test_a_principal_point_off_the_middle_moves_every_place(frame):
    lens = Lens(centre_x_px=2020.0, centre_y_px=1490.0)
    point = locate_pixel(frame(lens=lens), 2020, 1490)
    assert distance_m(point.position, HERE) < 1e-3


def test_a_pixel_beyond_the_lenss_reach_is_refused(frame):
    lens = Lens(centre_x_px=2000.0, centre_y_px=1500.0, k1=-0.9)
    with pytest.raises(FrameError, match="lens that the metadata describe shows nothing"):
        locate_pixel(frame(lens=lens), 4000, 3000)


def test_a_rolling_shutter_moves_the_rows_with_the_aircraft(frame):
    """30 ms and 10 m/s: the lowest row is exposed 15 ms after the middle, 15 cm farther on."""
    moving = frame(readout_s=0.03, velocity_north_m_s=10.0, velocity_east_m_s=0.0)
    low, still = locate_pixel(moving, 2000, 3000), locate_pixel(frame(), 2000, 3000)
    assert FRAME.to_xy([low.position])[0] - FRAME.to_xy([still.position])[0] == pytest.approx(
        (0.0, 0.15), abs=1e-4
    )
    middle = locate_pixel(moving, 2000, 1500)
    assert distance_m(middle.position, HERE) < 1e-6
    unknown = locate_pixel(frame(readout_s=0.03), 2000, 3000)
    assert distance_m(unknown.position, still.position) < 1e-6


# The file's own accuracy


def test_rtk_and_stated_accuracies_take_the_place_of_the_budgets(frame):
    budget = ErrorBudget()
    rtk = frame_budget(frame(maker="dji", position_sigma_m=0.012, height_sigma_m=0.025), budget)
    assert (rtk.gps_m, rtk.height_m) == (0.1, 0.3)
    parrot = frame_budget(frame(maker="parrot", position_sigma_m=2.4, height_sigma_m=0.2), budget)
    assert (parrot.gps_m, parrot.height_m) == (2.4, budget.height_m)
    assert frame_budget(frame(), budget) is budget
    plain, fine = locate_pixel(frame(), 2000, 1500), locate_pixel(frame(position_sigma_m=0.02), 2000, 1500)
    assert fine.ce90_m < 0.7 * plain.ce90_m


def test_geotags_that_say_only_the_altitude_above_the_sea_are_placed_on_a_model_and_less_surely(frame):
    """As the ground stations of ArduPilot and PX4 write them."""
    terrain = model(lambda e, n: 300.0 + 0 * e)
    tagged = frame(height_above_home_m=None, amsl_m=400.0)
    ground = terrain_ground(terrain, [tagged], home=HERE)
    (done,) = above_home([tagged], ground)
    assert done.height_above_home_m == pytest.approx(100.0)
    assert "±8 m" in done.findings[-1]
    surely = frame(amsl_m=400.0)
    assert above_home([surely], terrain_ground(terrain, [surely], home=HERE)) == [surely]
    oblique = {"gimbal_pitch_deg": -45.0}
    place = locate_pixel(replace(done, **oblique), 2000, 1500, terrain=ground)
    known = locate_pixel(
        replace(surely, **oblique), 2000, 1500, terrain=terrain_ground(terrain, [surely], home=HERE)
    )
    assert distance_m(place.position, known.position) < 0.01
    assert place.ce90_m > 1.3 * known.ce90_m
    with pytest.raises(TerrainError, match="height above it"):
        terrain_ground(terrain, [tagged])
