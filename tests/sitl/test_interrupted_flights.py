"""Flights that this station's people interrupt, and parameters that come back, on the embedded vehicle."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airbeat.errors import RefusedByVehicleError
from airbeat.flight.fly import fly_plan
from airbeat.flight.parameters import applied_parameters, restore_parameters
from airbeat.flight.record import FlightOutcome, FlightRecord
from airbeat.flight.watch import FlightProgress, Interruption
from airbeat.formats.wpl import write_wpl
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.link.connection import Link, connect
from airbeat.link.telemetry import EventKind
from airbeat.link.vehicle import Vehicle
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, PlanItem
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)
HEIGHT = Altitude(value_m=20.0, datum=AltitudeDatum.HOME)


def _at(east_m: float, north_m: float) -> LatLon:
    return LatLon(lat_deg=51.18 + north_m * 8.98e-6, lon_deg=8.49 + east_m * 1.43e-5)


def _line(length_m: float = 150.0) -> FlightPlan:
    """Take-off, one line with the camera on, return."""
    items = (
        PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=HEIGHT),
        PlanItem(command=MavCmd.DO_CHANGE_SPEED, params=(1, 6, -1, 0)),
        PlanItem(command=MavCmd.NAV_WAYPOINT, position=_at(20, 0), altitude=HEIGHT),
        PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, params=(10, 0, 1, 0)),
        PlanItem(command=MavCmd.NAV_WAYPOINT, position=_at(20, length_m), altitude=HEIGHT),
        PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, params=(0, 0, 1, 0)),
        PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
    )
    return FlightPlan(name="one line", home=HOME, items=items, speed_m_s=6.0)


@contextlib.contextmanager
def _vehicle(speedup: float = 40.0, **params: float) -> Iterator[EmbeddedVehicle]:
    config = VehicleConfig(home=HOME, home_amsl_m=400.0, speedup=speedup, params=params)
    with EmbeddedVehicle(config) as vehicle:
        yield vehicle


Calm = Callable[[EmbeddedVehicle, int], None]
SimulateAt = Callable[[EmbeddedVehicle, float], None]


@pytest.fixture
def flown(calm_from_photo: Calm) -> Iterator[tuple[EmbeddedVehicle, Link]]:
    """A vehicle that goes calmly from where people wish something."""
    with _vehicle() as vehicle, connect(vehicle.url, timeout_s=10) as link:
        calm_from_photo(vehicle, 3)
        yield vehicle, link


class Person:
    """Wishes things when a condition on the flight holds, one after the other.

    Args:
        wishes: the conditions and what is wished then.
        obeyed: called while the vehicle is in another mode than AUTO: now time may pass quickly.
    """

    def __init__(
        self,
        *wishes: tuple[Callable[[FlightProgress], bool], Interruption],
        obeyed: Callable[[], None] = lambda: None,
    ) -> None:
        self._wishes = list(wishes)
        self._obeyed = obeyed
        self.step: FlightProgress | None = None
        self.seen_paused: list[bool] = []

    def progress(self, step: FlightProgress) -> None:
        self.step = step
        if step.phase == "flying" and step.state.mode != "AUTO":
            self._obeyed()

    def __call__(self, paused: bool) -> Interruption | None:
        if self.step is None or self.step.phase != "flying" or not self._wishes:
            return None
        if not self._wishes[0][0](self.step):
            return None
        self.seen_paused.append(paused)
        return self._wishes.pop(0)[1]


def _on_the_line(step: FlightProgress) -> bool:
    return step.item == 5 and step.photos >= 3


def test_a_paused_flight_hovers_and_goes_on_to_its_end(
    flown: tuple[EmbeddedVehicle, Link], simulate_at: SimulateAt
) -> None:
    """Pause and going on: the same photographs as without, and the mission counts as completed."""
    vehicle, link = flown
    paused_at: list[float] = []

    def hovers(step: FlightProgress) -> bool:
        slow = step.state.mode == "BRAKE" and (step.state.speed_m_s or 0.0) < 0.3
        if slow:
            paused_at.append(step.state.time_s)
        return slow and step.state.time_s - paused_at[0] > 10.0

    person = Person(
        (_on_the_line, Interruption.PAUSE),
        (hovers, Interruption.GO_ON),
        obeyed=lambda: simulate_at(vehicle, 40.0),
    )
    record = fly_plan(link, _line(), confirmed=True, progress=person.progress, interrupt=person)
    assert record.outcome is FlightOutcome.COMPLETED, record.explanation
    assert person.seen_paused == [False, True]
    modes = [e.text for e in record.events if e.kind is EventKind.MODE]
    assert modes[modes.index("AUTO") :][:3] == ["AUTO", "BRAKE", "AUTO"]
    assert 14 <= len(vehicle.shots) <= 18


@pytest.mark.parametrize(
    ("wish", "mode"), [(Interruption.RETURN, "RTL"), (Interruption.LAND, "LAND")], ids=["return", "land"]
)
def test_return_and_land_end_on_the_ground_with_the_camera_off(
    flown: tuple[EmbeddedVehicle, Link], simulate_at: SimulateAt, wish: Interruption, mode: str
) -> None:
    """The camera is off on the way down, the record says whose decision it was."""
    vehicle, link = flown
    shots: list[int] = []

    def late(step: FlightProgress) -> bool:
        shots.append(len(vehicle.shots))
        return _on_the_line(step)

    person = Person((late, wish), obeyed=lambda: simulate_at(vehicle, 40.0))
    record = fly_plan(link, _line(), confirmed=True, progress=person.progress, interrupt=person)
    assert record.outcome is FlightOutcome.INTERRUPTED, record.explanation
    assert "this station told it to" in record.explanation
    assert mode in [e.text for e in record.events if e.kind is EventKind.MODE]
    assert not vehicle.armed
    assert record.landing_time_s is not None
    assert len(vehicle.shots) <= shots[-1] + 2


def test_leaving_lets_the_vehicle_fly_its_mission(
    flown: tuple[EmbeddedVehicle, Link], simulate_at: SimulateAt
) -> None:
    """Nobody watches, and the record says so."""
    vehicle, link = flown
    person = Person((_on_the_line, Interruption.LEAVE))
    record = fly_plan(link, _line(), confirmed=True, progress=person.progress, interrupt=person)
    assert record.outcome is FlightOutcome.INTERRUPTED
    assert "flies on in AUTO, item 5 of 7" in record.explanation
    assert vehicle.armed
    simulate_at(vehicle, 40.0)
    assert Vehicle.on(link).wait(lambda t: t.armed is False, timeout_s=300), "it came home by itself"
    assert len(vehicle.shots) >= 14


def test_a_pilot_who_took_over_while_somebody_was_asked_is_not_fought(
    flown: tuple[EmbeddedVehicle, Link],
) -> None:
    """The answer comes late: the pilot flies already."""
    vehicle, link = flown
    with connect(vehicle.url, timeout_s=10) as other:
        pilot = Vehicle.on(other)

        def pilot_first(step: FlightProgress) -> bool:
            if _on_the_line(step):
                pilot.set_mode("LOITER")
                Vehicle.on(link).wait(lambda t: t.mode == "LOITER", timeout_s=10)
                return True
            return False

        person = Person((pilot_first, Interruption.LAND))
        record = fly_plan(link, _line(), confirmed=True, progress=person.progress, interrupt=person)
        assert record.outcome is FlightOutcome.PILOT_TOOK_OVER
        assert any("the pilot has priority" in e.text for e in record.events)
        assert pilot.now.mode == "LOITER"


def test_the_record_is_kept_when_watching_breaks(flown: tuple[EmbeddedVehicle, Link]) -> None:
    """Whatever goes wrong in our own program, what was seen so far is not lost."""
    _, link = flown
    kept: list[FlightRecord] = []

    def breaks(step: FlightProgress) -> None:
        if step.photos >= 3:
            raise OSError("the screen is gone")

    with pytest.raises(OSError, match="screen is gone"):
        fly_plan(link, _line(), confirmed=True, progress=breaks, keep=kept.append)
    (record,) = kept
    assert record.outcome is FlightOutcome.INTERRUPTED
    assert "the screen is gone" in record.explanation
    assert "may still be flying" in record.explanation
    assert len(record.photos) >= 3


def test_parameters_are_set_for_the_flight_and_come_back_after_it(tmp_path: Path) -> None:
    """A circle that would end the mission is widened, and is the old one after landing."""
    path, said = tmp_path / "parameters.json", []
    wanted = {"FENCE_ENABLE": 1.0, "FENCE_TYPE": 7.0, "FENCE_RADIUS": 80.0, "BATT_FS_LOW_ACT": 0.0}
    with _vehicle(**wanted) as vehicle, connect(vehicle.url, timeout_s=10) as link:
        with applied_parameters(link, _line(), path, say=said.append) as changes:
            assert {"FENCE_RADIUS", "BATT_FS_LOW_ACT"} <= {c.name for c in changes}
            held = Vehicle.on(link).parameters(["FENCE_RADIUS"])
            assert held["FENCE_RADIUS"] > 152
            assert json.loads(path.read_text())["restored"] is False
            record = fly_plan(link, _line(), confirmed=True)
        assert record.outcome is FlightOutcome.COMPLETED
        assert Vehicle.on(link).parameters(wanted) == wanted
        stored = json.loads(path.read_text())
        assert stored["restored"] is True
        assert {c["name"]: c["old"] for c in stored["changes"]}["FENCE_RADIUS"] == 80.0
        assert any("FENCE_RADIUS is 80 again" in line for line in said)
        assert "given back already" in restore_parameters(link, path)[0]


def test_parameters_of_a_crashed_flight_are_restored_from_the_file(tmp_path: Path) -> None:
    """Not while armed; what somebody set since is left alone; the oldest values survive a second flight."""
    path, said = tmp_path / "parameters.json", []
    params = {"FENCE_ENABLE": 1.0, "FENCE_TYPE": 7.0, "FENCE_RADIUS": 80.0, "BATT_FS_LOW_ACT": 0.0}
    with _vehicle(**params) as sim, connect(sim.url, timeout_s=10) as link:
        vehicle = Vehicle.on(link)
        with applied_parameters(link, _line(), path, say=said.append):
            vehicle.start_telemetry()
            vehicle.wait(lambda t: t.position is not None, timeout_s=60)
            vehicle.wait(lambda t: False, timeout_s=10)
            vehicle.set_mode("GUIDED")
            vehicle.arm()
        assert "STILL HAS CHANGED PARAMETERS" in said[-1]
        with pytest.raises(RefusedByVehicleError, match="armed"):
            restore_parameters(link, path)
        vehicle.disarm()
        assert vehicle.wait(lambda t: t.armed is False, timeout_s=60)
        with applied_parameters(link, _line(1500.0), path, say=said.append):
            vehicle.set_parameter("BATT_FS_LOW_ACT", 3.0)
        assert vehicle.parameters(["FENCE_RADIUS", "BATT_FS_LOW_ACT"]) == {
            "FENCE_RADIUS": 80.0,
            "BATT_FS_LOW_ACT": 3.0,
        }
        assert any("somebody set it since" in line for line in said)


def _start(folder: Path, url: str, *options: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    (folder / "line.waypoints").write_text(write_wpl(_line(400.0)))
    return subprocess.Popen(
        [sys.executable, "-m", "airbeat", "fly", "line.waypoints", "--connect", url, "--yes", *options],
        cwd=folder,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"COLUMNS": "160", "NO_COLOR": "1"},
    )


def _until(happened: Callable[[], bool]) -> None:
    """For as long as a slow machine may take to start the program and fly there."""
    deadline = time.monotonic() + 120
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert happened()


def _until_photos(vehicle: EmbeddedVehicle, count: int) -> None:
    _until(lambda: len(vehicle.shots) >= count)


@pytest.mark.parametrize(
    "case",
    [
        (signal.SIGINT, "leave", "flies on in AUTO"),
        (signal.SIGINT, "return", "returned and landed because this station told it to"),
        (signal.SIGTERM, "pause", "hovers (BRAKE)"),
    ],
    ids=["interrupt-leave", "interrupt-return", "terminate-pause"],
)
def test_a_signal_without_a_terminal_does_what_was_said_beforehand(
    tmp_path: Path, calm_from_photo: Calm, simulate_at: SimulateAt, case: tuple[signal.Signals, str, str]
) -> None:
    """No traceback, the record and the telemetry log are there, and a flying vehicle is named as such."""
    number, action, words = case
    with _vehicle(speedup=15.0) as vehicle:
        calm_from_photo(vehicle, 5)
        fly = _start(tmp_path, vehicle.url, "--on-interrupt", action, "--tlog", "log/all.tlog")
        _until_photos(vehicle, 5)
        fly.send_signal(number)
        if action == "return":
            _until(lambda: vehicle.track[-1].mode == "RTL")
            simulate_at(vehicle, 15.0)
        output = fly.communicate(timeout=90)[0].decode()
        assert fly.returncode == 1, output
        assert "Traceback" not in output
        record = json.loads((tmp_path / "flight" / "flight.json").read_text())
        assert record["outcome"] == "interrupted"
        assert words in record["explanation"]
        assert len(record["photos"]) >= 4
        assert (tmp_path / "log" / "all.tlog").stat().st_size > 10_000
        assert ("NO LONGER WATCHES IT" in output) is (action != "return")
        assert vehicle.armed is (action != "return")


def test_ctrl_c_on_a_terminal_asks_and_does_as_it_is_told(
    tmp_path: Path, calm_from_photo: Calm, simulate_at: SimulateAt
) -> None:
    """Pause, then return: asked twice, and landed."""
    ours, theirs = pty.openpty()
    with _vehicle(speedup=15.0) as vehicle:
        calm_from_photo(vehicle, 5)
        fly = _start(tmp_path, vehicle.url, stdin=theirs)
        os.close(theirs)
        assert fly.stdout is not None
        seen = ""

        def until(words: str) -> None:
            nonlocal seen
            assert fly.stdout is not None
            deadline = time.monotonic() + 60
            while words not in seen and time.monotonic() < deadline:
                if select.select([fly.stdout], [], [], 0.5)[0]:
                    seen += os.read(fly.stdout.fileno(), 4096).decode(errors="replace")
            assert words in seen, seen
            seen = seen[seen.index(words) + len(words) :]

        try:
            _until_photos(vehicle, 5)
            fly.send_signal(signal.SIGINT)
            until("Your choice")
            os.write(ours, b"p\n")
            until("PAUSED: it hovers (BRAKE)")
            simulate_at(vehicle, 15.0)
            until("Your choice")
            os.write(ours, b"r\n")
            output = seen + fly.communicate(timeout=90)[0].decode()
        finally:
            os.close(ours)
            fly.kill()
    assert fly.returncode == 1
    assert "Traceback" not in output
    assert "returned and landed because this station told it to" in output
    assert not vehicle.armed
