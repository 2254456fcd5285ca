"""A commented mission file to start from: out of an area file, or out of a last-seen point."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Point

from airbeat.errors import UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.datums import MapDatum, in_china_box
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.language.words import Message
from airbeat.mission.areafile import AreaFile, read_area_file
from airbeat.mission.sanity import MAX_DISTANCE_M
from airbeat.vehicle.airframe import airframe_profile
from airbeat.vehicle.camera import camera_profile

__all__ = ["fence_round", "new_mission_text", "point_text", "points_text", "printable", "proposed_home"]

FENCE_MARGIN_M = 40.0
"""How far the proposed fence lies outside the area [m]."""
MAX_FENCE_CORNERS = 60
_SIMPLIFY_M = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
_CIRCLE_CORNERS = 32
_HOME_OFFSET_M = 15.0
MAX_RADIUS_M = 5_000.0


def new_mission_text(
    *,
    area_path: Path | None = None,
    area_text: str | None = None,
    last_seen: LatLon | None = None,
    home: LatLon | None = None,
    radius_m: float = 300.0,
    name: str = "New search",
    camera: str = "embedded-12mp",
    airframe: str = "arducopter-quad",
    datum: MapDatum = MapDatum.WGS84,
) -> str:
    """The text of a search mission that :func:`~airbeat.mission.loader.load_mission` accepts.

    Args:
        area_path: area file to search; without it a circle round ``last_seen`` is drawn.
        area_text: how the mission file names the area file (relative to itself); the path without it.
        last_seen: where the missing person was last seen.
        home: take-off place; without it one at the area's edge is proposed, and said to be a proposal.
        radius_m: radius of the circle round ``last_seen`` [m].
        name: the operation's name.
        camera: camera profile.
        airframe: airframe profile.
        datum: what ``last_seen``, ``home`` and the area file are in. They are written as they are, and the
            file names the datum; :func:`~airbeat.mission.loader.load_mission` converts them.

    Raises:
        UsageError: neither area nor last-seen point, a radius outside 10…5000 m, a home too far away.
        GeometryError: the area file cannot be used.
        PlanningError: no such camera or airframe profile.
    """
    if not 10.0 <= radius_m <= MAX_RADIUS_M:
        raise UsageError(
            Message(
                "the radius must be 10 to {max_radius_m:g} m (got {radius_m:g})",
                max_radius_m=MAX_RADIUS_M,
                radius_m=radius_m,
            )
        )
    if area_path is not None:
        ground = _ground_of_file(area_path, area_text or area_path.as_posix())
    elif last_seen is not None:
        ground = _ground_round(last_seen, radius_m)
    else:
        raise UsageError("nothing to search", remedy="give an area file or a last-seen point")
    frame = ground.frame
    place = home if home is not None else proposed_home(ground.area, ground.file, frame)
    for what, position in (("home", place), ("the last-seen point", last_seen)):
        if position is not None:
            _refuse_far(what, position, frame)
    return _TEXT.format(
        name=json.dumps(printable(name), ensure_ascii=False),
        home=point_text(place),
        home_comment="a proposal at the area's edge: SET THIS to your take-off place"
        if home is None
        else "as given",
        datum=datum.value,
        datum_note=_DATUM_NOTE if datum is MapDatum.WGS84 and in_china_box(frame.origin) else "",
        fence_polygon=points_text(fence_round(ground.area, frame, place), frame, "        "),
        area=ground.text,
        last_seen=f"last_seen: {point_text(last_seen)}" if last_seen else "# last_seen: {lat: …, lon: …}",
        camera=camera_profile(camera).name,
        airframe=airframe_profile(airframe).name,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What is searched.

    Attributes:
        area: (Multi)Polygon in the frame [m].
        frame: centred on it.
        file: the area file that it comes from, or None.
        text: how the mission file says it.
    """

    area: Any
    frame: LocalFrame
    file: AreaFile | None
    text: str


def _ground_of_file(path: Path, name: str) -> _Ground:
    file = read_area_file(path)
    frame = LocalFrame.around(file.area)
    text = f"area: {json.dumps(name, ensure_ascii=False)}"
    return _Ground(area=frame.to_local(file.area), frame=frame, file=file, text=text)


def _ground_round(last_seen: LatLon, radius_m: float) -> _Ground:
    frame, area = LocalFrame(last_seen), _circle(radius_m)
    return _Ground(area=area, frame=frame, file=None, text=f"area:\n{points_text(area, frame, '  ')}")


def _refuse_far(what: str, position: LatLon, frame: LocalFrame) -> None:
    """Refuse a place too far from the area to belong to it.

    Raises:
        UsageError: it is.
    """
    away_m = distance_m(position, frame.origin)
    if away_m > MAX_DISTANCE_M:
        raise UsageError(
            Message(
                "{what} {position} is {distance_m:.0f} km from the area",
                what=what,
                position=position,
                distance_m=away_m / 1000,
            ),
            remedy="check that latitude and longitude are not swapped",
        )


def printable(name: str) -> str:
    """A name without what no line can show."""
    text = "".join(c for c in name if c.isprintable()).strip()[:200]
    return text or "New search"


