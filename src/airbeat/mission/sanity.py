"""Checks over the whole mission file: do its blocks agree with one another and with the world?

They run on whatever blocks could be read, so that a file's problems come out together. What stops a flight
is a problem with its place; what a pilot should know is a note.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Point, Polygon

from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.geo.polygons import unite
from airbeat.geo.terrain import Terrain
from airbeat.language.words import Message
from airbeat.mission.mission import (
    CreepingLinePattern,
    DatumPattern,
    LawnmowerPattern,
    LoopPattern,
    OrbitPattern,
    Pattern,
    PerimeterPattern,
    SurveyPattern,
    TrackLinePattern,
    WaypointPattern,
    Wind,
)
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, RallyPoint
from airbeat.mission.resolve import Ledger
from airbeat.mission.yamltree import KeyPath
from airbeat.vehicle.airframe import Airframe
from airbeat.vehicle.camera import Camera

__all__ = ["MAX_DISTANCE_M", "MAX_GSD_M_PX", "Parts", "check_parts", "check_tolerance"]

MAX_DISTANCE_M = 50_000.0
"""Farthest that anything in a mission may lie from home [m]."""
MAX_GSD_M_PX = 0.10
"""Above this a person is a pixel or two: refused."""
NOTED_GSD_M_PX = 0.03
MAX_HEIGHT_M = 500.0
NOTED_HEIGHT_M = 120.0
MAX_OVERLAP = 0.95
MAX_WIND_SHARE = 0.8
"""The strongest wind to plan for, as a share of the airframe's fastest speed."""
LEAST_TOP_ANGLE_DEG = 8.0
"""How far below the horizon the top of a tilted camera's picture must look [degrees]."""
_TOUCH_M = 0.01
_CIRCLE_SEGMENTS = 64


@dataclass(slots=True, kw_only=True)
class Parts:
    """What could be read of a mission file; None where it could not, or is not there.

    ``area_path`` is where the file says what is to be photographed: not under ``area`` for a corridor.
    """

    pattern_key: str
    home: LatLon | None = None
    home_amsl_m: float | None = None
    fence: Fence | None = None
    margin_m: float | None = None
    rally: tuple[RallyPoint, ...] | None = None
    area: Any | None = None
    last_seen: LatLon | None = None
    pattern: Pattern | None = None
    height: Altitude | None = None
    speed_m_s: float | None = None
    camera: Camera | None = None
    airframe: Airframe | None = None
    wind: Wind | None = None
    terrain: Terrain | None = None
    terrain_tolerance_m: float | None = None
    area_path: KeyPath = ("area",)


def check_parts(parts: Parts, ledger: Ledger) -> None:
    """Report everything that does not fit together."""
    near = _check_places(parts, ledger)
    if near:
        _check_fence(parts, ledger)
    _check_heights(parts, ledger)
    _check_speed(parts, ledger)
    _check_wind(parts, ledger)
    if parts.height is not None:
        check_tolerance(parts.terrain_tolerance_m, parts.height, ledger)
    if isinstance(parts.pattern, SurveyPattern):
        _check_overlap(parts.pattern, parts, ledger)
        if _check_pitch(parts.pattern, parts, ledger):
            _check_gsd(parts.pattern, parts, ledger)


# places


