"""From an interrupted flight to the plan that goes on with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import shapely

from airbeat.errors import InputFileError, PlanningError, UsageError
from airbeat.flight.record import FlightOutcome
from airbeat.flight.schedule import Schedule
from airbeat.flight.state import FlightState, ResumePoint
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.geo.polygons import polygon_parts, unite
from airbeat.mission.commands import MavCmd, command_name
from airbeat.mission.legs import Leg, legs
from airbeat.mission.plan import FlightPlan, ItemRole, PlanItem
from airbeat.planning.follow import ground_above_home_m
from airbeat.planning.freespace import fence_zones
from airbeat.planning.route import Router

__all__ = ["plan_from", "resume_plan", "resume_point", "way_inside"]

_BESIDE_LINE_M = 15.0
"""A photograph this far beside a line still belongs to it."""
_ON_LEG_M = 20.0
"""A hovering vehicle this far from its leg is on it still."""
_STOP_S = 4.0
_CLEARANCE_M = 30.0
"""Distance that a way keeps from the ground of a height model where no lines say another [m]."""
_CUT_CORNER_M = 2.5
"""WPNAV_RADIUS, within which a Copter cuts corners, and the tolerance of the checks."""
_END_PHOTO_SHARE = 0.5
_GIMBAL = (
    MavCmd.DO_MOUNT_CONTROL,
    MavCmd.DO_GIMBAL_MANAGER_PITCHYAW,
    MavCmd.DO_SET_ROI,
    MavCmd.DO_SET_ROI_LOCATION,
    MavCmd.DO_SET_ROI_NONE,
)
_SERIES = (
    MavCmd.DO_SET_CAM_TRIGG_DIST,
    MavCmd.DO_SET_CAM_TRIGG_INTERVAL,
    MavCmd.IMAGE_START_CAPTURE,
    MavCmd.IMAGE_STOP_CAPTURE,
    MavCmd.VIDEO_START_CAPTURE,
    MavCmd.VIDEO_STOP_CAPTURE,
)
_JUMPS = (MavCmd.DO_JUMP, MavCmd.DO_JUMP_TAG)
_LANDINGS = (MavCmd.NAV_RETURN_TO_LAUNCH, MavCmd.NAV_LAND)
_RESTORED = (MavCmd.DO_CHANGE_SPEED, MavCmd.CONDITION_YAW, MavCmd.CONDITION_DELAY, MavCmd.CONDITION_DISTANCE,
             MavCmd.DO_DIGICAM_CONTROL, *_GIMBAL, *_SERIES)  # fmt: skip


def resume_plan(
    plan: FlightPlan,
    state: FlightState,
    *,
    start: LatLon | None = None,
    exact: bool = False,
    margin_m: float = 0.0,
) -> FlightPlan:
    """The rest of an interrupted plan: take-off, the way to the interrupted leg, and everything from there.

    The leg is taken up again one photograph's spacing before the last photographed point, with speed,
    camera trigger, gimbal and heading as they were, so that nothing but this overlap is photographed twice.
    The tail of the new plan is the tail of the old one, item by item.

    Args:
        plan: the whole plan.
        state: where it was interrupted.
        start: where the vehicle is, when it is in the air; else the flight begins at home.
        exact: whether a leg without photographs is taken up where it was left too, not at its end.
        margin_m: distance that the way keeps from the fence where the plan states none [m].

    Raises:
        UsageError: another plan, nothing left to fly, or a plan with jumps.
        PlanningError: there is no way to the leg inside the fence.
    """
    state.require_plan(plan)
    point = resume_point(plan, state)
    return (
        plan
        if point is None
        else plan_from(plan, point, start=start, done=state, exact=exact, margin_m=margin_m)
    )


def resume_point(plan: FlightPlan, state: FlightState) -> ResumePoint | None:
    """Where to take a plan up again; None for at its beginning.

    Raises:
        UsageError: nothing is left to fly, or the plan has jumps.
        InputFileError: the state names an item that the plan does not have.
    """
    if state.outcome == FlightOutcome.COMPLETED.value:
        raise UsageError(
            "the mission was flown to its end", remedy="airbeat ledger says what was photographed"
        )
    if any(i.command in _JUMPS for i in plan.items):
        raise UsageError("a mission with jumps cannot be resumed", remedy="fly it again, or plan its gaps")
    if state.item > len(plan.items):
        raise InputFileError(f"the state names item {state.item} of {len(plan.items)}")
    item = next((n for n, i in plan.numbered() if n >= state.item and i.is_nav), len(plan.items))
    flown = {leg.number: leg for leg in legs(plan)}
    if state.item == 0 or plan.items[item - 1].command == MavCmd.NAV_TAKEOFF:
        return state.resumed_at
    unfinished = _line_without_its_end(plan, state, item, flown)
    if unfinished is not None:
        return unfinished
    if plan.items[item - 1].command in _LANDINGS:
        raise UsageError(
            "nothing is left of the mission but the way home",
            remedy="airbeat ledger says what was photographed",
        )
    known_m = state.resumed_at.along_m if state.resumed_at and state.resumed_at.item == item else 0.0
    leg = flown.get(item)
    if leg is None:
        return ResumePoint(item=item, along_m=0.0)
    spacing_m = _spacing_m(plan, item)
    if spacing_m > 0 and (state.photos or state.place is None):
        last_m = _last_photo_m(leg, state, item)
        return ResumePoint(item=item, along_m=max(known_m, 0.0 if last_m is None else last_m - spacing_m))
    waits = any(plan.items[n - 1].command == MavCmd.DO_DIGICAM_CONTROL for n in _own(plan, item))
    if state.place is None or (waits and not any(p.item == item for p in state.photos)):
        return ResumePoint(item=item, along_m=known_m)
    along_m, _ = _along(leg, [state.place.position])[0]
    return ResumePoint(item=item, along_m=max(known_m, along_m - spacing_m, 0.0))


def _line_without_its_end(
    plan: FlightPlan, state: FlightState, item: int, flown: dict[int, Leg]
) -> ResumePoint | None:
    """The photographed line just left, where the photograph that closes it was not taken."""
    closing = [n for n in _own(plan, item) if plan.items[n - 1].command == MavCmd.DO_SET_CAM_TRIGG_DIST]
    closing = [n for n in closing if plan.items[n - 1].params[0] == 0 and plan.items[n - 1].params[2] == 1]
    before = max((n for n, i in plan.numbered() if n < item and i.is_nav), default=0)
    spacing_m = _spacing_m(plan, before) if before in flown else 0.0
    if not closing or spacing_m <= 0 or not state.photos:
        return None
    if state.resumed_at is not None and state.resumed_at.item > before:
        return None
    end = flown[before].end
    if any(distance_m(p.position, end) < _END_PHOTO_SHARE * spacing_m for p in state.photos):
        return None
    last_m = _last_photo_m(flown[before], state, before)
    return ResumePoint(item=before, along_m=max(0.0, (last_m or 0.0) - spacing_m))


def _own(plan: FlightPlan, item: int) -> list[int]:
    """The commands that belong to the leg to an item: those behind the NAV command before it."""
    before = max((n for n, i in plan.numbered() if n < item and i.is_nav), default=0)
    return list(range(before + 1, item))


def _series(plan: FlightPlan, item: int) -> PlanItem | None:
    """The camera command in force on the leg to an item."""
    return next((i for i in reversed(plan.items[: item - 1]) if i.command in _SERIES), None)


def _speed_m_s(plan: FlightPlan, item: int) -> float:
    changes = [i for i in plan.items[: item - 1] if i.command == MavCmd.DO_CHANGE_SPEED and i.params[1] > 0]
    return changes[-1].params[1] if changes else plan.speed_m_s or 5.0


def _spacing_m(plan: FlightPlan, item: int) -> float:
    """Distance between photographs on the leg to an item [m]; 0 with the camera off."""
    series = _series(plan, item)
    if series is None:
        return 0.0
    if series.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
        return max(series.params[0], 0.0)
    if series.command == MavCmd.DO_SET_CAM_TRIGG_INTERVAL:
        return max(series.params[0], 0.0) / 1000.0 * _speed_m_s(plan, item)
    if series.command == MavCmd.IMAGE_START_CAPTURE:
        return max(series.params[1], 0.0) * _speed_m_s(plan, item)
    return 0.0


def _along(leg: Leg, places: Sequence[LatLon]) -> list[tuple[float, float]]:
    """(distance along the leg, distance from it) of places [m]; along is within the leg."""
    frame = LocalFrame(leg.start)
    end = frame.to_xy([leg.end])[0]
    length = float(np.hypot(*end))
    if length < 0.01:
        return [(0.0, distance_m(leg.start, p)) for p in places]
    unit = end / length
    result = []
    for xy in frame.to_xy(places):
        along = min(max(float(xy @ unit), 0.0), length)
        result.append((along, float(np.hypot(*(xy - unit * along)))))
    return result


def _last_photo_m(leg: Leg, state: FlightState, item: int) -> float | None:
    places = [p.position for p in state.photos if p.item == item]
    return max((along for along, beside in _along(leg, places) if beside < _BESIDE_LINE_M), default=None)


def plan_from(
    plan: FlightPlan,
    point: ResumePoint,
    *,
    start: LatLon | None = None,
    done: FlightState | None = None,
    exact: bool = False,
    margin_m: float = 0.0,
) -> FlightPlan:
    """The plan from a point of one of its legs on.

    Args:
        point: where to take it up.
        start: where the vehicle is, when it is in the air; else home.
        done: leaves out single photographs that were taken already.
        exact: whether a leg without photographs is taken up at the point too, not at its end.
        margin_m: distance that the way keeps from the fence where the plan states none [m].

    Raises:
        PlanningError: no way to the point inside the fence.
    """
    target = plan.items[point.item - 1]
    leg = next((one for one in legs(plan) if one.number == point.item), None)
    if leg is None:  # it happens where the item before it ended
        before = [one for one in legs(plan) if one.number < point.item][-1]
        leg = replace(before, number=point.item, start=before.end, start_altitude=before.end_altitude)
    own = [plan.items[n - 1] for n in _own(plan, point.item) if _known(plan.items[n - 1])]
    taken = done is not None and any(p.item == point.item for p in done.photos)
    if taken and _spacing_m(plan, point.item) == 0:
        own = [i for i in own if i.command != MavCmd.DO_DIGICAM_CONTROL]
    settings = _settings(plan, point.item)
    series = _series(plan, point.item)
    plain = _spacing_m(plan, point.item) == 0 and all(
        i.command in (*_SERIES, MavCmd.DO_CHANGE_SPEED) for i in own
    )
    entry, height = _entry(leg, point.along_m, plain=plain and not exact)
    way = _way(plan, leg, entry, height, start=start, margin_m=margin_m)
    over = _over_ground(plan, [start or plan.home, *(i.position for i in way if i.position), entry], height)
    if over is not None:
        way = [
            _waypoint(start or plan.home, over),
            *(replace(i, altitude=over) for i in way),
            _waypoint(entry, over),
        ]
    takeoff = _takeoff(plan, over or height)
    if plain:
        middle = [*settings, *(i for i in own if i.command == MavCmd.DO_CHANGE_SPEED), *way]
        if target.position is None or exact:
            middle.append(_waypoint(entry, height))
    else:
        speed = [i for i in settings if i.command == MavCmd.DO_CHANGE_SPEED]
        gimbal = [i for i in settings if i.command != MavCmd.DO_CHANGE_SPEED]
        carried = [series] if series is not None and series not in own else []
        middle = [*speed, *way, _waypoint(entry, height), *gimbal, *carried, *own]
    rest = plan.items[point.item - 1 :]
    lost = sorted({command_name(i.command) for i in plan.items[: point.item - 1] if not _known(i)})
    notes = [f"goes on from item {point.item} of {plan.name!r}, {point.along_m:.0f} m along its leg"]
    notes += [f"not done again: {', '.join(lost)}"] if lost else []
    resumed = replace(plan, items=(takeoff, *middle, *rest), notes=(*plan.notes, *notes), estimate=None)
    return replace(resumed, estimate=_estimate(plan, resumed))


def _known(item: PlanItem) -> bool:
    return item.is_nav or item.command in _RESTORED


def _settings(plan: FlightPlan, item: int) -> list[PlanItem]:
    """Speed and gimbal as commands before the leg's own left them."""
    earlier = plan.items[: _own(plan, item)[0] - 1] if _own(plan, item) else plan.items[: item - 1]
    speed = [i for i in earlier if i.command == MavCmd.DO_CHANGE_SPEED and i.params[1] > 0][-1:]
    return [*speed, *[i for i in earlier if i.command in _GIMBAL][-1:]]


