"""Focal length in pixels, from what a photograph says and what is known of its camera."""

from __future__ import annotations

import math

from airbeat.vehicle.camera import CAMERAS

__all__ = ["focal_length_px", "is_thermal"]

# EXIF model names of the profiles' cameras (makers' data sheets; model names as the files carry them).
_MODELS = {
    "FC300S": "dji-p3-fc300s",
    "FC300X": "dji-p3-fc300s",
    "FC6310": "dji-p4p",
    "FC6310S": "dji-p4p",
    "FC3582": "dji-mini-3-pro",
    "M3E": "dji-mavic-3e",
    "M3T": "dji-m3t-thermal",
    "M30": "dji-m30-wide",
    "M30T": "dji-m30-wide",
}
# Cameras that also, or only, take thermal pictures, and the sizes those have.
_THERMAL_MODELS = {
    "ZH20T",
    "ZH20N",
    "ZH30T",
    "FLIR",
    "XT2",
    "XT S",
    "M3T",
    "M30T",
    "M4T",
    "M2EA",
    "MAVIC2-ENTERPRISE-ADVANCED",
}
_THERMAL_SIZES = {(160, 120), (336, 256), (640, 512), (1280, 1024)}
_DIAGONAL_35MM = math.hypot(36.0, 24.0)


def is_thermal(model: str, width_px: int, height_px: int) -> bool:
    """Whether a camera that can is known to take thermal pictures of this size."""
    return model in _THERMAL_MODELS and (width_px, height_px) in _THERMAL_SIZES


def focal_length_px(
    *,
    width_px: int,
    height_px: int,
    model: str,
    calibrated_px: float | None,
    calibrated_centre_x_px: float | None,
    focal_mm: float | None,
    focal_35mm: float | None,
    digital_zoom: float | None,
    pixels_per_mm: float | None = None,
) -> tuple[float | None, list[str]]:
    """Focal length in pixels of this picture, and what had to be assumed.

    In order: the maker's calibration (XMP CalibratedFocalLength), a known camera whose picture has the same
    shape, the focal length and the sensor's pixels per millimetre (EXIF FocalPlaneXResolution), the 35 mm
    equivalent by the diagonal (CIPA DCG-001: 43.27 mm), None.

    Args:
        width_px: picture width [px].
        height_px: picture height [px].
        model: EXIF camera model.
        calibrated_px: XMP CalibratedFocalLength [px].
        calibrated_centre_x_px: XMP CalibratedOpticalCenterX [px].
        focal_mm: EXIF FocalLength [mm].
        focal_35mm: EXIF FocalLengthIn35mmFilm [mm].
        digital_zoom: EXIF DigitalZoomRatio.
        pixels_per_mm: pixels of this picture per millimetre of the sensor.
    """
    if digital_zoom is not None and digital_zoom > 1.01:
        return None, [f"digital zoom {digital_zoom:g}: the focal length in pixels is not known"]
    findings: list[str] = []
    if calibrated_px is not None:
        if 0.2 * width_px < calibrated_px < 30 * width_px:
            return _scaled(calibrated_px, calibrated_centre_x_px, width_px)
        findings.append(f"CalibratedFocalLength {calibrated_px:g} px cannot be believed; left out")
    known = _known_camera_px(model, width_px, height_px, focal_mm)
    if known is not None:
        return known, [*findings, f"focal length {known:.0f} px from the known camera {model}"]
    if focal_mm is not None and pixels_per_mm is not None:
        focal = focal_mm * pixels_per_mm
        if 0.2 * width_px < focal < 30 * width_px:
            return focal, [*findings, f"focal length {focal:.0f} px from EXIF FocalPlaneXResolution"]
    if focal_35mm is not None and 4.0 <= focal_35mm <= 2000.0:
        focal = focal_35mm / _DIAGONAL_35MM * math.hypot(width_px, height_px)
        findings.append(
            f"focal length {focal:.0f} px from the 35 mm equivalent {focal_35mm:g} mm, which is rounded and "
            "taken to be by the diagonal of this picture"
        )
        return focal, findings
    return None, [
        *findings,
        "no focal length in pixels: neither calibrated, nor a known camera, nor 35 mm equivalent",
    ]


def _scaled(calibrated_px: float, centre_x_px: float | None, width_px: int) -> tuple[float, list[str]]:
    """The calibration, brought to the picture's size when it was made at another."""
    if centre_x_px is None or centre_x_px <= 0 or abs(width_px / (2 * centre_x_px) - 1) < 0.1:
        return calibrated_px, []
    factor = width_px / (2 * centre_x_px)
    return calibrated_px * factor, [
        f"CalibratedFocalLength belongs to a picture about {2 * centre_x_px:.0f} px wide; "
        f"scaled by {factor:.3f}"
    ]


def _known_camera_px(model: str, width_px: int, height_px: int, focal_mm: float | None) -> float | None:
    camera = CAMERAS.get(_MODELS.get(model, ""))
    if camera is None:
        return None
    shape = (width_px / height_px) / (camera.image_width_px / camera.image_height_px)
    same_lens = focal_mm is None or abs(focal_mm / camera.focal_length_mm - 1) < 0.03
    if abs(shape - 1) > 0.01 or not same_lens:
        return None
    return camera.focal_length_px * width_px / camera.image_width_px
