"""Flights that are broken off by kill -9 and gone on with, on the embedded vehicle and on ArduPilot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airbeat.checks.coverage import outside_fence_m
from airbeat.flight.ledger import ledger_of_flight, ledger_of_logs
from airbeat.flight.state import read_state
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.link.connection import connect
from airbeat.link.vehicle import Vehicle
from airbeat.mission.loader import load_mission
from airbeat.mission.plan import FlightPlan
from airbeat.planning.plan import plan_mission
from airbeat.sim.ardupilot import ArduPilotSitl
from airbeat.sim.shot import CameraShot
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

MISSION = """\
airbeat: 1
kind: search
name: small search
status: unsurveyed
home: {lat: 51.1788, lon: 8.4900, amsl_m: 400}
fence:
  max_height_m: 100
  margin_m: 5
  inclusion:
    - polygon: [{lat: 51.1784, lon: 8.4880}, {lat: 51.1784, lon: 8.4922}, {lat: 51.1812, lon: 8.4922},
                {lat: 51.1812, lon: 8.4880}]
  exclusion:
    - polygon: [{lat: 51.1790, lon: 8.4898}, {lat: 51.1790, lon: 8.4904}, {lat: 51.1792, lon: 8.4904},
                {lat: 51.1792, lon: 8.4898}]
area: [{lat: 51.1793, lon: 8.4887}, {lat: 51.1793, lon: 8.4915}, {lat: 51.1807, lon: 8.4915},
       {lat: 51.1807, lon: 8.4887}]
height: {value_m: 40, datum: home}
speed_m_s: 8
camera: embedded-12mp
airframe: arducopter-quad
search:
  pattern: lawnmower
  overlap: {side: 0.3, front: 0.3}
  angle_deg: auto
"""

SPEEDUP = 25.0
Calm = Callable[[EmbeddedVehicle, int], None]
SimulateAt = Callable[[EmbeddedVehicle, float], None]


class Flight:
    """A mission in a folder, a vehicle, and the program as people start it."""

    def __init__(self, folder: Path, vehicle: EmbeddedVehicle, calm: Calm, simulate_at: SimulateAt) -> None:
        self.folder, self.vehicle = folder, vehicle
        self.calm_from_photo = calm
        self.fast = lambda: simulate_at(vehicle, SPEEDUP)
        self.state = folder / "flight" / "state.json"
        self.pilots_s: list[tuple[float, float]] = []
        (folder / "small.yaml").write_text(MISSION)
        self.plan: FlightPlan = plan_mission(load_mission(folder / "small.yaml"))

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        words = ["fly", "small.yaml", "--connect", self.vehicle.url, "--yes", "--out", "flight", *options]
        return subprocess.Popen(
            [sys.executable, "-m", "airbeat", *words],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"COLUMNS": "160", "NO_COLOR": "1"},
        )

    def killed_after(self, photos: int, *options: str) -> None:
        """Fly until so many photographs were taken, the last ones calmly, then kill -9.

        The vehicle flies on calmly until somebody acts: what is photographed meanwhile is in no record.
        """
        self.calm_from_photo(self.vehicle, photos - 2)
        fly = self.start(*options)
        deadline = time.monotonic() + 120
        while len(self.vehicle.shots) < photos and time.monotonic() < deadline:
            assert fly.poll() is None, fly.communicate()[0].decode()
            time.sleep(0.02)
        fly.kill()
        fly.communicate()
        assert self.state.is_file()

    def resumed(self) -> str:
        """Go on, to the end; what was said."""
        fly = self.start("--resume", str(self.state))
        assert fly.stdout is not None
        output = ""
        with fly.stdout as said:
            for line in said:
                output += line.decode()
                if "only watching" in output:
                    self.fast()
        assert "Traceback" not in output
        assert fly.wait(timeout=60) == 0, output
        return output

    def pilot(self, mode: str, until: Callable[[], bool]) -> None:
        """Somebody else's station switches the mode and waits."""
        with connect(self.vehicle.url, timeout_s=10) as link:
            began_s = self.vehicle.time_s
            Vehicle.on(link).set_mode(mode)
            self.fast()
            deadline = time.monotonic() + 60
            while not until() and time.monotonic() < deadline:
                time.sleep(0.05)
            assert until()
            self.pilots_s.append((began_s, self.vehicle.time_s))

    def coverage(self, *files: Path) -> float:
        return ledger_of_flight(self.plan, files).coverage_fraction

    def truth(self) -> Path:
        """A record of what the camera really took."""
        path = self.folder / "truth.json"
        rows = [
            {"index": n, "time_us": n, "lat_deg": s.position.lat_deg, "lon_deg": s.position.lon_deg,
             "height_above_home_m": s.height_above_home_m, "yaw_deg": s.yaw_deg}
            for n, s in enumerate(self.vehicle.shots)
        ]  # fmt: skip
        path.write_text(json.dumps({"photos": rows}))
        return path

    def outside_m(self) -> float:
        """How far our own flying left the fence; where a pilot's RTL goes is not ours."""
        assert self.plan.fence is not None
        mine = [
            p
            for p in self.vehicle.track
            if p.height_above_home_m > 1 and not any(a <= p.time_s <= b for a, b in self.pilots_s)
        ]
        return max(outside_fence_m([p.position], self.plan.fence) for p in mine)


