"""pydantic's findings in the words of the mission file: places, dotted keys, the value found, a hint."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from airbeat.errors import Problem
from airbeat.language.words import Message
from airbeat.mission.patternschema import PATTERNS
from airbeat.mission.schema import MissionFile
from airbeat.mission.yamltree import KeyPath, YamlTree

__all__ = ["MAX_HINTS", "key_hint", "problems_of", "shown", "value_at"]

MAX_HINTS = 200
"""Looking for the key that was meant takes time; a file of so many unknown keys is no typing mistake."""
_UNKNOWN = Message("unknown key")
_MISSING = Message("is missing")


def problems_of(
    error: ValidationError, tree: YamlTree, model: type[BaseModel] = MissionFile
) -> list[Problem]:
    """Every finding of a validation as a Problem; values that were unusable as YAML are left out.

    Args:
        error: what pydantic found.
        tree: the file.
        model: what the file was validated as.
    """
    found: dict[KeyPath, tuple[str, str]] = {}
    for number, detail in enumerate(error.errors(include_url=False)):
        path = _in_file(tuple(detail["loc"]), tree.data)
        if detail["type"] == "union_tag_invalid":
            path = (*path, "pattern")
        if not any(path[: len(bad)] == bad for bad in tree.unusable):
            found[path] = _words(detail, path, tree, model if number < MAX_HINTS else None)
    for path, (message, hint) in list(found.items()):
        if message == _UNKNOWN and hint.startswith("did you mean "):
            meant = hint.removeprefix("did you mean ").rstrip("?")
            if found.get((*path[:-1], meant), ("", ""))[0] == _MISSING:
                del found[(*path[:-1], meant)]
    return [tree.problem(path, message, hint) for path, (message, hint) in found.items()]


def shown(value: Any) -> str:
    """A value as an error message shows it."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a block of keys"
    if isinstance(value, list):
        return Message("a list of {number}", number=len(value)) if value else "an empty list"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def value_at(data: Any, path: KeyPath) -> Any:
    """The value under a path, or None where the path does not lead anywhere."""
    for part in path:
        if isinstance(data, dict) and part in data:
            data = data[str(part)]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


def key_hint(key: str, known: Iterable[str]) -> str:
    """What an unknown key was probably meant to be, or which keys there are."""
    names = sorted(known)
    key = key[:60]
    if key.isdigit():
        return "numbers have a decimal point, not a comma"
    close = difflib.get_close_matches(key.lower(), names, n=1, cutoff=0.6)
    if not close:
        close = [n for n in names if n.rsplit("_", 1)[0] == key.lower() or n.startswith(f"{key.lower()}_")][
            :1
        ]
    return (
        Message("did you mean {close}?", close=close[0])
        if close
        else Message("keys here: {names}", names=", ".join(names))
    )


def _in_file(loc: KeyPath, data: Any) -> KeyPath:
    """The path as it stands in the file: without union tags and the keys that a short form implies."""
    path: list[str | int] = []
    for number, part in enumerate(loc):
        if isinstance(data, dict) and part in data:
            data = data[str(part)]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        elif number < len(loc) - 1 or _is_implied(loc, data):
            continue
        else:
            data = None
        path.append(part)
    return tuple(path)


def _is_implied(loc: KeyPath, data: Any) -> bool:
    """Whether the last part is a union's tag, or a key that a short form (a list, a name) stands for."""
    tag = loc[-1] in PATTERNS and len(loc) == 2
    return tag or not isinstance(data, dict)


def _model_at(loc: KeyPath, whole: type[BaseModel]) -> type[BaseModel] | None:
    """The model of the block that holds the last key of a pydantic location."""
    current: Any = whole
    for part in loc[:-1]:
        candidates = _models_in(current)
        tagged = [m for m in candidates if isinstance(part, str) and _has_tag(m, part)]
        if len(candidates) > 1 and tagged:
            current = tagged[0]
        elif isinstance(part, str):
            owners = [m for m in candidates if part in m.model_fields]
            current = owners[0].model_fields[part].annotation if owners else None
    models = _models_in(current)
    return models[0] if models else None


