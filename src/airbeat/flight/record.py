"""What was really flown: track, photographs, events and how it ended."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import airbeat
from airbeat.formats.atomic import write_files
from airbeat.link.telemetry import PhotoTaken, PositionFix, VehicleEvent
from airbeat.link.vehicle import Identity
from airbeat.mission.plan import Provenance

__all__ = ["FlightOutcome", "FlightRecord", "record_sha256"]

_SCHEMA = 1
_TRACK_COLUMNS = (
    "time_s",
    "lat_deg",
    "lon_deg",
    "height_above_home_m",
    "amsl_m",
    "speed_m_s",
    "heading_deg",
)


def record_sha256(document: Mapping[str, Any]) -> str:
    """SHA-256 of a record's JSON without its own ``sha256``: keys sorted, no spaces."""
    rest = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class FlightOutcome(StrEnum):
    """How a flight ended."""

    COMPLETED = "completed"
    """The whole mission, landed and disarmed."""
    RETURNED_EARLY = "returned early"
    """The autopilot ended the mission by itself: failsafe or fence; see the events."""
    PILOT_TOOK_OVER = "pilot took over"
    """The flight mode was changed from outside."""
    LINK_LOST = "link lost"
    """No word from the vehicle; it may still be flying."""
    ENDED_EARLY = "ended early"
    """Disarmed before the mission's end."""
    INTERRUPTED = "interrupted"
    """This station's people ended it, or stopped watching; the explanation says what the vehicle does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightRecord:
    """One flight.

    Attributes:
        plan_name: the plan's name.
        plan_notes: what the reader of anything made from the plan must know: converted coordinates, for one.
        provenance: of the plan.
        begun_utc: when this station began to watch, by its own clock, ISO 8601.
        vehicle: who flew.
        outcome: how it ended.
        explanation: one sentence on the outcome.
        takeoff_time_s: vehicle time of the take-off [s], or None when it never left the ground.
        landing_time_s: vehicle time of the landing [s], or None when none was seen.
        track: flown positions.
        photos: photographs that the autopilot reported.
        events: status texts, modes, arming, restarts, link trouble.
        last_item: highest mission item that was current.
        items: number of mission items.
        boot_utc_s: UTC of the vehicle's time zero since 1970 by its GPS [s]; None where it told none.
        battery_at_takeoff_share: what the battery held then, 0…1; None where the vehicle did not say.
        battery_at_end_share: the same when watching ended.
    """

    plan_name: str
    plan_notes: tuple[str, ...]
    provenance: Provenance
    begun_utc: str
    vehicle: Identity
    outcome: FlightOutcome
    explanation: str
    takeoff_time_s: float | None
    landing_time_s: float | None
    track: tuple[PositionFix, ...]
    photos: tuple[PhotoTaken, ...]
    events: tuple[VehicleEvent, ...]
    last_item: int
    items: int
    boot_utc_s: float | None = None
    battery_at_takeoff_share: float | None = None
    battery_at_end_share: float | None = None

    @property
    def duration_s(self) -> float | None:
        """Take-off to landing in the vehicle's own time [s]; None unless both were seen."""
        if self.takeoff_time_s is None or self.landing_time_s is None:
            return None
        return self.landing_time_s - self.takeoff_time_s

    def to_json(self) -> dict[str, Any]:
        """The whole record; positions as ``track_columns`` says.

        ``sha256`` is the hash of everything else, so that a change by mistake is noticed (`record_sha256`).
        """
        document = self._document()
        return document | {"sha256": record_sha256(document)}

    def _document(self) -> dict[str, Any]:
        return {
            "schema_version": _SCHEMA,
            "tool_version": airbeat.__version__,
            "begun_utc": self.begun_utc,
            "boot_utc_s": self.boot_utc_s,
            "plan": {"name": self.plan_name, "notes": list(self.plan_notes), **asdict(self.provenance)},
            "vehicle": self.vehicle.to_json(),
            "outcome": self.outcome.value,
            "explanation": self.explanation,
            "takeoff_time_s": self.takeoff_time_s,
            "landing_time_s": self.landing_time_s,
            "duration_s": self.duration_s,
            "battery_at_takeoff_share": self.battery_at_takeoff_share,
            "battery_at_end_share": self.battery_at_end_share,
            "last_item": self.last_item,
            "items": self.items,
            "track_columns": [*_TRACK_COLUMNS],
            "track": [
                [
                    f.time_s,
                    f.position.lat_deg,
                    f.position.lon_deg,
                    f.height_above_home_m,
                    f.amsl_m,
                    round(f.speed_m_s, 3),
                    f.heading_deg,
                ]
                for f in self.track
            ],
            "photos": [
                {
                    "index": p.index,
                    "time_us": p.time_us,
                    "vehicle_time_s": p.vehicle_time_s,
                    "lat_deg": p.position.lat_deg,
                    "lon_deg": p.position.lon_deg,
                    "height_above_home_m": p.height_above_home_m,
                    "amsl_m": p.amsl_m,
                    "roll_deg": p.roll_deg,
                    "pitch_deg": p.pitch_deg,
                    "yaw_deg": p.yaw_deg,
                }
                for p in self.photos
            ],
            "events": [
                {"time_s": e.time_s, "kind": e.kind.value, "text": e.text, "severity": e.severity}
                for e in self.events
            ],
        }

    def to_geojson(self) -> dict[str, Any]:
        """The track as a LineString and the photographs as Points (RFC 7946; heights are AMSL)."""
        features: list[dict[str, Any]] = []
        if len(self.track) > 1:
            line = [[f.position.lon_deg, f.position.lat_deg, f.amsl_m] for f in self.track]
            features.append(
                {
                    "type": "Feature",
                    "geometry": {"type": "LineString", "coordinates": line},
                    "properties": {
                        "role": "flown track",
                        "name": self.plan_name,
                        "notes": list(self.plan_notes),
                        "begun_utc": self.begun_utc,
                        "vehicle": self.vehicle.name,
                        "outcome": self.outcome.value,
                        "duration_s": self.duration_s,
                    },
                }
            )
        features += [
            {
                "type": "Feature",
                "geometry": {
                    "type": "Point",
                    "coordinates": [p.position.lon_deg, p.position.lat_deg, p.amsl_m],
                },
                "properties": {
                    "role": "photograph",
                    "index": p.index,
                    "yaw_deg": p.yaw_deg,
                    "height_above_home_m": p.height_above_home_m,
                },
            }
            for p in self.photos
        ]
        return {"type": "FeatureCollection", "features": features}

    def save(self, path: Path, *, overwrite: bool = False) -> list[Path]:
        """Writes the record as JSON, and the track beside it as ``.geojson``, both or neither.

        Raises:
            UsageError: a file exists and ``overwrite`` is false, or the folder cannot be written.
        """
        return write_files(
            {
                path: json.dumps(self.to_json(), allow_nan=False) + "\n",
                path.with_suffix(".geojson"): json.dumps(self.to_geojson(), allow_nan=False) + "\n",
            },
            overwrite=overwrite,
        )
