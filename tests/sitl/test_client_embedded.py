"""Our client and other people's clients against the embedded vehicle, on accelerated time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airbeat.errors import FindingsError, RefusedByVehicleError, UsageError
from airbeat.flight.fly import fly_plan
from airbeat.flight.preflight import preflight
from airbeat.flight.record import FlightOutcome
from airbeat.flight.upload import UploadVerdict, upload_plan
from airbeat.flight.watch import FlightProgress
from airbeat.formats.wpl import write_wpl
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import distance_m as metres_between
from airbeat.link.connection import Link, connect
from airbeat.link.items import MissionType, WireItem, compare_items, fence_items, mission_items, rally_items
from airbeat.link.telemetry import VehicleEvent
from airbeat.link.transfer import Outcome
from airbeat.link.vehicle import Vehicle
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, FlightPlan, PlanItem, RallyPoint
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)


def _at(east_m: float, north_m: float) -> LatLon:
    return LatLon(lat_deg=51.18 + north_m * 8.98e-6, lon_deg=8.49 + east_m * 1.43e-5)


def _height(value_m: float) -> Altitude:
    return Altitude(value_m=value_m, datum=AltitudeDatum.HOME)


def _square(half_m: float) -> tuple[LatLon, ...]:
    return (_at(-half_m, -half_m), _at(half_m, -half_m), _at(half_m, half_m), _at(-half_m, half_m))


def _survey(*, lines: int = 2, height_m: float = 20.0) -> FlightPlan:
    """A take-off, some lines of 100 m with the camera on, and the return."""
    items = [
        PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=_height(height_m)),
        PlanItem(command=MavCmd.DO_CHANGE_SPEED, params=(1, 8, -1, 0)),
        PlanItem(command=MavCmd.NAV_WAYPOINT, position=_at(20, 20), altitude=_height(height_m)),
        PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, params=(10, 0, 1, 0)),
    ]
    for line in range(lines):
        for end in (0, 1) if line % 2 == 0 else (1, 0):
            place = _at(20 + 100 * end, 20 + 30 * line)
            items.append(PlanItem(command=MavCmd.NAV_WAYPOINT, position=place, altitude=_height(height_m)))
    items += [
        PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST),
        PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
    ]
    fence = Fence(
        polygons=(FencePolygon(inclusion=True, vertices=_square(200)),),
        circles=(FenceCircle(inclusion=False, centre=_at(-100, -100), radius_m=30.5),),
    )
    rally = (RallyPoint(position=_at(10, 40), altitude=_height(15.0)),)
    return FlightPlan(
        name="two lines", home=HOME, items=tuple(items), fence=fence, rally=rally, speed_m_s=8.0
    )


@pytest.fixture
def embedded() -> Iterator[Callable[..., EmbeddedVehicle]]:
    """Starts embedded vehicles and stops them afterwards."""
    running: list[EmbeddedVehicle] = []

    def start(*, speedup: float = 40.0, **params: float) -> EmbeddedVehicle:
        config = VehicleConfig(home=HOME, home_amsl_m=400.0, speedup=speedup, params=params)
        vehicle = EmbeddedVehicle(config)
        vehicle.__enter__()
        running.append(vehicle)
        return vehicle

    yield start
    for vehicle in running:
        vehicle.__exit__(None, None, None)


@pytest.fixture
def link_to() -> Iterator[Callable[[EmbeddedVehicle], Link]]:
    """Connects to vehicles and closes the links afterwards."""
    links: list[Link] = []

    def to(vehicle: EmbeddedVehicle) -> Link:
        links.append(connect(vehicle.url, timeout_s=10))
        return links[-1]

    yield to
    for link in links:
        link.close()


Start = Callable[..., EmbeddedVehicle]
To = Callable[[EmbeddedVehicle], Link]
Calm = Callable[[EmbeddedVehicle, int], None]
SimulateAt = Callable[[EmbeddedVehicle, float], None]


def _held(link: Link) -> tuple[Any, ...]:
    vehicle = Vehicle.on(link)
    return tuple(vehicle.download(kind) for kind in MissionType)


def test_a_plan_is_uploaded_in_three_parts_and_each_is_what_a_second_station_reads(
    embedded: Start, link_to: To
) -> None:
    """The verdict is true: another connection reads the same content."""
    vehicle = embedded()
    plan = _survey(lines=20)
    seen: list[str] = []
    verdict = upload_plan(link_to(vehicle), plan, progress=lambda what, done, total: seen.append(what))
    assert verdict.verified, verdict.to_json()
    assert list(dict.fromkeys(seen)) == ["fence", "rally points", "mission"]
    assert verdict.current_item in (0, 1)
    mission, fence, rally = _held(link_to(vehicle))
    assert plan.fence is not None
    assert plan.rally is not None
    assert compare_items(mission_items(plan), mission) == []
    assert compare_items(fence_items(plan.fence), fence) == []
    assert compare_items(rally_items(plan.rally), rally) == []


def test_a_plan_without_fence_leaves_the_vehicles_fence_alone_and_says_so(
    embedded: Start, link_to: To
) -> None:
    """None is not empty."""
    vehicle = embedded()
    link = link_to(vehicle)
    plan = _survey()
    upload_plan(link, plan)
    without = FlightPlan(name="x", home=HOME, items=plan.items)
    verdict = upload_plan(link, without)
    assert verdict.verified
    assert verdict.fence is None
    assert any("own fence was left alone" in note for note in verdict.notes)
    assert len(Vehicle.on(link).download(MissionType.FENCE)) == 5


def test_a_fence_that_is_refused_stops_the_upload_before_the_mission(embedded: Start, link_to: To) -> None:
    """A mission must not arrive without its fence."""
    link = link_to(embedded())
    broken = Fence(polygons=(FencePolygon(inclusion=True, vertices=_square(100)[:2]),))
    plan = FlightPlan(name="x", home=HOME, items=_survey().items, fence=broken)
    verdict = upload_plan(link, plan)
    assert not verdict.verified
    assert verdict.mission is None
    assert any("mission not sent" in note for note in verdict.notes)
    with pytest.raises(RefusedByVehicleError):
        verdict.raise_unless_verified()


def test_an_item_that_the_vehicle_refuses_is_named_and_no_half_mission_stays(
    embedded: Start, link_to: To
) -> None:
    """A DO_JUMP beyond the end is refused, and what was written before it is cleared."""
    link = link_to(embedded())
    items = (*_survey().items[:5], PlanItem(command=MavCmd.DO_JUMP, params=(99, 1, 0, 0)))
    verdict = upload_plan(link, FlightPlan(name="x", home=HOME, items=items))
    assert verdict.mission is not None
    assert verdict.mission.outcome is Outcome.REFUSED
    assert verdict.mission.item == 6
    assert "DO_JUMP" in verdict.mission.message
    assert verdict.mission.on_vehicle.startswith("no mission")


def test_a_survey_is_flown_from_arming_to_disarming_and_recorded(
    embedded: Start, link_to: To, tmp_path: Path
) -> None:
    """The record agrees with what the vehicle truly did."""
    vehicle = embedded()
    plan = _survey()
    steps: list[FlightProgress] = []
    photos: list[int] = []
    record = fly_plan(
        link_to(vehicle),
        plan,
        confirmed=True,
        progress=steps.append,
        on_photo=lambda photo: photos.append(photo.index),
    )
    assert record.outcome is FlightOutcome.COMPLETED, record.explanation
    assert record.vehicle.is_embedded
    assert "not ArduPilot" in record.vehicle.banner
    assert len(record.photos) == len(photos) == len(vehicle.shots) > 15
    assert max(f.height_above_home_m for f in record.track) == pytest.approx(20, abs=3)
    assert plan.rally is not None
    assert metres_between(record.track[-1].position, plan.rally[0].position) < 5, (
        "RTL lands at the rally point"
    )
    truth = [p for p in vehicle.track if p.height_above_home_m > 0.5]
    assert record.duration_s == pytest.approx(truth[-1].time_s - truth[0].time_s, abs=4)
    flying = [s for s in steps if s.phase == "flying" and s.elapsed_s > 0]
    assert flying[-1].fraction > 0.9
    assert flying[0].eta_s > flying[len(flying) // 2].eta_s > flying[-1].eta_s
    assert steps[-1].phase == "landed"
    path = tmp_path / "flight.json"
    assert record.save(path) == [path, tmp_path / "flight.geojson"]
    assert record.to_geojson()["features"][0]["geometry"]["type"] == "LineString"


def test_nothing_is_armed_without_a_confirmation(embedded: Start, link_to: To) -> None:
    """Neither silence nor a 'no' arms."""
    vehicle = embedded()
    link = link_to(vehicle)
    with pytest.raises(UsageError, match="nobody has confirmed"):
        fly_plan(link, _survey())
    with pytest.raises(UsageError, match="nothing was armed"):
        fly_plan(link, _survey(), confirm=lambda findings, verdict: False)
    assert not vehicle.armed


def test_the_pilot_who_changes_the_mode_is_not_fought(
    embedded: Start, link_to: To, calm_from_photo: Calm, simulate_at: SimulateAt
) -> None:
    """After LOITER from another station the client only reports."""
    vehicle = embedded()
    calm_from_photo(vehicle, 1)
    pilot = Vehicle.on(link_to(vehicle))
    took: list[bool] = []

    def progress(step: FlightProgress) -> None:
        if step.phase == "flying" and step.item >= 5 and not took:
            took.append(True)
            pilot.set_mode("LOITER")
            simulate_at(vehicle, 40.0)

    record = fly_plan(link_to(vehicle), _survey(), confirmed=True, progress=progress)
    assert record.outcome is FlightOutcome.PILOT_TOOK_OVER
    assert "LOITER" in record.explanation
    assert record.landing_time_s is None
    assert pilot.now.mode == "LOITER"
    assert vehicle.armed


def test_a_pilot_who_brings_it_home_is_watched_to_the_ground(
    embedded: Start, link_to: To, calm_from_photo: Calm, simulate_at: SimulateAt
) -> None:
    """RTL by the pilot: followed until disarmed, and not called completed."""
    vehicle = embedded()
    calm_from_photo(vehicle, 1)
    pilot = Vehicle.on(link_to(vehicle))
    took: list[bool] = []

    def progress(step: FlightProgress) -> None:
        if step.phase == "flying" and step.item >= 5 and not took:
            took.append(True)
            pilot.set_mode("RTL")
            simulate_at(vehicle, 40.0)

    record = fly_plan(link_to(vehicle), _survey(), confirmed=True, progress=progress)
    assert record.outcome is FlightOutcome.PILOT_TOOK_OVER
    assert record.duration_s is not None
    assert not vehicle.armed


def test_a_mission_under_way_is_not_replaced(
    embedded: Start, link_to: To, calm_from_photo: Calm, simulate_at: SimulateAt
) -> None:
    """A new mission in AUTO would change the flight under way."""
    vehicle = embedded()
    calm_from_photo(vehicle, 1)
    other = link_to(vehicle)
    refusals: list[str] = []

    def progress(step: FlightProgress) -> None:
        if step.phase == "flying" and step.item >= 5 and not refusals:
            with pytest.raises(RefusedByVehicleError) as refused:
                upload_plan(other, _survey(lines=1))
            refusals.append(str(refused.value))
            simulate_at(vehicle, 40.0)

    record = fly_plan(link_to(vehicle), _survey(), confirmed=True, progress=progress)
    assert record.outcome is FlightOutcome.COMPLETED
    assert "BRAKE" in refusals[0]


def test_a_mission_is_replaced_in_flight_only_where_that_was_said(
    embedded: Start, link_to: To, calm_from_photo: Calm, simulate_at: SimulateAt
) -> None:
    """BRAKE first; afterwards the new mission stands at its first item, and the vehicle waits."""
    vehicle = embedded()
    calm_from_photo(vehicle, 1)
    other = link_to(vehicle)
    verdicts: list[UploadVerdict] = []
    modes: list[str | None] = []

    def progress(step: FlightProgress) -> None:
        if step.phase == "flying" and step.item >= 5 and not verdicts:
            verdicts.append(upload_plan(other, _survey(lines=1), while_flying=True))
            modes.append(Vehicle.on(other).now.mode)
            simulate_at(vehicle, 40.0)

    record = fly_plan(link_to(vehicle), _survey(), confirmed=True, progress=progress)
    assert verdicts[0].verified
    assert verdicts[0].current_item in (0, 1)
    assert modes == ["BRAKE"]
    assert Vehicle.on(other).now.mission_seq in (0, 1)
    assert record.outcome is FlightOutcome.PILOT_TOOK_OVER
    assert vehicle.armed


def test_a_fence_circle_that_would_end_the_mission_forbids_it(embedded: Start, link_to: To) -> None:
    """ArduCopter's own circle around home, switched on together with the fence."""
    vehicle = embedded(FENCE_ENABLE=1, FENCE_TYPE=7, FENCE_RADIUS=80)
    link = link_to(vehicle)
    findings = preflight(link, _survey())
    circle = next(f for f in findings if f.code == "fence-radius")
    assert circle.parameter == "FENCE_RADIUS"
    assert circle.value is not None
    assert circle.value > 120
    with pytest.raises(FindingsError, match="circle of 80 m"):
        fly_plan(link, _survey(), confirmed=True)
    assert not vehicle.armed


