"""Ctrl-C during a flight: never the end of the program alone, always a decision about the vehicle."""

from __future__ import annotations

import signal
import sys
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import click

from airbeat.errors import AirbeatError
from airbeat.language.words import N_, _

if TYPE_CHECKING:
    from collections.abc import Callable

    from airbeat.flight.watch import FlightProgress, Interruption

__all__ = ["CHOICES", "Interrupts", "StoppedError"]

CHOICES = ("pause", "return", "land", "leave")
"""What can be done with the vehicle where nobody is there to be asked."""
_KEYS = {
    "p": ("pause", N_("pause: it hovers where it is (BRAKE), and its battery drains")),
    "r": ("return", N_("return to launch (RTL)")),
    "l": ("land", N_("land where it is (LAND)")),
    "w": ("go on", N_("go on watching")),
    "x": ("leave", N_("stop this program; the vehicle goes on with what it is doing")),
}
_FLYING = frozenset({"arming", "flying"})


class StoppedError(AirbeatError):
    """Somebody stopped the command, by Ctrl-C or a signal."""

    code = "stopped"
    exit_code = 130


class Interrupts:
    """Catches Ctrl-C, SIGTERM and SIGHUP while a flight is watched; use it in a ``with`` block.

    Until arming they end the program as usual. From then on Ctrl-C on a terminal asks what to do, and
    everything else does what was said beforehand.

    Args:
        otherwise: what to do where nobody can be asked: one of ``CHOICES``.
        before_asking: called before anything is asked, to clear the screen's progress bar.

    Attributes:
        phase: of the flight, as last told to ``progress``.
    """

    def __init__(self, otherwise: str, *, before_asking: Callable[[], None] = lambda: None) -> None:
        self.phase = "waiting"
        self._otherwise = otherwise
        self._before_asking = before_asking
        self._pending: int | None = None
        self._asking = False
        self._leave_next = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None:
                self._before[number] = signal.signal(number, self._caught)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _caught(self, number: int, _frame: FrameType | None) -> None:
        if self.phase not in _FLYING or self._asking:
            raise KeyboardInterrupt
        self._pending = number

    def progress(self, step: FlightProgress) -> None:
        """To be told where the flight is."""
        self.phase = step.phase

    def __call__(self, paused: bool) -> Interruption | None:
        """What to do now, or None; as ``fly_plan`` asks it."""
        from airbeat.flight.watch import Interruption

        number, self._pending = self._pending, None
        if number == signal.SIGINT and sys.stdin.isatty():
            return Interruption(self._ask(paused))
        if number is not None:
            self._leave_next = self._otherwise == Interruption.PAUSE.value
            return Interruption(self._otherwise)
        if paused and self._leave_next:
            return Interruption.LEAVE
        if paused and sys.stdin.isatty():
            return Interruption(self._ask(paused))
        return None

    def _ask(self, paused: bool) -> str:
        self._before_asking()
        self._asking = True
        try:
            paused_words = _("The vehicle is PAUSED: it hovers (BRAKE). What now?")
            question = paused_words if paused else _("The vehicle is flying. What now?")
            click.echo(f"\n{question}", err=True)
            keys = {k: v for k, v in _KEYS.items() if not (paused and k == "p")}
            for key, (_choice, words) in keys.items():
                text = _("go on with the mission (AUTO)") if paused and key == "w" else _(words)
                click.echo(f"  {key}  {text}", err=True)
            choice = click.Choice(list(keys), case_sensitive=False)
            return _KEYS[click.prompt(_("Your choice"), type=choice, show_choices=True, err=True)][0]
        except (click.Abort, KeyboardInterrupt):  # Ctrl-C again, or the terminal is gone
            return "leave"
        finally:
            self._asking = False
