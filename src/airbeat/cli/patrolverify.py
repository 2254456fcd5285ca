"""``airbeat patrol verify``: whether a proof of patrol still holds."""

from __future__ import annotations

from pathlib import Path

import click

from airbeat.cli.output import console, emit_json, json_option, printable
from airbeat.cli.patrolprove import CHAIN, flight_option, frames_option, given_proof
from airbeat.errors import UsageError
from airbeat.language.words import _

__all__ = ["command"]


@click.command("verify")
@click.argument("proof", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--beat", "beat_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The beat file."
)
@flight_option
@frames_option
@click.option(
    "--log",
    "log_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"The log that it was sealed in. [default: {CHAIN} beside PROOF]",
)
@json_option
def command(
    *,
    proof: Path,
    beat_file: Path | None,
    flights: tuple[str, ...],
    frames: tuple[Path, ...],
    log_file: Path | None,
    as_json: bool,
) -> int:
    """Say whether PROOF still holds: its chain, and with --flight its files and its judgement too.

    One altered byte, one missing photograph or one shifted clock is told with the file's name. Without
    --flight only the chain and the document are looked at. Exit code 1 when something is wrong.

    \b
    airbeat patrol verify proofs/2026-09-07-school-runs.json --beat missions/beats/school-runs.yaml \\
        --flight flight --frames photos
    """
    from datetime import date as day_of
    from zoneinfo import ZoneInfo

    from rich.text import Text

    from airbeat.flight.proof import read_proof, verify_proof
    from airbeat.mission.beatloader import load_beat

    document = read_proof(proof)
    if flights and document["beat"] is not None and beat_file is None:
        raise UsageError("the proof is of a beat", remedy="give its file: --beat FILE")
    problems: list[str] = []
    given = None
    if flights:
        from airbeat.errors import InputFileError

        try:
            given = given_proof(
                load_beat(beat_file) if beat_file else None,
                day=day_of.fromisoformat(document["day"]),
                zone=ZoneInfo(document["time_zone"]),
                duty=document["duty"],
                flights=flights,
                frames=frames,
                ground_height_m=document["ground_height_m"],
            )
        except InputFileError as error:
            problems.append(str(error))
    problems += verify_proof(document, log_file or proof.parent / CHAIN, given)
    out = console(as_json)
    for problem in problems:
        out.print(Text(_("broken: {problem}", problem=printable(problem)), style="bold red"))
    checked = (
        "chain, files and judgement" if given else "chain and document only; give --flight to compare files"
    )
    if not problems:
        out.print(Text(_("{proof} holds ({checked})", proof=proof.name, checked=checked), style="green"))
    if as_json:
        emit_json({"proof": str(proof), "holds": not problems, "checked": checked, "problems": problems})
    return 1 if problems else 0
