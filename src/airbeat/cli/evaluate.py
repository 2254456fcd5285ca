"""``airbeat evaluate``: what detectors reach on labelled photographs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.output import console, emit_json, json_option, printable, progress_bar
from airbeat.cli.picture import check_picture_path
from airbeat.errors import UsageError
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airbeat.detect.cocofile import CocoSet
    from airbeat.detect.evaluate import Evaluation, Figures
    from airbeat.detect.scoring import Interval

__all__ = ["command"]


def _said(interval: Interval) -> str:
    if math.isnan(interval.value):
        return "–"
    return f"{interval.value:.2f} ({interval.low:.2f}–{interval.high:.2f})"


def _plain(value: float, digits: int = 2) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _rows(figures: Sequence[Figures]) -> list[tuple[str, list[str]]]:
    """Every figure's name with its text for each detector."""
    rows = [
        (
            _("recall at {rate:g} false alarms per image", rate=rate),
            [_said(f.recall_at[rate]) for f in figures],
        )
        for rate in figures[0].recall_at
    ]
    return [
        ("images / persons", [f"{f.images} / {f.persons}" for f in figures]),
        *rows,
        ("average precision", [_said(f.average_precision) for f in figures]),
        ("five best boxes hold all", [_said(f.five_best_hold_all) for f in figures]),
        ("ten best boxes hold all", [_said(f.ten_best_hold_all) for f in figures]),
        ("default threshold", [_plain(f.threshold, 3) for f in figures]),
        ("  recall there", [_said(f.recall) for f in figures]),
        ("  precision there", [_said(f.precision) for f in figures]),
        ("  false alarms per image", [_said(f.false_per_image) for f in figures]),
        ("calibration error", [_plain(f.calibration_error, 3) for f in figures]),
        ("CPU ms per megapixel", [_plain(f.ms_per_megapixel, 0) for f in figures]),
        ("peak memory [MB]", [_plain(f.peak_memory_mb, 0) for f in figures]),
    ]


