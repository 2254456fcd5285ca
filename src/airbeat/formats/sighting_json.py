"""Sightings as GeoJSON (RFC 7946) and as the GeoJSON that CalTopo reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from airbeat.formats.sighting import Sighting

__all__ = ["write_sightings_caltopo", "write_sightings_geojson"]

_FOLDER_TITLE = "airbeat sightings"
_FOLDER_ID = hashlib.sha256(_FOLDER_TITLE.encode()).hexdigest()[:32]
_COLOURS = {"person": "FF0000", "clue": "0080FF"}


def _point(sighting: Sighting) -> dict[str, Any]:
    position = sighting.position
    return {"type": "Point", "coordinates": [round(position.lon_deg, 8), round(position.lat_deg, 8)]}


def _collection(features: Sequence[dict[str, Any]]) -> str:
    lines = ",\n".join(json.dumps(f, ensure_ascii=False, allow_nan=False) for f in features)
    return f'{{"type": "FeatureCollection",\n"features": [\n{lines}\n]}}\n'


def write_sightings_geojson(sightings: Sequence[Sighting]) -> str:
    """RFC 7946 points; heights stand in the properties with their datum."""
    return _collection(
        [
            {
                "type": "Feature",
                "id": s.uid,
                "geometry": _point(s),
                "properties": {
                    "title": s.title,
                    "id": s.id,
                    "verdict": s.verdict,
                    "status": s.status,
                    "ce90_m": round(s.ce90_m, 1),
                    "ground_hae_m": s.hae_m,
                    "ground_msl_m": s.msl_m,
                    "method": s.method,
                    "seen_utc": s.seen_utc.isoformat() if s.seen_utc else None,
                    "file": s.file,
                    "sha256": s.sha256,
                    "xyxy_px": list(s.xyxy_px),
                    "score": s.score,
                    "looks": s.looks,
                    "reviewer": s.reviewer,
                    "decided_utc": s.decided_utc.isoformat(),
                    "note": s.note,
                    "mgrs": s.facts()["MGRS"],
                    "degrees_minutes": s.facts()["lat/lon (degrees, minutes)"],
                    "marker-color": f"#{_COLOURS.get(s.verdict, '808080')}",
                },
            }
            for s in sightings
        ]
    )


def write_sightings_caltopo(sightings: Sequence[Sighting]) -> str:
    """CalTopo's import: a folder, a Marker for each person and a Clue for each clue."""
    folder = {
        "type": "Feature",
        "id": _FOLDER_ID,
        "geometry": None,
        "properties": {"class": "Folder", "title": _FOLDER_TITLE, "visible": True, "labelVisible": True},
    }
    features = [
        {
            "type": "Feature",
            "id": hashlib.sha256(s.uid.encode()).hexdigest()[:32],
            "geometry": _point(s),
            "properties": {
                "class": "Clue" if s.verdict == "clue" else "Marker",
                "title": s.title,
                "description": s.description(),
                "marker-symbol": "clue" if s.verdict == "clue" else "point",
                "marker-color": _COLOURS.get(s.verdict, "808080"),
                "folderId": _FOLDER_ID,
            },
        }
        for s in sightings
    ]
    return _collection([folder, *features])
