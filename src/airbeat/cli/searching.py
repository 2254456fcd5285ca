"""What ``detect`` and ``watch`` have in common: how frames are searched, and how a search is ended."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.positions import LAT_LON
from airbeat.errors import UsageError
from airbeat.language.words import _

if TYPE_CHECKING:
    from airbeat.detect.run import Searching

__all__ = [
    "default_out",
    "photo_options",
    "searched_where",
    "stopped_by_ctrl_c",
    "terrain_makes_sense",
    "video_options",
]

_PHOTO_OPTIONS = (
    click.option(
        "--detector",
        default="auto",
        show_default=True,
        help="Which detector: auto chooses for each photograph. Others are named in the README.",
    ),
    click.option("--threshold", type=float, help="Leave out boxes that score less (0 to 1)."),
    click.option(
        "--max-false-per-frame",
        type=float,
        help="Choose the threshold from the detector's measured curve instead.",
    ),
    click.option("--gsd-m-px", type=float, help="GSD by hand, instead of the photographs' own [m/px]."),
    click.option(
        "--modality", type=click.Choice(["rgb", "thermal"]), help="What all photographs are, by hand."
    ),
    click.option(
        "--ground-height-m",
        type=float,
        default=0.0,
        show_default=True,
        help="Height of the ground above the take-off place; flat ground is assumed [m].",
    ),
    click.option(
        "--terrain",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Height model (HGT, GeoTIFF) instead of flat ground; may be given several times.",
    ),
    click.option("--home", type=LAT_LON, help="Take-off place; joins heights above it to the height model."),
    click.option(
        "--telemetry",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Flight log (.tlog, .bin, DJI .srt) that completes what the photographs do not say.",
    ),
    click.option(
        "--camera-pitch-deg",
        type=click.FloatRange(-90.0, 30.0),
        help="Pitch of a camera that turns with the airframe, where nothing says it; -90 looks down.",
    ),
)
_VIDEO_OPTIONS = (
    click.option(
        "--video-every-s",
        type=float,
        default=1.0,
        show_default=True,
        help="Search one frame of a video in so long [s].",
    ),
    click.option(
        "--video-overlap",
        type=float,
        help="Take a frame earlier where it shares no more than this with the last one (0 to 1).",
    ),
    click.option(
        "--workers", type=click.IntRange(1, 256), help="Processes. [default: one for each processor]"
    ),
    click.option(
        "--scheduler",
        metavar="tcp://HOST:PORT",
        help="Search on the workers of a Dask scheduler, who must see the photographs under the same paths.",
    ),
)


def _all(options: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


photo_options = _all(_PHOTO_OPTIONS)
"""Detector, threshold, and what photographs do not say themselves."""
video_options = _all(_VIDEO_OPTIONS)
"""Which frames of a video, and on how many processors."""


def terrain_makes_sense(terrain: tuple[Path, ...], home: object, ground_height_m: float) -> None:
    """Refuse options for the ground that contradict one another.

    Raises:
        UsageError: with the remedy.
    """
    if terrain and ground_height_m:
        raise UsageError("a height model and a height of flat ground exclude each other", remedy="give one")
    if home is not None and not terrain:
        raise UsageError("--home is of use only with --terrain", remedy="give the height model too")


@contextmanager
def searched_where(workers: int | None, scheduler: str | None) -> Iterator[Searching]:
    """Where frames are searched: on this machine, or on a cluster, which is called before anything is done.

    Raises:
        UsageError: both were asked for.
        LinkError: the cluster does not answer.
    """
    from airbeat.detect.run import on_this_machine

    if scheduler is None:
        yield on_this_machine(workers)
        return
    if workers is not None:
        raise UsageError("--workers are of this machine, --scheduler has its own", remedy="leave one out")
    from airbeat.detect.cluster import Cluster

    with Cluster(scheduler) as cluster:
        yield cluster


def default_out(source: str) -> Path:
    """Where results go where nobody says."""
    if "://" in source:
        return Path("stream-candidates")
    path = Path(source)
    if path.name in {"", ".."}:  # of "." and its like the name is elsewhere
        path = path.resolve()
    return path.with_name(f"{path.name}-candidates") if path.name else Path("candidates")


@contextmanager
def stopped_by_ctrl_c(*, catch: bool) -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed, or the program was asked to end; the second time it ends as usual."""
    pressed = False

    def caught(*_signal: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        click.echo(
            _("airbeat: stopping; what was searched is written. Ctrl-C again to leave at once"), err=True
        )

    numbers = (signal.SIGINT, signal.SIGTERM) if catch else ()
    before = {number: signal.signal(number, caught) for number in numbers}
    try:
        yield lambda: pressed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
