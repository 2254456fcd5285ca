"""Who is at an incident first: drones in the air or on the pad, and people on the ground, with their times.

A drone's time is that of its fence-safe way by the vehicle model (`airbeat.vehicle.waypoint_flight`): order,
climb, legs with their corners and wind, to where the incident is in its picture. It goes only if its battery
carries the way, a look, and the way back to its pad down to the reserve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import shapely

from airbeat.errors import PlanningError, UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import bearing_deg, distance_m
from airbeat.language.words import Message
from airbeat.mission.beat import Beat, BeatDrone, LaunchSite
from airbeat.patrol.space import BeatSpace, beat_space
from airbeat.planning.route import Router
from airbeat.vehicle.waypoint_flight import FlightPart, FlightStop, flight_parts

__all__ = [
    "RINGS_S",
    "Arrival",
    "Dispatcher",
    "DroneState",
    "GroundState",
    "Incident",
    "ring_of",
]

RINGS_S = (60.0, 180.0, 300.0)
"""Rings that an arrival is told against [s]."""
DIVERT_S = 5.0
"""A drone in the air comes to rest and takes the new way [s]; measured on the embedded vehicle."""
ARM_S = 8.0
"""A drone on its pad takes the way, arms and spools up [s]."""
LOOK_S = 180.0
"""How long a drone looks unless told otherwise [s]."""
LEAST_LOOK_S = 60.0
"""A drone that cannot stay so long does not go [s]."""
LOOK_FROM_M = 150.0
"""From so far beyond the fence a drone still looks at an incident [m]."""
DETOUR = 1.3
"""Roads are longer than the straight line by about this; nobody looked the roads up."""
OLD_S = 600.0
"""A position heard longer ago is said to be old [s]."""
_ON_WAY_M = 0.01
_MOST_AWAY = 0.5
"""Distance to the incident from which it is looked at, over the drone's height."""

