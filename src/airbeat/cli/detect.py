"""``airbeat detect``: person candidates in photographs and videos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.operation import operation_option, recording
from airbeat.cli.output import console, emit_json, json_option, printable, progress_bar, table
from airbeat.cli.searching import (
    default_out,
    photo_options,
    searched_where,
    stopped_by_ctrl_c,
    terrain_makes_sense,
    video_options,
)
from airbeat.errors import UsageError
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from airbeat.detect.run import CandidateRecord, DetectionRun
    from airbeat.frames.sources import FrameSource
    from airbeat.frames.video import VideoSampling
    from airbeat.geo.coordinates import LatLon

__all__ = ["command", "detection_json", "print_detection", "write_contact_sheets"]

_SHOWN = 10
_MOST_SHEETS = 20


def detection_json(run: DetectionRun) -> dict[str, Any]:
    """What ``--json`` prints of a search through photographs."""
    return {
        "frames_searched": len(run.frames),
        "frames_taken_over": run.reused,
        "frames_not_searched": len(run.refused),
        "duplicates": len(run.duplicates),
        "files_ignored": run.ignored,
        "folders_not_read": list(run.folders),
        "boxes": run.boxes,
        "boxes_without_place": run.boxes_without_place,
        "candidates": len(run.candidates),
        "threshold": run.threshold,
        "detector": run.detector,
        "candidates_json": str(run.json_path),
        "candidates_geojson": str(run.geojson_path),
        "not_searched": [{"file": r.name, "reason": r.reason} for r in run.refused],
    }


def print_detection(run: DetectionRun, *, as_json: bool) -> None:
    """What was searched, what was not and why, and the first places to look."""
    from rich.text import Text

    out = console(as_json)
    rows = [("photographs searched", str(len(run.frames)))]
    if run.reused:
        rows.append(("of them finished before", str(run.reused)))
    rows.append(("not searched", str(len(run.refused))))
    if run.duplicates:
        rows.append(("the same as another", str(len(run.duplicates))))
    rows.append(
        (
            "candidates",
            _(
                "{candidates}, none confirmed; the photographs are not cleared",
                candidates=len(run.candidates),
            ),
        ),
    )
    table(rows, as_json=as_json)
    for refusal in run.refused:
        out.print(
            Text(
                _(
                    "not searched: {refusal}: {reason}",
                    refusal=printable(refusal.name),
                    reason=refusal.reason,
                ),
                style="yellow",
            )
        )
    if run.ignored:
        out.print(
            Text(
                _(
                    "not looked at: {ignored} files that are no photographs by their names",
                    ignored=run.ignored,
                )
            )
        )
    if run.folders:
        folders = ", ".join(printable(name) for name in run.folders[:5])
        out.print(
            Text(
                _(
                    "not looked at: {folders} folders inside: {names}",
                    folders=len(run.folders),
                    names=folders,
                ),
                style="yellow",
            )
        )
    if run.boxes_without_place:
        text = _(
            "{count} boxes have no place on the ground; each is a candidate of its own",
            count=run.boxes_without_place,
        )
        out.print(Text(text, style="yellow"))
    names = run.names
    for record in run.candidates[:_SHOWN]:
        place = _place(record) or _(
            "no position, in {frame}", frame=printable(names[record.candidate.looks[0].frame])
        )
        out.print(
            Text(
                _(
                    "{record}  {place}  score {score:.2f}  {looks}",
                    record=record.id,
                    place=place,
                    score=record.candidate.score,
                    looks=translated(_looks(record)),
                )
            )
        )
    if len(run.candidates) > _SHOWN:
        out.print(
            _(
                "… and {candidates} more in {json_path}",
                candidates=len(run.candidates) - _SHOWN,
                json_path=run.json_path,
            )
        )


def _place(record: CandidateRecord) -> str:
    from airbeat.geo.notation import decimal_degrees, mgrs_grid

    point = record.candidate.point
    if point is None:
        return ""
    return f"{decimal_degrees(point.position)}  {mgrs_grid(point.position)}  CE90 {point.ce90_m:.1f} m"


def _looks(record: CandidateRecord) -> str:
    return Message("{looks} of {all} photographs", looks=len(record.candidate.looks), all=record.covered_by)


def write_contact_sheets(run: DetectionRun) -> list[Path]:
    """Write ``contact-sheet.jpg``, ``contact-sheet-2.jpg``, … of the best candidates beside the results."""
    from airbeat.detect.results import NOTE
    from airbeat.formats.atomic import write_files
    from airbeat.geo.notation import mgrs_grid
    from airbeat.report.contact_sheet import SheetEntry, contact_sheets

    def entries() -> Iterator[SheetEntry]:
        for record in run.candidates:
            point = record.candidate.point
            place: str = Message("no position")
            if point is not None:
                place = f"{mgrs_grid(point.position)}  ± {point.ce90_m:.0f} m"
            yield SheetEntry(
                id=record.id,
                crop=record.crop,
                score=record.candidate.score,
                place=place,
                looks=Message("seen in {looks}", looks=_looks(record)),
            )

    folder = run.json_path.parent
    sheets = contact_sheets(
        entries(), title=Path(run.source).name or "search", total=len(run.candidates), note=NOTE
    )
    written: list[Path] = []
    for number, jpeg in zip(range(1, _MOST_SHEETS + 1), sheets, strict=False):
        name = "contact-sheet.jpg" if number == 1 else f"contact-sheet-{number}.jpg"
        written += write_files({folder / name: jpeg}, overwrite=True)
    for path in set(folder.glob("contact-sheet*.jpg")) - set(written):
        path.unlink(missing_ok=True)
    return written


def _print_headings(frames: FrameSource, *, as_json: bool) -> list[str]:
    """Say where a flight's headings were wrong or cannot be trusted: places follow from them."""
    from rich.text import Text

    from airbeat.detect.prepare import PreparedFrames
    from airbeat.frames.sources import FollowedFolder

    said = list(frames.headings) if isinstance(frames, PreparedFrames) else []
    for text in said:
        console(as_json).print(Text(_("heading: {words}", words=text), style="bold yellow"))
    if isinstance(frames, FollowedFolder):
        console(as_json).print(_("headings were not compared: search the folder again once it is full"))
    return said


