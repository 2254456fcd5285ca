"""Between the question and the answer minutes may pass: the vehicle is looked at again before it is armed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from airbeat.errors import FindingsError, RefusedByVehicleError
from airbeat.flight.fly import fly_plan
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.link.connection import connect
from airbeat.link.vehicle import Vehicle
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, PlanItem
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)
HEIGHT = Altitude(value_m=20.0, datum=AltitudeDatum.HOME)
HOP = FlightPlan(
    name="hop",
    home=HOME,
    items=(
        PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=HEIGHT),
        PlanItem(
            command=MavCmd.NAV_WAYPOINT, position=LatLon(lat_deg=51.1803, lon_deg=8.49), altitude=HEIGHT
        ),
        PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
    ),
    speed_m_s=8.0,
)


@pytest.fixture
def vehicle() -> Iterator[EmbeddedVehicle]:
    with EmbeddedVehicle(VehicleConfig(home=HOME, home_amsl_m=400.0, speedup=1.0)) as running:
        yield running


def _while_asked(vehicle: EmbeddedVehicle, act: Callable[[Vehicle], object]) -> None:
    """Flies the hop; another station acts while this one's question stands."""
    with connect(vehicle.url, timeout_s=10) as link, connect(vehicle.url, timeout_s=10) as other:
        somebody = Vehicle.on(other)

        def confirm(_findings: object, _verdict: object) -> bool:
            act(somebody)
            return True

        fly_plan(link, HOP, confirm=confirm)


def test_a_vehicle_that_somebody_armed_while_the_question_stood_is_left_alone(
    vehicle: EmbeddedVehicle,
) -> None:
    with pytest.raises(
        FindingsError, match="not armed: no longer ready to fly: the vehicle is already armed"
    ):
        _while_asked(vehicle, lambda other: other.arm())
    assert all(p.height_above_home_m < 0.5 for p in vehicle.track)


def test_a_mode_that_was_changed_while_the_question_stood_is_respected(vehicle: EmbeddedVehicle) -> None:
    with pytest.raises(RefusedByVehicleError, match=r"changed the mode from .* to GUIDED"):
        _while_asked(vehicle, lambda other: other.set_mode("GUIDED"))
    assert not vehicle.armed
