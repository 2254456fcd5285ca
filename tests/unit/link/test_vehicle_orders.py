"""What is said of an order that did not come to its end: no answer, or a pilot whose mode it came over."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from airbeat.errors import LinkError, RefusedByVehicleError
from airbeat.link.connection import Link
from airbeat.link.dialect import mavlink
from airbeat.link.requests import CommandResult
from airbeat.link.vehicle import Vehicle

BRAKE, LOITER, POSHOLD = 17, 5, 16


def heartbeat(mode: int) -> Any:
    base = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | mavlink.MAV_MODE_FLAG_SAFETY_ARMED
    return mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_QUADROTOR, 3, base, mode, 4, 3)


def came_to(result: str, *, overruled_by: int | None = None, done_anyway: bool = False) -> Any:
    """What a guarded command came to."""
    return SimpleNamespace(
        result=CommandResult(accepted=result == "ACCEPTED", result=result),
        overruled_by=None if overruled_by is None else heartbeat(overruled_by),
        done_anyway=done_anyway,
    )


OVERRULED = came_to("OVERRULED", overruled_by=LOITER, done_anyway=True)


@pytest.fixture
def vehicle_with() -> Callable[..., Vehicle]:
    """A vehicle in BRAKE whose commands come to what a test says, in turn."""

    def made(*outcomes: Any) -> Vehicle:
        heard: list[Callable[[Any], None]] = []
        link = SimpleNamespace(add_callback=heard.append, silence_s=0.0, url="udp:x", peer=None)
        left = list(outcomes)
        link.run = lambda machine: vars(machine).update(vars(left.pop(0)))
        vehicle = Vehicle(cast("Link", link))
        heard[0](heartbeat(BRAKE))
        return vehicle

    return made


def test_an_order_without_an_answer_is_no_refusal(vehicle_with: Callable[..., Vehicle]) -> None:
    """It may be done yet, and a position fix or the pilot's switch have nothing to do with it."""
    with pytest.raises(LinkError, match="did not switch to AUTO: NO_ANSWER, it is in BRAKE") as told:
        vehicle_with(came_to("NO_ANSWER")).set_mode("AUTO")
    assert told.value.remedy.startswith("restore the link")


def test_a_refusal_is_one(vehicle_with: Callable[..., Vehicle]) -> None:
    with pytest.raises(RefusedByVehicleError, match="did not switch to AUTO: FAILED"):
        vehicle_with(came_to("FAILED")).set_mode("AUTO")


def test_a_pilots_mode_that_is_not_known_to_be_given_back_is_not_said_to_be_his(
    vehicle_with: Callable[..., Vehicle],
) -> None:
    with pytest.raises(RefusedByVehicleError, match="to LOITER while AUTO was on its way; AUTO was done"):
        vehicle_with(OVERRULED, came_to("NO_ANSWER")).set_mode("AUTO")
    with pytest.raises(RefusedByVehicleError, match="changed to LOITER: left to the pilot"):
        vehicle_with(OVERRULED, came_to("ACCEPTED")).set_mode("AUTO")
    with pytest.raises(RefusedByVehicleError, match="changed to POSHOLD: left to the pilot"):
        vehicle_with(OVERRULED, came_to("OVERRULED", overruled_by=POSHOLD)).set_mode("AUTO")


@pytest.mark.parametrize(
    ("answer", "words"),
    [("ACCEPTED", "changed to LOITER: left to the pilot"), ("NO_ANSWER", "ARM was on its way; ARM was done")],
)
def test_a_drone_that_was_armed_over_a_pilot_is_said_to_be_disarmed_only_if_it_says_so(
    vehicle_with: Callable[..., Vehicle], answer: str, words: str
) -> None:
    with pytest.raises(RefusedByVehicleError, match=words):
        vehicle_with(OVERRULED, came_to(answer)).arm(mode="GUIDED")