def _places(parts: Parts, ledger: Ledger) -> Iterator[tuple[KeyPath, Sequence[LatLon]]]:
    """Every group of places with the path at which to complain about it; home is not among them."""
    if parts.area is not None:
        lon_lat = shapely.get_coordinates(parts.area)
        yield parts.area_path, [LatLon(lat_deg=float(la), lon_deg=float(lo)) for lo, la in lon_lat]
    for zone in _zones(parts.fence):
        yield (
            ledger.zone_paths.get(zone, parts.area_path),
            zone.vertices if isinstance(zone, FencePolygon) else [zone.centre],
        )
    for number, rally in enumerate(parts.rally or ()):
        yield ("rally", number), [rally.position]
    if parts.last_seen is not None:
        yield ("last_seen",), [parts.last_seen]
    if isinstance(parts.pattern, WaypointPattern):
        for number, point in enumerate(parts.pattern.points):
            yield (parts.pattern_key, "points", number), [point.position]
    elif isinstance(parts.pattern, LawnmowerPattern) and parts.pattern.entry is not None:
        yield (parts.pattern_key, "entry"), [parts.pattern.entry]
    elif isinstance(parts.pattern, CreepingLinePattern) and parts.pattern.start is not None:
        yield (parts.pattern_key, "start"), [parts.pattern.start]
    elif isinstance(parts.pattern, TrackLinePattern):
        has_file = (parts.pattern_key, "file") in ledger.tree.places
        yield (parts.pattern_key, "file" if has_file else "line"), parts.pattern.line
    elif isinstance(parts.pattern, OrbitPattern | DatumPattern):
        yield (parts.pattern_key, "centre"), [parts.pattern.centre]


def _zones(fence: Fence | None) -> list[FencePolygon | FenceCircle]:
    return [*fence.polygons, *fence.circles] if fence else []


def _check_places(parts: Parts, ledger: Ledger) -> bool:
    """Whether everything lies in one neighbourhood."""
    filled_in = True
    groups = list(_places(parts, ledger))
    for path, points in ([(("home",), [parts.home])] if parts.home else []) + groups:
        if any(abs(p.lat_deg) < 1e-6 and abs(p.lon_deg) < 1e-6 for p in points):
            ledger.add(path, "lies at 0, 0 in the Gulf of Guinea", "these coordinates were never filled in")
            filled_in = False
    if parts.home is None or not filled_in:
        return False
    far = {path: place for path, points in groups if (place := _far_from(parts.home, points))}
    if len(far) > 1 and len(far) == len(groups):
        place = next(iter(far.values()))
        message, remedy = _too_far(parts.home, place)
        ledger.add(("home",), Message("everything else is far from home: {message}", message=message), remedy)
    else:
        for path, place in far.items():
            ledger.add(path, *_too_far(parts.home, place))
    return not far


def _far_from(home: LatLon, points: Sequence[LatLon]) -> LatLon | None:
    xy = LocalFrame(home).to_xy(points)
    distance = np.nan_to_num(np.hypot(xy[:, 0], xy[:, 1]), nan=np.inf)
    worst = int(np.argmax(distance))
    return points[worst] if distance[worst] > MAX_DISTANCE_M else None


def _too_far(home: LatLon, point: LatLon) -> tuple[str, str]:
    distance_km = distance_m(home, point) / 1000.0
    message = Message(
        "{place} is {distance_km:.0f} km from home (at most {most_km:.0f} km)",
        place=point,
        distance_km=distance_km,
        most_km=MAX_DISTANCE_M / 1000,
    )
    if abs(point.lon_deg) <= 90.0:
        swapped = LatLon(lat_deg=point.lon_deg, lon_deg=point.lat_deg)
        if distance_m(home, swapped) <= MAX_DISTANCE_M:
            return message, Message("lat and lon look swapped, here or in home")
    return message, Message("check the coordinates here and in home")


# fence


