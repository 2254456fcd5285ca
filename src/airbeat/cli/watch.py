"""``airbeat watch``: photographs and video frames are searched as they arrive."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.detected import show_results
from airbeat.cli.operation import operation_option, recording
from airbeat.cli.output import console, json_option, printable
from airbeat.cli.searching import (
    FramesAsked,
    NamedSource,
    PhotosAsked,
    default_out,
    photo_options,
    stopped_by_ctrl_c,
    video_options,
)
from airbeat.errors import AirbeatError, UsageError
from airbeat.language.words import Message, _

if TYPE_CHECKING:
    from airbeat.detect.completing import FromTelemetry
    from airbeat.detect.run import DetectionRun
    from airbeat.frames.sources import FrameSource
    from airbeat.geo.coordinates import LatLon
    from airbeat.locate.relief import TerrainGround
    from airbeat.report.recorded import SearchRecord

__all__ = ["command"]


def _source(
    named: NamedSource, *, quiet_s: float, lost: Callable[[str], None]
) -> tuple[FrameSource, Callable[[str], Path]]:
    """What is watched, and where a frame of a name lies.

    Raises:
        UsageError: it is neither a folder, nor a video, nor an address.
        FrameError: the folder cannot be read.
    """
    if named.is_video:
        video = named.video(lost=lost if named.is_stream else None)
        return video, lambda name: named.frames_dir / name
    if not named.path.is_dir():
        raise UsageError(
            Message("{text} is neither a folder nor a video nor the address of a stream", text=named.text),
            remedy="name a folder that photographs come into, a video, or rtsp://…",
        )
    folder = named.filling_folder(quiet_s)
    folder.listing()  # one that cannot be read is refused before anything is made

    def path_of(name: str) -> Path:
        of_video = named.frames_dir / name
        return of_video if of_video.is_file() else named.path / name

    return folder, path_of


def _completing(telemetry: Path | None, camera_pitch_deg: float | None) -> FromTelemetry | None:
    from airbeat.detect.completing import FromTelemetry

    if telemetry is None and camera_pitch_deg is not None:
        raise UsageError("--camera-pitch-deg needs --telemetry here", remedy="give the flight log too")
    return FromTelemetry(telemetry, camera_pitch_deg=camera_pitch_deg) if telemetry is not None else None


def _ground(terrain: tuple[Path, ...], home: LatLon | None) -> TerrainGround | None:
    from airbeat.detect.completing import ground_around

    if not terrain:
        return None
    if home is None:
        raise UsageError(
            "--terrain needs --home here: no photograph is there yet that tells where its heights begin",
            remedy="give the take-off place, --home LAT,LON",
        )
    return ground_around(terrain, home)


class _Told:
    """Says at once what is new, to people and to the operation's log."""

    def __init__(self, record: SearchRecord, *, as_json: bool) -> None:
        self._record = record
        self._out = console(as_json)
        self._known: set[str] = set()
        self._refused: set[tuple[str, str]] = set()
        self._trouble = ""

    def __call__(self, run: DetectionRun) -> None:
        from rich.text import Text

        fresh = [r for r in run.candidates if r.id not in self._known]
        for record in fresh:
            name = printable(run.names[record.candidate.looks[0].frame])
            self._out.print(Text(f"{record.id}  score {record.candidate.score:.2f}  in {name}"))
        self._known |= {r.id for r in fresh}
        for refusal in run.refused:
            if (refusal.name, refusal.reason) not in self._refused:
                self._refused.add((refusal.name, refusal.reason))
                words = _(
                    "not searched: {name}: {reason}", name=printable(refusal.name), reason=refusal.reason
                )
                self._out.print(Text(words, style="yellow"))
        try:
            self._record.so_far(run)
            self._trouble = ""
        except AirbeatError as error:  # the search goes on, and the log is told with the next result
            if str(error) != self._trouble:
                self._trouble = str(error)
                self.say(_("the operation's log is behind: {error}", error=error.told()))

    def say(self, words: str) -> None:
        """Something that people should know."""
        from rich.text import Text

        self._out.print(Text(printable(words), style="yellow"))


@click.command("watch")
@click.argument("source")
@click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for candidates.json, candidates.geojson, cut-outs, contact sheets. "
    "[default: SOURCE-candidates]",
)
@photo_options
@click.option(
    "--quiet-s",
    type=click.FloatRange(0.1, 86400),
    help="End when nothing new has come into the folder for so long [s]. [default: only with Ctrl-C]",
)
@video_options
@click.option("--overwrite", is_flag=True, help="Replace the results of another source.")
@operation_option
@json_option
def command(
    *,
    source: str,
    operation: str | None,
    out_dir: Path | None,
    quiet_s: float | None,
    photos: PhotosAsked,
    frames: FramesAsked,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Search photographs and video frames as they arrive, until Ctrl-C.

    SOURCE is a folder that photographs come into, a video, or the address of a stream (rtsp://, udp://, …).
    A file is searched once it is all there, and again when it changes. What is found is in OUT, and in the
    operation's log, at once, and stands on a desk that is open (airbeat console OUT); a candidate keeps its
    name. A stream that breaks off is opened again.

    After Ctrl-C, a crash or a power cut the same command goes on where it was. Headings are compared with one
    another only by airbeat detect, over the whole folder.

    \b
    airbeat watch card/DCIM --out candidates
    airbeat watch rtsp://192.168.42.1/live --out candidates --telemetry flight.tlog
    """
    from airbeat.detect.watching import watch_source
    from airbeat.frames.arriving import Arriving
    from airbeat.ops.happenings import Happening
    from airbeat.report.recorded import SearchRecord
    from airbeat.report.reviewed import belongs_to

    out_dir = out_dir or default_out(source)
    settings = replace(photos.settings(), terrain=_ground(photos.terrain, photos.home))
    completing = _completing(photos.telemetry, photos.camera_pitch_deg)
    with (
        recording(operation) as recorder,
        stopped_by_ctrl_c(catch=True) as stopped,
        frames.searched() as searching,
    ):
        record = SearchRecord(recorder)
        told = _Told(record, as_json=as_json)
        named = NamedSource(text=source, out_dir=out_dir, sampling=frames.sampling, stopped=stopped)
        given, path_of = _source(named, quiet_s=math.inf if quiet_s is None else quiet_s, lost=told.say)
        if operation is not None:
            out_dir.mkdir(parents=True, exist_ok=True)
            belongs_to(out_dir, operation)
        recorder.tell(Happening.SEARCH_BEGUN, source=source)
        console(as_json).print(f"watching; review with: airbeat console {out_dir}")
        run = watch_source(
            Arriving(name=source, inner=given, stopped=stopped),
            settings,
            out_dir=out_dir,
            told=told,
            path_of=path_of,
            completing=completing,
            searching=searching,
            overwrite=overwrite,
        )
        record.ended(run)
    return show_results(run, as_json=as_json)
