"""Legs that follow a height model: never too low, as close as the aircraft climbs, with few points."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from airbeat.checks.findings import Severity
from airbeat.checks.plan import check_plan
from airbeat.errors import MissionFileError, PlanningError
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.geo.terrain import HeightGrid, Terrain
from airbeat.mission.loader import parse_mission
from airbeat.mission.mission import FixedPoint, LawnmowerPattern, MissionKind, WaypointPattern
from airbeat.mission.plan import FlightPlan, ItemRole
from airbeat.planning.follow import climb_limited, contour_angle_rad, kept_points
from airbeat.planning.plan import plan_mission

AGL = Altitude(value_m=60.0, datum=AltitudeDatum.AGL)
Ground = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _terrain(hillside: Any, ground: Ground, *, step_m: float = 5.0) -> Terrain:
    """A height model of the hillside's local metres, exact at every cell."""
    at = np.arange(-900.0, 1300.0, step_m)
    x, y = np.meshgrid(at, at)

    def to_cells(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        east, north = hillside.frame._proj(lon, lat)
        return (np.asarray(east) + 900.0) / step_m, (np.asarray(north) + 900.0) / step_m

    grid = HeightGrid(heights_m=ground(x, y).astype(np.float32), to_cells=to_cells, resolution_m=step_m)
    return Terrain(grids=(grid,), name="ridge.hgt", sha256=("0" * 64,))


def _ridge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 500 + 50 * np.exp(-(((x - 200) / 130) ** 2)) + 0.05 * y


def _plane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 500 + 0.1 * x - 0.05 * y


def _mission(hillside: Any, ground: Ground = _ridge, **changes: Any) -> Any:
    fence = replace(hillside.fence, max_height_m=300.0)
    values = {"terrain": _terrain(hillside, ground), "height": AGL, "fence": fence, "speed_m_s": 5.0}
    return hillside.mission(**(values | changes))


def _above_ground(hillside: Any, plan: FlightPlan, ground: Ground, *roles: ItemRole) -> np.ndarray:
    """Heights above the true ground every metre of the legs that fly to items of those roles."""
    home = hillside.frame.to_xy([plan.home])[0]
    base = float(ground(*home))
    before, height = home, 0.0
    out = []
    for item in plan.items:
        if item.position is None or item.altitude is None:
            continue
        here = hillside.frame.to_xy([item.position])[0]
        assert item.altitude.datum is AltitudeDatum.HOME
        if item.role in roles:
            share = np.linspace(0, 1, max(2, int(np.hypot(*(here - before)))))[:, None]
            xy = before + (here - before) * share
            flown = height + (item.altitude.value_m - height) * share[:, 0]
            out.append(flown + base - ground(xy[:, 0], xy[:, 1]))
        before, height = here, item.altitude.value_m
    return np.concatenate(out)


FLOWN = (ItemRole.SWEEP, ItemRole.TRANSIT)


def test_no_leg_is_nearer_to_the_ground_than_asked_less_the_tolerance(hillside: Any) -> None:
    plan = plan_mission(_mission(hillside))
    above = _above_ground(hillside, plan, _ridge, *FLOWN)
    assert above.min() >= 55.0 - 0.3
    assert np.median(above) < 66.0
    assert plan.survey is not None
    assert plan.survey.height_agl_m == 55.0
    swept = _above_ground(hillside, plan, _ridge, ItemRole.SWEEP)
    camera = hillside.mission().camera
    assert plan.survey.gsd_m_px == pytest.approx(camera.gsd_m_px(swept.max()), rel=0.01)
    assert hillside.metres_outside(plan, margin_m=4.9) == 0.0
    assert [f.code for f in check_plan(plan) if f.severity is Severity.ERROR] == []
    assert "terrain-lines-low" not in [f.code for f in check_plan(plan)]


def test_the_swath_is_that_of_the_lowest_height(hillside: Any) -> None:
    survey = plan_mission(_mission(hillside)).survey
    assert survey is not None
    across, along = hillside.mission().camera.footprint_m(55.0)
    assert survey.spacing_m == pytest.approx(0.7 * across)
    assert survey.trigger_distance_m == pytest.approx(0.7 * along)


def test_a_slope_needs_no_points_and_a_ridge_few(hillside: Any) -> None:
    flat = plan_mission(hillside.mission(speed_m_s=5.0, pattern=LawnmowerPattern(angle_deg=90.0)))
    tilted = plan_mission(_mission(hillside, _plane, pattern=LawnmowerPattern(angle_deg=90.0)))
    sweeps = [sum(i.role is ItemRole.SWEEP for i in p.items) for p in (flat, tilted)]
    assert sweeps[1] <= sweeps[0] + 2, "lines over a plane stay lines"
    ridge = plan_mission(_mission(hillside, pattern=LawnmowerPattern(angle_deg=90.0)))
    lines = sum(1 for i in ridge.items if i.command == 206 and i.params[0] > 0)
    added = sum(i.role is ItemRole.SWEEP for i in ridge.items) - lines
    assert 0 < added <= 6 * lines
    finer = plan_mission(
        _mission(hillside, pattern=LawnmowerPattern(angle_deg=90.0), terrain_tolerance_m=1.0)
    )
    assert len(finer.items) > len(ridge.items)
    assert _above_ground(hillside, finer, _ridge, *FLOWN).min() >= 59.0 - 0.3


def test_no_photographed_leg_climbs_or_descends_faster_than_the_aircraft_does(hillside: Any) -> None:
    steep = lambda x, y: 500 + 90 / (1 + np.exp(-(x - 200) / 12)) + 0 * y  # noqa: E731
    mission = _mission(hillside, steep, speed_m_s=8.0, pattern=LawnmowerPattern(angle_deg=90.0))
    plan = plan_mission(mission)
    before = None
    for item in plan.items[1:]:
        if item.position is None or item.altitude is None:
            continue
        here = (hillside.frame.to_xy([item.position])[0], item.altitude.value_m)
        if before is not None:
            run = float(np.hypot(*(here[0] - before[0])))
            rise = here[1] - before[1]
            seconds = run / 8.0
            if item.role is ItemRole.SWEEP:
                assert rise <= mission.airframe.climb_m_s * seconds + 0.02
                assert -rise <= mission.airframe.descent_m_s * seconds + 0.02
            else:
                assert abs(rise) <= run + 0.02
        before = here
    assert _above_ground(hillside, plan, steep, *FLOWN).min() >= 55.0 - 0.3
    assert any("fly slower to stay closer" in note for note in plan.notes)
    slower = plan_mission(replace(mission, speed_m_s=2.0))
    highest = [_above_ground(hillside, p, steep, ItemRole.SWEEP).max() for p in (plan, slower)]
    assert highest[1] < highest[0] - 5


@pytest.mark.parametrize("bearing_rad", [0.3, 1.2, 2.6])
def test_the_contour_direction_runs_along_a_ridge(hillside: Any, bearing_rad: float) -> None:
    def ridge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        across = (y - 150) * math.cos(bearing_rad) - (x - 200) * math.sin(bearing_rad)
        return 500 + 60 * np.exp(-((across / 120) ** 2))

    angle = contour_angle_rad(hillside.area, hillside.frame, _terrain(hillside, ridge))
    assert abs((angle - bearing_rad + math.pi / 2) % math.pi - math.pi / 2) < math.radians(2)


def test_lines_run_along_a_steep_ridge_even_where_across_it_is_shorter(hillside: Any) -> None:
    def ridge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 500 + 90 * np.exp(-(((x - 200) / 60) ** 2)) + 0 * y

    field = hillside.frame.to_geographic(shapely.box(0, 60, 400, 260))
    plan = plan_mission(_mission(hillside, ridge, area=field, speed_m_s=8.0))
    across = plan_mission(
        _mission(hillside, ridge, area=field, speed_m_s=8.0, pattern=LawnmowerPattern(angle_deg=90.0))
    )
    assert plan.survey is not None
    assert across.survey is not None
    assert min(plan.survey.sweep_angle_deg, 180 - plan.survey.sweep_angle_deg) < 30
    assert plan.survey.gsd_m_px < 0.85 * across.survey.gsd_m_px


def test_the_way_home_clears_the_ground_at_the_height_it_begins_at(hillside: Any) -> None:
    points = (FixedPoint(position=hillside.place(440, 100)),)
    mission = _mission(
        hillside, kind=MissionKind.WAYPOINTS, pattern=WaypointPattern(points=points), area=None
    )
    plan = plan_mission(mission)
    last = [i for i in plan.items if i.position is not None][-1]
    assert last.altitude is not None
    start = hillside.frame.to_xy([last.position])[0]
    home = hillside.frame.to_xy([plan.home])[0]
    way = home + (start - home) * np.linspace(0, 1, 500)[:, None]
    above = last.altitude.value_m + float(_ridge(*home)) - _ridge(way[:, 0], way[:, 1])
    assert above.min() >= 54.5
    assert "terrain-clearance" not in [f.code for f in check_plan(plan)]


def test_fixed_points_keep_their_own_heights_above_the_ground(hillside: Any) -> None:
    low = Altitude(value_m=30.0, datum=AltitudeDatum.AGL)
    high = Altitude(value_m=90.0, datum=AltitudeDatum.HOME)
    points = (
        FixedPoint(position=hillside.place(200, 20), altitude=low),
        FixedPoint(position=hillside.place(380, 120), dwell_s=5.0, gimbal_pitch_deg=-45.0, photo=True),
        FixedPoint(position=hillside.place(60, 60), altitude=high),
    )
    mission = _mission(
        hillside, kind=MissionKind.WAYPOINTS, pattern=WaypointPattern(points=points), area=None
    )
    plan = plan_mission(mission)
    home = float(_ridge(*hillside.frame.to_xy([plan.home])[0]))
    seen = {}
    for item in plan.items:
        if item.role is ItemRole.VISIT and item.position is not None and item.altitude is not None:
            xy = hillside.frame.to_xy([item.position])[0]
            seen[tuple(np.round(xy))] = item.altitude.value_m + home - float(_ridge(*xy))
    assert seen[200, 20] == pytest.approx(30.0, abs=0.3)
    assert seen[380, 120] == pytest.approx(60.0, abs=6.0)
    last = [i for i in plan.items if i.role is ItemRole.VISIT][-1]
    assert last.altitude == Altitude(value_m=90.0, datum=AltitudeDatum.HOME)


def test_a_descent_below_home_is_flown_and_never_at_a_height_of_nothing(hillside: Any) -> None:
    valley = lambda x, y: 500 - 0.4 * (x + 30) + 0 * y  # noqa: E731
    plan = plan_mission(_mission(hillside, valley))
    heights = [i.altitude.value_m for i in plan.items if i.altitude]
    assert min(heights) < -50
    assert all(h != 0.0 for h in heights)
    assert _above_ground(hillside, plan, valley, *FLOWN).min() >= 54.7
    assert [f.code for f in check_plan(plan) if f.severity is Severity.ERROR] == []


def test_ground_that_takes_the_flight_over_the_ceiling_is_refused_with_the_place(hillside: Any) -> None:
    fence = replace(hillside.fence, max_height_m=100.0)
    with pytest.raises(PlanningError, match="over the fence's ceiling of 100 m") as caught:
        plan_mission(_mission(hillside, fence=fence))
    assert caught.value.where.startswith("51.18")


def test_a_void_under_the_flight_is_refused_with_the_place(hillside: Any) -> None:
    def holed(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.where(np.hypot(x - 320, y - 200) < 40, np.nan, _plane(x, y))

    with pytest.raises(PlanningError, match=r"ridge.hgt has no height there") as caught:
        plan_mission(_mission(hillside, holed))
    assert caught.value.where.startswith("51.18")


def test_one_height_above_home_over_known_ground_counts_its_lowest_and_highest(hillside: Any) -> None:
    mission = _mission(hillside, height=Altitude(value_m=90.0, datum=AltitudeDatum.HOME))
    plan = plan_mission(mission)
    assert {i.altitude.value_m for i in plan.items if i.altitude} == {90.0}
    survey = plan.survey
    assert survey is not None
    above = _above_ground(hillside, plan, _ridge, ItemRole.SWEEP)
    assert survey.height_agl_m <= above.min() + 1.0
    assert survey.height_agl_m < 45.0
    assert survey.spacing_m == pytest.approx(0.7 * survey.camera.footprint_m(survey.height_agl_m)[0])
    assert survey.gsd_m_px >= survey.camera.gsd_m_px(above.max()) * 0.95
    with pytest.raises(PlanningError, match="above the ground there"):
        plan_mission(replace(mission, height=Altitude(value_m=45.0, datum=AltitudeDatum.HOME)))


@given(
    st.lists(st.tuples(st.floats(0.5, 40), st.floats(-100, 100)), min_size=2, max_size=40),
    st.floats(0.02, 2.0),
    st.floats(0.02, 2.0),
)
def test_a_climb_limited_profile_is_the_lowest_that_is_high_enough(
    steps: list[tuple[float, float]], climb: float, descent: float
) -> None:
    at = np.cumsum([s for s, _ in steps])
    wanted = np.array([h for _, h in steps])
    profile = climb_limited(wanted, climb_m=climb * at, descent_m=descent * at)
    assert (profile >= wanted - 1e-9).all()
    slope = np.diff(profile) / np.diff(at)
    assert slope.max() <= climb + 1e-6
    assert slope.min() >= -descent - 1e-6
    for k in range(len(at)):  # lowered anywhere it would be too low or too steep
        lower = profile.copy()
        lower[k] -= 1e-3
        slopes = np.diff(lower) / np.diff(at)
        assert lower[k] < wanted[k] or slopes.max() > climb or slopes.min() < -descent


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=60), st.floats(0.1, 30))
def test_kept_points_leave_no_height_further_off_than_the_tolerance(
    heights: list[float], tolerance_m: float
) -> None:
    at, height = np.arange(len(heights)) * 5.0, np.array(heights)
    kept = [0, *kept_points(at, height, tolerance_m), len(heights) - 1]
    assert kept == sorted(set(kept))
    assert np.abs(np.interp(at, at[kept], height[kept]) - height).max() <= tolerance_m + 1e-9


