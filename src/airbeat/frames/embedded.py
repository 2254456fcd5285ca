"""Pictures inside other files: the JPEG preview of a DNG, the raw thermal values behind a JPEG.

A DNG is a TIFF whose directories (IFD0, and those that its SubIFDs tag 0x014A names) hold the raw values
and one or more previews; previews are whole JPEG streams in one strip (compression 7; Adobe DNG 1.6,
"Preview images"), or lie at JPEGInterchangeFormat (0x0201, 0x0202) in older files.

Radiometric thermal files are JPEGs with the raw values, 16 bits a pixel, in application segments: FLIR's in
APP1 ("FLIR", ExifTool FLIR.pm), DJI's in APP3 or APP4 (as real files of the XT S, H20T and M3T have them).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

__all__ = ["is_dng", "is_radiometric", "largest_preview"]

_DNG_VERSION = 0xC612
_SUB_IFDS = 0x014A
_COMPRESSION = 0x0103
_STRIP_OFFSETS, _STRIP_BYTES = 0x0111, 0x0117
_JPEG_OFFSET, _JPEG_BYTES = 0x0201, 0x0202
_MOST_DIRECTORIES = 16
_MOST_ENTRIES = 500
_SIZES = {1: 1, 3: 2, 4: 4, 13: 4}
_FORMATS = {1: "B", 3: "H", 4: "I", 13: "I"}
_LOSSY_SOF = {0xC0, 0xC1, 0xC2}
"""Baseline and progressive; 0xC3, lossless, is what raw values are packed with."""


def is_dng(data: bytes) -> bool:
    """Whether a TIFF says that it is a DNG."""
    return any(_DNG_VERSION in entries for entries in _directories(data))


def largest_preview(data: bytes) -> bytes | None:
    """The largest JPEG preview of a DNG; None where it has none."""
    best: tuple[int, bytes] | None = None
    for entries in _directories(data):
        for offsets, lengths in ((_STRIP_OFFSETS, _STRIP_BYTES), (_JPEG_OFFSET, _JPEG_BYTES)):
            offset, length = entries.get(offsets, ()), entries.get(lengths, ())
            if len(offset) != 1 or len(length) != 1:
                continue
            jpeg = data[offset[0] : offset[0] + length[0]]
            area = _lossy_area(jpeg)
            if area and (best is None or area > best[0]):
                best = (area, jpeg)
    return None if best is None else best[1]


def _lossy_area(jpeg: bytes) -> int:
    """Pixels of a JPEG that any program can show; 0 for anything else."""
    if jpeg[:2] != b"\xff\xd8":
        return 0
    for marker, segment in _segments(jpeg):
        if marker in _LOSSY_SOF and len(segment) >= 5:
            height, width = struct.unpack(">HH", segment[1:5])
            return int(height * width)
    return 0


def _segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of the segments before the coded picture (ITU-T T.81, B.1.1)."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker = jpeg[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xDA:
            return
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        yield marker, jpeg[at + 4 : at + 2 + length]
        at += 2 + max(length, 2)


def is_radiometric(segments: Sequence[tuple[str, bytes]], pixels: int) -> bool:
    """Whether a JPEG's application segments hold raw thermal values.

    Args:
        segments: (name, content) as Pillow's ``applist`` has them.
        pixels: of the picture; raw values are two bytes each.
    """
    raw = sum(len(content) for name, content in segments if name in {"APP3", "APP4", "APP5"})
    flir = any(name == "APP1" and content.startswith(b"FLIR\x00") for name, content in segments)
    return flir or raw >= 2 * pixels


def _directories(data: bytes) -> Iterator[dict[int, tuple[int, ...]]]:
    """Whole-number entries of a TIFF's directories, sub-directories included, with limits."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(bytes(data[:4]))
    if order is None or len(data) < 8:
        return
    waiting = [struct.unpack(order + "I", data[4:8])[0]]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_DIRECTORIES:
        at = waiting.pop(0)
        if at in seen or not 8 <= at <= len(data) - 2:
            continue
        seen.add(at)
        (count,) = struct.unpack_from(order + "H", data, at)
        entries = {}
        for i in range(min(count, _MOST_ENTRIES)):
            start = at + 2 + 12 * i
            if start + 12 > len(data):
                break
            tag, kind, number = struct.unpack_from(order + "HHI", data, start)
            entries[tag] = _values(data, order, kind, number, start + 8)
        yield entries
        waiting += entries.get(_SUB_IFDS, ())
        after = at + 2 + 12 * count
        if after + 4 <= len(data):
            waiting.append(struct.unpack_from(order + "I", data, after)[0])


def _values(data: bytes, order: str, kind: int, number: int, at: int) -> tuple[int, ...]:
    size = _SIZES.get(kind)
    if size is None or not 0 < number <= _MOST_ENTRIES:
        return ()
    if size * number > 4:
        (at,) = struct.unpack_from(order + "I", data, at)
    if at + size * number > len(data):
        return ()
    return tuple(struct.unpack_from(f"{order}{number}{_FORMATS[kind]}", data, at))