def _check_fence(parts: Parts, ledger: Ledger) -> None:
    if parts.home is None:
        return
    frame = LocalFrame(parts.home)
    include, exclude = _fence_zones(parts.fence, frame)
    if include is not None or exclude:
        _check_points_in_fence(parts, parts.home, include, exclude, ledger)
    if parts.area is None:
        return
    area = frame.to_local(parts.area)
    allowed = area if include is None else area.intersection(include)
    outside_share = 1.0 - allowed.area / area.area
    if outside_share > 1.0 - 1e-9 or allowed.area < 1.0:
        ledger.add(parts.area_path, "does not overlap the fence", "the fence must hold the area")
    elif isinstance(parts.pattern, PerimeterPattern) and parts.pattern.offset_m > 0:
        return  # what is flown round may itself be a keep-out
    elif unite([allowed]).difference(shapely.union_all(exclude)).area < 1.0:
        ledger.add(
            parts.area_path, "lies wholly in the fence's exclusion zones", "nothing would be left to search"
        )
    elif outside_share > 0.0005:
        ledger.notes.append(
            Message(
                "{outside_share:.1%} of the area lies outside the fence: it is not flown over",
                outside_share=outside_share,
            )
        )
    if parts.last_seen is not None:
        away_m = area.distance(Point(*frame.to_xy([parts.last_seen])[0]))
        if away_m > 1.0:
            ledger.notes.append(
                Message("the last-seen point lies {away_m:.0f} m outside the area", away_m=away_m)
            )


def _fence_zones(fence: Fence | None, frame: LocalFrame) -> tuple[Any | None, list[Any]]:
    """Local geometry of all inclusion zones together (None without any), and of each exclusion zone."""
    shapes = [(zone.inclusion, _zone_shape(zone, frame)) for zone in _zones(fence)]
    inclusion = [s for included, s in shapes if included]
    return (
        shapely.union_all(inclusion) if inclusion else None,
        [s for included, s in shapes if not included],
    )


def _zone_shape(zone: FencePolygon | FenceCircle, frame: LocalFrame) -> Any:
    if isinstance(zone, FencePolygon):
        return Polygon(frame.to_xy(zone.vertices))
    return Point(*frame.to_xy([zone.centre])[0]).buffer(zone.radius_m, quad_segs=_CIRCLE_SEGMENTS)


def _check_points_in_fence(
    parts: Parts, home: LatLon, include: Any | None, exclude: list[Any], ledger: Ledger
) -> None:
    frame = LocalFrame(home)
    free = (parts.area_path, (parts.pattern_key, "centre"))
    groups: list[tuple[KeyPath, LatLon]] = [(("home",), home)]
    groups += [
        (path, points[0])
        for path, points in _places(parts, ledger)
        if path[0] in ("rally", parts.pattern_key) and path not in free
    ]
    for path, position in groups:
        point = Point(*frame.to_xy([position])[0])
        if include is not None and include.distance(point) > _TOUCH_M:
            ledger.add(
                path,
                Message(
                    "{position} lies {away_m:.0f} m outside the fence",
                    position=position,
                    away_m=include.distance(point),
                ),
                "move it, or draw the inclusion zone round it",
            )
        elif any(zone.contains(point) for zone in exclude):
            ledger.add(
                path,
                Message("{position} lies in an exclusion zone of the fence", position=position),
                "move it out of the zone",
            )


# heights, speed, overlap, GSD


def _above_home_m(altitude: Altitude, parts: Parts) -> float | None:
    """Height above home; ground at home's height is assumed for heights above ground."""
    if altitude.datum is not AltitudeDatum.AMSL:
        return altitude.value_m
    return None if parts.home_amsl_m is None else altitude.value_m - parts.home_amsl_m


def _check_heights(parts: Parts, ledger: Ledger) -> None:
    heights: list[tuple[KeyPath, Altitude]] = []
    if parts.height is not None:
        heights.append((("height",), parts.height))
    heights += [(("rally", n, "height_m"), r.altitude) for n, r in enumerate(parts.rally or ())]
    if isinstance(parts.pattern, WaypointPattern):
        heights += [
            ((parts.pattern_key, "points", n, "height"), p.altitude)
            for n, p in enumerate(parts.pattern.points)
            if p.altitude is not None
        ]
    if isinstance(parts.pattern, LoopPattern) and parts.height is not None:
        heights += [
            ((parts.pattern_key, "heights_m", n), Altitude(value_m=h, datum=parts.height.datum))
            for n, h in enumerate(parts.pattern.heights_m)
        ]
    ceiling_m = parts.fence.max_height_m if parts.fence else None
    highest_m = 0.0
    for path, altitude in heights:
        above_m = _above_home_m(altitude, parts)
        if above_m is None:
            if parts.home is not None:
                ledger.add(path, "datum amsl needs home.amsl_m", "give the height of home above sea level")
            continue
        highest_m = max(highest_m, above_m)
        _check_height(path, altitude, above_m, ceiling_m, ledger)
    if NOTED_HEIGHT_M < highest_m <= MAX_HEIGHT_M:
        ledger.notes.append(
            Message(
                "height {highest_m:.0f} m is over 120 m: most countries want a permission",
                highest_m=highest_m,
            )
        )