Place = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that happened somewhere.

    Attributes:
        position: where.
        kind: what people call it.
    """

    position: LatLon
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DroneState:
    """Where a drone of the beat is now.

    Attributes:
        name: as in the beat.
        position: WGS84.
        height_m: above its launch site [m]; 0 on the pad.
        flying: whether it is in the air.
        battery_share: what is left of its battery, 0…1.
        ready_s: time until it can go, where a battery is being changed [s].
        why_not: why it cannot go at all; empty where it can.
    """

    name: str
    position: LatLon
    height_m: float = 0.0
    flying: bool = False
    battery_share: float = 1.0
    ready_s: float = 0.0
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundState:
    """Where people on the ground were last heard.

    Attributes:
        name: their call sign.
        position: WGS84.
        speed_m_s: at which they can go [m/s].
        age_s: how long ago the position was heard [s].
    """

    name: str
    position: LatLon
    speed_m_s: float
    age_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """When a unit would be there, or why it would not.

    Attributes:
        unit: its name.
        drone: whether it is a drone.
        flying: whether it is in the air already.
        arrival_s: from the order to the look at the incident [s]; None for a unit that cannot go.
        why_not: why it cannot; empty where it can.
        way: from where it is to where it looks from.
        back: from there to the gate of a drone's pad.
        length_m: of the way over ground [m].
        away_m: from the end of the way to the incident [m].
        look_s: how long a drone can and shall look [s].
        battery_share: that a drone needs for the way, the look and the way back, 0…1.
        bearing_deg: from the unit to the incident [degrees].
        notes: what is uncertain.
    """

    unit: str
    drone: bool
    flying: bool = False
    arrival_s: float | None = None
    why_not: str = ""
    way: tuple[LatLon, ...] = ()
    back: tuple[LatLon, ...] = ()
    length_m: float = 0.0
    away_m: float = 0.0
    look_s: float = 0.0
    battery_share: float = 0.0
    bearing_deg: float = 0.0
    notes: tuple[str, ...] = field(default=())

    @property
    def ring(self) -> str:
        """The ring in which it arrives, in words."""
        return "never" if self.arrival_s is None else ring_of(self.arrival_s)


def ring_of(arrival_s: float) -> str:
    """In which ring a time falls, in words."""
    for ring in RINGS_S:
        if arrival_s <= ring:
            return f"within {ring / 60:.0f} min"
    return f"after {RINGS_S[-1] / 60:.0f} min"


class Dispatcher:
    """Ranks the units of one beat; the space and the ways found are kept from incident to incident.

    Args:
        beat: with its fence, zones and drones; its wind unless another is given.
        crowded: names of the crowd zones from which drones keep their stand-off.
        wind: speed [m/s] and where it comes from [degrees], instead of the beat's.

    Raises:
        PlanningError: a launch site where no drone may fly.
    """

    def __init__(
        self, beat: Beat, *, crowded: frozenset[str] = frozenset(), wind: tuple[float, float] | None = None
    ) -> None:
        self.beat = beat
        self.space: BeatSpace = beat_space(beat, crowded=crowded)
        if wind is None and beat.wind is not None:
            wind = (beat.wind.speed_m_s, beat.wind.from_deg)
        speed, from_deg = wind or (0.0, 0.0)
        toward = math.radians(from_deg + 180.0)
        self._wind = (speed * math.sin(toward), speed * math.cos(toward))
        self._drones = {drone.name: (n, site, drone) for n, (site, drone) in enumerate(beat.drones)}
        self._routers: dict[float, Router] = {}

    def rank(
        self,
        incident: Incident,
        drones: Sequence[DroneState],
        ground: Sequence[GroundState] = (),
        *,
        look_s: float = LOOK_S,
    ) -> tuple[Arrival, ...]:
        """All units, those that arrive first before the others, those that cannot go last.

        Raises:
            UsageError: a drone that the beat does not have.
        """
        arrivals = [self.drone(incident, state, look_s=look_s) for state in drones]
        arrivals += [self.ground(incident, state) for state in ground]
        never = math.inf
        return tuple(sorted(arrivals, key=lambda a: (never if a.arrival_s is None else a.arrival_s, a.unit)))

    def drone(self, incident: Incident, state: DroneState, *, look_s: float = LOOK_S) -> Arrival:
        """When a drone would have the incident in its picture.

        Raises:
            UsageError: the beat has no such drone.
        """
        if state.name not in self._drones:
            raise UsageError(
                Message("no drone {state!r} in this beat", state=state.name),
                remedy=Message("there are: {drones}", drones=", ".join(self._drones)),
            )
        number, site, drone = self._drones[state.name]
        bearing = bearing_deg(state.position, incident.position)

        def cannot(why: str) -> Arrival:
            return Arrival(unit=state.name, drone=True, flying=state.flying, why_not=why, bearing_deg=bearing)

        if state.why_not:
            return cannot(state.why_not)
        ways = self._ways(incident, state, site, drone)
        if isinstance(ways, str):
            return cannot(ways)
        try:
            flight = self._flight(drone, state, ways.out, ways.home, number)
        except PlanningError as error:
            return cannot(error.message)
        can_look_s = _can_look_s(drone, state, flight)
        if can_look_s < min(LEAST_LOOK_S, look_s):
            return cannot(
                f"battery: {100 * state.battery_share:.0f} % carries it there and back with "
                f"{max(can_look_s, 0.0):.0f} s to look"
            )
        looked_s = min(look_s, can_look_s)
        places = self.space.frame.to_latlon(ways.out)
        order_s = DIVERT_S if state.flying else ARM_S
        notes = ("looks from inside the fence",) if ways.away_m >= 0.5 else ()
        if looked_s < look_s:
            notes = (*notes, f"its battery carries a look of {looked_s:.0f} s")
        return Arrival(
            unit=state.name,
            drone=True,
            flying=state.flying,
            arrival_s=state.ready_s + order_s + flight.out.duration_s,
            way=(state.position, *self._entered(state.position, ways.start, places)),
            back=tuple(self.space.frame.to_latlon(ways.home[1:])),
            length_m=sum(math.dist(a, b) for a, b in pairwise(ways.out)),
            away_m=distance_m(places[-1], incident.position),
            look_s=looked_s,
            battery_share=flight.used_wh(looked_s) / drone.airframe.battery_wh,
            bearing_deg=bearing,
            notes=notes,
        )

    def _ways(self, incident: Incident, state: DroneState, site: LaunchSite, drone: BeatDrone) -> _Ways | str:
        """To where the incident is in the picture and home, or why there are none."""
        goal, away_m = self._goal(incident)
        if goal is None:
            return f"the incident lies {away_m:.0f} m outside the fence"
        router = self._router(drone)
        gate = self.space.gates[self.beat.sites.index(site)]
        start = self._start(state, site)
        out, back = router.route(start, goal), router.route(goal, gate)
        if out is None or back is None:
            return "no way inside the fence"
        most_away_m = _MOST_AWAY * drone.altitude.value_m
        way = _shortened(list(out[1]), most_away_m if away_m < 0.5 else 0.0)
        home = router.route(way[-1], gate) or back
        return _Ways(start=start, out=way, home=list(home[1]), away_m=away_m)

    def way_home(self, name: str, place: LatLon) -> tuple[LatLon, ...]:
        """The way of a drone in the air from a place to the gate of its pad, without that place.

        Raises:
            PlanningError: none is inside the fence.
        """
        _, site, drone = self._drones[name]
        start = self._inside(place)
        found = self._router(drone).route(start, self.space.gates[self.beat.sites.index(site)])
        if found is None:
            raise PlanningError(Message("no way inside the fence leads home from {place}", place=place))
        return self._entered(place, start, self.space.frame.to_latlon(found[1]))

    def ground(self, incident: Incident, state: GroundState) -> Arrival:
        """When people on the ground would be there, by roads that nobody looked up: see `DETOUR`."""
        length_m = DETOUR * distance_m(state.position, incident.position)
        old = state.age_s > OLD_S
        return Arrival(
            unit=state.name,
            drone=False,
            arrival_s=length_m / state.speed_m_s,
            way=(state.position, incident.position),
            length_m=length_m,
            bearing_deg=bearing_deg(state.position, incident.position),
            notes=(Message("its position is {age_s:.0f} min old", age_s=state.age_s / 60),) if old else (),
        )

    # Ways and times

    def _router(self, drone: BeatDrone) -> Router:
        """A router for the drone's fastest speed."""
        speed = drone.airframe.max_speed_m_s
        if speed not in self._routers:
            acceleration = drone.airframe.acceleration_m_s2
            self._routers[speed] = Router(self.space.free, lambda m: m / speed + speed / acceleration)
        return self._routers[speed]

    def _goal(self, incident: Incident) -> tuple[Place | None, float]:
        """Where a drone looks from, and how far that is from the incident [m]; None for too far."""
        x, y = (float(v) for v in self.space.frame.to_xy([incident.position])[0])
        here = shapely.Point(x, y)
        if self.space.free.intersects(here):
            return (x, y), 0.0
        line = shapely.shortest_line(self.space.free, here)
        if line.length > LOOK_FROM_M:
            return None, float(line.length)
        a, b = shapely.get_coordinates(line)[0]
        return (float(a), float(b)), float(line.length)

    def _start(self, state: DroneState, site: LaunchSite) -> Place:
        """Where its way begins: itself, or the gate of its pad, or the nearest place inside the fence."""
        if not state.flying:
            return self.space.gates[self.beat.sites.index(site)]
        return self._inside(state.position)

    def _inside(self, place: LatLon) -> Place:
        """A place, or the nearest to it where drones may fly."""
        x, y = (float(v) for v in self.space.frame.to_xy([place])[0])
        if self.space.free.intersects(shapely.Point(x, y)):
            return (x, y)
        a, b = shapely.get_coordinates(shapely.shortest_line(self.space.free, shapely.Point(x, y)))[0]
        return (float(a), float(b))

    def _entered(self, place: LatLon, start: Place, way: Sequence[LatLon]) -> tuple[LatLon, ...]:
        """What is flown of a way from a place: where it lies outside, first to where the way begins."""
        x, y = (float(v) for v in self.space.frame.to_xy([place])[0])
        return tuple(way if math.dist((x, y), start) > _ON_WAY_M else way[1:])

    def _flight(
        self, drone: BeatDrone, state: DroneState, way: list[Place], back: list[Place], number: int
    ) -> _Flight:
        """Time and energy of the way there, of looking, and of the way back to the ground."""
        site = self.beat.drones[number][0]
        x0, y0 = self.space.frame.to_xy([state.position if state.flying else site.position])[0]
        height_m = drone.altitude.value_m
        began_m = state.height_m if state.flying else height_m

        def stop(place: Place, hold_s: float = 0.0) -> FlightStop:
            return FlightStop(place=(place[0] - float(x0), place[1] - float(y0), height_m), hold_s=hold_s)

        there = [stop(p) for p in way]
        home = [stop(p) for p in back]
        looking = stop(way[-1], LEAST_LOOK_S)
        pad = self.space.sites[self.beat.sites.index(site)]
        parts = flight_parts(
            drone.airframe,
            [*there, looking, *home],
            speed_m_s=drone.airframe.max_speed_m_s,
            take_off_height_m=began_m,
            return_to=(pad[0] - float(x0), pad[1] - float(y0), 0.0),
            wind_to_m_s=self._wind,
        )
        begin = 1 if state.flying else 0
        out, look = parts[begin : 1 + len(there)], parts[1 + len(there)]
        return _Flight(
            out=_summed(out),
            back=_summed(parts[2 + len(there) :]),
            hover_w=look.energy_wh / look.duration_s * 3600.0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ways:
    """The ways of a drone to an incident and home, in the space of the beat.

    Attributes:
        start: where the first begins.
        out: to where the incident is in the picture.
        home: from there to the gate of its pad.
        away_m: how far the incident lies outside the fence [m].
    """

    start: Place
    out: list[Place]
    home: list[Place]
    away_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flight:
    """The way out, the way back to the ground, and the power of standing still [W]."""

    out: FlightPart
    back: FlightPart
    hover_w: float

    def used_wh(self, look_s: float) -> float:
        """Energy of the whole flight with a look of so long [Wh]."""
        return self.out.energy_wh + self.back.energy_wh + self.hover_w * look_s / 3600.0


def _can_look_s(drone: BeatDrone, state: DroneState, flight: _Flight) -> float:
    """How long the battery lets it look between the ways there and back [s]; negative: not at all."""
    spare_wh = (state.battery_share - drone.airframe.reserve_share) * drone.airframe.battery_wh
    return (spare_wh - flight.out.energy_wh - flight.back.energy_wh) / flight.hover_w * 3600.0


def _summed(parts: Sequence[FlightPart]) -> FlightPart:
    return FlightPart(duration_s=sum(p.duration_s for p in parts), energy_wh=sum(p.energy_wh for p in parts))


def _shortened(way: list[Place], by_m: float) -> list[Place]:
    """A way whose last leg ends so far before its goal, where that leg is long enough."""
    (ax, ay), (bx, by) = way[-2], way[-1]
    length = math.dist(way[-2], way[-1])
    if by_m <= 0.0 or length <= by_m:
        return way
    share = 1.0 - by_m / length
    return [*way[:-1], (ax + (bx - ax) * share, ay + (by - ay) * share)]
