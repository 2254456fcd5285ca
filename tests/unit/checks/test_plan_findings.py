"""Each finding fires on a plan that is one edit away from a clean one, and none fires on the clean one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import shapely

from airbeat.checks.catalogue import CODES
from airbeat.checks.findings import Severity
from airbeat.checks.plan import check_plan
from airbeat.checks.space import fence_margin_m
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import distance_m
from airbeat.geo.terrain import HeightGrid, Terrain
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, FlightPlan, PlanItem, RallyPoint

At = Callable[[float, float], LatLon]
Edit = Callable[[FlightPlan, At], FlightPlan]


def home_height(value_m: float) -> Altitude:
    return Altitude(value_m=value_m, datum=AltitudeDatum.HOME)


def changed(plan: FlightPlan, number: int, **values: Any) -> FlightPlan:
    """The plan with other values in one item."""
    items = list(plan.items)
    items[number - 1] = replace(items[number - 1], **values)
    return replace(plan, items=tuple(items))


def without(plan: FlightPlan, *numbers: int) -> FlightPlan:
    return replace(plan, items=tuple(i for n, i in plan.numbered() if n not in numbers))


def inserted(plan: FlightPlan, before: int, *items: PlanItem) -> FlightPlan:
    return replace(plan, items=plan.items[: before - 1] + items + plan.items[before - 1 :])


def do(command: int, *params: float) -> PlanItem:
    return PlanItem(command=command, params=(*params, *[0.0] * (4 - len(params))))


def fenced(plan: FlightPlan, **values: Any) -> FlightPlan:
    return replace(plan, fence=replace(plan.fence or Fence(), **values))


def surveyed(plan: FlightPlan, **values: Any) -> FlightPlan:
    assert plan.survey
    return replace(plan, survey=replace(plan.survey, **values))


def zone(at: At, *corners: tuple[float, float], inclusion: bool = True) -> FencePolygon:
    return FencePolygon(inclusion=inclusion, vertices=tuple(at(*c) for c in corners))


def rally(place: LatLon, height_m: float = 30.0) -> tuple[RallyPoint, ...]:
    return (RallyPoint(position=place, altitude=home_height(height_m)),)


def polygons(plan: FlightPlan) -> tuple[FencePolygon, ...]:
    assert plan.fence
    return plan.fence.polygons


def big_zone(at: At) -> FencePolygon:
    return zone(at, *((150 * math.cos(a / 12), 100 + 150 * math.sin(a / 12)) for a in range(75)))


def unseen_box(at: At, side_m: float) -> shapely.Polygon:
    corners = (at(50, 50), at(50 + side_m, 50), at(50 + side_m, 50 + side_m), at(50, 50 + side_m))
    return shapely.Polygon([(p.lon_deg, p.lat_deg) for p in corners])


def ground(height: Callable[[np.ndarray, np.ndarray], np.ndarray], at: At) -> Terrain:
    """A height model round home: a height for metres east and north of it, a cell every two metres."""
    x, y = np.meshgrid(np.arange(-100.0, 300.0, 2.0), np.arange(-100.0, 300.0, 2.0))
    home, unit = at(0, 0), at(100, 100)

    def to_cells(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        east = (lon - home.lon_deg) / (unit.lon_deg - home.lon_deg) * 100
        north = (lat - home.lat_deg) / (unit.lat_deg - home.lat_deg) * 100
        return (east + 100) / 2, (north + 100) / 2

    heights = (height(x, y) + 400.0 + 0 * x).astype(np.float32)
    grid = HeightGrid(heights_m=heights, to_cells=to_cells, resolution_m=2.0)
    return Terrain(grids=(grid,), name="model.hgt")


FAULTS: dict[str, Edit] = {
    "above-ceiling": lambda p, at: changed(p, 5, altitude=home_height(96.0)),
    "actions-after-last-leg": lambda p, at: inserted(p, 9, do(MavCmd.DO_SET_RELAY), do(MavCmd.DO_SET_RELAY)),
    "airframe-unknown": lambda p, at: replace(p, airframe=None),
    "area-unseen": lambda p, at: surveyed(p, unseen=unseen_box(at, 5.0)),
    "battery-share": lambda p, at: replace(p, estimate=replace(p.estimate, battery_share=1.01)),  # type: ignore[type-var]
    "camera-never-on": lambda p, at: changed(p, 4, params=(0.0, 0.0, 0.0, 0.0)),
    "camera-on-at-return": lambda p, at: without(p, 7),
    "command-refused-by-some": lambda p, at: inserted(
        p, 4, PlanItem(command=195, position=at(0, 0), altitude=home_height(0.0))
    ),
    "coverage-overclaimed": lambda p, at: changed(p, 5, position=at(40, 150)),
    "coverage-short": lambda p, at: surveyed(p, coverage_fraction=0.99),
    "energy-unknown": lambda p, at: inserted(p, 7, do(MavCmd.DO_JUMP, 5, -1)),
    "gimbal-differs": lambda p, at: inserted(p, 4, do(MavCmd.DO_MOUNT_CONTROL, -60.0)),
    "endless-jump": lambda p, at: inserted(p, 7, do(MavCmd.DO_JUMP, 5, -1)),
    "far-from-home": lambda p, at: changed(p, 5, position=LatLon(lat_deg=8.49, lon_deg=51.18)),
    "fence-defaults": lambda p, at: fenced(changed(p, 5, altitude=home_height(110.0)), max_height_m=120.0),
    "fence-far-from-home": lambda p, at: fenced(
        p, circles=(FenceCircle(inclusion=False, centre=LatLon(lat_deg=8.49, lon_deg=51.18), radius_m=5),)
    ),
    "fence-intersected": lambda p, at: fenced(
        p, polygons=(*polygons(p), zone(at, (-60, -60), (250, -50), (250, 250), (-50, 250)))
    ),
    "fence-intersection-left": lambda p, at: fenced(
        p, polygons=(*polygons(p), zone(at, (-50, -50), (250, -50), (250, 250)))
    ),
    "fence-polygon-crossed": lambda p, at: fenced(
        p, polygons=(*polygons(p), zone(at, (200, 200), (210, 210), (210, 200), (200, 210), inclusion=False))
    ),
    "fence-too-large": lambda p, at: fenced(p, polygons=(big_zone(at),), circles=()),
    "first-not-takeoff": lambda p, at: without(p, 1),
    "gsd-coarse": lambda p, at: surveyed(p, gsd_m_px=0.031),
    "height-above-home-unknown": lambda p, at: changed(
        replace(p, home_amsl_m=None), 5, altitude=Altitude(value_m=450.0, datum=AltitudeDatum.AMSL)
    ),
    "height-datums-mixed": lambda p, at: changed(
        p, 5, altitude=Altitude(value_m=450.0, datum=AltitudeDatum.AMSL)
    ),
    "height-missing": lambda p, at: changed(p, 5, altitude=None),
    "height-not-positive": lambda p, at: changed(p, 5, altitude=home_height(-1.0)),
    "home-outside-fence": lambda p, at: replace(p, home=at(-52, 0)),
    "home-unset": lambda p, at: replace(p, home=LatLon(lat_deg=0.0, lon_deg=0.0)),
    "items-after-return": lambda p, at: inserted(p, 9, p.items[2]),
    "jump-target": lambda p, at: inserted(p, 7, do(MavCmd.DO_JUMP, 10, 1)),
    "leg-outside-fence": lambda p, at: changed(p, 5, position=at(40, 251)),
    "margin-thin": lambda p, at: changed(p, 5, position=at(40, 246)),
    "motion-blur": lambda p, at: surveyed(p, camera=replace(p.survey.camera, exposure_s=1 / 400)),  # type: ignore[union-attr]
    "no-fence": lambda p, at: replace(p, fence=None),
    "no-items": lambda p, at: replace(p, items=()),
    "no-return": lambda p, at: without(p, 8),
    "not-for-flight": lambda p, at: replace(p, notes=("Unsurveyed; not for flight as it is",)),
    "other-vehicle": lambda p, at: replace(p, notes=("drawn for a boat, not for a multicopter",)),
    "parameter-not-a-number": lambda p, at: changed(p, 2, params=(1.0, 8.0, -1.0, math.nan)),
    "rally-height": lambda p, at: replace(p, rally=rally(at(20, -20), 96.0)),
    "rally-outside-fence": lambda p, at: replace(p, rally=rally(at(20, -51))),
    "rally-return-outside-fence": lambda p, at: replace(p, rally=rally(at(230, 75))),
    "rally-too-far": lambda p, at: replace(p, rally=rally(at(240, 200))),
    "shutter-too-slow": lambda p, at: changed(p, 4, params=(3.9, 0.0, 1.0, 0.0)),
    "speed-above-airframe": lambda p, at: replace(p, speed_m_s=16.0),
    "spline-leg": lambda p, at: changed(p, 5, command=MavCmd.NAV_SPLINE_WAYPOINT),
    "takeoff-away-from-home": lambda p, at: changed(p, 1, position=at(6, 0)),
    "terrain-clearance": lambda p, at: replace(p, terrain=ground(lambda x, y: 44.0 * (y > 90), at)),
    "terrain-gsd": lambda p, at: replace(p, terrain=ground(lambda x, y: -30.0 * (y > 90), at)),
    "terrain-lines-low": lambda p, at: replace(p, terrain=ground(lambda x, y: 10.0 * (y > 90), at)),
    "terrain-return-height": lambda p, at: replace(p, terrain=ground(lambda x, y: 20.0 * (x > 30), at)),
    "terrain-unknown": lambda p, at: replace(
        p, terrain=ground(lambda x, y: np.where(y > 90, np.nan, 0.0), at)
    ),
    "terrain-data-needed": lambda p, at: changed(
        p, 5, altitude=Altitude(value_m=50, datum=AltitudeDatum.AGL)
    ),
    "too-many-items": lambda p, at: inserted(p, 2, *[do(MavCmd.DO_SET_RELAY)] * 642),
    "too-many-rally-points": lambda p, at: replace(p, rally=rally(at(20, -20)) * 47),
    "unknown-command": lambda p, at: inserted(p, 3, do(42)),
    "unsupported-command": lambda p, at: inserted(p, 3, do(530)),
    "waypoint-without-place": lambda p, at: changed(p, 5, position=None),
}


def test_nothing_is_found_in_the_clean_plan(clean_plan: FlightPlan) -> None:
    assert check_plan(clean_plan) == []


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_one_edit_is_found_under_its_own_code(code: str, clean_plan: FlightPlan, at: At) -> None:
    findings = check_plan(FAULTS[code](clean_plan, at))
    assert code in {f.code for f in findings}
    assert all(f.remedy and f.message for f in findings)


def test_every_code_is_documented_with_its_severity_and_has_a_fault(clean_plan: FlightPlan, at: At) -> None:
    for edit in FAULTS.values():
        for finding in check_plan(edit(clean_plan, at)):
            assert CODES[finding.code].severity is finding.severity


def test_the_worst_comes_first(clean_plan: FlightPlan, at: At) -> None:
    plan = replace(FAULTS["leg-outside-fence"](clean_plan, at), notes=("not for flight",))
    severities = [f.severity for f in check_plan(plan)]
    assert severities == sorted(severities, key=list(Severity).index)
    assert severities[0] is Severity.ERROR


def test_a_leg_over_the_edge_says_how_far_and_where(clean_plan: FlightPlan, at: At) -> None:
    findings = check_plan(FAULTS["leg-outside-fence"](clean_plan, at))
    legs = [f for f in findings if f.code == "leg-outside-fence"]
    assert [f.items for f in legs] == [(5,), (6,)]
    assert "1.0 m outside" in legs[0].message
    assert legs[0].place is not None
    assert legs[0].place.lat_deg == pytest.approx(at(40, 251).lat_deg, abs=1e-6)


@pytest.mark.parametrize(("over_m", "found"), [(0.4, False), (0.6, True)])
def test_half_a_metre_is_tolerated(clean_plan: FlightPlan, at: At, over_m: float, found: bool) -> None:
    plan = surveyed(changed(clean_plan, 5, position=at(40, 250 + over_m)), margin_m=0.0)
    assert ("leg-outside-fence" in {f.code for f in check_plan(plan)}) is found


def test_a_leg_through_a_keep_out_is_found(clean_plan: FlightPlan, at: At) -> None:
    through = changed(clean_plan, 6, position=at(240, 130))
    assert [f.items for f in check_plan(through) if f.code == "leg-outside-fence"] == [(6,)]


def test_a_keep_out_thinner_than_the_tolerance_may_not_be_crossed(clean_plan: FlightPlan, at: At) -> None:
    wire = zone(at, (-40, 100), (240, 100), (240, 100.6), (-40, 100.6), inclusion=False)
    plan = fenced(clean_plan, polygons=(polygons(clean_plan)[0], wire))
    assert {f.items for f in check_plan(plan) if f.code == "leg-outside-fence"} == {(5,), (6,)}


def test_a_leg_along_the_edge_of_a_keep_out_is_allowed(clean_plan: FlightPlan, at: At) -> None:
    beside = zone(at, (40, 50), (60, 50), (60, 150), (40, 150), inclusion=False)
    plan = changed(fenced(clean_plan, polygons=(polygons(clean_plan)[0], beside)), 6, position=at(40, 20))
    assert "leg-outside-fence" not in {f.code for f in check_plan(plan)}


def test_the_circle_of_a_loiter_is_flown_too(clean_plan: FlightPlan, at: At) -> None:
    plan = changed(
        clean_plan, 6, command=MavCmd.NAV_LOITER_TURNS, params=(1.0, 0.0, 100.0, 0.0), position=at(160, 80)
    )
    assert (6,) in [f.items for f in check_plan(plan) if f.code == "leg-outside-fence"]


def test_the_way_back_of_a_jump_is_checked(clean_plan: FlightPlan, at: At) -> None:
    far_end = inserted(clean_plan, 7, replace(clean_plan.items[5], position=at(240, 20)))
    far_end = changed(far_end, 6, position=at(240, 200))
    jumping = inserted(far_end, 8, do(MavCmd.DO_JUMP, 3, 1))
    around = fenced(jumping, polygons=(polygons(jumping)[0],), circles=())
    assert "leg-outside-fence" not in {f.code for f in check_plan(around)}
    wall = zone(at, (100, -10), (110, -10), (110, 40), (100, 40), inclusion=False)
    walled = fenced(jumping, polygons=(polygons(jumping)[0], wall), circles=())
    assert (8,) in [f.items for f in check_plan(walled) if f.code == "leg-outside-fence"]


def test_inside_one_of_two_inclusion_zones_is_inside_but_ardupilot_intersects_them(
    clean_plan: FlightPlan, at: At
) -> None:
    west = zone(at, (-50, -50), (60, -50), (60, 250), (-50, 250))
    east = zone(at, (50, -50), (250, -50), (250, 250), (50, 250))
    findings = check_plan(fenced(clean_plan, polygons=(west, east)))
    assert "leg-outside-fence" not in {f.code for f in findings}
    left = next(f for f in findings if f.code == "fence-intersection-left")
    assert left.items == (1, 3, 5, 6, 8)
    assert left.severity is Severity.ERROR
    assert "fence-intersected" not in {f.code for f in findings}


@pytest.mark.parametrize(("side_m", "found"), [(0.9, False), (5.0, True)])
def test_unseen_ground_is_named_with_its_area_and_share(
    clean_plan: FlightPlan, at: At, side_m: float, found: bool
) -> None:
    findings = check_plan(surveyed(clean_plan, unseen=unseen_box(at, side_m)))
    said = [f.message for f in findings if f.code == "area-unseen"]
    assert said == (["25 m² of the area (0.28%) are on no photograph of this plan"] if found else [])


def test_the_margin_is_the_smallest_distance_to_any_edge(clean_plan: FlightPlan) -> None:
    margin = fence_margin_m(clean_plan)
    assert margin is not None
    assert margin[0] == pytest.approx(50.0, abs=0.01)
    assert fence_margin_m(replace(clean_plan, fence=None)) is None


@pytest.mark.parametrize("unset", [(MavCmd.NAV_WAYPOINT, 5), (MavCmd.NAV_TAKEOFF, 1)])
def test_an_unset_yaw_is_allowed_where_ardupilot_allows_it(
    clean_plan: FlightPlan, unset: tuple[MavCmd, int]
) -> None:
    command, number = unset
    plan = changed(clean_plan, number, command=command, params=(0.0, 0.0, 0.0, math.nan))
    assert check_plan(plan) == []


def test_zero_height_says_that_it_keeps_the_height_before(clean_plan: FlightPlan) -> None:
    findings = check_plan(changed(clean_plan, 5, altitude=home_height(0.0)))
    assert any("0 keeps the height" in f.message for f in findings)


def test_places_on_the_other_side_of_the_earth_are_refused_and_nothing_breaks(clean_plan: FlightPlan) -> None:
    antipode = LatLon(lat_deg=-51.18, lon_deg=8.49 - 180)
    plan = replace(changed(clean_plan, 5, position=antipode), rally=rally(antipode))
    assert {"far-from-home", "rally-too-far"} <= {f.code for f in check_plan(plan)}
    assert fence_margin_m(plan) is None
    assert "fence-far-from-home" in {f.code for f in check_plan(replace(clean_plan, home=antipode))}


def test_a_mission_far_from_its_fence_says_what_was_not_compared(clean_plan: FlightPlan, at: At) -> None:
    there, back = (replace(clean_plan.items[2], position=at(*p)) for p in ((300, 20), (300, 90)))
    findings = check_plan(inserted(clean_plan, 4, *(there, back) * 80))
    outside = [f for f in findings if f.code == "leg-outside-fence"]
    assert len(outside) == 101
    unmeasured = next(f for f in outside if len(f.items) > 1)
    assert "more were not compared" in unmeasured.message
    assert unmeasured.items[-1] == len(clean_plan.items) + 160


def test_a_rally_point_is_called_by_its_name(clean_plan: FlightPlan, at: At) -> None:
    far = RallyPoint(position=at(0, 400), altitude=home_height(30.0), name="car park")
    messages = [f.message for f in check_plan(replace(clean_plan, rally=(far,)))]
    assert any(m.startswith("rally point 1 (car park) is 400 m from home") for m in messages)


def test_flat_ground_of_a_model_is_as_good_as_none(clean_plan: FlightPlan, at: At) -> None:
    assert check_plan(replace(clean_plan, terrain=ground(lambda x, y: 0 * x, at))) == []


def test_a_leg_too_near_to_the_ground_says_how_near_and_where(clean_plan: FlightPlan, at: At) -> None:
    hill = replace(clean_plan, terrain=ground(lambda x, y: np.maximum(45 - np.hypot(x - 40, y - 150), 0), at))
    finding = next(f for f in check_plan(hill) if f.code == "terrain-clearance")
    assert "is 5 m above it" in finding.message or "is 6 m above it" in finding.message
    assert finding.items == (5,)
    assert finding.place is not None
    assert distance_m(finding.place, at(40, 150)) < 4


def test_the_height_to_return_at_clears_the_highest_ground_of_the_flight(
    clean_plan: FlightPlan, at: At
) -> None:
    hill = replace(clean_plan, terrain=ground(lambda x, y: 25.0 * (np.hypot(x - 45, y - 120) < 15), at))
    finding = next(f for f in check_plan(hill) if f.code == "terrain-return-height")
    assert "25 m above home" in finding.message
    assert "RTL_ALT to 3500" in finding.remedy


def test_heights_below_home_are_nothing_to_complain_of_where_the_ground_is_known(
    clean_plan: FlightPlan, at: At
) -> None:
    low = Altitude(value_m=-20.0, datum=AltitudeDatum.HOME)
    plan = changed(clean_plan, 5, altitude=low)
    assert "height-not-positive" in [f.code for f in check_plan(plan)]
    known = replace(plan, terrain=ground(lambda x, y: -70.0 * (y > 90), at))
    assert "height-not-positive" not in [f.code for f in check_plan(known)]


def test_a_fence_that_is_a_scribble_is_said_to_be_compared_with_nothing(
    clean_plan: FlightPlan, at: At
) -> None:
    turns = [(150 * math.cos(k * 2.399), 100 + 150 * math.sin(k * 2.399)) for k in range(400)]
    scribbled = fenced(clean_plan, polygons=(zone(at, *turns),), circles=())
    (finding,) = (f for f in check_plan(scribbled) if f.code == "fence-polygon-crossed")
    assert "so often that nothing was compared with it" in finding.message
    bow = fenced(clean_plan, polygons=(zone(at, (-50, -50), (250, 250), (250, -50), (-50, 250)),), circles=())
    (finding,) = (f for f in check_plan(bow) if f.code == "fence-polygon-crossed")
    assert "nothing was compared" not in finding.message


def test_several_curved_legs_are_one_finding(clean_plan: FlightPlan) -> None:
    both = changed(changed(clean_plan, 5, command=MavCmd.NAV_SPLINE_WAYPOINT), 6, command=82)
    assert [f.items for f in check_plan(both) if f.code == "spline-leg"] == [(5, 6)]
