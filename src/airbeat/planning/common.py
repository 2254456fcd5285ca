"""What surveys and fixed waypoints share: height, speed, routers, the finished plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from airbeat import __version__
from airbeat.errors import PlanningError
from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.language.words import Message
from airbeat.mission.forecast import forecast
from airbeat.mission.mission import Mission
from airbeat.mission.plan import Estimate, FlightPlan, PlanItem, Survey
from airbeat.planning.edges import stopped_at_edges
from airbeat.planning.estimate import leg_times_s
from airbeat.planning.freespace import FlightSpace
from airbeat.planning.items import return_item, start_items
from airbeat.planning.route import Router

__all__ = [
    "BATTERY_NOTE",
    "as_flown",
    "finished_plan",
    "flight_height",
    "follows_ground",
    "routers",
    "usable_speed_m_s",
]

BATTERY_NOTE = "one battery is not enough"
_FLAT_GROUND = "height above ground assumes flat ground at the height of home"


def follows_ground(altitude: Altitude, mission: Mission) -> bool:
    """Whether a height is to be kept above the ground of a height model."""
    return altitude.datum is AltitudeDatum.AGL and mission.terrain is not None


def flight_height(altitude: Altitude, mission: Mission) -> tuple[Altitude, tuple[str, ...]]:
    """A height above home, or above ground where it follows a height model; what must be known of it.

    Raises:
        PlanningError: it is not above home, above the fence's ceiling, or its datum needs home's height.
    """
    notes: tuple[str, ...] = ()
    height = altitude.value_m
    if altitude.datum is AltitudeDatum.AMSL:
        if mission.home_amsl_m is None:
            raise PlanningError(
                Message(
                    "height {altitude} cannot be flown: home's height above mean sea level is unknown",
                    altitude=altitude,
                ),
                remedy="state home's amsl_m, or give the height above home",
            )
        height -= mission.home_amsl_m
    elif altitude.datum is AltitudeDatum.AGL and mission.terrain is None:
        notes = (_FLAT_GROUND,)
    if height < _LOWEST_M:
        raise PlanningError(
            Message("height {altitude} is {height:g} m above home", altitude=altitude, height=height),
            remedy=Message("fly at least {lowest_m:g} m above home", lowest_m=_LOWEST_M),
        )
    ceiling = mission.fence.max_height_m if mission.fence else None
    if ceiling is not None and height > ceiling:
        raise PlanningError(
            Message(
                "height {height:g} m above home is over the fence's ceiling of {ceiling:g} m",
                height=height,
                ceiling=ceiling,
            ),
            remedy="fly lower or raise the ceiling",
        )
    datum = AltitudeDatum.AGL if follows_ground(altitude, mission) else AltitudeDatum.HOME
    return Altitude(value_m=height, datum=datum), notes


_LOWEST_M = 2.0


def usable_speed_m_s(mission: Mission) -> tuple[float, tuple[str, ...]]:
    """The cruise speed the airframe can fly, with a note where it is lower than asked for."""
    if not mission.speed_m_s > 0:
        raise PlanningError(
            Message("speed {speed_m_s:g} m/s cannot be flown", speed_m_s=mission.speed_m_s),
            remedy="use a positive speed",
        )
    wind = mission.wind.speed_m_s if mission.wind else 0.0
    top = mission.airframe.max_speed_m_s - wind
    if not top > 0:
        raise PlanningError(
            Message(
                "a wind of {wind:g} m/s cannot be flown against by {airframe}",
                wind=wind,
                airframe=mission.airframe.name,
            ),
            remedy="wait for less wind",
        )
    if mission.speed_m_s <= top:
        return mission.speed_m_s, ()
    note = f"speed lowered from {mission.speed_m_s:g} to {top:g} m/s, the most {mission.airframe.name} flies"
    return top, (f"{note} against the wind" if wind else note,)


def routers(mission: Mission, space: FlightSpace) -> tuple[Router, Router]:
    """Routers of the sweep space and of the transit space (one and the same where the spaces are)."""
    leg_time = partial(
        leg_times_s,
        speed_m_s=mission.speed_m_s,
        acceleration_m_s2=mission.airframe.acceleration_m_s2,
    )
    near = Router(space.sweep, leg_time)
    far = near if space.transit is space.sweep else Router(space.transit, leg_time)
    return near, far


def _home_amsl_m(mission: Mission) -> float | None:
    """Home's height above sea level as stated, else the height model's [m]."""
    if mission.home_amsl_m is not None or mission.terrain is None:
        return mission.home_amsl_m
    height = float(mission.terrain.heights_m(mission.home.lon_deg, mission.home.lat_deg)[0])
    return None if math.isnan(height) else round(height, 1)


def finished_plan(
    mission: Mission,
    *,
    items: Sequence[PlanItem],
    height_m: float,
    estimate: Estimate,
    survey: Survey | None,
    notes: Sequence[str] = (),
) -> FlightPlan:
    """The plan around its items: take-off and speed before them, return behind them."""
    start = start_items(home=mission.home, height_m=height_m, speed_m_s=mission.speed_m_s)
    plan = FlightPlan(
        name=mission.name,
        home=mission.home,
        home_amsl_m=_home_amsl_m(mission),
        items=(*start, *items, return_item()),
        fence=mission.fence,
        rally=mission.rally,
        speed_m_s=mission.speed_m_s,
        airframe=mission.airframe,
        survey=survey,
        estimate=estimate,
        last_seen=mission.last_seen,
        terrain=mission.terrain,
        notes=(*mission.notes, *notes),
        provenance=replace(mission.provenance, tool_version=__version__),
    )
    plan = stopped_at_edges(plan)
    plan = replace(plan, estimate=as_flown(plan, estimate))
    if plan.estimate is not None and plan.estimate.batteries > 1:
        needed = f"the flight needs {plan.estimate.batteries}; airbeat plan writes one plan a sortie"
        plan = replace(plan, notes=(*plan.notes, f"{BATTERY_NOTE}: {needed}"))
    return plan


def as_flown(plan: FlightPlan, estimate: Estimate) -> Estimate:
    """The estimate with time and energy of the finished items, as the vehicle model flies them."""
    flown = forecast(plan)
    if flown is None or plan.airframe is None:
        return estimate
    share = flown.energy_wh / plan.airframe.usable_energy_wh
    return replace(
        estimate,
        duration_s=flown.duration_s,
        battery_share=share,
        batteries=max(1, math.ceil(share - 1e-9)),
    )