def test_everything_passes_through_a_telemetry_log(embedded: Start, tmp_path: Path) -> None:
    """pymavlink's own log reader reads what we record."""
    from pymavlink import mavutil

    path = tmp_path / "flight.tlog"
    with connect(embedded().url, timeout_s=10, tlog=path) as link:
        upload_plan(link, _survey(), via="item")
    log = mavutil.mavlink_connection(str(path))
    kinds = set()
    while (message := log.recv_match()) is not None:
        kinds.add(message.get_type())
    log.close()
    assert {"HEARTBEAT", "MISSION_COUNT", "MISSION_REQUEST", "MISSION_ITEM_INT", "MISSION_ACK"} <= kinds
    assert "BAD_DATA" not in kinds


def _wait_for(path: Path, words: str, seconds: float = 40.0) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        text = path.read_text(errors="replace") if path.exists() else ""
        if words in text:
            return text
        time.sleep(0.1)
    raise AssertionError(f"{words!r} not in:\n{text[-3000:]}")


def _as_truncated(sent: Sequence[WireItem], held: Sequence[WireItem]) -> list[WireItem]:
    """MAVProxy truncates to 1e-7 degrees where we round: one unit less is the same place to it."""
    assert len(sent) == len(held)
    return [
        replace(a, x=b.x, y=b.y) if abs(a.x - b.x) <= 1 and abs(a.y - b.y) <= 1 else a
        for a, b in zip(sent, held, strict=True)
    ]


