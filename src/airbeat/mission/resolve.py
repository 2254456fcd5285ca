"""Blocks of the mission file to what they mean: profiles looked up, coordinates in WGS84, shapes assembled.

Every function takes the block and its path in the file, reports what is wrong to the :class:`Ledger`, and
gives None where the block cannot be used, so that one bad block does not hide the next one's problems.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from airbeat.errors import GeometryError, InputFileError, PlanningError, Problem
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.datums import MapDatum, in_china_box, to_wgs84
from airbeat.geo.frame import distance_m
from airbeat.geo.polygons import Outline, RingError, Shape, assemble, check_simple_ring
from airbeat.language.words import Message
from airbeat.mission.areafile import free_area, read_area_file
from airbeat.mission.mission import Wind
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, RallyPoint
from airbeat.mission.schema import (
    MAX_VERTICES,
    AirframeSection,
    AreaSection,
    CameraSection,
    FenceSection,
    HeightSection,
    PlaceSection,
    PointSection,
    RallySection,
    WindSection,
    ZoneSection,
)
from airbeat.mission.wording import key_hint
from airbeat.mission.yamltree import KeyPath, YamlTree
from airbeat.vehicle.airframe import AIRFRAMES, Airframe
from airbeat.vehicle.camera import CAMERAS, Camera

__all__ = [
    "Ledger",
    "ResolvedArea",
    "check_vertices",
    "resolve_airframe",
    "resolve_area",
    "resolve_camera",
    "resolve_fence",
    "resolve_height",
    "resolve_place",
    "resolve_rally",
    "resolve_wind",
]

Profile = TypeVar("Profile", Camera, Airframe)


@dataclass(slots=True)
class Ledger:
    """Collects problems and notes, and remembers how far datum conversions moved things."""

    tree: YamlTree
    datum: MapDatum = MapDatum.WGS84
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    vertices: int = 0
    zone_paths: dict[FencePolygon | FenceCircle, KeyPath] = field(default_factory=dict)
    _moved_m: dict[MapDatum, float] = field(default_factory=dict)
    _unmoved: set[MapDatum] = field(default_factory=set)

    def add(self, path: KeyPath, message: str, remedy: str = "") -> None:
        """Report a problem at a path of the file."""
        self.problems.append(self.tree.problem(path, message, remedy))

    def refuse(self, path: KeyPath, error: InputFileError) -> None:
        """Report what is wrong in another file, or in a shape, at the path that names it."""
        told = Message(error.message)
        if error.where:
            told = Message("{where}: {told}", where=error.where, told=told)
        self.add(path, told, error.remedy)

    def datum_of(self, stated: str | None) -> MapDatum:
        """A block's own datum, or the file's."""
        return self.datum if stated is None else MapDatum(stated)

    def wgs84(self, points: Sequence[PointSection], datum: MapDatum) -> tuple[LatLon, ...]:
        """Points of the file in WGS84."""
        drawn = [LatLon(lat_deg=p.lat, lon_deg=p.lon) for p in points]
        moved = to_wgs84(drawn, datum)
        self.record_move(drawn[:1], moved[:1], datum)
        return tuple(moved)

    def record_move(self, drawn: Sequence[LatLon], moved: Sequence[LatLon], datum: MapDatum) -> None:
        """Remember that a conversion was made, for the note about it."""
        if datum is MapDatum.WGS84:
            return
        for a, b in zip(drawn, moved, strict=True):
            if in_china_box(b):
                self._moved_m[datum] = max(self._moved_m.get(datum, 0.0), distance_m(a, b))
            else:
                self._unmoved.add(datum)

    def datum_notes(self) -> list[str]:
        """What every output must say about datum conversions."""
        notes: list[str] = [
            Message(
                "coordinates converted from {datum} to WGS84 (moved by about {moved_m:.0f} m)",
                datum=datum.label,
                moved_m=moved_m,
            )
            for datum, moved_m in sorted(self._moved_m.items())
        ]
        notes += [
            Message(
                "coordinates outside China were taken as WGS84: {datum} has no offset there",
                datum=datum.label,
            )
            for datum in sorted(self._unmoved)
        ]
        return notes


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedArea:
    """The area in WGS84, with the keep-outs that came with an area file."""

    geometry: Any
    keepouts: tuple[Any, ...] = ()


def resolve_place(section: PlaceSection, ledger: Ledger) -> LatLon:
    """A place in WGS84."""
    return ledger.wgs84([section], ledger.datum_of(section.datum))[0]


def resolve_rally(sections: Sequence[RallySection], ledger: Ledger) -> tuple[RallyPoint, ...]:
    """Rally points in WGS84."""
    return tuple(
        RallyPoint(
            position=resolve_place(s, ledger),
            altitude=Altitude(value_m=s.height_m, datum=AltitudeDatum.HOME),
            name=s.name,
        )
        for s in sections
    )


def resolve_fence(section: FenceSection, ledger: Ledger) -> Fence | None:
    """The fence in WGS84; polygons that cross themselves are refused, never repaired."""
    before = len(ledger.problems)
    datum = ledger.datum_of(section.datum)
    polygons: list[FencePolygon] = []
    circles: list[FenceCircle] = []
    groups: list[tuple[str, list[ZoneSection]]] = [
        ("inclusion", section.inclusion),
        ("exclusion", section.exclusion),
    ]
    for key, zones in groups:
        for number, zone in enumerate(zones):
            path: KeyPath = ("fence", key, number)
            inclusion = key == "inclusion"
            if zone.circle is not None:
                centre = ledger.wgs84([zone.circle], datum)[0]
                circle = FenceCircle(
                    inclusion=inclusion, centre=centre, radius_m=zone.circle.radius_m, name=zone.name
                )
                circles.append(circle)
                ledger.zone_paths[circle] = (*path, "circle")
            elif zone.polygon is not None:
                ring = _simple(zone.polygon, (*path, "polygon"), datum, ledger)
                polygon = FencePolygon(inclusion=inclusion, vertices=ring, name=zone.name)
                polygons.append(polygon)
                ledger.zone_paths[polygon] = (*path, "polygon")
    if len(ledger.problems) > before:
        return None
    return Fence(polygons=tuple(polygons), circles=tuple(circles), max_height_m=section.max_height_m)


def _simple(
    points: Sequence[PointSection], path: KeyPath, datum: MapDatum, ledger: Ledger
) -> tuple[LatLon, ...]:
    ledger.vertices += len(points)
    try:
        return check_simple_ring(ledger.wgs84(points, datum))
    except GeometryError as error:
        ledger.add(path, error.message, error.remedy)
        return ()


def resolve_area(section: AreaSection, base_dir: Path, ledger: Ledger) -> ResolvedArea | None:
    """The area in WGS84, from the mission file or from the area file that it names."""
    datum = ledger.datum_of(section.datum)
    if section.file is not None:
        return _area_from_file(section.file, base_dir, datum, ledger)
    if section.outline is not None:
        drawn = [(section.outline, section.holes, _short_or_long(ledger, "outline"))]
    else:
        drawn = [
            (p.outline, p.holes, (*_short_or_long(ledger, "polygons"), n))
            for n, p in enumerate(section.polygons or ())
        ]
    ledger.vertices += sum(len(shell) + sum(map(len, holes)) for shell, holes, _ in drawn)
    if ledger.vertices > MAX_VERTICES:
        return None
    try:
        shape: Shape = assemble(
            [
                Outline(shell=ledger.wgs84(shell, datum), holes=tuple(ledger.wgs84(h, datum) for h in holes))
                for shell, holes, _ in drawn
            ]
        )
    except RingError as error:
        path = drawn[error.polygon][2]
        if error.hole is not None:
            path = (*(("area",) if path == ("area", "outline") else path), "holes", error.hole)
        ledger.add(path, error.message, error.remedy)
        return None
    except GeometryError as error:
        ledger.add(("area",), error.message, error.remedy)
        return None
    ledger.notes += [f"area: {note}" for note in shape.notes]
    return ResolvedArea(geometry=shape.geometry)


def _short_or_long(ledger: Ledger, key: str) -> KeyPath:
    """The path of the area's content: under its key, or right under ``area`` in the short form."""
    return ("area", key) if ("area", key) in ledger.tree.places else ("area",)


