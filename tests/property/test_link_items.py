"""Whatever a plan holds, its wire form compares equal to what a faithful vehicle would hold."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.link.dialect import mavlink
from airbeat.link.items import WireItem, compare_items, mission_items, plan_items_from_wire
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, PlanItem

_PLACES = st.builds(LatLon, lat_deg=st.floats(-89, 89), lon_deg=st.floats(-179.9, 179.9))
_HEIGHTS = st.builds(Altitude, value_m=st.floats(-400, 8000), datum=st.sampled_from(AltitudeDatum))
_NUMBERS = st.floats(-1000, 1000, width=32)
_ITEMS = st.one_of(
    st.builds(
        PlanItem,
        command=st.sampled_from([MavCmd.NAV_WAYPOINT, MavCmd.NAV_LOITER_TIME, MavCmd.DO_SET_ROI]),
        params=st.tuples(_NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS),
        position=_PLACES,
        altitude=_HEIGHTS,
    ),
    st.builds(
        PlanItem,
        command=st.sampled_from([MavCmd.DO_CHANGE_SPEED, MavCmd.CONDITION_YAW, MavCmd.DO_SET_SERVO]),
        params=st.tuples(_NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS),
    ),
)


def _over_the_wire(item: WireItem) -> WireItem:
    message = item.message(target_system=1, target_component=1)
    (received,) = mavlink.MAVLink(None).parse_buffer(message.pack(mavlink.MAVLink(None)))
    return WireItem.from_message(received)


@given(st.lists(_ITEMS, max_size=8), _PLACES)
def test_items_survive_the_wire_and_centimetre_heights(items: list[PlanItem], home: LatLon) -> None:
    sent = mission_items(FlightPlan(name="x", home=home, items=tuple(items)))
    held = [replace(i, z=int(i.z * 100) / 100) for i in map(_over_the_wire, sent)]
    assert compare_items(sent, held) == []


@given(st.lists(_ITEMS, min_size=1, max_size=5), st.data())
def test_a_moved_item_is_always_noticed(items: list[PlanItem], data: st.DataObject) -> None:
    sent = mission_items(FlightPlan(name="x", home=LatLon(lat_deg=0, lon_deg=0), items=tuple(items)))
    n = data.draw(st.integers(1, len(items)))
    if items[n - 1].position is None:
        changed = replace(sent[n], command=sent[n].command + 1)
    else:
        changed = replace(sent[n], x=sent[n].x + data.draw(st.sampled_from([-1, 1, 1000])))
    assert compare_items(sent, [*sent[:n], changed, *sent[n + 1 :]]) != []


@given(st.lists(_ITEMS, max_size=8))
def test_plans_come_back_from_the_wire_to_the_precision_of_the_protocol(items: list[PlanItem]) -> None:
    back = plan_items_from_wire(
        mission_items(FlightPlan(name="x", home=LatLon(lat_deg=0, lon_deg=0), items=tuple(items)))
    )
    for before, after in zip(items, back, strict=True):
        assert after.command == before.command
        assert after.params == before.params
        if before.position is not None and (after.position is not None):
            assert abs(after.position.lat_deg - before.position.lat_deg) <= 5.1e-8
            assert abs(after.position.lon_deg - before.position.lon_deg) <= 5.1e-8
            assert after.altitude == before.altitude
