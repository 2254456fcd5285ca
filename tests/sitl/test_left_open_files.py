"""A file that a station left open by MAVFTP never replaces what is uploaded and verified after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from airbeat.flight.upload import upload_plan
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.link.connection import Link, connect
from airbeat.link.ftp_choice import Via
from airbeat.link.ftp_wire import FtpOpcode, FtpPacket, encode_items, file_chunks, file_name
from airbeat.link.items import MissionType, compare_items, fence_items
from airbeat.link.vehicle import Vehicle
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import Fence, FencePolygon, FlightPlan, PlanItem
from airbeat.sim.ardupilot import ArduPilotSitl
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

HOME = LatLon(lat_deg=47.2692, lon_deg=11.4041)
SPEEDUP = 10.0


def _fence(half_deg: float) -> Fence:
    corners = ((-1, -1), (-1, 1), (1, 1), (1, -1))
    vertices = tuple(
        LatLon(lat_deg=HOME.lat_deg + n * half_deg, lon_deg=HOME.lon_deg + e * half_deg) for n, e in corners
    )
    return Fence(polygons=(FencePolygon(inclusion=True, vertices=vertices),))


def _plan() -> FlightPlan:
    height = Altitude(value_m=20.0, datum=AltitudeDatum.HOME)
    items = (
        PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=height),
        PlanItem(command=MavCmd.NAV_WAYPOINT, position=HOME, altitude=height),
        PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
    )
    return FlightPlan(name="hop", home=HOME, items=items, fence=_fence(0.002))


@pytest.fixture(params=["embedded", pytest.param("ardupilot", marks=pytest.mark.ardupilot)])
def links(request: pytest.FixtureRequest) -> Iterator[Callable[[], Link]]:
    """Connects to one vehicle, again and again."""
    with ExitStack() as stack:
        if request.param == "ardupilot":
            start: Callable[..., ArduPilotSitl] = request.getfixturevalue("ardupilot")
            urls = iter(start(HOME, 600.0).urls)
        else:
            config = VehicleConfig(home=HOME, home_amsl_m=600.0, speedup=SPEEDUP)
            urls = iter([stack.enter_context(EmbeddedVehicle(config)).url] * 3)
        yield lambda: stack.enter_context(connect(next(urls), timeout_s=30))


def _leave_open(link: Link, fence: Fence) -> None:
    """A complete fence file, never closed, as of a station that fell silent."""
    kind = MissionType.FENCE
    chunks = file_chunks(encode_items(kind, fence_items(fence)))
    name = file_name(kind).encode()
    steps = [(FtpOpcode.CREATE_FILE, 0, name), *((FtpOpcode.WRITE_FILE, at, data) for at, data in chunks)]
    with link.subscribe({"FILE_TRANSFER_PROTOCOL"}) as replies:
        for seq, (opcode, offset, data) in enumerate(steps, start=100):
            packet = FtpPacket(
                seq=seq, session=7, opcode=int(opcode), size=len(data), offset=offset, data=data
            )
            link.send(packet.to_peer(link.peer))
            reply = replies.get(10.0)
            assert reply is not None
            assert FtpPacket.from_message(reply).opcode == FtpOpcode.ACK


@pytest.mark.parametrize("via", [Via.ITEM, Via.AUTO])
def test_a_fence_left_open_by_an_earlier_station_does_not_come_back(
    links: Callable[[], Link], via: Via
) -> None:
    """The firmware takes a complete open file when, after 3 s of silence, another session sends anything."""
    cable = links()
    vehicle = Vehicle.on(cable)
    vehicle.start_telemetry()
    assert vehicle.wait(lambda t: t.gps_fix is not None and t.gps_fix >= 3, timeout_s=90.0, what="GPS")
    _leave_open(links(), _fence(0.005))
    plan = _plan()
    assert plan.fence is not None
    assert upload_plan(cable, plan, via=via).verified
    vehicle.wait(lambda _t: False, timeout_s=4.0, what="the silence after which a file left open is taken")
    held = Vehicle.on(links()).download(MissionType.FENCE, via=Via.FTP)
    assert compare_items(fence_items(plan.fence), held) == []
