"""Through any format: what it says it can hold comes back, and the report of losses is the rest."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airbeat.errors import PlanFileError
from airbeat.formats.catalogue import FORMATS, PlanFormat, format_of
from airbeat.formats.losses import Loss, losses
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import (
    Fence,
    FenceCircle,
    FencePolygon,
    FlightPlan,
    PlanItem,
    RallyPoint,
)

CENTRE = (51.18, 8.49)
places = st.builds(
    LatLon,
    lat_deg=st.floats(CENTRE[0] - 0.02, CENTRE[0] + 0.02),
    lon_deg=st.floats(CENTRE[1] - 0.02, CENTRE[1] + 0.02),
)
tenths = st.integers(1, 1200).map(lambda n: n / 10)
heights = st.builds(Altitude, value_m=tenths, datum=st.just(AltitudeDatum.HOME))
waypoints = st.builds(
    PlanItem,
    command=st.sampled_from([MavCmd.NAV_WAYPOINT, MavCmd.NAV_SPLINE_WAYPOINT]),
    params=st.tuples(st.sampled_from([0.0, 0.0, 3.0]), st.just(0.0), st.just(0.0), st.just(0.0)),
    position=places,
    altitude=heights,
)
actions = st.one_of(
    st.builds(PlanItem, command=st.just(MavCmd.DO_DIGICAM_CONTROL), extra=st.just((1.0, 0.0, 0.0))),
    st.builds(
        PlanItem,
        command=st.just(MavCmd.CONDITION_YAW),
        params=st.tuples(st.integers(0, 359).map(float), st.just(0.0), st.just(0.0), st.just(0.0)),
    ),
    st.builds(
        PlanItem,
        command=st.just(MavCmd.DO_MOUNT_CONTROL),
        params=st.tuples(st.integers(-90, 0).map(float), st.just(0.0), st.just(0.0), st.just(0.0)),
        extra=st.just((0.0, 0.0, 2.0)),
    ),
    st.builds(
        PlanItem,
        command=st.just(MavCmd.DO_SET_SERVO),
        params=st.tuples(st.integers(1, 14).map(float), st.just(1500.0), st.just(0.0), st.just(0.0)),
    ),
    st.builds(
        PlanItem,
        command=st.just(MavCmd.DO_CHANGE_SPEED),
        params=st.tuples(st.just(1.0), st.integers(2, 15).map(float), st.just(-1.0), st.just(0.0)),
    ),
    st.builds(
        PlanItem,
        command=st.just(MavCmd.DO_SET_CAM_TRIGG_DIST),
        params=st.tuples(st.sampled_from([0.0, 12.5, 30.0]), st.just(0.0), st.just(1.0), st.just(0.0)),
    ),
    st.builds(PlanItem, command=st.sampled_from([MavCmd.VIDEO_START_CAPTURE, MavCmd.VIDEO_STOP_CAPTURE])),
)
zones = st.builds(
    Fence,
    polygons=st.lists(
        st.builds(
            FencePolygon,
            inclusion=st.booleans(),
            vertices=st.lists(places, min_size=3, max_size=6, unique=True).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    circles=st.lists(
        st.builds(FenceCircle, inclusion=st.booleans(), centre=places, radius_m=tenths), max_size=2
    ).map(tuple),
    max_height_m=st.none() | tenths,
)
plans = st.builds(
    FlightPlan,
    name=st.just("drawn"),
    home=places,
    home_amsl_m=st.none() | tenths,
    items=st.lists(st.one_of(waypoints, waypoints, actions), min_size=1, max_size=14).map(tuple),
    fence=st.none() | zones,
    rally=st.none()
    | st.lists(st.builds(RallyPoint, position=places, altitude=heights), min_size=1, max_size=2).map(tuple),
    speed_m_s=st.none() | st.integers(2, 15).map(float),
    last_seen=st.none() | places,
)


def sort_of(loss: Loss) -> str:
    """Which part of a plan a loss is of, in the words of a format's declaration."""
    for start, part in (
        ("fence", "fence"),
        ("rally", "rally"),
        ("home", "home"),
        ("speed", "speed"),
        ("last-seen", "last-seen"),
    ):
        if loss.where.startswith(start):
            return part
    return "items" if "WAYPOINT" in loss.where else "actions"


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.key)
@settings(max_examples=40)
@given(plan=plans)
def test_what_a_format_says_it_holds_comes_back_and_the_rest_is_reported(
    known: PlanFormat, plan: FlightPlan
) -> None:
    data = None
    with suppress(PlanFileError):  # no fence to write, one waypoint only: the unit tests look at the refusals
        data = known.write(plan)
    if data is None:
        return
    assert format_of(data, name="x").key == known.key
    held = known.read(data, "x")
    lost = losses(plan, held, precision=known.precision)
    if known.key in ("plan", "kml", "geojson"):
        assert not lost
    allowed = {"items", "actions", "fence", "rally", "home", "speed", "last-seen"} - known.holds
    if known.key in (
        "dji",
        "litchi",
    ):  # commands without an action there, photographs behind the last waypoint
        allowed |= {"actions"}
    if known.key == "fence":
        lost = tuple(loss for loss in lost if "ceiling" not in loss.text)
    assert {sort_of(loss) for loss in lost} <= allowed, lost


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.key)
@settings(max_examples=40)
@given(plan=plans)
def test_a_file_written_from_what_a_file_held_holds_the_same(known: PlanFormat, plan: FlightPlan) -> None:
    try:
        held = known.read(known.write(plan), "x")
    except PlanFileError:  # no fence to write, one waypoint only: the unit tests look at the refusals
        return
    again = known.read(known.write(held), "x")
    assert not losses(held, again, precision=known.precision)
    assert not losses(again, held, precision=known.precision)


