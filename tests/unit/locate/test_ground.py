"""Pixel to ground by cases computed by hand: 100 m up, 2000 px focal length, so 0.05 m/px at the nadir."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from airbeat.errors import FrameError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.locate.accuracy import ErrorBudget
from airbeat.locate.ground import finest_gsd_m_px, footprint, gsd_m_px, locate_pixel, locate_pixels, pixel_of

FRAME = LocalFrame(LatLon(lat_deg=51.0, lon_deg=8.0))
CENTRE = (2000.0, 1500.0)


def east_north(meta, pixel, **options):
    point = locate_pixel(meta, *pixel, **options)
    return FRAME.to_xy([point.position])[0]


@pytest.mark.parametrize(
    ("changes", "pixel", "expected"),
    [
        pytest.param({}, CENTRE, (0, 0), id="nadir-centre"),
        pytest.param({}, (2000, 0), (0, 75), id="nadir-north-top"),
        pytest.param({}, (4000, 1500), (100, 0), id="nadir-north-right"),
        pytest.param({}, (0, 3000), (-100, -75), id="nadir-north-bottom-left"),
        pytest.param({"gimbal_yaw_deg": 90.0}, (2000, 0), (75, 0), id="nadir-east-top"),
        pytest.param({"gimbal_yaw_deg": 90.0}, (4000, 1500), (0, -100), id="nadir-east-right"),
        pytest.param({"gimbal_yaw_deg": -90.0}, (2000, 0), (-75, 0), id="nadir-west-top"),
        pytest.param(
            {"gimbal_pitch_deg": -60.0}, CENTRE, (0, 100 * math.tan(math.radians(30))), id="pitch-60-centre"
        ),
        pytest.param(
            {"gimbal_pitch_deg": -60.0, "gimbal_yaw_deg": 90.0},
            CENTRE,
            (100 * math.tan(math.radians(30)), 0),
            id="pitch-60-looking-east",
        ),
        pytest.param(
            {"gimbal_pitch_deg": -60.0},
            (2000, 1500 + 2000 * math.tan(math.radians(30))),
            (0, 0),
            id="pitch-60-the-nadir-is-below-the-centre",
        ),
        pytest.param(
            {"gimbal_pitch_deg": -45.0, "gimbal_roll_deg": 0.0},
            (2200, 1500),
            (0.1 * 100 * math.sqrt(2), 100),
            id="pitch-45-right-of-centre",
        ),
        pytest.param({"gimbal_roll_deg": 180.0}, (2000, 0), (0, -75), id="nadir-upside-down"),
        pytest.param({"gimbal_roll_deg": None}, (2000, 0), (0, 75), id="roll-not-written-is-zero"),
    ],
)
def test_a_pixel_lies_where_the_drawing_says(frame, changes, pixel, expected):
    assert east_north(frame(**changes), pixel) == pytest.approx(expected, abs=1e-3)


def test_right_side_down_shows_the_ground_on_the_left_in_the_middle(frame):
    """Looking 45° down to the north with the camera's right side 10° down, the image's right is lower."""
    meta = frame(gimbal_pitch_deg=-45.0, gimbal_roll_deg=10.0)
    left, right = east_north(meta, (0, 1500)), east_north(meta, (4000, 1500))
    assert right[1] < left[1]
    assert east_north(meta, CENTRE) == pytest.approx((0, 100), abs=1e-3)


def test_higher_ground_is_met_closer_to_the_camera(frame):
    assert east_north(frame(), (4000, 1500), ground_height_m=40.0) == pytest.approx((60, 0), abs=1e-3)


def test_the_footprint_has_the_corners_in_image_order(frame):
    local = FRAME.to_local(footprint(frame()))
    corners = shapely.get_coordinates(local)[:4]
    assert corners == pytest.approx(np.array([(-100, 75), (100, 75), (100, -75), (-100, -75)]), abs=1e-3)


def test_the_gsd_is_height_over_focal_length_at_the_nadir(frame):
    assert gsd_m_px(frame()) == pytest.approx(0.05)
    assert gsd_m_px(frame(gimbal_pitch_deg=-30.0)) == pytest.approx(0.10)
    assert gsd_m_px(frame(), ground_height_m=50.0) == pytest.approx(0.025)
    assert finest_gsd_m_px(frame()) == pytest.approx(0.05)
    near = frame(gimbal_pitch_deg=10.0)
    down = math.atan(near.height_px / 2 / near.focal_length_px)
    depth = near.height_above_home_m / math.sin(down - math.radians(10.0)) * math.cos(down)
    assert finest_gsd_m_px(near) == pytest.approx(depth / near.focal_length_px)


def test_the_gsd_needs_neither_position_nor_yaw(frame):
    assert gsd_m_px(frame(position=None, gimbal_yaw_deg=None)) == pytest.approx(0.05)


@pytest.mark.parametrize("work", [footprint, lambda meta: locate_pixel(meta, 2000, 0)])
def test_the_horizon_is_refused(frame, work):
    with pytest.raises(FrameError, match=r"IMG_0001\.JPG.*horizon"):
        work(frame(gimbal_pitch_deg=-20.0))


def test_a_pixel_whose_error_reaches_the_horizon_is_refused(frame):
    """0.4° below the horizon with 0.5° of tilt error: nobody knows where that is."""
    meta = frame(gimbal_pitch_deg=-0.4)
    with pytest.raises(FrameError, match="horizon"):
        locate_pixel(meta, *CENTRE)


@pytest.mark.parametrize(
    ("field", "tag"),
    [
        ("position", "GPSLatitude"),
        ("height_above_home_m", "RelativeAltitude"),
        ("gimbal_yaw_deg", "GimbalYawDegree"),
        ("gimbal_pitch_deg", "GimbalPitchDegree"),
        ("focal_length_px", "FocalLength"),
    ],
)
def test_a_missing_tag_is_named(frame, field, tag):
    with pytest.raises(FrameError, match=tag):
        locate_pixel(frame(**{field: None}), *CENTRE)


@pytest.mark.parametrize(
    "changes",
    [
        {"gimbal_pitch_deg": math.nan},
        {"gimbal_pitch_deg": 400.0},
        {"height_above_home_m": -3.0},
        {"height_above_home_m": 0.0},
        {"height_above_home_m": 1e6},
        {"focal_length_px": 0.0},
        {"focal_length_px": math.inf},
    ],
)
def test_absurd_metadata_are_refused(frame, changes):
    with pytest.raises(FrameError, match="IMG_0001"):
        locate_pixel(frame(**changes), *CENTRE)


def test_a_place_is_found_again_in_the_frame_and_one_behind_the_camera_is_not(frame):
    meta = frame(gimbal_pitch_deg=-30.0)
    ahead, behind = FRAME.to_latlon([(0, 100 * math.sqrt(3)), (0, -500)])
    pixels = pixel_of(meta, [ahead, behind])
    assert pixels[0] == pytest.approx(CENTRE, abs=1e-3)
    assert np.isnan(pixels[1]).all()


def test_no_pixels_are_no_places(frame):
    assert locate_pixels(frame(), []) == []


def test_each_source_of_error_moves_the_place_as_the_drawing_says(frame):
    budget = ErrorBudget(gps_m=1.5, height_m=1.0, tilt_deg=1.0, heading_deg=2.0, terrain_m=3.0, pixel_px=10.0)
    point = locate_pixel(frame(), 4000, 1500, budget=budget)
    moved = {t.source: (t.east_m, t.north_m) for t in point.terms}
    assert moved["gps east"] == pytest.approx((1.5, 0))
    assert moved["height"] == pytest.approx((1.0, 0), abs=1e-9)
    assert moved["terrain"] == pytest.approx((-3.0, 0), abs=1e-9)
    assert moved["heading"] == pytest.approx((0, 100 * math.sin(math.radians(2))), abs=1e-6)
    assert moved["pixel y"] == pytest.approx((0, -0.5), abs=1e-9)
    # A degree forward at 45° off to the side: h·dθ·√2 seen under 45°, so h·tan 1°·√2·cos 45° forward.
    assert np.hypot(*moved["tilt forward"]) == pytest.approx(100 * math.tan(math.radians(1)), rel=1e-3)
    # A degree sideways at 45°: half of tan(46°) - tan(44°), times h.
    half = 50 * (math.tan(math.radians(46)) - math.tan(math.radians(44)))
    assert abs(moved["tilt sideways"][0]) == pytest.approx(half, rel=1e-6)


def test_the_stated_circle_holds_the_true_place_in_nine_cases_of_ten(frame):
    """Draw the budget's errors, locate with the wrong pose, and count how often the circle held."""
    budget = ErrorBudget(tilt_deg=1.0, pixel_px=0.0)
    truth = frame(gimbal_pitch_deg=-60.0, gimbal_yaw_deg=30.0)
    place = locate_pixel(truth, 3000, 700)
    random = np.random.default_rng(5)
    held = 0
    cases = 400
    for _ in range(cases):
        east, north, height, terrain = random.normal(0, [budget.gps_m, budget.gps_m, 1.0, 3.0])
        # A small turn about the level forward axis, in the gimbal's own angles at pitch -60°.
        sideways = random.normal(0, budget.tilt_deg)
        measured = frame(
            position=FRAME.to_latlon([(east, north)])[0],
            height_above_home_m=100.0 + height,
            gimbal_pitch_deg=-60.0 + random.normal(0, budget.tilt_deg),
            gimbal_yaw_deg=30.0
            + random.normal(0, budget.heading_deg)
            + sideways * math.tan(math.radians(-60)),
            gimbal_roll_deg=sideways / math.cos(math.radians(-60)),
        )
        seen = locate_pixel(measured, 3000, 700, ground_height_m=terrain, budget=budget)
        held += distance_m(seen.position, place.position) <= seen.ce90_m
    assert 0.86 <= held / cases <= 0.94
