"""Shapes and lines that a case file draws or names, in WGS84; problems go to the ledger with their place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.datums import MapDatum
from airbeat.geo.polygons import Outline, RingError, assemble
from airbeat.language.words import Message
from airbeat.mission.areafile import Feature, read_features
from airbeat.mission.case import RegionSource, WeightedShape
from airbeat.mission.caseschema import LineSection, LinesSection, RegionsSection, ShapeSection
from airbeat.mission.resolve import Ledger
from airbeat.mission.yamltree import KeyPath

__all__ = ["Sources", "resolve_ground", "resolve_lines", "resolve_regions"]


@dataclass(slots=True)
class Sources:
    """Where a case's files are looked up, and which of them were read.

    Attributes:
        base_dir: folder of the case file.
        ledger: takes problems and notes.
        inputs: SHA-256 of the files read, by the name that the case gives them.
        stored: where copies of them lie, by that name; others are looked up beside the case.
    """

    base_dir: Path
    ledger: Ledger
    inputs: dict[str, str] = field(default_factory=dict)
    stored: Mapping[str, Path] = field(default_factory=dict)

    def path(self, text: str, at: KeyPath) -> Path | None:
        """The path of a file beside the case; None after reporting that it is none."""
        if "://" in text or not text.isprintable():
            self.ledger.add(
                at,
                Message("must be a file's path (got {text!r})", text=text[:60]),
                "save the file beside the case",
            )
            return None
        return self.stored.get(text, self.base_dir / text)

    def features(self, text: str, at: KeyPath, datum: MapDatum) -> tuple[Feature, ...]:
        """Polygons and lines of an area file; none after reporting what is wrong."""
        path = self.path(text, at)
        if path is None:
            return ()
        try:
            features, digest = read_features(path, datum=datum)
        except GeometryError as error:
            self.refuse(at, error)
            return ()
        self.inputs[text] = digest
        if datum is not MapDatum.WGS84:
            self.ledger.notes.append(
                Message(
                    "{name} was read as {label} and converted; where it is WGS84 say datum: wgs84",
                    name=path.name,
                    label=datum.label,
                )
            )
        self.ledger.vertices += sum(
            len(f.line) + sum(len(o.shell) + sum(map(len, o.holes)) for o in f.outlines) for f in features
        )
        return features

    def refuse(self, at: KeyPath, error: GeometryError) -> None:
        """Report an error in a file, or in a shape, at the key that names it."""
        self.ledger.refuse(at, error)

    def shape(self, outlines: list[Outline], at: KeyPath) -> Any | None:
        """A valid geographic (Multi)Polygon of outlines; None after reporting why there is none."""
        try:
            made = assemble(outlines)
        except (RingError, GeometryError) as error:
            self.refuse(at, error)
            return None
        self.ledger.notes += [f"{at[0]}: {note}" for note in made.notes]
        return made.geometry


def resolve_ground(section: ShapeSection, at: KeyPath, sources: Sources) -> Any | None:
    """The (Multi)Polygon of a section, geographic; None after reporting why there is none."""
    ledger = sources.ledger
    datum = ledger.datum_of(section.datum)
    if section.file is not None:
        before = len(ledger.problems)
        outlines = [o for f in sources.features(section.file, (*at, "file"), datum) for o in f.outlines]
        if not outlines and len(ledger.problems) == before:
            ledger.add(
                (*at, "file"),
                Message("{file} holds no polygon", file=section.file),
                "draw it as a closed polygon",
            )
        return sources.shape(outlines, (*at, "file")) if outlines else None
    if section.outline is not None:
        drawn = [(section.outline, section.holes)]
    else:
        drawn = [(p.outline, p.holes) for p in section.polygons or ()]
    ledger.vertices += sum(len(shell) + sum(map(len, holes)) for shell, holes in drawn)
    return sources.shape(
        [
            Outline(shell=ledger.wgs84(shell, datum), holes=tuple(ledger.wgs84(h, datum) for h in holes))
            for shell, holes in drawn
        ],
        (*at, "outline" if section.outline is not None else "polygons"),
    )


def resolve_regions(section: RegionsSection, sources: Sources) -> RegionSource | None:
    """The coordinator's regions; None after reporting what is wrong."""
    ledger = sources.ledger
    before = len(ledger.problems)
    shapes: list[WeightedShape] = []
    if section.file is not None:
        at: KeyPath = ("regions", "file")
        for number, feature in enumerate(sources.features(section.file, at, ledger.datum), start=1):
            shape = _region_of(feature, number, at, sources) if feature.outlines else None
            shapes += [] if shape is None else [shape]
        if not shapes and len(ledger.problems) == before:
            ledger.add(
                at,
                Message("{file} holds no polygon", file=section.file),
                "draw each region as a closed polygon",
            )
    else:
        at = ("regions", "areas")
        for number, area in enumerate(section.areas or ()):
            geometry = resolve_ground(area, (*at, number), sources)
            if geometry is not None:
                name = area.name or f"region {number + 1}"
                shapes.append(WeightedShape(name=name, weight=area.weight, geometry=geometry))
    return _weighted(section.weight, shapes, at, ledger, before)