def _takeoff(plan: FlightPlan, height: Altitude | None) -> PlanItem:
    takeoff = next((i for i in plan.items if i.command == MavCmd.NAV_TAKEOFF), None)
    if takeoff is None:
        raise PlanningError("the plan has no take-off", remedy="add one as its first item")
    climbs = height is not None and takeoff.altitude is not None and height.datum is takeoff.altitude.datum
    if climbs and height is not None and takeoff.altitude and height.value_m > takeoff.altitude.value_m:
        return replace(takeoff, altitude=height)
    return takeoff


def _entry(leg: Leg, along_m: float, *, plain: bool) -> tuple[LatLon, Altitude | None]:
    """Where the leg is taken up, and how high."""
    if plain:
        return leg.end, leg.end_altitude
    frame = LocalFrame(leg.start)
    end = frame.to_xy([leg.end])[0]
    share = min(along_m / max(float(np.hypot(*end)), 0.01), 1.0)
    first, last = leg.start_altitude, leg.end_altitude
    if first is not None and last is not None and first.datum is last.datum:
        last = replace(last, value_m=first.value_m + (last.value_m - first.value_m) * share)
    return frame.to_latlon([end * share])[0], last


def _waypoint(position: LatLon, height: Altitude | None) -> PlanItem:
    return PlanItem(
        command=MavCmd.NAV_WAYPOINT,
        position=position,
        altitude=height or Altitude(value_m=0.0, datum=AltitudeDatum.HOME),  # 0 keeps the height
        role=ItemRole.TRANSIT,
    )