def _check_height(
    path: KeyPath, altitude: Altitude, above_m: float, ceiling_m: float | None, ledger: Ledger
) -> None:
    """One height above home [m] against the ground, the fence's ceiling and what any flight may reach."""
    values: dict[str, object] = {"altitude": altitude, "above_m": above_m}
    if above_m < 1.0:
        said = Message("{altitude} is {above_m:.1f} m above home (at least 1 m)", **values)
        ledger.add(path, said, "check the datum")
    elif ceiling_m is not None and above_m > ceiling_m:
        said = Message(
            "must be {ceiling_m:g} m above home or less (got {above_m:g} m)", ceiling_m=ceiling_m, **values
        )
        ledger.add(path, said, "fence.max_height_m is the ceiling: fly lower or raise it")
    elif above_m > MAX_HEIGHT_M:
        said = Message(
            "{altitude} is {above_m:.0f} m above home (at most {max_height_m:g})",
            max_height_m=MAX_HEIGHT_M,
            **values,
        )
        ledger.add(path, said, "heights are metres")


def _check_speed(parts: Parts, ledger: Ledger) -> None:
    if parts.speed_m_s is None or parts.airframe is None:
        return
    if parts.speed_m_s > parts.airframe.max_speed_m_s:
        ledger.add(
            ("speed_m_s",),
            Message(
                "must be {max_speed_m_s:g} or less for {name} (got {speed_m_s:g})",
                max_speed_m_s=parts.airframe.max_speed_m_s,
                name=parts.airframe.name,
                speed_m_s=parts.speed_m_s,
            ),
            "speeds are metres a second: 36 km/h is 10",
        )


def check_tolerance(tolerance_m: float | None, height: Altitude, ledger: Ledger) -> None:
    """Report a tolerance that is large beside the height above ground that is to be kept."""
    if tolerance_m is None or height.datum is not AltitudeDatum.AGL:
        return
    if tolerance_m > height.value_m / 4:
        ledger.add(
            ("terrain", "tolerance_m"),
            Message(
                "must be {most_m:g} or less {height_m:g} m above ground (got {tolerance_m:g})",
                most_m=height.value_m / 4,
                height_m=height.value_m,
                tolerance_m=tolerance_m,
            ),
            "a quarter of the height at most",
        )


def _check_wind(parts: Parts, ledger: Ledger) -> None:
    wind = parts.wind
    starts = isinstance(parts.pattern, LawnmowerPattern) and parts.pattern.start_into_wind
    if starts and "wind" not in ledger.tree.data:
        ledger.add(
            (parts.pattern_key, "start"),
            "into_wind needs the wind",
            "add wind: {from_deg: 270, speed_m_s: 5}",
        )
    if wind is None or parts.airframe is None:
        return
    if wind.speed_m_s > MAX_WIND_SHARE * parts.airframe.max_speed_m_s:
        most = MAX_WIND_SHARE * parts.airframe.max_speed_m_s
        ledger.add(
            ("wind", "speed_m_s"),
            Message(
                "must be {most:.1f} or less for {name} (got {speed_m_s:g})",
                most=most,
                name=parts.airframe.name,
                speed_m_s=wind.speed_m_s,
            ),
            "do not fly in a wind that the aircraft can hardly fly against",
        )


