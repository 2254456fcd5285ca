"""``airbeat patrol prove``: what of a beat was seen on a day, sealed in a hash-chained log."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.operation import user_name
from airbeat.cli.output import ANOTHER_FOLDER, console, emit_json, json_option, refuse_to_replace
from airbeat.errors import UsageError
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from airbeat.flight.flightlog import FlightLog
    from airbeat.flight.proof import ProofGiven
    from airbeat.mission.beat import Beat

__all__ = ["CHAIN", "command", "flight_option", "frames_option", "given_proof"]

_DUTIES = ("patrol", "case", "rescue", "event")
CHAIN = "patrol-log.sqlite"

flight_option = click.option(
    "--flight",
    "flights",
    multiple=True,
    metavar="[DRONE=]PATH",
    help="A folder that `airbeat fly --out` wrote, a flight record, a .tlog or an ArduPilot .bin, and whose "
    "flight it is; may be given several times.",
)
frames_option = click.option(
    "--frames",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of the flights' photographs; may be given several times. Without one the exposures that "
    "the logs tell of count.",
)


def _logs(flights: tuple[str, ...]) -> list[FlightLog]:
    from airbeat.flight.flightlog import log_files, read_flight_log

    logs = []
    for text in flights:
        drone, path = "", Path(text)
        if not path.exists() and "=" in text:
            drone, _equals, rest = text.partition("=")
            path = Path(rest)
        if not path.exists():
            raise UsageError(
                Message("--flight {text}: {path} is not there", text=text, path=path),
                remedy="give a folder or a log",
            )
        logs += [read_flight_log(files, drone=drone) for files in log_files(path)]
    if not logs:
        raise UsageError("no flight was given", remedy="say --flight PATH")
    return logs


def given_proof(
    beat: Beat | None,
    *,
    day: date | None,
    zone: ZoneInfo,
    duty: str,
    flights: tuple[str, ...],
    frames: tuple[Path, ...],
    ground_height_m: float,
) -> ProofGiven:
    from datetime import datetime

    from airbeat.flight.patrolled import read_frames
    from airbeat.flight.proof import ProofGiven
    from airbeat.patrol.month import DutyKind

    logs = _logs(flights)
    taken, notes = read_frames(frames, time_zone=zone)
    first_s = min(log.span_utc_s[0] for log in logs)
    return ProofGiven(
        beat=beat,
        day=day or datetime.fromtimestamp(first_s, zone).date(),
        zone=zone,
        duty=DutyKind(duty),
        logs=logs,
        frames=taken if frames else None,
        ground_height_m=ground_height_m,
        notes=tuple(notes),
    )


def _zone(beat: Beat | None, name: str | None) -> ZoneInfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if beat is not None:
        if name is not None and name != beat.time_zone.key:
            raise UsageError(
                Message("the beat's time zone is {time_zone}", time_zone=beat.time_zone.key),
                remedy="leave --time-zone out",
            )
        return beat.time_zone
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(Message("no time zone {name!r}", name=name), remedy="e.g. Europe/Berlin") from None


def _print_rows(document: dict[str, Any], *, as_json: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console(as_json)
    beat = document["beat"]["name"] if document["beat"] else "no beat"
    hours = sum(f["duration_s"] for f in document["flights"]) / 60
    out.print(
        Text(
            _(
                "{beat}, {day} ({time_zone}), {duty}: {flights} flights, {hours:.0f} min, {frames} "
                "photographs",
                beat=beat,
                day=document["day"],
                time_zone=document["time_zone"],
                duty=document["duty"],
                flights=len(document["flights"]),
                hours=hours,
                frames=len(document["frames"]),
            )
        )
    )
    if document["visits"]:
        grid = Table(box=None, pad_edge=False)
        for title in ("visit", "hours", "", "why"):
            grid.add_column(title, style="dim" if title == "hours" else None)
        for row in document["visits"]:
            mark = Text(_("seen"), style="green") if row["seen"] else Text(_("missed"), style="bold red")
            hours_text = f"{row['begin'][11:16]}-{row['end'][11:16]}"
            why = "" if row["seen"] else row["why"]
            seen_at = ", ".join(a[11:19] for a, _ in row["at"])
            grid.add_row(Text(row["visit"]), Text(hours_text), mark, Text(why or f"at {seen_at}"))
        out.print(grid)
        out.print(
            Text(
                _("{seen} of {required} visits seen", seen=document["seen"], required=document["required"]),
                style="bold",
            )
        )
    for note in document["notes"]:
        out.print(Text(_("note: {note}", note=translated(note)), style="dim"))


@click.command("prove")
@click.argument("beat_file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@flight_option
@frames_option
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), help="Local day. [default: that of the first flight]"
)
@click.option(
    "--duty",
    type=click.Choice(_DUTIES),
    default="patrol",
    show_default=True,
    help="What the flights were for; other duties than patrol need no BEAT_FILE.",
)
@click.option("--time-zone", help="Of the day where there is no beat. [default: the beat's, else UTC]")
@click.option(
    "--ground-height-m", type=float, default=0.0, help="Height of the ground above the launch site [m]."
)
@click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("proofs"),
    show_default=True,
    help=f"Folder for the proof and for the hash-chained log that it is sealed in ({CHAIN}).",
)
@click.option("--by", help="Who proves. [default: the user's name on this machine]")
@click.option("--overwrite", is_flag=True, help="Replace a document of the same name; the log keeps both.")
@json_option
def command(
    *,
    beat_file: Path | None,
    flights: tuple[str, ...],
    frames: tuple[Path, ...],
    day: Any,
    duty: str,
    time_zone: str | None,
    ground_height_m: float,
    out_dir: Path,
    by: str | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Say of each visit that BEAT_FILE asks for on a day whether it was seen or missed, and why.

    Seen means: inside the picture, at the GSD, for the dwell and in the hours that the beat asks for, by the
    flights' logs and photographs. A photograph of the logs that is missing, or a camera's clock that is off,
    is refused. The proof is sealed in a hash-chained log. Exit code 1 when a visit was missed.

    \b
    airbeat patrol prove missions/beats/school-runs.yaml --flight flight --frames photos
    """
    from airbeat.flight.proof import proof_document, seal_proof
    from airbeat.mission.beatloader import load_beat

    if beat_file is None and duty == "patrol":
        raise UsageError(
            "a patrol is proven against its beat", remedy="give the beat file, or another --duty"
        )
    beat = load_beat(beat_file) if beat_file else None
    given = given_proof(
        beat,
        day=day.date() if day else None,
        zone=_zone(beat, time_zone),
        duty=duty,
        flights=flights,
        frames=frames,
        ground_height_m=ground_height_m,
    )
    stem = beat_file.stem if beat_file else duty
    path = out_dir / f"{given.day.isoformat()}-{stem}.json"
    refuse_to_replace(path, overwrite=overwrite, remedy=ANOTHER_FOLDER)
    document = proof_document(given)
    sealed = seal_proof(document, out_dir / CHAIN, path, actor=by or user_name(), overwrite=overwrite)
    _print_rows(sealed, as_json=as_json)
    seal = sealed["seal"]
    out = console(as_json)
    out.print(
        _(
            "wrote {path}, sealed as event {event} of {out_dir}",
            path=path,
            event=seal["event"],
            out_dir=out_dir / CHAIN,
        )
    )
    out.print(_("its hash, to be kept elsewhere too: {sha256}", sha256=seal["sha256"]))
    if as_json:
        emit_json(sealed | {"file": str(path)})
    return 0 if document["seen"] == document["required"] else 1
