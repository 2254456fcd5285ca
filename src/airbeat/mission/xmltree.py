"""XML from outside as a tree: no DTD, no entities, nothing fetched, bounded depth and size."""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from airbeat.errors import InputFileError
from airbeat.language.words import Message

__all__ = ["MAX_DEPTH", "MAX_ELEMENTS", "local_name", "xml_tree"]

MAX_DEPTH = 40
MAX_ELEMENTS = 200_000
_LONG_TAG = re.compile(rb"<[^<>]{200000}")
"""A tag with attributes by the ten thousand: the parser holds it whole before anybody can count them."""


class _Bounded:
    """Builds the tree and stops at the limits on depth and number of elements."""

    def __init__(self, error: type[InputFileError]) -> None:
        self._builder = TreeBuilder()
        self._error = error
        self._depth = 0
        self._elements = 0

    def start(self, tag: str, attributes: dict[str, str]) -> Any:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise self._error(
                Message(
                    "more than {levels} levels or {elements} elements",
                    levels=MAX_DEPTH,
                    elements=MAX_ELEMENTS,
                ),
                remedy="simplify the file",
            )
        return self._builder.start(tag, attributes)

    def end(self, tag: str) -> Any:
        self._depth -= 1
        return self._builder.end(tag)

    def data(self, text: str) -> None:
        self._builder.data(text)

    def close(self) -> Any:
        return self._builder.close()


def xml_tree(content: bytes, *, kind: str, error: type[InputFileError]) -> Any:
    """The root element of an XML document that is not trusted.

    Args:
        content: the file.
        kind: what it should be ("KML"), for the remedy.
        error: which error to raise.

    Raises:
        InputFileError: of the class given: not readable as XML, a DTD or entities, too deep or too large.
    """
    if _LONG_TAG.search(content):
        raise error(
            Message("a tag of more than 200 kB"), remedy=Message("export the {kind} again", kind=kind)
        )
    parser = DefusedXMLParser(target=_Bounded(error), forbid_dtd=True)
    try:
        parser.feed(content)
        return parser.close()
    except InputFileError:
        raise
    except ParseError as cause:
        line, column = cause.position
        raise error(
            Message("not readable as XML"),
            where=f"line {line}, column {column + 1}",
            remedy=Message("export the {kind} again", kind=kind),
        ) from cause
    except DefusedXmlException as cause:
        raise error(Message("document type definitions and entities are not read")) from cause
    except (LookupError, ValueError) as cause:
        raise error(Message("not readable as XML: unknown encoding"), remedy="save it as UTF-8") from cause


def local_name(element: Any) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rsplit("}", 1)[-1]
