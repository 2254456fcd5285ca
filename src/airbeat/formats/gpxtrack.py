"""Where a GPX track ends, and how fast whoever carries the receiver has been going."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from airbeat.errors import PlanFileError
from airbeat.formats.limits import clean_text
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.mission.xmltree import local_name, xml_tree

__all__ = ["TrackEnd", "read_track_end"]

_MAX_BYTES = 20_000_000
_OVER_S = 120.0
"""The speed is taken over so long before the end [s]."""
_REMEDY = "give a track with times, as a receiver or a telephone records it"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackEnd:
    """The end of a track.

    Attributes:
        position: of the last point.
        time_utc: of the last point.
        speed_m_s: mean over the last two minutes [m/s].
    """

    position: LatLon
    time_utc: datetime
    speed_m_s: float


def read_track_end(path: Path) -> TrackEnd:
    """The end of the newest track in a GPX file.

    Raises:
        PlanFileError: it cannot be read, is no GPX file, or holds no track point with a time.
    """
    name = str(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise PlanFileError("larger than 20 MB", where=name, remedy="keep the last hour of it")
        root = xml_tree(path.read_bytes(), kind="GPX", error=PlanFileError)
    except OSError as error:
        raise PlanFileError(
            Message("cannot be read: {reason}", reason=error.strerror), where=name, remedy="check the path"
        ) from error
    except PlanFileError as error:
        raise PlanFileError(error.message, where=name, remedy=error.remedy) from error
    if local_name(root) != "gpx":
        raise PlanFileError("this is no GPX file", where=name, remedy=_REMEDY)
    points = [
        _point(point, name)
        for track in root
        if local_name(track) == "trk"
        for segment in track
        if local_name(segment) == "trkseg"
        for point in segment
        if local_name(point) == "trkpt"
    ]
    timed = sorted((p for p in points if p is not None), key=lambda p: p[0])
    if not timed:
        raise PlanFileError("holds no track point with a time", where=name, remedy=_REMEDY)
    end, position = timed[-1]
    recent = [p for p in timed if (end - p[0]).total_seconds() <= _OVER_S]
    took_s = (end - recent[0][0]).total_seconds()
    way_m = sum(distance_m(a[1], b[1]) for a, b in pairwise(recent))
    return TrackEnd(position=position, time_utc=end, speed_m_s=way_m / took_s if took_s > 0 else 0.0)


def _point(element: Any, name: str) -> tuple[datetime, LatLon] | None:
    text = next(((c.text or "").strip() for c in element if local_name(c) == "time"), "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        lat, lon = float(element.get("lat") or "nan"), float(element.get("lon") or "nan")
    except ValueError:
        raise PlanFileError(
            Message(
                "a track point's time or place cannot be read ({clean_text!r})",
                clean_text=clean_text(text, limit=40),
            ),
            where=name,
            remedy=_REMEDY,
        ) from None
    if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
        raise PlanFileError("a track point has no place on Earth", where=name, remedy=_REMEDY)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC), LatLon(lat_deg=lat, lon_deg=lon)