@given(plan=plans)
def test_a_plan_compared_with_itself_lost_nothing(plan: FlightPlan) -> None:
    assert not losses(plan, plan, precision=FORMATS[0].precision)


@given(plan=plans, data=st.data())
def test_an_item_that_was_left_out_is_named(plan: FlightPlan, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(plan.items) - 1))
    shorter = replace(plan, items=plan.items[:index] + plan.items[index + 1 :])
    lost = losses(plan, shorter, precision=FORMATS[0].precision)
    assert len(lost) == 1
    gone = int(lost[0].where.split()[1])
    assert plan.items[gone - 1] == plan.items[index]


def waypoint(north: float) -> PlanItem:
    place = LatLon(lat_deg=CENTRE[0] + north, lon_deg=CENTRE[1])
    height = Altitude(value_m=60.0, datum=AltitudeDatum.HOME)
    return PlanItem(command=MavCmd.NAV_WAYPOINT, position=place, altitude=height)


@pytest.mark.parametrize("added", [0, 1])
def test_a_place_that_is_flown_to_twice_is_held_twice(added: int) -> None:
    photo = PlanItem(command=MavCmd.DO_DIGICAM_CONTROL, extra=(1.0, 0.0, 0.0))
    items = (waypoint(0.0), photo, waypoint(0.001), waypoint(0.0), photo, waypoint(0.0))
    home = LatLon(lat_deg=CENTRE[0], lon_deg=CENTRE[1])
    plan = FlightPlan(name="there and back", home=home, items=items)
    held = replace(plan, items=(waypoint(0.002),) * added + items)
    lost = losses(plan, held, precision=FORMATS[0].precision)
    assert len(lost) == added
    swapped = replace(plan, items=(items[2], items[0], photo, *items[3:]))
    texts = [str(loss) for loss in losses(plan, swapped, precision=FORMATS[0].precision)]
    assert texts
    assert all(text.split(": ", 1)[1] for text in texts)


@settings(max_examples=60)
@given(plan=plans, other=plans)
def test_every_loss_says_what_it_is(plan: FlightPlan, other: FlightPlan) -> None:
    found = losses(plan, other, precision=FORMATS[0].precision)
    assert all(loss.where and loss.text for loss in found)
    if not found:
        assert len(plan.items) == len(other.items)
