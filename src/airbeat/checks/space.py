"""Where a plan flies: every leg, the rally points and the heights, against the fence and the ceiling."""

from __future__ import annotations

from collections.abc import Iterator

import shapely

from airbeat.checks.catalogue import found
from airbeat.checks.conditions import ARDUPILOT, Autopilot
from airbeat.checks.findings import Finding
from airbeat.checks.zones import TOLERANCE_M, Zones
from airbeat.geo.coordinates import AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.language.words import Message
from airbeat.mission.commands import MavCmd
from airbeat.mission.legs import Leg, height_above_home_m, legs
from airbeat.mission.plan import Fence, FlightPlan, RallyPoint

__all__ = ["MOST_BREACHES", "RALLY_LIMIT_M", "check_space", "fence_margin_m", "is_remote"]

RALLY_LIMIT_M = 300.0
"""RALLY_LIMIT_KM 0.3, Copter's default: rally points further from home are ignored."""
DEFAULT_FENCE_RADIUS_M = 300.0
DEFAULT_FENCE_HEIGHT_M = 100.0
_FARTHEST_M = 100_000.0
MOST_BREACHES = 100
"""Legs outside the fence that are measured one by one; so many say that fence and mission do not match."""
_NOT_CLIMBING = frozenset({MavCmd.NAV_LAND, MavCmd.NAV_RETURN_TO_LAUNCH, 85})
_LOOKED_AT = 80
"""MAV_CMD_NAV_ROI: a place to look at, not to fly to."""


def check_space(plan: FlightPlan, autopilot: Autopilot = ARDUPILOT) -> Iterator[Finding]:
    """Findings about home, legs, rally points and heights."""
    flown = legs(plan)
    copter = autopilot.key == ARDUPILOT.key
    yield from _home(plan)
    yield from _heights(plan)
    if copter:
        yield from _defaults(plan, flown)
    yield from _rally_places(plan, copter=copter)
    far = _far_items(plan.home, flown)
    if far:
        yield found(
            "far-from-home",
            Message(
                "further than {farthest_m:.0f} km from home, and not compared with the fence",
                farthest_m=_FARTHEST_M / 1000,
            ),
            items=tuple(far),
            remedy="check for swapped latitude and longitude, and that home is right",
        )
    if plan.fence is None or plan.fence.is_empty:
        yield found(
            "no-fence",
            "the plan has no fence zone, so nothing says where it may fly",
            remedy="draw a fence round the area and home",
        )
        return
    remote = _remote_zone(plan.home, plan.fence)
    if remote:
        yield remote
        return
    frame = LocalFrame(plan.home)
    zones = Zones(plan.fence, frame=frame)
    far_places = {leg.end for leg in flown if leg.number in far}
    near = [leg for leg in flown if not {leg.start, leg.end} & far_places]
    yield from _zones(zones)
    yield from _legs(plan, near, zones, frame)
    if autopilot.intersects_inclusions:
        yield from _intersection(near, zones, frame)
    yield from _rally_zones(plan, near, zones, frame)


def fence_margin_m(plan: FlightPlan) -> tuple[float, int] | None:
    """The smallest distance between a leg and the edge of the fence or a keep-out [m], and that leg's item.

    Where a leg crosses an edge the margin is 0. None where the plan has no fence zones or no legs, or
    where they are too far from home to be compared.
    """
    flown = legs(plan)
    if plan.fence is None or plan.fence.is_empty or not flown or _far_items(plan.home, flown):
        return None
    if is_remote(plan):
        return None
    frame = LocalFrame(plan.home)
    zones = Zones(plan.fence, frame=frame)
    return min((zones.margin_m(_line(leg, frame)), leg.number) for leg in flown)


def is_remote(plan: FlightPlan) -> bool:
    """Whether items or fence are so far from home that nothing can be measured between them."""
    if plan.fence is None or plan.fence.is_empty:
        return bool(_far_items(plan.home, legs(plan)))
    return bool(_far_items(plan.home, legs(plan))) or _remote_zone(plan.home, plan.fence) is not None


def _far_items(home: LatLon, flown: list[Leg]) -> list[int]:
    return [leg.number for leg in flown if distance_m(home, leg.end) > _FARTHEST_M]


def _line(leg: Leg, frame: LocalFrame) -> shapely.LineString:
    return shapely.LineString(frame.to_xy([leg.start, leg.end]))