def _way(
    plan: FlightPlan,
    leg: Leg,
    goal: LatLon,
    height: Altitude | None,
    *,
    start: LatLon | None,
    margin_m: float,
) -> list[PlanItem]:
    """Waypoints between where the flight begins and the goal, inside the fence; none for a straight way."""
    found = way_inside(plan, start or plan.home, goal, margin_m=margin_m)
    if found is None and margin_m > 0:
        found = way_inside(plan, start or plan.home, goal)
    if found is not None:
        return [_waypoint(p, height) for p in found]
    if start is None:
        return _retraced(plan, leg, goal)
    if _along(leg, [start])[0][1] <= _ON_LEG_M and not _enters_keepout(plan, start, goal):
        return []
    raise PlanningError(
        f"no way from {start} to the interrupted leg is known to be inside the fence",
        remedy="fly it back to its leg, or land it and resume from home",
    )


def _enters_keepout(plan: FlightPlan, start: LatLon, goal: LatLon) -> bool:
    """Whether a straight leg crosses a keep-out in which it does not begin."""
    frame = LocalFrame(plan.home)
    _, outside = fence_zones(plan.fence, frame)
    a, b = frame.to_xy([start, goal])
    leg = shapely.LineString([a, b])
    return any(
        zone.intersects(leg) and not zone.intersects(shapely.Point(a)) for zone in polygon_parts(outside)
    )


