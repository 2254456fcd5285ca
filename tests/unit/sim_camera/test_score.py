"""The scorer: one-to-one matching, false boxes before fusion, errors in metres."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from airbeat.sim.camera_view import View
from airbeat.sim.score import FrameDetections, match_one_to_one, score
from airbeat.vehicle.camera import camera_profile

CAMERA = camera_profile("embedded-12mp")
NO_BOXES = np.empty((0, 4))


def test_matching_agrees_with_the_hungarian_method_on_random_cases() -> None:
    from scipy.optimize import linear_sum_assignment

    rng = np.random.default_rng(0)
    for _ in range(300):
        found = rng.uniform(0, 20, (rng.integers(1, 12), 2))
        truth = rng.uniform(0, 20, (rng.integers(1, 12), 2))
        apart = np.linalg.norm(found[:, None] - truth[None], axis=2)
        rows, cols = linear_sum_assignment(np.where(apart <= 5, apart - 1000, 0))
        best = [(r, c) for r, c in zip(rows, cols, strict=True) if apart[r, c] <= 5]
        pairs = match_one_to_one(found, truth, radius_m=5.0)
        assert len(pairs) == len(best)
        assert len({t for _, t in pairs}) == len(pairs)
        assert sum(apart[p] for p in pairs) == pytest.approx(sum(apart[p] for p in best))


def test_two_candidates_on_one_person_count_once() -> None:
    truth = np.array([[0.0, 0.0], [100.0, 0.0]])
    assert match_one_to_one(np.array([[1.0, 0.0], [0.5, 0.0]]), truth, radius_m=5.0) == [(1, 0)]


def test_a_candidate_is_given_up_to_another_person_when_both_can_be_matched() -> None:
    truth = np.array([[0.0, 0.0], [6.0, 0.0]])
    found = np.array([[2.0, 0.0], [-4.0, 0.0]])
    assert match_one_to_one(found, truth, radius_m=5.0) == [(0, 1), (1, 0)]


def _candidates(ground: Any, offset_m: float) -> list[Any]:
    moved = [(p.xy_m[0] + offset_m, p.xy_m[1]) for p in ground.people]
    return [(at, 0.9) for at in ground.frame.to_latlon(moved)]


def test_candidates_two_metres_off_are_found_with_that_error(ground: Any, shots: Any) -> None:
    frame = FrameDetections(frame="a", shot=shots(ground), xyxy_px=NO_BOXES)
    result = score(candidates=_candidates(ground, 2.0), frames=[frame], ground=ground, camera=CAMERA)
    assert result.persons_found == result.persons_planted == len(ground.people)
    assert result.median_position_error_m == pytest.approx(2.0, abs=0.01)
    assert result.false_candidates == 0


def test_candidates_six_metres_off_are_not_found(ground: Any, shots: Any) -> None:
    frame = FrameDetections(frame="a", shot=shots(ground), xyxy_px=NO_BOXES)
    result = score(candidates=_candidates(ground, 6.0), frames=[frame], ground=ground, camera=CAMERA)
    assert result.persons_found == 0
    assert result.false_candidates == len(ground.people)
    assert result.median_position_error_m is None


def test_boxes_are_judged_by_the_true_pose_before_fusion(ground: Any, shots: Any) -> None:
    person = ground.people[0]
    shot = shots(ground, xy_m=(person.xy_m[0] + 20, person.xy_m[1] - 15), gimbal_roll_deg=2.0)
    (at,), _ = View(ground, CAMERA, shot).project([(*person.xy_m, float(ground.height_m([person.xy_m])[0]))])
    on = [at[0] - 20, at[1] - 20, at[0] + 20, at[1] + 20]
    off = [v + 500 for v in on]
    frames = [
        FrameDetections(frame="a", shot=shot, xyxy_px=np.array([on, on, off, off, off])),
        FrameDetections(frame="b", shot=shot, xyxy_px=NO_BOXES),
    ]
    result = score(candidates=[], frames=frames, ground=ground, camera=CAMERA)
    assert result.false_candidates_per_frame == pytest.approx(1.5)


def test_no_photographs_cannot_be_scored(ground: Any) -> None:
    with pytest.raises(ValueError, match="at least one"):
        score(candidates=[], frames=[], ground=ground, camera=CAMERA)


def test_boxes_of_another_shape_are_refused(ground: Any, shots: Any) -> None:
    frame = FrameDetections(frame="a", shot=shots(ground), xyxy_px=np.zeros((3, 5)))
    with pytest.raises(ValueError, match=r"\(n, 4\)"):
        score(candidates=[], frames=[frame], ground=ground, camera=CAMERA)
