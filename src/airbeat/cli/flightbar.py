"""The progress bar of a flight."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from airbeat.cli.output import ProgressCallback, progress_bar
from airbeat.language.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airbeat.flight.watch import FlightProgress

__all__ = ["FlightBar", "flight_bar", "flight_words"]


def flight_words(now: FlightProgress) -> str:
    """Where the flight is, in a line: item, height, area, battery, distance home, time to the landing."""
    minutes, seconds = divmod(round(now.eta_s), 60)
    height_m, battery = now.state.height_above_home_m, now.state.battery_share
    words = [_("item {item}/{items}", item=now.item, items=now.items)]
    words += [_("{height_m:.0f} m high", height_m=height_m)] if height_m is not None else []
    if now.distance_home_m is not None:
        words += [_("{distance_m:.0f} m from home", distance_m=now.distance_home_m)]
    words += [_("{count} photographs", count=now.photos)]
    words += [_("{share:.0%} of the area", share=now.area_share)] if now.area_share is not None else []
    words += [_("battery {share:.0%}", share=battery)] if battery is not None else []
    return ", ".join([*words, _("lands in {minutes}:{seconds:02d}", minutes=minutes, seconds=seconds)])


class FlightBar:
    """A progress bar that also says where the flight is, and the ETA on the vehicle's own clock.

    It appears with the take-off, so that nothing is drawn over the question before it; ``clear`` takes it
    off the screen until the next call.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._bar: ProgressCallback | None = None

    def __call__(self, now: FlightProgress) -> None:
        """Show where the flight is."""
        if now.phase not in {"flying", "landed"}:
            return
        self._bar = self._bar or self._stack.enter_context(progress_bar(_("flight"), eta=False))
        self._bar(now.fraction, label=flight_words(now))

    def clear(self) -> None:
        """Take the bar off the screen."""
        self._stack.close()
        self._bar = None


@contextmanager
def flight_bar() -> Iterator[FlightBar]:
    """A progress bar for one flight."""
    bar = FlightBar()
    try:
        yield bar
    finally:
        bar.clear()