def _circle(radius_m: float) -> Any:
    turn = np.linspace(0.0, 2.0 * math.pi, _CIRCLE_CORNERS, endpoint=False)
    return shapely.Polygon(np.column_stack([radius_m * np.sin(turn), radius_m * np.cos(turn)]))


def proposed_home(area: Any, area_file: AreaFile | None, frame: LocalFrame) -> LatLon:
    """A place just outside the area's southernmost corner, clear of keep-outs where that is possible."""
    keepouts = [frame.to_local(k) for k in area_file.keepouts] if area_file is not None else []
    blocked = shapely.union_all([area.buffer(_HOME_OFFSET_M / 2), *keepouts])
    corners = shapely.get_coordinates(area)
    corners = corners[np.argsort(corners[:, 1])]
    for x, y in corners:
        spot = (x, y - _HOME_OFFSET_M)
        if not blocked.intersects(Point(*spot)):
            return frame.to_latlon([spot])[0]
    return frame.to_latlon([corners[0]])[0]


def fence_round(area: Any, frame: LocalFrame, home: LatLon) -> Any:
    """One polygon without holes round the area and home, with few enough corners for an autopilot."""
    at_home = Point(*frame.to_xy([home])[0])
    for tolerance_m in _SIMPLIFY_M:
        reach_m = FENCE_MARGIN_M + tolerance_m
        grown = shapely.union_all(
            [area.buffer(reach_m, join_style="mitre", mitre_limit=1.5), at_home.buffer(reach_m)]
        )
        outline = grown.convex_hull if isinstance(grown, MultiPolygon) else shapely.Polygon(grown.exterior)
        outline = outline.simplify(tolerance_m)
        if outline.is_valid and len(outline.exterior.coords) <= MAX_FENCE_CORNERS:
            return outline
    return grown.convex_hull.simplify(tolerance_m)


def point_text(position: LatLon) -> str:
    """A place as mission files write it."""
    return f"{{lat: {position.lat_deg:.7f}, lon: {position.lon_deg:.7f}}}"


def points_text(polygon: Any, frame: LocalFrame, indent: str) -> str:
    """The corners of a local polygon, a line each."""
    corners = frame.to_latlon(shapely.get_coordinates(polygon.exterior)[:-1])
    return "\n".join(f"{indent}- {point_text(p)}" for p in corners)


_DATUM_NOTE = """\
# This place is in or near China. Its coordinates are taken as WGS84, as satellite receivers give them. Where
# they were read off a Chinese map they are some hundred metres off: SET THIS to the datum of that map.
"""

_TEXT = """\
# unsurveyed; not for flight as it is
#
# Written by `airbeat new`. Go through it from top to bottom; what is marked SET THIS must be set. When
# somebody has looked at the place, its obstacles and its airspace, change `status` to surveyed.
# Coordinates are decimal degrees, lat (north) first. Lengths are metres, speeds metres a second.

airbeat: 1                  # version of this file format
kind: search                # search, patrol or waypoints; a block of the same name says what is flown
name: {name}
status: unsurveyed          # every output says "unsurveyed; not for flight as it is" until this is surveyed
{datum_note}datum: {datum:<20} # gcj02 or bd09 for coordinates that were read off a Chinese map

# Take-off and landing: {home_comment}.
home: {home}

fence:
  max_height_m: 120         # ceiling above home: SET THIS to what you are allowed
  margin_m: 10              # distance that the plan keeps from every fence line
  inclusion:                # the aircraft must stay inside; drawn round the area by the program: SET THIS
    - polygon:
{fence_polygon}
  exclusion: []             # keep out: - polygon: [...] or - circle: {{lat: …, lon: …, radius_m: …}}

# rally:                    # alternative landing places, height above home
#   - {{lat: …, lon: …, height_m: 40}}

# What the camera must see: corner by corner, or the path of an area file (GeoJSON, KML, GIS).
{area}

{last_seen}

height: {{gsd_cm_px: 2.0}}    # centimetres of ground a pixel; or {{value_m: 60, datum: home}} (amsl, agl)
# terrain: N47E011.hgt      # height model to follow with datum agl; .hgt, or .tif with airbeat[terrain]
speed_m_s: 8
camera: {camera}
airframe: {airframe}

search:
  pattern: lawnmower        # parallel lines
  overlap: {{side: 0.3, front: 0.3}}   # of neighbouring photographs, as shares: 0.3 is 30 %
  angle_deg: auto           # bearing of the lines, 0 to 360; auto takes the fastest
  # crosshatch: true        # fly it again with lines at 90 degrees
  # gimbal_pitch_deg: -60   # tilt the camera forward; -90 looks straight down
  # capture: hover          # stand still for each photograph (hover_s: 2)
  # pattern: perimeter      # or: along the area's edge; offset_m: -5 inside it, 20 outside, look: inward
  # pattern: sector         # or: about last_seen, with radius_m: 200; likewise expanding-square
  # pattern: orbit          # or: round a centre, with centre: {{lat: …, lon: …}} and radius_m: 40
  # start: into_wind        # the first line against the wind; needs wind: {{from_deg: 270, speed_m_s: 5}}
"""
