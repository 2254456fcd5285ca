"""Mission items that ride along with a waypoint of a map file, in one named extension.

KML, GeoJSON and GPX draw places; what happens at a place has no standard there. So every waypoint carries
the items from itself up to the next waypoint as JSON text under the name ``airbeat_items``; other programs
ignore it. The place itself is not among them: it is where the file draws it, also after somebody moved it.
Heights and datums stand in the item.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

from airbeat.errors import PlanFileError
from airbeat.formats.items import RawItem, from_raw, to_raw
from airbeat.formats.limits import MAX_ITEMS, check_count
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.mission.plan import FlightPlan, ItemRole, PlanItem

__all__ = ["ITEMS_KEY", "carried_items", "item_groups"]

ITEMS_KEY = "airbeat_items"
_FIELDS = 11
"""command, frame, param1…param7, autocontinue, role."""


def item_groups(plan: FlightPlan) -> dict[int, str]:
    """JSON text of the items of each waypoint, by its number; under 0 those before the first waypoint."""
    groups: dict[int, list[list[Any]]] = {}
    at = 0
    for number, item in plan.numbered():
        placed = item.is_nav and item.position is not None
        if placed:
            at = number
        raw = to_raw(item, number=number)
        params: list[Any] = [None if math.isnan(p) else p for p in raw.params]
        if placed:
            params[4:6] = [0, 0]
        entry = [raw.command, raw.frame, *params, int(raw.autocontinue), item.role.value]
        groups.setdefault(at, []).append(entry)
    return {number: json.dumps(group, allow_nan=False) for number, group in groups.items()}


def carried_items(text: str, place: LatLon | None, *, where: str) -> list[PlanItem]:
    """The items of one waypoint, or with no place those before the first.

    Args:
        text: what `item_groups` wrote.
        place: where the file draws the waypoint.
        where: for messages.

    Raises:
        PlanFileError: not what `item_groups` writes.
    """
    try:
        group = json.loads(text)
    except (ValueError, RecursionError):
        group = None
    if not isinstance(group, list) or not group:
        raise PlanFileError(
            Message("{items_key} is damaged", items_key=ITEMS_KEY),
            where=where,
            remedy="export the file again, or delete that field",
        )
    check_count(len(group), MAX_ITEMS, what="items", where=where)
    items = [_item(entry, where=f"{where}: {ITEMS_KEY} {n}") for n, entry in enumerate(group, start=1)]
    if place is None:
        return items
    if not items[0].is_nav:
        raise PlanFileError(
            Message("{items_key} does not begin with a waypoint", items_key=ITEMS_KEY), where=where
        )
    return [replace(items[0], position=place), *items[1:]]


def _item(entry: Any, *, where: str) -> PlanItem:
    if not isinstance(entry, list) or len(entry) != _FIELDS:
        raise PlanFileError(Message("not {fields} values", fields=_FIELDS), where=where)
    *numbers, role = entry
    values = [math.nan if v is None else _number(v, where) for v in numbers]
    if not all(v.is_integer() for v in (values[0], values[1], values[9])):
        raise PlanFileError("command, frame and autocontinue must be whole numbers", where=where)
    item = from_raw(
        RawItem(
            command=int(values[0]),
            frame=int(values[1]),
            params=tuple(values[2:9]),
            autocontinue=bool(values[9]),
            jump_id=0,
            where=where,
        )
    )
    roles = {known.value: known for known in ItemRole}
    return replace(item, role=roles.get(role if isinstance(role, str) else "", ItemRole.OTHER))


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        raise PlanFileError("not a number", where=where)
    return float(value)
