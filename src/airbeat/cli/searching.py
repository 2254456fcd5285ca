"""What ``detect`` and ``watch`` have in common: how frames are searched, and how a search is ended."""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.output import with_options
from airbeat.cli.positions import LAT_LON
from airbeat.errors import UsageError
from airbeat.language.words import _

if TYPE_CHECKING:
    from airbeat.detect.run import Searching
    from airbeat.detect.search import SearchSettings
    from airbeat.frames.sources import FolderSource, FollowedFolder, VideoSource
    from airbeat.frames.video import VideoSampling
    from airbeat.geo.coordinates import LatLon

__all__ = [
    "FramesAsked",
    "NamedSource",
    "PhotosAsked",
    "default_out",
    "photo_options",
    "stopped_by_ctrl_c",
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
_DETECTION = (
    "detector",
    "threshold",
    "max_false_per_frame",
    "gsd_m_px",
    "modality",
    "ground_height_m",
)
"""Those of them that a detector's settings are made of."""
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


@dataclass(frozen=True, kw_only=True)
class PhotosAsked:
    """What the command line says of photographs, beyond what they say themselves.

    Attributes:
        detection: what `airbeat.detect.run.search_settings` takes.
        terrain: height models instead of flat ground.
        home: take-off place, or None.
        telemetry: flight log that completes what the photographs do not say, or None.
        camera_pitch_deg: pitch of a camera that turns with the airframe [degrees], or None.

    Raises:
        UsageError: options for the ground contradict one another.
    """

    detection: dict[str, Any]
    terrain: tuple[Path, ...]
    home: LatLon | None
    telemetry: Path | None
    camera_pitch_deg: float | None

    def __post_init__(self) -> None:
        if self.terrain and self.detection["ground_height_m"]:
            raise UsageError(
                "a height model and a height of flat ground exclude each other", remedy="give one"
            )
        if self.home is not None and not self.terrain:
            raise UsageError("--home is of use only with --terrain", remedy="give the height model too")

    def settings(self) -> SearchSettings:
        """What photographs are searched with, over flat ground.

        Raises:
            UsageError: no such detector, or a setting out of range.
        """
        from airbeat.detect.run import search_settings

        return search_settings(**self.detection)


@dataclass(frozen=True, kw_only=True)
class FramesAsked:
    """Which frames of a video are searched, and where.

    Attributes:
        sampling: the frames.
        workers: how many processes of this machine, or None.
        scheduler: address of a cluster's scheduler, or None.
    """

    sampling: VideoSampling
    workers: int | None
    scheduler: str | None

    @contextmanager
    def searched(self) -> Iterator[Searching]:
        """Where: on this machine, or on a cluster, which is called before anything is done.

        Raises:
            UsageError: both were asked for.
            LinkError: the cluster does not answer.
        """
        from airbeat.detect.run import on_this_machine

        if self.scheduler is None:
            yield on_this_machine(self.workers)
            return
        if self.workers is not None:
            raise UsageError("--workers are of this machine, --scheduler has its own", remedy="leave one out")
        from airbeat.detect.cluster import Cluster

        with Cluster(self.scheduler) as cluster:
            yield cluster


def photo_options(command: Callable[..., int]) -> Callable[..., int]:
    """Adds detector, threshold, and what photographs do not say; a command gets them as ``photos``."""

    @functools.wraps(command)
    def with_photos(
        *,
        terrain: tuple[Path, ...],
        home: LatLon | None,
        telemetry: Path | None,
        camera_pitch_deg: float | None,
        **others: Any,
    ) -> int:
        photos = PhotosAsked(
            detection={name: others.pop(name) for name in _DETECTION},
            terrain=terrain,
            home=home,
            telemetry=telemetry,
            camera_pitch_deg=camera_pitch_deg,
        )
        return command(photos=photos, **others)

    return with_options(_PHOTO_OPTIONS, with_photos)


def video_options(command: Callable[..., int]) -> Callable[..., int]:
    """Adds which frames of a video, and on how many processors; a command gets them as ``frames``."""

    @functools.wraps(command)
    def with_frames(
        *,
        video_every_s: float,
        video_overlap: float | None,
        workers: int | None,
        scheduler: str | None,
        **others: Any,
    ) -> int:
        from airbeat.frames.video import VideoSampling

        sampling = VideoSampling(every_s=video_every_s, overlap=video_overlap)
        return command(frames=FramesAsked(sampling=sampling, workers=workers, scheduler=scheduler), **others)

    return with_options(_VIDEO_OPTIONS, with_frames)


@dataclass(frozen=True, kw_only=True)
class NamedSource:
    """What the user named: a folder, a video, or the address of a stream.

    Attributes:
        text: as it was named.
        out_dir: folder of the results; frames of videos are put below it, and nothing in it is searched.
        sampling: which frames of a video.
        stopped: asked whether the search is to end.
    """

    text: str
    out_dir: Path
    sampling: VideoSampling
    stopped: Callable[[], bool]

    @property
    def path(self) -> Path:
        """A folder or a file, unless it is a stream."""
        return Path(self.text)

    @property
    def frames_dir(self) -> Path:
        """Where frames of videos are put."""
        return self.out_dir / "frames"

    @property
    def is_stream(self) -> bool:
        """Whether it is an address."""
        return "://" in self.text

    @property
    def is_video(self) -> bool:
        """Whether it is a video or a stream."""
        from airbeat.frames.folder import VIDEOS

        return self.is_stream or (self.path.suffix.lower() in VIDEOS and self.path.is_file())

    def video(self, *, lost: Callable[[str], None] | None = None) -> VideoSource:
        """A video or a stream; ``lost`` is told when a stream breaks off, which is then opened again."""
        from airbeat.frames.sources import VideoSource

        return VideoSource(
            name=self.text,
            address=self.text,
            frames_dir=self.frames_dir,
            sampling=self.sampling,
            stopped=self.stopped,
            lost=lost,
        )

    def folder(self) -> FolderSource:
        """A folder that is full."""
        from airbeat.frames.sources import FolderSource

        return FolderSource(
            name=self.text,
            folder=self.path,
            frames_dir=self.frames_dir,
            leave_out=(self.out_dir,),
            sampling=self.sampling,
        )

    def filling_folder(self, quiet_s: float) -> FollowedFolder:
        """A folder that is still filling, until nothing new has come for so long [s]."""
        from airbeat.frames.sources import FollowedFolder

        return FollowedFolder(
            name=self.text,
            folder=self.path,
            frames_dir=self.frames_dir,
            leave_out=(self.out_dir,),
            sampling=self.sampling,
            quiet_s=quiet_s,
            stopped=self.stopped,
        )


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
