"""Who only watches hears where a vehicle is, of the embedded vehicle and of ArduPilot alike."""

from __future__ import annotations

import threading

import pytest

from airbeat.link.observe import Observer, Sight

from .conftest import HOME, running_vehicle


@pytest.mark.parametrize("kind", ["embedded", pytest.param("ardupilot", marks=pytest.mark.ardupilot)])
def test_an_observer_hears_position_battery_and_mode_without_a_command(kind: str) -> None:
    """The streams that it asks for are enough for the live map, and it knows what it watches."""
    known, last = threading.Event(), []

    def told(sight: Sight) -> None:
        now = sight.now
        last[:] = [sight]
        if None not in (now.position, now.battery_share, now.mode, now.heading_deg, now.mission_seq):
            known.set()

    with running_vehicle(kind) as (url, _version):
        observer = Observer(url, told)
        heard = known.wait(90.0)
        observer.close()
    assert heard, last
    (sight,) = last
    assert sight.is_embedded == (kind == "embedded")
    assert sight.is_ardupilot == (kind == "ardupilot")
    assert abs(sight.now.position.lat_deg - HOME.lat_deg) < 1e-3
    assert abs(sight.now.position.lon_deg - HOME.lon_deg) < 1e-3
