"""The straight legs that a plan's items make, from home to the return."""

from __future__ import annotations

from dataclasses import dataclass, replace

from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, ItemRole

__all__ = ["Leg", "height_above_home_m", "legs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A straight leg; a climb on the spot has its end where its start is.

    Attributes:
        number: the item that the leg flies to, or the DO_JUMP that causes it.
        start: where it begins.
        end: where it ends.
        start_altitude: height at its start, or None where the items do not tell.
        end_altitude: height at its end, or None.
        role: the role of the item it flies to.
    """

    number: int
    start: LatLon
    end: LatLon
    start_altitude: Altitude | None
    end_altitude: Altitude | None
    role: ItemRole


def height_above_home_m(altitude: Altitude, *, home_amsl_m: float | None) -> float | None:
    """A height in metres above home; None where its datum does not tell (AGL, or AMSL of an unknown home)."""
    if altitude.datum is AltitudeDatum.HOME:
        return altitude.value_m
    if altitude.datum is AltitudeDatum.AMSL and home_amsl_m is not None:
        return altitude.value_m - home_amsl_m
    return None


def legs(plan: FlightPlan) -> list[Leg]:
    """The plan's legs in the order of its items, and those of its jumps after them.

    The first leg begins at home on the ground. RETURN_TO_LAUNCH flies home at the height it begins at
    (a vehicle's own return height, and a rally point nearer than home, are not in a plan). An item
    without a place happens where the vehicle is; a height of 0 or none keeps the height.
    """
    result: list[Leg] = []
    before = Leg(
        number=0,
        start=plan.home,
        end=plan.home,
        start_altitude=None,
        end_altitude=Altitude(value_m=0.0, datum=AltitudeDatum.HOME),
        role=ItemRole.TAKEOFF,
    )
    arrivals: dict[int, Leg] = {}
    for number, item in plan.numbered():
        if item.command == MavCmd.NAV_RETURN_TO_LAUNCH:
            end, altitude = plan.home, before.end_altitude
        elif item.is_nav and (item.position is not None or item.altitude is not None):
            end = item.position or before.end
            keeps = item.altitude is None or item.altitude.value_m == 0.0
            altitude = before.end_altitude if keeps else item.altitude
        else:
            arrivals[number] = before
            continue
        before = Leg(
            number=number,
            start=before.end,
            end=end,
            start_altitude=before.end_altitude,
            end_altitude=altitude,
            role=item.role,
        )
        arrivals[number] = before
        result.append(before)
    return result + _jump_legs(plan, result, arrivals)


def _jump_legs(plan: FlightPlan, flown: list[Leg], arrivals: dict[int, Leg]) -> list[Leg]:
    """From where each DO_JUMP or DO_JUMP_TAG happens to the first place at or behind its target."""
    tags = {i.params[0]: n for n, i in plan.numbered() if i.command == MavCmd.JUMP_TAG}
    result = []
    for number, item in plan.numbered():
        if item.command not in (MavCmd.DO_JUMP, MavCmd.DO_JUMP_TAG) or item.params[1] == 0:
            continue
        target = tags.get(item.params[0]) if item.command == MavCmd.DO_JUMP_TAG else item.params[0]
        onward = next((leg for leg in flown if target is not None and leg.number >= target), None)
        if onward is not None:
            here = arrivals[number]
            result.append(replace(onward, number=number, start=here.end, start_altitude=here.end_altitude))
    return result