def _home(plan: FlightPlan) -> Iterator[Finding]:
    if plan.home.lat_deg == 0.0 and plan.home.lon_deg == 0.0:
        yield found(
            "home-unset",
            "home is 0, 0, which is what programs write when they do not know it",
            items=(0,),
            place=plan.home,
            remedy="set home to the take-off place",
        )
    for number, item in plan.numbered():
        if item.command != MavCmd.NAV_TAKEOFF or item.position is None:
            continue
        away_m = distance_m(plan.home, item.position)
        if away_m > 5.0:
            yield found(
                "takeoff-away-from-home",
                Message(
                    "the take-off is {away_m:.0f} m from home, but a copter climbs where it stands",
                    away_m=away_m,
                ),
                items=(number,),
                place=item.position,
                remedy="put the take-off at home and a waypoint where it should go",
            )


def _remote_zone(home: LatLon, fence: Fence) -> Finding | None:
    places = [v for p in fence.polygons for v in p.vertices] + [c.centre for c in fence.circles]
    place = max(places, key=lambda p: distance_m(home, p))
    away_m = distance_m(home, place)
    if away_m <= _FARTHEST_M:
        return None
    return found(
        "fence-far-from-home",
        Message(
            "the fence reaches {away_m:.0f} km from home, so no leg was compared with it",
            away_m=away_m / 1000,
        ),
        place=place,
        remedy="check for swapped latitude and longitude, and that home is right",
    )


def _zones(zones: Zones) -> Iterator[Finding]:
    for number in zones.crossed:
        yield found(
            "fence-polygon-crossed",
            Message(
                "fence polygon {number} crosses itself or has no area, so often that nothing was compared "
                "with it"
                if number in zones.scribbles
                else "fence polygon {number} crosses itself or has no area",
                number=number,
            ),
            remedy="draw it again without crossing edges",
        )


def _legs(plan: FlightPlan, flown: list[Leg], zones: Zones, frame: LocalFrame) -> Iterator[Finding]:
    home_out_m, _ = zones.breach_m(shapely.Point(frame.to_xy([plan.home])[0]))
    if home_out_m > 0:
        yield found(
            "home-outside-fence",
            Message(
                "home is {home_out_m:.1f} m outside the fence or inside a keep-out", home_out_m=home_out_m
            ),
            items=(0,),
            place=plan.home,
            remedy="move home or the fence",
        )
    outside: set[int] = set()
    for index, leg in enumerate(flown):
        if len(outside) >= MOST_BREACHES:
            yield found(
                "leg-outside-fence",
                Message(
                    "{most_breaches} legs leave the fence; {flown} more were not compared",
                    most_breaches=MOST_BREACHES,
                    flown=len(flown) - index,
                ),
                items=tuple(later.number for later in flown[index:]),
                remedy="check that fence and mission belong together",
            )
            return
        out_m, xy = zones.breach_m(_line(leg, frame))
        if out_m > 0:
            outside.add(leg.number)
            yield _leg_outside(leg, out_m, frame.to_latlon([xy])[0])
    yield from _circles_flown(plan, zones, frame)
    inside = [leg for leg in flown if leg.number not in outside]
    yield from _margin(plan, inside, zones, frame)


def _intersection(flown: list[Leg], zones: Zones, frame: LocalFrame) -> Iterator[Finding]:
    """Several inclusion zones: Copter flies where all overlap, unless FENCE_OPTIONS says otherwise."""
    if len(zones.inclusions) < 2:
        return
    both = zones.inclusions[0]
    for zone in zones.inclusions[1:]:
        both = both.intersection(zone)
    allowed = both.buffer(TOLERANCE_M)
    left = sorted({leg.number for leg in flown if not allowed.covers(_line(leg, frame))})
    rule = Message(
        "{zones} inclusion zones: ArduPilot flies only where all overlap", zones=len(zones.inclusions)
    )
    remedy = "draw one inclusion zone round them all; bit 1 of FENCE_OPTIONS would make ArduPilot unite them"
    if left:
        yield found(
            "fence-intersection-left",
            Message(
                "{rule}, and {legs} legs leave that"
                if len(left) > 1
                else "{rule}, and {legs} leg leaves that",
                rule=rule,
                legs=len(left),
            ),
            items=tuple(left),
            remedy=remedy,
        )
    else:
        yield found(
            "fence-intersected",
            Message("{rule}, and every leg stays there", rule=rule),
            remedy=remedy,
        )


