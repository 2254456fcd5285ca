"""Watching a flight until it has ended, and passing on what this station's people want done.

The flight is followed by position, the current item and status texts, never by MISSION_ITEM_REACHED
alone, which ArduPilot drops when something else is due. All waits are on the vehicle's own time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from airbeat.errors import LinkError, RefusedByVehicleError
from airbeat.flight.area import PhotographedArea
from airbeat.flight.record import FlightOutcome, FlightRecord
from airbeat.flight.schedule import Schedule
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.link.telemetry import EventKind, PhotoTaken, PositionFix, Telemetry, VehicleEvent
from airbeat.link.vehicle import Identity, Vehicle
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan

__all__ = ["FlightProgress", "Interruption", "Watch", "Watchers"]

_OFF_GROUND_M = 0.5
_LINK_QUIET_S = 5.0
_LINK_LOST_S = 30.0
_FAILSAFE_WORDS = ("failsafe", "fence", "breach", "battery", "ekf", "crash", "gps glitch", "thrust loss")
_FAILSAFE_MEMORY_S = 5.0
_MISSION_MODES = frozenset({"AUTO", "AUTO_RTL"})
_LANDING_MODES = frozenset({"RTL", "SMART_RTL", "LAND"})
_MISSION_COMPLETE = 5
_POLL_S = 0.05


class Interruption(StrEnum):
    """What this station's people want done with a flight under way."""

    PAUSE = "pause"
    """Hover where it is (BRAKE)."""
    RETURN = "return"
    """Camera off, return to launch (RTL)."""
    LAND = "land"
    """Camera off, land where it is (LAND)."""
    GO_ON = "go on"
    """Give a paused vehicle its mission back (AUTO); otherwise nothing."""
    LEAVE = "leave"
    """Stop watching; the vehicle goes on with what it is doing."""