def test_mavproxy_uploads_a_mission_and_reads_it_back_the_same(
    embedded: Start, link_to: To, tmp_path: Path
) -> None:
    """A client written by others: MAVProxy loads our .waypoints file, and saves what it reads back."""
    vehicle = embedded(speedup=5.0)
    plan = _survey(lines=10)
    source, copy, screen = tmp_path / "in.waypoints", tmp_path / "out.waypoints", tmp_path / "screen"
    source.write_text(write_wpl(plan))
    program = Path(sys.executable).with_name("mavproxy.py")
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"}
    with screen.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, str(program), "--master", vehicle.url, "--state-basedir", str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
            env=environment,
        )
        assert process.stdin is not None
        try:
            _wait_for(screen, "Detected vehicle")
            process.stdin.write(f"wp load {source}\n".encode())
            process.stdin.flush()
            _wait_for(screen, "Flight plan received")
            held = Vehicle.on(link_to(vehicle)).download(MissionType.MISSION)
            assert compare_items(_as_truncated(mission_items(plan), held), held) == []
            process.stdin.write(f"wp list\nwp save {copy}\n".encode())
            process.stdin.flush()
            deadline = time.monotonic() + 30
            while not copy.exists() and time.monotonic() < deadline:
                time.sleep(0.2)
                process.stdin.write(f"wp save {copy}\n".encode())
                process.stdin.flush()
            assert copy.exists(), screen.read_text(errors="replace")[-3000:]
        finally:
            process.kill()  # on a busy machine it does not end by itself for a long time
            process.wait()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
    rows = [line.split("\t") for line in copy.read_text().splitlines()[1:]]
    sent = [line.split("\t") for line in write_wpl(plan).splitlines()[1:]]
    assert len(rows) == len(sent)
    for row, item in zip(rows[1:], sent[1:], strict=True):
        assert row[3] == item[3]
        # MAVProxy writes six places
        assert float(row[8]) == pytest.approx(float(item[8]), abs=7e-7)
        assert float(row[9]) == pytest.approx(float(item[9]), abs=7e-7)
        assert float(row[10]) == pytest.approx(float(item[10]), abs=0.011)


def test_events_reach_the_caller_as_they_happen(embedded: Start, link_to: To) -> None:
    """Status texts and modes are handed on during the flight."""
    events: list[VehicleEvent] = []
    record = fly_plan(link_to(embedded()), _survey(lines=1), confirmed=True, on_event=events.append)
    assert tuple(events) == record.events
    words = " ".join(e.text for e in events)
    assert "AUTO" in words
    assert "disarmed" in words
