"""From a frame's pixels to places on the ground, and back.

The ground is a level plane at a stated height above home, without the Earth's curvature (8 cm at 1 km), or a
height model, exactly and with it (`airbeat.geo.rays`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import FrameError, TerrainError
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.geo.rays import first_hit
from airbeat.language.words import Message
from airbeat.locate.accuracy import ErrorBudget, ErrorTerm, GroundPoint, frame_budget, ground_point
from airbeat.locate.camera_model import CameraPose, camera_pose
from airbeat.locate.relief import TerrainGround

__all__ = ["finest_gsd_m_px", "footprint", "gsd_m_px", "locate_pixel", "locate_pixels", "pixel_of"]

Array = npt.NDArray[np.float64]

DEFAULT_BUDGET = ErrorBudget()
_EARTH_M = 6_371_000.0
_EAST, _NORTH, _UP = np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([0.0, 0.0, 1.0])


class _Ground(Protocol):
    """What rays meet."""

    def meet(self, rays: Array, offsets: Array, *, higher_m: float = 0.0) -> Array:
        """(n, 2) east and north of the camera's position at which rays meet the ground [m].

        Args:
            rays: (n, 3) unit vectors, ENU.
            offsets: (n, 2) where the rays begin, east and north of the camera's position [m].
            higher_m: how much higher than it is the camera is taken to be [m].
        """


@dataclass(frozen=True, slots=True)
class _Flat:
    name: str
    height_m: float

    def meet(self, rays: Array, offsets: Array, *, higher_m: float = 0.0) -> Array:
        if (rays[:, 2] >= -1e-9).any():
            raise _horizon(self.name)
        met: Array = offsets + rays[:, :2] * ((self.height_m + higher_m) / -rays[:, 2:3])
        return met


@dataclass(frozen=True, slots=True)
class _Relief:
    name: str
    terrain: TerrainGround
    frame: LocalFrame
    altitude_m: float

    def meet(self, rays: Array, offsets: Array, *, higher_m: float = 0.0) -> Array:
        places = np.empty((len(rays), 2))
        for i, (ray, offset) in enumerate(zip(rays, offsets, strict=True)):
            origin = (offset[0], offset[1], self.altitude_m + higher_m)
            try:
                hit = first_hit(self.terrain.terrain, self.frame, origin, ray)
            except TerrainError as error:
                if ray[2] >= -1e-9:
                    raise _horizon(self.name) from None
                raise FrameError(error.message, where=self.name, remedy=error.remedy) from None
            places[i] = hit.east_m, hit.north_m
        return places


def _horizon(name: str) -> FrameError:
    return FrameError(
        "this part of the frame looks at the horizon or above it, not at the ground",
        where=name,
        remedy="point the camera further down",
    )


def _ground(pose: CameraPose, ground_height_m: float, terrain: TerrainGround | None) -> _Ground:
    if terrain is not None:
        return _Relief(
            pose.name,
            terrain,
            LocalFrame(pose.position),
            terrain.home_height_m + pose.height_above_home_m,
        )
    return _Flat(pose.name, _height_above_ground_m(pose, ground_height_m))


def _height_above_ground_m(pose: CameraPose, ground_height_m: float) -> float:
    height_m = pose.height_above_home_m - ground_height_m
    if not height_m > 0:
        raise FrameError(
            Message(
                "the camera, {height_above_home_m:g} m above home, is not above the ground, "
                "{ground_height_m:g} m above home",
                height_above_home_m=pose.height_above_home_m,
                ground_height_m=ground_height_m,
            ),
            where=pose.name,
            remedy="give the ground's height above home",
        )
    return height_m


def _turned(rays: Array, axis: Array, angle_deg: float) -> Array:
    """Rays turned about a unit axis (Rodrigues' rotation)."""
    angle = math.radians(angle_deg)
    along = (rays @ axis)[:, None] * axis
    turned: Array = (
        along
        + (rays - along) * math.cos(angle)
        + np.cross(np.broadcast_to(axis, rays.shape), rays) * math.sin(angle)
    )
    return turned


def _terms(
    pose: CameraPose, pixels: Array, ground: _Ground, budget: ErrorBudget
) -> list[tuple[str, float, Array]]:
    """(source, shared, (n, 2) displacement by one standard deviation [m]) for every source.

    Differences are central and one standard deviation wide, so that a grazing ray shows its growth, and one
    that may miss a ridge shows how far behind it the ground is. The camera's attitude error is taken as
    small turns about the level right axis, the level forward axis and the vertical: near the nadir the
    gimbal's own roll is only another yaw.
    """
    yaw = math.radians(pose.yaw_deg)
    right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    ahead = np.array([math.sin(yaw), math.cos(yaw), 0.0])
    rays, offsets = pose.rays(pixels), pose.offsets_m(pixels)
    b = budget

    def at_pixels(moved: Array) -> Array:
        return ground.meet(pose.rays(moved), pose.offsets_m(moved))

    sources: list[tuple[str, float, float, Callable[[float], Array]]] = [
        ("gps east", b.gps_m, b.gps_shared, lambda s: ground.meet(rays, offsets + s * _EAST)),
        ("gps north", b.gps_m, b.gps_shared, lambda s: ground.meet(rays, offsets + s * _NORTH)),
        ("height", b.height_m, b.height_shared, lambda s: ground.meet(rays, offsets, higher_m=s)),
        ("terrain", b.terrain_m, b.terrain_shared, lambda s: ground.meet(rays, offsets, higher_m=-s)),
        ("tilt forward", b.tilt_deg, b.tilt_shared, lambda s: ground.meet(_turned(rays, right, s), offsets)),
        ("tilt sideways", b.tilt_deg, b.tilt_shared, lambda s: ground.meet(_turned(rays, ahead, s), offsets)),
        ("heading", b.heading_deg, b.heading_shared, lambda s: ground.meet(_turned(rays, _UP, s), offsets)),
        ("pixel x", b.pixel_px, b.pixel_shared, lambda s: at_pixels(pixels + s * np.array([1.0, 0.0]))),
        ("pixel y", b.pixel_px, b.pixel_shared, lambda s: at_pixels(pixels + s * np.array([0.0, 1.0]))),
    ]
    return [
        (source, shared, (met(sigma) - met(-sigma)) / 2 if sigma else np.zeros((len(pixels), 2)))
        for source, sigma, shared, met in sources
    ]


def locate_pixels(
    meta: FrameMeta,
    pixels: npt.ArrayLike,
    *,
    ground_height_m: float = 0.0,
    terrain: TerrainGround | None = None,
    budget: ErrorBudget = DEFAULT_BUDGET,
) -> list[GroundPoint]:
    """Where on the ground the pixels of one frame lie.

    Args:
        meta: the frame.
        pixels: (n, 2) x, y [px].
        ground_height_m: height of the ground there above home [m]; not used with ``terrain``.
        terrain: a height model of the ground (`airbeat.locate.relief.terrain_ground`) instead of flat ground.
            Its ``sigma_m`` takes the place of the budget's ``terrain_m``.
        budget: what the errors are propagated from; what the file says of its own accuracy takes the place
            of its terms (`frame_budget`).

    Raises:
        FrameError: metadata are missing, the camera is not above the ground, or a pixel looks at the horizon,
            above it, past the height model, or so close to that that the attitude's error reaches it.
    """
    pose = camera_pose(meta)
    xy = np.asarray(pixels, dtype=float).reshape(-1, 2)
    if len(xy) == 0:
        return []
    ground = _ground(pose, ground_height_m, terrain)
    met = ground.meet(pose.rays(xy), pose.offsets_m(xy))
    budget = frame_budget(meta, budget)
    if terrain is not None:
        budget = replace(budget, terrain_m=terrain.sigma_m)
    terms = _terms(pose, xy, ground, budget)
    positions = LocalFrame(pose.position).to_latlon(met)
    return [
        ground_point(
            position,
            [
                ErrorTerm(source=source, east_m=float(v[i, 0]), north_m=float(v[i, 1]), shared=shared)
                for source, shared, v in terms
            ],
            ground_height_m=ground_height_m if terrain is None else terrain.height_above_home_m(position),
        )
        for i, position in enumerate(positions)
    ]


def locate_pixel(
    meta: FrameMeta,
    x_px: float,
    y_px: float,
    *,
    ground_height_m: float = 0.0,
    terrain: TerrainGround | None = None,
    budget: ErrorBudget = DEFAULT_BUDGET,
) -> GroundPoint:
    """Where on the ground one pixel lies; as `locate_pixels`."""
    return locate_pixels(
        meta, [(x_px, y_px)], ground_height_m=ground_height_m, terrain=terrain, budget=budget
    )[0]


def pixel_of(
    meta: FrameMeta,
    positions: Sequence[LatLon],
    *,
    ground_height_m: float = 0.0,
    terrain: TerrainGround | None = None,
) -> Array:
    """Where in a frame places on the ground appear, hills in between left out of account.

    Args:
        meta: the frame.
        positions: n places, WGS84.
        ground_height_m: height of the ground there above home [m]; not used with ``terrain``.
        terrain: a height model of the ground instead; NaN pixels where it has no height.

    Returns:
        (n, 2) x, y [px]; outside 0…width, 0…height where the frame does not see the place, NaN where the
        place is behind the camera.

    Raises:
        FrameError: metadata are missing, or the camera is not above the ground.
    """
    pose = camera_pose(meta)
    xy = LocalFrame(pose.position).to_xy(positions)
    if terrain is None:
        down = np.full(len(xy), -_height_above_ground_m(pose, ground_height_m))
    else:
        heights = np.array([terrain.height_above_home_m(p) for p in positions])
        down = heights - pose.height_above_home_m - (xy**2).sum(axis=1) / (2 * _EARTH_M)
    return pose.project(np.column_stack([xy, down]))


def footprint(
    meta: FrameMeta, *, ground_height_m: float = 0.0, terrain: TerrainGround | None = None
) -> shapely.Polygon:
    """The ground a frame shows, a geographic polygon (lon, lat degrees).

    Its corners are the image's top-left, top-right, bottom-right and bottom-left. Across the antimeridian the
    longitudes jump; `LocalFrame.to_local` takes that.

    Raises:
        FrameError: metadata are missing, the camera is not above the ground, or a corner looks at the horizon
            or above it.
    """
    pose = camera_pose(meta)
    width, height = pose.width_px, pose.height_px
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float)
    ground = _ground(pose, ground_height_m, terrain)
    met = ground.meet(pose.rays(corners), pose.offsets_m(corners))
    return shapely.Polygon([(p.lon_deg, p.lat_deg) for p in LocalFrame(pose.position).to_latlon(met)])


