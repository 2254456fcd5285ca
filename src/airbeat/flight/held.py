"""Which mission a drone holds while others are uploaded to it: whoever then takes it over must know.

A pilot who takes over is not disturbed: nothing is uploaded to a vehicle that he flies, since he may switch
to AUTO in the middle of it and fly half a mission (an abandoned upload cuts what is flown). So the vehicle
keeps what it holds, and AUTO goes on with that at the item where it was left (MIS_RESTART 0), be it the way
to an incident. That is said, and how the drone gets its own mission back.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from airbeat.flight.watch import FlightProgress, Watchers
from airbeat.language.words import Message

__all__ = ["Held", "way_to_own_mission"]

_OWN = Message("the vehicle holds the mission that it flew, and AUTO goes on with that")
_REST = Message("the vehicle holds the rest of its mission, and AUTO goes on with that")
_THERE = Message("the vehicle holds the way to the incident: AUTO goes on with that, not with its mission")
_HOME = Message("the vehicle holds the way to its pad: AUTO goes on with that, not with its mission")
_UNSURE = Message(
    "an upload was broken off, and which mission the vehicle holds is not known: AUTO may fly half a mission"
)


def way_to_own_mission(state_file: Path | None, url: str) -> Message:
    """How a drone gets its own mission back.

    Args:
        state_file: the state of the interrupted flight, where it is kept.
        url: of the vehicle.
    """
    if state_file is None:
        return Message("to give it another one, upload that before AUTO is used")
    return Message(
        "to go on with its mission, let it hover or land, then: "
        "airbeat fly FILE --resume {state_file} --connect {url}",
        state_file=state_file,
        url=url,
    )


class Held:
    """Follows which mission a vehicle holds.

    Args:
        back: how it gets its own mission back (`way_to_own_mission`).
    """

    def __init__(self, back: Message) -> None:
        self._back = back
        self._now = _OWN

    def while_sent_there(self, told: Watchers) -> Watchers:
        """Watchers of a flight that begins by uploading the way to the incident."""
        return self._following(_THERE, told)

    def while_sent_onward(self, told: Watchers, *, home: bool) -> Watchers:
        """Watchers of a flight that begins by uploading the way home, or the rest of the mission."""
        return self._following(_HOME if home else _REST, told)

    def _following(self, mission: Message, told: Watchers) -> Watchers:
        def progress(step: FlightProgress) -> None:
            if step.phase == "uploading":
                self._now = _UNSURE
            elif step.phase in ("arming", "flying", "landed"):
                self._now = mission
            if told.progress is not None:
                told.progress(step)

        return replace(told, progress=progress)

    @property
    def is_own(self) -> bool:
        """Whether it holds what it flew before: nothing was uploaded yet."""
        return self._now is _OWN

    @property
    def words(self) -> str:
        """Which mission it holds, what AUTO does, and how it gets its own mission back where it lacks it."""
        if self._now in (_OWN, _REST):
            return self._now
        return Message("{held}; {back}", held=self._now, back=self._back)
