"""What a file holds differently from the plan that was written into it: found by reading the file back.

Nothing here knows any format. A conversion writes the plan, reads its own file again, and compares: what is
reported lost is what the reader of the file will not find.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from airbeat.geo.coordinates import Altitude, LatLon
from airbeat.geo.frame import distance_m
from airbeat.mission.commands import command_name
from airbeat.mission.plan import Fence, FlightPlan, PlanItem, RallyPoint

__all__ = ["Loss", "Precision", "losses"]

_METRES_PER_DEGREE = 110_000.0
_WINDOW = 40
"""How many items further on an item is looked for before it counts as lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """To what a format states its numbers; smaller differences are no loss.

    Attributes:
        place_m: positions [m].
        height_m: heights [m].
        number: parameters, speeds and radii, in their own units.
    """

    place_m: float = 0.002
    height_m: float = 0.001
    number: float = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One thing that the file does not say as the plan does.

    Attributes:
        where: "item 7", "fence polygon 2", "home" …
        text: what is missing or different, one sentence.
    """

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


def losses(meant: FlightPlan, held: FlightPlan, *, precision: Precision) -> tuple[Loss, ...]:
    """What of a plan is not in another one that was read back from a file of it.

    Compared are home, items, fence, rally points, speed and the last-seen point. Not compared are names,
    notes, roles and provenance, which no vehicle flies, and airframe, survey and estimate, which belong to
    the planner: no plan file holds them.

    Args:
        meant: the plan that was to be written.
        held: what reading the file gave.
        precision: to which the format states its numbers.

    Returns:
        In the order of the plan; items by their MAVLink numbers.
    """
    return (
        *_home(meant, held, precision),
        *_items(meant.items, held.items, precision),
        *_fence(meant.fence, held.fence, precision),
        *_rally(meant.rally or (), held.rally or (), precision),
        *_speed(meant.speed_m_s, held.speed_m_s, precision),
        *_last_seen(meant.last_seen, held.last_seen, precision),
    )


def _home(meant: FlightPlan, held: FlightPlan, precision: Precision) -> Iterator[Loss]:
    if not _same_place(meant.home, held.home, precision):
        yield Loss(where="home", text=f"{meant.home} becomes {held.home}")
    if meant.home_amsl_m is None:
        return
    if held.home_amsl_m is None:
        yield Loss(where="home", text=f"its height of {meant.home_amsl_m:g} m above sea level is not held")
    elif abs(held.home_amsl_m - meant.home_amsl_m) > precision.height_m:
        text = f"{meant.home_amsl_m:g} m above sea level becomes {held.home_amsl_m:g} m"
        yield Loss(where="home", text=text)


def _items(meant: Sequence[PlanItem], held: Sequence[PlanItem], precision: Precision) -> Iterator[Loss]:
    partner = _matched(meant, held, precision)
    taken = {k for k in partner if k is not None}
    added_before: dict[int, list[int]] = {}
    changed: dict[int, int] = {}
    free = [k for k in range(len(held)) if k not in taken]
    for index, match in enumerate(partner):
        if match is None:
            other = _likest(meant[index], held, free, _expected(partner, index))
            if other is not None:
                free.remove(other)
                changed[index] = other
    for k in free:
        after = max((i for i, m in enumerate(partner) if m is not None and m < k), default=-1)
        added_before.setdefault(after, []).append(k)
    for index in range(-1, len(meant)):
        if index >= 0 and partner[index] is None:
            where = f"item {index + 1} ({command_name(meant[index].command)})"
            if index in changed:
                text = _difference(meant[index], held[changed[index]], precision)
                yield Loss(where=where, text=text or "comes at another place in the flight")
            else:
                yield Loss(where=where, text="not held")
        for k in added_before.get(index, ()):
            place = f"after item {index + 1}" if index >= 0 else "before item 1"
            yield Loss(where=place, text=f"the file also says {held[k]}")


def _matched(meant: Sequence[PlanItem], held: Sequence[PlanItem], precision: Precision) -> list[int | None]:
    """For every item the one in the file that says the same.

    Places are matched in the order of flight, as many as can be; the commands between two of them in any
    order, because they run at one place.
    """
    partner: list[int | None] = [None] * len(meant)
    places = _in_order(_navs(meant), _navs(held), meant, held, precision)
    for i, k in places:
        partner[i] = k
    edges = [(-1, -1), *places, (len(meant), len(held))]
    for (first, held_first), (last, held_last) in itertools.pairwise(edges):
        free = [k for k in range(held_first + 1, held_last) if not held[k].is_nav]
        for i in range(first + 1, last):
            found = next((k for k in free if _same(meant[i], held[k], precision)), None)
            if found is not None and not meant[i].is_nav:
                partner[i] = found
                free.remove(found)
    return partner


def _navs(items: Sequence[PlanItem]) -> list[int]:
    return [n for n, item in enumerate(items) if item.is_nav]


def _in_order(
    ours: list[int],
    theirs: list[int],
    meant: Sequence[PlanItem],
    held: Sequence[PlanItem],
    precision: Precision,
) -> list[tuple[int, int]]:
    """The longest common sequence of places; what is the same at both ends is taken off first."""

    def same(i: int, k: int) -> bool:
        return _same(meant[ours[i]], held[theirs[k]], precision)

    head = 0
    while head < min(len(ours), len(theirs)) and same(head, head):
        head += 1
    end, held_end = len(ours), len(theirs)
    while end > head and held_end > head and same(end - 1, held_end - 1):
        end, held_end = end - 1, held_end - 1
    pairs = [(n, n) for n in range(head)]
    pairs += _common(range(head, end), range(head, held_end), same)
    pairs += [(end + n, held_end + n) for n in range(len(ours) - end)]
    return [(ours[i], theirs[k]) for i, k in pairs]


def _common(ours: range, theirs: range, same: Callable[[int, int], bool]) -> list[tuple[int, int]]:
    """Longest common subsequence of two runs within a window (Wagner and Fischer, banded)."""
    best: dict[tuple[int, int], int] = {}
    for i in reversed(ours):
        for k in reversed(_near(i, theirs)):
            skipped = max(best.get((i + 1, k), 0), best.get((i, k + 1), 0))
            best[i, k] = max(skipped, best.get((i + 1, k + 1), 0) + 1) if same(i, k) else skipped
    pairs = []
    i, k = ours.start, theirs.start
    while i < ours.stop and k < theirs.stop:
        if best.get((i, k), 0) == best.get((i + 1, k + 1), 0) + 1 and same(i, k):
            pairs.append((i, k))
            i, k = i + 1, k + 1
        elif best.get((i + 1, k), 0) >= best.get((i, k + 1), 0):
            i += 1
        else:
            k += 1
    return pairs


def _near(i: int, theirs: range) -> range:
    return range(max(theirs.start, i - _WINDOW), min(theirs.stop, i + _WINDOW))


def _expected(partner: Sequence[int | None], index: int) -> int:
    before = [m for m in partner[:index] if m is not None]
    return max(before) + 1 if before else 0


def _likest(item: PlanItem, held: Sequence[PlanItem], free: Sequence[int], at: int) -> int | None:
    """The unmatched item of the file that stands for this one: nearby, and alike in command or place."""
    near = sorted((k for k in free if abs(k - at) <= _WINDOW), key=lambda k: (abs(k - at), k))
    for alike in (_both_same_command, _both_places):
        found = next((k for k in near if alike(item, held[k])), None)
        if found is not None:
            return found
    return None


def _both_same_command(a: PlanItem, b: PlanItem) -> bool:
    return a.command == b.command


def _both_places(a: PlanItem, b: PlanItem) -> bool:
    return a.is_nav and b.is_nav and a.position is not None and a.position == b.position


def _same(a: PlanItem, b: PlanItem, precision: Precision) -> bool:
    return a.command == b.command and not _difference(a, b, precision)


def _difference(a: PlanItem, b: PlanItem, precision: Precision) -> str:
    """What differs, in words; empty for the same."""
    parts = []
    if a.command != b.command:
        parts.append(f"becomes {command_name(b.command)}")
    for number, (mine, theirs) in enumerate(
        zip((*a.params, *a.extra), (*b.params, *b.extra), strict=True), start=1
    ):
        if not _same_number(mine, theirs, precision.number):
            parts.append(f"parameter {number} {mine:g} becomes {theirs:g}")
    parts += _place_difference(a, b, precision)
    if a.autocontinue != b.autocontinue:
        parts.append("autocontinue is not held")
    return ", ".join(parts)


def _place_difference(a: PlanItem, b: PlanItem, precision: Precision) -> list[str]:
    parts = []
    if a.position is None or b.position is None:
        if a.position is not b.position:
            parts.append(f"its place {a.position or 'here'} becomes {b.position or 'here'}")
    elif not _same_place(a.position, b.position, precision):
        parts.append(f"its place {a.position} becomes {b.position}")
    if not _same_height(a.altitude, b.altitude, precision):
        parts.append(f"its height {a.altitude or 'not stated'} becomes {b.altitude or 'not stated'}")
    return parts


def _fence(meant: Fence | None, held: Fence | None, precision: Precision) -> Iterator[Loss]:
    if meant is None:
        return
    have = held or Fence()
    for number, polygon in enumerate(meant.polygons, start=1):
        kind = "inclusion" if polygon.inclusion else "exclusion"
        if not any(
            p.inclusion == polygon.inclusion and _same_ring(polygon.vertices, p.vertices, precision)
            for p in have.polygons
        ):
            yield Loss(where=f"fence polygon {number}", text=f"the {kind} zone is not held")
    for number, circle in enumerate(meant.circles, start=1):
        kind = "inclusion" if circle.inclusion else "exclusion"
        if not any(
            c.inclusion == circle.inclusion
            and _same_place(circle.centre, c.centre, precision)
            and _same_number(circle.radius_m, c.radius_m, precision.number)
            for c in have.circles
        ):
            yield Loss(where=f"fence circle {number}", text=f"the {kind} zone is not held")
    if meant.max_height_m is not None and have.max_height_m != meant.max_height_m:
        yield Loss(where="fence", text=f"the ceiling of {meant.max_height_m:g} m is not held")
    if meant.breach_return is not None and have.breach_return != meant.breach_return:
        yield Loss(where="fence", text="the breach-return point is not held")


def _rally(meant: Sequence[RallyPoint], held: Sequence[RallyPoint], precision: Precision) -> Iterator[Loss]:
    for number, rally in enumerate(meant, start=1):
        if not any(
            _same_place(rally.position, r.position, precision)
            and _same_height(rally.altitude, r.altitude, precision)
            for r in held
        ):
            yield Loss(where=f"rally point {number}", text="not held")


def _speed(meant: float | None, held: float | None, precision: Precision) -> Iterator[Loss]:
    if meant is None or (held is not None and _same_number(meant, held, precision.number)):
        return
    now = "is not held" if held is None else f"becomes {held:g} m/s"
    yield Loss(where="speed", text=f"the cruise speed of {meant:g} m/s {now}")


def _last_seen(meant: LatLon | None, held: LatLon | None, precision: Precision) -> Iterator[Loss]:
    if meant is not None and (held is None or not _same_place(meant, held, precision)):
        yield Loss(where="last-seen point", text="not held")


def _same_place(a: LatLon, b: LatLon, precision: Precision) -> bool:
    if a == b:
        return True
    if abs(a.lat_deg - b.lat_deg) * _METRES_PER_DEGREE > 2 * precision.place_m + 1.0:
        return False
    return distance_m(a, b) <= precision.place_m


def _same_ring(a: Sequence[LatLon], b: Sequence[LatLon], precision: Precision) -> bool:
    """Whether two rings are one zone, wherever they begin and whichever way round they go."""
    if len(a) != len(b):
        return False
    for ring in (tuple(b), tuple(reversed(b))):
        for shift in range(len(ring)):
            if not _same_place(a[0], ring[shift], precision):
                continue
            turned = ring[shift:] + ring[:shift]
            if all(_same_place(p, q, precision) for p, q in zip(a, turned, strict=True)):
                return True
    return not a


def _same_height(a: Altitude | None, b: Altitude | None, precision: Precision) -> bool:
    if a is None or b is None:
        return a is b
    return a.datum is b.datum and abs(a.value_m - b.value_m) <= precision.height_m


def _same_number(a: float, b: float, tolerance: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return abs(a - b) <= tolerance * max(1.0, abs(a))
