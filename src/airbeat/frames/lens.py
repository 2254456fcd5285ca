"""Lens distortion: Brown's radial and tangential model, there and back.

With x, y the undistorted ray over depth and r² = x² + y², a lens shows the ray at

    x' = x (1 + k1 r² + k2 r⁴ + k3 r⁶) + 2 p1 x y + p2 (r² + 2 x²)
    y' = y (1 + k1 r² + k2 r⁴ + k3 r⁶) + p1 (r² + 2 y²) + 2 p2 x y

(D. C. Brown, Close-range camera calibration, Photogrammetric Engineering 37, 1971; the order and signs are
those of OpenCV, of DJI's DewarpData and, as R1 R2 R3 T1 T2, of Pix4D.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Lens", "read_lens"]

Array = npt.NDArray[np.float64]

_LARGEST = 1e4
"""Coefficients beyond this belong to no lens; those of long ones, whose r is small, are some units."""
_LARGEST_BEND = 0.6
"""A lens may move the picture's corner by this share of its distance from the middle."""
_STEPS = 30
_NOTHING = 1e-12
_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """Where a picture's principal point is, and how its lens bends rays.

    Attributes:
        centre_x_px: principal point, from the picture's left edge [px].
        centre_y_px: principal point, from the picture's upper edge [px].
        k1: radial, of r².
        k2: radial, of r⁴.
        k3: radial, of r⁶.
        p1: tangential.
        p2: tangential.
        source: where the numbers are from.
    """

    centre_x_px: float
    centre_y_px: float
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    source: str = ""

    def reach(self) -> float:
        """The undistorted radius up to which farther rays are seen farther out; ∞ if everywhere.

        The smallest root of 1 + 3 k1 s + 5 k2 s² + 7 k3 s³, s = r². Beyond it the model folds back, and
        the polynomial shows places that the lens does not.
        """
        slopes = [7 * self.k3, 5 * self.k2, 3 * self.k1]
        roots = np.roots([*(0.0 if abs(c) < _NOTHING else c for c in slopes), 1.0])
        real = [float(r.real) for r in roots if abs(r.imag) < 1e-9 * max(1.0, abs(r)) and r.real > 0]
        return math.sqrt(min(real)) if real else math.inf

    def distorted(self, xy: Array) -> Array:
        """(n, 2) undistorted x, y over depth to what the lens shows; NaN beyond its reach."""
        bent = self._bend(xy)
        beyond = (xy**2).sum(axis=1) >= self.reach() ** 2
        bent[beyond] = np.nan
        return bent

    def undistorted(self, xy: Array) -> Array:
        """(n, 2) what the lens shows to undistorted x, y over depth, by Newton's method; NaN where none."""
        guess = xy.copy()
        for _ in range(_STEPS):
            error = self._bend(guess) - xy
            a, b, d = self._jacobian(guess)
            determinant = a * d - b * b
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = np.column_stack(
                    [
                        (d * error[:, 0] - b * error[:, 1]) / determinant,
                        (a * error[:, 1] - b * error[:, 0]) / determinant,
                    ]
                )
                guess = guess - step
                if not np.nanmax(np.abs(step), initial=0.0) > _TOLERANCE:
                    break
        with np.errstate(invalid="ignore", over="ignore"):
            found = np.abs(self._bend(guess) - xy).max(axis=1) < 1e-9
            found &= (guess**2).sum(axis=1) < self.reach() ** 2
        guess[~found] = np.nan
        return guess

    def _bend(self, xy: Array) -> Array:
        x, y = xy[:, 0], xy[:, 1]
        r2 = x * x + y * y
        radial = 1 + r2 * (self.k1 + r2 * (self.k2 + r2 * self.k3))
        return np.column_stack(
            [
                x * radial + 2 * self.p1 * x * y + self.p2 * (r2 + 2 * x * x),
                y * radial + self.p1 * (r2 + 2 * y * y) + 2 * self.p2 * x * y,
            ]
        )

    def _jacobian(self, xy: Array) -> tuple[Array, Array, Array]:
        """∂x'/∂x, ∂x'/∂y = ∂y'/∂x, ∂y'/∂y."""
        x, y = xy[:, 0], xy[:, 1]
        r2 = x * x + y * y
        radial = 1 + r2 * (self.k1 + r2 * (self.k2 + r2 * self.k3))
        slope = 2 * (self.k1 + r2 * (2 * self.k2 + 3 * r2 * self.k3))
        a = radial + x * x * slope + 2 * self.p1 * y + 6 * self.p2 * x
        b = x * y * slope + 2 * self.p1 * x + 2 * self.p2 * y
        d = radial + y * y * slope + 6 * self.p1 * y + 2 * self.p2 * x
        return a, b, d


