"""What a plan's picture shows, from a mission's plans or from the features of a ``plan.geojson``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import shapely

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import N_, Message
from airbeat.mission.legs import legs
from airbeat.mission.plan import FlightPlan, ItemRole, Provenance

__all__ = ["FlownLine", "Mark", "PlanPicture", "picture_of_features", "picture_of_plans"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlownLine:
    """The line of one sortie.

    Attributes:
        name: as the legend calls it.
        runs: the line in pieces, each its positions and whether it is a transit (flown to get somewhere).
    """

    name: str
    runs: tuple[tuple[tuple[LatLon, ...], bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A numbered sign on the map.

    Attributes:
        position: where.
        label: what stands in it.
        colour: of the sign.
    """

    position: LatLon
    label: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPicture:
    """What a picture shows. Geometries are geographic shapely (Multi)Polygons, lon/lat degrees.

    Attributes:
        title: headline.
        lines: one for each sortie, in the order flown.
        area: what is to be looked at, or None.
        unseen: the part of it that no camera inside the fence sees, or None.
        inclusions: the fence's zones to stay in.
        keepouts: zones and holes to stay out of.
        home: take-off place, or None where the plan begins anywhere.
        rally: alternative landing places with their names.
        last_seen: where the missing person was last seen, or None.
        visits: fixed points that are themselves the purpose, in flying order.
        figures: labels and values, in the order shown.
        notes: what the reader must know.
        notes_title: what stands over the notes.
        marks: numbered signs, e.g. of findings.
        marked_ways: legs drawn over the others in the colour given, e.g. those that a finding is about.
        seen: what photographs show, or None where nothing was photographed yet.
        tracks: flown lines; the planned ones are drawn dashed beside them.
        provenance: of the plan.
    """

    title: str
    lines: tuple[FlownLine, ...]
    area: Any | None = None
    unseen: Any | None = None
    inclusions: tuple[Any, ...] = ()
    keepouts: tuple[Any, ...] = ()
    home: LatLon | None = None
    rally: tuple[tuple[LatLon, str], ...] = ()
    last_seen: LatLon | None = None
    visits: tuple[LatLon, ...] = ()
    figures: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    notes_title: str = N_("To know")
    marks: tuple[Mark, ...] = ()
    marked_ways: tuple[tuple[LatLon, LatLon, str], ...] = ()
    seen: Any | None = None
    tracks: tuple[tuple[LatLon, ...], ...] = ()
    provenance: Provenance = field(default_factory=Provenance)


# what is shown


def picture_of_plans(plans: Sequence[FlightPlan], *, figures: Sequence[tuple[str, str]]) -> PlanPicture:
    """The picture of a mission's plan, or of its plans: one for each sortie.

    Args:
        plans: at least one; title, area, fence, home and provenance are the first one's.
        figures: labels and values as they are printed.
    """
    first = plans[0]
    fence = first.fence
    frame = LocalFrame(first.home)
    zones = [(p.inclusion, _ring(p.vertices)) for p in fence.polygons] if fence else []
    for circle in fence.circles if fence else ():
        x, y = frame.to_xy([circle.centre])[0]
        zones.append((circle.inclusion, frame.to_geographic(shapely.Point(x, y).buffer(circle.radius_m))))
    return PlanPicture(
        title=first.name,
        lines=tuple(
            FlownLine(
                name=Message("sortie {number}", number=n) if len(plans) > 1 else Message("flown line"),
                runs=_runs(plan),
            )
            for n, plan in enumerate(plans, start=1)
        ),
        area=first.survey.area if first.survey else None,
        unseen=first.survey.unseen if first.survey else None,
        inclusions=tuple(shape for inside, shape in zones if inside),
        keepouts=tuple(shape for inside, shape in zones if not inside),
        home=first.home,
        rally=tuple((r.position, r.name) for r in first.rally or ()),
        last_seen=first.last_seen,
        visits=tuple(
            dict.fromkeys(
                i.position
                for p in plans
                for i in p.items
                if i.role is ItemRole.VISIT and i.position is not None
            )
        ),
        figures=tuple(figures),
        notes=tuple(dict.fromkeys(note for plan in plans for note in plan.notes)),
        provenance=first.provenance,
    )


