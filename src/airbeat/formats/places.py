"""Places of a plan file that cannot be meant: 0, 0, and latitude and longitude the wrong way round."""

from __future__ import annotations

from collections.abc import Iterator

from airbeat.errors import InputFileError, PlanFileError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.mission.plan import FlightPlan

__all__ = ["check_places"]

_FAR_M = 100_000.0
"""Further than any multicopter of ours flies and comes back."""
_NULL_DEG = 1e-5


def check_places(plan: FlightPlan, *, name: str) -> None:
    """Refuses a plan with a place that cannot be meant.

    Raises:
        PlanFileError: a place at latitude 0, longitude 0 (what programs write for "unknown"), or one that
            is far from home as it stands and near with latitude and longitude exchanged.
    """
    for where, place in _places(plan):
        if abs(place.lat_deg) < _NULL_DEG and abs(place.lon_deg) < _NULL_DEG:
            raise PlanFileError(
                "latitude 0, longitude 0 is what programs write when they do not know a place",
                where=f"{name}: {where}",
                remedy="set the place in the program that made the file",
            )
        if where == "home" or distance_m(plan.home, place) <= _FAR_M:
            continue
        swapped = _swapped(place)
        if swapped is not None and distance_m(plan.home, swapped) <= _FAR_M:
            away_km = distance_m(plan.home, place) / 1000.0
            raise PlanFileError(
                Message(
                    "{place} is {away_km:.0f} km from home; with latitude and longitude exchanged it "
                    "would be near",
                    place=place,
                    away_km=away_km,
                ),
                where=f"{name}: {where}",
                remedy="exchange latitude and longitude in the file",
            )


def _swapped(place: LatLon) -> LatLon | None:
    try:
        return LatLon(lat_deg=place.lon_deg, lon_deg=place.lat_deg)
    except InputFileError:
        return None


def _places(plan: FlightPlan) -> Iterator[tuple[str, LatLon]]:
    yield "home", plan.home
    for number, item in plan.numbered():
        if item.position is not None:
            yield f"item {number}", item.position
    if plan.fence is not None:
        for number, polygon in enumerate(plan.fence.polygons, start=1):
            for vertex, place in enumerate(polygon.vertices, start=1):
                yield f"fence polygon {number}, vertex {vertex}", place
        for number, circle in enumerate(plan.fence.circles, start=1):
            yield f"fence circle {number}", circle.centre
    for number, rally in enumerate(plan.rally or (), start=1):
        yield f"rally point {number}", rally.position
