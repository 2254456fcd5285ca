"""Scores a search of the embedded ground against its truth; shares nothing with detector or locator."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airbeat.geo.coordinates import LatLon
from airbeat.sim.camera_view import View
from airbeat.sim.ground import Ground
from airbeat.sim.people import Person
from airbeat.sim.shot import CameraShot
from airbeat.vehicle.camera import Camera

__all__ = ["MATCH_RADIUS_M", "DemoScore", "FrameDetections", "match_one_to_one", "score"]

MATCH_RADIUS_M = 5.0

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameDetections:
    """What a detector marked in one photograph, before any fusion.

    Attributes:
        frame: the photograph's file name.
        shot: the true pose it was taken from.
        xyxy_px: (n, 4) boxes: left, top, right, bottom [px].
    """

    frame: str
    shot: CameraShot
    xyxy_px: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoScore:
    """How well a search of the embedded ground did.

    Attributes:
        persons_planted: people on the ground, seen or not.
        persons_found: people with a candidate of their own within 5 m (one to one, as many as possible).
        persons_found_ids: their numbers.
        candidates: how many candidates there were.
        false_candidates: candidates that no person was matched with.
        false_candidates_per_frame: boxes per photograph whose centre, projected from the true pose onto the
            true ground, is farther than 5 m from every person; counted before fusion.
        median_position_error_m: median distance of matched candidates from their person [m]; None if none.
    """

    persons_planted: int
    persons_found: int
    persons_found_ids: tuple[int, ...]
    candidates: int
    false_candidates: int
    false_candidates_per_frame: float
    median_position_error_m: float | None


def score(
    *,
    candidates: Sequence[tuple[LatLon, float]],
    frames: Sequence[FrameDetections],
    ground: Ground,
    camera: Camera,
) -> DemoScore:
    """Compare candidates and raw boxes with the people of a ground.

    Args:
        candidates: position and score of every fused candidate.
        frames: every photograph of the flight, those without boxes too.
        ground: the ground with its people.
        camera: the camera's profile.

    Raises:
        ValueError: boxes of another shape than (n, 4), or no photographs.
    """
    if not frames:
        raise ValueError("frames: expected at least one photograph")
    people = ground.people
    truth_xy = np.array([p.xy_m for p in people], dtype=float).reshape(-1, 2)
    found_xy = ground.frame.to_xy([position for position, _ in candidates])
    pairs = match_one_to_one(found_xy, truth_xy, radius_m=MATCH_RADIUS_M)
    errors_m = [float(np.hypot(*(found_xy[c] - truth_xy[t]))) for c, t in pairs]
    false_boxes = sum(_false_boxes(frame, ground, camera, people) for frame in frames)
    return DemoScore(
        persons_planted=len(people),
        persons_found=len(pairs),
        persons_found_ids=tuple(sorted(people[t].id for _, t in pairs)),
        candidates=len(candidates),
        false_candidates=len(candidates) - len(pairs),
        false_candidates_per_frame=false_boxes / len(frames),
        median_position_error_m=statistics.median(errors_m) if errors_m else None,
    )


def _false_boxes(frame: FrameDetections, ground: Ground, camera: Camera, people: Sequence[Person]) -> int:
    boxes = np.asarray(frame.xyxy_px, dtype=float)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{frame.frame}: expected boxes of shape (n, 4), got {boxes.shape}")
    if len(boxes) == 0:
        return 0
    on_ground = View(ground, camera, frame.shot).ground_points((boxes[:, :2] + boxes[:, 2:]) / 2)
    if not people:
        return len(boxes)
    truth_xy = np.array([p.xy_m for p in people], dtype=float)
    apart_m = np.linalg.norm(on_ground[:, None, :] - truth_xy[None, :, :], axis=2)
    return int((apart_m.min(axis=1) > MATCH_RADIUS_M).sum())


def match_one_to_one(found_xy: Array, truth_xy: Array, *, radius_m: float) -> list[tuple[int, int]]:
    """Pair candidates with people within a radius: as many pairs as possible, then the least total distance.

    Successive shortest augmenting paths (Bellman-Ford on the residual graph): each round adds one pair at
    the least cost, so in the end the number of pairs is the greatest and their total distance the least.

    Args:
        found_xy: (n, 2) east, north [m].
        truth_xy: (m, 2) east, north [m].
        radius_m: farthest that a pair may be apart [m].

    Returns:
        Pairs of indices (candidate, person), sorted.
    """
    if len(found_xy) == 0 or len(truth_xy) == 0:
        return []
    apart = np.linalg.norm(found_xy[:, None, :] - truth_xy[None, :, :], axis=2)
    near = {c: [int(t) for t in np.flatnonzero(apart[c] <= radius_m)] for c in range(len(found_xy))}
    person_of: dict[int, int] = {}
    candidate_of: dict[int, int] = {}
    while (path := _cheapest_path(near, apart, person_of, candidate_of)) is not None:
        for c, t in path:
            person_of[c], candidate_of[t] = t, c
    return sorted(person_of.items())


def _cheapest_path(
    near: Mapping[int, Sequence[int]],
    apart: Array,
    person_of: Mapping[int, int],
    candidate_of: Mapping[int, int],
) -> list[tuple[int, int]] | None:
    """The pairs along the cheapest alternating path from a free candidate to a free person."""
    cost = {c: 0.0 for c in near if c not in person_of}
    came: dict[int, tuple[int, int]] = {}  # candidate -> the (candidate, person) that took its person
    best: tuple[float, int, int] | None = None
    changed = set(cost)
    while changed:
        c = changed.pop()
        for t in near[c]:
            total = cost[c] + float(apart[c, t])
            owner = candidate_of.get(t)
            if owner is None:
                if best is None or total < best[0]:
                    best = (total, c, t)
            elif owner != c:
                given_back = total - float(apart[owner, t])
                if given_back < cost.get(owner, np.inf) - 1e-12:
                    cost[owner] = given_back
                    came[owner] = (c, t)
                    changed.add(owner)
    if best is None:
        return None
    _, c, t = best
    path = [(c, t)]
    while c in came:
        c, t = came[c]
        path.append((c, t))
    return path
