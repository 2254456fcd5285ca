"""From where a candidate was seen: what a closer look goes by."""

from __future__ import annotations

from airbeat.errors import UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.mission.mission import Mission
from airbeat.planning.follow import ground_above_home_m
from airbeat.report.searched import SearchResults

__all__ = ["seen_at"]


def seen_at(candidate: str, results: SearchResults, mission: Mission) -> tuple[LatLon, float, float]:
    """Where a candidate is, the least height above ground it was seen from, the ground's above home [m].

    The ground is that of the mission's height model at the candidate's place, if it has one, else as high as
    stated with the photographs.

    Raises:
        UsageError: no such candidate, or no photograph of it says its place and height.
    """
    row = next((c for c in results.candidates if c.id == candidate), None)
    if row is None:
        ids = ", ".join(c.id for c in results.candidates[:8])
        raise UsageError(
            Message("no candidate {candidate!r}", candidate=candidate[:40]),
            remedy=Message("there are: {ids}", ids=ids or Message("none")),
        )
    seen_in = {look.file for look in row.looks}
    heights = [
        (f.height_above_home_m - f.ground_height_above_home_m, f.ground_height_above_home_m)
        for f in results.frames
        if f.file in seen_in and f.height_above_home_m is not None
    ]
    if not heights or row.lat_deg is None or row.lon_deg is None:
        raise UsageError(
            Message("no photograph of {candidate} says its place and height", candidate=candidate),
            remedy="give another candidate",
        )
    position = LatLon(lat_deg=row.lat_deg, lon_deg=row.lon_deg)
    if mission.terrain is None:
        return (position, *min(heights))
    ground_m = float(ground_above_home_m(mission.terrain, mission.home, [position])[0])
    return position, min(above + stated for above, stated in heights) - ground_m, ground_m
