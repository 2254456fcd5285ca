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
from pathlib import Path
from typing import Any

import pytest

from airbeat.errors import LinkError
from airbeat.flight.divert import Diverted, divert
from airbeat.flight.fly import fly_plan
from airbeat.flight.order import Order
from airbeat.flight.units import state_over_link
from airbeat.flight.watch import FlightProgress, Interruption, Watchers
from airbeat.geo.coordinates import LatLon
from airbeat.link.connection import Link, connect
from airbeat.link.telemetry import Telemetry
from airbeat.link.vehicle import Vehicle as Steered
from airbeat.mission.beat import Beat
from airbeat.mission.beatloader import parse_beat
from airbeat.mission.plan import FlightPlan, ItemRole
from airbeat.mission.units import DroneEntry
from airbeat.patrol.dispatch import Dispatcher, DroneState, Incident
from airbeat.planning.items import return_item, start_items, waypoint
from airbeat.sim.ardupilot import ArduPilotSitl
from airbeat.sim.ardupilot_binary import find_binary
from airbeat.sim.ardupilot_station import Station
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

HOME = LatLon(lat_deg=47.2692, lon_deg=11.4041)
HOME_AMSL_M = 600.0
SPEEDUPS = {"embedded": 60.0, "ardupilot": 20.0}
CALM_SPEEDUP = 3.0
"""While something depends on how soon the station acts: 3 s of simulation time are one of this machine's."""
LOOSE = {"FS_GCS_ENABLE": 0.0, "DISARM_DELAY": 127.0}
"""Parameters that the tests change in our file: heartbeats of a slow machine must not end a flight, and what
it takes from arming to starting must not be taken for forgetting."""


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
    if "SIM_SPEEDUP" in vehicle.changed:
        station.set_parameter("SIM_SPEEDUP", vehicle.changed.pop("SIM_SPEEDUP"))
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
def pace(vehicle: Vehicle, station: Station) -> Callable[[str], None]:
    """``pace("calm")`` before something that depends on how soon the station acts, then ``pace("fast")``."""

    def go(how: str) -> None:
        vehicle.set_parameter("SIM_SPEEDUP", {"calm": CALM_SPEEDUP, "fast": SPEEDUPS[vehicle.kind]}[how])

    return go


def simulate_at(vehicle: EmbeddedVehicle, speedup: float) -> None:
    vehicle._copter.params.set("SIM_SPEEDUP", speedup)


@pytest.fixture(scope="session", name="simulate_at")
def simulate_at_fixture() -> Callable[[EmbeddedVehicle, float], None]:
    """Have an embedded vehicle simulate so many seconds per second from now on."""
    return simulate_at


@pytest.fixture(scope="session")
def calm_from_photo() -> Callable[[EmbeddedVehicle, int], None]:
    """Have an embedded vehicle fly calmly from one of its photographs on.

    The vehicle does that itself, at once: a machine that is too busy to look cannot be too late for it. What
    a test or another program then does at that photograph it has seconds for and not hundredths.
    """

    def calm(vehicle: EmbeddedVehicle, number: int) -> None:
        def shot(_shot: object) -> None:
            if len(vehicle.shots) == number:
                simulate_at(vehicle, CALM_SPEEDUP)

        vehicle.on_shot = shot

    return calm


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


# Drones that are sent to incidents

PAD = LatLon(lat_deg=47.2692, lon_deg=11.4041)
BEAT = """\
airbeat: 1
kind: patrol
name: Two drones
time_zone: Europe/Vienna
launch:
  - name: west
    lat: 47.2692
    lon: 11.4041
    amsl_m: 600
    drones: [{name: one, camera: embedded-12mp, airframe: arducopter-quad,
              height: {value_m: 40, datum: home}, speed_m_s: 8}]
  - name: east
    lat: 47.2692
    lon: 11.4081
    amsl_m: 600
    drones: [{name: two, camera: embedded-12mp, airframe: arducopter-quad,
              height: {value_m: 50, datum: home}, speed_m_s: 8}]
fence:
  max_height_m: 90
  margin_m: 3
  inclusion:
    - polygon: [{lat: 47.2687, lon: 11.4030}, {lat: 47.2730, lon: 11.4030},
                {lat: 47.2730, lon: 11.4095}, {lat: 47.2687, lon: 11.4095}]
  exclusion:
    - polygon: [{lat: 47.2700, lon: 11.4050}, {lat: 47.2715, lon: 11.4050},
                {lat: 47.2715, lon: 11.4070}, {lat: 47.2700, lon: 11.4070}]
beat:
  points: [{name: gate, lat: 47.2720, lon: 11.4045}]
"""
INCIDENT = Incident(position=LatLon(lat_deg=47.2708, lon_deg=11.4080), kind="break-in")


@pytest.fixture(scope="session")
def beat() -> Beat:
    return parse_beat(BEAT.encode(), name="beat.yaml", base_dir=Path())