def _check_pitch(pattern: SurveyPattern, parts: Parts, ledger: Ledger) -> bool:
    """Whether all that a tilted camera shows is ground, and not too far away."""
    pitch = pattern.gimbal_pitch_deg
    if pitch is None or parts.camera is None:
        return True
    top_deg = -pitch - parts.camera.fov_along_deg / 2
    if top_deg >= LEAST_TOP_ANGLE_DEG:
        return True
    steepest = -(LEAST_TOP_ANGLE_DEG + parts.camera.fov_along_deg / 2)
    ledger.add(
        (parts.pattern_key, "gimbal_pitch_deg"),
        Message(
            "the picture's top would look {angle_deg:.0f}° below the horizon (at least "
            "{least_deg:g}° below it)"
            if top_deg >= 0
            else "the picture's top would look {angle_deg:.0f}° above the horizon (at least "
            "{least_deg:g}° below it)",
            angle_deg=abs(top_deg),
            least_deg=LEAST_TOP_ANGLE_DEG,
        ),
        Message(
            "{camera} needs {pitch_deg} or steeper", camera=parts.camera.name, pitch_deg=math.floor(steepest)
        ),
    )
    return False


def _check_overlap(pattern: SurveyPattern, parts: Parts, ledger: Ledger) -> None:
    for key, share in (("side", pattern.side_overlap), ("front", pattern.front_overlap)):
        if share > MAX_OVERLAP:
            ledger.add(
                (parts.pattern_key, "overlap", key),
                Message(
                    "must be {max_overlap:g} or less (got {share:g})", max_overlap=MAX_OVERLAP, share=share
                ),
                "lines would lie on top of each other",
            )


def _check_gsd(pattern: SurveyPattern, parts: Parts, ledger: Ledger) -> None:
    if parts.height is None or parts.camera is None:
        return
    above_m = _above_home_m(parts.height, parts)
    if above_m is None or above_m < 1.0:
        return
    view = parts.camera.view(
        above_m, pitch_deg=-90.0 if pattern.gimbal_pitch_deg is None else pattern.gimbal_pitch_deg
    )
    gsd_m = view.gsd_far_m_px
    if gsd_m > MAX_GSD_M_PX:
        fits_m = above_m * MAX_GSD_M_PX / gsd_m
        ledger.add(
            ("height",),
            Message(
                "GSD must be 10 cm or finer (got {gsd_cm:.1f} cm with {camera})",
                gsd_cm=gsd_m * 100,
                camera=parts.camera.name,
            ),
            Message(
                "fly at {fits_m:.0f} m or lower; 2 cm is {finer_m:.0f} m",
                fits_m=fits_m,
                finer_m=above_m * 0.02 / gsd_m,
            ),
        )
    elif gsd_m > NOTED_GSD_M_PX:
        ledger.notes.append(
            Message("GSD {gsd_cm:.1f} cm is coarser than 3 cm: persons are easily missed", gsd_cm=gsd_m * 100)
        )
    across_m, along_m = view.across_m, view.along_m
    if pattern.spacing_m is not None and pattern.spacing_m > across_m:
        ledger.notes.append(
            Message(
                "lines {spacing_m:g} m apart with a footprint of {across_m:.0f} m: strips of "
                "{unseen_m:.0f} m are not photographed",
                spacing_m=pattern.spacing_m,
                across_m=across_m,
                unseen_m=pattern.spacing_m - across_m,
            )
        )
    if pattern.trigger_distance_m is not None and pattern.trigger_distance_m > along_m:
        ledger.notes.append(
            Message(
                "photographs {spacing_m:g} m apart with a footprint of {along_m:.0f} m: the "
                "ground between them is not photographed",
                spacing_m=pattern.trigger_distance_m,
                along_m=along_m,
            )
        )
