"""``airbeat detect``: person candidates in a folder of photographs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.output import console, emit_json, json_option, printable, progress_bar, table

if TYPE_CHECKING:
    from airbeat.detect.run import DetectionRun

__all__ = ["command", "detection_json", "print_detection"]


def detection_json(run: DetectionRun) -> dict[str, Any]:
    """What ``--json`` prints of a search through photographs."""
    return {
        "frames_searched": len(run.frames),
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
        "not_searched": [{"file": r.path.name, "reason": r.reason} for r in run.refused],
    }


def print_detection(run: DetectionRun, *, as_json: bool) -> None:
    """What was searched, what was not and why, and the first places to look."""
    from rich.text import Text

    from airbeat.geo.notation import decimal_degrees, mgrs_grid

    out = console(as_json)
    table(
        [
            ("photographs searched", str(len(run.frames))),
            ("not searched", str(len(run.refused))),
            ("candidates", f"{len(run.candidates)}, none confirmed; the photographs are not cleared"),
        ],
        as_json=as_json,
    )
    for refusal in run.refused:
        out.print(Text(f"not searched: {printable(refusal.path.name)}: {refusal.reason}", style="yellow"))
    if run.ignored:
        out.print(Text(f"not looked at: {run.ignored} files that are no photographs by their names"))
    if run.folders:
        names = ", ".join(printable(name) for name in run.folders[:5])
        out.print(Text(f"not looked at: {len(run.folders)} folders inside: {names}", style="yellow"))
    for frame in run.frames:
        if missing := sum(point is None for point in frame.points):
            name = printable(frame.meta.path.name)
            out.print(Text(f"seen without a place: {name}: {missing} boxes, in no candidate", style="yellow"))
    for record in run.candidates[:10]:
        point = record.candidate.point
        looks = f"{len(record.candidate.looks)} of {record.covered_by} photographs"
        out.print(
            Text(
                f"{record.id}  {decimal_degrees(point.position)}  {mgrs_grid(point.position)}  "
                f"CE90 {point.ce90_m:.1f} m  score {record.candidate.score:.2f}  {looks}"
            )
        )
    if len(run.candidates) > 10:
        out.print(f"… and {len(run.candidates) - 10} more in {run.json_path}")


@click.command("detect")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for candidates.json, candidates.geojson and cut-outs. [default: FOLDER-candidates]",
)
@click.option("--threshold", type=float, help="Leave out boxes that score less (0 to 1).")
@click.option(
    "--max-false-per-frame",
    type=float,
    help="Choose the threshold from the detector's measured curve instead.",
)
@click.option("--gsd-cm-px", type=float, help="GSD by hand, where the photographs do not say it [cm/px].")
@click.option(
    "--ground-height-m",
    type=float,
    default=0.0,
    show_default=True,
    help="Height of the ground above the take-off place; flat ground is assumed [m].",
)
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes.")
@click.option("--overwrite", is_flag=True, help="Replace the results of an earlier run.")
@json_option
def command(
    *,
    folder: Path,
    out_dir: Path | None,
    threshold: float | None,
    max_false_per_frame: float | None,
    gsd_cm_px: float | None,
    ground_height_m: float,
    workers: int,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Find person candidates in the photographs of FOLDER and say where they are on the ground.

    Position, height and gimbal come from each photograph's own EXIF/XMP. A photograph that cannot be
    searched is listed with the reason, and the exit code is then 1. Folders below FOLDER are not read.

    \b
    airbeat detect card/DCIM/100MEDIA --out candidates
    """
    from airbeat.detect.run import detect_folder

    with progress_bar("searching photographs") as progress:
        run = detect_folder(
            folder,
            out_dir=out_dir or folder.with_name(folder.name + "-candidates"),
            threshold=threshold,
            max_false_per_frame=max_false_per_frame,
            gsd_m_px=None if gsd_cm_px is None else gsd_cm_px / 100,
            ground_height_m=ground_height_m,
            workers=workers,
            progress=lambda done, total: progress(done / max(total, 1)),
            overwrite=overwrite,
        )
    print_detection(run, as_json=as_json)
    console(as_json).print(f"wrote {run.json_path} and {run.geojson_path}")
    if as_json:
        emit_json(detection_json(run))
    return 1 if run.refused else 0