def round_of(beat: Beat) -> FlightPlan:
    """North along the west edge, to and fro, with a stop at each corner."""
    site, drone = beat.drones[0]
    places = [
        (47.2722, 11.4036),
        (47.2722, 11.4046),
        (47.2698, 11.4046),
        (47.2698, 11.4038),
        (47.2720, 11.4038),
    ]
    return FlightPlan(
        name="round",
        home=site.position,
        home_amsl_m=600.0,
        items=(
            *start_items(home=site.position, height_m=40.0, speed_m_s=8.0),
            *(waypoint(LatLon(lat_deg=a, lon_deg=b), 40.0, ItemRole.VISIT) for a, b in places),
            return_item(),
        ),
        fence=Dispatcher(beat).space.fence,
        speed_m_s=8.0,
        airframe=drone.airframe,
    )


def order_for(beat: Beat, state: DroneState, *, look_s: float = 20.0, incident: Incident = INCIDENT) -> Order:
    dispatcher = Dispatcher(beat)
    arrival = dispatcher.drone(incident, state, look_s=look_s)
    assert arrival.arrival_s is not None, arrival.why_not
    site, drone = next((s, d) for s, d in beat.drones if d.name == state.name)
    return Order(
        arrival=arrival,
        incident=incident,
        site=site,
        drone=drone,
        dispatcher=dispatcher,
    )


@dataclass
class Flying:
    """A drone that has flown its beat as far as an item; nobody watches it."""

    link: Link
    plan: FlightPlan


FAST, CALM = 20.0, 2.0
"""Simulated seconds per second: where the vehicle's own clock decides, and where this machine's delays do."""


def hurry(link: Link, speedup: float) -> None:
    Steered.on(link).set_parameter("SIM_SPEEDUP", speedup)


def hurried(link: Link) -> Watchers:
    """Fast while it flies, calmly while the station works: what that takes is flown on as far."""
    phases: list[str] = []

    def progress(step: FlightProgress) -> None:
        if phases[-1:] != [step.phase]:
            phases.append(step.phase)
            hurry(link, FAST if step.phase == "flying" else CALM)

    return Watchers(progress=progress)


def start_round(link: Link, plan: FlightPlan, *, item: int, after_s: float = 4.0) -> None:
    """Fly a round, and stop watching some seconds into the leg to an item, from which on time goes calmly."""
    since: list[float] = []

    def interrupt(paused: bool) -> Interruption | None:
        now = Steered.on(link).now
        if now.mode == "AUTO" and now.mission_seq == item:
            if not since:
                hurry(link, CALM)
                since.append(now.time_s)
            if now.time_s - since[0] >= after_s:
                return Interruption.LEAVE
        return None

    fly_plan(link, plan, confirmed=True, interrupt=interrupt)


def embedded(
    stack: ExitStack, position: LatLon, *, speedup: float = FAST, **options: object
) -> EmbeddedVehicle:
    config = VehicleConfig(home=position, home_amsl_m=600.0, speedup=speedup, **options)  # type: ignore[arg-type]
    return stack.enter_context(EmbeddedVehicle(config))


@pytest.fixture(params=["embedded", pytest.param("ardupilot", marks=pytest.mark.ardupilot)])
def flying(request: pytest.FixtureRequest, beat: Beat) -> Iterator[Flying]:
    """Drone one, under way from the second to the third place of its round."""
    with ExitStack() as stack:
        if request.param == "embedded":
            url = embedded(stack, PAD).url
        else:
            ardupilot: Callable[..., ArduPilotSitl] = request.getfixturevalue("ardupilot")
            url = ardupilot(PAD, 600.0).url
        link = stack.enter_context(connect(url, timeout_s=30))
        plan = round_of(beat)
        start_round(link, plan, item=5)
        yield Flying(link, plan)


def sent(flying: Flying, beat: Beat, folder: Path, **options: object) -> tuple[Diverted, Order]:
    state = state_over_link(flying.link, DroneEntry(name="one"))
    assert state.flying
    order = order_for(beat, state)
    done = divert(
        flying.link,
        order,
        flying.plan,
        confirmed=True,
        state_file=folder / "state.json",
        **options,  # type: ignore[arg-type]
    )
    return done, order


def fly_on(link: Link, is_there: Callable[[LatLon], bool]) -> None:
    """Do nothing until a drone is somewhere, as while an order is on its way to it."""

    def flown(now: Telemetry) -> bool:
        return now.position is not None and is_there(now.position)

    assert Steered.on(link).wait(flown, timeout_s=60, what="flying on")


@dataclass(frozen=True)
class Patrol:
    """What the tests of drones that are sent share, handed over by a fixture."""

    PAD: LatLon = PAD
    BEAT: str = BEAT
    INCIDENT: Incident = INCIDENT
    CALM: float = CALM
    FAST: float = FAST
    Flying: type[Flying] = Flying
    round_of: Callable[..., FlightPlan] = round_of
    order_for: Callable[..., Order] = order_for
    hurry: Callable[..., None] = hurry
    hurried: Callable[..., Watchers] = hurried
    start_round: Callable[..., None] = start_round
    embedded: Callable[..., EmbeddedVehicle] = embedded
    sent: Callable[..., tuple[Diverted, Order]] = sent
    fly_on: Callable[..., None] = fly_on


@pytest.fixture
def patrol() -> Patrol:
    """Two drones, their beat, and how they are sent."""
    return Patrol()


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
