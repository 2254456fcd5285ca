"""``airbeat plan --area … --drones N --endurance-min M``: an area covered in sorties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airbeat.errors import UsageError
from airbeat.language.words import Message

if TYPE_CHECKING:
    from airbeat.geo.coordinates import LatLon
    from airbeat.planning.sortie import Drone, FleetPlan, Sortie

__all__ = ["Photography", "Vehicles", "sortie_features", "sortie_rows"]

_AIRFRAME = "arducopter-quad"
"""Its climbs and landings are counted where a height is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicles:
    """The drones that were asked for.

    Attributes:
        count: how many.
        homes: launch place of each.
        speeds_m_s: cruise speed of each [m/s].
        endurances_min: flight time of one battery of each, down to nothing [min]; empty where no matter.
        reserve_share: share of the battery left at landing, 0…1.
    """

    count: int
    homes: tuple[LatLon, ...]
    speeds_m_s: tuple[float, ...]
    endurances_min: tuple[float, ...]
    reserve_share: float

    def drones(self, height_m: float | None) -> list[Drone]:
        """The drones as planning takes them."""
        import math

        from airbeat.planning.estimate import FlightModel
        from airbeat.planning.sortie import Drone
        from airbeat.vehicle.airframe import airframe_profile

        endurances_s = [60.0 * m for m in self.endurances_min] or [math.inf] * self.count
        return [
            Drone(
                home=home,
                model=FlightModel(speed_m_s=speed),
                endurance_s=endurance_s,
                reserve_share=self.reserve_share,
                airframe=airframe_profile(_AIRFRAME),
                height_m=height_m,
            )
            for home, speed, endurance_s in zip(self.homes, self.speeds_m_s, endurances_s, strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Photography:
    """What photographs are counted by.

    Attributes:
        trigger_m: distance between photographs [m]; None where nothing tells.
        notes: what the reader must know.
    """

    trigger_m: float | None
    notes: tuple[str, ...] = ()

    @classmethod
    def asked(
        cls,
        *,
        camera: str | None,
        height_m: float | None,
        front_overlap: float,
        spacing_m: float,
        speed_m_s: float,
    ) -> Photography:
        """From camera, height and overlap.

        Raises:
            UsageError: a camera without a height.
            PlanningError: no such camera.
        """
        if camera is None:
            return cls(trigger_m=None)
        if height_m is None:
            raise UsageError("--camera needs the height of the flight", remedy="say --height-m METRES")
        from airbeat.vehicle.camera import camera_profile

        profile = camera_profile(camera)
        across_m, along_m = profile.footprint_m(height_m)
        trigger_m = along_m * (1.0 - front_overlap)
        notes = []
        if spacing_m > across_m:
            notes.append(
                Message(
                    "lines {spacing_m:g} m apart leave gaps: the footprint is {across_m:.1f} m wide",
                    spacing_m=spacing_m,
                    across_m=across_m,
                )
            )
        fastest = trigger_m / profile.min_interval_s
        if speed_m_s > fastest:
            notes.append(
                Message(
                    "{name} needs {min_interval_s:g} s between photographs {trigger_m:.1f} m apart: fly no "
                    "faster than {fastest:.1f} m/s",
                    name=profile.name,
                    min_interval_s=profile.min_interval_s,
                    trigger_m=trigger_m,
                    fastest=fastest,
                )
            )
        return cls(trigger_m=trigger_m, notes=tuple(notes))

    def count(self, length_m: float) -> int | None:
        """Photographs on a path that long, or None."""
        from airbeat.planning.sortie import photos_along

        return None if self.trigger_m is None else photos_along(length_m, self.trigger_m)


def sortie_rows(plan: FleetPlan, photography: Photography) -> list[dict[str, Any]]:
    """The figures of each sortie."""
    return [_row(sortie, photography) for sortie in plan.sorties]


def _row(sortie: Sortie, photography: Photography) -> dict[str, Any]:
    return {
        "sortie": sortie.number,
        "drone": sortie.drone,
        "start_s": sortie.start_s,
        "duration_s": sortie.duration_s,
        "length_m": sortie.length_m,
        "photos": None if photography.trigger_m is None else sortie.photos(photography.trigger_m),
        "items": sortie.items,
        "transit_above_m": sortie.layer_m,
    }


def sortie_features(
    plan: FleetPlan, rows: list[dict[str, Any]], line_feature: Callable[[Any, dict[str, Any]], dict[str, Any]]
) -> list[dict[str, Any]]:
    """GeoJSON features: a ``role: path`` a sortie, its ways as ``role: transit``, each drone's own part.

    Args:
        plan: the sorties.
        rows: their figures, which become properties.
        line_feature: makes a feature of a local line (n, 2) and properties.
    """
    features = [
        line_feature(sortie.line, {"role": "path", **row})
        for sortie, row in zip(plan.sorties, rows, strict=True)
    ]
    for sortie in plan.sorties:
        features += [
            line_feature(
                transit,
                {
                    "role": "transit",
                    "sortie": sortie.number,
                    "drone": sortie.drone,
                    "transit_above_m": sortie.layer_m,
                },
            )
            for transit in sortie.transits
        ]
    return features
    if len(plan.parts) > 1:
        features += [
            _part(plan, part, drone) for drone, part in enumerate(plan.parts, 1) if not part.is_empty
        ]
    return features


def _part(plan: FleetPlan, part: Any, drone: int) -> dict[str, Any]:
    import shapely

    placed = shapely.transform(plan.frame.to_geographic(part), lambda lon_lat: lon_lat.round(8))
    return {
        "type": "Feature",
        "properties": {"role": "drone-area", "drone": drone, "area_m2": round(part.area, 1)},
        "geometry": shapely.geometry.mapping(placed),
    }