def gsd_m_px(meta: FrameMeta, *, ground_height_m: float = 0.0, terrain: TerrainGround | None = None) -> float:
    """Ground sampling distance at the image's centre, across the line of sight [m/px].

    Distance to the ground over the focal length; for a camera looking straight down height/focal length.
    On flat ground it needs neither the position nor the yaw.

    Raises:
        FrameError: metadata are missing, the camera is not above the ground, or the centre looks at the
            horizon or above it.
    """
    return _depth_m(meta, 0.5, ground_height_m, terrain) / (meta.focal_length_px or math.nan)


def finest_gsd_m_px(
    meta: FrameMeta, *, ground_height_m: float = 0.0, terrain: TerrainGround | None = None
) -> float:
    """As `gsd_m_px`, of the ground in the middle of the image's upper or lower edge, whichever is nearer.

    Raises:
        FrameError: as there, and neither edge sees the ground.
    """
    depths, refusals = [], []
    for share in (0.0, 1.0):
        try:
            depths.append(_depth_m(meta, share, ground_height_m, terrain))
        except FrameError as error:
            refusals.append(error)
    if not depths:
        raise refusals[0]
    return min(depths) / (meta.focal_length_px or math.nan)


def _depth_m(
    meta: FrameMeta, share_down: float, ground_height_m: float, terrain: TerrainGround | None
) -> float:
    """How far away along the line of sight the ground is that the image's middle column shows [m]."""
    if terrain is None:
        meta = replace(meta, position=LatLon(lat_deg=0.0, lon_deg=0.0), gimbal_yaw_deg=0.0)
    pose = camera_pose(meta)
    ground = _ground(pose, ground_height_m, terrain)
    met = ground.meet(pose.rays([(pose.width_px / 2, pose.height_px * share_down)]), np.zeros((1, 2)))[0]
    if terrain is None:
        below_m = _height_above_ground_m(pose, ground_height_m)
    else:
        place = LocalFrame(pose.position).to_latlon([met])[0]
        below_m = pose.height_above_home_m - terrain.height_above_home_m(place)
    return float(np.array([met[0], met[1], -below_m]) @ pose.axes()[:, 2])
