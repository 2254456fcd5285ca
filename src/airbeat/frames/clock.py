"""How far a camera's clock is off a telemetry file's, and when that cannot be told.

Every difference between a photograph's time and a logged exposure's is a vote for an offset; wrong pairs
scatter their votes, the right offset collects one of each photograph. The offsets with the most votes are
then compared by all photographs' residuals. With r the residuals, cut off at the tolerance, and σ their
spread at the best offset, an offset is taken only if the next best is e⁸ times less likely under normal
errors (Σ r²/2σ² larger by 8); otherwise it is ambiguous, as after a flight of equal intervals of which a
photograph is missing, and refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.errors import FrameError
from airbeat.language.words import Message

__all__ = ["ClockOffset", "offset_by_places", "offset_by_shots"]

Array = npt.NDArray[np.float64]

_REMEDY = "give the telemetry of this flight, whole, and all its photographs"
_LIKELIER = 8.0
"""Logarithm of how much likelier the offset must be than the next best."""
_LEAST_MATCHED = 3
_LEAST_SHARE = 0.6
_MOST_PAIRS = 20_000_000
_MOST_CANDIDATES = 40
_WIDEST_TOLERANCE_S = 0.75
_NEAR_M = 15.0
_SIGMA_M = 1.5
"""Positions of a camera and of an autopilot differ at least by this."""
_APART_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOffset:
    """What must be added to the photographs' times to get the telemetry's.

    Attributes:
        offset_s: [s].
        matched: photographs that agree with it.
        of: photographs with a time.
        tolerance_s: how far a photograph may be from its exposure [s].
        residual: what is left between them, in words, e.g. "0.03 s".
    """

    offset_s: float
    matched: int
    of: int
    tolerance_s: float
    residual: str


def offset_by_shots(frame_s: Array, shot_s: Array) -> ClockOffset:
    """The offset from photographs' times and logged exposures' times alone.

    Args:
        frame_s: (n,) the photographs' times by the camera's clock [s].
        shot_s: (m,) rising times of the exposures by the telemetry's clock [s].

    Raises:
        FrameError: no offset, or more than one, fits.
    """
    intervals = np.diff(shot_s)
    usual = float(np.median(intervals[intervals > 0])) if (intervals > 0).any() else 2.0
    tolerance = float(np.clip(0.45 * usual, 0.02, _WIDEST_TOLERANCE_S))

    def residuals(offset_s: float) -> Array:
        return _to_nearest(frame_s + offset_s, shot_s)

    chosen = frame_s[:: max(1, -(-len(frame_s) * len(shot_s) // _MOST_PAIRS))]
    votes = np.subtract.outer(shot_s, chosen).ravel()
    fits = []
    for candidate in _most_voted(votes, tolerance):
        offset = candidate
        for _ in range(3):  # the middle of the residuals is the better offset
            left = residuals(offset)
            near = np.abs(left) <= tolerance
            if near.any():
                offset -= float(np.median(left[near]))
        fits.append(offset)
    whole_seconds = bool(np.all(frame_s == np.round(frame_s)))
    best, matched, spread = _decide(
        fits,
        lambda o: np.abs(residuals(o)),
        limit=tolerance,
        least_sigma=0.29 if whole_seconds else 0.01,
        apart_s=tolerance,
        complete=len(frame_s) == len(shot_s),
    )
    return ClockOffset(
        offset_s=best,
        matched=matched,
        of=len(frame_s),
        tolerance_s=tolerance,
        residual=f"{spread:.2f} s",
    )


def offset_by_places(
    frame_s: Array, frame_xy: Array, pose_s: Array, pose_xy: Array, *, largest_s: float | None = None
) -> ClockOffset:
    """The offset at which the photographs' own positions lie on the telemetry's track.

    Args:
        frame_s: (n,) the photographs' times by the camera's clock [s].
        frame_xy: (n, 2) their positions [m].
        pose_s: (m,) rising times by the telemetry's clock [s].
        pose_xy: (m, 2) its positions [m].
        largest_s: if given, offsets beyond ± this are not considered [s].

    Raises:
        FrameError: no offset, or more than one, fits.
    """

    def residuals(offset_s: float) -> Array:
        times = frame_s + offset_s
        track = np.column_stack([np.interp(times, pose_s, pose_xy[:, i]) for i in (0, 1)])
        away: Array = np.hypot(*(frame_xy - track).T)
        away[(times < pose_s[0] - 0.5) | (times > pose_s[-1] + 0.5)] = np.inf
        return away

    fits = []
    for candidate in _most_voted(_place_votes(frame_s, frame_xy, pose_s, pose_xy, largest_s), 1.0):
        steps = np.concatenate([np.arange(-2.0, 2.01, 0.2)]) + candidate
        coarse = min(steps, key=lambda o: float(np.minimum(residuals(o), _NEAR_M).sum()))
        fine = coarse + np.arange(-0.2, 0.201, 0.02)
        fits.append(min(fine, key=lambda o: float(np.minimum(residuals(o), _NEAR_M).sum())))
    best, matched, spread = _decide(
        fits, residuals, limit=_NEAR_M, least_sigma=_SIGMA_M, apart_s=_APART_S, complete=False
    )
    return ClockOffset(
        offset_s=best,
        matched=matched,
        of=len(frame_s),
        tolerance_s=_WIDEST_TOLERANCE_S,
        residual=f"{spread:.1f} m",
    )


def _place_votes(
    frame_s: Array, frame_xy: Array, pose_s: Array, pose_xy: Array, largest_s: float | None
) -> Array:
    frames = slice(None, None, max(1, len(frame_s) // 300))
    poses = slice(None, None, max(1, len(pose_s) // 10_000))
    votes = np.subtract.outer(pose_s[poses], frame_s[frames])
    away = np.hypot(
        np.subtract.outer(pose_xy[poses, 0], frame_xy[frames, 0]),
        np.subtract.outer(pose_xy[poses, 1], frame_xy[frames, 1]),
    )
    near = away < _NEAR_M
    if largest_s is not None:
        near &= np.abs(votes) <= largest_s
    return np.asarray(votes[near])


def _to_nearest(times_s: Array, shot_s: Array) -> Array:
    """Each time minus the nearest exposure's."""
    after = np.clip(np.searchsorted(shot_s, times_s), 1, max(len(shot_s) - 1, 1))
    after = np.minimum(after, len(shot_s) - 1)
    before = np.maximum(after - 1, 0)
    nearer_before = np.abs(times_s - shot_s[before]) <= np.abs(times_s - shot_s[after])
    return np.asarray(times_s - shot_s[np.where(nearer_before, before, after)])


