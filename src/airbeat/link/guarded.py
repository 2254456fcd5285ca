"""Commands that never override a pilot: sent, and sent again, only while the vehicle is as it was known.

What a vehicle says of its mode comes with HEARTBEAT: at 1 Hz and, from ArduCopter, at once when the mode
changes; but either can be lost. So before every sending a new one is asked for (MAV_CMD_REQUEST_MESSAGE), and
only one that comes behind the answer to that counts: it was said after the vehicle was asked. ArduCopter
(SITL 4.7.0-dev) answers such a request with COMMAND_ACK and then HEARTBEAT, within one of its loops.

A COMMAND_LONG whose COMMAND_ACK is lost would override a pilot who changed the mode after it was done, if it
were sent again as it is. Here it is not, if since the first sending

- a heartbeat said that what is asked for was so: then it was done, and a change after it is somebody's own;
- a heartbeat said anything else than what was known before: then somebody has changed it;
- nothing was heard for longer than a pilot takes to see what the vehicle does and to undo it: then it may
  have been done, and undone, unheard.

An order of people to stop, return or land (``urgent``) has to get through where the vehicle answers no
questions, and on a link that loses much: each sending is doubled, and questions come twice a second. Where
they go unanswered for 1 s the next heartbeat counts. An answer to an earlier question counts too, and a
silence does not end it. So a pilot who goes back to the very mode that he was stopped in, unheard, may be
stopped once more; a pilot who is heard in any other mode still keeps the vehicle. With 30 % lost each way
such an order gets through within 8 s in 99 of 100 cases, others in three of four (``tests/link``).

What remains. A change that the vehicle makes within one round trip of the link before a command reaches it
is not known when the command leaves: the heartbeat's way here and the command's way there. It is overridden,
and found out by what is heard next (``overruled_by`` with ``done_anyway``). And a change back to the very
mode that the vehicle was in is not seen where the answer and every heartbeat in between were lost although
the vehicle was heard all the while: by a pilot who undoes within the second before it is asked again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from airbeat.errors import RefusedByVehicleError
from airbeat.language.words import Message
from airbeat.link.dialect import mavlink
from airbeat.link.requests import CommandResult
from airbeat.link.transfer import Peer

__all__ = ["NO_ANSWER", "OVERRULED", "GuardedCommandMachine", "left_to_pilot", "not_taken_back"]

NO_ANSWER = "NO_ANSWER"
"""Result of a command that the vehicle is not known to have done."""
OVERRULED = "OVERRULED"
"""Result of a command that was not sent, or not sent again, because the vehicle was no longer as known."""
_AGAIN_S = 1.0
_IN_PROGRESS_S = 20.0
_URGENT_ASK_S = 0.5
_URGENT_AGAIN_S = 3.0
_UNANSWERED_S = 1.0
_BLIND_S = 1.5
"""A vehicle that was silent for longer may have been flown by a pilot who saw what it did [s]."""


class GuardedCommandMachine:
    """Sends COMMAND_LONG while a condition holds, until it is done (sans-I/O, see the module).

    Args:
        peer: the vehicle.
        command: MAV_CMD.
        params: param1 and on.
        allowed: whether it may be sent, by a HEARTBEAT.
        reached: whether what it asks for is so, by a HEARTBEAT; then it is not sent at all.
        patience_s: without an answer it ends after so long [s].
        urgent: whether it goes out also where questions are not answered, and again after a silence.

    Attributes:
        result: ACCEPTED also where a heartbeat says that it was done, OVERRULED, NO_ANSWER, or what the
            vehicle answered; None until then.
        overruled_by: the HEARTBEAT that said that somebody else had changed something, or None.
        done_anyway: whether the vehicle did the command although it was overruled: they crossed on the way.
        sent: how often it was sent.
    """

    def __init__(
        self,
        peer: Peer,
        command: int,
        params: Iterable[float],
        *,
        allowed: Callable[[Any], bool],
        reached: Callable[[Any], bool],
        patience_s: float = 8.0,
        urgent: bool = False,
    ) -> None:
        self.result: CommandResult | None = None
        self.overruled_by: Any | None = None
        self.done_anyway = False
        self.sent = 0
        self.next_time_s = math.inf
        self._peer = peer
        self._command = command
        self._params = (*params, *(0.0,) * 7)[:7]
        self._allowed, self._reached = allowed, reached
        self._patience_s = patience_s
        self._urgent = urgent
        self._end_s = math.inf
        self._again_s = _AGAIN_S
        self._heard_s = self._asked_s = self._longest_gap_s = 0.0
        self._there_and_back_s = _URGENT_AGAIN_S / 2.0
        self._asking = self._fresh = False
        self._unanswered = self._stale = 0

    @property
    def done(self) -> bool:
        """Whether it is known what came of it."""
        return self.result is not None

    def start(self, now_s: float) -> list[Any]:
        """Asks in which state the vehicle is."""
        self._end_s, self._heard_s = now_s + self._patience_s, now_s
        return self._ask(now_s)

    def on_message(self, message: Any, now_s: float) -> list[Any]:
        """Takes HEARTBEAT and COMMAND_ACK; anything shows that the vehicle is heard."""
        if self.done:
            return []
        self._longest_gap_s = max(self._longest_gap_s, now_s - self._heard_s)
        self._heard_s = now_s
        kind = message.get_type()
        if kind == "HEARTBEAT":
            return self._on_heartbeat(message, now_s)
        if kind == "COMMAND_ACK" and self._peer.is_for_us(message):
            if message.command == mavlink.MAV_CMD_REQUEST_MESSAGE:
                self._on_asked(now_s)
            elif message.command == self._command and self.sent:
                self._on_answer(message, now_s)
        return []

    def on_time(self, now_s: float) -> list[Any]:
        """Asks again, or gives up."""
        if self.done or now_s < self.next_time_s:
            return []
        if self.overruled_by is not None:
            self._finish(OVERRULED)
        elif now_s >= self._end_s:
            self._finish(NO_ANSWER)
        else:
            return self._ask(now_s)
        return []

    def _ask(self, now_s: float) -> list[Any]:
        if not self._asking:
            self._asking, self._fresh, self._asked_s = True, False, now_s
            self._stale = self._unanswered  # answers to earlier questions may still be on their way
        self._unanswered += 1
        again_s = _URGENT_ASK_S if self._urgent else self._again_s
        self.next_time_s = min(now_s + again_s, self._end_s)
        return [self._long(mavlink.MAV_CMD_REQUEST_MESSAGE, 0, (float(mavlink.MAVLINK_MSG_ID_HEARTBEAT),))]

    def _long(self, command: int, confirmation: int, params: tuple[float, ...]) -> Any:
        return mavlink.MAVLink_command_long_message(
            self._peer.system, self._peer.component, command, confirmation, *(*params, *(0.0,) * 7)[:7]
        )

    def _on_asked(self, now_s: float) -> None:
        """The vehicle was asked: what it says from here on is new, whether or not it does as it was asked."""
        self._unanswered = max(self._unanswered - 1, 0)
        if self._stale and not self._urgent:
            self._stale -= 1
        elif self._asking:
            self._fresh = True
            self._again_s = max(_AGAIN_S, 2.0 * (now_s - self._asked_s))
            if self._urgent:
                self._there_and_back_s = min(self._there_and_back_s, now_s - self._asked_s)
                self._again_s = max(_AGAIN_S, 2.0 * self._there_and_back_s)

    def _on_heartbeat(self, message: Any, now_s: float) -> list[Any]:
        fresh = self._fresh or (self._urgent and now_s - self._asked_s >= _UNANSWERED_S)
        if not self.sent and not fresh:
            return []
        if self._reached(message):
            self._finish("ACCEPTED")
        elif self.overruled_by is None and not self._allowed(message):
            self.overruled_by = message
            if not self.sent:
                self._finish(OVERRULED)
            self.next_time_s = now_s + self._again_s  # it may have been done all the same
        elif self.overruled_by is None and self._asking and fresh:
            return self._send(now_s)
        return []

    def _send(self, now_s: float) -> list[Any]:
        if self.sent and self._longest_gap_s > _BLIND_S and not self._urgent:
            self._finish(NO_ANSWER)
            return []
        self._asking, self._longest_gap_s = False, 0.0
        self.sent += 1
        self.next_time_s = min(now_s + self._again_s, self._end_s)
        return [self._long(self._command, self.sent - 1, self._params)] * (2 if self._urgent else 1)

    def _on_answer(self, message: Any, now_s: float) -> None:
        if message.result == mavlink.MAV_RESULT_IN_PROGRESS:
            self._asking = False
            self.next_time_s = self._end_s = now_s + _IN_PROGRESS_S
            return
        entry = mavlink.enums["MAV_RESULT"].get(message.result)
        self._finish(str(entry.name).removeprefix("MAV_RESULT_") if entry else f"result {message.result}")

    def _finish(self, result: str) -> None:
        accepted = result == "ACCEPTED"
        if self.overruled_by is not None:
            self.done_anyway, accepted, result = accepted, False, OVERRULED
        self.result = CommandResult(accepted=accepted, result=result)


def left_to_pilot(mode: str | None) -> RefusedByVehicleError:
    """Says that somebody has changed the mode and keeps the vehicle."""
    return RefusedByVehicleError(
        Message("the mode was changed to {mode}: left to the pilot", mode=mode),
        remedy="agree who flies, then start again",
    )


def not_taken_back(mode: str, ours: str) -> RefusedByVehicleError:
    """Says that an order came over a pilot's mode, and that it is not known to be undone.

    Args:
        mode: that the pilot had set.
        ours: what was ordered: a mode, or ARM.
    """
    return RefusedByVehicleError(
        Message(
            "the mode was changed to {mode} while {ours} was on its way; {ours} was done, "
            "and it is not known to be taken back",
            mode=mode,
            ours=ours,
        ),
        remedy="take over with the transmitter's mode switch",
    )
