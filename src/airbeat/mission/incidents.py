"""Tables of incidents: CSV with the columns time, lat, lon and kind, from which hot spots are made."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.datums import MapDatum, to_wgs84
from airbeat.language.words import Message
from airbeat.mission.beat import Incident

__all__ = ["read_incidents"]

MAX_BYTES = 20_000_000
MAX_ROWS = 200_000
_COLUMNS = ("time", "lat", "lon")


def read_incidents(
    path: Path, *, time_zone: ZoneInfo, kinds: Sequence[str] = (), datum: MapDatum = MapDatum.WGS84
) -> tuple[tuple[Incident, ...], str]:
    """Incidents in the order of their times, and the SHA-256 of the table.

    Args:
        path: CSV text in UTF-8 whose first row names its columns: time (ISO 8601), lat, lon, and kind where
            kinds matter. Others are ignored.
        time_zone: of times that state none.
        kinds: only these are taken; all where it is empty.
        datum: of the coordinates.

    Raises:
        GeometryError: it cannot be read, has no such columns, or a row that cannot be understood.
    """
    name = path.name
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no usable path"
        raise GeometryError(
            Message("cannot be read: {reason}", reason=reason), where=name, remedy="check the path"
        ) from error
    if len(content) > MAX_BYTES:
        raise GeometryError(
            Message("larger than {max_bytes} MB", max_bytes=MAX_BYTES // 1_000_000),
            where=name,
            remedy="keep a year of it",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GeometryError("is not UTF-8 text", where=name, remedy="save it as UTF-8 CSV") from error
    return _incidents(text, name, time_zone, kinds, datum), hashlib.sha256(content).hexdigest()


def _incidents(
    text: str, name: str, time_zone: ZoneInfo, kinds: Sequence[str], datum: MapDatum
) -> tuple[Incident, ...]:
    rows = csv.DictReader(io.StringIO(text), strict=True)
    found: list[tuple[datetime, LatLon, str]] = []
    try:
        columns = {(c or "").strip().lower(): c for c in rows.fieldnames or ()}
        needed = (*_COLUMNS, "kind") if kinds else _COLUMNS
        missing = [c for c in needed if c not in columns]
        if missing:
            raise GeometryError(
                Message("has no column {missing}", missing=", ".join(missing)),
                where=f"{name}, line 1",
                remedy="the first line names the columns: time,lat,lon,kind",
            )
        for row in rows:
            if len(found) >= MAX_ROWS:
                raise GeometryError(
                    Message("more than {max_rows} rows", max_rows=MAX_ROWS),
                    where=name,
                    remedy="keep a year of it",
                )
            kind = (row[columns["kind"]] or "").strip() if "kind" in columns else ""
            if kinds and kind not in kinds:
                continue
            where = f"{name}, line {rows.line_num}"
            moment = _moment(row[columns["time"]] or "", time_zone, where)
            place = _place(row[columns["lat"]] or "", row[columns["lon"]] or "", where)
            found.append((moment, place, kind[:200]))
    except csv.Error as error:
        raise GeometryError(
            Message("is no CSV table: {error}", error=error),
            where=f"{name}, line {rows.line_num}",
            remedy="check the quotes",
        ) from error
    places = to_wgs84([place for _, place, _ in found], datum) if found else []
    incidents = [
        Incident(moment=moment, position=place, kind=kind)
        for (moment, _, kind), place in zip(found, places, strict=True)
    ]
    return tuple(sorted(incidents, key=lambda i: i.moment))


def _moment(text: str, time_zone: ZoneInfo, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=time_zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise GeometryError(
            Message("is no date and time (got {words!r})", words=text[:40]),
            where=where,
            remedy="write 2026-11-25T16:30",
        ) from error


def _place(lat: str, lon: str, where: str) -> LatLon:
    try:
        lat_deg, lon_deg = float(lat), float(lon)
        if abs(lat_deg) <= 90.0 and abs(lon_deg) <= 180.0:
            return LatLon(lat_deg=lat_deg, lon_deg=lon_deg)
    except ValueError:
        pass
    raise GeometryError(
        Message("lat and lon are no place (got {lat!r}, {lon!r})", lat=lat[:20], lon=lon[:20]),
        where=where,
        remedy="decimal degrees, north and east positive",
    )
