"""How far along a plan a flight is, and how long the rest takes: by the planned time of each leg."""

from __future__ import annotations

from dataclasses import dataclass

from airbeat.geo.coordinates import AltitudeDatum, LatLon
from airbeat.geo.frame import distance_m
from airbeat.mission.commands import MavCmd
from airbeat.mission.forecast import forecast, return_point
from airbeat.mission.plan import FlightPlan
from airbeat.vehicle.airframe import AIRFRAMES, Airframe

__all__ = ["Schedule"]

_CRUISE_M_S = 8.0
"""Assumed where neither the plan nor its items state a speed."""
_DWELLS = frozenset({MavCmd.NAV_WAYPOINT, MavCmd.NAV_LOITER_TIME, MavCmd.NAV_DELAY})
"""Commands whose param1 is a waiting time in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leg:
    """One NAV item.

    Attributes:
        seq: its number.
        end: where it ends.
        end_height_m: how high, above home (heights above terrain count as they are) [m].
        speed_m_s: commanded speed [m/s].
        dwell_s: waiting time at its end [s].
        lands: whether it ends on the ground.
    """

    seq: int
    end: LatLon
    end_height_m: float
    speed_m_s: float
    dwell_s: float
    lands: bool

    def left_s(self, position: LatLon, height_m: float, airframe: Airframe) -> float:
        """Time from a place to the leg's end [s]."""
        moving_s = airframe.leg_time_s(distance_m(position, self.end), self.speed_m_s)
        if self.lands:
            return moving_s + airframe.landing_time_s(max(height_m, 0.0))
        return max(moving_s, airframe.climb_time_s(self.end_height_m - height_m)) + self.dwell_s


class Schedule:
    """Planned times of a plan's legs: the forecast's, or else stretched to add up to the plan's estimate.

    Attributes:
        duration_s: of the whole flight [s].
    """

    def __init__(self, plan: FlightPlan) -> None:
        self._airframe = plan.airframe or AIRFRAMES["arducopter-quad"]
        self._legs = _legs(plan)
        self._takes_s: list[float] = []
        at, height_m = plan.home, 0.0
        for leg in self._legs:
            self._takes_s.append(leg.left_s(at, height_m, self._airframe))
            at, height_m = leg.end, leg.end_height_m
        raw_s = sum(self._takes_s)
        known = forecast(plan)
        if known is not None:
            wanted_s = [known.items[leg.seq].duration_s for leg in self._legs]
        else:
            stretch = plan.estimate.duration_s / raw_s if plan.estimate and raw_s > 0 else 1.0
            wanted_s = [takes_s * stretch for takes_s in self._takes_s]
        self._stretch = [w / t if t > 0 else 1.0 for w, t in zip(wanted_s, self._takes_s, strict=True)]
        self._takes_s = wanted_s
        self.duration_s = sum(wanted_s)

    def left_s(self, seq: int, position: LatLon, height_m: float) -> float:
        """Planned seconds from a place, under way to item ``seq``, to the landing."""
        index = next((n for n, leg in enumerate(self._legs) if leg.seq >= seq), None)
        if index is None:
            return 0.0
        under_way_s = self._legs[index].left_s(position, height_m, self._airframe) * self._stretch[index]
        return under_way_s + sum(self._takes_s[index + 1 :])


def _legs(plan: FlightPlan) -> list[_Leg]:
    speed_m_s = plan.speed_m_s or _CRUISE_M_S
    at, height_m = plan.home, 0.0
    legs: list[_Leg] = []
    for seq, item in plan.numbered():
        if item.command == MavCmd.DO_CHANGE_SPEED and item.params[1] > 0:
            speed_m_s = item.params[1]
        if not item.is_nav:
            continue
        returns = item.command == MavCmd.NAV_RETURN_TO_LAUNCH
        lands = returns or item.command == MavCmd.NAV_LAND
        if returns:
            rally = return_point(plan, at)
            at = rally.position if rally else plan.home
        else:
            at = item.position or at
        if lands:
            height_m = 0.0
        elif item.altitude is not None:
            height_m = item.altitude.value_m
            if item.altitude.datum is AltitudeDatum.AMSL:
                height_m -= plan.home_amsl_m or 0.0
        legs.append(
            _Leg(
                seq=seq,
                end=at,
                end_height_m=height_m,
                speed_m_s=speed_m_s,
                dwell_s=item.params[0] if item.command in _DWELLS else 0.0,
                lands=lands,
            )
        )
    return legs
