"""How surely a person of so many pixels is found in a photograph that was looked through.

The default is Johnson's criterion as drone search manuals use it: with 4 pixels on the longest edge of a
target an observer detects something with 79 %, with 15 recognises a person, with 25 identifies one (National
Search and Rescue Committee, 2016). Between them the target transfer probability function of the US Army's
Night Vision Laboratory is taken: P = r^E/(1+r^E) with r = n/n50 and E = 2.7 + 0.7·r (Ratches et al., 1975).
A curve measured on a detector (``airbeat evaluate --curve``) replaces it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.errors import InputFileError
from airbeat.language.words import Message
from airbeat.mission.case import Posture, Task

__all__ = [
    "CURVE_SCHEMA",
    "LYING_M",
    "SHOULDER_M",
    "STANDING_M",
    "DetectionCurve",
    "Posture",
    "Task",
    "by_posture",
    "johnson_curve",
    "measured_curve",
    "person_px",
]

Array = npt.NDArray[np.float64]

CURVE_SCHEMA = "airbeat-detection-curve/1"
SHOULDER_M, LYING_M, STANDING_M = 0.45, 1.70, 1.70
"""A grown person from above: width of the shoulders, length lying, height standing [m]."""
_JOHNSON_P = 0.79


JOHNSON_PX = {Task.DETECT: 4.0, Task.RECOGNISE: 15.0, Task.IDENTIFY: 25.0}
"""Pixels on the longest edge at which the task succeeds with 79 %."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DetectionCurve:
    """Probability that a person is found in one reviewed photograph, by pixels on the longest edge.

    Attributes:
        name: what it is, with its source.
        px: (n,) rising pixels of the longest edge.
        low: (n,) lower end of the probability at each, 0…1.
        mean: (n,) the probability itself, 0…1.
        high: (n,) its upper end, 0…1.
        smallest_px: below it nothing counts as found.
        measured: whether it was measured on a detector; else it is a rule for people who look.
    """

    name: str
    px: Array
    low: Array
    mean: Array
    high: Array
    smallest_px: float
    measured: bool

    def probability(self, px: npt.ArrayLike) -> Array:
        """The probability itself, any shape."""
        return self._at(px, self.mean)

    def probability_low(self, px: npt.ArrayLike) -> Array:
        """Its lower end, any shape."""
        return self._at(px, self.low)

    def probability_high(self, px: npt.ArrayLike) -> Array:
        """Its upper end, any shape."""
        return self._at(px, self.high)

    def _at(self, px: npt.ArrayLike, values: Array) -> Array:
        sizes = np.asarray(px, dtype=np.float64)
        found = np.interp(sizes, self.px, values)
        return np.asarray(np.where(sizes >= self.smallest_px, found, 0.0), dtype=np.float64)


def _transfer(ratio: Array) -> Array:
    power = ratio ** (2.7 + 0.7 * ratio)
    return np.asarray(power / (1.0 + power), dtype=np.float64)


def _half_ratio() -> float:
    """n/n50 at which the transfer function gives 79 %, by bisection."""
    low, high = 1.0, 3.0
    for _ in range(80):
        middle = (low + high) / 2
        if float(_transfer(np.array(middle))) < _JOHNSON_P:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def johnson_curve(task: Task = Task.RECOGNISE) -> DetectionCurve:
    """Johnson's criterion with its transfer function: 79 % at 4, 15 or 25 pixels."""
    at_79 = JOHNSON_PX[task]
    half = at_79 / _half_ratio()
    px = np.concatenate([np.linspace(0.0, 4.0 * half, 801), [1e6]])
    values = _transfer(np.minimum(px / half, 4.0))
    return DetectionCurve(
        name=f"Johnson, {task.value}: 79 % at {at_79:g} px on the longest edge (NSARC 2016)",
        px=px,
        low=values,
        mean=values,
        high=values,
        smallest_px=1.0,
        measured=False,
    )


