"""What an ONNX file says of itself: the size of its picture, and the names of its classes.

An ONNX file is a protocol buffer (onnx.proto3): field 7 of a model is its graph, field 11 of a graph an input
(name 1, type 2: tensor 1: shape 2: dimension 1: value 1), field 14 of a model a key and a value of metadata.
Nothing else is read, and nothing of it is believed before it was tried.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["class_named", "picture_size"]

_MOST_NAMES_BYTES = 200_000
_MOST_CLASSES = 2_000
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def picture_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) [px] of the pictures that a network takes; None where it takes any, or does not say."""
    try:
        for graph in _values(memoryview(data), 7):
            for given in _values(graph, 11):
                sides = _sides(given)
                if len(sides) == 4:
                    return (sides[3], sides[2]) if min(sides[2:]) > 0 else None
    except (IndexError, ValueError):
        return None
    return None


def class_named(data: bytes, wanted: tuple[str, ...]) -> int | None:
    """Number of the class that the metadata's ``names`` (a Python dict or list) call so, first name first.

    None where they name none of them.
    """
    try:
        names = _names(data)
    except (IndexError, ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    for name in wanted:
        for number, called in names.items():
            if called == name and 0 <= number < _MOST_CLASSES:
                return number
    return None


def _names(data: bytes) -> dict[int, str]:
    for entry in _values(memoryview(data), 14):
        if [bytes(key) for key in _values(entry, 1)] != [b"names"]:
            continue
        (text,) = _values(entry, 2)
        if len(text) <= _MOST_NAMES_BYTES:
            said = ast.literal_eval(bytes(text).decode("utf-8"))
            pairs = said.items() if isinstance(said, dict) else enumerate(said)
            return {n: str(name).strip().lower() for n, name in pairs if isinstance(n, int)}
    return {}


def _sides(given: memoryview) -> list[int]:
    """An input's dimensions, 0 for one that is left open."""
    for kind in _values(given, 2):
        for tensor in _values(kind, 1):
            for shape in _values(tensor, 2):
                return [next(_numbers(dimension, 1), 0) for dimension in _values(shape, 1)]
    return []


def _values(message: memoryview, field: int) -> Iterator[memoryview]:
    return (v for number, v in _fields(message) if number == field and isinstance(v, memoryview))


def _numbers(message: memoryview, field: int) -> Iterator[int]:
    return (v for number, v in _fields(message) if number == field and isinstance(v, int))


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """A message's fields by number: whole numbers, and bytes that may be a message of their own.

    Raises:
        IndexError: the message ends within a field.
        ValueError: a field of no known kind.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
        elif kind == _BYTES:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise IndexError(at)
            yield key >> 3, message[at : at + length]
            at += length
        elif kind in {_FIXED_64, _FIXED_32}:
            at += 8 if kind == _FIXED_64 else 4
        else:
            raise ValueError(kind)


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError(shift)
