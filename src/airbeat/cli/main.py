"""The ``airbeat`` command: subcommands are imported only when they are called."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import sys
from dataclasses import asdict
from typing import Any

import click

from airbeat import __version__
from airbeat.cli.help import WordsContext, language_option, speaks
from airbeat.cli.output import OutputError, emit_json, escape_what_a_terminal_cannot_show, flush_stdout
from airbeat.errors import AirbeatError, MissionFileError, UsageError
from airbeat.language.words import LANGUAGES, _, language_named, language_of_environment, use_language

__all__ = ["cli", "main"]

_STOPPED = 130
"""128 + SIGINT, as shells have it; also StoppedError's."""

COMMANDS = {
    "demo": "Fly the shipped exercise on the embedded vehicle and write its report.",
    "new": "Write a commented mission file from an area file or a last-seen point.",
    "plan": "Plan a mission file: figures, findings, files for the pilot.",
    "check": "Check any plan, whoever drew it: fence, ground, battery, autopilot, rules.",
    "convert": "Convert a plan between the files of other programs, and say what is lost.",
    "inspect": "Say in words what is in a plan file.",
    "sim": "Run the embedded vehicle (not ArduPilot) for clients to connect to.",
    "sitl": "Find, fetch or run a real ArduPilot SITL.",
    "upload": "Upload fence, rally points and mission, and read each back.",
    "fly": "Check, upload, arm, start and watch a flight. Asks before arming.",
    "ledger": "Say what was really photographed of the area, and where the gaps are.",
    "detect": "Find person candidates in photographs and videos.",
    "watch": "Search photographs and video frames as they arrive, until Ctrl-C.",
    "locate": "Say where on the ground a pixel of a photograph lies, and how surely.",
    "review": "Look at candidates, say what each is, write the hand-over files.",
    "console": "Review candidates in a browser, several people at once, beside the map.",
    "evaluate": "Measure detectors on labelled photographs.",
    "search": "Search for a missing person: probability map, POD from flown photographs, papers.",
    "log": "Read an operation's log, prove that nothing in it was changed, take it elsewhere.",
    "patrol": "Patrol a beat: tours in their hours, the calendar, the proof that it was flown.",
    "dispatch": "Say who is at an incident first, and send the drone that is. Asks before it flies.",
    "report": "Write the coordinator's report of a plan, a flight and its candidates.",
}
"""Every command with its one-line help, in the order of a mission."""


class _LazyGroup(click.Group):
    """A group whose commands live in modules of their own, imported on use."""

    context_class = WordsContext

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"airbeat.cli.{cmd_name}")
        command: click.Command = module.command
        return speaks(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            there = ", ".join(COMMANDS)
            raise click.UsageError(
                _("no command {name!r}; there are: {there}", name=args[0], there=there), ctx
            )
        return super().resolve_command(ctx, args)


def _use(name: str) -> str | None:
    """Speak the language of that name; what is wrong with it otherwise."""
    language = language_named(name)
    if language is None:
        return _("{name!r} is none of {languages}", name=name, languages=", ".join(LANGUAGES))
    use_language(language)
    return None


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 findings or failed items, 2 usage, 3 bad input file, 4 link, 70 our bug, "
    "130 stopped by Ctrl-C.",
)
@language_option(_use)
@click.version_option(__version__, message="airbeat %(version)s")
def cli() -> None:
    """Drone patrol and search missions: from a mission file to a list of places to look.

    Every command takes --json: one JSON object on standard output, everything else on standard error. A
    command that fails prints {"ok": false, "error": {...}} then.
    """


def _say(text: str) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            click.echo(text, err=True)


def _error_json(error: AirbeatError) -> dict[str, Any]:
    problems = error.problems if isinstance(error, MissionFileError) else ()
    return {
        "ok": False,
        "error": {
            "code": error.code,
            "message": error.message,
            "where": error.where,
            "remedy": error.remedy,
            "problems": [asdict(p) for p in problems],
        },
    }


def _emit_failure(error: AirbeatError, argv: list[str] | None) -> None:
    """The failure as JSON, where that was asked for and can be written."""
    arguments = sys.argv[1:] if argv is None else argv
    if "--json" not in itertools.takewhile(lambda word: word != "--", arguments):
        return
    try:
        emit_json(_error_json(error))
    except (OutputError, BrokenPipeError):
        _silence_stdout()


def _report(error: AirbeatError, argv: list[str] | None) -> int:
    """Say the error to people and programs; the exit code."""
    _say(f"airbeat: {error.told()}" if error.code != "mission-file" else error.told())
    if isinstance(error, OutputError):
        _silence_stdout()
    else:
        _emit_failure(error, argv)
    return error.exit_code


def _silence_stdout() -> None:
    """What is still buffered for a closed or full standard output is dropped, also while Python ends."""
    if sys.stdout is not None:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(argv: list[str] | None = None) -> Any:
    """Run the command line and exit with its code; no traceback reaches the user.

    Set ``AIRBEAT_DEBUG=1`` to see tracebacks.
    """
    try:
        _run(argv)
    except KeyboardInterrupt:  # Ctrl-C while the end was being told
        sys.exit(_STOPPED)


def _run(argv: list[str] | None) -> None:
    escape_what_a_terminal_cannot_show()
    use_language(language_of_environment(os.environ))
    try:
        code = cli.main(args=argv, prog_name="airbeat", standalone_mode=False)
        if sys.stdout is not None:
            flush_stdout()
    except click.exceptions.Abort:  # what click makes of Ctrl-C
        _say(_("airbeat: stopped"))
        sys.exit(_STOPPED)
    except click.ClickException as error:
        if sys.stderr is not None:
            error.show()
        _emit_failure(UsageError(error.format_message()), argv)
        sys.exit(UsageError.exit_code)
    except AirbeatError as error:
        if os.environ.get("AIRBEAT_DEBUG"):
            raise
        sys.exit(_report(error, argv))
    except BrokenPipeError:
        _silence_stdout()
        sys.exit(1)
    except Exception as error:
        if os.environ.get("AIRBEAT_DEBUG"):
            raise
        _say(_("airbeat: internal error: {kind}: {error}", kind=type(error).__name__, error=error))
        _say(_("This is our bug. Run again with AIRBEAT_DEBUG=1 and send us what it prints."))
        sys.exit(AirbeatError.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
