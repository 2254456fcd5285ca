"""From a case to what a search reckons with: grid, probability map, visibility, detection curve, segments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import GeometryError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import N_, Message
from airbeat.mission.case import Case, Cover, RasterSource, RegionSource, WeightedShape
from airbeat.search.detection import DetectionCurve, johnson_curve, measured_curve
from airbeat.search.grid import MAX_CELLS, ProbabilityMap, SearchGrid
from airbeat.search.layers import Layer, combined, raster_layer, region_layer
from airbeat.search.relief import SLOPE_RULE, ground_of, slope_deg, slope_factor
from airbeat.search.rings import ring_distances_m, ring_layer
from airbeat.search.segments import blocks

__all__ = ["UNNAMED_SEGMENT", "SearchModel", "build_model"]

UNNAMED_SEGMENT = N_("rest of the map")
"""Name of what is left of the map where segments were drawn."""

Array = npt.NDArray[np.float64]

_MOST_BUFFERED_KM = 2000.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchModel:
    """What a case means on its grid; arrays (rows, columns), row 0 in the south.

    Attributes:
        first: the probability map before any search.
        layers: what it was made of: (name, weight, share of the layer that lies on the map).
        visible: canopy × slope factor of each cell, 0…1.
        ground_m: height of the ground at each cell's middle above the height model's sea level [m], NaN where
            it has none; None without a model.
        slope_deg: how steep each cell is by the model [degrees], NaN where unknown; None without one.
        curve: how surely a person of so many pixels is found.
        segments: name and share of each cell inside, 0…1.
        notes: what was assumed, and what the reader must know.
    """

    first: ProbabilityMap
    layers: tuple[tuple[str, float, float], ...]
    visible: Array
    curve: DetectionCurve
    segments: tuple[tuple[str, Array], ...]
    notes: tuple[str, ...]
    ground_m: Array | None = None
    slope_deg: Array | None = None

    @property
    def grid(self) -> SearchGrid:
        """The cells."""
        return self.first.grid


def build_model(case: Case) -> SearchModel:
    """The model of a case.

    Raises:
        GeometryError: the map has too many cells, what the case says leaves no map, or its height model does
            not cover it; with the place in the file.
        InputFileError: the detection curve is wrong.
    """
    grid = _grid(case)
    ground_m, said = ground_of(case, grid)
    steep = None if case.terrain is None else slope_deg(grid, case.terrain)
    layers = _layers(case, grid)
    try:
        first = combined(grid, layers, rest=case.rest_of_world)
    except GeometryError as error:
        raise GeometryError(error.message, where=case.where("map"), remedy=error.remedy) from error
    curve = johnson_curve(case.task)
    if case.curve is not None:
        curve = measured_curve(case.curve, name=case.curve_name)
    notes = [*said, *case.notes]
    if not layers:
        notes.append(
            Message("the case names no category, regions, lines or grids: every cell is as likely as another")
        )
    notes += [
        Message(
            "{layer}: {beyond:.0%} of it lies beyond the map", layer=layer.name, beyond=1 - layer.poa.sum()
        )
        for layer in layers
        if layer.poa.sum() < 0.995
    ]
    notes.append(
        Message(
            "rest of the world {rest:.1%}, stated"
            if case.rest_of_world is not None
            else "rest of the world {rest:.1%}, derived",
            rest=first.rest,
        )
    )
    if steep is not None and _slope_is_open(case):
        notes.append(SLOPE_RULE)
    return SearchModel(
        first=first,
        layers=tuple((layer.name, layer.weight, float(layer.poa.sum())) for layer in layers),
        visible=_visible(case, grid, steep),
        curve=curve,
        segments=_segments(case, grid),
        notes=tuple(notes),
        ground_m=ground_m,
        slope_deg=steep,
    )


def _grid(case: Case) -> SearchGrid:
    cell_m, reach_m = case.extent.cell_m, case.extent.reach_m
    if reach_m is not None:
        frame = LocalFrame(case.missing.last_known)
        bounds = (-reach_m, -reach_m, reach_m, reach_m)
    else:
        frame, bounds = _rectangle(case)
    x0, y0, x1, y1 = bounds
    columns = max(1, math.ceil((x1 - x0) / cell_m - 0.01))
    rows = max(1, math.ceil((y1 - y0) / cell_m - 0.01))
    if not rows * columns <= MAX_CELLS:
        finest = math.ceil(math.sqrt((x1 - x0) * (y1 - y0) / MAX_CELLS))
        raise GeometryError(
            Message(
                "{cell_m:g} m makes {rows} × {columns} cells (at most {max_cells} in all)",
                cell_m=cell_m,
                rows=rows,
                columns=columns,
                max_cells=MAX_CELLS,
            ),
            where=case.where("map.cell_m"),
            remedy=Message("write cell_m: {finest} or more, or a smaller map", finest=finest),
        )
    return SearchGrid(
        frame=frame,
        west_m=(x0 + x1) / 2 - columns * cell_m / 2,
        south_m=(y0 + y1) / 2 - rows * cell_m / 2,
        cell_m=cell_m,
        rows=rows,
        columns=columns,
    )


def _rectangle(case: Case) -> tuple[LocalFrame, tuple[float, float, float, float]]:
    """A frame in the middle of a rectangle of degrees, and the box round it in that frame [m]."""
    e = case.extent
    span = (e.east_deg - e.west_deg) % 360.0
    middle = LatLon(
        lat_deg=(e.south_deg + e.north_deg) / 2,
        lon_deg=(e.west_deg + span / 2 + 180.0) % 360.0 - 180.0,
    )
    frame = LocalFrame(middle)
    share = np.linspace(0.0, 1.0, 21)
    lon = np.mod(e.west_deg + share * span + 180.0, 360.0) - 180.0
    lat = e.south_deg + share * (e.north_deg - e.south_deg)
    edge = [LatLon(lat_deg=float(y), lon_deg=float(x)) for x in lon for y in (lat[0], lat[-1])]
    edge += [LatLon(lat_deg=float(y), lon_deg=float(x)) for x in (lon[0], lon[-1]) for y in lat]
    xy = frame.to_xy(edge)
    (x0, y0), (x1, y1) = xy.min(axis=0).tolist(), xy.max(axis=0).tolist()
    return frame, (x0, y0, x1, y1)


def _layers(case: Case, grid: SearchGrid) -> list[Layer]:
    layers = []
    missing = case.missing
    if missing.category is not None and missing.weight > 0:
        x, y = grid.frame.to_xy([missing.last_known])[0]
        distances = ring_distances_m(missing.category, missing.terrain)
        name = f"rings of {missing.category.value}, {missing.terrain.value}"
        poa = ring_layer(grid, (float(x), float(y)), distances)
        layers.append(Layer(name=name, weight=missing.weight, poa=poa))
    for key, name, source in (
        ("regions.areas", "regions", case.regions),
        ("lines.features", "linear features", case.lines),
    ):
        if source is not None and source.weight > 0:
            poa = _shapes(case, key, source, grid)
            layers.append(Layer(name=name, weight=source.weight, poa=poa))
    for n, raster in enumerate(case.rasters, start=1):
        if raster.weight > 0:
            layers.append(Layer(name=raster.name, weight=raster.weight, poa=_raster(case, n, raster, grid)))
    return layers


def _local(shape: WeightedShape, grid: SearchGrid) -> Any:
    geometry = shapely.make_valid(grid.frame.to_local(shape.geometry))
    return geometry.buffer(shape.buffer_m) if shape.buffer_m > 0 else geometry


def _shapes(case: Case, key: str, source: RegionSource, grid: SearchGrid) -> Array:
    regions = []
    for n, shape in enumerate(source.shapes, start=1):
        local = grid.frame.to_local(shape.geometry)
        if not np.isfinite(shapely.get_coordinates(local)).all() or local.length > _MOST_BUFFERED_KM * 1000:
            raise GeometryError(
                Message(
                    "{shape} is longer than {most_buffered_km:.0f} km",
                    shape=shape.name,
                    most_buffered_km=_MOST_BUFFERED_KM,
                ),
                where=case.where(f"{key}[{n}]"),
                remedy="cut it to the map",
            )
        regions.append((_local(shape, grid), shape.weight))
    try:
        return region_layer(grid, regions)
    except GeometryError as error:
        raise GeometryError(error.message, where=case.where(key), remedy=error.remedy) from error


def _raster(case: Case, number: int, source: RasterSource, grid: SearchGrid) -> Array:
    def density(xy: Array) -> Array:
        places = shapely.get_coordinates(grid.frame.to_geographic(shapely.MultiPoint(xy)))
        return source.raster.at(places[:, 0], places[:, 1])

    try:
        return raster_layer(grid, density)
    except GeometryError as error:
        where = case.where(f"grids[{number}].file")
        raise GeometryError(error.message, where=f"{where}: {source.name}", remedy=error.remedy) from error


def _slope_is_open(case: Case) -> bool:
    """Whether the slope factor of any ground is left to the height model."""
    elsewhere = any(cover.geometry is None for cover in case.covers)
    return not elsewhere or any(cover.slope is None for cover in case.covers)


def _visible(case: Case, grid: SearchGrid, steep: Array | None) -> Array:
    """Canopy × slope of each cell; where covers overlap the one that hides more counts.

    A slope factor that the case states counts; one that it does not state follows from how steep the ground
    is by the height model [degrees], and is 1 without one.
    """
    by_model = np.ones(grid.shape) if steep is None else slope_factor(steep)

    def factor_of(cover: Cover) -> Array:
        return cover.canopy * (by_model if cover.slope is None else np.full(grid.shape, cover.slope))

    visible = by_model.copy()
    named = [c for c in case.covers if c.geometry is not None]
    for cover in case.covers:
        if cover.geometry is None:
            visible[:] = factor_of(cover)
    everywhere = visible.copy()
    covered = np.zeros(grid.shape)
    hidden = np.full(grid.shape, np.inf)
    for cover in named:
        share = grid.shares(shapely.make_valid(grid.frame.to_local(cover.geometry)))
        factor = share * factor_of(cover) + (1 - share) * everywhere
        hidden = np.where(share > 0, np.minimum(hidden, factor), hidden)
        covered = np.maximum(covered, share)
    return np.where(covered > 0, hidden, visible)


def _segments(case: Case, grid: SearchGrid) -> tuple[tuple[str, Array], ...]:
    """The case's segments, else its regions, and what is left of the map; else nine blocks."""
    shapes = case.segments or (case.regions.shapes if case.regions else ())
    if not shapes:
        return tuple(blocks(grid))
    found: list[tuple[str, Array]] = []
    left = np.ones(grid.shape)
    for shape in shapes:
        share = np.minimum(grid.shares(_local(shape, grid)), left)
        left = left - share
        found.append((shape.name, share))
    if left.sum() * grid.cell_area_m2 > 1.0:
        found.append((UNNAMED_SEGMENT, left))
    return tuple(found)
