"""Camera profiles and the geometry of a photograph of flat ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

from airbeat.errors import PlanningError
from airbeat.language.words import Message

__all__ = ["CAMERAS", "Camera", "GroundView", "camera_profile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundView:
    """What a photograph shows of flat ground; ahead is where the nose points.

    Attributes:
        near_m: where it begins, ahead of the place below the camera (negative: behind it) [m].
        far_m: where it ends, ahead of that place [m].
        across_m: width at its narrow, near end [m].
        gsd_near_m_px: ground sampling distance across the picture at the near end [m/px].
        gsd_far_m_px: the same at the far end, the coarsest [m/px].
    """

    near_m: float
    far_m: float
    across_m: float
    gsd_near_m_px: float
    gsd_far_m_px: float

    @property
    def along_m(self) -> float:
        """Length along the track [m]."""
        return self.far_m - self.near_m


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A frame camera looking straight down unless the mission says otherwise.

    The image's width lies across the track (the common mounting), its height along it.

    Attributes:
        name: profile name.
        sensor_width_mm: active sensor width [mm].
        sensor_height_mm: active sensor height [mm].
        focal_length_mm: real (not 35 mm equivalent) focal length [mm].
        image_width_px: photograph width [px].
        image_height_px: photograph height [px].
        min_interval_s: shortest time between two photographs [s].
        exposure_s: exposure assumed for motion blur [s].
        modality: "rgb" or "thermal".
    """

    name: str
    sensor_width_mm: float
    sensor_height_mm: float
    focal_length_mm: float
    image_width_px: int
    image_height_px: int
    min_interval_s: float = 1.0
    exposure_s: float = 1 / 1000
    modality: str = "rgb"

    @property
    def focal_length_px(self) -> float:
        """Focal length in pixels of the image's width."""
        return self.focal_length_mm / self.sensor_width_mm * self.image_width_px

    @property
    def fov_across_deg(self) -> float:
        """Field of view across the track [degrees]."""
        return math.degrees(2 * math.atan(self.sensor_width_mm / 2 / self.focal_length_mm))

    def gsd_m_px(self, height_agl_m: float) -> float:
        """Ground sampling distance of a nadir photograph: h·(sensor width)/(f·image width) [m/px]."""
        return height_agl_m * self.sensor_width_mm / (self.focal_length_mm * self.image_width_px)

    def height_for_gsd_m(self, gsd_m_px: float, *, pitch_deg: float = -90.0) -> float:
        """Height above ground at which the GSD is nowhere in the photograph coarser than that [m].

        Raises:
            PlanningError: the camera is pitched so that it looks over the horizon.
        """
        return gsd_m_px / self.view(1.0, pitch_deg=pitch_deg).gsd_far_m_px

    def footprint_m(self, height_agl_m: float) -> tuple[float, float]:
        """Nadir footprint on flat ground: (across, along) [m]."""
        scale = height_agl_m / self.focal_length_mm
        return self.sensor_width_mm * scale, self.sensor_height_mm * scale

    @property
    def fov_along_deg(self) -> float:
        """Field of view along the track [degrees]."""
        return math.degrees(2 * math.atan(self.sensor_height_mm / 2 / self.focal_length_mm))

    def view(self, height_agl_m: float, *, pitch_deg: float = -90.0) -> GroundView:
        """What a photograph shows of flat ground, the camera pitched up from straight down.

        A ray δ below the horizon meets the ground h/tan δ ahead. With β the angle between it and the
        optical axis, the ground there is h·cos β/sin δ deep along the axis, and one pixel across is that
        depth over the focal length.

        Args:
            height_agl_m: height above ground [m].
            pitch_deg: -90 looks straight down, -45 forward and down.

        Raises:
            PlanningError: the picture's top would reach the horizon.
        """
        half = math.radians(self.fov_along_deg) / 2
        near, far = -math.radians(pitch_deg) + half, -math.radians(pitch_deg) - half
        if far <= math.radians(1.0):
            raise PlanningError(
                Message("a camera pitched {pitch_deg:g}° looks over the horizon", pitch_deg=pitch_deg),
                remedy=Message(
                    "pitch it {fov_along_deg:.0f}° or steeper", fov_along_deg=-(self.fov_along_deg / 2 + 10)
                ),
            )
        depth_near = height_agl_m * math.cos(half) / math.sin(near)
        depth_far = height_agl_m * math.cos(half) / math.sin(far)
        return GroundView(
            near_m=height_agl_m / math.tan(near),
            far_m=height_agl_m / math.tan(far),
            across_m=depth_near * self.sensor_width_mm / self.focal_length_mm,
            gsd_near_m_px=depth_near / self.focal_length_px,
            gsd_far_m_px=depth_far / self.focal_length_px,
        )

    def sharp_speed_m_s(self, height_agl_m: float, *, blur_px: float = 1.0) -> float:
        """The fastest speed at which motion blur stays within so many pixels [m/s]."""
        return blur_px * self.gsd_m_px(height_agl_m) / self.exposure_s

    def blur_px(self, speed_m_s: float, height_agl_m: float) -> float:
        """Motion blur: speed·exposure/GSD [px]."""
        return speed_m_s * self.exposure_s / self.gsd_m_px(height_agl_m)


def _camera(
    name: str, sensor_mm: tuple[float, float], focal_mm: float, image_px: tuple[int, int], interval_s: float
) -> Camera:
    return Camera(
        name=name,
        sensor_width_mm=sensor_mm[0],
        sensor_height_mm=sensor_mm[1],
        focal_length_mm=focal_mm,
        image_width_px=image_px[0],
        image_height_px=image_px[1],
        min_interval_s=interval_s,
    )


CAMERAS: dict[str, Camera] = {
    c.name: c
    for c in (
        # Makers' data sheets; sensor sizes are the active area for the stated image size.
        _camera("dji-mavic-3e", (17.3, 13.0), 12.29, (5280, 3956), 0.7),
        _camera("dji-m30-wide", (6.4, 4.8), 4.5, (4000, 3000), 1.0),
        _camera("dji-mini-3-pro", (9.7, 7.3), 6.7, (4032, 3024), 2.0),
        _camera("dji-p4p", (13.2, 8.8), 8.8, (5472, 3648), 2.5),
        _camera("dji-p3-fc300s", (6.2, 3.4875), 3.61, (4000, 2250), 3.0),
        _camera("sony-a6000-20mm", (23.5, 15.6), 20.0, (6000, 4000), 1.0),
        _camera("embedded-12mp", (6.4, 4.8), 4.5, (4000, 3000), 0.5),
        Camera(
            name="dji-m3t-thermal",
            sensor_width_mm=7.68,
            sensor_height_mm=6.144,
            focal_length_mm=9.1,
            image_width_px=640,
            image_height_px=512,
            min_interval_s=1.0,
            exposure_s=1 / 100,
            modality="thermal",
        ),
    )
}
"""Built-in camera profiles by name."""


def camera_profile(name: str) -> Camera:
    """The built-in profile of that name.

    Raises:
        PlanningError: no such profile; the message lists those there are.
    """
    try:
        return CAMERAS[name]
    except KeyError:
        raise PlanningError(
            Message("no camera profile {name!r}", name=name),
            remedy=Message("choose one of: {cameras}", cameras=", ".join(sorted(CAMERAS))),
        ) from None