@pytest.fixture
def flight(tmp_path: Path, calm_from_photo: Calm, simulate_at: SimulateAt) -> Iterator[Flight]:
    config = VehicleConfig(home=LatLon(lat_deg=51.1788, lon_deg=8.49), home_amsl_m=400.0, speedup=SPEEDUP)
    with EmbeddedVehicle(config) as vehicle:
        yield Flight(tmp_path, vehicle, calm_from_photo, simulate_at)


def _repeated(first: list[CameraShot], then: list[CameraShot], spacing_m: float) -> int:
    """Photographs of the second flight at a place of the first one."""
    near = 0.4 * spacing_m
    return sum(any(distance_m(a.position, b.position) < near for a in first) for b in then)


@pytest.mark.slow
def test_killed_then_landed_it_takes_off_again_and_photographs_the_rest(flight: Flight) -> None:
    """Kill -9, return, disarm: the mission's index is lost, the state is not."""
    assert flight.plan.survey is not None
    total = flight.plan.estimate.photos if flight.plan.estimate else 0
    flight.killed_after(total // 2)
    recorded = len(read_state(flight.state).photos)
    assert recorded >= total // 2 - 3
    flight.pilot("RTL", lambda: not flight.vehicle.armed)
    first = list(flight.vehicle.shots)
    assert 0 < flight.coverage(flight.state) < 0.9
    output = flight.resumed()
    assert "goes on from item" in output
    records = [flight.state]
    assert flight.coverage(*records) >= 0.995
    assert flight.coverage(flight.truth()) >= 0.995
    then = flight.vehicle.shots[len(first) :]
    repeated = _repeated(first, then, flight.plan.survey.trigger_distance_m)
    assert repeated <= 3 + len(first) - recorded, "the overlap, and what was taken after the kill"
    assert flight.outside_m() == pytest.approx(0.0, abs=1.0)
    assert read_state(flight.state).outcome == "completed"
    assert (flight.folder / "flight" / "flight-2.json").is_file()


@pytest.mark.slow
def test_killed_twice_once_in_the_air_it_still_photographs_everything(flight: Flight) -> None:
    """Hovering after the first kill (a pilot's BRAKE), landed after the second one."""
    total = flight.plan.estimate.photos if flight.plan.estimate else 0
    flight.killed_after(total // 3)
    flight.pilot("BRAKE", lambda: True)
    flight.killed_after(2 * total // 3, "--resume", str(flight.state))
    state = read_state(flight.state)
    assert state.resumed_at is not None
    assert state.resumed_from is not None
    flight.pilot("RTL", lambda: not flight.vehicle.armed)
    flight.resumed()
    assert flight.coverage(flight.state) >= 0.995
    assert len(flight.vehicle.shots) <= total + 14
    assert flight.outside_m() == pytest.approx(0.0, abs=1.0)


def test_killed_and_started_again_it_watches_the_vehicle_that_flies_on(flight: Flight) -> None:
    """The vehicle never noticed: nothing is uploaded, nothing flown twice."""
    total = flight.plan.estimate.photos if flight.plan.estimate else 0
    flight.killed_after(total // 3)
    output = flight.resumed()
    assert "only watching" in output
    assert flight.coverage(flight.truth()) >= 0.995
    assert len(flight.vehicle.shots) <= total + 2
    again = flight.start("--resume", str(flight.state))
    output = again.communicate(timeout=60)[0].decode()
    assert again.returncode == 2
    assert "flown to its end" in output


def test_a_new_flight_does_not_write_over_the_state_of_an_interrupted_one(flight: Flight) -> None:
    """Nor is another plan gone on with."""
    flight.killed_after(3)
    fly = flight.start()
    assert "--resume" in fly.communicate(timeout=60)[0].decode()
    assert fly.returncode == 2
    (flight.folder / "small.yaml").write_text(MISSION.replace("value_m: 40", "value_m: 45"))
    fly = flight.start("--resume", str(flight.state))
    assert "another plan" in fly.communicate(timeout=60)[0].decode()
    assert fly.returncode == 2


@pytest.mark.ardupilot
@pytest.mark.timeout(600)
def test_killed_on_ardupilot_it_goes_on_and_the_autopilots_own_log_shows_everything(
    ardupilot: Callable[..., ArduPilotSitl], tmp_path: Path
) -> None:
    """Kill -9, the pilot's RTL, resumed from the ground. ArduPilot logs every photograph (CAM), those that it
    told of (CAMERA_FEEDBACK) and those that nobody was there to hear."""
    (tmp_path / "small.yaml").write_text(MISSION)
    plan = plan_mission(load_mission(tmp_path / "small.yaml"))
    assert plan.estimate is not None
    sitl = ardupilot(plan.home, plan.home_amsl_m)
    state = tmp_path / "flight" / "state.json"

    def fly(*options: str) -> subprocess.Popen[str]:
        words = ["fly", "small.yaml", "--connect", sitl.url, "--yes", "--out", "flight", *options]
        return subprocess.Popen(
            [sys.executable, "-m", "airbeat", *words],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    first = fly()
    half = plan.estimate.photos // 2

    def wait_for_photos(count: int) -> None:
        while not state.is_file() or len(read_state(state).photos) < count:
            assert first.poll() is None, first.communicate()[0]
            time.sleep(0.1)

    with connect(sitl.urls[1], timeout_s=60) as link:
        pilot = Vehicle.on(link)
        wait_for_photos(half // 2)
        pilot.set_parameter("SIM_SPEEDUP", 4.0)  # so that little is photographed before the pilot acts
        wait_for_photos(half)
        first.kill()
        first.communicate()
        pilot.set_mode("RTL")
        pilot.set_parameter("SIM_SPEEDUP", 20.0)
        assert pilot.wait(lambda t: t.armed is False, timeout_s=180.0, what="landing")
    assert ledger_of_flight(plan, [state]).coverage_fraction < 0.9
    second = fly("--resume", str(state))
    output = second.communicate(timeout=300)[0]
    assert second.returncode == 0, output
    reported = ledger_of_flight(plan, [state])
    assert reported.coverage_fraction >= 0.995
    logs = sorted((sitl.working_folder / "logs").glob("*.BIN"))
    logged = ledger_of_logs(plan, logs)
    assert logged.coverage_fraction >= 0.995
    assert len(logged.footprints) >= len(reported.footprints) >= plan.estimate.photos - 2
    assert len(logged.footprints) <= plan.estimate.photos + 12
