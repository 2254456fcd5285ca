"""``airbeat detect``: person candidates in photographs and videos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.detected import show_results
from airbeat.cli.operation import operation_option, recording
from airbeat.cli.output import json_option, progress_bar
from airbeat.cli.searching import (
    FramesAsked,
    NamedSource,
    PhotosAsked,
    default_out,
    photo_options,
    stopped_by_ctrl_c,
    video_options,
)
from airbeat.errors import UsageError
from airbeat.language.words import Message, _

if TYPE_CHECKING:
    from airbeat.detect.search import SearchSettings
    from airbeat.frames.sources import FrameSource

__all__ = ["command"]


def _source(named: NamedSource, *, follow: bool, quiet_s: float) -> FrameSource:
    """A folder, a folder to be followed, a video, or a stream.

    Raises:
        UsageError: it is none of them, or --follow does not go with it.
    """
    if named.is_video:
        if follow:
            raise UsageError("--follow is for folders", remedy="leave it out; a stream is followed anyway")
        return named.video()
    if not named.path.is_dir():
        raise UsageError(
            Message("{text} is neither a folder nor a video", text=named.text),
            remedy="name a folder of photographs or videos",
        )
    return named.filling_folder(quiet_s) if follow else named.folder()


def _completed(
    frames: FrameSource, photos: PhotosAsked, settings: SearchSettings
) -> tuple[FrameSource, SearchSettings]:
    """Frames with what telemetry, terrain and the comparison of their headings say of them.

    Raises:
        UsageError: the source has no end that could be waited for.
        InputFileError: the log or a height model cannot be used.
    """
    from airbeat.detect.prepare import is_whole, prepared

    pitch_deg = photos.camera_pitch_deg
    if not (photos.terrain or photos.telemetry or pitch_deg is not None or is_whole(frames)):
        return frames, settings
    with progress_bar(_("reading metadata")) as progress:
        ready, ground = prepared(
            frames,
            telemetry=photos.telemetry,
            camera_pitch_deg=pitch_deg,
            terrain=photos.terrain,
            home=photos.home,
            progress=progress,
        )
    return ready, replace(settings, terrain=ground)


@click.command("detect")
@click.argument("source")
@click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for candidates.json, candidates.geojson, cut-outs, contact sheets. "
    "[default: SOURCE-candidates]",
)
@photo_options
@click.option("--follow", is_flag=True, help="The folder is still filling: wait for more, until it is quiet.")
@click.option(
    "--quiet-s",
    type=click.FloatRange(0.1, 86400),
    default=60.0,
    show_default=True,
    help="With --follow: the end is when nothing new has come for so long [s].",
)
@video_options
@click.option("--overwrite", is_flag=True, help="Replace the results of an earlier run.")
@operation_option
@json_option
def command(
    *,
    source: str,
    operation: str | None,
    out_dir: Path | None,
    follow: bool,
    quiet_s: float,
    photos: PhotosAsked,
    frames: FramesAsked,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Find person candidates in photographs and videos and say where they are on the ground.

    SOURCE is a folder (those below it are searched too), a video, or the address of a stream. Position,
    height and gimbal come from each photograph's own EXIF/XMP. A file that cannot be searched is listed with
    the reason, and the exit code is then 1.

    What is finished is kept in the output folder: the same command, started again after whatever end, goes
    on where it was.

    \b
    airbeat detect card/DCIM --out candidates
    airbeat detect card/DCIM --out candidates --follow --quiet-s 300
    """
    from airbeat.detect.run import detect_source
    from airbeat.ops.happenings import Happening
    from airbeat.report.recorded import recorded_search
    from airbeat.report.reviewed import belongs_to

    out_dir = out_dir or default_out(source)
    with (
        recording(operation) as recorder,
        stopped_by_ctrl_c(catch=follow or "://" in source) as stopped,
        frames.searched() as searching,
    ):
        recorder.tell(Happening.SEARCH_BEGUN, source=source)
        named = NamedSource(text=source, out_dir=out_dir, sampling=frames.sampling, stopped=stopped)
        given = _source(named, follow=follow, quiet_s=quiet_s)
        given, settings = _completed(given, photos, photos.settings())
        with progress_bar(_("searching photographs")) as progress:
            run = detect_source(
                given,
                settings,
                out_dir=out_dir,
                searching=searching,
                progress=lambda done, total: progress(
                    done / max(total, 1), label=_("searched {done}", done=done)
                ),
                overwrite=overwrite,
            )
        recorded_search(recorder, run)
    if operation is not None:
        belongs_to(out_dir, operation)
    return show_results(run, as_json=as_json, compared=given)
