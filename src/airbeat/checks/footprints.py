"""What a plan's photographs show, computed from its items alone: where each is taken, and its footprint."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from airbeat.checks.unrolled import Flight, Stop
from airbeat.errors import PlanningError
from airbeat.mission.commands import MavCmd
from airbeat.vehicle.camera import Camera

__all__ = ["Shot", "footprints", "gimbal_pitches", "shots"]

_TURNS_NOSE = frozenset({MavCmd.CONDITION_YAW, MavCmd.DO_SET_ROI, MavCmd.DO_SET_ROI_LOCATION, 80})
_SINGLE = frozenset({MavCmd.DO_DIGICAM_CONTROL, MavCmd.IMAGE_START_CAPTURE})
_MOST_SHOTS = 20_000
_SHORT_M = 0.01
NADIR_DEG = -90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One photograph.

    Attributes:
        number: the item to which the vehicle flies as it is taken.
        place: local east, north [m].
        heading_rad: where the nose points, counter-clockwise from east [rad].
        above_m: height above ground [m].
        pitch_deg: camera pitch [degrees; -90 looks straight down].
    """

    number: int
    place: tuple[float, float]
    heading_rad: float
    above_m: float
    pitch_deg: float


def gimbal_pitches(flight: Flight) -> dict[int, float]:
    """Camera pitches that the items command, by item number [degrees]."""
    return {
        n: i.params[0]
        for n, i in flight.plan.numbered()
        if i.command in (MavCmd.DO_MOUNT_CONTROL, MavCmd.DO_GIMBAL_MANAGER_PITCHYAW)
        and math.isfinite(i.params[0])
    }


def shots(flight: Flight) -> list[Shot] | None:
    """The plan's photographs in the order taken; None where the items do not tell where the nose points.

    By ArduPilot's rules: DO_SET_CAM_TRIGG_DIST photographs every so many metres of way, with param3 = 1 also
    at once; the nose points along the leg. What happens at a waypoint happens before the nose turns to the
    next leg; a trigger that is switched on there is taken to photograph that leg.
    """
    if any(i.command in _TURNS_NOSE for i in flight.plan.items):
        return None
    result: list[Shot] = []
    camera = _Camera(pitch_deg=NADIR_DEG)
    before: Stop | None = None
    heading = 0.0
    done = 0
    for stop in flight.stops:
        here = before.place if before else (0.0, 0.0, flight.climb_m)
        dx, dy = stop.place[0] - here[0], stop.place[1] - here[1]
        length = math.hypot(dx, dy)
        if length > _SHORT_M:
            onward = math.atan2(dy, dx)
            moment = _Moment(here[:2], heading if done else onward, onward, before)
            result += camera.run(flight, range(done + 1, stop.number), moment)
            heading = onward
            for along in camera.along(length):
                share = along / length
                result.append(
                    Shot(
                        number=stop.number,
                        place=(here[0] + dx * share, here[1] + dy * share),
                        heading_rad=heading,
                        above_m=_above_m(flight, before, stop, share),
                        pitch_deg=camera.pitch_deg,
                    )
                )
        else:
            moment = _Moment(here[:2], heading, heading, before)
            result += camera.run(flight, range(done + 1, stop.number), moment)
        done, before = stop.number, stop
        if len(result) > _MOST_SHOTS:
            return None
    last = flight.stops[-1].place[:2] if flight.stops else (0.0, 0.0)
    rest = range(done + 1, len(flight.plan.items) + 1)
    result += camera.run(flight, rest, _Moment(last, heading, heading, before))
    return result


@dataclass(frozen=True, slots=True)
class _Moment:
    """Where the vehicle is between two legs: place [m], the legs' headings [rad], and the waypoint."""

    place: tuple[float, float]
    arriving_rad: float
    leaving_rad: float
    at: Stop | None


