"""Sending a drone to an incident: out of its beat and back to where it was interrupted, or from its pad.

A drone is only taken out of AUTO: in any other mode somebody flies it. The same holds all the way: a mode
that this station did not set ends what is done here, and the drone is left to its pilot.

It is stopped first, and every way is found from where it then stands: it has flown on since it was ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from airbeat.errors import InputFileError, LinkError, PlanningError, RefusedByVehicleError, UsageError
from airbeat.flight.fly import Confirm, continue_plan, fly_plan
from airbeat.flight.held import Held, way_to_own_mission
from airbeat.flight.onward import BATTERY_UNKNOWN, onward
from airbeat.flight.order import Order
from airbeat.flight.record import FlightOutcome, FlightRecord
from airbeat.flight.state import FlightState, Place, StateKeeper, plan_sha256, read_state
from airbeat.flight.watch import FlightProgress, Interruption, Watchers
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.link.connection import Link
from airbeat.link.items import MissionType, compare_items, mission_items
from airbeat.link.telemetry import PhotoTaken, PositionFix
from airbeat.link.vehicle import Vehicle
from airbeat.mission.plan import FlightPlan
from airbeat.patrol.dispatch import ring_of

__all__ = [
    "Diverted",
    "Ending",
    "divert",
    "flown_state",
    "require_flies",
    "send_from_pad",
]

_AT_REST_M_S = 0.7
_REST_TIMEOUT_S = 15.0
_ARRIVED_M = 6.0
"""Within this distance of its place a drone has arrived."""


class Ending(StrEnum):
    """How sending a drone ended."""

    BACK_ON_BEAT = "went on with its beat"
    BACK_ON_PAD = "returned to its pad"
    LEFT_TO_PILOT = "left to its pilot"
    NOT_FINISHED = "not finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diverted:
    """What became of an order.

    Attributes:
        estimate_s: from the order to the look, as it was foreseen [s].
        arrived_s: as it was, by the vehicle's clock [s]; None where it never arrived.
        looked_s: how long it looked [s].
        ending: how it ended.
        explanation: one sentence.
        holds: which mission the vehicle holds, what AUTO does with it, and how it gets its own back; empty
            where it has flown its own to the end.
        records: of the flight to the incident, and of what was flown after it.
        interrupted_at: where the beat was interrupted, and None where none was.
        way: that was flown there, from where it stood; it looked from its end.
    """

    estimate_s: float
    arrived_s: float | None
    looked_s: float
    ending: Ending
    explanation: str
    holds: str
    records: tuple[FlightRecord, ...]
    interrupted_at: LatLon | None = None
    way: tuple[LatLon, ...] = ()

    @property
    def ring(self) -> str:
        """In which ring it arrived, in words."""
        return "never" if self.arrived_s is None else ring_of(self.arrived_s)


def flown_state(link: Link, plan: FlightPlan, known: FlightState | None) -> FlightState:
    """How far a vehicle has flown a plan at this moment.

    Args:
        plan: the whole plan.
        known: what ``state.json`` of the flight says, or None: then the vehicle must hold the whole plan.

    Raises:
        RefusedByVehicleError: the vehicle does not fly it.
        UsageError: the state is of another plan.
    """
    now = Vehicle.on(link).now
    if known is not None:
        known.require_plan(plan)
        return known.model_copy(update={"place": Place.of(now.position)} if now.position else {})
    if now.mission_total not in (None, len(plan.items)):
        raise RefusedByVehicleError(
            Message(
                "the vehicle flies a mission of {mission_total} items, this plan has {planned}",
                mission_total=now.mission_total,
                planned=len(plan.items),
            ),
            remedy="name the flight's state.json in the units file (state: flight/state.json)",
        )
    return FlightState(
        schema="airbeat/flight-state/1",
        plan_sha256=plan_sha256(plan),
        plan_name=plan.name,
        items=len(plan.items),
        sortie=1,
        item=now.mission_seq or 0,
        place=Place.of(now.position) if now.position else None,
    )


def require_flies(link: Link, plan: FlightPlan) -> None:
    """Refuses a vehicle that holds another mission than a plan; takes some seconds.

    Raises:
        RefusedByVehicleError: it does.
        LinkError: the mission cannot be read.
    """
    held = Vehicle.on(link).download(MissionType.MISSION)
    differences = compare_items(mission_items(plan), held)
    if differences:
        raise RefusedByVehicleError(
            Message(
                "the vehicle flies another mission than the units file says ({differences})",
                differences=differences[0],
            ),
            remedy="name the plan that it flies, or its flight's state.json",
        )


class _Look:
    """Notes the arrival and how long it is looked, and interrupts the hold when that is long enough.

    Attributes:
        is_called_off: whether people have ordered the drone to stop, return or land, or to be left alone.
    """

    def __init__(self, place: LatLon, look_s: float, began_s: float, told: Watchers) -> None:
        self._place, self._look_s, self._began_s = place, look_s, began_s
        self._told = told.progress
        self._wished = told.interrupt or (lambda _paused: None)
        self.is_called_off = False
        self._now: FlightProgress | None = None
        self._asked = False
        self.arrived_s: float | None = None
        self.looked_s = 0.0

    def progress(self, step: FlightProgress) -> None:
        """To be told where the flight is."""
        self._now = step
        now = step.state
        if step.phase == "flying" and now.position is not None:
            if self.arrived_s is None and distance_m(now.position, self._place) <= _ARRIVED_M:
                self.arrived_s = now.time_s - self._began_s
            near = distance_m(now.position, self._place) <= 2 * _ARRIVED_M
            if self.arrived_s is not None and near and not self._asked:
                self.looked_s = min(now.time_s - self._began_s - self.arrived_s, self._look_s)
        if self._told is not None:
            self._told(step)

    def by_track(self, track: Sequence[PositionFix]) -> tuple[float | None, float]:
        """When it arrived since it was ordered, None for never, and how long it looked [s].

        By the vehicle's own fixes, however late this station noticed.
        """
        there = [(f.time_s, distance_m(f.position, self._place)) for f in track]
        arrived_s = next((time_s for time_s, away_m in there if away_m <= _ARRIVED_M), None)
        if arrived_s is None:
            return None, 0.0
        left = (time_s for time_s, away_m in there if time_s > arrived_s and away_m > 2 * _ARRIVED_M)
        looked_s = min(next(left, there[-1][0]) - arrived_s, self._look_s)
        return arrived_s - self._began_s, looked_s

    def interrupt(self, paused: bool) -> Interruption | None:
        """What people want; else pause when it was looked long enough, and leave when it hovers."""
        wish = self._wished(paused)
        if wish is not None:
            self.is_called_off = wish is not Interruption.GO_ON
            return wish
        if self._now is None or self.is_called_off:
            return None
        now = self._now.state
        if not self._asked and self.arrived_s is not None and self.looked_s >= self._look_s:
            self._asked = True
            return Interruption.PAUSE
        if paused and now.mode == "BRAKE" and (now.speed_m_s or 0.0) <= _AT_REST_M_S:
            return Interruption.LEAVE
        return None


def divert(
    link: Link,
    order: Order,
    plan: FlightPlan | None,
    *,
    confirmed: bool = False,
    known: FlightState | None = None,
    state_file: Path | None = None,
    watchers: Watchers | None = None,
) -> Diverted:
    """Pause a drone's mission, look at an incident, and go on where it was interrupted.

    The order's way is found again from where the drone has come to rest. Where none is safe from there, it
    gets its mission back. Back on its beat it goes only by a way that is clear too, else home.

    Where the battery no longer carries the rest of the mission the drone returns to its pad, and
    ``state_file`` lets ``airbeat fly --resume`` go on from there.

    Whatever people order meanwhile is done at once, and nothing is flown after it.

    Args:
        order: what for.
        plan: the mission that it flies, or None: then it returns to its pad afterwards.
        confirmed: whether somebody has agreed that it flies there.
        known: the flight's ``state.json``, if there is one.
        state_file: where the state of the interrupted mission is kept.
        watchers: told of the flight, and who may interrupt it.

    Raises:
        UsageError: nobody agreed, or the state cannot be kept.
        RefusedByVehicleError: it does not fly in AUTO, flies another mission, or refused, or somebody has
            taken it over; says which mission it holds then.
        PlanningError: from where it stopped there is no way; it goes on with its mission.
        LinkError: the link broke.
    """
    if not confirmed:
        raise UsageError("the drone would leave its beat, and nobody has confirmed that")
    vehicle = Vehicle.on(link)
    began_s, place = vehicle.now.time_s, vehicle.now.position
    _require_own_flight(vehicle, order)
    state = None if plan is None else flown_state(link, plan, known)
    if state is not None and state_file is not None:
        state.save(state_file)  # before anything is changed: from here on it can be gone on with
    told = watchers or Watchers()
    held = Held(way_to_own_mission(None if state is None else state_file, link.url))
    planned_s = order.arrival.arrival_s or 0.0
    try:
        start = _stopped(vehicle, order)
        order = _from_where_it_stands(vehicle, order, start)
        look = _Look(order.arrival.way[-1], order.arrival.look_s, began_s, told)
        there = held.while_sent_there(replace(told, progress=look.progress, interrupt=look.interrupt))
        way = order.plan(start)
        records = [continue_plan(link, way, confirmed=True, start=start, mode="BRAKE", watchers=there)]
    except (RefusedByVehicleError, LinkError) as error:
        if held.is_own and vehicle.now.mode == "AUTO":
            raise
        both = Message("{why}; {held}", why=error.message, held=held.words)
        raise type(error)(both, where=error.where, remedy=error.remedy) from error
    ending, words = _ending_of(records[0]), records[0].explanation
    hovers = vehicle.now.mode == "BRAKE" and records[0].outcome is FlightOutcome.INTERRUPTED
    if hovers and not look.is_called_off:
        interrupted = _Interrupted(plan=plan, state=state, state_file=state_file)
        ending, words = _gone_on(link, order, interrupted, records, told=told, held=held)
    arrived_s, looked_s = look.by_track(records[0].track)
    return Diverted(
        estimate_s=planned_s,
        arrived_s=arrived_s,
        looked_s=looked_s,
        ending=ending,
        explanation=words,
        holds="" if ending is Ending.BACK_ON_BEAT else held.words,
        records=tuple(records),
        interrupted_at=place if plan is not None else None,
        way=order.arrival.way,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interrupted:
    """The mission that was interrupted, if there was one.

    Attributes:
        plan: the mission.
        state: how far it was flown when the drone was ordered away.
        state_file: where that is kept.
    """

    plan: FlightPlan | None
    state: FlightState | None
    state_file: Path | None

    def latest(self) -> FlightState | None:
        """What the file says: whoever watched the mission has written there until it was interrupted."""
        if self.plan is None or self.state is None or self.state_file is None:
            return self.state
        try:
            kept = read_state(self.state_file)
            kept.require_plan(self.plan)
        except (InputFileError, UsageError):
            return self.state
        return kept


def _gone_on(
    link: Link,
    order: Order,
    interrupted: _Interrupted,
    records: list[FlightRecord],
    *,
    told: Watchers,
    held: Held,
) -> tuple[Ending, str]:
    """Flies what comes after the look and adds its record; how that ended, and why."""
    vehicle = Vehicle.on(link)
    hovers = vehicle.now.position or order.arrival.way[-1]
    plan, state = interrupted.plan, interrupted.latest()
    try:
        after = onward(vehicle.now, order, plan, state, hovers=hovers)
    except PlanningError as error:
        why = Message("it hovers (BRAKE) and needs its pilot: {why}", why=error.message)
        return Ending.NOT_FINISHED, why
    if interrupted.state_file is not None and after.rest is not None and plan and state:
        keeper = after.keeper(interrupted.state_file, plan, state)
        told = _kept(told, keeper, follow=not after.why_home)
    told = held.while_sent_onward(told, home=bool(after.why_home))
    try:
        record = continue_plan(link, after.plan, confirmed=True, start=hovers, mode="BRAKE", watchers=told)
    except (RefusedByVehicleError, LinkError) as error:
        taken = vehicle.now.mode != "BRAKE"
        return Ending.LEFT_TO_PILOT if taken else Ending.NOT_FINISHED, error.message
    records.append(record)
    ending = _ending_of(record)
    if not after.why_home:
        flown = record.outcome is FlightOutcome.COMPLETED
        return Ending.BACK_ON_BEAT if flown else ending, record.explanation
    if ending is Ending.BACK_ON_PAD:
        return ending, after.why_home
    return ending, Message("{why}; {held}", why=after.why_home, held=record.explanation)


def _require_own_flight(vehicle: Vehicle, order: Order) -> None:
    """Refuses a drone that somebody flies."""
    now = vehicle.now
    if not now.armed or now.mode != "AUTO":
        raise RefusedByVehicleError(
            Message(
                "{name} does not fly its mission: it is in {mode}, and whoever set that has priority",
                name=order.drone.name,
                mode=now.mode,
            ),
            remedy="send another unit, or have its pilot give it back (AUTO)",
        )


def _stopped(vehicle: Vehicle, order: Order) -> LatLon:
    """Brakes, and says where the drone stands then, by a position that was heard after that."""
    vehicle.set_mode("BRAKE", only_from={"AUTO"})
    old = vehicle.now.position
    at_rest = vehicle.wait(
        lambda t: (
            t.mode != "BRAKE"
            or (t.position is not old and t.speed_m_s is not None and t.speed_m_s <= _AT_REST_M_S)
        ),
        timeout_s=_REST_TIMEOUT_S,
        what="standing still",
    )
    start = vehicle.now.position
    _require_ours(vehicle)
    if not at_rest or start is None:
        vehicle.set_mode("AUTO", only_from={"BRAKE"})
        raise RefusedByVehicleError(
            Message("{name} did not come to rest: it goes on with its mission", name=order.drone.name),
            remedy="send another unit",
        )
    return start


def _require_ours(vehicle: Vehicle) -> None:
    """Refuses a drone that is no longer in the mode that this station set."""
    if vehicle.now.mode != "BRAKE":
        raise RefusedByVehicleError(
            Message("the mode was changed to {mode}: left to the pilot", mode=vehicle.now.mode)
        )


def _from_where_it_stands(vehicle: Vehicle, order: Order, start: LatLon) -> Order:
    """The order with its way from there; without one the drone gets its mission back."""
    now = vehicle.now
    height_m = order.drone.altitude.value_m if now.height_above_home_m is None else now.height_above_home_m
    try:
        share = now.battery_share_lately
        if share is None:
            raise PlanningError(BATTERY_UNKNOWN)
        again = order.again(start, height_m=max(height_m, 0.0), battery_share=share)
    except PlanningError as error:
        vehicle.set_mode("AUTO", only_from={"BRAKE"})
        raise PlanningError(
            Message(
                "{name} was not sent from where it stopped: {why}; it goes on with its mission",
                name=order.drone.name,
                why=error.message,
            ),
            remedy="send another unit",
        ) from error
    _require_ours(vehicle)
    return again


def send_from_pad(
    link: Link,
    order: Order,
    *,
    confirmed: bool = False,
    confirm: Confirm | None = None,
    watchers: Watchers | None = None,
) -> Diverted:
    """Take off to an incident, look at it, return and land.

    Args:
        order: what for.
        confirmed: whether somebody has agreed to arming.
        confirm: asked instead, just before arming.
        watchers: told of the flight, and who may interrupt it.

    Raises:
        UsageError, FindingsError, RefusedByVehicleError, LinkError: as `airbeat.flight.fly.fly_plan`.
    """
    told = watchers or Watchers()
    began_s = Vehicle.on(link).now.time_s
    held = Held(way_to_own_mission(None, link.url))
    look = _Look(order.arrival.way[-1], order.arrival.look_s, began_s, told)
    there = held.while_sent_there(replace(told, progress=look.progress))
    record = fly_plan(
        link,
        order.plan(),
        confirmed=confirmed,
        confirm=confirm,
        progress=there.progress,
        on_event=told.on_event,
        on_photo=told.on_photo,
        interrupt=told.interrupt,
        keep=told.keep,
    )
    ending = _ending_of(record)
    arrived_s, looked_s = look.by_track(record.track)
    return Diverted(
        estimate_s=order.arrival.arrival_s or 0.0,
        arrived_s=arrived_s,
        looked_s=looked_s,
        ending=ending,
        explanation=record.explanation,
        holds="" if ending is Ending.BACK_ON_PAD else held.words,
        records=(record,),
    )


def _ending_of(record: FlightRecord) -> Ending:
    if record.outcome is FlightOutcome.PILOT_TOOK_OVER:
        return Ending.LEFT_TO_PILOT
    if record.landing_time_s is not None and record.outcome in (
        FlightOutcome.COMPLETED,
        FlightOutcome.RETURNED_EARLY,
    ):
        return Ending.BACK_ON_PAD
    return Ending.NOT_FINISHED


def _kept(watchers: Watchers, keeper: StateKeeper, *, follow: bool) -> Watchers:
    """The watchers, and a state that is kept up to date where the mission itself is flown."""
    if not follow:
        return watchers

    def progress(step: FlightProgress) -> None:
        keeper.progress(step)
        if watchers.progress is not None:
            watchers.progress(step)

    def keep(record: FlightRecord) -> None:
        keeper.finish(record)
        if watchers.keep is not None:
            watchers.keep(record)

    def photo(taken: PhotoTaken) -> None:
        keeper.photo(taken)
        if watchers.on_photo is not None:
            watchers.on_photo(taken)

    return replace(watchers, progress=progress, on_photo=photo, keep=keep)
