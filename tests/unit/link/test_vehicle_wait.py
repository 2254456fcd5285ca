"""Waiting on a vehicle's state."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from airbeat.link.vehicle import Vehicle


def test_a_vehicle_that_does_not_tell_its_time_is_not_waited_for_without_end() -> None:
    link: Any = SimpleNamespace(url="tcp:none", silence_s=0.0, vehicle=None, add_callback=lambda _f: None)
    start_s = time.monotonic()
    assert not Vehicle(link).wait(lambda _t: False, timeout_s=0.3, what="nothing")
    assert time.monotonic() - start_s >= 0.3
