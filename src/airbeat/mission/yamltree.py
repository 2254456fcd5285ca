"""YAML text to plain data, with the line and column of every key, within limits.

Built on ruamel.yaml's event stream rather than on its loaders: events carry their places, aliases can be
refused before anything is expanded, and no tag can construct anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

from airbeat.errors import Problem
from airbeat.language.words import Message

__all__ = ["KeyPath", "Place", "YamlTree", "YamlTreeError", "dotted", "printable", "read_yaml"]

MAX_DEPTH = 16
MAX_NODES = 100_000
MAX_DIGITS = 40

KeyPath = tuple[str | int, ...]
"""Keys and 0-based list positions from the top of the file."""

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

_PARSER_FAULTS = (YAMLError, ValueError, OverflowError, AttributeError, IndexError, KeyError, TypeError)
"""What ruamel.yaml's parser raises on hostile text; the last five are faults of its own."""


@dataclass(frozen=True, slots=True)
class Place:
    """1-based line and column."""

    line: int
    column: int


class YamlTreeError(Exception):
    """The text is no usable YAML; holds the one problem that says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class YamlTree:
    """Plain data and where it stood.

    Attributes:
        data: dicts with text keys, lists, str, int, float, bool, None.
        places: place of the key (in mappings) or item (in lists) of every path.
        problems: single values or keys that cannot be used (duplicate keys, NaN); reading went on.
        unusable: the paths of those values, whose content means nothing.
    """

    data: Any = None
    places: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unusable: set[KeyPath] = field(default_factory=set)

    def place(self, path: KeyPath) -> Place:
        """The place of a path, or of the nearest part of it that the file has."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(1, 1))

    def problem(self, path: KeyPath, message: str, remedy: str = "") -> Problem:
        """A problem at that path's place."""
        place = self.place(path)
        return Problem(line=place.line, column=place.column, key=dotted(path), message=message, remedy=remedy)


def dotted(path: KeyPath) -> str:
    """``("area", 0, "lat")`` as ``area[1].lat``: list items are counted from 1, as people do."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += ("." if text else "") + printable(part)
    return text


def printable(text: str) -> str:
    """Text from the file as a message may show it: one short line without control characters."""
    clean = text if text.isprintable() else repr(text)[1:-1]
    return clean if len(clean) <= 60 else f"{clean[:57]}..."


def read_yaml(text: str) -> YamlTree:
    """The single document in a YAML text.

    Raises:
        YamlTreeError: syntax, aliases, tags, several documents, or more than 16 levels or 100,000 values.
    """
    reader = _Reader(text)
    return reader.read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._events = self._guarded(text)
        self._tree = YamlTree()
        self._nodes = 0

    def read(self) -> YamlTree:
        next(self._events)
        first = next(self._events)
        if isinstance(first, StreamEndEvent):
            raise YamlTreeError(
                Problem(line=0, column=0, key="", message=Message("the file is empty"), remedy=_NEW_HINT)
            )
        root = next(self._events)
        self._tree.places[()] = _place(root)
        self._tree.data = self._node(root, ())
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                raise _fatal(event, "a second YAML document begins here", "one mission per file")
        return self._tree

    @staticmethod
    def _guarded(text: str) -> Iterator[Event]:
        try:
            yield from YAML(typ="safe", pure=True).parse(text)
        except _PARSER_FAULTS as error:
            raise YamlTreeError(_syntax_problem(error, text)) from error

    def _node(self, event: Event, path: KeyPath) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _fatal(
                event, Message("more than {max_nodes} values", max_nodes=MAX_NODES), "simplify the outline"
            )
        if len(path) > MAX_DEPTH:
            raise _fatal(
                event,
                Message("nested more than {max_depth} levels deep", max_depth=MAX_DEPTH),
                "check the brackets",
            )
        if isinstance(event, AliasEvent):
            raise _fatal(
                event,
                Message("YAML aliases are not read (got *{anchor})", anchor=printable(str(event.anchor))),
                "write the value out in full",
            )
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise _fatal(
                event,
                Message("YAML tags are not read (got {tag})", tag=printable(str(tag))),
                "leave the tag out",
            )
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event, path) if isinstance(event, ScalarEvent) else None

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                break
            if not isinstance(event, ScalarEvent) or event.tag is not None:
                raise _fatal(event, "a key must be plain text", "write key: value")
            key = str(event.value)
            child = (*path, key)
            known = self._tree.places.get(child)
            if known is not None:
                self._complain(
                    event,
                    child,
                    Message("is given twice (first in line {line})", line=known.line),
                    "keep one of the two",
                )
                self._node(next(self._events), (*path, f"{key} (again)"))
                continue
            self._tree.places[child] = _place(event)
            data[key] = self._node(next(self._events), child)
        return data

    def _sequence(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            child = (*path, len(items))
            self._tree.places[child] = _place(event)
            items.append(self._node(event, child))
        return items

    def _scalar(self, event: ScalarEvent, path: KeyPath) -> Any:
        text = str(event.value)
        if event.style not in (None, ""):
            return text
        if text in _WORDS:
            return _WORDS[text]
        if len(text) <= MAX_DIGITS and _INTEGER.fullmatch(text):
            return int(text)
        number = float(text) if _FLOAT.fullmatch(text) else None
        if _NOT_FINITE.fullmatch(text) or (number is not None and not math.isfinite(number)):
            self._complain(
                event, path, Message("must be a finite number (got {words})", words=printable(text)), ""
            )
            return None
        return text if number is None else number

    def _complain(self, event: Event, path: KeyPath, message: str, remedy: str) -> None:
        place = _place(event)
        self._tree.unusable.add(path)
        self._tree.problems.append(
            Problem(line=place.line, column=place.column, key=dotted(path), message=message, remedy=remedy)
        )


_NEW_HINT = "airbeat new writes a mission file to start from"


def _place(event: Event) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _fatal(event: Event, message: str, remedy: str) -> YamlTreeError:
    place = _place(event)
    return YamlTreeError(
        Problem(line=place.line, column=place.column, key="", message=message, remedy=remedy)
    )


def _syntax_problem(error: Exception, text: str) -> Problem:
    line = column = 0
    message = "not readable as YAML"
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        if mark is not None:
            line, column = mark.line + 1, mark.column + 1
        what = " ".join(p for p in (error.context, error.problem) if p)
        message = f"not readable as YAML: {' '.join(what.split())[:160]}"
        begun = error.context_mark
        if begun is not None and begun.line + 1 < line:
            message += f" (begun in line {begun.line + 1})"
    elif isinstance(error, ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"character U+{ord(text[error.position]):04X} is not allowed in a text file"
    return Problem(
        line=line, column=column, key="", message=message, remedy=_syntax_hint(text, line, message)
    )


def _syntax_hint(text: str, line: int, message: str) -> str:
    lines = text.splitlines()
    content = lines[line - 1] if 0 < line <= len(lines) else ""
    if "U+" in message:
        return "is this a text file? save it as UTF-8"
    if "\t" in content[: len(content) - len(content.lstrip())]:
        return "indent with spaces, not with tabs"
    if "mapping values are not allowed" in message:
        return "one key a line; put text that holds ': ' in quotes"
    return "check indentation, brackets and quotes in and above this line"
