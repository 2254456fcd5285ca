"""A mission that needs more than one battery, or more items than the autopilot holds, cut into several plans.

The order of the lines or points stays; they are cut between lines, and inside lines only where nothing else
works. Each plan takes off, flies there inside the fence, works, and returns. Fewest plans first, then least
time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import shapely

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.mission.commands import MavCmd
from airbeat.mission.mission import Mission
from airbeat.mission.plan import Estimate, FlightPlan, ItemRole, PlanItem, Survey
from airbeat.planning.common import BATTERY_NOTE, as_flown, routers
from airbeat.planning.edges import stopped_at_edges
from airbeat.planning.estimate import estimate_flight
from airbeat.planning.freespace import FlightSpace, flight_space
from airbeat.planning.items import return_item, start_items, waypoint
from airbeat.planning.photos import footprints, photo_count
from airbeat.planning.route import Router, polygons_of
from airbeat.planning.tour import Leg

__all__ = ["needs_splitting", "split_flight"]

Place = tuple[float, float]

_PIECES_OF_A_LINE = (1, 2, 4, 8, 16)
_SHARES_OF_A_BATTERY = (1.0, 0.97, 0.94, 0.9, 0.85, 0.8)
"""How much of a battery the cutting plans with: the finished items may take a little more than it reckons."""

_ITEMS_AROUND = 4
_ITEMS_OF_A_LINE = 3
"""Camera on, the line's end, camera off."""