def _leg_outside(leg: Leg, out_m: float, place: LatLon) -> Finding:
    return found(
        "leg-outside-fence",
        Message(
            "the leg to item {number} goes {out_m:.1f} m outside the fence or into a keep-out",
            number=leg.number,
            out_m=out_m,
        ),
        items=(leg.number,),
        place=place,
        remedy="route it inside the fence; the vehicle itself does not check this before it breaches",
    )


def _circles_flown(plan: FlightPlan, zones: Zones, frame: LocalFrame) -> Iterator[Finding]:
    for number, item in plan.numbered():
        radius_m = abs(item.params[2])
        if item.command != MavCmd.NAV_LOITER_TURNS or item.position is None or not 0 < radius_m < _FARTHEST_M:
            continue
        ring = shapely.Point(frame.to_xy([item.position])[0]).buffer(radius_m).exterior
        out_m, xy = zones.breach_m(ring)
        if out_m > 0:
            yield _leg_outside(
                Leg(
                    number=number,
                    start=item.position,
                    end=item.position,
                    start_altitude=None,
                    end_altitude=None,
                    role=item.role,
                ),
                out_m,
                frame.to_latlon([xy])[0],
            )


def _margin(plan: FlightPlan, inside: list[Leg], zones: Zones, frame: LocalFrame) -> Iterator[Finding]:
    wanted_m = plan.survey.margin_m if plan.survey else 0.0
    close = {leg.number: zones.margin_m(_line(leg, frame)) for leg in inside} if wanted_m > 0 else {}
    thin = {number: m for number, m in close.items() if m < wanted_m - TOLERANCE_M}
    if thin:
        yield found(
            "margin-thin",
            Message(
                "{thin} legs come nearer to the fence's edge or a keep-out than the {wanted_m:g} m "
                "that the plan states; the nearest is {values:.1f} m away",
                thin=len(thin),
                wanted_m=wanted_m,
                values=min(thin.values()),
            ),
            items=tuple(thin),
            remedy="move these legs inward, or state a smaller margin",
        )


def _called(index: int, rally: RallyPoint) -> str:
    return f"{index} ({rally.name})" if rally.name else f"{index}"


def _rally_places(plan: FlightPlan, *, copter: bool) -> Iterator[Finding]:
    ceiling_m = plan.fence.max_height_m if plan.fence else None
    for index, rally in enumerate(plan.rally or (), start=1):
        away_m = distance_m(plan.home, rally.position)
        if copter and away_m > RALLY_LIMIT_M:
            yield found(
                "rally-too-far",
                Message(
                    "rally point {called} is {away_m:.0f} m from home: Copter ignores a rally point that "
                    "is more than 300 m from where it turns back",
                    called=_called(index, rally),
                    away_m=away_m,
                ),
                place=rally.position,
                remedy="move it nearer, or raise RALLY_LIMIT_KM",
            )
        height_m = height_above_home_m(rally.altitude, home_amsl_m=plan.home_amsl_m)
        too_high = height_m is not None and ceiling_m is not None and height_m > ceiling_m
        if too_high or (height_m is not None and height_m <= 0):
            yield found(
                "rally-height",
                Message(
                    "rally point {called} is {height_m:g} m above home, the ceiling is {ceiling_m:g} m"
                    if too_high
                    else "rally point {called} is {height_m:g} m above home",
                    called=_called(index, rally),
                    height_m=height_m,
                    ceiling_m=ceiling_m,
                ),
                place=rally.position,
                remedy="give it a height above 0 m and under the ceiling",
            )


def _rally_zones(plan: FlightPlan, flown: list[Leg], zones: Zones, frame: LocalFrame) -> Iterator[Finding]:
    returns = [leg for leg in flown if plan.items[leg.number - 1].command == MavCmd.NAV_RETURN_TO_LAUNCH]
    for index, rally in enumerate(plan.rally or (), start=1):
        away_m = distance_m(plan.home, rally.position)
        if away_m > _FARTHEST_M:
            continue
        out_m, _ = zones.breach_m(shapely.Point(frame.to_xy([rally.position])[0]))
        if out_m > 0:
            yield found(
                "rally-outside-fence",
                Message(
                    "rally point {called} is {out_m:.1f} m outside the fence or inside a keep-out",
                    called=_called(index, rally),
                    out_m=out_m,
                ),
                place=rally.position,
                remedy="move it inside; the vehicle ignores it where it is",
            )
        for leg in returns if out_m == 0 and away_m <= RALLY_LIMIT_M else []:
            way_m, xy = zones.breach_m(shapely.LineString(frame.to_xy([leg.start, rally.position])))
            if way_m > 0:
                yield found(
                    "rally-return-outside-fence",
                    Message(
                        "the return to rally point {called} instead of home goes {way_m:.1f} m outside the "
                        "fence or into a keep-out",
                        called=_called(index, rally),
                        way_m=way_m,
                    ),
                    items=(leg.number,),
                    place=frame.to_latlon([xy])[0],
                    remedy="move the rally point, or end the mission where both ways are free",
                )