def _source(
    text: str,
    *,
    out_dir: Path,
    follow: bool,
    quiet_s: float,
    sampling: VideoSampling,
    stopped: Callable[[], bool],
) -> FrameSource:
    """What the user named: a folder, a folder to be followed, a video, or the address of a stream."""
    from airbeat.frames.folder import VIDEOS
    from airbeat.frames.sources import FolderSource, FollowedFolder, VideoSource

    path = Path(text)
    frames_dir = out_dir / "frames"
    if "://" in text or (path.suffix.lower() in VIDEOS and path.is_file()):
        if follow:
            raise UsageError("--follow is for folders", remedy="leave it out; a stream is followed anyway")
        return VideoSource(name=text, address=text, frames_dir=frames_dir, sampling=sampling, stopped=stopped)
    if not path.is_dir():
        raise UsageError(
            Message("{text} is neither a folder nor a video", text=text),
            remedy="name a folder of photographs or videos",
        )
    if follow:
        return FollowedFolder(
            name=text,
            folder=path,
            frames_dir=frames_dir,
            leave_out=(out_dir,),
            sampling=sampling,
            quiet_s=quiet_s,
            stopped=stopped,
        )
    return FolderSource(
        name=text, folder=path, frames_dir=frames_dir, leave_out=(out_dir,), sampling=sampling
    )


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
    video_every_s: float,
    video_overlap: float | None,
    workers: int | None,
    scheduler: str | None,
    overwrite: bool,
    as_json: bool,
    terrain: tuple[Path, ...],
    home: LatLon | None,
    telemetry: Path | None,
    camera_pitch_deg: float | None,
    **options: Any,
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
    from airbeat.detect.prepare import is_whole, prepared
    from airbeat.detect.run import detect_source, search_settings
    from airbeat.frames.video import VideoSampling
    from airbeat.ops.happenings import Happening
    from airbeat.report.recorded import recorded_search
    from airbeat.report.reviewed import belongs_to

    out_dir = out_dir or default_out(source)
    terrain_makes_sense(terrain, home, options["ground_height_m"])
    sampling = VideoSampling(every_s=video_every_s, overlap=video_overlap)
    with (
        recording(operation) as recorder,
        stopped_by_ctrl_c(catch=follow or "://" in source) as stopped,
        searched_where(workers, scheduler) as searching,
    ):
        recorder.tell(Happening.SEARCH_BEGUN, source=source)
        frames = _source(
            source, out_dir=out_dir, follow=follow, quiet_s=quiet_s, sampling=sampling, stopped=stopped
        )
        settings = search_settings(**options)
        if terrain or telemetry or is_whole(frames):
            with progress_bar(_("reading metadata")) as progress:
                frames, ground = prepared(
                    frames,
                    telemetry=telemetry,
                    camera_pitch_deg=camera_pitch_deg,
                    terrain=terrain,
                    home=home,
                    progress=progress,
                )
            settings = replace(settings, terrain=ground)
        with progress_bar(_("searching photographs")) as progress:
            run = detect_source(
                frames,
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
    sheets = write_contact_sheets(run)
    print_detection(run, as_json=as_json)
    headings = _print_headings(frames, as_json=as_json)
    console(as_json).print(
        _(
            "wrote {json_path}, {geojson_path} and {sheets} contact sheets",
            json_path=run.json_path,
            geojson_path=run.geojson_path,
            sheets=len(sheets),
        )
    )
    if as_json:
        emit_json(detection_json(run) | {"contact_sheets": [str(p) for p in sheets], "headings": headings})
    return 1 if run.refused else 0
