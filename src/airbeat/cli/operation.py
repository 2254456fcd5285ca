"""``--operation``: what commands do is also told to the log of the whole operation, where one is named."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from airbeat.ops.recorder import Recorder

__all__ = ["operation_option", "recording", "user_name"]

operation_option = click.option(
    "--operation",
    envvar="AIRBEAT_OPERATION",
    metavar="FILE|URL",
    help="Operations log that is told what is done here: an SQLite file, or postgresql://HOST/DATABASE. "
    "[env: AIRBEAT_OPERATION]",
)


def user_name() -> str:
    """Who sits at this machine, as far as it knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


@contextmanager
def recording(operation: str | None) -> Iterator[Recorder]:
    """The recorder of an operation; the log is opened before anything is done, so that it can refuse.

    Raises:
        UsageError: the log cannot be reached or written.
        InputFileError: the file is there but is no log.
    """
    from airbeat.ops.recorder import Recorder

    if operation is None:
        yield Recorder(None, actor=user_name())
        return
    from airbeat.ops.log import OperationsLog

    with OperationsLog(operation) as log:
        yield Recorder(log, actor=user_name())