def _ring(positions: Iterable[LatLon]) -> Any:
    return shapely.Polygon([(p.lon_deg, p.lat_deg) for p in positions])


def _runs(plan: FlightPlan) -> tuple[tuple[tuple[LatLon, ...], bool], ...]:
    """A plan's legs, joined where they follow one another for the same purpose."""
    working = (ItemRole.SWEEP, ItemRole.VISIT)
    flown = [leg for leg in legs(plan) if leg.start != leg.end]
    transit = [leg.role not in working for leg in flown]
    gaps = np.cumsum([0, *(b.start != a.end for a, b in pairwise(flown))]).tolist()
    runs = []
    for (_gap, is_transit), run in groupby(
        zip(flown, transit, gaps, strict=True), key=lambda entry: (entry[2], entry[1])
    ):
        chain = [entry[0] for entry in run]
        runs.append(((chain[0].start, *(leg.end for leg in chain)), is_transit))
    return tuple(runs)


def picture_of_features(
    features: Sequence[dict[str, Any]],
    *,
    title: str,
    area: Any,
    keepouts: Sequence[Any] = (),
    fence: Any | None = None,
    unseen: Any | None = None,
    home: LatLon | None = None,
    figures: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
    provenance: Provenance | None = None,
) -> PlanPicture:
    """The picture of a ``plan.geojson``: its features with ``role: path`` and ``role: transit``.

    Args:
        features: GeoJSON features; LineStrings in lon/lat, ``sortie`` and ``drone`` in their properties.
        title: headline.
        area: geographic (Multi)Polygon that is covered.
        keepouts: geographic polygons.
        fence: geographic polygon to stay in, or None for the area itself.
        unseen: geographic polygon that the path does not see, or None.
        home: where the path begins and ends, or None for anywhere.
        figures: labels and values.
        notes: what the reader must know.
        provenance: of the area file.
    """
    by_role: dict[str, list[dict[str, Any]]] = {"path": [], "transit": []}
    for feature in features:
        by_role.get(feature["properties"].get("role", ""), []).append(feature)
    ways = {step for f in by_role["transit"] for step in pairwise(map(tuple, f["geometry"]["coordinates"]))}
    drones = {f["properties"].get("drone", 1) for f in by_role["path"]}
    lines: list[FlownLine] = []
    for feature in by_role["path"]:
        about = feature["properties"]
        name = Message("sortie {number}", number=about.get("sortie", len(lines) + 1))
        if len(drones) > 1:
            name = Message("drone {drone}, {sortie}", drone=about["drone"], sortie=name)
        coordinates = [(float(c[0]), float(c[1])) for c in feature["geometry"]["coordinates"]]
        lines.append(FlownLine(name=name if len(by_role["path"]) > 1 else Message("flown line"),
                               runs=_split(coordinates, ways)))  # fmt: skip
    holes = [shapely.Polygon(ring) for p in _polygons(area) for ring in p.interiors]
    return PlanPicture(
        title=title,
        lines=tuple(lines),
        area=area,
        unseen=unseen,
        inclusions=() if fence is None else (fence,),
        keepouts=(*keepouts, *holes),
        home=home,
        figures=tuple(figures),
        notes=tuple(notes),
        provenance=provenance or Provenance(),
    )


def _split(
    coordinates: list[tuple[float, float]], ways: set[tuple[Any, ...]]
) -> tuple[tuple[tuple[LatLon, ...], bool], ...]:
    """A path in runs, each wholly transit or not."""
    places = [LatLon(lat_deg=lat, lon_deg=lon) for lon, lat in coordinates]
    steps = [(k, step in ways) for k, step in enumerate(pairwise(coordinates))]
    runs = []
    for is_transit, run in groupby(steps, key=lambda step: step[1]):
        numbers = [k for k, _step in run]
        runs.append((tuple(places[numbers[0] : numbers[-1] + 2]), is_transit))
    return tuple(runs)


def _polygons(geometry: Any) -> list[Any]:
    parts = [p for g in shapely.get_parts(geometry) for p in shapely.get_parts(g)]
    return [p for p in parts if p.geom_type == "Polygon" and not p.is_empty]
