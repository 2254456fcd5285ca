"""The embedded ground: a seeded hillside with relief, vegetation, objects and people on it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import PlanningError
from airbeat.frames.opencv import opencv
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.terrain import Terrain
from airbeat.language.words import Message
from airbeat.sim.ground_fields import GroundFields
from airbeat.sim.ground_model import ModelHeights
from airbeat.sim.ground_objects import make_clutter
from airbeat.sim.ground_parts import Capsule, Crown, Thing
from airbeat.sim.ground_texture import TEXEL_M, TILE_M, GroundTexture
from airbeat.sim.people import BRIGHT_CLOTHES, EARTH_CLOTHES, Person, person_parts

__all__ = ["CELL_M", "TRUTH_SCHEMA", "Ground"]

CELL_M = TILE_M
"""Things are kept by cells of this size [m]."""

TRUTH_SCHEMA = "airbeat-truth/1"

_PEOPLE_APART_M = 11.0
_LEAST_VISIBLE = 0.65
_TRIES_BESIDE_A_TREE = 120
_CROWN_SPRITES = 12


class Ground:
    """A hillside that is the same for the same seed, wherever and in whatever order it is looked at.

    Args:
        seed: everything random follows from it.
        frame: the local frame in which the ground lives.
        area: geographic polygon (lon, lat degrees) in which people are planted.
        home: take-off place; the ground's height is zero there.
        home_amsl_m: height of home above mean sea level [m].
        persons: how many to plant; a third lie, half wear earth colours.
        relief_m: typical difference between the highest and the lowest of 12 hectares of ground [m].
        terrain: height model that gives the ground its shape, under the relief; None for level ground.
        cache_tiles: texture tiles kept in memory, 1.9 MB each.

    Raises:
        PlanningError: the area is too small or too overgrown for so many people.
    """

    def __init__(
        self,
        *,
        seed: int,
        frame: LocalFrame,
        area: Any,
        home: LatLon,
        home_amsl_m: float = 420.0,
        persons: int = 24,
        relief_m: float = 7.0,
        terrain: Terrain | None = None,
        cache_tiles: int = 80,
    ) -> None:
        self.seed = seed
        self.frame = frame
        self.home = home
        self.home_amsl_m = home_amsl_m
        self.area = area
        home_x, home_y = frame.to_xy([home])[0]
        self.fields = GroundFields(
            seed,
            relief_m=relief_m,
            home_xy=(float(home_x), float(home_y)),
            under=ModelHeights(terrain, frame=frame, area=area, home=home) if terrain is not None else None,
        )
        rng = np.random.default_rng([seed, 1])
        azimuth, elevation = math.radians(rng.uniform(115, 245)), math.radians(rng.uniform(42, 58))
        self.sun = (
            math.sin(azimuth) * math.cos(elevation),
            math.cos(azimuth) * math.cos(elevation),
            math.sin(elevation),
        )
        self._wild = lru_cache(maxsize=4096)(self._make_wild)
        self._crowns = lru_cache(maxsize=4096)(self._make_crowns)
        self._cell_people: dict[tuple[int, int], list[Thing]] = {}
        self.people: tuple[Person, ...] = tuple(self._plant(persons, rng))
        self.texture = GroundTexture(
            seed, self.fields, sun=self.sun, draw_shadows=self._draw_shadows, cache_tiles=cache_tiles
        )

    # -- height ---------------------------------------------------------------------------------------

    def height_m(self, xy: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Height of the ground above home [m] at local points (n, 2) east, north [m]."""
        points = np.asarray(xy, dtype=float).reshape(-1, 2)
        return self.fields.height_m(points[:, 0], points[:, 1])

    def _slope(self, x: float, y: float) -> tuple[float, float]:
        h = self.height_m([(x, y), (x + 0.5, y), (x, y + 0.5)])
        return float(h[1] - h[0]) * 2, float(h[2] - h[0]) * 2

    # -- what stands on it ----------------------------------------------------------------------------

    def things(self, ix: int, iy: int) -> Sequence[Thing]:
        """People and objects whose origin is in one cell (20·ix…, 20·iy… m)."""
        return [*self._wild(ix, iy), *self._cell_people.get((ix, iy), [])]

    def crowns(self, ix: int, iy: int) -> Sequence[Crown]:
        """Trees and bushes whose stem is in one cell."""
        return self._crowns(ix, iy)

    def _make_crowns(self, ix: int, iy: int) -> tuple[Crown, ...]:
        rng = np.random.default_rng([self.seed, 2, ix & 0xFFFFFFFF, iy & 0xFFFFFFFF])
        step, n = 5.0, round(CELL_M / 5.0)
        jitter = rng.uniform(0.1, 0.9, (n * n, 2))
        lattice = np.stack(np.meshgrid(np.arange(n), np.arange(n)), axis=-1).reshape(-1, 2)
        xy = (lattice + jitter) * step + [ix * CELL_M, iy * CELL_M]
        x, y = xy[:, 0], xy[:, 1]
        wood = self.fields.wood(x, y)
        free = (self.fields.stream_distance_m(x, y) > 1.0) & (self.fields.path_distance_m(x, y) > 0.8)
        height = self.fields.height_m(x, y)
        found = []
        for k in range(len(xy)):
            draw, size, turn, sprite = rng.random(), rng.random(), rng.uniform(0, 360), rng.integers(1 << 30)
            tree = free[k] and draw < 0.03 + 0.95 * (wood[k] - 0.02)
            bush = free[k] and not tree and draw < 0.30 + 0.3 * wood[k]
            if not (tree or bush):
                continue
            radius = 1.3 + 2.3 * size * size if tree else 0.35 + 0.75 * size * size
            found.append(
                Crown(
                    xy_m=(float(x[k]), float(y[k])),
                    base_m=float(height[k]),
                    height_m=radius * (2.3 + draw * 2) if tree else radius * 1.1 + 0.2,
                    radius_m=radius,
                    sprite=int(sprite % _CROWN_SPRITES),
                    turn_deg=turn,
                )
            )
        return tuple(found)

    def _make_wild(self, ix: int, iy: int) -> tuple[Thing, ...]:
        rng = np.random.default_rng([self.seed, 3, ix & 0xFFFFFFFF, iy & 0xFFFFFFFF])
        found = []
        for _ in range(1 + int(rng.poisson(0.35))):
            x = float((ix + rng.random()) * CELL_M)
            y = float((iy + rng.random()) * CELL_M)
            found.append(self._thing_at(x, y, *make_clutter(rng), heading_deg=float(rng.uniform(0, 360))))
        return tuple(found)

    def _thing_at(
        self, x: float, y: float, kind: str, parts: Any, *, heading_deg: float, person: int = 0
    ) -> Thing:
        return Thing(
            kind=kind,
            xy_m=(x, y),
            base_m=float(self.height_m([(x, y)])[0]),
            slope=self._slope(x, y),
            heading_deg=heading_deg,
            parts=tuple(parts),
            shade=self._sunlight(x, y),
            person_id=person,
        )

    def _crowns_near(self, x: float, y: float) -> list[Crown]:
        cx, cy = math.floor(x / CELL_M), math.floor(y / CELL_M)
        return [c for i in (-1, 0, 1) for j in (-1, 0, 1) for c in self._crowns(cx + i, cy + j)]

    def _sunlight(self, x: float, y: float) -> float:
        """1 in the sun, less where a tree's shadow falls."""
        for crown in self._crowns_near(x, y):
            sx, sy = self._shadow_shift(crown.height_m * 0.62)
            if math.hypot(crown.xy_m[0] + sx - x, crown.xy_m[1] + sy - y) < crown.radius_m * 0.95:
                return 0.5
        return 1.0

    def _shadow_shift(self, height_m: float) -> tuple[float, float]:
        return -self.sun[0] / self.sun[2] * height_m, -self.sun[1] / self.sun[2] * height_m

    # -- people ---------------------------------------------------------------------------------------

    def _plant(self, count: int, rng: np.random.Generator) -> list[Person]:
        local = self.frame.to_local(self.area).buffer(-3.0)
        planted: list[Person] = []
        lying = -(-count // 3)
        postures = ["lying"] * lying + ["sitting"] * (count // 8)
        postures += ["standing"] * (count - len(postures))
        earth = [k % 2 == 0 for k in range(lying)] + [k % 2 == (lying % 2) for k in range(count - lying)]
        min_x, min_y, max_x, max_y = local.bounds if not local.is_empty else (0, 0, 0, 0)
        tries = 0
        for _ in range(600 * count):
            if len(planted) == count:
                break
            x, y = float(rng.uniform(min_x, max_x)), float(rng.uniform(min_y, max_y))
            if not shapely.contains_xy(local, x, y):
                continue
            if any(math.hypot(x - p.xy_m[0], y - p.xy_m[1]) < _PEOPLE_APART_M for p in planted):
                continue
            seen = self._nadir_visibility(x, y)
            wet = self.fields.stream_distance_m(np.array([x]), np.array([y]))[0] < 0.8
            k, tries = len(planted), tries + 1
            beside_a_tree = k % 6 == 5 and tries < _TRIES_BESIDE_A_TREE
            if seen < _LEAST_VISIBLE or wet or (beside_a_tree and seen > 0.97):
                continue
            tries = 0
            planted.append(self._dress(k, (x, y), posture=postures[k], earth=earth[k], seen=seen, rng=rng))
        if len(planted) < count:
            raise PlanningError(
                Message(
                    "the area has room for {planted} of {count} planted people",
                    planted=len(planted),
                    count=count,
                ),
                remedy="plant fewer people or take a larger area",
            )
        for person in planted:
            x, y = person.xy_m
            thing = self._thing_at(
                x, y, "person", person_parts(person), heading_deg=person.heading_deg, person=person.id
            )
            self._cell_people.setdefault((math.floor(x / CELL_M), math.floor(y / CELL_M)), []).append(thing)
        return planted

    def _dress(
        self,
        k: int,
        xy: tuple[float, float],
        *,
        posture: str,
        earth: bool,
        seen: float,
        rng: np.random.Generator,
    ) -> Person:
        names = list(EARTH_CLOTHES if earth else BRIGHT_CLOTHES)
        upper = names[int(rng.integers(len(names)))]
        lower_names = [n for n in names if n != upper]
        if not earth:
            lower_names += ["dark grey", "khaki", "brown"]
        return Person(
            id=k + 1,
            xy_m=xy,
            position=self.frame.to_latlon([xy])[0],
            posture=posture,
            heading_deg=float(rng.uniform(0, 360)),
            height_m=float(rng.uniform(1.5, 1.85)),
            upper=upper,
            lower=lower_names[int(rng.integers(len(lower_names)))],
            earth_colours=earth,
            pose=int(rng.integers(1 << 31)),
            nadir_visibility=seen,
        )

    def _nadir_visibility(self, x: float, y: float) -> float:
        """Share of a disc of 0.9 m about a point that no crown covers from straight above."""
        angle = np.arange(12) * (2 * np.pi / 12)
        px = x + np.concatenate([[0.0], 0.45 * np.cos(angle), 0.9 * np.cos(angle)])
        py = y + np.concatenate([[0.0], 0.45 * np.sin(angle), 0.9 * np.sin(angle)])
        covered = np.zeros(len(px), bool)
        for crown in self._crowns_near(x, y):
            covered |= np.hypot(px - crown.xy_m[0], py - crown.xy_m[1]) < crown.radius_m
        return float(1.0 - covered.mean())

    # -- shadows --------------------------------------------------------------------------------------

    def _draw_shadows(self, light: npt.NDArray[np.uint8], ix: int, iy: int) -> None:
        """Draw every shadow that reaches a tile into its light map (255 is full sun)."""
        cv2 = opencv()
        scale = light.shape[0] / TILE_M
        west, north = ix * TILE_M, (iy + 1) * TILE_M

        def pixels(points: npt.NDArray[np.float64]) -> Any:
            return np.round((points - [west, north]) * [scale * 16, -scale * 16]).astype(np.int32)

        def reaches(x: float, y: float, top_m: float, radius_m: float) -> bool:
            """Whether a shadow from there can fall on the tile."""
            sx, sy = self._shadow_shift(top_m)
            r = radius_m + 0.2
            return (
                west - r < max(x, x + sx)
                and min(x, x + sx) < west + TILE_M + r
                and north - TILE_M - r < max(y, y + sy)
                and min(y, y + sy) < north + r
            )

        for cell in ((ix + i, iy + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
            for crown in self._crowns(*cell):
                if reaches(*crown.xy_m, crown.height_m, crown.radius_m * 1.2):
                    for outline in self._crown_shadows(crown):
                        cv2.fillPoly(light, [pixels(outline)], 0, cv2.LINE_8, 4)
            for thing in self.things(*cell):
                if not reaches(*thing.xy_m, thing.top_m, 2.0):
                    continue
                for part in thing.parts:
                    hull = cv2.convexHull(pixels(self._part_shadow(thing, part)))
                    cv2.fillConvexPoly(light, hull, 0, cv2.LINE_8, 4)
        cv2.GaussianBlur(light, (5, 5), 0.9, dst=light)

    def _crown_shadows(self, crown: Crown) -> list[npt.NDArray[np.float64]]:
        """Outlines of a crown's shadow, layer by layer, ragged as leaves are, each (n, 2) [m]."""
        rng = np.random.default_rng(int(crown.turn_deg * 1e6))
        n = 40
        angle = np.arange(n) * (2 * np.pi / n)
        radius = crown.radius_m * (0.9 + 0.09 * rng.standard_normal(n))
        outline = np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]
        return [
            outline * size + crown.xy_m + np.array(self._shadow_shift(crown.height_m * height))
            for height, size in ((0.4, 0.9), (0.62, 1.0), (0.85, 0.62))
        ]

    def _part_shadow(self, thing: Thing, part: Any) -> npt.NDArray[np.float64]:
        """Points whose hull is the shadow of a part on the ground, (n, 2) [m]."""
        if isinstance(part, Capsule):
            centres, radii = thing.world([part.start, part.end]), (part.start_radius_m, part.end_radius_m)
            angle = np.arange(8) * (np.pi / 4)
            ring = np.column_stack([np.cos(angle), np.sin(angle)])
            spots = [
                c[:2] + self._shadow_shift(c[2] - thing.base_m) + ring * r
                for c, r in zip(centres, radii, strict=True)
            ]
            return np.concatenate(spots)
        corners = thing.world(part.corners)
        shifts = np.array([self._shadow_shift(float(z - thing.base_m)) for z in corners[:, 2]])
        shadow: npt.NDArray[np.float64] = corners[:, :2] + shifts
        return shadow

    # -- truth ----------------------------------------------------------------------------------------

    def truth(self, seen: Mapping[int, Sequence[Mapping[str, Any]]] | None = None) -> dict[str, Any]:
        """Ground truth as JSON values; ``seen`` gives for each person id the frames that show it."""
        return {
            "schema": TRUTH_SCHEMA,
            "note": "synthetic ground truth of the embedded camera; no detector may read it",
            "seed": self.seed,
            "texel_m": TEXEL_M,
            "persons": [
                {
                    "id": p.id,
                    "lat": p.position.lat_deg,
                    "lon": p.position.lon_deg,
                    "ground_height_above_home_m": round(float(self.height_m([p.xy_m])[0]), 3),
                    "posture": p.posture,
                    "heading_deg": round(p.heading_deg, 1),
                    "height_m": round(p.height_m, 2),
                    "upper": p.upper,
                    "lower": p.lower,
                    "earth_colours": p.earth_colours,
                    "nadir_visibility": round(p.nadir_visibility, 3),
                    "frames": list((seen or {}).get(p.id, [])),
                }
                for p in self.people
            ],
        }

    def write_truth(self, path: Path, seen: Mapping[int, Sequence[Mapping[str, Any]]] | None = None) -> None:
        """Write the ground truth to a file (written beside it first, then put in its place)."""
        partial = path.with_name(path.name + ".part")
        with partial.open("w", encoding="utf-8") as file:
            json.dump(self.truth(seen), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