def _over_ground(plan: FlightPlan, places: Sequence[LatLon], height: Altitude | None) -> Altitude | None:
    """The height that the way needs to clear the ground of the plan's height model; None for its own.

    Raises:
        PlanningError: the model has no height on the way.
    """
    if plan.terrain is None or height is None or height.datum is not AltitudeDatum.HOME:
        return None
    frame = LocalFrame(plan.home)
    line = shapely.LineString(frame.to_xy(places)).segmentize(max(plan.terrain.resolution_m / 2, 2.0))
    lon_lat = shapely.get_coordinates(frame.to_geographic(line))
    clearance_m = plan.survey.height_agl_m if plan.survey else _CLEARANCE_M
    needed_m = float(ground_above_home_m(plan.terrain, plan.home, lon_lat).max()) + clearance_m
    return replace(height, value_m=round(needed_m, 2)) if needed_m > height.value_m + 1.0 else None


def way_inside(
    plan: FlightPlan, start: LatLon, goal: LatLon, *, margin_m: float = 0.0
) -> list[LatLon] | None:
    """The corners of the fastest way inside the fence; None without a fence, or when there is no way.

    It keeps so far from the edges that the vehicle may cut its corners, where such a way exists.

    Args:
        margin_m: kept from the fence where the plan states no margin [m].
    """
    stated_m = plan.survey.margin_m if plan.survey else margin_m
    for wanted_m in dict.fromkeys((max(stated_m, _CUT_CORNER_M), stated_m)):
        way = _way_inside(plan, start, goal, wanted_m)
        if way is not None:
            return way
    return None


