"""Who only watches a vehicle hears all that it says, and sends it nothing but what watching needs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airbeat.errors import UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.link.connection import connect
from airbeat.link.observe import OBSERVER_SYSTEM, Observer, Sight
from airbeat.link.transport import require_address
from airbeat.link.vehicle import Vehicle
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

CONFIG = VehicleConfig(home=LatLon(lat_deg=51.0, lon_deg=8.0), home_amsl_m=200.0, speedup=4.0)


class Heard:
    """What a vehicle was sent, and what an observer was told."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, str]] = []
        self.sights: list[Sight] = []
        self.told = threading.Condition()

    def tell(self, sight: Sight) -> None:
        with self.told:
            self.sights.append(sight)
            self.told.notify_all()

    def until(self, condition, timeout_s: float = 30.0) -> Sight:
        with self.told:
            assert self.told.wait_for(lambda: any(map(condition, self.sights)), timeout_s), "it was not seen"
            return next(s for s in self.sights if condition(s))


def recording(vehicle: EmbeddedVehicle, heard: Heard) -> EmbeddedVehicle:
    handle = vehicle._copter.handle

    def noted(link: int, message) -> None:
        heard.messages.append((message.get_srcSystem(), message.get_type()))
        handle(link, message)

    vehicle._copter.handle = noted
    return vehicle


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def vehicle(heard: Heard) -> Iterator[EmbeddedVehicle]:
    with recording(EmbeddedVehicle(CONFIG), heard) as running:
        yield running


def test_an_observer_sends_heartbeats_and_asks_for_streams_and_nothing_else(heard, vehicle):
    observer = Observer(vehicle.url, heard.tell)
    sight = heard.until(lambda s: s.now.position is not None and s.now.battery_share is not None)
    seen = len(heard.sights)
    heard.until(lambda s: len(heard.sights) > seen + 8)
    observer.close()
    assert sight.is_embedded
    assert not sight.is_ardupilot
    assert sight.now.position.lat_deg == pytest.approx(51.0, abs=1e-4)
    assert {kind for _, kind in heard.messages} == {"HEARTBEAT", "REQUEST_DATA_STREAM"}
    assert {system for system, _ in heard.messages} == {OBSERVER_SYSTEM}
    assert OBSERVER_SYSTEM != 255
    assert sum(kind == "REQUEST_DATA_STREAM" for _, kind in heard.messages) == 2


def test_an_observer_follows_what_another_station_does_and_leaves_its_streams_alone(heard, vehicle):
    with connect(vehicle.url) as link:
        station = Vehicle.on(link)
        station.start_telemetry()
        observer = Observer(vehicle.url, heard.tell)
        heard.until(lambda s: s.now.position is not None)
        station.set_mode("GUIDED")
        heard.until(lambda s: s.now.mode == "GUIDED")
        before = station.now.time_s
        assert station.wait(lambda now: now.time_s > before + 2.0, timeout_s=20.0)
        observer.close()
    kinds = {kind for system, kind in heard.messages if system == OBSERVER_SYSTEM}
    assert kinds == {"HEARTBEAT", "REQUEST_DATA_STREAM"}


def test_an_observer_waits_for_a_vehicle_and_finds_it_again_after_a_restart(heard):
    with EmbeddedVehicle(CONFIG) as first:
        port = int(first.url.rsplit(":", maxsplit=1)[1])
    observer = Observer(f"tcp:127.0.0.1:{port}", heard.tell)
    for _ in range(2):
        time.sleep(0.3)
        count = len(heard.sights)
        with EmbeddedVehicle(CONFIG, port):
            heard.until(lambda s, n=count: len(heard.sights) > n + 3 and s.now.position is not None)
            newest = heard.sights[-1]
            assert newest.is_embedded
    observer.close()


def test_an_observer_ends_at_once_when_nothing_answers():
    observer = Observer("udpin:127.0.0.1:47213", lambda _sight: None)
    observer.close()
    assert not observer._thread.is_alive()


@pytest.mark.parametrize(
    "url", ["", "tcp:", "tcp:host", "udp:host:0", "udp:host:70000", "dev/tty", "/dev/tty,x"]
)
def test_what_is_no_address_is_refused_at_once(url):
    with pytest.raises(UsageError):
        require_address(url)
    with pytest.raises(UsageError):
        Observer(url, lambda _sight: None)


@pytest.mark.parametrize(
    "url", ["tcp:10.0.0.7:5760", "udpin:0.0.0.0:14550", "localhost:14550", "/dev/ttyACM0,57600", "COM3"]
)
def test_addresses_as_connections_take_them_are_taken(url):
    require_address(url)


def test_the_module_that_observes_names_no_command():
    from airbeat.link import observe

    source = Path(observe.__file__).read_text()
    for word in (".command(", "set_mode", "arm(", ".upload(", "set_parameter", "start_telemetry"):
        assert word not in source
