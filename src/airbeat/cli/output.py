"""What every command shares: JSON on standard output, people's text and progress on standard error."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from airbeat.errors import UsageError
from airbeat.language.words import N_, Message, translated

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "ANOTHER_FOLDER",
    "ANOTHER_NAME",
    "OutputError",
    "ProgressCallback",
    "console",
    "emit_json",
    "escape_what_a_terminal_cannot_show",
    "flush_stdout",
    "json_option",
    "printable",
    "progress_bar",
    "refuse_to_replace",
    "table",
    "with_options",
]


ANOTHER_FOLDER = N_("choose another folder, or say --overwrite")
"""What to do where a file may not be replaced, and its folder can be chosen."""
ANOTHER_NAME = N_("choose another name, or say --overwrite")
"""What to do where a file may not be replaced, and its name can be chosen."""


class OutputError(UsageError):
    """Standard output takes nothing."""


class ProgressCallback(Protocol):
    """Takes the share that is done, 0…1, and what is being done now."""

    def __call__(self, share: float, /, *, label: str = "") -> None: ...


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on standard output."
)


def with_options(options: Sequence[Callable[[Any], Any]], command: Callable[..., int]) -> Callable[..., int]:
    """A command with options, which its help shows in their order."""
    for option in reversed(options):
        command = option(command)
    return command


def refuse_to_replace(
    path: Path | None,
    *,
    overwrite: bool,
    remedy: str = "choose another name, or say --overwrite to replace it",
) -> None:
    """Refuse a file that could not be written in the end, before anything is done for it.

    Args:
        path: the file; None where none is asked for.
        overwrite: whether it may be replaced.
        remedy: what the user can do instead.

    Raises:
        UsageError: it exists, and may not be replaced.
    """
    if path is not None and (path.exists() or path.is_symlink()) and not overwrite:
        raise UsageError(Message("{path} exists already", path=path), remedy=remedy)


@cache
def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    class GuardedConsole(Console):
        """Tells of a standard output that takes nothing; goes on without standard error."""

        def print(self, *objects: Any, **how: Any) -> None:
            try:
                super().print(*objects, **how)
            except BrokenPipeError:
                raise
            except OSError as error:
                if not stderr:
                    raise _unwritable(error) from error

    return GuardedConsole(stderr=stderr, highlight=False, markup=False, soft_wrap=True)


def console(as_json: bool) -> Console:
    """Where people's text goes: standard output, or standard error beside ``--json``."""
    return _console(stderr=as_json)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return value


def _encodes(text: str, encoding: str | None) -> bool:
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def escape_what_a_terminal_cannot_show() -> None:
    """From now on no character stops the output: what its encoding lacks is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def printable(name: str) -> str:
    """A file's name for a terminal: control characters and bytes that are no text are shown escaped."""
    return name if name.isprintable() else ascii(name)[1:-1]


def emit_json(value: dict[str, Any]) -> None:
    """One JSON object on standard output; what is not a finite number becomes null.

    Raises:
        OutputError: standard output is closed or cannot be written.
        BrokenPipeError: nobody reads it any more.
    """
    text = json.dumps(_finite(value), ensure_ascii=False, indent=2) + "\n"
    if sys.stdout is None:
        raise OutputError("standard output is closed", remedy="send it to a file or a pipe")
    if not _encodes(text, sys.stdout.encoding):  # the name of a file may be no text: JSON can escape it
        text = json.dumps(_finite(value), indent=2) + "\n"
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable(error) from error
    flush_stdout()


def flush_stdout() -> None:
    """Give what was printed to the system now, while a failure can still be told.

    Raises:
        OutputError: a full disk, for instance.
        BrokenPipeError: nobody reads any more.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> OutputError:
    return OutputError(
        Message("standard output cannot be written: {reason}", reason=error.strerror),
        remedy="free space on the disk, or send it elsewhere",
    )


def table(rows: Sequence[tuple[str, str]], *, as_json: bool, title: str = "") -> None:
    """A two-column table of figures; fixed labels are shown in the reader's language."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(
        box=None, show_header=False, title=Text(translated(title)) if title else None, title_justify="left"
    )
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for label, value in rows:
        grid.add_row(Text(translated(label)), Text(translated(value)))
    console(as_json).print(grid)


@contextmanager
def progress_bar(label: str, *, eta: bool = True) -> Iterator[ProgressCallback]:
    """A progress bar on standard error; call what it yields with the share done, 0…1.

    Args:
        label: what is being done.
        eta: whether the bar also guesses the time left, from how fast the share grew so far.

    Nothing is drawn where standard error is not a terminal.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        *([TimeRemainingColumn()] if eta else []),
        console=_console(stderr=True),
        transient=True,
        disable=sys.stderr is None or not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task(label, total=1.0)

        def update(share: float, /, *, label: str = "") -> None:
            bar.update(task, completed=share, description=label or None)

        yield update
