"""A tour as mission items that a pilot can load: visits, ways between them, camera, loudspeaker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from airbeat.errors import PlanningError
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.language.words import Message
from airbeat.mission.beat import Beat, Broadcast, PointLook, PointVisit, SweepVisit
from airbeat.mission.commands import MavCmd
from airbeat.mission.forecast import forecast
from airbeat.mission.plan import FlightPlan, ItemRole, PlanItem
from airbeat.patrol.clock import DroneClock
from airbeat.patrol.privacy import CameraZones, named, view_of
from airbeat.patrol.space import BeatSpace
from airbeat.patrol.work import Job, Way, fixed_point, stand_of, visit_height_m, visit_imaging
from airbeat.planning.common import finished_plan
from airbeat.planning.estimate import estimate_flight
from airbeat.planning.items import camera_trigger, gimbal, look_at, visit_items, waypoint
from airbeat.planning.route import Router

__all__ = ["FlownVisit", "Stage", "flight_of"]

Place = tuple[float, float]

_ORBIT_PHOTOS = 12
"""Photographs on a turn round a point."""
_NADIR_DEG = -90.0
_SAME_M = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """A job of a flight, and the way in which it is done."""

    job: Job
    way: Way


@dataclass(frozen=True, slots=True, kw_only=True)
class FlownVisit:
    """When a flight does a job, by the vehicle model, and with which items.

    Attributes:
        begin_s, end_s: after take-off [s].
        first_item, last_item: numbers of its mission items.
    """

    begin_s: float
    end_s: float
    first_item: int
    last_item: int


def flight_of(
    beat: Beat,
    stages: Sequence[Stage],
    clock: DroneClock,
    *,
    space: BeatSpace,
    site: int,
    router: Router,
    name: str,
) -> tuple[FlightPlan, tuple[FlownVisit, ...]]:
    """The plan of one flight, and when it does what.

    Args:
        beat: for privacy zones and names.
        stages: in flying order.
        clock: of the drone.
        space: where it may fly.
        site: number of the launch site.
        router: of that space.
        name: of the plan.

    Raises:
        PlanningError: a place that cannot be reached inside the fence.
    """
    frame = space.frame
    builder = _Builder(beat, clock, space, router, site)
    builder.go(space.gates[site])
    for stage in stages:
        builder.add(stage)
    builder.go(space.gates[site])
    zones = CameraZones(beat, frame, clock.drone.camera, clock.height_m)
    kept, covered_m = zones.kept(builder.items, space.sites[site])
    while kept and kept[-1].role is ItemRole.TRANSIT and _is_at(kept[-1], space.sites[site], space):
        kept.pop()  # the return leads there
    notes = [*clock.notes, *builder.notes(zones)]
    if covered_m > 0:
        notes.append(
            Message(
                "camera off or up for {covered_m:.0f} m over {named}; a video that is recorded by "
                "hand is not stopped by the plan",
                covered_m=covered_m,
                named=named(zones.names),
            )
        )
    mission = replace(clock.mission, name=name, fence=space.fence)
    path = [space.sites[site], *builder.path, space.sites[site]]
    estimate = estimate_flight(
        path,
        airframe=clock.drone.airframe,
        speed_m_s=clock.speed_m_s,
        height_m=clock.height_m,
        photos=builder.photos,
    )
    plan = finished_plan(
        mission, items=kept, height_m=clock.height_m, estimate=estimate, survey=None, notes=notes
    )
    plan = replace(plan, speed_m_s=clock.speed_m_s, items=_with_speed(plan.items, clock.speed_m_s))
    return plan, _flown(plan, builder)


def _with_speed(items: Sequence[PlanItem], speed_m_s: float) -> tuple[PlanItem, ...]:
    """The items with the speed that is flown behind the take-off."""
    first = next(k for k, i in enumerate(items) if i.command == MavCmd.DO_CHANGE_SPEED)
    changed = replace(items[first], params=(1.0, speed_m_s, -1.0, 0.0))
    return (*items[:first], changed, *items[first + 1 :])


class _Builder:
    """Puts a flight's items together."""

    def __init__(self, beat: Beat, clock: DroneClock, space: BeatSpace, router: Router, site: int) -> None:
        self._beat, self._clock, self._space, self._router = beat, clock, space, router
        self.items: list[PlanItem] = []
        self.path: list[Place] = [space.sites[site]]
        self.photos = 0
        self.ranges: list[tuple[PlanItem, PlanItem]] = []
        self._views: list[tuple[str, object]] = []
        self._said: list[tuple[str, str]] = []
        self._guarded = any(z.camera.value != "on" for z in beat.privacy)
        self._cruise = Altitude(value_m=clock.height_m, datum=AltitudeDatum.HOME)

    def go(self, place: Place) -> None:
        """Fly to a place inside the free space."""
        if math.dist(self.path[-1], place) < _SAME_M:
            return
        straight = len(self.path) == 1 or place == self._space.sites[0]
        found = self._router.route(self.path[-1], place)
        if found is None and not straight:
            raise PlanningError(
                Message(
                    "{to_latlon} cannot be reached inside the fence",
                    to_latlon=self._space.frame.to_latlon([place])[0],
                ),
                remedy="widen the fence, or use a smaller margin",
            )
        way = [place] if found is None else found[1][1:]
        for corner, position in zip(way, self._space.frame.to_latlon(way), strict=True):
            self.items.append(waypoint(position, self._cruise.value_m, ItemRole.TRANSIT))
            self.path.append(corner)

    def add(self, stage: Stage) -> None:
        """Fly to a stage and do it."""
        visit, way = stage.job.visit, stage.way
        self.go(way.start)
        height = Altitude(value_m=visit_height_m(visit, self._clock), datum=AltitudeDatum.HOME)
        before = len(self.items)
        if isinstance(visit, PointVisit) and visit.look is PointLook.STARE:
            self._pop_arrival(way.start)
            before = len(self.items)
            self._change_height(way.start, height)
            self._stare(visit, height)
        else:
            self._change_height(way.start, height)
            self._fly(stage, height)
        items = self.items[before:]
        navs = [i for i in items if i.is_nav]
        self.ranges.append((navs[0] if navs else items[0], navs[-1] if navs else items[-1]))
        if self.path[-1] != way.end:
            self.path.append(way.end)
        if height != self._cruise:
            position = self._space.frame.to_latlon([way.end])[0]
            self.items.append(waypoint(position, self._cruise.value_m, ItemRole.TRANSIT))

    def _pop_arrival(self, place: Place) -> None:
        """Leave out the transit that ends where the visit's own first waypoint is."""
        last = self.items[-1] if self.items else None
        if last is not None and last.role is ItemRole.TRANSIT:
            x, y = self._space.frame.to_xy([last.position])[0] if last.position else (math.inf, math.inf)
            if math.dist((float(x), float(y)), place) < _SAME_M:
                self.items.pop()

    def _change_height(self, place: Place, height: Altitude) -> None:
        """Above the place first at the height of the patrol, then straight up or down."""
        if height == self._cruise:
            return
        position = self._space.frame.to_latlon([place])[0]
        self._pop_arrival(place)
        self.items.append(waypoint(position, self._cruise.value_m, ItemRole.TRANSIT))
        self.items.append(waypoint(position, height.value_m, ItemRole.TRANSIT))

    def _stare(self, visit: PointVisit, height: Altitude) -> None:
        point = fixed_point(visit, self._clock, self._space.frame)
        items = visit_items(point, height)
        if visit.broadcast is not None:
            self._said.append((visit.name, visit.broadcast.text))
            stay = [items.pop()] if len(items) > 1 and items[-1].is_nav else []
            items += [_broadcast(visit.broadcast, begins=True), *stay]
            items.append(_broadcast(visit.broadcast, begins=False))
        pitch = point.gimbal_pitch_deg
        if pitch is not None and pitch > _NADIR_DEG and self._guarded:
            items.append(gimbal(_NADIR_DEG))
        self.items += items
        self.photos += int(visit.photo)
        if pitch is not None:
            stand = stand_of(visit, self._space.frame)
            view = view_of(visit, stand, self._clock.drone.camera, height.value_m, pitch)
            self._views.append((visit.name, view))

    def _fly(self, stage: Stage, height: Altitude) -> None:
        """Lines with the camera on or off."""
        visit = stage.job.visit
        frame = self._space.frame
        orbit = isinstance(visit, PointVisit)
        if isinstance(visit, PointVisit):
            trigger_m = 2.0 * math.pi * visit.radius_m / _ORBIT_PHOTOS
            speed = self._clock.speed_m_s
            self.items.append(look_at(visit.position))
        else:
            imaging = visit_imaging(visit, self._clock)
            trigger_m, speed = imaging.trigger_distance_m, imaging.speed_m_s
            if visit.gimbal_pitch_deg is not None or self._guarded or not isinstance(visit, SweepVisit):
                self.items.append(gimbal(visit.gimbal_pitch_deg or _NADIR_DEG))
        slower = speed < self._clock.speed_m_s - 1e-6
        if slower:
            self.items.append(_speed(speed))
        for run in stage.way.runs:
            corners = frame.to_latlon(run.line[1:])
            role = ItemRole.SWEEP if run.camera_on else ItemRole.TRANSIT
            if run.camera_on:
                self.items.append(camera_trigger(trigger_m))
                length = float(np.hypot(*np.diff(run.line, axis=0).T).sum())
                self.photos += math.floor(length / trigger_m) + 2
            self.items += [waypoint(p, height.value_m, role) for p in corners]
            if run.camera_on:
                self.items.append(camera_trigger(0.0))
            self.path += [(float(x), float(y)) for x, y in run.line[1:]]
        if slower:
            self.items.append(_speed(self._clock.speed_m_s))
        if orbit:
            self.items.append(look_at(None))

    def notes(self, zones: CameraZones) -> list[str]:
        """What must be known: views that show privacy zones, and what is said where."""
        found = [f"at {name} the loudspeaker says: “{text}”" for name, text in self._said]
        for name, view in self._views:
            shown = zones.shown_by(view) if not zones.empty else []
            if shown:
                found.append(f"the picture of {name} also shows {named(shown)}: turn it or blur it")
        return found


