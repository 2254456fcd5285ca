"""``airbeat patrol watch``: persons in named zones over time, with five alert colours."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.output import console, emit_json, json_option, printable
from airbeat.errors import FrameError, UsageError
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from airbeat.flight.crowds import CrowdMonitor, FrameCount
    from airbeat.frames.meta import FrameMeta
    from airbeat.mission.beat import Beat

__all__ = ["command"]

_LOG = "crowd-log.sqlite"
_STYLES = {"green": "green", "blue": "blue", "yellow": "yellow", "orange": "dark_orange", "red": "bold red"}
_COLUMNS = "time,frame,zone,persons,low,high,shown_m2,shown_share,persons_per_m2,mean_value,colour"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _frames(folder: Path, *, follow_s: float | None) -> Iterator[FrameMeta]:
    """A folder's photographs by their times, or as they come; unreadable ones are told and passed over."""
    from airbeat.frames.folder import scan_folder
    from airbeat.frames.reader import read_frame_meta
    from airbeat.frames.sources import FollowedFolder

    if follow_s is None:
        scan = scan_folder(folder)
        for path, reason in scan.refused:
            click.echo(
                _("airbeat: {path}: {reason}", path=printable(path.name), reason=translated(reason)), err=True
            )
        yield from sorted(scan.frames, key=lambda m: (m.time_utc is None, m.time_utc, m.path.name))
        return
    source = FollowedFolder(name=str(folder), folder=folder, frames_dir=folder / "frames", quiet_s=follow_s)
    for frame in source:
        if frame is None:
            continue
        try:
            yield read_frame_meta(frame.path)
        except FrameError as error:
            click.echo(
                _("airbeat: {frame}: {message}", frame=printable(frame.name), message=error.message), err=True
            )


def _row(count: FrameCount, monitor: CrowdMonitor) -> list[dict[str, Any]]:
    return [
        {
            "time": r.time_utc.isoformat(timespec="milliseconds"),
            "frame": r.frame,
            "zone": r.zone,
            "persons": round(r.persons, 1),
            "low": round(r.low, 1),
            "high": round(r.high, 1),
            "shown_m2": round(r.shown_m2, 1),
            "shown_share": round(r.shown_share, 3),
            "persons_per_m2": round(r.density_m2, 4),
            "mean_value": round(monitor.watches[r.zone].mean_value, 4),
            "colour": monitor.watches[r.zone].colour.word,
        }
        for r in count.readings
    ]


def _tell(count: FrameCount, *, as_json: bool) -> None:
    from rich.text import Text

    out = console(as_json)
    for change in count.changes:
        words = (
            f"{change.time_utc:%H:%M:%S} UTC  {change.zone}: {change.what} to {change.colour.word} "
            f"(was {change.before.word}; {change.value:.2f} measured, {change.reading.persons:.0f} persons "
            f"[{change.reading.low:.0f} to {change.reading.high:.0f}] in {change.reading.frame})"
        )
        out.print(Text(words, style=_STYLES[change.colour.word]))
    if count.why_not:
        out.print(
            Text(
                _("not read: {frame}: {why_not}", frame=printable(count.frame), why_not=count.why_not),
                style="dim",
            )
        )


def _keep_frame(meta: FrameMeta, folder: Path) -> None:
    """A copy of an alert's frame, named by its hash so that it is found from the event."""
    from airbeat.formats.atomic import write_files

    path = folder / f"{meta.sha256[:16]}{meta.path.suffix.lower()}"
    if not path.exists():
        write_files({path: meta.path.read_bytes()})


def _monitor(beat: Beat, *, ground_height_m: float, gsd_m_px: float | None) -> CrowdMonitor:
    from airbeat.detect.crowd import CrowdCounter
    from airbeat.flight.crowds import CrowdMonitor

    monitor = CrowdMonitor(beat, CrowdCounter(), ground_height_m=ground_height_m, gsd_m_px=gsd_m_px)
    if not monitor.zones:
        raise UsageError(
            "no crowd zone of this beat is watched", remedy="give one a watch: block with its thresholds"
        )
    return monitor


@click.command("watch")
@click.argument("beat_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--frames",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of photographs.",
)
@click.option(
    "--follow",
    "follow_s",
    metavar="SECONDS",
    type=click.FloatRange(1, 86_400),
    help="Take photographs as they come, until none came for so long [s].",
)
@click.option("--ground-height-m", type=float, default=0.0, help="Height of the ground above the pad [m].")
@click.option(
    "--gsd-m-px", type=click.FloatRange(0.001, 1.0), help="Instead of what the photographs say [m/px]."
)
@click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("crowds"),
    show_default=True,
    help=f"Folder for readings.csv, the alerts' frames and the hash-chained log ({_LOG}).",
)
@click.option("--overwrite", is_flag=True, help="Replace readings that are there already; the log keeps all.")
@json_option
def command(
    *,
    beat_file: Path,
    frames: Path,
    follow_s: float | None,
    ground_height_m: float,
    gsd_m_px: float | None,
    out_dir: Path,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Count the persons in BEAT_FILE's crowd zones frame by frame, and raise alerts that last.

    Persons are the calibrated expectation of the shipped networks with a 95 % interval, not a count of heads;
    src/airbeat/docs/crowds.md says how wrong it was on real frames. Each alert that is raised, escalates or
    is lowered is an event of the log, with its frame. Exit code 1 when an alert was raised.

    \b
    airbeat patrol watch missions/beats/market-square.yaml --frames photos
    """
    from airbeat.flight.crowds import ALERT, alert_payload
    from airbeat.formats.atomic import write_files
    from airbeat.mission.beatloader import load_beat
    from airbeat.ops.log import OperationsLog

    beat = load_beat(beat_file)
    monitor = _monitor(beat, ground_height_m=ground_height_m, gsd_m_px=gsd_m_px)
    table = out_dir / "readings.csv"
    if table.exists() and not overwrite:
        raise UsageError(
            Message("{path} exists already", path=table), remedy="choose another folder, or say --overwrite"
        )
    rows: list[dict[str, Any]] = []
    alerts: list[dict[str, Any]] = []
    seen = unread = 0
    with OperationsLog(out_dir / _LOG) as log:
        log.verify()
        for meta in _frames(frames, follow_s=follow_s):
            count = monitor.take(meta, meta.time_utc)
            seen += 1
            unread += bool(count.why_not)
            rows += _row(count, monitor)
            for change in count.changes:
                _keep_frame(meta, out_dir / "frames")
                payload = alert_payload(change, beat)
                event = log.append(ALERT, payload, actor=_user())
                alerts.append(payload | {"event": event.number, "sha256": event.sha256})
            _tell(count, as_json=as_json)
    lines = [_COLUMNS, *(",".join(_quoted(v) for v in row.values()) for row in rows)]
    write_files({table: "\n".join(lines) + "\n"}, overwrite=True)
    colours = {name: watch.colour.word for name, watch in monitor.watches.items()}
    out = console(as_json)
    out.print(
        _(
            "{seen} frames, {unread} not read, {rows} readings, {alerts} changes of alerts",
            seen=seen,
            unread=unread,
            rows=len(rows),
            alerts=len(alerts),
        )
    )
    out.print("now: " + ", ".join(f"{name} {colour}" for name, colour in colours.items()))
    out.print(_("wrote {table} and {out_dir}", table=table, out_dir=out_dir / _LOG))
    if as_json:
        emit_json({"frames": seen, "not_read": unread, "zones": colours, "readings": rows, "alerts": alerts})
    return 1 if any(a["what"] != "lowered" for a in alerts) else 0


def _quoted(value: Any) -> str:
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n') else text