def _region_of(feature: Feature, number: int, at: KeyPath, sources: Sources) -> WeightedShape | None:
    name = str(feature.properties.get("name") or f"region {number}")[:200]
    weight = _weight(feature.properties.get("weight"))
    if weight is None:
        sources.ledger.add(
            at,
            Message(
                "feature {number} ({name}) has no weight of 0 or more (got {weight!r})",
                number=number,
                name=name[:40],
                weight=str(feature.properties.get("weight"))[:40],
            ),
            "give every region a property weight",
        )
        return None
    geometry = sources.shape(list(feature.outlines), at)
    if geometry is None:
        return None
    return WeightedShape(name=name if name.isprintable() else ascii(name), weight=weight, geometry=geometry)


def _weight(value: Any) -> float | None:
    try:
        weight = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    usable = not isinstance(value, bool) and math.isfinite(weight) and weight >= 0
    return weight if usable else None


def resolve_lines(section: LinesSection, sources: Sources) -> RegionSource | None:
    """Linear features; None after reporting what is wrong."""
    ledger = sources.ledger
    before = len(ledger.problems)
    shapes: list[WeightedShape] = []
    for number, part in enumerate(section.features):
        lines = _lines_of(part, ("lines", "features", number), sources)
        if lines:
            geometry = shapely.MultiLineString([[(p.lon_deg, p.lat_deg) for p in line] for line in lines])
            shapes.append(
                WeightedShape(
                    name=part.name or part.file or f"line {number + 1}",
                    weight=part.weight,
                    geometry=geometry,
                    buffer_m=part.buffer_m,
                )
            )
    return _weighted(section.weight, shapes, ("lines", "features"), ledger, before)


def _lines_of(part: LineSection, at: KeyPath, sources: Sources) -> list[tuple[LatLon, ...]]:
    """Lines of at least two places; the rings of polygons (edges of woods, banks) count as lines."""
    ledger = sources.ledger
    datum = ledger.datum_of(part.datum)
    before = len(ledger.problems)
    if part.line is not None:
        ledger.vertices += len(part.line)
        found, key = [ledger.wgs84(part.line, datum)], "line"
    else:
        key = "file"
        features = sources.features(part.file or "", (*at, key), datum)
        found = [f.line for f in features if f.line]
        found += [ring for f in features for o in f.outlines for ring in (o.shell, *o.holes)]
    usable = [line for line in found if len(set(line)) > 1]
    if not usable and len(ledger.problems) == before:
        ledger.add((*at, key), "holds no line of two different places", "draw roads and streams as lines")
    return usable


def _weighted(
    weight: float, shapes: list[WeightedShape], at: KeyPath, ledger: Ledger, problems_before: int
) -> RegionSource | None:
    if len(ledger.problems) > problems_before:
        return None
    if not sum(s.weight for s in shapes) > 0:
        ledger.add(at, "the weights sum to nothing", "give at least one a weight above 0")
        return None
    return RegionSource(weight=weight, shapes=tuple(shapes))