def _area_from_file(text: str, base_dir: Path, datum: MapDatum, ledger: Ledger) -> ResolvedArea | None:
    path = ("area", "file") if ("area", "file") in ledger.tree.places else ("area",)
    if "://" in text or not text.isprintable():
        ledger.add(
            path,
            Message("must be a file's path (got {text!r})", text=text[:60]),
            "save the file beside the mission",
        )
        return None
    try:
        read = read_area_file(base_dir / text, datum=datum)
        geometry = free_area(read.area, read.keepouts)
    except GeometryError as error:
        ledger.refuse(path, error)
        return None
    ledger.vertices += read.vertices
    if datum is not MapDatum.WGS84:
        if read.moved is not None:
            ledger.record_move([read.moved[0]], [read.moved[1]], datum)
        ledger.notes.append(
            Message(
                "area file {source_name} was read as {label}; where it is WGS84 write area: {{file: "
                "{text}, datum: wgs84}}",
                source_name=read.source_name,
                label=datum.label,
                text=text,
            )
        )
    ledger.notes.append(
        Message(
            "area read from {source_name} (SHA-256 {source_sha256})",
            source_name=read.source_name,
            source_sha256=read.source_sha256[:16],
        )
    )
    ledger.notes += list(read.notes)
    return ResolvedArea(geometry=geometry, keepouts=read.keepouts)


