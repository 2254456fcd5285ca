"""What a drone is sent for: the way to an incident, and the same way found anew from where the drone stands.

Between the state that a way was found from and the moment the drone obeys it flies on: as far as somebody
takes to say yes, and as far as the link is slow. So its way is found again once it has come to rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from airbeat.checks.coverage import outside_fence_m
from airbeat.errors import PlanningError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.mission.beat import BeatDrone, LaunchSite
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import Fence, FlightPlan, ItemRole, PlanItem, RallyPoint
from airbeat.patrol.dispatch import Arrival, Dispatcher, DroneState, Incident
from airbeat.planning.items import look_at, return_item, start_items, waypoint

__all__ = ["Order", "divert_plan"]

_PATIENCE_S = 120.0
"""The autopilot's own hold is longer than the look by this; then it returns by itself."""


def divert_plan(
    arrival: Arrival,
    incident: Incident,
    site: LaunchSite,
    drone: BeatDrone,
    *,
    fence: Fence | None,
    rally: tuple[RallyPoint, ...] | None = None,
    start: LatLon | None = None,
) -> FlightPlan:
    """The way to an incident, a look at it with nose and camera, and the return.

    Args:
        arrival: the drone's way (`airbeat.patrol.dispatch.Dispatcher`).
        incident: what is looked at.
        site: where the drone belongs.
        drone: of the beat.
        fence: with the zones that may not be flown over.
        rally: rally points.
        start: where the drone hovers; None for its pad.
    """
    height_m = drone.altitude.value_m
    first = 1 if start is not None or distance_m(arrival.way[0], site.position) > 1.0 else 0
    way = arrival.way[first:] if len(arrival.way) > 1 else arrival.way
    hold_s = arrival.look_s + (0.0 if start is None else _PATIENCE_S)
    shot = PlanItem(command=MavCmd.DO_DIGICAM_CONTROL, extra=(1.0, 0.0, 0.0), role=ItemRole.ACTION)
    items = [
        *start_items(home=site.position, height_m=height_m, speed_m_s=drone.airframe.max_speed_m_s),
        *(waypoint(place, height_m, ItemRole.TRANSIT) for place in way[:-1]),
        waypoint(way[-1], height_m, ItemRole.VISIT),
        look_at(incident.position),
        PlanItem(command=MavCmd.CONDITION_DELAY, params=(2.0, 0.0, 0.0, 0.0), role=ItemRole.ACTION),
        shot,
        waypoint(way[-1], height_m, ItemRole.VISIT, hold_s=hold_s),
        look_at(None),
        *(waypoint(place, height_m, ItemRole.TRANSIT) for place in arrival.back),
        return_item(),
    ]
    return FlightPlan(
        name=f"{drone.name} to {incident.kind or 'incident'}",
        home=site.position,
        home_amsl_m=site.amsl_m,
        items=tuple(items),
        fence=fence,
        rally=rally,
        speed_m_s=drone.airframe.max_speed_m_s,
        airframe=drone.airframe,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a drone is sent for.

    Attributes:
        arrival: its way and its look.
        incident: what is looked at.
        site, drone: of the beat.
        dispatcher: that found the way, and finds it again from where the drone stands.
        rally: rally points.
    """

    arrival: Arrival
    incident: Incident
    site: LaunchSite
    drone: BeatDrone
    dispatcher: Dispatcher
    rally: tuple[RallyPoint, ...] | None = None

    @property
    def fence(self) -> Fence | None:
        """With the zones that may not be flown over."""
        return self.dispatcher.space.fence

    @property
    def margin_m(self) -> float:
        """Kept from the fence [m]."""
        return self.dispatcher.beat.margin_m

    def plan(self, start: LatLon | None = None) -> FlightPlan:
        """The way there and back, see `divert_plan`."""
        return divert_plan(
            self.arrival,
            self.incident,
            self.site,
            self.drone,
            fence=self.fence,
            rally=self.rally,
            start=start,
        )

    def is_clear(self, track: tuple[LatLon, ...]) -> bool:
        """Whether straight legs from place to place stay inside the fence and out of its keep-outs."""
        return self.fence is None or outside_fence_m(track, self.fence) == 0.0

    def again(self, place: LatLon, *, height_m: float, battery_share: float) -> Order:
        """The same order from where the drone stands now.

        Args:
            place: where it stands.
            height_m: above its launch site [m].
            battery_share: what is left of its battery, 0…1.

        Raises:
            PlanningError: no way from there is inside the fence, or the battery does not carry it.
        """
        state = DroneState(
            name=self.arrival.unit,
            position=place,
            height_m=height_m,
            flying=True,
            battery_share=battery_share,
        )
        arrival = self.dispatcher.drone(self.incident, state, look_s=self.arrival.look_s)
        if arrival.arrival_s is None:
            raise PlanningError(arrival.why_not)
        if not self.is_clear((*arrival.way, *arrival.back)):
            raise PlanningError(
                Message("the way from {place} would leave the fence or enter a keep-out", place=place)
            )
        return replace(self, arrival=arrival)

    def way_home(self, place: LatLon) -> tuple[LatLon, ...]:
        """From a place in the air to the gate of the drone's pad, see `Dispatcher.way_home`."""
        return self.dispatcher.way_home(self.drone.name, place)