def _has_tag(model: type[BaseModel], tag: str) -> bool:
    field = model.model_fields.get("pattern")
    return field is not None and field.default == tag


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for inner in typing.get_args(annotation) for m in _models_in(inner)]


def _words(
    detail: ErrorDetails, path: KeyPath, tree: YamlTree, whole: type[BaseModel] | None
) -> tuple[str, str]:
    """Message and hint; without the file's model unknown and missing keys get no hint."""
    kind = detail["type"]
    if kind == "airbeat":
        context = detail.get("ctx", {})
        text, hint = context["text"], context["hint"]
        return text if isinstance(text, Message) else str(text)[:300], hint
    if kind == "extra_forbidden" and whole is None:
        return _UNKNOWN, ""
    if kind == "extra_forbidden":
        model = _model_at(tuple(detail["loc"]), whole or MissionFile)
        return _UNKNOWN, key_hint(str(detail["loc"][-1]), model.model_fields if model else ())
    if kind == "missing":
        model = _model_at(tuple(detail["loc"]), whole or MissionFile)
        field = model.model_fields.get(str(detail["loc"][-1])) if model else None
        return _MISSING, (field.description or "") if field else ""
    got = shown(detail["input"])
    context = detail.get("ctx", {})
    if kind == "union_tag_invalid":
        close = difflib.get_close_matches(context["tag"], PATTERNS, n=1)
        hint = (
            Message("did you mean {close}?", close=close[0])
            if close
            else Message("patterns: {patterns}", patterns=", ".join(PATTERNS))
        )
        return Message("no such pattern (got {tag!r})", tag=context["tag"][:60]), hint
    if kind == "too_short" and isinstance(detail["input"], str):
        return Message("must not be empty (got {got})", got=got), ""
    wording = _WORDING.get(kind)
    if wording is None:
        return Message("{msg} (got {got})", msg=detail["msg"][:200], got=got), ""
    return Message("{wording} (got {got})", wording=wording(context), got=got), _value_hint(
        detail, path, tree
    )


_WORDING: dict[str, Callable[[dict[str, Any]], str]] = {
    "less_than": lambda c: Message("must be less than {limit:g}", limit=c["lt"]),
    "less_than_equal": lambda c: Message("must be {limit:g} or less", limit=c["le"]),
    "greater_than": lambda c: Message("must be more than {limit:g}", limit=c["gt"]),
    "greater_than_equal": lambda c: Message("must be {limit:g} or more", limit=c["ge"]),
    "finite_number": lambda _: Message("must be a finite number"),
    "float_type": lambda _: Message("must be a number"),
    "int_type": lambda _: Message("must be a whole number"),
    "int_from_float": lambda _: Message("must be a whole number"),
    "bool_type": lambda _: Message("must be true or false"),
    "string_type": lambda _: Message("must be text"),
    "string_unicode": lambda _: Message("must be one line of printable text"),
    "string_too_short": lambda _: Message("must not be empty"),
    "string_too_long": lambda c: Message("must not be longer than {limit} characters", limit=c["max_length"]),
    "list_type": lambda _: Message("must be a list"),
    "model_type": lambda _: Message("must be a block of keys"),
    "too_short": lambda c: (
        Message("needs at least 1 entry")
        if c["min_length"] == 1
        else Message("needs at least {limit} entries", limit=c["min_length"])
    ),
    "too_long": lambda c: Message("must not have more than {limit} entries", limit=c["max_length"]),
    "literal_error": lambda c: Message("must be {expected}", expected=c["expected"].replace(chr(39), "")),
}


