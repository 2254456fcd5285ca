"""One suite, two vehicles: ``embedded`` always, ``ardupilot`` where a binary is found.

Every test says in its docstring what ArduPilot does; one without is refused. The last lines of a run count
how many tests ran against each vehicle. ``AIRBEAT_REQUIRE_ARDUPILOT=1`` turns a missing binary into failure.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from airbeat.errors import LinkError
from airbeat.geo.coordinates import LatLon
from airbeat.sim.ardupilot import ArduPilotSitl
from airbeat.sim.ardupilot_binary import find_binary
from airbeat.sim.ardupilot_station import Station
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

HOME = LatLon(lat_deg=47.2692, lon_deg=11.4041)
HOME_AMSL_M = 600.0
SPEEDUPS = {"embedded": 60.0, "ardupilot": 20.0}
LOOSE = {"FS_GCS_ENABLE": 0.0}
"""Parameters that the tests change in our file: a slow machine's heartbeats must not end a flight."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for one in items:
        if not one.path.as_posix().rpartition("/tests/sitl/")[2].startswith("test_conformance_"):
            continue
        if not (getattr(one, "function", None) and one.function.__doc__):
            raise pytest.UsageError(f"{one.nodeid} has no docstring: say what ArduPilot does")


@dataclass(kw_only=True)
class Vehicle:
    """A running vehicle and the station that talks to it."""

    kind: str
    version: str
    station: Station
    changed: dict[str, float] = field(default_factory=dict)

    def set_parameter(self, name: str, value: float) -> None:
        """Change a parameter until the end of the test."""
        self.changed.setdefault(name, self.station.parameter(name))
        self.station.set_parameter(name, value)


def _require_binary() -> None:
    try:
        find_binary()
    except LinkError as error:
        if os.environ.get("AIRBEAT_REQUIRE_ARDUPILOT") == "1":
            pytest.fail(str(error))
        pytest.skip("no ArduPilot SITL binary")


@contextmanager
def running_vehicle(kind: str, parameters: Mapping[str, float] | None = None) -> Iterator[tuple[str, str]]:
    """Start a vehicle; yields its address and its version."""
    if kind == "ardupilot":
        _require_binary()
        with ArduPilotSitl(
            home=HOME,
            home_amsl_m=HOME_AMSL_M,
            speedup=SPEEDUPS[kind],
            parameters=LOOSE | dict(parameters or {}),
        ) as sitl:
            yield sitl.url, sitl.version
    else:
        config = VehicleConfig(
            home=HOME,
            home_amsl_m=HOME_AMSL_M,
            speedup=SPEEDUPS[kind],
            params=LOOSE | dict(parameters or {}),
        )
        with EmbeddedVehicle(config) as embedded:
            yield embedded.url, "embedded vehicle"


@pytest.fixture(scope="module", params=["embedded", pytest.param("ardupilot", marks=pytest.mark.ardupilot)])
def vehicle(request: pytest.FixtureRequest) -> Iterator[Vehicle]:
    """One vehicle for the tests of a module, ready to arm."""
    with ExitStack() as stack:
        url, version = stack.enter_context(running_vehicle(request.param))
        station = stack.enter_context(Station(url))
        station.start_clock()
        station.wait_ready()
        request.config.stash.setdefault(VERSIONS, {})[request.param] = version
        yield Vehicle(kind=request.param, version=version, station=station)


@pytest.fixture
def station(vehicle: Vehicle) -> Iterator[Station]:
    """The module's station; afterwards the vehicle is landed, empty and has its parameters back."""
    station = vehicle.station
    yield station
    station.beats = True
    station.land()
    for kind in (0, 1, 2):
        station.clear(kind)
    for name, value in vehicle.changed.items():
        station.set_parameter(name, value)
    vehicle.changed.clear()


@pytest.fixture
def set_parameter(vehicle: Vehicle, station: Station) -> Callable[[str, float], None]:
    """Change a parameter until the end of the test."""
    return vehicle.set_parameter


@pytest.fixture
def start_vehicle() -> Iterator[Callable[..., Station]]:
    """Start another vehicle of a kind, from boot, with parameters of its own; returns its station."""
    with ExitStack() as stack:

        def start(kind: str, parameters: Mapping[str, float] | None = None) -> Station:
            url, _ = stack.enter_context(running_vehicle(kind, parameters))
            return stack.enter_context(Station(url))

        yield start


@pytest.fixture(params=["embedded", pytest.param("ardupilot", marks=pytest.mark.ardupilot)])
def kind(request: pytest.FixtureRequest) -> str:
    """Which vehicle, for tests that start their own."""
    return str(request.param)


@pytest.fixture
def vehicle_address(kind: str) -> Iterator[str]:
    """The address of a vehicle of each kind, ready to arm, with nothing connected to it."""
    with running_vehicle(kind) as (url, _):
        with Station(url) as station:
            station.start_clock()
            station.wait_ready()
        yield url


@pytest.fixture(scope="session")
def shift() -> Callable[..., LatLon]:
    """``shift(place, north_m, east_m)``: a place some metres away (flat, good to centimetres over 1 km)."""

    def shifted(place: LatLon, north_m: float = 0.0, east_m: float = 0.0) -> LatLon:
        lat = math.radians(place.lat_deg)
        per_deg_n = 111132.954 - 559.822 * math.cos(2 * lat) + 1.175 * math.cos(4 * lat)
        per_deg_e = 111412.84 * math.cos(lat) - 93.5 * math.cos(3 * lat)
        return LatLon(lat_deg=place.lat_deg + north_m / per_deg_n, lon_deg=place.lon_deg + east_m / per_deg_e)

    return shifted


@pytest.fixture(scope="session")
def distance_m() -> Callable[[LatLon, LatLon], float]:
    """Distance between two near places [m]."""

    def between(a: LatLon, b: LatLon) -> float:
        lat = math.radians(a.lat_deg)
        per_deg_n = 111132.954 - 559.822 * math.cos(2 * lat)
        per_deg_e = 111412.84 * math.cos(lat) - 93.5 * math.cos(3 * lat)
        return math.hypot((b.lat_deg - a.lat_deg) * per_deg_n, (b.lon_deg - a.lon_deg) * per_deg_e)

    return between


@pytest.fixture
def ardupilot() -> Iterator[Callable[..., ArduPilotSitl]]:
    """Start an ArduPilot SITL at a place, from boot; nothing is connected to it."""
    _require_binary()
    with ExitStack() as stack:

        def start(home: LatLon, home_amsl_m: float) -> ArduPilotSitl:
            speedup = SPEEDUPS["ardupilot"]
            sitl = ArduPilotSitl(home=home, home_amsl_m=home_amsl_m, speedup=speedup, parameters=LOOSE)
            return stack.enter_context(sitl)

        yield start


VERSIONS = pytest.StashKey[dict[str, str]]()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    counts: dict[str, dict[str, int]] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            name = getattr(report, "nodeid", "")
            if "tests/sitl/test_conformance" not in name:
                continue
            kind = next((k for k in SPEEDUPS if f"[{k}" in name or f"-{k}" in name), None)
            if kind:
                counts.setdefault(kind, {}).setdefault(outcome, 0)
                counts[kind][outcome] += 1
    versions = config.stash.get(VERSIONS, {})
    parts = []
    for kind in SPEEDUPS:
        tally = ", ".join(f"{n} {outcome}" for outcome, n in counts.get(kind, {}).items()) or "none ran"
        parts.append(f"{kind} ({versions.get(kind, 'not started')}): {tally}")
    if counts:
        terminalreporter.write_line("conformance: " + "; ".join(parts))
