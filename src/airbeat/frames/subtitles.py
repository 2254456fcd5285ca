"""DJI's subtitle files (``.SRT``): one entry a frame, or a second, of a video, in several dialects.

Known, by the models that write them (DJI_SRT_Parser's collection, and files that users published):

- bracketed, from the Mavic 2 on: ``[latitude: -37.920295] [longitude: 176.456417] [rel_alt: 62.370 abs_alt:
  227.373] [gb_yaw: -142.5 gb_pitch: -28.7 gb_roll: 0.0]``; the Mavic 2 writes ``[altitude: 150.0]``
  and ``[longtitude …]`` [sic], each angle in brackets of its own on some models;
- Phantom 4: ``HOME(149.0251,-20.2532) 2017.08.05 14:11:51`` and ``GPS(149.0251,-20.2533,16) BAROMETER:1.9``;
- Mavic Pro, Mini: ``F/2.8, SS 206.03, ISO 150, EV 0, GPS (-122.3699, 37.8166, 15), D 224.10m, H 35.20m``.

``focal_len`` is that of a 35 mm camera: ``24.00``, or ``240`` on older models, which write ``dzoom_ratio`` as
``10000`` for none too.

The last two write longitude before latitude; the third number of ``GPS`` is the number of satellites or the
receiver's altitude, and is not read. Heights named ``BAROMETER``, ``H`` and ``rel_alt`` are above the
take-off place, ``abs_alt`` above the sea. Angles are those of the camera, as in DJI's photographs. The date
is the camera's clock without a zone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from airbeat.errors import InputFileError
from airbeat.language.words import Message

__all__ = ["SubtitlePose", "read_subtitles"]

_MOST_BYTES = 200_000_000
_MOST_ENTRIES = 2_000_000
_REMEDY = "give the .SRT file that the drone wrote beside its video"
_NUMBER = r"([-+]?\d{1,9}(?:\.\d{1,12})?)"
_SPAN = re.compile(r"(\d{1,3}):(\d\d):(\d\d)[,.](\d{1,3})\s*-->")
_CLOCK = re.compile(
    r"(\d{4})[-./](\d\d)[-./](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:[.,:](\d{1,3})(?:[.,](\d{1,3}))?)?"
)
_PAIR = re.compile(rf"\b([a-z_]{{2,20}})\s*:\s*{_NUMBER}", re.IGNORECASE)
_GPS = re.compile(rf"GPS\s*\(\s*{_NUMBER}\s*,\s*{_NUMBER}", re.IGNORECASE)
_H = re.compile(rf"\bH\s*:?\s*{_NUMBER}\s*m\b")
_FOCAL = re.compile(rf"\bfocal_len\s*:\s*{_NUMBER}", re.IGNORECASE)
_TAG = re.compile(r"<[^>]{0,200}>")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtitlePose:
    """One entry.

    Attributes:
        video_time_s: since the video's beginning [s].
        local_time_s: the camera's clock, as seconds since 1970 as if it were UTC [s]; NaN if not written.
        lat_deg: [degrees].
        lon_deg: [degrees].
        home_m: height above the take-off place [m]; NaN if not written.
        amsl_m: height above sea level [m]; NaN if not written.
        gimbal: yaw, pitch, roll of the camera [degrees]; NaN if not written.
        focal_35mm: focal length as that of a 35 mm camera [mm]; NaN if not written, or with digital zoom.
    """

    video_time_s: float
    local_time_s: float
    lat_deg: float
    lon_deg: float
    home_m: float
    amsl_m: float
    gimbal: tuple[float, float, float]
    focal_35mm: float = math.nan

    def row(self, *, by_video: bool = False) -> tuple[float, ...]:
        """Time, place, heights, no airframe angles, camera angles.

        Args:
            by_video: by the video's time; else by the camera's clock if it is written.
        """
        by_clock = not by_video and math.isfinite(self.local_time_s)
        time_s = self.local_time_s if by_clock else self.video_time_s
        nan = math.nan
        return (time_s, self.lat_deg, self.lon_deg, self.home_m, self.amsl_m, nan, nan, nan, *self.gimbal)


def read_subtitles(path: Path) -> list[SubtitlePose]:
    """The entries that say a place, in order.

    Raises:
        InputFileError: the file cannot be read, or no entry says a place.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputFileError(
                Message("more than {most_bytes} MB of subtitles", most_bytes=_MOST_BYTES // 10**6),
                where=str(path),
                remedy=_REMEDY,
            )
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        raise InputFileError(
            Message("the subtitles cannot be read: {reason}", reason=error.strerror),
            where=str(path),
            remedy=_REMEDY,
        ) from None
    poses = [pose for pose in map(_pose, _entries(text)) if pose is not None]
    if not poses:
        raise InputFileError("these subtitles say no place", where=str(path), remedy=_REMEDY)
    return poses


def _entries(text: str) -> Iterator[str]:
    """Texts from one time span to the next; blank lines inside an entry do not end it."""
    starts = [match.start() for match in _SPAN.finditer(text)][:_MOST_ENTRIES]
    for begin, end in pairwise([*starts, len(text)]):
        yield text[begin : min(end, begin + 4000)]


def _pose(entry: str) -> SubtitlePose | None:
    span = _SPAN.match(entry)
    if span is None:
        return None
    hours, minutes, seconds = (int(span[i]) for i in (1, 2, 3))
    body = _TAG.sub(" ", entry)
    pairs = {name.lower(): float(value) for name, value in _PAIR.findall(body)}
    place = _place(body, pairs)
    if place is None:
        return None
    height = _H.search(body)
    nan = math.nan
    home_m = pairs.get("rel_alt", pairs.get("barometer", float(height[1]) if height else nan))
    return SubtitlePose(
        video_time_s=hours * 3600 + minutes * 60 + seconds + int(span[4].ljust(3, "0")) / 1000,
        local_time_s=_clock_s(body),
        lat_deg=place[0],
        lon_deg=place[1],
        home_m=home_m,
        amsl_m=pairs.get("abs_alt", nan),
        gimbal=(pairs.get("gb_yaw", nan), pairs.get("gb_pitch", nan), pairs.get("gb_roll", nan)),
        focal_35mm=_focal_35mm(body, pairs),
    )


def _focal_35mm(body: str, pairs: dict[str, float]) -> float:
    """DJI's ``focal_len``: 24.00, or 240 on older models; NaN where the picture is zoomed by cutting it."""
    found = _FOCAL.search(body)
    zoom = pairs.get("dzoom_ratio", 1.0)
    if found is None or (zoom / 10_000 if zoom >= 1000 else zoom) > 1.01:
        return math.nan
    in_tenths = "." not in found[1] and float(found[1]) >= 100
    return float(found[1]) / 10 if in_tenths else float(found[1])


def _place(body: str, pairs: dict[str, float]) -> tuple[float, float] | None:
    lat, lon = pairs.get("latitude"), pairs.get("longitude", pairs.get("longtitude"))
    if lat is None or lon is None:
        found = _GPS.search(body)
        if found is None:
            return None
        lon, lat = float(found[1]), float(found[2])
    if (lat, lon) == (0.0, 0.0) or not (abs(lat) <= 90.0 and abs(lon) <= 180.0):
        return None
    return lat, lon


def _clock_s(body: str) -> float:
    found = _CLOCK.search(body)
    if found is None:
        return math.nan
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    try:
        whole = datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return math.nan
    return whole + int((found[7] or "0").ljust(3, "0")) / 1e3 + int((found[8] or "0").ljust(3, "0")) / 1e6