"""Take-off, speed, return, and home itself."""
_SORTIE_S = 1e7
_SETTINGS = frozenset({MavCmd.DO_MOUNT_CONTROL, MavCmd.DO_SET_ROI})
_WORK = (ItemRole.SWEEP, ItemRole.VISIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """What is not cut: a line or a piece of one, or a fixed point with what happens there.

    Attributes:
        before: waypoints that lead to it from the unit before.
        items: its items.
        start: where it begins.
        end: where it ends.
        continues: whether it is the next piece of the same line.
        bends: whether it is a piece of a line with corners.
    """

    before: tuple[PlanItem, ...]
    items: tuple[PlanItem, ...]
    start: LatLon
    end: LatLon
    continues: bool = False
    bends: bool = False

    @property
    def is_line(self) -> bool:
        return self.items[0].command == MavCmd.DO_SET_CAM_TRIGG_DIST

    @property
    def places(self) -> list[LatLon]:
        """From the start through every corner to the end."""
        corners = [i.position for i in self.items if i.position is not None]
        return [self.start, *(b for a, b in pairwise([self.start, *corners]) if a != b)]

    @property
    def height_m(self) -> float:
        altitude = next(i.altitude for i in self.items if i.altitude is not None)
        return altitude.value_m


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    mission: Mission
    plan: FlightPlan
    space: FlightSpace
    router: Router
    most_items: int
    battery_share: float = 1.0

    @property
    def endurance_s(self) -> float:
        """What one flight may take by the estimate that cuts [s]."""
        return self.mission.airframe.endurance_s * self.battery_share

    @property
    def speed_m_s(self) -> float:
        return self.plan.speed_m_s or self.mission.speed_m_s


def needs_splitting(plan: FlightPlan, *, most_items: int) -> bool:
    """Whether a plan needs more than one battery, or more items than there is room for.

    A survey that hovers for its photographs has no lines to share and stays whole: the checks then say that
    it is too long.
    """
    batteries = plan.estimate.batteries if plan.estimate else 1
    if plan.survey is not None and not any(i.command == MavCmd.DO_SET_CAM_TRIGG_DIST for i in plan.items):
        return False
    return batteries > 1 or len(plan.items) + 1 > most_items


def split_flight(mission: Mission, plan: FlightPlan, *, most_items: int) -> tuple[FlightPlan, ...]:
    """The mission's plan as several, each for one battery and the autopilot's memory.

    Args:
        mission: what was planned.
        plan: what ``plan_mission`` made of it.
        most_items: mission items that the autopilot holds, home included.

    Raises:
        PlanningError: a line or point that cannot be reached and left on one battery.
    """
    speed_m_s = plan.speed_m_s or mission.speed_m_s
    mission = replace(mission, speed_m_s=speed_m_s)
    space = flight_space(mission)
    _, far = routers(mission, space)
    task = _Task(mission=mission, plan=plan, space=space, router=far, most_items=most_items)
    whole = list(_units(plan))
    for share in _SHARES_OF_A_BATTERY:
        plans = _cut(replace(task, battery_share=share), whole)
        if all(p.estimate is not None and p.estimate.battery_share <= 1.0 for p in plans):
            break
    return plans


def _cut(task: _Task, whole: Sequence[_Unit]) -> tuple[FlightPlan, ...]:
    """Plans that each fit by the estimate that cuts.

    Raises:
        PlanningError: a line or point that cannot be reached and left.
    """
    for pieces in _PIECES_OF_A_LINE:
        units = [piece for unit in whole for piece in _pieces(task, unit, pieces)]
        groups = _groups(task, units)
        if groups is not None:
            return _plans(task, groups)
    raise _out_of_reach(task, units)


def _units(plan: FlightPlan) -> Iterator[_Unit]:
    """The lines and points of a plan, in its order."""
    items = list(plan.items[2:-1])
    before: list[PlanItem] = []
    here = plan.home
    k = 0
    while k < len(items):
        item = items[k]
        if item.role is ItemRole.TRANSIT:
            before.append(item)
            here = item.position or here
            k += 1
            continue
        if item.command in _SETTINGS:
            k += 1
            continue
        last = _last_of_unit(items, k)
        unit = items[k : last + 1]
        places = [i.position for i in unit if i.position is not None]
        start = here if item.command == MavCmd.DO_SET_CAM_TRIGG_DIST else places[0]
        yield _Unit(before=tuple(before), items=tuple(unit), start=start, end=places[-1])
        here, before, k = places[-1], [], last + 1


def _settings(plan: FlightPlan) -> tuple[list[PlanItem], list[PlanItem]]:
    """Camera commands ahead of the first unit, and those behind the last: every sortie needs both."""
    first = next((k for k, i in enumerate(plan.items) if i.role in _WORK), len(plan.items))
    last = max((k for k, i in enumerate(plan.items) if i.role in _WORK), default=0)
    set_up = [i for i in plan.items[:first] if i.command in _SETTINGS]
    return set_up, [i for i in plan.items[last:] if i.command == MavCmd.DO_SET_ROI]


def _last_of_unit(items: Sequence[PlanItem], first: int) -> int:
    """The number of the last item that belongs to the one at ``first``."""
    k = first
    if items[first].command == MavCmd.DO_SET_CAM_TRIGG_DIST:
        while not (items[k].command == MavCmd.DO_SET_CAM_TRIGG_DIST and items[k].params[0] == 0):
            k += 1
        return k
    place = items[first].position
    while k + 1 < len(items) and (not items[k + 1].is_nav or items[k + 1].position == place):
        k += 1
    return k


def _pieces(task: _Task, unit: _Unit, count: int) -> list[_Unit]:
    """A straight line in so many pieces, one with corners cut at some of them; a point as it is."""
    if count == 1 or not unit.is_line:
        return [unit]
    if len(unit.items) != _ITEMS_OF_A_LINE:
        return _cut_at_corners(unit, count)
    on, sweep, off = unit.items
    (ax, ay), (bx, by) = task.space.frame.to_xy([unit.start, unit.end])
    shares = [k / count for k in range(1, count)]
    inner = task.space.frame.to_latlon([(ax + (bx - ax) * s, ay + (by - ay) * s) for s in shares])
    cuts = [unit.start, *inner, unit.end]
    return [
        _Unit(
            before=unit.before if k == 0 else (),
            items=(on, replace(sweep, position=b), off),
            start=a,
            end=b,
            continues=k > 0,
        )
        for k, (a, b) in enumerate(pairwise(cuts))
    ]


def _cut_at_corners(unit: _Unit, count: int) -> list[_Unit]:
    """A line with corners in no more than so many pieces, each of about as many legs."""
    on, *inner, off = unit.items
    ends = [k + 1 for k, item in enumerate(inner) if item.is_nav]
    cuts = sorted({ends[round(k * len(ends) / count) - 1] for k in range(1, count) if k * len(ends) >= count})
    pieces: list[_Unit] = []
    here = unit.start
    for first, last in pairwise([0, *cuts, len(inner)]):
        part = inner[first:last]
        places = [i.position for i in part if i.position is not None]
        if not places:
            continue
        pieces.append(
            _Unit(
                before=unit.before if not pieces else (),
                items=(on, *part, off),
                start=here,
                end=places[-1],
                continues=bool(pieces),
                bends=True,
            )
        )
        here = places[-1]
    return pieces


def _groups(task: _Task, units: Sequence[_Unit]) -> list[list[_Unit]] | None:
    """Units in the fewest flights and, with as many, the least time; None where one fits into no flight."""
    out = [_way(task, unit.start) for unit in units]
    back = [_way(task, unit.end)[::-1] for unit in units]
    around = _ITEMS_AROUND + sum(map(len, _settings(task.plan)))
    best = [math.inf] * (len(units) + 1)
    came = [-1] * (len(units) + 1)
    best[0] = 0.0
    for first in range(len(units)):
        if not math.isfinite(best[first]):
            continue
        work_s, items = 0.0, around + len(out[first]) - 1
        climb_s = task.mission.airframe.climb_time_s(units[first].height_m)
        for last in range(first, len(units)):
            if last > first:
                work_s += _between_s(task, units[last - 1], units[last])
                items += len(units[last].before)
            work_s += _work_s(task, units[last])
            items += len(units[last].items)
            landing_s = task.mission.airframe.landing_time_s(units[last].height_m)
            flight_s = climb_s + _path_s(task, out[first]) + work_s + _path_s(task, back[last]) + landing_s
            if flight_s - _path_s(task, back[last]) > task.endurance_s:
                break
            if items + len(back[last]) - 2 > task.most_items or flight_s > task.endurance_s:
                continue
            if best[first] + _SORTIE_S + flight_s < best[last + 1]:
                best[last + 1], came[last + 1] = best[first] + _SORTIE_S + flight_s, first
    if not math.isfinite(best[-1]):
        return None
    groups = []
    end = len(units)
    while end > 0:
        groups.append(list(units[came[end] : end]))
        end = came[end]
    return groups[::-1]


def _way(task: _Task, place: LatLon) -> list[Place]:
    """Corners from home to a place inside the fence, both included.

    Raises:
        PlanningError: there is none.
    """
    x, y = task.space.frame.to_xy([place])[0]
    found = task.router.route(task.space.gate, (float(x), float(y)))
    if found is None:
        raise PlanningError(
            "no way from home inside the fence", where=str(place), remedy="widen the fence or the margin"
        )
    return found[1] if task.space.gate == task.space.home else [task.space.home, *found[1]]


def _path_s(task: _Task, path: Sequence[Place]) -> float:
    """Time of a path with a stop at each corner [s]."""
    return task.mission.airframe.path_time_s([math.dist(a, b) for a, b in pairwise(path)], task.speed_m_s)


def _between_s(task: _Task, first: _Unit, second: _Unit) -> float:
    """Time from the end of one unit to the start of the next [s]."""
    places = [first.end, *(i.position for i in second.before if i.position), second.start]
    climb_s = abs(task.mission.airframe.climb_time_s(second.height_m - first.height_m))
    return climb_s + _path_s(task, [(float(x), float(y)) for x, y in task.space.frame.to_xy(places)])


def _work_s(task: _Task, unit: _Unit) -> float:
    """Time of a unit [s]."""
    corners = [(float(x), float(y)) for x, y in task.space.frame.to_xy(unit.places)]
    return _path_s(task, corners) + _dwell_s(unit.items)


def _dwell_s(items: Sequence[PlanItem]) -> float:
    return sum(i.params[0] for i in items if i.command == MavCmd.NAV_WAYPOINT)


def _plans(task: _Task, groups: Sequence[Sequence[_Unit]]) -> tuple[FlightPlan, ...]:
    plans: list[FlightPlan] = []
    seen = shapely.Polygon()
    for number, group in enumerate(groups, start=1):
        lines = [leg for unit in _merged(group) if unit.is_line for leg in _legs(task, unit)]
        survey = None
        if task.plan.survey is not None:
            swept = _swept(task.plan.survey, lines)
            survey = _part(task, task.plan.survey, swept, seen)
            seen = seen.union(swept)
        notes = tuple(n for n in task.plan.notes if not n.startswith(BATTERY_NOTE))
        plan = replace(
            task.plan,
            name=f"{task.plan.name}, sortie {number} of {len(groups)}",
            items=tuple(_items(task, group)),
            survey=survey,
            notes=(
                *notes,
                Message(
                    "sortie {number} of {groups}: the others cover the rest",
                    number=number,
                    groups=len(groups),
                ),
            ),
        )
        plan = stopped_at_edges(plan)
        plans.append(replace(plan, estimate=as_flown(plan, _estimate(task, group, lines))))
    return tuple(plans)


def _merged(group: Sequence[_Unit]) -> list[_Unit]:
    """Pieces of one line that follow one another as one piece."""
    merged: list[_Unit] = []
    for unit in group:
        if unit.continues and merged and merged[-1].end == unit.start:
            items = (*merged[-1].items[:-1], *unit.items[1:]) if unit.bends else unit.items
            merged[-1] = replace(merged[-1], items=items, end=unit.end)
        else:
            merged.append(unit)
    return merged


def _items(task: _Task, group: Sequence[_Unit]) -> Iterator[PlanItem]:
    units = _merged(group)
    first, last = units[0], units[-1]
    yield from start_items(home=task.plan.home, height_m=first.height_m, speed_m_s=task.speed_m_s)
    set_up, let_go = _settings(task.plan)
    yield from set_up
    corners = _way(task, first.start)[1:] if first.is_line else _way(task, first.start)[1:-1]
    for corner in task.space.frame.to_latlon(corners):
        yield waypoint(corner, first.height_m, ItemRole.TRANSIT)
    for unit in units:
        if unit is not first:
            yield from unit.before
        yield from unit.items
    yield from let_go
    for corner in task.space.frame.to_latlon(_way(task, last.end)[::-1][1:-1]):
        yield waypoint(corner, last.height_m, ItemRole.TRANSIT)
    yield return_item()


def _legs(task: _Task, unit: _Unit) -> list[Leg]:
    corners = [(float(x), float(y)) for x, y in task.space.frame.to_xy(unit.places)]
    return [Leg(start=a, end=b, camera_on=True) for a, b in pairwise(corners)]


def _estimate(task: _Task, group: Sequence[_Unit], lines: Sequence[Leg]) -> Estimate:
    units = _merged(group)
    places = [p for u in units for p in ([i.position for i in u.before if i.position], u.places)]
    inner = [p for some in places[1:] for p in some]
    path = [*_way(task, units[0].start), *((float(x), float(y)) for x, y in task.space.frame.to_xy(inner))]
    path += _way(task, units[-1].end)[::-1][1:]
    climbs = sum(abs(task.mission.airframe.climb_time_s(b.height_m - a.height_m)) for a, b in pairwise(units))
    triggers = (i.params[0] for u in units for i in u.items if i.command == MavCmd.DO_SET_CAM_TRIGG_DIST)
    trigger_m = next((t for t in triggers if t > 0), math.inf)
    single = sum(i.command == MavCmd.DO_DIGICAM_CONTROL for u in units for i in u.items)
    return estimate_flight(
        path,
        airframe=task.mission.airframe,
        speed_m_s=task.speed_m_s,
        height_m=units[-1].height_m,
        photos=single + (photo_count(lines, trigger_m) if lines else 0),
        dwell_s=sum(_dwell_s(u.items) for u in units),
        climbing_s=climbs
        + task.mission.airframe.climb_time_s(units[0].height_m)
        - task.mission.airframe.climb_time_s(units[-1].height_m),
    )


def _swept(survey: Survey, lines: Sequence[Leg]) -> shapely.Geometry:
    view = survey.camera.view(survey.height_agl_m, pitch_deg=survey.gimbal_pitch_deg)
    return footprints(
        lines,
        across_m=survey.footprint_across_m,
        near_m=view.near_m,
        far_m=view.far_m,
        trigger_distance_m=survey.trigger_distance_m,
        chained=True,
    )


def _part(task: _Task, survey: Survey, swept: shapely.Geometry, seen: shapely.Geometry) -> Survey:
    """The survey of one flight: the part of the area that it photographs and none before it did."""
    photographed = task.space.area.intersection(swept)
    own = polygons_of(photographed.difference(seen)) or polygons_of(photographed)
    area = task.space.frame.to_geographic(shapely.union_all(own))
    return replace(survey, area=area, coverage_fraction=1.0, unseen=None)


def _out_of_reach(task: _Task, units: Sequence[_Unit]) -> PlanningError:
    airframe = task.mission.airframe

    def alone_s(unit: _Unit) -> float:
        ways_s = _path_s(task, _way(task, unit.start)) + _path_s(task, _way(task, unit.end))
        up_and_down_s = airframe.climb_time_s(unit.height_m) + airframe.landing_time_s(unit.height_m)
        return ways_s + _work_s(task, unit) + up_and_down_s

    worst = max(units, key=alone_s)
    needed_s = alone_s(worst)
    if needed_s <= task.endurance_s:
        return PlanningError(
            Message(
                "no sortie of at most {most_items} mission items reaches all of the area",
                most_items=task.most_items,
            ),
            where=str(worst.start),
            remedy="move home, or simplify the fence and the keep-outs",
        )
    return PlanningError(
        Message(
            "this place cannot be reached and left on one battery: flying there, working and "
            "returning takes {needed_s:.1f} min of {endurance_s:.1f} min above the reserve, "
            "{needed_s_2:.1f} min too much",
            needed_s=needed_s / 60,
            endurance_s=task.endurance_s / 60,
            needed_s_2=(needed_s - task.endurance_s) / 60,
        ),
        where=str(worst.start),
        remedy="move home nearer, use a larger battery or a smaller area",
    )
