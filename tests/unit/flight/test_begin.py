"""What is flown now of a plan, by what the vehicle tells."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airbeat.errors import LinkError
from airbeat.flight.begin import find_sortie
from airbeat.link.vehicle import Vehicle


class Untold(Vehicle):
    """A vehicle of which only heartbeats come through."""

    def start_telemetry(self) -> None:
        pass

    def wait(self, *_: Any, **__: Any) -> bool:
        return False


def test_a_vehicle_that_may_be_in_the_air_is_not_taken_for_one_on_the_ground() -> None:
    link: Any = SimpleNamespace(url="tcp:none", vehicle=None, add_callback=lambda _f: None)
    link.vehicle = Untold(link)
    plan: Any = object()
    state: Any = object()
    with pytest.raises(LinkError, match="does not tell whether it is armed"):
        find_sortie(link, plan, state)
