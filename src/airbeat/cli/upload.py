"""``airbeat upload``: fence, rally points and mission onto a vehicle, each read back and compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.connecting import Address, connect_options, reach
from airbeat.cli.operation import operation_option, recording
from airbeat.cli.output import ProgressCallback, console, emit_json, json_option, progress_bar
from airbeat.cli.plan import findings_json
from airbeat.cli.plans import load_plan
from airbeat.cli.vet import vet
from airbeat.language.words import Message, _, translated
from airbeat.ops.recorder import files_of

if TYPE_CHECKING:
    from airbeat.flight.upload import UploadProgress, UploadVerdict

__all__ = ["command", "print_verdict", "steps"]


def steps(progress: ProgressCallback) -> UploadProgress:
    """A transfer's progress as the share done of a progress bar."""

    def report(what: str, done: int, total: int) -> None:
        progress(done / max(total, 1), label=_("uploading {what}", what=_(what)))

    return report


def print_verdict(verdict: UploadVerdict, *, as_json: bool) -> None:
    """One line for each type: verified, refused or unknown, and what is on the vehicle now."""
    from rich.text import Text

    out = console(as_json)
    for name, transfer in (
        (_("fence"), verdict.fence),
        (_("rally points"), verdict.rally),
        (_("mission"), verdict.mission),
    ):
        if transfer is None:
            continue
        good = transfer.outcome.value == "verified"
        text = f"{name}: {_(transfer.outcome.value)}: {translated(transfer.message)}"
        if not good:
            text += _("; on the vehicle: {what}", what=translated(transfer.on_vehicle))
            text += f" ({translated(transfer.remedy)})" if transfer.remedy else ""
        out.print(Text(text, style="green" if good else "bold red"))
    for note in verdict.notes:
        out.print(Text(_("note: {note}", note=translated(note)), style="yellow"))


@click.command("upload")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@connect_options
@click.option("--while-flying", is_flag=True, help="Also while the vehicle flies AUTO: BRAKE first.")
@click.option(
    "--via",
    type=click.Choice(["auto", "item", "ftp"]),
    default="auto",
    show_default=True,
    help="Transfer by MAVFTP where the autopilot offers it and else item by item, or force one.",
)
@click.option("--despite-findings", is_flag=True, help="Upload even a plan in which the checks found errors.")
@operation_option
@json_option
def command(
    *,
    file: Path,
    operation: str | None,
    address: Address,
    while_flying: bool,
    via: str,
    despite_findings: bool,
    as_json: bool,
) -> int:
    """Upload FILE (mission YAML, .plan or .waypoints) and read it back.

    The plan is checked first, and refused where the checks find an error. The order is fence, rally points,
    mission. Each is verified by what the vehicle itself holds afterwards. A file without a fence leaves the
    vehicle's fence alone. Nothing is armed.

    \b
    airbeat upload missions/demo-hillside.yaml --connect tcp:127.0.0.1:5760
    """
    from airbeat.flight.upload import upload_plan
    from airbeat.link.transfer import Outcome
    from airbeat.ops.happenings import Happening

    plan = load_plan(file)
    findings = vet(plan, refused=Message("not uploaded"), as_json=as_json, despite=despite_findings)
    with recording(operation) as recorder:
        with reach(address) as link, progress_bar(_("uploading")) as progress:
            verdict = upload_plan(link, plan, progress=steps(progress), while_flying=while_flying, via=via)
        recorder.tell(
            Happening.MISSION_UPLOADED,
            plan=plan.name,
            items=len(plan.items),
            vehicle=address.url,
            outcome=verdict.outcome.value,
            files=files_of([file]),
        )
    print_verdict(verdict, as_json=as_json)
    if as_json:
        result = verdict.to_json()
        emit_json(result | {"notes": [*plan.notes, *result["notes"]], "findings": findings_json(findings)})
    if verdict.verified:
        return 0
    return 4 if verdict.outcome is Outcome.UNKNOWN else 1