def _way_inside(plan: FlightPlan, start: LatLon, goal: LatLon, margin_m: float) -> list[LatLon] | None:
    """The same with so much distance from every edge [m]."""
    frame = LocalFrame(plan.home)
    inside, outside = fence_zones(plan.fence, frame)
    if inside is None:
        return None
    closed = [outside, *_holes(plan, frame)]
    free = unite(
        [inside.difference(shapely.union_all(closed)).buffer(-margin_m, quad_segs=4, join_style="mitre")]
    )
    if free.is_empty:
        return None
    router = Router(free, lambda lengths: lengths / (plan.speed_m_s or 5.0) + _STOP_S)
    first = next((i.position for _, i in plan.waypoints() if i.command != MavCmd.NAV_TAKEOFF), None)
    begins: list[list[LatLon]] = [[]] if router.inside(frame.to_xy([start]))[0] else []
    if start == plan.home and first is not None:
        begins.append([first])  # the planned way out of home's own margin
    for through in begins:
        a, b = frame.to_xy([*(through or [start]), goal])
        found = router.route((float(a[0]), float(a[1])), (float(b[0]), float(b[1])))
        if found is not None:
            return [*through, *frame.to_latlon(found[1][1:-1])]
    return None


def _holes(plan: FlightPlan, frame: LocalFrame) -> list[Any]:
    """The holes of the area, which planning keeps out of, except one that home lies in."""
    if plan.survey is None:
        return []
    home = shapely.Point(frame.to_xy([plan.home])[0])
    area = shapely.make_valid(frame.to_local(plan.survey.area))
    holes = [shapely.Polygon(r) for polygon in polygon_parts(area) for r in polygon.interiors]
    return [hole for hole in holes if not hole.intersects(home)]


def _retraced(plan: FlightPlan, leg: Leg, goal: LatLon) -> list[PlanItem]:
    """The plan's own legs to the goal, without the camera: from its beginning or from its end."""
    flown = [one for one in legs(plan) if one.number <= len(plan.items)]
    at = next((n for n, one in enumerate(flown) if one.number >= leg.number), len(flown) - 1)
    ahead = [(one.end, one.end_altitude) for one in flown[:at] if distance_m(one.end, plan.home) > 0.5]
    back = [(one.start, one.start_altitude) for one in reversed(flown[at + 1 :])]
    closes = distance_m(flown[-1].end, plan.home) < 0.5
    ways = [ahead, back] if closes else [ahead]

    def length_m(way: list[tuple[LatLon, Altitude | None]]) -> float:
        stops = [plan.home, *(p for p, _ in way), goal]
        return sum(distance_m(a, b) for a, b in pairwise(stops))

    way = min(ways, key=length_m)
    while way and distance_m(way[-1][0], goal) < 0.5:
        way.pop()
    return [_waypoint(p, h) for p, h in way]


def _estimate(plan: FlightPlan, resumed: FlightPlan) -> Any:
    """The plan's estimate, scaled by the planned times of the legs that are left."""
    if plan.estimate is None:
        return None
    whole_s = Schedule(replace(plan, estimate=None)).duration_s
    share = Schedule(resumed).duration_s / whole_s if whole_s > 0 else 1.0
    battery_share = plan.estimate.battery_share * share
    return replace(
        plan.estimate,
        length_m=sum(distance_m(one.start, one.end) for one in legs(resumed)),
        duration_s=plan.estimate.duration_s * share,
        photos=round(plan.estimate.photos * min(share, 1.0)),
        battery_share=battery_share,
        batteries=max(1, math.ceil(battery_share - 1e-9)),
    )