def _value_hint(detail: ErrorDetails, path: KeyPath, tree: YamlTree) -> str:
    value = detail["input"]
    key = str(path[-1]) if path else ""
    if key in ("lat", "lon") and isinstance(value, int | float):
        return _swap_hint(key, value, value_at(tree.data, path[:-1]))
    if key in ("side", "front", "reserve_share") and isinstance(value, int | float):
        if 2 <= value < 100:
            return Message("write {number:g} for {value:g} %", number=value / 100, value=value)
        return "a share of the whole: write 0.3 for 30 %"
    if detail["type"] in ("float_type", "int_type") and isinstance(value, str):
        return _number_hint(value, key)
    if key == "gsd_cm_px" and isinstance(value, int | float):
        return "centimetres of ground a pixel: 2 shows a person"
    if detail["type"] == "bool_type":
        return Message("write {key}: true", key=key) if key in ("photo", "crosshatch") else ""
    if key == "gimbal_pitch_deg" and isinstance(value, int | float):
        return "-90 looks straight down, -45 forward and down"
    if detail["type"] == "literal_error":
        if key == "airbeat":
            return "this version reads airbeat: 1; a newer file needs a newer airbeat"
        options = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
        close = difflib.get_close_matches(str(value).lower().replace("-", ""), options, n=1)
        return Message("did you mean {close}?", close=close[0]) if close else ""
    if detail["type"] in ("model_type", "list_type") and key in _EXAMPLES:
        return Message("write {examples}", examples=_EXAMPLES[key])
    if detail["type"] == "too_short":
        few = {
            "points": "list at least one point",
            "line": "a line has two ends",
            "heights_m": "heights_m: [20, 35, 50]",
        }
        return few.get(key, "three corners make the smallest polygon")
    return ""


_EXAMPLES = {
    "area": "area: wood.geojson, or the corners as a list of {lat: 47.26931, lon: 11.40412}",
    "camera": "camera: embedded-12mp, or the camera's values as a block",
    "airframe": "airframe: arducopter-quad, or the airframe's values as a block",
    "home": "home: {lat: 47.26931, lon: 11.40412}",
    "last_seen": "last_seen: {lat: 47.26931, lon: 11.40412}",
    "height": "height: {value_m: 60, datum: home}",
    "overlap": "overlap: {side: 0.3, front: 0.3}",
    "fence": "fence: {inclusion: [{polygon: [...]}], max_height_m: 120}",
    "inclusion": "inclusion: [{polygon: [...]}]",
    "exclusion": "exclusion: [{polygon: [...]}]",
    "rally": "rally: [{lat: 47.26931, lon: 11.40412, height_m: 40}]",
    "points": "points: [{lat: 47.26931, lon: 11.40412}]",
    "heights_m": "heights_m: [20, 35, 50]",
    "centre": "centre: {lat: 47.26931, lon: 11.40412}",
    "line": "line: [{lat: 47.26931, lon: 11.40412}, {lat: 47.27102, lon: 11.40398}]",
    "terrain": "terrain: N47E011.hgt",
    "wind": "wind: {from_deg: 270, speed_m_s: 5}",
}


def _swap_hint(key: str, value: float, block: Any) -> str:
    other = block.get("lon" if key == "lat" else "lat") if isinstance(block, dict) else None
    if key == "lat" and isinstance(other, int | float) and abs(other) <= 90 and abs(value) <= 180:
        return Message(
            "latitude and longitude look swapped: lat: {other}, lon: {value}", other=other, value=value
        )
    return "decimal degrees are wanted, north and east positive"


def _number_hint(value: str, key: str) -> str:
    text = value.strip()
    if re.fullmatch(r"[-+]?[0-9]+,[0-9]+", text):
        return Message("write the decimal point: {replace}", replace=text.replace(",", "."))
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}", text):
        return Message("write the number in decimal digits: {words}", words=int(text, 16))
    if re.fullmatch(r"[-+]?[0-9.]+", text):
        return Message("write the number without quotes: {words}", words=text)
    share = re.fullmatch(r"([0-9.]+)\s*%", text)
    if share and re.fullmatch(r"[0-9]+(\.[0-9]+)?", share[1]):
        return Message("write {share:g} for {words}", share=float(share[1]) / 100, words=text)
    number = re.match(r"[-+]?[0-9]+(\.[0-9]+)?(?=\s*[a-zA-Z°])", text)
    if number:
        return Message(
            "write the number alone, the unit is in the key: {key}: {number}", key=key, number=number[0]
        )
    return "write the number alone, with a decimal point"
