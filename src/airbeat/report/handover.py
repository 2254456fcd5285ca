"""Hand-over files of what reviewers have confirmed: GPX, KML, GeoJSON, CalTopo, Cursor on Target."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from airbeat.formats.atomic import write_files
from airbeat.formats.sighting import Sighting
from airbeat.formats.sighting_json import write_sightings_caltopo, write_sightings_geojson
from airbeat.formats.sighting_xml import write_cot, write_sightings_gpx, write_sightings_kml
from airbeat.geo.coordinates import LatLon
from airbeat.geo.geoid import geoid_height_m
from airbeat.ops.reviews import Decision
from airbeat.report.searched import CandidateRow, SearchResults

__all__ = ["FOLDER", "confirmed_sightings", "write_handover"]

FOLDER = "handover"


def confirmed_sightings(
    results: SearchResults, decisions: Mapping[str, Decision]
) -> tuple[list[Sighting], list[str]]:
    """What was confirmed, by the candidates' order.

    Returns:
        Sightings, and the names of candidates that were confirmed but have no place.
    """
    times = {row.file: row.time_utc for row in results.frames}
    sightings, unplaced = [], []
    for row in results.candidates:
        decision = decisions.get(row.id)
        if decision is None or decision.verdict.status != "confirmed":
            continue
        position = row.position
        if position is None or row.ce90_m is None:
            unplaced.append(row.id)
            continue
        best = row.looks[0]
        sightings.append(
            Sighting(
                id=row.id,
                uid=_uid(row),
                verdict=decision.verdict.value,
                status=decision.verdict.status,
                position=position,
                ce90_m=row.ce90_m,
                hae_m=_above_ellipsoid_m(row.ground_amsl_m, position),
                msl_m=row.ground_amsl_m,
                method=results.positions,
                seen_utc=times.get(best.file),
                file=best.file,
                sha256=best.sha256,
                xyxy_px=best.xyxy_px or (0.0, 0.0, 0.0, 0.0),
                score=row.score,
                looks=len(row.looks),
                reviewer=decision.reviewer,
                decided_utc=decision.time_utc,
                note=decision.note,
            )
        )
    return sightings, unplaced


def _above_ellipsoid_m(msl_m: float | None, position: LatLon) -> float | None:
    geoid_m = None if msl_m is None else geoid_height_m(position)
    return None if msl_m is None or geoid_m is None else round(msl_m + geoid_m, 1)


def _uid(row: CandidateRow) -> str:
    """The same for the same box of the same photograph, whatever the candidate is called."""
    best = row.looks[0]
    text = f"{best.sha256 or best.file} {best.xyxy_px}"
    return f"airbeat-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def write_handover(folder: Path, sightings: list[Sighting]) -> list[Path]:
    """Write the hand-over files of these sightings, and take away those of others.

    Args:
        folder: made if it is missing and there is something to hand over.
        sightings: what is confirmed; without any no file is left.

    Raises:
        UsageError: the folder cannot be written.
    """
    contents: dict[Path, str] = {}
    if sightings:
        contents = {
            folder / "sightings.gpx": write_sightings_gpx(sightings),
            folder / "sightings.kml": write_sightings_kml(sightings),
            folder / "sightings.geojson": write_sightings_geojson(sightings),
            folder / "sightings.caltopo.json": write_sightings_caltopo(sightings),
        } | {folder / f"{s.id}.cot.xml": write_cot(s) for s in sightings}
    stale = {*folder.glob("sightings.*"), *folder.glob("*.cot.xml")} - contents.keys()
    written = write_files(contents, overwrite=True)
    for path in stale:
        path.unlink(missing_ok=True)
    return written
