"""XMP as drone cameras write it: a flat set of named values, read with limits."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree as SafeElementTree
from defusedxml.common import DefusedXmlException

__all__ = ["MAX_XMP_BYTES", "read_xmp"]

MAX_XMP_BYTES = 1_000_000

_MAX_VALUES = 2000
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LENIENT = re.compile(rb'[\w.-]{1,40}:([\w.-]{1,60})="([^"<]{0,200})"')


def read_xmp(data: bytes) -> tuple[dict[str, str], list[str]]:
    """Values by their local name (``RelativeAltitude``), whatever prefix the maker chose.

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
        values = {name.decode(): value.decode("utf-8", "replace") for name, value in _LENIENT.findall(data)}
        return dict(list(values.items())[:_MAX_VALUES]), [
            f"the XMP block is not well-formed XML ({error}); its attributes were read one by one"
        ]
    return _values(root), []


def _values(root: Element) -> dict[str, str]:
    values: dict[str, str] = {}
    for description in root.iter(f"{_RDF}Description"):
        for name, value in description.attrib.items():
            values.setdefault(_local(name), value)
        for child in description:
            if len(child) == 0 and child.text and child.text.strip():
                values.setdefault(_local(child.tag), child.text.strip())
        if len(values) > _MAX_VALUES:
            break
    return values


def _local(name: str) -> str:
    return name.rpartition("}")[2]
