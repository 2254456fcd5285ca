"""Where the drones of a planned round are at a moment: on their way, over a visit, or on their pads."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.beat import Beat
from airbeat.mission.forecast import forecast
from airbeat.mission.legs import height_above_home_m
from airbeat.mission.plan import FlightPlan
from airbeat.patrol.batteries import BatteryBook
from airbeat.patrol.clock import DroneClock
from airbeat.patrol.dispatch import DroneState
from airbeat.patrol.plan import PlannedSortie

__all__ = ["Whereabouts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """A moment of a flight: seconds after take-off, x and y from home, height [m], energy used [Wh]."""

    time_s: float
    x_m: float
    y_m: float
    height_m: float
    used_wh: float


class _Flight:
    """A sortie as a row of moments between which everything changes evenly."""

    def __init__(self, sortie: PlannedSortie, moments: list[_Moment]) -> None:
        self.sortie = sortie
        self._frame = LocalFrame(sortie.plan.home)
        self._moments = moments
        self._times = [m.time_s for m in self._moments]

    def at(self, moment: datetime) -> tuple[LatLon, float, float]:
        """Place, height above home [m] and energy used [Wh]."""
        time_s = (moment - self.sortie.take_off).total_seconds()
        after = min(max(bisect_right(self._times, time_s), 1), len(self._moments) - 1)
        a, b = self._moments[after - 1], self._moments[after]
        took = b.time_s - a.time_s
        share = min(max((time_s - a.time_s) / took, 0.0), 1.0) if took > 0 else 1.0
        x, y = a.x_m + share * (b.x_m - a.x_m), a.y_m + share * (b.y_m - a.y_m)
        place = self._frame.to_latlon([(x, y)])[0]
        height_m = a.height_m + share * (b.height_m - a.height_m)
        return place, height_m, a.used_wh + share * (b.used_wh - a.used_wh)


def _moments(plan: FlightPlan, frame: LocalFrame) -> list[_Moment]:
    """The moments of a plan.

    Raises:
        ValueError: the forecast does not know how long its items take.
    """
    known = forecast(plan)
    if known is None:
        raise ValueError(f"{plan.name}: its items do not tell how long they take")
    x = y = height = time = used = 0.0
    rows = [_Moment(time_s=0.0, x_m=0.0, y_m=0.0, height_m=0.0, used_wh=0.0)]
    items = dict(plan.numbered())
    last = max(known.items)
    for number, part in sorted(known.items.items()):
        item = items[number]
        if item.position is not None:
            x, y = (float(v) for v in frame.to_xy([item.position])[0])
        if item.altitude is not None and item.altitude.value_m != 0.0:
            height = height_above_home_m(item.altitude, home_amsl_m=plan.home_amsl_m) or height
        hold_s = item.params[0] if number not in (min(known.items), last) else 0.0
        moving_s = max(part.duration_s - hold_s, 0.0)
        moving_wh = part.energy_wh * (moving_s / part.duration_s if part.duration_s > 0 else 0.0)
        if number == last:
            x = y = height = 0.0
        rows.append(_Moment(time_s=time + moving_s, x_m=x, y_m=y, height_m=height, used_wh=used + moving_wh))
        time, used = time + part.duration_s, used + part.energy_wh
        if hold_s > 0:
            rows.append(_Moment(time_s=time, x_m=x, y_m=y, height_m=height, used_wh=used))
    return rows


def _ready_again(beat: Beat, sorties: Sequence[PlannedSortie]) -> dict[tuple[str, datetime], datetime]:
    """By drone and landing, when it can leave again: a full battery is there, and changed."""
    if not sorties:
        return {}
    numbers = {drone.name: number for number, (_, drone) in enumerate(beat.drones)}
    packs = [DroneClock(beat, site, drone).pack(beat, beat.sites.index(site)) for site, drone in beat.drones]
    book = BatteryBook(packs)
    begin = min(s.take_off for s in sorties)
    found = {}
    for sortie in sorted(sorties, key=lambda s: s.land):
        number = numbers[sortie.drone]
        times_s = [(moment - begin).total_seconds() for moment in (sortie.take_off, sortie.land)]
        book.fly(number, times_s[0], times_s[1])
        found[sortie.drone, sortie.land] = begin + timedelta(seconds=max(book.ready_s(number), times_s[1]))
    return found


class Whereabouts:
    """The drones of a beat over the time of planned sorties.

    On its pad a drone has a full battery; after a landing once one is charged and changed.

    Args:
        beat: with its drones.
        sorties: what they fly.

    Raises:
        ValueError: a sortie of which it is not known how long it takes.
    """

    def __init__(self, beat: Beat, sorties: Sequence[PlannedSortie]) -> None:
        self._beat = beat
        self._flights: dict[str, list[_Flight]] = {}
        known: dict[int, list[_Moment]] = {}
        for sortie in sorted(sorties, key=lambda s: s.take_off):
            key = id(sortie.plan)  # a plan that is flown again and again is forecast once
            if key not in known:
                known[key] = _moments(sortie.plan, LocalFrame(sortie.plan.home))
            self._flights.setdefault(sortie.drone, []).append(_Flight(sortie, known[key]))
        self._ready = _ready_again(beat, sorties)

    def at(self, moment: datetime) -> tuple[DroneState, ...]:
        """Every drone's state."""
        states = []
        for site, drone in self._beat.drones:
            flown = self._flights.get(drone.name, [])
            under_way = next((f for f in flown if f.sortie.take_off <= moment < f.sortie.land), None)
            if under_way is not None:
                place, height_m, used_wh = under_way.at(moment)
                share = max(1.0 - used_wh / drone.airframe.battery_wh, 0.0)
                states.append(
                    DroneState(
                        name=drone.name, position=place, height_m=height_m, flying=True, battery_share=share
                    )
                )
                continue
            landed = max((f.sortie.land for f in flown if f.sortie.land <= moment), default=None)
            ready_s = 0.0
            if landed is not None:
                ready_s = max((self._ready[drone.name, landed] - moment).total_seconds(), 0.0)
            states.append(DroneState(name=drone.name, position=site.position, ready_s=ready_s))
        return tuple(states)