def measured_curve(document: Any, *, name: str) -> DetectionCurve:
    """The curve in what ``airbeat evaluate --curve`` writes.

    The recall of each bin, with its interval, stands at the bin's middle (the last, open one: at its
    beginning); between them it is interpolated. Bins without a person are left out; people smaller than the
    first bin with one count as not found.

    Args:
        document: the JSON document.
        name: the file's name, for messages.

    Raises:
        InputFileError: no such document, bins that overlap or hold more finds than persons, or no person.
    """
    if not isinstance(document, dict) or document.get("schema") != CURVE_SCHEMA:
        raise InputFileError(
            Message("is no detection curve ({curve_schema})", curve_schema=CURVE_SCHEMA),
            where=name,
            remedy="run airbeat evaluate --curve",
        )
    bins = document.get("bins")
    if not isinstance(bins, list) or not 1 <= len(bins) <= 1000:
        raise InputFileError("bins must be a list of 1 to 1000", where=name)
    rows = [_bin(b, f"{name}, bin {n}") for n, b in enumerate(bins, start=1)]
    for n, (a, b) in enumerate(pairwise(rows), start=2):
        if b[0] < a[1]:
            raise InputFileError(
                Message("px_from {b:g} lies before the end {a:g} of the bin before it", b=b[0], a=a[1]),
                where=f"{name}, bin {n}",
                remedy="sort the bins, without overlap",
            )
    counted = [r for r in rows if r[2] > 0]
    if not counted:
        raise InputFileError(
            "no bin holds a person", where=name, remedy="evaluate on photographs with people"
        )
    px = np.array([r[0] if math.isinf(r[1]) else (r[0] + r[1]) / 2 for r in counted])
    mean = np.array([r[3] for r in counted])
    persons = sum(r[2] for r in counted)
    return DetectionCurve(
        name=f"measured on {persons:g} persons ({name})",
        px=px,
        low=np.array([r[4] for r in counted]),
        mean=mean,
        high=np.array([r[5] for r in counted]),
        smallest_px=max(counted[0][0], 1.0),
        measured=True,
    )


def _bin(row: Any, where: str) -> tuple[float, float, float, float, float, float]:
    """px_from, px_to, persons, recall, low, high of one bin."""
    values = row if isinstance(row, dict) else {}
    numbers = [values.get(k) for k in ("px_from", "persons", "found", "low", "high")]
    last = values.get("px_to")
    numbers.append(math.inf if last is None else last)
    if any(isinstance(v, bool) or not isinstance(v, int | float) or math.isnan(v) for v in numbers):
        raise InputFileError("px_from, px_to, persons, found, low and high must be numbers", where=where)
    start, persons, found, low, high, end = (float(v) for v in numbers if v is not None)
    if not (0 <= start < end and 0 <= found <= persons and math.isfinite(persons)):
        raise InputFileError(
            Message(
                "{found:g} found of {persons:g} persons from {start:g} to {end:g} px cannot be",
                found=found,
                persons=persons,
                start=start,
                end=end,
            ),
            where=where,
        )
    recall = found / persons if persons else 0.0
    if persons and not 0 <= low <= recall + 1e-9 <= high + 2e-9 <= 1 + 4e-9:
        raise InputFileError(
            Message(
                "low {low:g}, found/persons {recall:.4g} and high {high:g} must rise within 0 to 1",
                low=low,
                recall=recall,
                high=high,
            ),
            where=where,
        )
    return start, end, persons, recall, low, high


def person_px(gsd_m_px: npt.ArrayLike, off_nadir_deg: npt.ArrayLike, posture: Posture) -> Array:
    """Pixels on a person's longest edge in a photograph taken straight down.

    The picture plane is parallel to the ground, so who lies there keeps the length up to the picture's edge;
    who stands shows the shoulders, and away from the middle the height leaning outwards. At 1.6 cm straight
    below: 28 px standing, 106 px lying.

    Args:
        gsd_m_px: ground sampling distance [m/px].
        off_nadir_deg: angle between the line of sight and straight down [degrees].
        posture: how the person is thought to be.
    """
    gsd = np.asarray(gsd_m_px, dtype=np.float64)
    lean = np.tan(np.radians(np.asarray(off_nadir_deg, dtype=np.float64)))
    standing = np.maximum(SHOULDER_M, STANDING_M * lean) / gsd
    return by_posture(standing, np.broadcast_to(LYING_M / gsd, standing.shape), posture)


def by_posture(standing_px: Array, lying_px: Array, posture: Posture) -> Array:
    """The longest edge that counts for a posture; of "either" the smaller one [px]."""
    if posture is Posture.STANDING:
        return standing_px
    return lying_px if posture is Posture.LYING else np.minimum(standing_px, lying_px)