TEXT = """\
airbeat: 1
kind: search
name: Ridge
home: {lat: 47.0005, lon: 11.0005, amsl_m: 700}
terrain: N47E011.hgt
fence:
  inclusion:
    - circle: {lat: 47.0025, lon: 11.0025, radius_m: 600}
  max_height_m: 200
  margin_m: 10
area:
  - {lat: 47.0, lon: 11.0}
  - {lat: 47.003, lon: 11.0}
  - {lat: 47.003, lon: 11.005}
  - {lat: 47.0, lon: 11.005}
height: {gsd_cm_px: 2.5}
speed_m_s: 5
camera: embedded-12mp
airframe: arducopter-quad
search: {pattern: lawnmower}
"""


def _tile(folder: Path) -> None:
    north, east = np.meshgrid(np.linspace(1, 0, 1201), np.linspace(0, 1, 1201), indexing="ij")
    heights = 600 + 8 * np.sin(east * 1200) + 2000 * north
    np.round(heights).astype(">i2").tofile(folder / "N47E011.hgt")


def test_a_mission_file_names_its_height_model_and_a_gsd_is_then_kept_above_ground(tmp_path: Path) -> None:
    _tile(tmp_path)
    mission = parse_mission(TEXT, name="ridge.yaml", base_dir=tmp_path)
    assert mission.height.datum is AltitudeDatum.AGL
    assert any("ground heights from N47E011.hgt (SHA-256" in note for note in mission.notes)
    assert any("home.amsl_m is 700 m" in note for note in mission.notes)
    plan = plan_mission(mission)
    assert plan.survey is not None
    assert plan.survey.gsd_m_px == pytest.approx(0.025, rel=0.1)
    assert plan.height_above_ground == f"at least {plan.survey.height_agl_m:.1f} m by N47E011.hgt"
    assert plan.terrain is mission.terrain


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("terrain: N47E011.hgt", "terrain: N48E011.hgt", "5:1: terrain: N48E011.hgt: no such file"),
        ("terrain: N47E011.hgt", "terrain: http://x.org/a.tif", "5:1: terrain: must be a file's path"),
        ("terrain: N47E011.hgt", "terrain: 7", "5:1: terrain: must be a block of keys (got 7)"),
        ("terrain: N47E011.hgt", "terrain: {file: N47E011.hgt, tolerance_m: 0}", "tolerance_m: must be 0.5"),
        (
            "terrain: N47E011.hgt",
            "terrain: {file: N47E011.hgt, tolerance_m: 30}",
            "terrain.tolerance_m: must be",
        ),
        ("home: {lat: 47.0005", "home: {lat: 46.9995", "4:1: home: N47E011.hgt has no height at home"),
    ],
)
def test_a_height_model_that_cannot_be_used_is_reported_at_its_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    _tile(tmp_path)
    assert old in TEXT
    with pytest.raises(MissionFileError) as caught:
        parse_mission(TEXT.replace(old, new), name="ridge.yaml", base_dir=tmp_path)
    assert said in str(caught.value)