def read_lens(
    xmp: Mapping[str, str], *, width_px: int, height_px: int, focal_px: float | None, dewarped: bool
) -> tuple[Lens | None, list[str]]:
    """The lens that a picture's XMP describes, and what was left out.

    Read are DJI's ``DewarpData`` (calibration date; fx, fy, cx, cy, k1, k2, p1, p2, k3; cx and cy from the
    picture's middle; DJI's Mavic 3M image processing guide), Skydio's ``DewarpData`` (k1, k2, k3) and Pix4D's
    ``Camera:PerspectiveDistortion`` (R1, R2, R3, T1, T2; Parrot). Pictures that the camera dewarped itself
    (``DewarpFlag`` 1) have no distortion left.

    Args:
        xmp: as `airbeat.frames.xmp.read_xmp` gives it.
        width_px: picture width [px].
        height_px: picture height [px].
        focal_px: the picture's focal length [px].
        dewarped: whether the camera says that it dewarped the picture.
    """
    found = (
        _dji(xmp, width_px, height_px)
        or _skydio(xmp, width_px, height_px)
        or _pix4d(xmp, width_px, height_px)
    )
    if found is None:
        return None, []
    lens, findings = found
    if lens is None or dewarped or focal_px is None:
        return None, findings
    wrong = _wrong(lens, width_px, height_px, focal_px)
    if wrong:
        return None, [*findings, f"{lens.source} {wrong}; distortion left out"]
    return lens, findings


def _numbers(text: str) -> list[float] | None:
    try:
        values = [float(part) for part in text.replace(";", ",").split(",") if part.strip()]
    except ValueError:
        return None
    return values if values and all(math.isfinite(v) for v in values) else None


_Found = tuple[Lens | None, list[str]]


def _unreadable(name: str, text: str) -> _Found:
    return None, [f"{name} {text[:60]!r} cannot be read; distortion left out"]


def _dji(xmp: Mapping[str, str], width_px: int, height_px: int) -> _Found | None:
    text = xmp.get("DewarpData")
    if text is None or "CameraOrientationNED.Pitch" in xmp:
        return None
    values = _numbers(text.rpartition(";")[2])
    if values is None or len(values) != 9:
        return _unreadable("DewarpData", text)
    _, _, cx, cy, k1, k2, p1, p2, k3 = values
    if values[0] == 0.0 or not any((k1, k2, k3, p1, p2)):
        return None  # written by cameras that were not calibrated
    calibrated_width = _positive(xmp.get("CalibratedOpticalCenterX"), width_px / 2) * 2
    if abs(calibrated_width / width_px - 1) > 0.05:
        return None, [
            f"DewarpData belong to a picture about {calibrated_width:.0f} px wide, this one is {width_px};"
            " distortion left out"
        ]
    return (
        Lens(
            centre_x_px=width_px / 2 + cx,
            centre_y_px=height_px / 2 + cy,
            k1=k1,
            k2=k2,
            k3=k3,
            p1=p1,
            p2=p2,
            source="DewarpData",
        ),
        [],
    )


def _skydio(xmp: Mapping[str, str], width_px: int, height_px: int) -> _Found | None:
    text = xmp.get("DewarpData")
    if text is None or "CameraOrientationNED.Pitch" not in xmp:
        return None
    values = _numbers(text)
    if values is None or len(values) < 3:
        return _unreadable("DewarpData", text)
    return (
        Lens(
            centre_x_px=_positive(xmp.get("CalibratedOpticalCenter.X"), width_px / 2 - 0.5) + 0.5,
            centre_y_px=_positive(xmp.get("CalibratedOpticalCenter.Y"), height_px / 2 - 0.5) + 0.5,
            k1=values[0],
            k2=values[1],
            k3=values[2],
            source="DewarpData",
        ),
        [],
    )


def _pix4d(xmp: Mapping[str, str], width_px: int, height_px: int) -> _Found | None:
    text = xmp.get("Camera:PerspectiveDistortion")
    if text is None or xmp.get("Camera:ModelType", "perspective") != "perspective":
        return None
    values = _numbers(text)
    if values is None or len(values) != 5:
        return _unreadable("Camera:PerspectiveDistortion", text)
    if not any(values):
        return None
    k1, k2, k3, p1, p2 = values
    return (
        Lens(
            centre_x_px=width_px / 2,
            centre_y_px=height_px / 2,
            k1=k1,
            k2=k2,
            k3=k3,
            p1=p1,
            p2=p2,
            source="Camera:PerspectiveDistortion",
        ),
        [],
    )


def _positive(text: str | None, default: float) -> float:
    values = _numbers(text) if text else None
    return values[0] if values and values[0] > 0 else default


def _wrong(lens: Lens, width_px: int, height_px: int, focal_px: float) -> str:
    """Why a lens cannot be believed; empty if it can."""
    if abs(lens.centre_x_px / width_px - 0.5) > 0.2 or abs(lens.centre_y_px / height_px - 0.5) > 0.2:
        return "puts the principal point far from the picture's middle"
    if max(map(abs, (lens.k1, lens.k2, lens.k3, lens.p1, lens.p2))) > _LARGEST:
        return "describes no lens"
    corners = np.array([(0, 0), (width_px, 0), (0, height_px), (width_px, height_px)], dtype=float)
    seen = (corners - (lens.centre_x_px, lens.centre_y_px)) / focal_px
    rays = lens.undistorted(seen)
    if not np.isfinite(rays).all():
        return "describes no lens that shows this picture's corners"
    moved = np.linalg.norm(rays - seen, axis=1) / np.linalg.norm(seen, axis=1)
    if moved.max() > _LARGEST_BEND:
        return f"would move the corners by {moved.max() * 100:.0f} %"
    return ""
