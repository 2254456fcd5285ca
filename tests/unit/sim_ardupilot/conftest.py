"""The real binary, where this machine has one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airbeat.errors import LinkError
from airbeat.sim.ardupilot_binary import find_binary


@pytest.fixture
def real_binary() -> Path:
    """A real ArduCopter SITL executable; its absence is a skip, or a failure where it is required."""
    try:
        return find_binary().path
    except LinkError as error:
        if os.environ.get("AIRBEAT_REQUIRE_ARDUPILOT") == "1":
            pytest.fail(str(error))
        pytest.skip("no ArduPilot SITL binary")
