"""XMP as drone cameras write it: named values, read with limits.

Most values are attributes or text elements of an ``rdf:Description`` and are keyed by their local name
(``RelativeAltitude``), whatever prefix the maker chose. Two things need more than the local name:

- Structures (Skydio writes ``CameraOrientationNED`` and ``CameraOrientationFLU`` with the same children) are
  keyed ``CameraOrientationNED.Pitch``, in both of RDF's ways of writing them (a nested description, or
  ``rdf:parseType="Resource"``; XMP specification part 1, ISO 16684-1, 7.9.2).
- The ``Camera`` schema of Pix4D and senseFly has names that other schemas also have (``Pitch``; MicaSense's
  ``DLS:Pitch`` is a light sensor's), so its values are keyed ``Camera:Pitch``.

Lists (``rdf:Seq``) are joined with commas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree as SafeElementTree
from defusedxml.common import DefusedXmlException

__all__ = ["MAX_XMP_BYTES", "read_xmp"]

MAX_XMP_BYTES = 1_000_000

_MAX_VALUES = 2000
_MAX_DEPTH = 6
_MAX_TEXT = 2000
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LENIENT = re.compile(rb'([\w.-]{1,40}):([\w.-]{1,60})="([^"<]{0,200})"')
_LISTS = {f"{_RDF}Seq", f"{_RDF}Bag", f"{_RDF}Alt"}


def read_xmp(data: bytes) -> tuple[dict[str, str], list[str]]:
    """Values by name, as the module's text says.

    Some firmware writes XMP that is not well-formed; its attributes are then read one by one, and a finding
    says so.

    Returns:
        The values, and what was wrong, one sentence each.
    """
    if len(data) > MAX_XMP_BYTES:
        return {}, [f"the XMP block has {len(data)} bytes, more than {MAX_XMP_BYTES}; it was not read"]
    try:
        root = SafeElementTree.fromstring(data.strip(b"\x00 \r\n\t"), forbid_dtd=True)
    except DefusedXmlException:
        return {}, ["the XMP block declares a document type or entities; it was not read"]
    except (ParseError, ValueError, LookupError) as error:
        return _read_leniently(data), [
            f"the XMP block is not well-formed XML ({error}); its attributes were read one by one"
        ]
    values: dict[str, str] = {}
    for rdf in root.iter(f"{_RDF}RDF"):
        for description in rdf.findall(f"{_RDF}Description"):
            _collect(description, "", values, 0)
    return values, []


def _read_leniently(data: bytes) -> dict[str, str]:
    values: dict[str, str] = {}
    for prefix, name, value in _LENIENT.findall(data):
        key = name.decode("ascii", "replace")
        if prefix.lower() == b"camera":
            key = f"Camera:{key}"
        values.setdefault(key, value.decode("utf-8", "replace"))
        if len(values) >= _MAX_VALUES:
            break
    return values


def _collect(description: Element, parent: str, values: dict[str, str], depth: int) -> None:
    """Put a description's attributes and elements into ``values``; the first of a name stays."""
    for name, value in description.attrib.items():
        if not name.startswith(_RDF) or not parent:
            _keep(values, parent + _key(name), value)
    for child in description:
        key = parent + _key(child.tag)
        parts = list(child)
        if not parts:
            _keep(values, key, child.text)
            for name, value in child.attrib.items():  # a structure written as attributes of its element
                if not name.startswith(_RDF):
                    _keep(values, f"{key}.{_key(name)}", value)
        elif parts[0].tag in _LISTS:
            _keep(values, key, _joined(parts[0]))
        elif depth < _MAX_DEPTH:
            nested = parts[0] if parts[0].tag == f"{_RDF}Description" else child
            _collect(nested, f"{key}.", values, depth + 1)


def _joined(items: Iterable[Element]) -> str:
    return ",".join((item.text or "").strip() for item in items)


def _keep(values: dict[str, str], key: str, text: str | None) -> None:
    if text and text.strip() and len(values) < _MAX_VALUES:
        values.setdefault(key, text.strip()[:_MAX_TEXT])


def _key(name: str) -> str:
    space, _, local = name.rpartition("}")
    return f"Camera:{local}" if "/camera/" in f"{space.lower()}/" else local
