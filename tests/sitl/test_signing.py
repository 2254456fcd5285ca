"""Signed messages with a real ArduPilot that was given a key."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from airbeat.errors import LinkError
from airbeat.flight.upload import upload_plan
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.link.connection import connect
from airbeat.link.dialect import mavlink
from airbeat.link.signing import now_10us
from airbeat.link.vehicle import Vehicle
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, PlanItem
from airbeat.sim.ardupilot import ArduPilotSitl

HOME = LatLon(lat_deg=47.2692, lon_deg=11.4041)
KEY = bytes(range(1, 33))


def _hop() -> FlightPlan:
    height = Altitude(value_m=20.0, datum=AltitudeDatum.HOME)
    place = LatLon(lat_deg=47.2700, lon_deg=11.4041)
    return FlightPlan(
        name="hop",
        home=HOME,
        items=(
            PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=height),
            PlanItem(command=MavCmd.NAV_WAYPOINT, position=place, altitude=height),
            PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
        ),
    )


@pytest.mark.ardupilot
@pytest.mark.timeout(300)
def test_a_vehicle_with_a_key_takes_a_signed_upload_and_no_unsigned_command(
    ardupilot: Callable[..., ArduPilotSitl],
) -> None:
    """ArduPilot keeps the key of SETUP_SIGNING; from then on its second port takes signed messages only. The
    first port counts as a cable and takes all."""
    sitl = ardupilot(HOME, 600.0)
    with connect(sitl.url, timeout_s=30) as cable:
        vehicle = Vehicle.on(cable)
        vehicle.start_telemetry()
        assert vehicle.wait(lambda t: t.gps_fix == 6 or (t.gps_fix or 0) >= 3, timeout_s=90.0, what="GPS")
        peer = cable.peer
        cable.send(mavlink.MAVLink_setup_signing_message(peer.system, peer.component, list(KEY), now_10us()))
        deadline = time.monotonic() + 30.0
        with cable.subscribe({"HEARTBEAT"}) as beats:
            while time.monotonic() < deadline:
                beat = beats.get(5.0)
                if beat is not None and bytes(beat.get_msgbuf())[2] & mavlink.MAVLINK_IFLAG_SIGNED:
                    break
        with connect(sitl.urls[1], timeout_s=20) as unsigned:
            assert unsigned.vehicle_signs
            assert Vehicle.on(unsigned).command(MavCmd.DO_SET_MODE, 1.0, 4.0, tries=3).result == "NO_ANSWER"
        with pytest.raises(LinkError, match="not signed with this signing key"):
            connect(sitl.urls[1], timeout_s=3, signing_key=bytes(32))
        with connect(sitl.urls[1], timeout_s=20, signing_key=KEY) as signed:
            assert upload_plan(signed, _hop()).verified
