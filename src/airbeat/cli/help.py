"""Help texts in the reader's language, translated where click writes them, so that no command knows of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

import click

from airbeat.language.lines import lines_of
from airbeat.language.words import ENGLISH, _, current_language

__all__ = ["EXAMPLE", "WordsContext", "language_option", "paragraphs", "speaks"]

EXAMPLE = "\b"
"""What stands on the first line of a paragraph that is shown as it is: examples, which are not translated."""
_EXTRA = "  ["
_GAP = 2


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a help text, each in one line; examples keep their lines."""
    parts = text.split("\n\n")
    return [part if part.startswith(EXAMPLE) else " ".join(part.split()) for part in parts]


def _width(text: str) -> int:
    """Columns of a terminal that a text takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


class _WordsFormatter(click.HelpFormatter):
    """Writes help in the current language; in English exactly as click does."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, _("Usage: ") if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        super().write_heading(_(heading))

    def write_text(self, text: str) -> None:
        if current_language() == ENGLISH:
            super().write_text(text)
            return
        indent = " " * self.current_indent
        for number, part in enumerate(paragraphs(text)):
            if number:
                self.write("\n")
            if part.startswith(EXAMPLE):
                lines = part.removeprefix(EXAMPLE).strip("\n").split("\n")
            else:
                lines = lines_of(_(part), self.width - self.current_indent, _width)
            self.write("".join(f"{indent}{line}\n" for line in lines))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        if current_language() == ENGLISH:
            super().write_dl(list(rows), col_max, col_spacing)
            return
        rows = list(rows)
        first = min(max((_width(term) for term, _text in rows), default=0), col_max) + col_spacing
        indent = " " * self.current_indent
        room = max(self.width - first - _GAP, 10)
        for term, text in rows:
            said, extra, rest = text.rpartition(_EXTRA)
            said, rest = (said, f"{extra}{rest}") if extra else (text, "")
            lines = lines_of(_(" ".join(said.split())) + rest, room, _width) or [""]
            fits = _width(term) <= first - col_spacing
            gap = " " * (first - _width(term)) + lines.pop(0) if fits else ""
            self.write(f"{indent}{term}{gap}".rstrip() + "\n")
            self.write("".join(f"{indent}{' ' * first}{line}\n" for line in lines))


class WordsContext(click.Context):
    """The context of every command."""

    formatter_class = _WordsFormatter


def speaks(command: click.Command) -> click.Command:
    """The command, and every command below it, with help in the reader's language."""
    command.context_class = WordsContext
    for below in getattr(command, "commands", {}).values():
        speaks(below)
    return command


def language_option(chosen: Callable[[str], str | None]) -> Callable[[Any], Any]:
    """The option ``--language`` of the whole program.

    Args:
        chosen: takes what was given, uses that language, and says what is wrong with it, or None.
    """

    def callback(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
        wrong = chosen(value) if value else None
        if wrong is not None:
            raise click.BadParameter(wrong)
        return value

    return click.option(
        "--language",
        envvar="AIRBEAT_LANGUAGE",
        metavar="LANGUAGE",
        is_eager=True,
        expose_value=False,
        callback=callback,
        help="Language of what people read: en or zh_CN. [default: that of the system]",
    )