def _heights(plan: FlightPlan) -> Iterator[Finding]:
    ceiling_m = plan.fence.max_height_m if plan.fence else None
    unknown: list[int] = []
    terrain: list[int] = []
    missing: list[int] = []
    for number, item in plan.numbered():
        if not item.is_nav or item.command in _NOT_CLIMBING:
            continue
        if item.altitude is None:
            missing += [number] if item.position is not None and item.command != _LOOKED_AT else []
            continue
        if item.altitude.datum is AltitudeDatum.AGL:
            terrain.append(number)
        height_m = height_above_home_m(item.altitude, home_amsl_m=plan.home_amsl_m)
        lowest_m = item.altitude.value_m if height_m is None else height_m
        above_ground = item.altitude.datum is AltitudeDatum.AGL
        if lowest_m <= 0 and (above_ground or (height_m is not None and plan.terrain is None)):
            yield found(
                "height-not-positive",
                Message(
                    "item {number} is at {altitude}, that is {lowest_m:g} m (0 keeps the height before it)"
                    if item.altitude.value_m == 0
                    else "item {number} is at {altitude}, that is {lowest_m:g} m",
                    number=number,
                    altitude=item.altitude,
                    lowest_m=lowest_m,
                ),
                items=(number,),
                place=item.position,
                remedy="give a height above 0 m",
            )
        if height_m is None and not (above_ground and plan.terrain is not None):
            unknown.append(number)
        elif height_m is not None and ceiling_m is not None and height_m > ceiling_m:
            yield found(
                "above-ceiling",
                Message(
                    "item {number} is {height_m:g} m above home, the ceiling is {ceiling_m:g} m",
                    number=number,
                    height_m=height_m,
                    ceiling_m=ceiling_m,
                ),
                items=(number,),
                place=item.position,
                remedy="lower it, or raise the ceiling if the rules there allow it",
            )
    yield from _missing_heights(plan, missing)
    yield from _height_datums(unknown, terrain)


def _missing_heights(plan: FlightPlan, missing: list[int]) -> Iterator[Finding]:
    if missing:
        yield found(
            "height-missing",
            Message(
                "{missing} places to fly to have no height: nothing says how high the vehicle flies there",
                missing=len(missing),
            ),
            items=tuple(missing),
            place=plan.items[missing[0] - 1].position,
            remedy="give them one (airbeat convert --height-m)",
        )


def _height_datums(unknown: list[int], terrain: list[int]) -> Iterator[Finding]:
    if unknown:
        yield found(
            "height-above-home-unknown",
            "heights above sea level or above terrain could not be compared with home or the ceiling",
            items=tuple(unknown),
            remedy="state the height of home above sea level, or give heights above home",
        )
    if terrain:
        yield found(
            "terrain-data-needed",
            "heights above terrain: the vehicle does not arm without terrain data for the area",
            items=tuple(terrain),
            remedy="load the terrain onto the vehicle before leaving the network",
        )


def _defaults(plan: FlightPlan, flown: list[Leg]) -> Iterator[Finding]:
    if plan.fence is None:
        return
    heights = (
        height_above_home_m(leg.end_altitude, home_amsl_m=plan.home_amsl_m)
        for leg in flown
        if leg.end_altitude
    )
    highest_m = max((h for h in heights if h is not None), default=0.0)
    farthest_m = max((distance_m(plan.home, leg.end) for leg in flown), default=0.0)
    if farthest_m > DEFAULT_FENCE_RADIUS_M or highest_m > DEFAULT_FENCE_HEIGHT_M:
        yield found(
            "fence-defaults",
            Message(
                "reaches {farthest_m:.0f} m from home and {highest_m:.0f} m above it: with Copter's "
                "defaults FENCE_ENABLE=1 stops the mission at 300 m and 100 m",
                farthest_m=farthest_m,
                highest_m=highest_m,
            ),
            remedy="set FENCE_TYPE, FENCE_RADIUS and FENCE_ALT_MAX for this mission",
        )
