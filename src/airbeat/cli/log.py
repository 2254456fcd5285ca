"""``airbeat log``: read an operation's log, prove it, take it elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from airbeat.cli.operation import user_name
from airbeat.cli.output import console, emit_json, json_option, printable, progress_bar
from airbeat.errors import UsageError
from airbeat.language.words import Message, _, translated

__all__ = ["command"]

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def _there(operation: str) -> str:
    """An operation that is to be read must be there: looking must not make an empty one."""
    from airbeat.ops.store import is_database_url

    if not is_database_url(operation) and not Path(operation).is_file():
        raise UsageError(
            Message("there is no operations log {operation}", operation=operation),
            remedy="name the file that --operation wrote, or postgresql://HOST/DATABASE",
        )
    return operation


@click.group("log")
def command() -> None:
    """Read the log of an operation, prove that nothing in it was changed, take it elsewhere.

    OPERATION is what --operation of the other commands names: an SQLite file, or postgresql://HOST/DATABASE.
    Events are only ever added, and each holds the hash of the one before.

    \b
    airbeat log show operation.sqlite
    airbeat log export operation.sqlite operation.zip --files card/DCIM
    """


@command.command("show")
@click.argument("operation")
@click.option("--kind", "kinds", multiple=True, help="Only events of this kind; may be given several times.")
@click.option("--after", type=click.IntRange(0), default=0, help="Only events with a higher number.")
@json_option
def show(*, operation: str, kinds: tuple[str, ...], after: int, as_json: bool) -> int:
    """Print the events of OPERATION, a line each: number, time (UTC), who, what.

    \b
    airbeat log show operation.sqlite --kind review.decision
    """
    from rich.text import Text

    from airbeat.ops.happenings import words_of
    from airbeat.ops.log import OperationsLog

    with OperationsLog(_there(operation)) as log:
        log.verify()
        events = log.events(after=after, kinds=kinds)
    out = console(as_json)
    for event in events:
        time = event.time_utc.strftime("%Y-%m-%d %H:%M:%SZ")
        out.print(Text(printable(f"{event.number:>6}  {time}  {event.actor}: {translated(words_of(event))}")))
    if as_json:
        rows: list[dict[str, Any]] = [
            {
                "number": e.number,
                "time_utc": e.time_utc.isoformat(),
                "actor": e.actor,
                "kind": e.kind,
                "payload": e.payload,
                "sha256": e.sha256,
            }
            for e in events
        ]
        emit_json({"operation": log.name, "events": rows})
    return 0


@command.command("verify")
@click.argument("operation")
@click.option("--last", "expected", metavar="SHA256", help="Hash that the last event must have.")
@json_option
def verify(*, operation: str, expected: str | None, as_json: bool) -> int:
    """Recompute the chain of OPERATION; exit code 3 names the first event that was changed.

    A chain proves nothing of events that were cut off at its end. Keep the last event's hash elsewhere, and
    give it as --last.

    \b
    airbeat log verify operation.sqlite
    """
    from airbeat.errors import InputFileError
    from airbeat.ops.log import OperationsLog

    with OperationsLog(_there(operation)) as log:
        count = log.verify()
        last = log.events(after=count - 1)[-1].sha256 if count else ""
    if expected is not None and expected.lower() != last:
        raise InputFileError(
            Message(
                "its last event, number {count}, has the hash {last}",
                count=count,
                last=last or Message("of none"),
            ),
            where=log.name,
            remedy="events were cut off or added since that hash was noted",
        )
    console(as_json).print(
        _("{count} events, the chain holds; the last one's hash is {last}", count=count, last=last or "-")
    )
    if as_json:
        emit_json({"operation": log.name, "events": count, "last_sha256": last})
    return 0


@command.command("add")
@click.argument("operation")
@click.argument("text")
@click.option("--by", "actor", help="Who says so. [default: the user's name on this machine]")
@json_option
def add(*, operation: str, text: str, actor: str | None, as_json: bool) -> int:
    """Write a note into OPERATION, which is made if it is not there.

    \b
    airbeat log add operation.sqlite "ground team 2 at the quarry"
    """
    from airbeat.ops.happenings import Happening
    from airbeat.ops.log import OperationsLog

    if not text.strip():
        raise UsageError("the note is empty", remedy="write what happened")
    with OperationsLog(operation) as log:
        event = log.append(Happening.NOTE.value, {"text": text}, actor=actor or user_name())
    console(as_json).print(_("event {number} written", number=event.number))
    if as_json:
        emit_json({"operation": log.name, "event": event.number, "sha256": event.sha256})
    return 0


@command.command("export")
@click.argument("operation")
@click.argument("bundle", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--files",
    "folders",
    multiple=True,
    type=_FOLDER,
    help="Folder of photographs, plans or records to take along where the log speaks of them; "
    "may be given several times.",
)
@json_option
def export(*, operation: str, bundle: Path, folders: tuple[Path, ...], as_json: bool) -> int:
    """Write OPERATION with its files as one BUNDLE (zip), for another desk or the archive.

    \b
    airbeat log export operation.sqlite operation.zip --files card/DCIM --files plans
    """
    from airbeat.ops.bundle import export_bundle
    from airbeat.ops.log import OperationsLog

    with OperationsLog(_there(operation)) as log, progress_bar(_("looking for files")) as progress:
        made = export_bundle(log, bundle, folders=folders, progress=progress)
    out = console(as_json)
    out.print(
        _(
            "wrote {bundle}: {events} events, {files} files",
            bundle=bundle,
            events=made.events,
            files=made.files,
        )
    )
    if made.missing:
        out.print(
            _(
                "{missing} files that the log speaks of are not in it: name their folders (--files)",
                missing=made.missing,
            )
        )
    out.print(
        _("hash of the last event, to be kept elsewhere: {last_sha256}", last_sha256=made.last_sha256 or "-")
    )
    if as_json:
        emit_json(
            {
                "bundle": str(bundle),
                "events": made.events,
                "files": made.files,
                "missing": made.missing,
                "last_sha256": made.last_sha256,
            }
        )
    return 0


@command.command("import")
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("operation")
@click.option(
    "--files",
    "files_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the bundle's files.",
)
@json_option
def import_(*, bundle: Path, operation: str, files_dir: Path | None, as_json: bool) -> int:
    """Take BUNDLE into OPERATION: a new log, or one that is the beginning of the bundle's.

    Every event and every file is checked first; where one was changed, nothing is kept.

    \b
    airbeat log import operation.zip elsewhere.sqlite --files photographs
    """
    from airbeat.ops.bundle import import_bundle
    from airbeat.ops.log import OperationsLog

    with OperationsLog(operation) as log, progress_bar(_("checking")) as progress:
        taken = import_bundle(bundle, log, files_dir=files_dir, progress=progress)
    out = console(as_json)
    out.print(
        _(
            "{added} of {events} events added to {log}, {files} files written",
            added=taken.added,
            events=taken.events,
            log=log.name,
            files=taken.files,
        )
    )
    if as_json:
        emit_json(
            {
                "operation": log.name,
                "events": taken.events,
                "added": taken.added,
                "files": taken.files,
                "last_sha256": taken.last_sha256,
            }
        )
    return 0
