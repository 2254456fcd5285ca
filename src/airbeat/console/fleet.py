"""Where the vehicles are: what each last said of itself, for the live map.

Whoever hears a vehicle tells the fleet; the map asks it once a second. Nothing here speaks to a vehicle.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Any

from shapely.geometry import mapping

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.link.telemetry import Telemetry

__all__ = ["STALE_S", "Fleet", "VehicleKind", "VehicleState"]

STALE_S = 3.0
"""Telemetry older than this is stale [s]."""
_TRACK_STEP_M = 1.0
_MOST_POINTS = 4000
_MOST_VEHICLES = 50
_MOST_FOOTPRINTS = 20_000


class VehicleKind(StrEnum):
    """What kind of vehicle it is, as far as is known."""

    EMBEDDED = "embedded vehicle"
    ARDUPILOT = "ArduPilot"
    AUTOPILOT = "autopilot"
    """It has not said which."""
    FILE = "file"
    """Read from what another program writes, not heard from the vehicle itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleState:
    """What a vehicle last said of itself; None where it has said nothing yet.

    Attributes:
        kind: what it is.
        position: WGS84.
        height_above_home_m: [m].
        heading_deg: of the nose [degrees clockwise from north].
        speed_m_s: over ground [m/s].
        battery_share: remaining, 0…1.
        mode: flight mode name, e.g. "AUTO".
        armed: whether the motors may turn.
        mission_item: the item under way.
        mission_items: how many there are, without home.
    """

    kind: VehicleKind = VehicleKind.AUTOPILOT
    position: LatLon | None = None
    height_above_home_m: float | None = None
    heading_deg: float | None = None
    speed_m_s: float | None = None
    battery_share: float | None = None
    mode: str | None = None
    armed: bool | None = None
    mission_item: int | None = None
    mission_items: int | None = None

    @classmethod
    def of(cls, now: Telemetry, *, kind: VehicleKind) -> VehicleState:
        """From telemetry as a link gathers it."""
        return cls(
            kind=kind,
            position=now.position,
            height_above_home_m=now.height_above_home_m,
            heading_deg=now.heading_deg,
            speed_m_s=now.speed_m_s,
            battery_share=now.battery_share,
            mode=now.mode,
            armed=now.armed,
            mission_item=now.mission_seq,
            mission_items=now.mission_total,
        )


@dataclass(slots=True)
class _Heard:
    state: VehicleState = field(default_factory=VehicleState)
    heard_s: float | None = None
    track: list[LatLon] = field(default_factory=list)
    step_m: float = _TRACK_STEP_M


class Fleet:
    """All vehicles that are watched; safe to use from several threads.

    Args:
        clock: monotonic time [s].
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._vehicles: dict[str, _Heard] = {}
        self._footprints: deque[dict[str, Any]] = deque(maxlen=_MOST_FOOTPRINTS)
        self._photographed = 0

    def expect(self, name: str) -> None:
        """Show a vehicle that has not been heard yet: as stale, without a place."""
        with self._lock:
            self._of(name)

    def heard(self, name: str, state: VehicleState, *, age_s: float = 0.0) -> None:
        """Note what a vehicle says; the track grows where it has moved.

        Args:
            name: what people call it.
            state: what is known of it now.
            age_s: how old that is already [s].
        """
        with self._lock:
            vehicle = self._of(name)
            if vehicle is None:
                return
            vehicle.state = state
            vehicle.heard_s = self._clock() - age_s
            if state.position is not None:
                _grow(vehicle, state.position)

    def forget(self, name: str) -> None:
        """Show a vehicle no longer: what it was watched for has ended."""
        with self._lock:
            self._vehicles.pop(name, None)

    def photographed(self, name: str, outline: Any) -> None:
        """Note what a photograph of a flight under way shows.

        Args:
            name: of the vehicle.
            outline: of the ground, geographic shapely geometry (lon, lat degrees).
        """
        with self._lock:
            self._photographed += 1
            about = {"name": name, "number": self._photographed}
            self._footprints.append({"type": "Feature", "geometry": mapping(outline), "properties": about})

    def footprints(self, *, after: int = 0) -> list[dict[str, Any]]:
        """Footprints of flights under way as GeoJSON features, those with a ``number`` above ``after``."""
        with self._lock:
            return [f for f in self._footprints if f["properties"]["number"] > after]

    def _of(self, name: str) -> _Heard | None:
        if name not in self._vehicles and len(self._vehicles) >= _MOST_VEHICLES:
            return None
        return self._vehicles.setdefault(name, _Heard())

    def states(self, *, tracks: bool = True) -> list[dict[str, Any]]:
        """All vehicles by name, as JSON-able rows.

        Args:
            tracks: with the line that each has flown so far, as [lon, lat] degrees.

        Returns:
            ``name, kind, lat_deg, lon_deg, height_above_home_m, heading_deg, speed_m_s, battery_percent,
            mode, armed, mission_item, mission_items, age_s, stale``, and ``track``; None where not known.
        """
        with self._lock:
            now_s = self._clock()
            return [_row(n, v, now_s, tracks=tracks) for n, v in sorted(self._vehicles.items())]


def _grow(vehicle: _Heard, position: LatLon) -> None:
    """Add a point where it has moved; a track that grows long keeps every other point."""
    if vehicle.track and distance_m(vehicle.track[-1], position) < vehicle.step_m:
        return
    vehicle.track.append(position)
    if len(vehicle.track) > _MOST_POINTS:
        vehicle.track = [*vehicle.track[:-1:2], vehicle.track[-1]]
        vehicle.step_m *= 2


def _row(name: str, vehicle: _Heard, now_s: float, *, tracks: bool) -> dict[str, Any]:
    state = vehicle.state
    age_s = None if vehicle.heard_s is None else round(max(now_s - vehicle.heard_s, 0.0), 1)
    place = state.position
    row: dict[str, Any] = {
        "name": name,
        "kind": state.kind.value,
        "lat_deg": None if place is None else round(place.lat_deg, 7),
        "lon_deg": None if place is None else round(place.lon_deg, 7),
        "height_above_home_m": _number(state.height_above_home_m, 1),
        "heading_deg": _number(state.heading_deg, 0),
        "speed_m_s": _number(state.speed_m_s, 1),
        "battery_percent": None if state.battery_share is None else _number(100 * state.battery_share, 0),
        "mode": state.mode,
        "armed": state.armed,
        "mission_item": state.mission_item,
        "mission_items": state.mission_items,
        "age_s": age_s,
        "stale": age_s is None or age_s > STALE_S,
    }
    if tracks:
        row["track"] = [[round(p.lon_deg, 7), round(p.lat_deg, 7)] for p in vehicle.track]
    return row


def _number(value: float | None, digits: int) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, digits)
