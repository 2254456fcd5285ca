"""What a plan file holds is what was written, for any plan that the format can carry."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import shape

from airbeat.formats.geojson import write_geojson
from airbeat.formats.kml import write_kml
from airbeat.formats.qgc_plan import read_qgc_plan, write_qgc_plan
from airbeat.formats.wpl import read_wpl, write_wpl
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.mission.plan import (
    Fence,
    FenceCircle,
    FencePolygon,
    FlightPlan,
    ItemRole,
    PlanItem,
    RallyPoint,
)

# 0, 0 means "here" in a mission item, so a place on the equator and on the zero meridian is not drawn.
places = st.builds(
    LatLon, lat_deg=st.floats(-90, 90), lon_deg=st.floats(-180, 180).filter(lambda lon: abs(lon) > 1e-6)
)
heights = st.builds(Altitude, value_m=st.floats(-500, 9000), datum=st.sampled_from(AltitudeDatum))
numbers = st.floats(-1e6, 1e6)
roles = st.sampled_from(ItemRole)

waypoints = st.builds(
    PlanItem,
    command=st.sampled_from([16, 17, 19, 21, 22, 82, 201]),
    params=st.tuples(numbers, numbers, numbers, numbers),
    position=places,
    altitude=heights,
    autocontinue=st.booleans(),
    role=roles,
)
climbs = st.builds(PlanItem, command=st.just(22), altitude=heights, role=roles)
actions = st.builds(
    PlanItem,
    command=st.sampled_from([20, 93, 112, 115, 178, 183, 203, 205, 206, 207, 600, 601, 1000, 2000]),
    params=st.tuples(numbers, numbers, numbers, numbers),
    extra=st.tuples(numbers, numbers, numbers),
    role=roles,
)
polygons = st.builds(
    FencePolygon,
    inclusion=st.booleans(),
    vertices=st.lists(places, min_size=3, max_size=6, unique=True).map(tuple),
)
circles = st.builds(FenceCircle, inclusion=st.booleans(), centre=places, radius_m=st.floats(0.1, 1e5))
fences = st.builds(
    Fence,
    polygons=st.lists(polygons, max_size=3).map(tuple),
    circles=st.lists(circles, max_size=3).map(tuple),
    max_height_m=st.none() | st.floats(1, 500),
    breach_return=st.none() | st.tuples(places, st.floats(0, 500)),
)
rally_points = st.builds(
    RallyPoint,
    position=places,
    altitude=st.builds(Altitude, value_m=st.floats(0, 500), datum=st.just(AltitudeDatum.HOME)),
)
plans = st.builds(
    FlightPlan,
    name=st.text("abc <&>é文", min_size=1).map(str.strip).filter(bool),
    home=places,
    home_amsl_m=st.none() | st.floats(-400, 6000).filter(bool),
    items=st.lists(waypoints | climbs | actions, max_size=12).map(tuple),
    fence=st.none() | fences,
    rally=st.none() | st.lists(rally_points, min_size=1, max_size=3).map(tuple),
    speed_m_s=st.none() | st.floats(0.5, 30),
    last_seen=st.none() | places,
)


@given(plan=plans)
def test_a_qgc_plan_reads_back_exactly(plan: FlightPlan) -> None:
    back = read_qgc_plan(write_qgc_plan(plan), name="m.plan")
    assert replace(back, notes=(), provenance=plan.provenance) == plan


@given(plan=plans)
def test_a_qgc_plan_written_from_what_was_read_is_the_same_file(plan: FlightPlan) -> None:
    once = write_qgc_plan(read_qgc_plan(write_qgc_plan(plan), name="m.plan"))
    twice = write_qgc_plan(replace(read_qgc_plan(once, name="m.plan"), provenance=plan.provenance))
    assert json.loads(once)["mission"] == json.loads(twice)["mission"]
    assert json.loads(once)["geoFence"] == json.loads(twice)["geoFence"]


def close(ours: float, theirs: float) -> bool:
    return math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=5.1e-9)


@given(plan=plans)
def test_a_waypoints_file_reads_back_to_eight_decimals(plan: FlightPlan) -> None:
    back = read_wpl(write_wpl(plan), name="m.waypoints")
    assert close(back.home.lat_deg, plan.home.lat_deg)
    assert len(back.items) == len(plan.items)
    for ours, theirs in zip(plan.items, back.items, strict=True):
        assert (ours.command, ours.autocontinue) == (theirs.command, theirs.autocontinue)
        assert all(
            close(a, b) for a, b in zip(ours.params + ours.extra, theirs.params + theirs.extra, strict=True)
        )
        assert (ours.position is None) == (theirs.position is None)
        if ours.position and theirs.position:
            assert close(ours.position.lat_deg, theirs.position.lat_deg)
            assert close(ours.position.lon_deg, theirs.position.lon_deg)
        if ours.altitude and theirs.altitude:
            assert ours.altitude.datum is theirs.altitude.datum
            assert close(ours.altitude.value_m, theirs.altitude.value_m)


@given(plan=plans)
def test_any_plan_can_be_drawn(plan: FlightPlan) -> None:
    for feature in json.loads(write_geojson(plan))["features"]:
        lon_lat = shapely.get_coordinates(shape(feature["geometry"]))
        assert len(lon_lat)
        assert (abs(lon_lat) <= [180, 90]).all()
    assert write_kml(plan).startswith("<?xml")
