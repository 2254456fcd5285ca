"""From a frame's pixels to places on flat ground, and back.

The ground is a level plane at a stated height above home. Earth's curvature is left out: 8 cm at 1 km.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import FrameError
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.locate.accuracy import ErrorBudget, ErrorTerm, GroundPoint, ground_point
from airbeat.locate.camera_model import CameraPose, camera_pose

__all__ = ["footprint", "gsd_m_px", "locate_pixel", "locate_pixels", "pixel_of"]

Array = npt.NDArray[np.float64]

DEFAULT_BUDGET = ErrorBudget()


def _height_above_ground_m(pose: CameraPose, ground_height_m: float) -> float:
    height_m = pose.height_above_home_m - ground_height_m
    if not height_m > 0:
        raise FrameError(
            f"the camera, {pose.height_above_home_m:g} m above home, is not above the ground,"
            f" {ground_height_m:g} m above home",
            where=pose.name,
            remedy="give the ground's height above home",
        )
    return height_m


def _meet(pose: CameraPose, rays: Array, height_m: float) -> Array:
    """(n, 2) east and north of the camera at which rays meet the plane height_m below [m]."""
    if (rays[:, 2] >= -1e-9).any():
        raise FrameError(
            "this part of the frame looks at the horizon or above it, not at the ground",
            where=pose.name,
            remedy="point the camera further down",
        )
    met: Array = rays[:, :2] * (height_m / -rays[:, 2:3])
    return met


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
    pose: CameraPose, pixels: Array, height_m: float, budget: ErrorBudget
) -> list[tuple[str, float, Array]]:
    """(source, shared, (n, 2) displacement by one standard deviation [m]) for every source.

    Differences are central and one standard deviation wide, so that a grazing ray shows its growth. The
    camera's attitude error is taken as small turns about the level right axis, the level forward axis and
    the vertical: near the nadir the gimbal's own roll is only another yaw.
    """
    yaw = math.radians(pose.yaw_deg)
    axes = {
        "tilt forward": (np.array([math.cos(yaw), -math.sin(yaw), 0.0]), budget.tilt_deg, budget.tilt_shared),
        "tilt sideways": (np.array([math.sin(yaw), math.cos(yaw), 0.0]), budget.tilt_deg, budget.tilt_shared),
        "heading": (np.array([0.0, 0.0, 1.0]), budget.heading_deg, budget.heading_shared),
    }
    rays = pose.rays(pixels)
    one = np.ones((len(pixels), 1))
    terms = [
        ("gps east", budget.gps_shared, one * (budget.gps_m, 0.0)),
        ("gps north", budget.gps_shared, one * (0.0, budget.gps_m)),
    ]
    per_metre = _meet(pose, rays, 1.0)
    terms.append(("height", budget.height_shared, per_metre * budget.height_m))
    terms.append(("terrain", budget.terrain_shared, per_metre * -budget.terrain_m))
    for source, (axis, sigma_deg, shared) in axes.items():
        plus, minus = (_meet(pose, _turned(rays, axis, s * sigma_deg), height_m) for s in (1, -1))
        terms.append((source, shared, (plus - minus) / 2))
    for source, step in (("pixel x", (budget.pixel_px, 0.0)), ("pixel y", (0.0, budget.pixel_px))):
        plus, minus = (_meet(pose, pose.rays(pixels + s * np.array(step)), height_m) for s in (1, -1))
        terms.append((source, budget.pixel_shared, (plus - minus) / 2))
    return terms


def locate_pixels(
    meta: FrameMeta,
    pixels: npt.ArrayLike,
    *,
    ground_height_m: float = 0.0,
    budget: ErrorBudget = DEFAULT_BUDGET,
) -> list[GroundPoint]:
    """Where on the ground the pixels of one frame lie.

    Args:
        meta: the frame.
        pixels: (n, 2) x, y [px].
        ground_height_m: height of the ground there above home [m].
        budget: what the errors are propagated from.

    Raises:
        FrameError: metadata are missing, the camera is not above the ground, or a pixel looks at the horizon,
            above it, or so close below it that the attitude's error reaches it.
    """
    pose = camera_pose(meta)
    xy = np.asarray(pixels, dtype=float).reshape(-1, 2)
    if len(xy) == 0:
        return []
    height_m = _height_above_ground_m(pose, ground_height_m)
    met = _meet(pose, pose.rays(xy), height_m)
    terms = _terms(pose, xy, height_m, budget)
    positions = LocalFrame(pose.position).to_latlon(met)
    return [
        ground_point(
            position,
            [
                ErrorTerm(source=source, east_m=float(v[i, 0]), north_m=float(v[i, 1]), shared=shared)
                for source, shared, v in terms
            ],
        )
        for i, position in enumerate(positions)
    ]


def locate_pixel(
    meta: FrameMeta,
    x_px: float,
    y_px: float,
    *,
    ground_height_m: float = 0.0,
    budget: ErrorBudget = DEFAULT_BUDGET,
) -> GroundPoint:
    """Where on the ground one pixel lies; as `locate_pixels`."""
    return locate_pixels(meta, [(x_px, y_px)], ground_height_m=ground_height_m, budget=budget)[0]


def pixel_of(meta: FrameMeta, positions: Sequence[LatLon], *, ground_height_m: float = 0.0) -> Array:
    """Where in a frame places on the ground appear.

    Args:
        meta: the frame.
        positions: n places, WGS84.
        ground_height_m: height of the ground there above home [m].

    Returns:
        (n, 2) x, y [px]; outside 0…width, 0…height where the frame does not see the place, NaN where the
        place is behind the camera.

    Raises:
        FrameError: metadata are missing, or the camera is not above the ground.
    """
    pose = camera_pose(meta)
    height_m = _height_above_ground_m(pose, ground_height_m)
    xy = LocalFrame(pose.position).to_xy(positions)
    return pose.project(np.column_stack([xy, np.full(len(xy), -height_m)]))


def footprint(meta: FrameMeta, *, ground_height_m: float = 0.0) -> shapely.Polygon:
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
    met = _meet(pose, pose.rays(corners), _height_above_ground_m(pose, ground_height_m))
    return shapely.Polygon([(p.lon_deg, p.lat_deg) for p in LocalFrame(pose.position).to_latlon(met)])


def gsd_m_px(meta: FrameMeta, *, ground_height_m: float = 0.0) -> float:
    """Ground sampling distance at the image's centre, across the line of sight [m/px].

    Distance to the ground over the focal length; for a camera looking straight down height/focal length.
    Needs neither the position nor the yaw.

    Raises:
        FrameError: metadata are missing, the camera is not above the ground, or the centre looks at the
            horizon or above it.
    """
    pose = camera_pose(replace(meta, position=LatLon(lat_deg=0.0, lon_deg=0.0), gimbal_yaw_deg=0.0))
    height_m = _height_above_ground_m(pose, ground_height_m)
    ray = pose.rays([(pose.width_px / 2, pose.height_px / 2)])
    _meet(pose, ray, height_m)
    return float(height_m / -ray[0, 2] / pose.focal_length_px)
