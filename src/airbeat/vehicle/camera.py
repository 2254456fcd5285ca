"""Camera profiles and the geometry of a photograph of flat ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

from airbeat.errors import PlanningError

__all__ = ["CAMERAS", "Camera", "camera_profile"]


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

    def height_for_gsd_m(self, gsd_m_px: float) -> float:
        """Height above ground that gives a GSD [m]."""
        return gsd_m_px * self.focal_length_mm * self.image_width_px / self.sensor_width_mm

    def footprint_m(self, height_agl_m: float) -> tuple[float, float]:
        """Nadir footprint on flat ground: (across, along) [m]."""
        scale = height_agl_m / self.focal_length_mm
        return self.sensor_width_mm * scale, self.sensor_height_mm * scale

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
            f"no camera profile {name!r}", remedy=f"choose one of: {', '.join(sorted(CAMERAS))}"
        ) from None