@dataclass(slots=True)
class _Camera:
    """The camera's state while the items are gone through."""

    pitch_deg: float
    every_m: float = 0.0
    since_m: float = 0.0

    def run(self, flight: Flight, numbers: range, moment: _Moment) -> list[Shot]:
        """Photographs of the actions between two waypoints, carried out at the first of them."""
        result = []
        for number in numbers:
            item = flight.plan.items[number - 1]
            takes = item.command in _SINGLE and (
                item.command != MavCmd.DO_DIGICAM_CONTROL or item.extra[0] == 1.0
            )
            if item.command in (MavCmd.DO_MOUNT_CONTROL, MavCmd.DO_GIMBAL_MANAGER_PITCHYAW):
                if math.isfinite(item.params[0]):
                    self.pitch_deg = item.params[0]
            elif item.command == MavCmd.DO_SET_CAM_TRIGG_DIST:
                self.every_m, self.since_m = max(item.params[0], 0.0), 0.0
                takes = item.params[2] == 1.0
            if takes:
                at, begins = moment.at, item.command == MavCmd.DO_SET_CAM_TRIGG_DIST and self.every_m > 0
                result.append(
                    Shot(
                        number=numbers.stop,
                        place=moment.place,
                        heading_rad=moment.leaving_rad if begins else moment.arriving_rad,
                        above_m=flight.climb_m if at is None else _above_m(flight, at, at, 1.0),
                        pitch_deg=self.pitch_deg,
                    )
                )
        return result

    def along(self, length_m: float) -> Iterator[float]:
        """Distances along a leg at which the trigger fires [m]."""
        if not self.every_m > 0 or length_m / self.every_m > _MOST_SHOTS:
            return
        at = self.every_m - self.since_m
        while at <= length_m + _SHORT_M:
            yield min(at, length_m)
            at += self.every_m
        self.since_m = length_m - (at - self.every_m)


def _above_m(flight: Flight, before: Stop | None, stop: Stop, share: float) -> float:
    """Height above ground part of the way to a stop [m]."""
    if stop.above_m is not None and before is not None and before.above_m is not None:
        return before.above_m + (stop.above_m - before.above_m) * share
    first = before.place if before else (0.0, 0.0, flight.climb_m)
    height_m = first[2] + (stop.place[2] - first[2]) * share
    if flight.plan.terrain is None:
        return height_m
    x, y = (first[k] + (stop.place[k] - first[k]) * share for k in (0, 1))
    (place,) = flight.frame.to_latlon([(x, y)])
    ground = flight.plan.terrain.heights_m(place.lon_deg, place.lat_deg)[0] - flight.base_m
    return height_m if math.isnan(ground) else float(height_m - ground)


def footprints(taken: Sequence[Shot], camera: Camera) -> Any:
    """Their footprints on flat ground as an array of local polygons [m].

    Photographs from the ground or below it, and those that look over the horizon, have none and are left out.
    """
    corners = {pitch: _corners(camera, pitch) for pitch in {shot.pitch_deg for shot in taken}}
    seen = [s for s in taken if s.above_m > 0 and corners[s.pitch_deg] is not None]
    if not seen:
        return np.array([], dtype=object)
    at_one_metre = np.array([corners[s.pitch_deg] for s in seen])
    heading = np.array([s.heading_rad for s in seen])
    c, s = np.cos(heading), np.sin(heading)
    turned = at_one_metre @ np.moveaxis(np.array([[c, s], [-s, c]]), 2, 0)
    above = np.array([shot.above_m for shot in seen])[:, None, None]
    return shapely.polygons(turned * above + np.array([shot.place for shot in seen])[:, None, :])


def _corners(camera: Camera, pitch_deg: float) -> list[list[float]] | None:
    """The corners, ahead and to the left, of a photograph from 1 m [m]; None over the horizon.

    The picture scales with the height (`Camera.view`).
    """
    try:
        view = camera.view(1.0, pitch_deg=pitch_deg)
    except PlanningError:
        return None
    near = view.across_m / 2
    far = near * view.gsd_far_m_px / view.gsd_near_m_px
    return [[view.near_m, -near], [view.far_m, -far], [view.far_m, far], [view.near_m, near]]