_MODE_FOR = {
    Interruption.PAUSE: "BRAKE",
    Interruption.RETURN: "RTL",
    Interruption.LAND: "LAND",
    Interruption.GO_ON: "AUTO",
}
_DONE_WORDS = {
    Interruption.PAUSE: Message("paused by this station, then disarmed"),
    Interruption.RETURN: Message("returned and landed because this station told it to"),
    Interruption.LAND: Message("landed where it was because this station told it to"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightProgress:
    """Where the flight is.

    Attributes:
        phase: "waiting", "uploading", "arming", "flying" or "landed".
        state: the vehicle's telemetry.
        item: current mission item.
        items: number of mission items.
        elapsed_s: since take-off, vehicle time [s].
        fraction: share of the planned time that is done, 0…1.
        eta_s: seconds of vehicle time to the landing.
        distance_home_m: to the plan's home [m], or None.
        photos: reported so far in this flight.
        area_share: share of the plan's area photographed so far, earlier sorties included, 0…1; None
            where the plan states no area.
    """

    phase: str
    state: Telemetry
    item: int = 0
    items: int = 0
    elapsed_s: float = 0.0
    fraction: float = 0.0
    eta_s: float = 0.0
    distance_home_m: float | None = None
    photos: int = 0
    area_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchers:
    """Who is told of a flight, and who may interrupt it; None is nobody.

    Attributes:
        progress: told where the flight is, many times a second; as all of these in the calling thread.
        on_event: told of modes, status texts and link trouble.
        on_photo: told of each photograph.
        interrupt: asked many times a second for what to do, and told whether the flight stands paused by
            it; None means nothing.
        keep: given the record of every flight, also when watching is broken off by an exception.
        area: what was photographed before this flight; None where nothing was.
    """

    progress: Callable[[FlightProgress], None] | None = None
    on_event: Callable[[VehicleEvent], None] | None = None
    on_photo: Callable[[PhotoTaken], None] | None = None
    interrupt: Callable[[bool], Interruption | None] | None = None
    keep: Callable[[FlightRecord], None] | None = None
    area: PhotographedArea | None = None


class Watch:
    """Follows one flight and gathers its record."""

    def __init__(
        self,
        vehicle: Vehicle,
        plan: FlightPlan,
        watchers: Watchers,
    ) -> None:
        self._vehicle = vehicle
        self._plan = plan
        self._schedule = Schedule(plan)
        self._begun_utc = datetime.now(UTC).isoformat(timespec="seconds")
        self._progress = watchers.progress or (lambda _p: None)
        self._on_event = watchers.on_event or (lambda _e: None)
        self._on_photo = watchers.on_photo or (lambda _p: None)
        self._interrupt = watchers.interrupt or (lambda _paused: None)
        self._keep = watchers.keep or (lambda _record: None)
        self._area = watchers.area or (PhotographedArea(plan.survey) if plan.survey else None)
        self._track: list[PositionFix] = []
        self._photos: list[PhotoTaken] = []
        self._events: list[VehicleEvent] = []
        self._takeoff_s: float | None = None
        self._battery_at_takeoff: float | None = None
        self._landing_s: float | None = None
        self._last_item = 0
        self._complete = False
        self._quiet = False
        self._left_auto: VehicleEvent | None = None
        self._left_auto_why = ""
        self._own_mode = ""
        self._asked: Interruption | None = None
        self._unheard: Interruption | None = None
        self._perhaps: set[str] = set()

    @property
    def _ours(self) -> frozenset[str]:
        """Modes that this station set, or may have set: orders whose answer was lost may be done yet."""
        return _MISSION_MODES | self._perhaps | ({self._own_mode} - {""})

    def report(self, phase: str) -> None:
        """Tells the caller where the flight is."""
        now = self._vehicle.now
        elapsed_s = now.time_s - self._takeoff_s if self._takeoff_s is not None else 0.0
        left_s = total_s = self._schedule.duration_s
        if self._takeoff_s is not None and now.position is not None:
            height_m = now.height_above_home_m or 0.0
            left_s = self._schedule.left_s(now.mission_seq or 0, now.position, height_m)
        if phase == "landed":
            left_s = 0.0
        self._progress(
            FlightProgress(
                phase=phase,
                state=now,
                item=now.mission_seq or 0,
                items=len(self._plan.items),
                elapsed_s=elapsed_s,
                fraction=min(max(1.0 - left_s / total_s, 0.0), 1.0) if total_s else 0.0,
                eta_s=left_s,
                distance_home_m=distance_m(now.position, self._plan.home) if now.position else None,
                photos=len(self._photos),
                area_share=self._area.share if self._area else None,
            )
        )

    def until_landed(self, identity: Identity) -> FlightRecord:
        """Watches until the flight has ended in one way or another; the record is kept in every case."""
        ended: tuple[FlightOutcome, str] | None = None
        try:
            while ended is None:
                self._take_happenings()
                ended = self._ended() or self._interrupted()
                if ended is None:
                    self.report("flying")
                    time.sleep(_POLL_S)
            self._take_happenings()
            self._close_landing()
        except BaseException as error:
            words = Message(
                "watching was broken off ({error}): it may still be flying",
                error=str(error) or type(error).__name__,
            )
            self._keep(self._record(identity, FlightOutcome.INTERRUPTED, words))
            raise
        record = self._record(identity, *ended)
        self._keep(record)
        self.report("landed" if self._landing_s is not None else "flying")
        return record

    def _interrupted(self) -> tuple[FlightOutcome, str] | None:
        """Does what this station's people want done; the outcome where watching ends with it."""
        new = self._interrupt(self._asked is Interruption.PAUSE)
        if new is not None:
            self._unheard = None
        wish = new or self._unheard
        now = self._vehicle.now
        if wish is None or (wish is Interruption.GO_ON and self._asked is not Interruption.PAUSE):
            return None
        if wish is Interruption.LEAVE:
            doing = (
                Message("hovers (BRAKE)")
                if self._asked is Interruption.PAUSE
                else Message("flies on in {mode}", mode=now.mode)
            )
            return (
                FlightOutcome.INTERRUPTED,
                Message(
                    "this station stopped watching: the vehicle {doing}, item {mission_seq} of {items}",
                    doing=doing,
                    mission_seq=now.mission_seq,
                    items=len(self._plan.items),
                ),
            )
        self._take_happenings()  # asking people takes time, in which a pilot may have taken over
        if new is None and self._unheard is None:
            return None
        if self._left_auto is not None:
            words = Message(
                "{wish} was not done: the mode was changed to {mode}, and the pilot has priority",
                wish=wish.value,
                mode=now.mode,
            )
            self._unheard = None
            self._note(VehicleEvent(time_s=now.time_s, kind=EventKind.LINK, text=words, severity=4))
            return None
        self._order(wish, now)
        return None

    def _order(self, wish: Interruption, now: Telemetry) -> None:
        """Has the vehicle do it. To stop, return or land is ordered again until it is known to be done."""
        known, urgent = self._ours, wish is not Interruption.GO_ON
        before, self._own_mode = self._own_mode, _MODE_FOR[wish]
        try:
            if wish in (Interruption.RETURN, Interruption.LAND):
                self._vehicle.command(MavCmd.DO_SET_CAM_TRIGG_DIST, 0.0, tries=2)
            self._vehicle.set_mode(_MODE_FOR[wish], only_from=known, urgent=urgent)
        except (RefusedByVehicleError, LinkError) as error:
            self._own_mode, self._unheard = before, None
            if isinstance(error, LinkError):
                self._perhaps.add(_MODE_FOR[wish])
                self._unheard = wish if urgent else None
            self._note(VehicleEvent(time_s=now.time_s, kind=EventKind.LINK, text=str(error), severity=2))
            return
        self._take_happenings()  # what orders whose answers were lost have done before is ours too
        self._unheard = None
        self._perhaps.clear()
        self._asked = wish if urgent else None

    def _take_happenings(self) -> None:
        for event in self._vehicle.happened():
            if isinstance(event, PositionFix):
                self._on_fix(event)
            elif isinstance(event, PhotoTaken):
                self._photos.append(event)
                if self._area is not None:
                    self._area.add(
                        position=event.position,
                        height_above_home_m=event.height_above_home_m,
                        yaw_deg=event.yaw_deg,
                    )
                self._on_photo(event)
            else:
                self._note(event)
        now = self._vehicle.now
        if self._takeoff_s is not None:
            if now.armed and now.mode is not None and now.mode not in self._ours:
                # also where it was changed before the first fix, or while nobody looked
                self._leave_auto(VehicleEvent(time_s=now.time_s, kind=EventKind.MODE, text=now.mode))
            self._last_item = max(self._last_item, now.mission_seq or 0)
            self._complete = self._complete or now.mission_state == _MISSION_COMPLETE
        silent_s = self._vehicle.link.silence_s
        if (silent_s > _LINK_QUIET_S) != self._quiet:
            self._quiet = silent_s > _LINK_QUIET_S
            words = (
                Message("no word from the vehicle") if self._quiet else Message("the vehicle is heard again")
            )
            self._note(VehicleEvent(time_s=now.time_s, kind=EventKind.LINK, text=words, severity=4))

    def _on_fix(self, fix: PositionFix) -> None:
        self._track.append(fix)
        if self._takeoff_s is None and fix.height_above_home_m > _OFF_GROUND_M:
            self._takeoff_s = fix.time_s
            self._battery_at_takeoff = self._vehicle.now.battery_share
        elif self._takeoff_s is not None:
            low = fix.height_above_home_m < _OFF_GROUND_M
            if fix.landed or (fix.landed is None and low):
                self._landing_s = self._landing_s or fix.time_s
            else:
                self._landing_s = None

    def _close_landing(self) -> None:
        """A disarmed vehicle has landed, whatever the last fixes that were read before said of it."""
        now = self._vehicle.now
        if now.armed is False and self._takeoff_s is not None and self._landing_s is None:
            self._landing_s = now.time_s

    def _note(self, event: VehicleEvent) -> None:
        self._events.append(event)
        self._on_event(event)
        if event.kind is not EventKind.MODE:
            return
        if event.text not in self._ours:
            if self._takeoff_s is not None:
                self._leave_auto(event)
        elif event.text in _MISSION_MODES:
            self._left_auto = None  # the pilot gave the mission back
            if self._own_mode != event.text:
                self._asked, self._own_mode, self._unheard = None, "", None
                self._perhaps.clear()

    def _leave_auto(self, event: VehicleEvent) -> None:
        """Notes the first mode in which somebody else, or the autopilot, flies."""
        if self._left_auto is None:
            self._left_auto = event
            self._left_auto_why = self._failsafe_text(event.time_s)

    def _failsafe_text(self, time_s: float) -> str:
        """What the autopilot said, just before, of ending the mission by itself; empty if nothing."""
        for event in reversed(self._events):
            if time_s - event.time_s > _FAILSAFE_MEMORY_S:
                break
            if event.kind is EventKind.STATUSTEXT and any(w in event.text.lower() for w in _FAILSAFE_WORDS):
                return event.text
        return ""

    def _ended(self) -> tuple[FlightOutcome, str] | None:
        now = self._vehicle.now
        if self._vehicle.link.silence_s > _LINK_LOST_S:
            where = (
                Message(
                    " at {position}, {height_above_home_m:.0f} m",
                    position=now.position,
                    height_above_home_m=now.height_above_home_m,
                )
                if now.position
                else ""
            )
            return (
                FlightOutcome.LINK_LOST,
                Message(
                    "no word for {link_lost_s:.0f} s; last heard in {mode}{where}: it may still be flying",
                    link_lost_s=_LINK_LOST_S,
                    mode=now.mode,
                    where=where,
                ),
            )
        if now.armed is False:
            return self._ended_disarmed()
        if self._left_auto is not None and now.mode not in _LANDING_MODES | _MISSION_MODES:
            return FlightOutcome.PILOT_TOOK_OVER, Message(
                "the mode was changed to {mode}; the pilot is flying", mode=now.mode
            )
        return None

    def _ended_disarmed(self) -> tuple[FlightOutcome, str]:
        if self._left_auto is not None:
            mode = self._left_auto.text
            late = self._failsafe_text(self._left_auto.time_s + _FAILSAFE_MEMORY_S)
            why = self._left_auto_why or late
            if why:
                return FlightOutcome.RETURNED_EARLY, Message(
                    "the autopilot switched to {mode}: {why}", mode=mode, why=why
                )
            return FlightOutcome.PILOT_TOOK_OVER, Message(
                "the mode was changed to {mode}; it has landed", mode=mode
            )
        if self._asked is not None:
            return FlightOutcome.INTERRUPTED, Message(
                "{done_words}, at item {last_item}",
                done_words=_DONE_WORDS[self._asked],
                last_item=self._last_item,
            )
        last_nav = max((seq for seq, item in self._plan.numbered() if item.is_nav), default=0)
        if self._complete or self._last_item >= last_nav:
            return FlightOutcome.COMPLETED, Message("the mission was flown to its end, landed and disarmed")
        return (
            FlightOutcome.ENDED_EARLY,
            Message(
                "disarmed at item {last_item} of {items}",
                last_item=self._last_item,
                items=len(self._plan.items),
            ),
        )

    def _record(self, identity: Identity, outcome: FlightOutcome, explanation: str) -> FlightRecord:
        return FlightRecord(
            plan_name=self._plan.name,
            plan_notes=self._plan.notes,
            provenance=self._plan.provenance,
            begun_utc=self._begun_utc,
            vehicle=identity,
            outcome=outcome,
            explanation=explanation,
            takeoff_time_s=self._takeoff_s,
            landing_time_s=self._landing_s,
            track=tuple(self._track),
            photos=tuple(self._photos),
            events=tuple(self._events),
            last_item=self._last_item,
            items=len(self._plan.items),
            boot_utc_s=self._vehicle.now.boot_utc_s,
            battery_at_takeoff_share=self._battery_at_takeoff,
            battery_at_end_share=self._vehicle.now.battery_share,
        )
