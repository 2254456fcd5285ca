"""Cameras whose heading is written the wrong way round, or relative to the airframe; pictures turned since.

Users of other programs found people plotted on the far side of the drone: some cameras write their yaw
reversed by 180°, others relative to the airframe's nose, and some photographs were turned by a viewer that
left their metadata as they were. The first two show when the camera's yaw is held against the airframe's,
and against the course from one photograph to the next. But a gimbal may really look backwards or keep to
north, so metadata alone are grounds for a warning, not for a correction. What decides is the pictures:
between two photographs that look down, the ground's shift in the picture and the drone's shift over the
ground give the direction of the picture's up.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from airbeat.errors import FrameError
from airbeat.frames.meta import FrameMeta
from airbeat.frames.opencv import opencv
from airbeat.frames.reader import load_image
from airbeat.geo.frame import bearing_deg, distance_m
from airbeat.locate.ground import gsd_m_px

__all__ = ["checked_headings", "heading_by_pictures"]

_OPPOSITE_DEG = 150.0
_ALIKE_DEG = 30.0
_MOST = 0.8
_LEAST_FRAMES = 3
_SHORTEST_M, _LONGEST_M = 5.0, 500.0
_STEEPEST_DEG = -65.0
_PAIRS_LOOKED_AT, _LEAST_PAIRS = 5, 2
_FEATURES, _LEAST_INLIERS, _SHRINK = 4000, 25, 4

HeadingOfPictures = Callable[[FrameMeta, FrameMeta], float | None]


def checked_headings(
    frames: Sequence[FrameMeta], *, look: HeadingOfPictures | None = None
) -> tuple[FrameMeta, ...]:
    """Compare the cameras' yaws with the airframe's, the course and the pictures; correct or say what is off.

    Args:
        frames: the photographs of one flight.
        look: measures a picture's heading from itself and the next one (`heading_by_pictures`); called for a
            few pairs of every program that wrote the files, as some of a flight's photographs may have gone
            through a viewer. Without it nothing is corrected.

    Returns:
        The frames in the same order. Where the pictures agree with another yaw than the one that is written
        (turned by 180°, or added to the airframe's), it is corrected and a finding says so; where only the
        metadata contradict one another, a finding says that.
    """
    result = list(frames)
    pairs = _pairs(frames)
    for writer in dict.fromkeys(f.software for f in frames):
        own = [i for i, f in enumerate(frames) if f.software == writer and f.gimbal_yaw_deg is not None]
        wording = _suspicion([frames[i] for i in own])
        seen = [p for p in pairs if p.first.software == writer and p.first.gimbal_yaw_deg is not None]
        verdict = _by_pictures(seen, look) if look is not None else None
        for i in own:
            result[i] = _judged(frames[i], wording, verdict)
    return tuple(result)


def _judged(frame: FrameMeta, wording: str | None, verdict: tuple[str, str] | None) -> FrameMeta:
    if verdict is None:
        if wording is None:
            return frame
        said = f"{wording}; places may lie on the other side of the drone"
        return replace(frame, findings=(*frame.findings, said))
    name, evidence = verdict
    yaw = _YAWS[name](frame)
    if name == _AS_WRITTEN or yaw is None:
        return frame
    said = f"the camera's yaw was {name}: {evidence}" + (f"; {wording}" if wording else "")
    return replace(frame, gimbal_yaw_deg=yaw, findings=(*frame.findings, said))


_Yaw = Callable[[FrameMeta], float | None]


_AS_WRITTEN = "left as written"


def _as_written(frame: FrameMeta) -> float | None:
    return frame.gimbal_yaw_deg


def _turned_round(frame: FrameMeta) -> float | None:
    return None if frame.gimbal_yaw_deg is None else (frame.gimbal_yaw_deg + 180.0) % 360.0


def _from_the_nose(frame: FrameMeta) -> float | None:
    if frame.gimbal_yaw_deg is None or frame.flight_yaw_deg is None:
        return None
    return (frame.gimbal_yaw_deg + frame.flight_yaw_deg) % 360.0


_YAWS: dict[str, _Yaw] = {
    _AS_WRITTEN: _as_written,
    "turned by 180°": _turned_round,
    "added to the airframe's": _from_the_nose,
}
_EDITORS = re.compile(
    r"photo ?viewer|photoshop|lightroom|gimp|picasa|irfanview|acdsee|photos|paint", re.IGNORECASE
)


def _suspicion(frames: Sequence[FrameMeta]) -> str | None:
    """What does not fit, in words; None where all fits."""
    aimed = [f for f in frames if f.gimbal_yaw_deg is not None]
    nosed = [f for f in aimed if f.flight_yaw_deg is not None]
    away = [abs(_difference(f.gimbal_yaw_deg, f.flight_yaw_deg)) for f in nosed]
    opposite = sum(a > _OPPOSITE_DEG for a in away)
    if opposite and opposite >= _MOST * len(nosed):
        return f"the camera's yaw is opposite to the airframe's in {opposite} of {len(nosed)} photographs"
    if len(nosed) >= _LEAST_FRAMES and _looks_relative(nosed):
        return f"the camera's yaw stays near 0 in {len(nosed)} photographs while the airframe turns"
    courses = [(f, c) for f, c in _courses(frames) if f.gimbal_yaw_deg is not None]
    reversed_ = sum(abs(_difference(f.gimbal_yaw_deg, c)) > _OPPOSITE_DEG for f, c in courses)
    if not nosed and len(courses) >= _LEAST_FRAMES and reversed_ >= _MOST * len(courses):
        return f"the camera's yaw is opposite to the course in {reversed_} of {len(courses)} photographs"
    edited = [f for f in aimed if _EDITORS.search(f.software)]
    if edited:
        return (
            f"{len(edited)} files were written by {edited[0].software!r}, which may have turned the"
            " pictures and left the angles as they were"
        )
    return None


def _looks_relative(frames: Sequence[FrameMeta]) -> bool:
    near_zero = sum(abs(_difference(f.gimbal_yaw_deg, 0.0)) <= _ALIKE_DEG for f in frames)
    turned = sum(abs(_difference(f.flight_yaw_deg, 0.0)) > 2 * _ALIKE_DEG for f in frames)
    return near_zero >= 0.95 * len(frames) and turned >= 0.3 * len(frames)


def _difference(a_deg: float | None, b_deg: float | None) -> float:
    return ((a_deg or 0.0) - (b_deg or 0.0) + 180.0) % 360.0 - 180.0


@dataclass(frozen=True, slots=True)
class _Pair:
    first: FrameMeta
    second: FrameMeta
    course_deg: float


def _pairs(frames: Sequence[FrameMeta]) -> list[_Pair]:
    """Photographs that follow one another at some distance, with the course from one to the other."""
    timed = [(t, f) for f in frames if f.position is not None and (t := _time(f)) is not None]
    placed = [f for _, f in sorted(timed, key=lambda item: item[0])]
    if len(timed) < len(frames):
        placed = [f for f in frames if f.position is not None]
    pairs = []
    for a, b in itertools.pairwise(placed):
        if a.position is not None and b.position is not None:
            apart = distance_m(a.position, b.position)
            if _SHORTEST_M <= apart <= _LONGEST_M:
                pairs.append(_Pair(a, b, bearing_deg(a.position, b.position)))
    return pairs


def _time(frame: FrameMeta) -> datetime | None:
    return frame.time_utc.replace(tzinfo=None) if frame.time_utc is not None else frame.local_time


def _courses(frames: Sequence[FrameMeta]) -> list[tuple[FrameMeta, float]]:
    """Frames in the middle of a straight leg, with its course [degrees]."""
    pairs = _pairs(frames)
    return [
        (b.first, b.course_deg)
        for a, b in itertools.pairwise(pairs)
        if a.second is b.first and abs(_difference(a.course_deg, b.course_deg)) <= _ALIKE_DEG
    ]


def _by_pictures(pairs: Sequence[_Pair], look: HeadingOfPictures) -> tuple[str, str] | None:
    """The yaw that the pictures agree with, and the evidence in words; None where they do not say.

    Where two of the yaws are alike, the pictures cannot tell between them, and the one as written counts.
    """
    votes: dict[str, int] = dict.fromkeys(_YAWS, 0)
    looked = 0
    for pair in pairs[:: max(1, len(pairs) // (3 * _PAIRS_LOOKED_AT))]:
        measured = look(pair.first, pair.second)
        if measured is None:
            continue
        looked += 1
        for name, yaw_of in _YAWS.items():
            yaw = yaw_of(pair.first)
            votes[name] += yaw is not None and abs(_difference(yaw, measured)) <= _ALIKE_DEG
        if looked == _PAIRS_LOOKED_AT:
            break
    best = max(votes, key=lambda name: votes[name])
    if looked < _LEAST_PAIRS or votes[best] < _MOST * looked:
        return None
    return best, f"{votes[best]} of {looked} pairs of pictures agree"


def heading_by_pictures(first: FrameMeta, second: FrameMeta) -> float | None:
    """Where the first picture's up points, from how the ground moves to the second [degrees].

    Corners (ORB) are matched and a turn, shift and scale is fitted (RANSAC). A place at the first picture's
    middle lies in the second picture by the shift away from its middle, so in the first picture's axes the
    camera moved by minus that shift, turned back; over the ground it moved along the course. Good to a few
    degrees where the photographs are much farther apart than their positions are wrong.

    Returns:
        None where the pictures do not look down, do not overlap, or show too little.
    """
    if first.position is None or second.position is None:
        return None
    for frame in (first, second):
        if frame.gimbal_pitch_deg is None or frame.gimbal_pitch_deg > _STEEPEST_DEG:
            return None
    fitted = _registration(first, second)
    if fitted is None:
        return None
    turn_scale, shift = fitted
    middle = np.array([first.width_px, first.height_px]) / 2
    moved = np.linalg.inv(turn_scale) @ (middle - shift) - middle  # the second's middle, in the first
    try:
        moved_m = float(np.linalg.norm(moved)) * gsd_m_px(first)
    except FrameError:
        return None
    course_m = distance_m(first.position, second.position)
    if not 0.5 * course_m <= moved_m <= 2.0 * course_m or course_m < _SHORTEST_M:
        return None
    in_picture_deg = math.degrees(math.atan2(moved[0], -moved[1]))  # clockwise from the picture's up
    return (bearing_deg(first.position, second.position) - in_picture_deg) % 360.0


def _registration(first: FrameMeta, second: FrameMeta) -> tuple[np.ndarray, np.ndarray] | None:
    """(2, 2) turn with scale and (2,) shift from the first picture's pixels to the second's."""
    cv2 = opencv()
    try:
        grey = [cv2.cvtColor(load_image(f, shrink=_SHRINK), cv2.COLOR_BGR2GRAY) for f in (first, second)]
    except FrameError:
        return None
    finder = cv2.ORB_create(nfeatures=_FEATURES)
    (points_a, marks_a), (points_b, marks_b) = (finder.detectAndCompute(image, None) for image in grey)
    if marks_a is None or marks_b is None:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(marks_a, marks_b, k=2)
    good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < 0.8 * p[1].distance]
    if len(good) < _LEAST_INLIERS:
        return None
    a = np.array([points_a[m.queryIdx].pt for m in good]) * _SHRINK
    b = np.array([points_b[m.trainIdx].pt for m in good]) * _SHRINK
    matrix, inliers = cv2.estimateAffinePartial2D(
        a, b, method=cv2.RANSAC, ransacReprojThreshold=3.0 * _SHRINK, maxIters=5000
    )
    if matrix is None or int(inliers.sum()) < _LEAST_INLIERS:
        return None
    return matrix[:, :2], matrix[:, 2]