def check_vertices(ledger: Ledger) -> None:
    """Report a mission with more vertices than any planner should be given."""
    if ledger.vertices > MAX_VERTICES:
        ledger.add(
            (),
            Message(
                "{vertices} vertices in all (at most {max_vertices})",
                vertices=ledger.vertices,
                max_vertices=MAX_VERTICES,
            ),
            "simplify to a few metres",
        )


def resolve_camera(section: CameraSection, ledger: Ledger, *, path: KeyPath = ("camera",)) -> Camera | None:
    """The camera: a profile, a profile with values replaced, or all values inline."""
    return _profile(path, section, CAMERAS, Camera, ledger)


def resolve_airframe(
    section: AirframeSection, ledger: Ledger, *, path: KeyPath = ("airframe",)
) -> Airframe | None:
    """The airframe: a profile, a profile with values replaced, or all values inline."""
    return _profile(path, section, AIRFRAMES, Airframe, ledger)


def _profile(
    block: KeyPath,
    section: CameraSection | AirframeSection,
    profiles: Mapping[str, Profile],
    kind: type[Profile],
    ledger: Ledger,
) -> Profile | None:
    given = section.model_dump(exclude_none=True, exclude={"profile"})
    if section.profile is not None:
        base = profiles.get(section.profile)
        if base is None:
            path = (*block, "profile") if (*block, "profile") in ledger.tree.places else block
            close = key_hint(section.profile, profiles)
            names = f"profiles: {', '.join(sorted(profiles))}"
            hint = f"{close} {names}" if close.startswith("did") else names
            ledger.add(path, Message("no such profile (got {profile!r})", profile=section.profile), hint)
            return None
        if not given:
            return base
        name = given.pop("name", f"{base.name} (adapted)")
        return dataclasses.replace(base, name=name, **given)
    given.setdefault("name", f"{block[-1]} of this mission")
    required = [
        f.name
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    missing = [name for name in required if name not in given]
    if missing:
        ledger.add(
            block,
            Message("is incomplete: {keys} missing", keys=", ".join(missing)),
            Message(
                "give a profile's name or all values; profiles: {profiles}",
                profiles=", ".join(sorted(profiles)),
            ),
        )
        return None
    return kind(**given)


def resolve_height(
    section: HeightSection,
    camera: Camera | None,
    path: KeyPath,
    ledger: Ledger,
    *,
    pitch_deg: float = -90.0,
    tolerance_m: float | None = None,
) -> Altitude | None:
    """The flight height, stated or from the GSD.

    Without a height model flat ground at home's height is assumed. With one, ``tolerance_m`` is how far
    heights above ground may differ from it [m], and a GSD gives a height above ground. Of a tilted camera's
    photograph the coarsest GSD counts; of one that looks over the horizon, which is refused elsewhere, that
    of a camera looking straight down.
    """
    if section.value_m is not None and section.datum is not None:
        return Altitude(value_m=section.value_m, datum=AltitudeDatum(section.datum))
    if section.gsd_cm_px is None or camera is None:
        return None
    datum = AltitudeDatum(section.datum or ("home" if tolerance_m is None else "agl"))
    try:
        fits_m = camera.height_for_gsd_m(section.gsd_cm_px / 100.0, pitch_deg=pitch_deg)
    except PlanningError:
        fits_m = camera.height_for_gsd_m(section.gsd_cm_px / 100.0)
    if tolerance_m is not None and datum is AltitudeDatum.AGL:
        fits_m = max(fits_m - tolerance_m, fits_m / 2)
    height_m = math.floor(fits_m * 10.0 + 1e-6) / 10.0
    if path == ("height",):
        flat = datum is AltitudeDatum.HOME and tolerance_m is None
        assumed = Message(", flat ground at home's height assumed") if flat else ""
        ledger.notes.append(
            Message(
                "height {height_m:g} m {datum} follows from the GSD of {gsd_cm_px:g} cm{assumed}",
                height_m=height_m,
                datum=datum.value,
                gsd_cm_px=section.gsd_cm_px,
                assumed=assumed,
            )
        )
    return Altitude(value_m=height_m, datum=datum)


def resolve_wind(section: WindSection) -> Wind:
    """The wind to plan for."""
    return Wind(from_deg=section.from_deg, speed_m_s=section.speed_m_s, nose_into_wind=section.nose == "wind")
