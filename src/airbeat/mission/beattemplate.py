"""A commented beat file to start from: round a launch place, or over an area file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import shapely

from airbeat.errors import UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.language.words import Message
from airbeat.mission.areafile import read_area_file
from airbeat.mission.sanity import MAX_DISTANCE_M
from airbeat.mission.template import fence_round, point_text, points_text, printable, proposed_home
from airbeat.vehicle.airframe import airframe_profile
from airbeat.vehicle.camera import camera_profile

__all__ = ["new_beat_text"]

_PLACE_M = (0.0, 120.0)
_LINE_M = ((80.0, -60.0), (80.0, 60.0), (140.0, 140.0))
"""Where the places of a beat without an area are drawn, from the launch place (east, north) [m]."""


def new_beat_text(
    *,
    area_path: Path | None = None,
    area_text: str | None = None,
    home: LatLon | None = None,
    time_zone: str = "UTC",
    name: str = "New beat",
    camera: str = "embedded-12mp",
    airframe: str = "arducopter-quad",
) -> str:
    """The text of a beat that :func:`~airbeat.mission.beatloader.load_beat` accepts and that can be planned.

    Args:
        area_path: area file that is swept; without it a place and a line near ``home`` are drawn.
        area_text: how the beat names the area file (relative to itself); the path without it.
        home: launch place; without it one at the area's edge is proposed, and said to be a proposal.
        time_zone: of the clock times.
        name: the beat's name.
        camera: camera profile.
        airframe: airframe profile.

    Raises:
        UsageError: neither area nor launch place, or a launch place too far from the area.
        GeometryError: the area file cannot be used.
        PlanningError: no such camera or airframe profile.
    """
    if area_path is not None:
        area_file = read_area_file(area_path)
        frame = LocalFrame.around(area_file.area)
        ground: Any = frame.to_local(area_file.area)
        place = home if home is not None else proposed_home(ground, area_file, frame)
        file = json.dumps(area_text or area_path.as_posix(), ensure_ascii=False)
        visits = _SWEEP.format(file=file, point=_point(frame, _inside(ground)))
    elif home is not None:
        frame, place = LocalFrame(home), home
        ground = shapely.union_all([shapely.Point(_PLACE_M), shapely.LineString(_LINE_M)]).convex_hull
        line = "\n".join(f"        - {point_text(p)}" for p in frame.to_latlon(_LINE_M))
        visits = _DRAWN.format(point=_point(frame, _PLACE_M), line=line)
    else:
        raise UsageError(
            "no place to patrol", remedy="say --home LAT,LON for the launch place, or --area FILE"
        )
    if distance_m(place, frame.origin) > MAX_DISTANCE_M:
        raise UsageError(
            Message(
                "home {place} is {distance_m:.0f} km from the area",
                place=place,
                distance_m=distance_m(place, frame.origin) / 1000,
            ),
            remedy="check that latitude and longitude are not swapped",
        )
    return _TEXT.format(
        name=json.dumps(printable(name), ensure_ascii=False),
        zone=json.dumps(time_zone),
        site_comment="as given" if home is not None else "a proposal at the area's edge: SET THIS",
        lat=f"{place.lat_deg:.7f}",
        lon=f"{place.lon_deg:.7f}",
        fence_polygon=points_text(fence_round(ground, frame, place), frame, "        "),
        visits=visits,
        camera=camera_profile(camera).name,
        airframe=airframe_profile(airframe).name,
    )


def _point(frame: LocalFrame, place: tuple[float, float]) -> str:
    position = frame.to_latlon([place])[0]
    return _POINT.format(lat=f"{position.lat_deg:.7f}", lon=f"{position.lon_deg:.7f}")


def _inside(ground: Any) -> tuple[float, float]:
    """A place inside an area [m]."""
    x, y = shapely.get_coordinates(ground.representative_point())[0]
    return float(x), float(y)


_DRAWN = """\
  points:                   # places to look at: what is at lat, lon must be in the picture
    - name: gate            # SET THIS, and add others
{point}
  lines:                    # roads, rivers, fences to fly along
    - name: lane            # SET THIS, or leave lines out
      width_m: 20           # full width that must be in the picture
      # side_offset_m: 10   # fly so far to the right of it
      line:
{line}
  # sweeps:                 # areas to photograph
  #   - {{name: yard, file: yard.geojson, overlap: {{side: 0.3, front: 0.3}}}}
"""
_SWEEP = """\
  points:                   # places to look at: what is at lat, lon must be in the picture
    - name: gate            # SET THIS, and add others
{point}
  # lines:                  # roads, rivers, fences to fly along
  #   - {{name: lane, width_m: 20, line: [{{lat: …, lon: …}}, {{lat: …, lon: …}}]}}
  sweeps:                   # areas to photograph
    - name: area
      file: {file}
      overlap: {{side: 0.3, front: 0.3}}
      max_interval_min: 120
"""
_POINT = """\
      lat: {lat}
      lon: {lon}
      dwell_s: 30           # seconds that it stays in the picture
      # heading_deg: 135    # where the camera looks (0 north, 90 east), …
      # stand_off_m: 40     # … from so far away; without them straight down
      # look: orbit         # or: round it, with radius_m: 25
      weight: 2             # beside the others
      max_interval_min: 60  # longest time between two visits
      # times: [day]        # only in these hours; without it in each shift
      # gsd_cm_px: 3        # as fine as this, or it does not count as seen; 10 without it"""
_TEXT = """\
# unsurveyed; not for flight as it is
#
# Written by `airbeat new --patrol`. Go through it from top to bottom; what is marked SET THIS must be set.
# When somebody has looked at the places, their obstacles and the airspace, change `status` to surveyed.
# Coordinates are decimal degrees, lat (north) first. Lengths are metres, clock times those of time_zone.

airbeat: 1                  # version of this file format
kind: patrol
name: {name}
status: unsurveyed          # every output says "unsurveyed; not for flight as it is" until this is surveyed
time_zone: {zone}

times:                      # hours have names: SET THIS
  - {{name: day, begin: 08:00, end: 18:00}}
  # - {{name: evening, begin: 18:00, end: 23:00, weekdays: [fri, sat]}}

shifts: [day]               # when somebody is on duty

launch:
  - name: pad               # {site_comment}
    lat: {lat}
    lon: {lon}
    chargers: 2             # batteries that charge at once
    drones:
      - name: drone 1
        camera: {camera}
        airframe: {airframe}
        height: {{value_m: 50, datum: home}}
        speed_m_s: 8
        batteries: 4
        charge_min: 50
        swap_min: 2         # on the ground between two flights
        # loudspeaker: true

fence:
  max_height_m: 120         # ceiling above home: SET THIS to what you are allowed
  margin_m: 5               # distance that the plan keeps from every fence line
  inclusion:                # the drones must stay inside; drawn by the program: SET THIS
    - polygon:
{fence_polygon}
  exclusion: []             # keep out: - polygon: [...] or - circle: {{lat: …, lon: …, radius_m: …}}

# privacy:                  # camera: off, up (the gimbal looks at the horizon); overflight: false keeps out
#   - {{name: gardens, camera: off, file: gardens.geojson}}

beat:
{visits}
roster:                     # for `airbeat patrol roster`
  seed: 1
  order: fixed              # fixed or random
  departure: fixed          # random: nobody can know when the drone comes; intervals hold all the same
"""
