"""JSON from outside, read key by key with messages that name the place."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from airbeat.errors import InputFileError, PlanFileError
from airbeat.formats.limits import check_count, clean_text
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message

__all__ = ["get_list", "get_number", "get_object", "latlon", "load_object", "number", "shown", "whole"]

_MOST_PARTS = 400_000
"""Lists and objects in one file: four times the positions of the largest map that is read."""


def load_object(text: str, *, name: str, kind: str = ".plan") -> dict[str, Any]:
    """The JSON object that the text is; ``kind`` is what it should be, for the remedies.

    Raises:
        PlanFileError: not JSON, NaN or Infinity as a number, nested too deep, too many lists and objects, or
            not an object.
    """
    check_count(text.count("[") + text.count("{"), _MOST_PARTS, what="lists and objects", where=name)

    def refuse_constant(constant: str) -> NoReturn:
        raise PlanFileError(
            Message("{constant} is not a JSON number", constant=constant),
            where=name,
            remedy="write null instead",
        )

    try:
        document = json.loads(text, parse_constant=refuse_constant)
    except json.JSONDecodeError as e:
        raise PlanFileError(
            Message("not JSON: {msg}", msg=e.msg),
            where=f"{name}:{e.lineno}:{e.colno}",
            remedy="save the file again",
        ) from None
    except RecursionError:
        raise PlanFileError("nested too deep", where=name, remedy="save the file again") from None
    except PlanFileError:
        raise
    except ValueError:  # the only one left: an integer of thousands of digits
        raise PlanFileError(
            "a number of thousands of digits", where=name, remedy="save the file again"
        ) from None
    if not isinstance(document, dict):
        raise PlanFileError(
            "not a JSON object", where=name, remedy=Message("check that this is a {kind} file", kind=kind)
        )
    return document


def shown(value: object) -> str:
    """A JSON value as messages show it."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return "nothing" if value is None else clean_text(repr(value), limit=40)


def get_object(parent: dict[str, Any], key: str, *, where: str) -> dict[str, Any]:
    """The JSON object under a key.

    Raises:
        PlanFileError: none there.
    """
    value = parent.get(key)
    if not isinstance(value, dict):
        raise PlanFileError(
            Message("{key} must be an object, found {shown}", key=key, shown=shown(value)),
            where=where,
            remedy="a QGroundControl plan needs mission, geoFence and rallyPoints",
        )
    return value


def get_list(
    parent: dict[str, Any], key: str, *, where: str, limit: int, optional: bool = False
) -> list[Any]:
    """The JSON array under a key, at most ``limit`` long; an absent optional one is empty.

    Raises:
        PlanFileError: none there, or too long.
    """
    value = parent.get(key)
    if value is None and optional:
        return []
    if not isinstance(value, list):
        raise PlanFileError(
            Message("{key} must be a list, found {shown}", key=key, shown=shown(value)), where=where
        )
    check_count(len(value), limit, what=f"entries in {key}", where=where)
    return value


def number(value: object, *, where: str, what: str) -> float:
    """A finite number.

    Raises:
        PlanFileError: something else.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            result = float(value)
        except OverflowError:
            result = math.inf
        if math.isfinite(result):
            return result
    raise PlanFileError(
        Message("{what} must be a number, found {shown}", what=what, shown=shown(value)), where=where
    )


def get_number(parent: dict[str, Any], key: str, *, where: str) -> float:
    """The finite number under a key.

    Raises:
        PlanFileError: something else there.
    """
    return number(parent.get(key), where=where, what=key)


def whole(value: object, *, where: str, what: str) -> int:
    """A whole number, also where JSON writes it with a decimal point.

    Raises:
        PlanFileError: something else.
    """
    result = number(value, where=where, what=what)
    if not result.is_integer():
        raise PlanFileError(
            Message("{what} must be a whole number, found {shown}", what=what, shown=shown(value)),
            where=where,
        )
    return int(result)


def latlon(value: object, *, where: str, size: int = 2) -> tuple[LatLon, tuple[float, ...]]:
    """A ``[lat, lon, …]`` array and the numbers that follow, ``size`` numbers in all.

    Raises:
        PlanFileError: not such an array, or not a place on Earth.
    """
    if not isinstance(value, list) or len(value) < size:
        names = "[latitude, longitude]" if size == 2 else "[latitude, longitude, height]"
        raise PlanFileError(
            Message("a place must be {names}, found {shown}", names=names, shown=shown(value)), where=where
        )
    numbers = [number(v, where=where, what="a coordinate") for v in value[:size]]
    try:
        return LatLon(lat_deg=numbers[0], lon_deg=numbers[1]), tuple(numbers[2:])
    except InputFileError as e:
        raise PlanFileError(e.message, where=where, remedy=e.remedy) from None
