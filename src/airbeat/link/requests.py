"""Questions with one answer: commands and parameters, asked again until answered (sans-I/O)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from airbeat.link.dialect import mavlink
from airbeat.link.items import float32
from airbeat.link.timing import RetryTimer
from airbeat.link.transfer import Peer

__all__ = ["CommandMachine", "CommandResult", "ParameterReadMachine", "ParameterSetMachine"]

_ASK_AGAIN_S = 1.0
_IN_PROGRESS_S = 20.0
_READ_WINDOW = 10
_LEAST_WAIT_S = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """The answer to a command.

    Attributes:
        accepted: whether the vehicle does it.
        result: MAV_RESULT name without prefix, or "NO_ANSWER".
    """

    accepted: bool
    result: str


class CommandMachine:
    """Sends COMMAND_LONG until a COMMAND_ACK comes; IN_PROGRESS keeps it waiting."""

    def __init__(self, peer: Peer, command: int, params: Iterable[float], *, tries: int = 5) -> None:
        self.result: CommandResult | None = None
        self.next_time_s = math.inf
        self._peer = peer
        self._command = command
        self._params = (*params, *(0.0,) * 7)[:7]
        self._tries = tries
        self._sent = 0

    @property
    def done(self) -> bool:
        """Whether the answer is there, or none came."""
        return self.result is not None

    def start(self, now_s: float) -> list[Any]:
        """The command."""
        self.next_time_s = now_s + _ASK_AGAIN_S
        confirmation = self._sent
        self._sent += 1
        return [
            mavlink.MAVLink_command_long_message(
                self._peer.system, self._peer.component, self._command, confirmation, *self._params
            )
        ]

    def on_message(self, message: Any, now_s: float) -> list[Any]:
        """Takes the COMMAND_ACK."""
        if self.done or message.get_type() != "COMMAND_ACK" or message.command != self._command:
            return []
        if not self._peer.is_for_us(message):
            return []
        if message.result == mavlink.MAV_RESULT_IN_PROGRESS:
            self._tries = self._sent
            self.next_time_s = now_s + _IN_PROGRESS_S
            return []
        entry = mavlink.enums["MAV_RESULT"].get(message.result)
        name = str(entry.name).removeprefix("MAV_RESULT_") if entry else f"result {message.result}"
        self.result = CommandResult(accepted=message.result == mavlink.MAV_RESULT_ACCEPTED, result=name)
        return []

    def on_time(self, now_s: float) -> list[Any]:
        """Sends again, or gives up."""
        if self.done or now_s < self.next_time_s:
            return []
        if self._sent >= self._tries:
            self.result = CommandResult(accepted=False, result="NO_ANSWER")
            return []
        return self.start(now_s)


class ParameterReadMachine:
    """Reads parameters by name; ``values`` lacks those that the vehicle never answered for."""

    def __init__(self, peer: Peer, names: Iterable[str], *, tries: int = 3) -> None:
        self.values: dict[str, float] = {}
        self.next_time_s = math.inf
        self.done = False
        self._peer = peer
        self._open = dict.fromkeys(names, 0)
        self._tries = tries
        self._timer = RetryTimer(least_s=_LEAST_WAIT_S)
        self._asked_s = 0.0

    def start(self, now_s: float) -> list[Any]:
        """Asks for the first few."""
        if not self._open:
            self.done = True
            return []
        self._asked_s = now_s
        self.next_time_s = now_s + self._timer.timeout_s
        return [self._ask(name) for name in list(self._open)[:_READ_WINDOW]]

    def on_message(self, message: Any, now_s: float) -> list[Any]:
        """Takes PARAM_VALUE."""
        if self.done or message.get_type() != "PARAM_VALUE" or message.param_id not in self._open:
            return []
        if self._open[message.param_id] == 1:
            self._timer.measured(now_s - self._asked_s)
        self.next_time_s = now_s + self._timer.timeout_s
        self.values[message.param_id] = message.param_value
        del self._open[message.param_id]
        if not self._open:
            self.done = True
            return []
        fresh = next((name for name, asked in self._open.items() if asked == 0), None)
        return [self._ask(fresh)] if fresh is not None else []

    def on_time(self, now_s: float) -> list[Any]:
        """Asks again for those still open; leaves out those asked for often enough."""
        if self.done or now_s < self.next_time_s:
            return []
        self._timer.expired()
        self._open = {name: asked for name, asked in self._open.items() if asked < self._tries}
        return self.start(now_s)

    def _ask(self, name: str) -> Any:
        self._open[name] += 1
        return mavlink.MAVLink_param_request_read_message(
            self._peer.system, self._peer.component, name.encode("ascii"), -1
        )


class ParameterSetMachine:
    """Sets a parameter until the vehicle says that it has the value; ``held`` is what it last said."""

    def __init__(self, peer: Peer, name: str, value: float, *, tries: int = 5) -> None:
        self.held: float | None = None
        self.next_time_s = math.inf
        self.done = False
        self._peer = peer
        self._name = name
        self._value = value
        self._left = tries

    def start(self, now_s: float) -> list[Any]:
        """Sets it."""
        self._left -= 1
        self.next_time_s = now_s + _ASK_AGAIN_S
        return [
            mavlink.MAVLink_param_set_message(
                self._peer.system,
                self._peer.component,
                self._name.encode("ascii"),
                self._value,
                mavlink.MAV_PARAM_TYPE_REAL32,
            )
        ]

    def on_message(self, message: Any, now_s: float) -> list[Any]:
        """Takes PARAM_VALUE."""
        if self.done or message.get_type() != "PARAM_VALUE" or message.param_id != self._name:
            return []
        self.held = message.param_value
        self.done = math.isclose(message.param_value, float32(self._value), rel_tol=1e-6, abs_tol=1e-6)
        return []

    def on_time(self, now_s: float) -> list[Any]:
        """Sets it again, or gives up."""
        if self.done or now_s < self.next_time_s:
            return []
        if self._left <= 0:
            self.done = True
            return []
        return self.start(now_s)
