"""Which parameters a flight would change, found without touching a vehicle."""

from __future__ import annotations

from airbeat.flight.parameters import remedies
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.link.telemetry import Telemetry
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import Fence, FencePolygon, FlightPlan, PlanItem

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)
NORTH = LatLon(lat_deg=51.184, lon_deg=8.49)
HEIGHT = Altitude(value_m=60, datum=AltitudeDatum.HOME)
PLAN = FlightPlan(
    name="x",
    home=HOME,
    items=(
        PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=HEIGHT),
        PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, params=(10, 0, 1, 0)),
        PlanItem(command=MavCmd.NAV_WAYPOINT, position=NORTH, altitude=HEIGHT),
    ),
    fence=Fence(
        polygons=(
            FencePolygon(
                inclusion=True,
                vertices=(LatLon(lat_deg=51.17, lon_deg=8.48), NORTH, LatLon(lat_deg=51.17, lon_deg=8.5)),
            ),
        ),
        max_height_m=90,
    ),
)
SETTLED = {"FENCE_ENABLE": 1.0, "FENCE_TYPE": 7.0, "FENCE_RADIUS": 600.0, "FENCE_ALT_MAX": 90.0,
           "RTL_ALT": 3000.0, "CAM1_TYPE": 1.0, "BATT_FS_LOW_ACT": 2.0}  # fmt: skip


def test_a_settled_vehicle_is_left_alone() -> None:
    assert remedies(PLAN, Telemetry(), SETTLED) == []


def test_a_fence_that_is_switched_on_brings_its_circle_along_and_comes_last() -> None:
    held = SETTLED | {"FENCE_ENABLE": 0.0, "FENCE_RADIUS": 300.0}
    changes = remedies(PLAN, Telemetry(), held)
    assert [c.name for c in changes] == ["FENCE_RADIUS", "FENCE_ENABLE"]
    assert changes[0].old == 300.0
    assert changes[0].new > 445
    assert remedies(PLAN, Telemetry(), held | {c.name: c.new for c in changes}) == []


def test_what_needs_a_restart_and_what_the_vehicle_lacks_is_not_set() -> None:
    held = {name: value for name, value in SETTLED.items() if name != "BATT_FS_LOW_ACT"} | {"CAM1_TYPE": 0.0}
    assert remedies(PLAN, Telemetry(), held) == []


def test_heights_that_contradict_each_other_come_to_an_end() -> None:
    low = FlightPlan(
        name="x", home=HOME, items=PLAN.items, fence=Fence(polygons=PLAN.fence.polygons, max_height_m=61.0)
    )  # type: ignore[union-attr]
    names = [c.name for c in remedies(low, Telemetry(), SETTLED | {"RTL_ALT": 9000.0})]
    assert sorted(names) == ["FENCE_ALT_MAX", "RTL_ALT"]
