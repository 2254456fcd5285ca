"""How long cameras with a rolling shutter take to read a picture from its first row to its last.

Measured by filming a lamp of known frequency; the values are those that OpenDroneMap's users collected
(https://github.com/OpenDroneMap/RSCalibration). Cameras that are not listed: not known, no correction.
"""

from __future__ import annotations

__all__ = ["readout_s"]

_READOUT_MS = {
    "FC200": 74.0,
    "FC300S": 33.0,
    "FC300C": 33.0,
    "FC300X": 33.0,
    "FC330": 33.0,
    "FC350": 30.0,
    "FC220": 64.0,
    "FC2103": 32.0,
    "FC3170": 27.0,
    "FC3411": 32.0,
    "FC3682": 23.0,
    "L2D-20C": 16.6,
    "MAVIC2-ENTERPRISE-ADVANCED": 31.0,
    "XT701": 25.0,
    "XT705": 30.0,
    "XL724": 29.0,
    "ANAFI": 39.0,
}
"""By EXIF model, all sizes alike."""
_BY_SIZE_MS = {
    "FC7203": ((10.0, 19.0), (200.0, 25.0)),
    "FC3582": ((48.0, 26.0), (200.0, 60.0)),
    "FC8482": ((12.0, 16.0), (20.0, 21.0), (45.0, 43.0), (200.0, 58.0)),
    "L1D-20C": ((17.0, 47.0), (200.0, 56.0)),
}
"""By EXIF model: (below so many megapixels, readout)."""


def readout_s(model: str, width_px: int, height_px: int, shutter: str = "") -> float | None:
    """Readout time from the first row to the last [s]; 0 for a mechanical shutter, None if unknown.

    Args:
        model: EXIF camera model.
        width_px: picture width [px].
        height_px: picture height [px].
        shutter: DJI's XMP ``ShutterType``, "Mechanical" or "Electronic", if the file says.
    """
    if shutter.strip().lower() == "mechanical":
        return 0.0
    megapixels = width_px * height_px / 1e6
    for below, value_ms in _BY_SIZE_MS.get(model, ()):
        if megapixels < below:
            return value_ms / 1000
    fixed = _READOUT_MS.get(model)
    return None if fixed is None else fixed / 1000