def _most_voted(votes: Array, tolerance: float) -> list[float]:
    """Middles of the windows, two tolerances wide, that hold the most votes; none overlaps another."""
    ordered = np.sort(votes)
    ends = np.searchsorted(ordered, ordered + 2 * tolerance, side="right")
    counts = ends - np.arange(len(ordered))
    found: list[float] = []
    for start in np.argsort(-counts, kind="stable"):
        middle = float(ordered[start : ends[start]].mean())
        if all(abs(middle - other) > 1.5 * tolerance for other in found):
            found.append(middle)
            if len(found) == _MOST_CANDIDATES:
                break
    return found


def _decide(
    fits: list[float],
    residuals: Callable[[float], Array],
    *,
    limit: float,
    least_sigma: float,
    apart_s: float,
    complete: bool,
) -> tuple[float, int, float]:
    """The offset, how many photographs agree with it, and the median of what is left."""
    if not fits:
        raise FrameError("no photograph's time or place agrees with the telemetry", remedy=_REMEDY)
    costs = [float((np.minimum(residuals(o), limit) ** 2).sum()) for o in fits]
    best = int(np.argmin(costs))
    left = residuals(fits[best])
    matched = int((left <= limit).sum())
    if matched < _LEAST_MATCHED or matched < _LEAST_SHARE * len(left):
        raise FrameError(
            Message(
                "only {matched} of {all} photographs agree with the telemetry at any clock offset",
                matched=matched,
                all=len(left),
            ),
            remedy=_REMEDY,
        )
    middle = float(np.median(left[left <= limit]))
    sigma = max(least_sigma, 1.4826 * middle)
    others = [i for i in range(len(fits)) if abs(fits[i] - fits[best]) > apart_s]
    if others and not (complete and matched == len(left)):
        second = min(others, key=lambda i: costs[i])
        if (costs[second] - costs[best]) / (2 * sigma**2) < _LIKELIER:
            count = int((residuals(fits[second]) <= limit).sum())
            raise FrameError(
                Message(
                    "the clock offset is ambiguous: {best_s:+.1f} s fits {matched} photographs, "
                    "{second_s:+.1f} s fits {count} of {all}",
                    best_s=fits[best],
                    matched=matched,
                    second_s=fits[second],
                    count=count,
                    all=len(left),
                ),
                remedy=_REMEDY,
            )
    return fits[best], matched, middle