def _broadcast(said: Broadcast, *, begins: bool) -> PlanItem:
    """The command that starts or ends what the loudspeaker says."""
    if said.relay is not None:
        params = (float(said.relay), 1.0 if begins else 0.0, 0.0, 0.0)
        return PlanItem(command=MavCmd.DO_SET_RELAY, params=params, role=ItemRole.ACTION)
    pulse = said.pwm_us if begins else said.rest_pwm_us
    params = (float(said.servo or 0), float(pulse), 0.0, 0.0)
    return PlanItem(command=MavCmd.DO_SET_SERVO, params=params, role=ItemRole.ACTION)


def _speed(speed_m_s: float) -> PlanItem:
    return PlanItem(
        command=MavCmd.DO_CHANGE_SPEED, params=(1.0, round(speed_m_s, 2), -1.0, 0.0), role=ItemRole.ACTION
    )


def _is_at(item: PlanItem, place: Place, space: BeatSpace) -> bool:
    if item.position is None:
        return False
    x, y = space.frame.to_xy([item.position])[0]
    return math.dist((float(x), float(y)), place) < _SAME_M


def _flown(plan: FlightPlan, builder: _Builder) -> tuple[FlownVisit, ...]:
    """When each stage is done, by the forecast of the finished items."""
    numbers = {id(item): number for number, item in plan.numbered()}
    foreseen = forecast(plan)
    ends: dict[int, float] = {}
    at = 0.0
    for number, _ in plan.numbered():
        if foreseen is not None and number in foreseen.items:
            at += foreseen.items[number].duration_s
        ends[number] = at
    flown = []
    for first, last in builder.ranges:
        a, b = numbers[id(first)], numbers[id(last)]
        hold = first.params[0] if first.command == MavCmd.NAV_WAYPOINT else 0.0
        begin = ends[a] - hold if first.role is ItemRole.VISIT else ends.get(a - 1, 0.0)
        flown.append(FlownVisit(begin_s=begin, end_s=ends[b], first_item=a, last_item=b))
    return tuple(flown)
