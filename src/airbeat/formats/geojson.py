"""A plan as RFC 7946 GeoJSON for maps: WGS84, longitude first, right-hand rule, eight decimals (1 mm).

Heights stand in the properties with their datum, because the third coordinate of RFC 7946 would be the
height above the ellipsoid. Shapes across the antimeridian are cut there (section 3.1.9). Colours follow
the simplestyle convention that CalTopo and most web maps read. Name, notes and provenance are in the
foreign member ``airbeat``.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping

from airbeat.formats.features import COLOURS, MapFeature, document_properties, map_features
from airbeat.mission.plan import FlightPlan

__all__ = ["write_geojson"]

_DECIMALS = 8


def write_geojson(plan: FlightPlan) -> str:
    """The plan's map as the text of a GeoJSON file."""
    about = _dumped(document_properties(plan))
    features = ",\n".join(_dumped(_feature(f)) for f in map_features(plan))
    return f'{{"type": "FeatureCollection",\n"airbeat": {about},\n"features": [\n{features}\n]}}\n'


def _dumped(value: dict[str, Any]) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def _feature(feature: MapFeature) -> dict[str, Any]:
    colour = COLOURS[feature.kind]
    is_point = feature.geometry.geom_type == "Point"
    style: dict[str, Any] = {"marker-color": colour} if is_point else {"stroke": colour, "stroke-width": 2}
    if "Polygon" in feature.geometry.geom_type:
        style |= {"fill": colour, "fill-opacity": 0.1}
    geometry = mapping(_cut_at_antimeridian(feature.geometry))
    return {
        "type": "Feature",
        "geometry": {"type": geometry["type"], "coordinates": _rounded(geometry["coordinates"])},
        "properties": {"kind": feature.kind, "title": feature.title, **feature.properties, **style},
    }


def _rounded(value: Any) -> Any:
    return round(value, _DECIMALS) if isinstance(value, int | float) else [_rounded(v) for v in value]


def _cut_at_antimeridian(geometry: Any) -> Any:
    """A geometry whose longitudes run beyond 180, cut there and brought back into -180…180.

    A ring that crosses itself cannot be cut without becoming another: it is brought back and jumps.
    """
    if geometry.bounds[2] <= 180.0:
        return geometry
    if not geometry.is_valid:
        return shapely.transform(geometry, lambda c: np.where(c > [180.0, np.inf], c - [360.0, 0.0], c))
    near = geometry.intersection(shapely.box(-180, -90, 180, 90))
    far = geometry.intersection(shapely.box(180, -90, 540, 90))
    parts = [near, shapely.transform(far, lambda c: c - [[360.0, 0.0]])]
    wanted = shapely.get_dimensions(geometry)
    pieces = [p for part in parts for p in shapely.get_parts(part) if shapely.get_dimensions(p) == wanted]
    joined = shapely.union_all(pieces) if wanted == 2 else shapely.multilinestrings(pieces)
    return shapely.orient_polygons(joined, exterior_cw=False) if wanted == 2 else joined
