"""From the camera, its height and the detection curve to the sweep width.

The lateral-range curve p(x) is the chance that one straight pass finds a person x metres beside the track:
the best look of the pass counts, since successive photographs show the spot from nearly the same direction.
Sweep width W = ∫p(x)dx. For a camera looking straight down the best look at lateral distance x is the one
taken abeam. Outside the swath p is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.errors import PlanningError
from airbeat.language.words import Message
from airbeat.search.detection import DetectionCurve, Posture, person_px
from airbeat.vehicle.camera import Camera

__all__ = ["GSD_MAX_M_PX", "GSD_WARN_M_PX", "LateralRange", "gsd_advice", "lateral_between", "lateral_range"]

Array = npt.NDArray[np.float64]

GSD_GOOD_M_PX, GSD_WARN_M_PX, GSD_MAX_M_PX = 0.02, 0.03, 0.10
"""Ground sampling distance to search for people with: good, to be warned of above, refused above [m/px]."""
_STEPS = 400


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LateralRange:
    """A lateral-range curve.

    Attributes:
        x_m: (n,) distances beside the track, from -w/2 to w/2 [m].
        p: (n,) chance that one pass finds a person there, 0…1.
        swath_m: w [m].
        gsd_m_px: at the middle [m/px].
    """

    x_m: Array
    p: Array
    swath_m: float
    gsd_m_px: float

    @property
    def sweep_width_m(self) -> float:
        """W = ∫p(x)dx [m]; p0·w for a flat curve."""
        return float(((self.p[1:] + self.p[:-1]) / 2 * np.diff(self.x_m)).sum())


def lateral_range(
    camera: Camera,
    height_m: float,
    curve: DetectionCurve,
    *,
    posture: Posture = Posture.EITHER,
    canopy: float = 1.0,
    slope: float = 1.0,
) -> LateralRange:
    """The lateral-range curve of a camera looking straight down.

    Args:
        camera: the camera.
        height_m: height above ground; on a slope the leg's least, because rising ground narrows the
            swath [m].
        curve: how surely so many pixels are found.
        posture: how the person is thought to be.
        canopy: share of the ground that is not hidden by leaves, 0…1; multiplies p.
        slope: the same for ground turned away or broken, 0…1.

    Raises:
        PlanningError: a height of 0 or less, or a factor outside 0…1.
    """
    if not height_m > 0:
        raise PlanningError(
            Message("a camera {height_m:g} m above the ground sees none", height_m=height_m),
            remedy="fly higher",
        )
    for name, factor in (("canopy", canopy), ("slope", slope)):
        if not 0 <= factor <= 1:
            raise PlanningError(
                Message("the {name} factor {factor:g} is outside 0 to 1", name=name, factor=factor),
                remedy="1 hides nothing",
            )
    swath_m, _ = camera.footprint_m(height_m)
    gsd = camera.gsd_m_px(height_m)
    x = np.linspace(-swath_m / 2, swath_m / 2, 2 * _STEPS + 1)
    off_nadir = np.degrees(np.arctan2(np.abs(x), height_m))
    p = curve.probability(person_px(gsd, off_nadir, posture)) * canopy * slope
    return LateralRange(x_m=x, p=p, swath_m=swath_m, gsd_m_px=gsd)


def lateral_between(
    camera: Camera, heights_m: tuple[float, float], curve: DetectionCurve, *, posture: Posture
) -> LateralRange:
    """The lateral-range curve of a camera whose height above ground varies: the worse of both ends.

    The swath is that of the lowest height, which is the narrowest; p at each distance is the least of what
    the lowest and the highest give; the GSD is the coarsest.

    Args:
        camera: the camera.
        heights_m: lowest and highest height above ground [m].
        curve: how surely so many pixels are found.
        posture: how the person is thought to be.

    Raises:
        PlanningError: a height of 0 or less.
    """
    low, high = (lateral_range(camera, height, curve, posture=posture) for height in heights_m)
    return LateralRange(
        x_m=low.x_m,
        p=np.minimum(low.p, np.interp(low.x_m, high.x_m, high.p)),
        swath_m=low.swath_m,
        gsd_m_px=high.gsd_m_px,
    )


def gsd_advice(gsd_m_px: float) -> str:
    """What to say of a GSD; "" where it is good enough."""
    cm = gsd_m_px * 100
    if gsd_m_px > GSD_MAX_M_PX:
        return f"GSD {cm:.1f} cm is coarser than 10 cm: a person is a few pixels; fly lower"
    if gsd_m_px > GSD_WARN_M_PX:
        return f"GSD {cm:.1f} cm is coarser than 3 cm: people are easily overlooked; 2 cm is wanted"
    return ""
