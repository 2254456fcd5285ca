"""Crowds in photographs: what each frame shows of a beat's zones, counted, watched and kept as events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import shapely

from airbeat.detect.crowd import CrowdCounter
from airbeat.errors import FrameError
from airbeat.frames.meta import FrameMeta
from airbeat.frames.reader import load_image
from airbeat.geo.frame import LocalFrame
from airbeat.locate.ground import footprint, gsd_m_px, pixel_of
from airbeat.mission.beat import Beat, CrowdZone
from airbeat.patrol.crowdwatch import AlertChange, Reading, ZoneWatch

__all__ = ["ALERT", "LEAST_SHARE", "CrowdMonitor", "FrameCount", "ShownZone", "alert_payload", "shown_zone"]

ALERT = "crowd.alert"
"""Kind of the event of an alert that was raised, escalated or lowered."""
LEAST_SHARE = 0.25
"""Frames that show less of a zone are not read."""
_STEP_M = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownZone:
    """The part of a zone that a frame shows.

    Attributes:
        polygon_px: in pixels of the frame, y down.
        area_m2: its size [m²].
        share: over the whole zone, 0…1.
    """

    polygon_px: Any
    area_m2: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCount:
    """What was read of one frame.

    Attributes:
        frame: its name.
        time_utc: when it was taken, or None.
        readings: of the zones that it shows.
        changes: of their alerts.
        why_not: why nothing was read of it; empty where something was.
    """

    frame: str
    time_utc: datetime | None
    readings: tuple[Reading, ...] = ()
    changes: tuple[AlertChange, ...] = ()
    why_not: str = ""


def shown_zone(meta: FrameMeta, zone: CrowdZone, *, ground_height_m: float = 0.0) -> ShownZone | None:
    """The part of a zone that a frame shows, on flat ground; None where it shows nothing of it.

    Raises:
        FrameError: metadata are missing, or the frame looks at the horizon.
    """
    frame = LocalFrame.around(zone.area)
    whole = shapely.make_valid(frame.to_local(zone.area))
    view = frame.to_local(footprint(meta, ground_height_m=ground_height_m))
    part = whole.intersection(shapely.make_valid(view))
    polygons = [p for p in shapely.get_parts(part) if p.geom_type == "Polygon" and p.area > 0.1]
    if not polygons:
        return None
    outlines = []
    for polygon in polygons:
        dense = shapely.segmentize(polygon, _STEP_M)
        rings = [
            pixel_of(meta, frame.to_latlon(shapely.get_coordinates(ring)), ground_height_m=ground_height_m)
            for ring in [dense.exterior, *dense.interiors]
        ]
        if all(np.isfinite(ring).all() for ring in rings):
            outlines.append(shapely.make_valid(shapely.Polygon(rings[0], rings[1:])))
    if not outlines:
        return None
    area_m2 = float(sum(p.area for p in polygons))
    return ShownZone(
        polygon_px=shapely.union_all(outlines), area_m2=area_m2, share=min(area_m2 / float(whole.area), 1.0)
    )


class CrowdMonitor:
    """Counts and watches the zones of one beat, frame by frame in the order of their times.

    Args:
        beat: its crowd zones with a watch are counted.
        counter: how persons are counted in a frame.
        ground_height_m: of the ground above the launch site [m].
        gsd_m_px: instead of what the frames' metadata say [m/px].

    Raises:
        UsageError: the beat has no zone that is watched.
    """

    def __init__(
        self,
        beat: Beat,
        counter: CrowdCounter,
        *,
        ground_height_m: float = 0.0,
        gsd_m_px: float | None = None,
    ) -> None:
        self._beat = beat
        self._counter = counter
        self._ground_height_m = ground_height_m
        self._gsd_m_px = gsd_m_px
        self.zones = {z.name: z for z in beat.crowds if z.watch is not None}
        self.watches = {z.name: ZoneWatch(z.name, z.watch) for z in beat.crowds if z.watch is not None}
        self._last: datetime | None = None

    def take(self, meta: FrameMeta, time_utc: datetime | None) -> FrameCount:
        """Count one frame; what is wrong with it is told, not raised."""
        name = meta.path.name
        if time_utc is None:
            return FrameCount(frame=name, time_utc=None, why_not="it does not say when it was taken")
        if self._last is not None and time_utc < self._last:
            return FrameCount(frame=name, time_utc=time_utc, why_not="it is older than the frame before it")
        try:
            readings = self._readings(meta, time_utc)
        except FrameError as error:
            return FrameCount(frame=name, time_utc=time_utc, why_not=error.message)
        self._last = time_utc
        changes = [c for r in readings for c in self.watches[r.zone].take(r)]
        return FrameCount(
            frame=name,
            time_utc=time_utc,
            readings=tuple(readings),
            changes=tuple(changes),
            why_not="" if readings else "it shows too little of every zone whose hours these are",
        )

    def _readings(self, meta: FrameMeta, time_utc: datetime) -> list[Reading]:
        shown: list[tuple[str, ShownZone]] = []
        for name, zone in self.zones.items():
            if not self._in_hours(zone, time_utc):
                continue
            part = shown_zone(meta, zone, ground_height_m=self._ground_height_m)
            if part is not None and part.share >= LEAST_SHARE:
                shown.append((name, part))
        if not shown:
            return []
        gsd = self._gsd_m_px or gsd_m_px(meta, ground_height_m=self._ground_height_m)
        counts = self._counter.count(
            load_image(meta), [part.polygon_px for _, part in shown], meta=meta, gsd_m_px=gsd
        )
        return [
            Reading(
                zone=name,
                time_utc=time_utc,
                frame=meta.path.name,
                sha256=meta.sha256,
                persons=count.persons,
                low=count.low,
                high=count.high,
                shown_m2=part.area_m2,
                shown_share=part.share,
            )
            for (name, part), count in zip(shown, counts, strict=True)
        ]

    def _in_hours(self, zone: CrowdZone, time_utc: datetime) -> bool:
        if not zone.times:
            return True
        day = time_utc.astimezone(self._beat.time_zone).date()
        return any(a <= time_utc <= b for a, b in self._beat.windows(zone.times, day))


def alert_payload(change: AlertChange, beat: Beat) -> dict[str, Any]:
    """An alert as an event's payload."""
    watch = next(z.watch for z in beat.crowds if z.name == change.zone)
    reading = change.reading
    assert watch is not None  # noqa: S101 - only watched zones have alerts
    return {
        "beat": beat.name,
        "zone": change.zone,
        "what": change.what,
        "colour": change.colour.word,
        "before": change.before.word,
        "measured_colour": change.measured.word,
        "escalations": change.escalations,
        "measure": watch.measure,
        "value": round(change.value, 4),
        "persons": round(reading.persons, 1),
        "persons_low": round(reading.low, 1),
        "persons_high": round(reading.high, 1),
        "shown_m2": round(reading.shown_m2, 1),
        "shown_share": round(reading.shown_share, 3),
        "since_utc": None if change.since is None else change.since.isoformat(timespec="milliseconds"),
        "frame": reading.frame,
        "frame_sha256": reading.sha256,
        "frame_time_utc": reading.time_utc.isoformat(timespec="milliseconds"),
    }
