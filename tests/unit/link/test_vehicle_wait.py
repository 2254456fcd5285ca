"""Waiting on a vehicle's state."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from airbeat.link.dialect import mavlink
from airbeat.link.telemetry import Telemetry
from airbeat.link.vehicle import Vehicle


def test_a_vehicle_that_does_not_tell_its_time_is_not_waited_for_without_end() -> None:
    link: Any = SimpleNamespace(url="tcp:none", silence_s=0.0, vehicle=None, add_callback=lambda _f: None)
    start_s = time.monotonic()
    assert not Vehicle(link).wait(lambda _t: False, timeout_s=0.3, what="nothing")
    assert time.monotonic() - start_s >= 0.3


def test_the_seconds_waited_for_begin_when_a_vehicle_first_tells_its_time() -> None:
    """One that has been in the air for a minute and a half is not thereby waited for in vain."""
    link: Any = SimpleNamespace(url="tcp:none", silence_s=0.0, vehicle=None, add_callback=lambda _f: None)
    vehicle = Vehicle(link)
    asked: list[float] = []

    def known(now: Telemetry) -> bool:
        asked.append(now.time_s)
        if len(asked) == 1:
            vehicle._take(mavlink.MAVLink_system_time_message(0, 90_000))
        elif now.position is None:
            vehicle._take(
                mavlink.MAVLink_global_position_int_message(
                    90_200, 511800000, 84900000, 450000, 50000, 0, 0, 0, 0
                )
            )
        return now.position is not None

    assert vehicle.wait(known, timeout_s=10.0, what="where it is")
    assert asked[:2] == [0.0, 90.0]
    assert not vehicle.wait(lambda _t: False, timeout_s=0.3, what="nothing")