def _print(evaluations: Sequence[Evaluation], figures: Sequence[Figures], *, as_json: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from airbeat.detect.scoring import Pool

    out = console(as_json)
    grid = Table(box=None, pad_edge=False)
    grid.add_column("", no_wrap=True)
    for f in figures:
        grid.add_column(Text(f.detector))
    for name, values in _rows(figures):
        grid.add_row(Text(name), *(Text(v) for v in values))
    out.print(grid)
    out.print(Text(_("recall at the default threshold by pixels on target (longest edge of the person):")))
    sizes = Table(box=None, pad_edge=False)
    sizes.add_column("", no_wrap=True)
    bins = [
        {(b.from_px, b.to_px): b for b in Pool(e.images).recall_by_pixels(f.threshold)}
        for e, f in zip(evaluations, figures, strict=True)
    ]
    for f in figures:
        sizes.add_column(Text(f.detector))
    for low, high in sorted(set().union(*bins)):
        limits = f"{low:g} px and more" if math.isinf(high) else f"{low:g} to {high:g} px"
        found = [b.get((low, high)) for b in bins]
        cells = [f"{b.found} of {b.persons}, {_said(b.recall)}" if b else "–" for b in found]
        sizes.add_row(Text(limits), *(Text(c) for c in cells))
    out.print(sizes)
    for name, reason in sorted({r for e in evaluations for r in e.refused}):
        out.print(
            Text(
                _("not searched: {name}: {reason}", name=printable(name), reason=translated(reason)),
                style="yellow",
            )
        )


def _as_json(
    labelled: CocoSet, evaluations: Sequence[Evaluation], figures: Sequence[Figures]
) -> dict[str, Any]:
    from airbeat.detect.curve import bin_json, interval_json
    from airbeat.detect.scoring import Pool

    def of(evaluation: Evaluation, f: Figures) -> dict[str, Any]:
        bins = Pool(evaluation.images).recall_by_pixels(f.threshold)
        return {
            "detector": f.detector,
            "images": f.images,
            "persons": f.persons,
            "recall_at_false_per_image": {f"{r:g}": interval_json(v) for r, v in f.recall_at.items()},
            "average_precision": interval_json(f.average_precision),
            "five_best_hold_all": interval_json(f.five_best_hold_all),
            "ten_best_hold_all": interval_json(f.ten_best_hold_all),
            "threshold": f.threshold,
            "recall": interval_json(f.recall),
            "precision": interval_json(f.precision),
            "false_per_image": interval_json(f.false_per_image),
            "calibration_error": f.calibration_error,
            "recall_by_pixels": [bin_json(b) for b in bins],
            "cpu_ms_per_megapixel": f.ms_per_megapixel,
            "wall_ms_per_megapixel": f.wall_ms_per_megapixel,
            "peak_memory_mb": f.peak_memory_mb,
            "not_searched": [{"file": name, "reason": reason} for name, reason in evaluation.refused],
        }

    return {
        "schema": "airbeat/evaluation/1",
        "labels_sha256": labelled.sha256,
        "images": len(labelled.images),
        "persons": labelled.persons,
        "detectors": [of(e, f) for e, f in zip(evaluations, figures, strict=True)],
    }


@click.command("evaluate")
@click.option(
    "--coco",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="COCO file with boxes of persons; iscrowd 1 marks regions to ignore.",
)
@click.option(
    "--images",
    "images_dir",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of its photographs.",
)
@click.option(
    "--detector",
    "detectors",
    multiple=True,
    default=("auto",),
    show_default=True,
    help="auto, network, anomaly, thermal, motion, exercise or external:FILE.onnx; again to compare.",
)
@click.option("--gsd-m-px", type=float, help="GSD of every photograph, instead of what is stored [m/px].")
@click.option("--modality", type=click.Choice(["rgb", "thermal"]), help="Of every photograph.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the intervals' draws.")
@click.option(
    "--curve",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write recall by pixels on target as JSON, of one detector.",
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw recall by pixels on target as a PNG file.",
)
@click.option("--overwrite", is_flag=True, help="Replace --curve and --picture.")
@json_option
def command(
    *,
    coco: Path,
    images_dir: Path,
    detectors: tuple[str, ...],
    gsd_m_px: float | None,
    modality: str | None,
    seed: int,
    curve: Path | None,
    picture: Path | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Measure detectors on labelled photographs: recall, false alarms, precision, time and memory.

    A box is right if its middle lies in a person's box grown by a quarter, at least 4 px, or if they overlap
    by 0.3 (intersection over union). Intervals are 95 %, by drawing images anew. The exit code is 1 if a
    photograph could not be searched.

    \b
    airbeat evaluate --coco annotations.json --images photos --detector auto --detector anomaly
    """
    from airbeat.detect.cocofile import read_coco
    from airbeat.detect.evaluate import evaluate, figures

    if curve is not None and len(detectors) != 1:
        raise UsageError("--curve holds the curve of one detector", remedy="name one detector")
    check_picture_path(picture, overwrite=overwrite)
    if curve is not None and (curve.exists() or curve.is_symlink()) and not overwrite:
        raise UsageError(
            Message("{path} exists already", path=curve), remedy="choose another name, or say --overwrite"
        )
    labelled = read_coco(coco, images_dir)
    with progress_bar(_("searching photographs")) as progress:
        evaluations = evaluate(
            labelled,
            detectors,
            gsd_m_px=gsd_m_px,
            modality=modality,
            progress=lambda done, of: progress(done / max(of, 1)),
        )
    told = [figures(e, seed=seed) for e in evaluations]
    _print(evaluations, told, as_json=as_json)
    _write(labelled, evaluations, modality=modality, curve=curve, picture=picture, overwrite=overwrite)
    for path in (p for p in (curve, picture) if p is not None):
        console(as_json).print(_("wrote {path}", path=path))
    if as_json:
        emit_json(_as_json(labelled, evaluations, told))
    return 1 if any(e.refused for e in evaluations) else 0


def _write(
    labelled: CocoSet,
    evaluations: Sequence[Evaluation],
    *,
    modality: str | None,
    curve: Path | None,
    picture: Path | None,
    overwrite: bool,
) -> None:
    """The files that were asked for, all or none."""
    from airbeat.detect.curve import curve_json
    from airbeat.detect.scoring import Pool
    from airbeat.formats.atomic import write_files
    from airbeat.report.curve_picture import CurveLine, draw_curves

    contents: dict[Path, str | bytes] = {}
    if curve is not None:
        document = curve_json(evaluations[0], coco_sha256=labelled.sha256, modality=modality)
        contents[curve] = json.dumps(document, indent=2, allow_nan=False) + "\n"
    if picture is not None:
        title = f"Recall by pixels on target, {len(labelled.images)} images, {labelled.persons} persons"
        lines = [
            CurveLine(
                label=_(
                    "{detector}, score at least {threshold:.2f}", detector=e.detector, threshold=e.threshold
                ),
                bins=Pool(e.images).recall_by_pixels(e.threshold),
            )
            for e in evaluations
        ]
        contents[picture] = draw_curves(title, lines)
    if contents:
        write_files(contents, overwrite=overwrite)
