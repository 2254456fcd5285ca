"""The rule by which a box counts, at its edges, and the figures that follow from it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from airbeat.detect.detections import Detections
from airbeat.detect.scoring import (
    FALSE_ALARM,
    NEITHER,
    RIGHT,
    Pool,
    ScoredImage,
    bootstrap,
    score_image,
    wilson,
)

PERSON = np.array([[100.0, 100, 140, 180]])
NOBODY = np.empty((0, 4))


def around(x, y, width=10.0, height=10.0):
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def outcomes(boxes, persons=PERSON, ignored=NOBODY):
    scores = np.linspace(0.9, 0.1, len(boxes))
    found = Detections(xyxy_px=np.array(boxes, float).reshape(-1, 4), scores=scores)
    return score_image(found, persons, ignored).outcomes.tolist()


def image(scores, results, persons):
    """A scored image with the given outcomes; the first persons are the found ones."""
    results = np.array(results, dtype=int)
    taken = np.where(results == RIGHT, np.cumsum(results == RIGHT) - 1, -1)
    return ScoredImage(
        scores=np.array(scores, float), outcomes=results, persons=taken, sizes_px=np.full(persons, 20.0)
    )


@pytest.mark.parametrize(
    ("x", "y", "result"),
    [
        (120, 140, RIGHT),
        (150, 140, RIGHT),  # a quarter of 40 px beside it
        (150.1, 140, FALSE_ALARM),
        (120, 200, RIGHT),  # a quarter of 80 px below it
        (120, 200.1, FALSE_ALARM),
        (90, 80, RIGHT),
        (89.9, 80, FALSE_ALARM),
    ],
)
def test_a_middle_in_the_box_grown_by_a_quarter_is_right(x, y, result):
    assert outcomes([around(x, y)]) == [result]


def test_a_small_box_is_grown_by_four_pixels_at_least():
    small = np.array([[100.0, 100, 108, 108]])
    assert outcomes([around(112, 104, 4, 4)], small) == [RIGHT]
    assert outcomes([around(112.1, 104, 4, 4)], small) == [FALSE_ALARM]


def test_an_overlap_of_three_tenths_is_right_wherever_the_middle_is():
    tall = np.array([[0.0, 0, 100, 100]])
    assert outcomes([[0, 0, 100, 333.3]], tall) == [RIGHT]  # its middle is 66 px below the box
    assert outcomes([[0, 0, 100, 334]], tall) == [FALSE_ALARM]


def test_a_huge_box_is_right_by_overlap_only():
    x, y = 120, 140
    assert outcomes([around(x, y, 160, 320)]) == [RIGHT]  # 16 times the area
    assert outcomes([around(x, y, 161, 320)]) == [FALSE_ALARM]


def test_a_second_box_on_a_person_is_neither_right_nor_false():
    assert outcomes([around(120, 140), around(121, 141), around(122, 142)]) == [RIGHT, NEITHER, NEITHER]


def test_the_nearest_of_two_free_persons_is_taken_and_then_the_other():
    pair = np.array([[100.0, 100, 140, 140], [130.0, 100, 170, 140]])
    found = Detections(
        xyxy_px=np.array([around(136, 120), around(137, 120), around(138, 120)]),
        scores=np.array([0.9, 0.8, 0.7]),
    )
    scored = score_image(found, pair, NOBODY)
    assert scored.outcomes.tolist() == [RIGHT, RIGHT, NEITHER]
    assert scored.persons.tolist() == [1, 0, -1] or scored.persons.tolist() == [0, 1, -1]
    assert scored.persons[0] == (1 if abs(136 - 150) < abs(136 - 120) else 0)


def test_boxes_in_an_ignored_region_count_for_nothing_but_can_still_be_right():
    crowd = np.array([[0.0, 0, 300, 300]])
    assert outcomes([around(120, 140), around(250, 250), around(320, 150)], ignored=crowd) == [
        RIGHT,
        NEITHER,
        NEITHER,
    ]
    assert outcomes([around(331, 150)], ignored=crowd) == [FALSE_ALARM]
    assert outcomes([[290, 0, 700, 300]], ignored=np.array([[300.0, 0, 360, 300]])) == [NEITHER]


def test_without_persons_every_box_is_a_false_alarm():
    assert outcomes([around(5, 5), around(50, 50)], NOBODY) == [FALSE_ALARM, FALSE_ALARM]
    assert outcomes([]) == []


def test_recall_at_a_rate_is_that_of_the_lowest_threshold_that_keeps_it():
    pool = Pool(
        [
            image([0.9, 0.7, 0.5, 0.3], [RIGHT, FALSE_ALARM, RIGHT, FALSE_ALARM], 2),
            image([0.8, 0.4], [RIGHT, RIGHT], 3),
        ]
    )
    assert pool.recall_at(0.0) == pytest.approx(2 / 5)
    assert pool.recall_at(0.5) == pytest.approx(4 / 5)
    assert pool.threshold_at(0.5) == pytest.approx(0.4)
    assert pool.recall_above(0.5) == pytest.approx(3 / 5)
    assert pool.false_above(0.5) == pytest.approx(1 / 2)
    assert pool.precision_above(0.5).value == pytest.approx(3 / 4)


def test_boxes_of_equal_score_are_taken_or_left_together():
    pool = Pool([image([0.9, 0.5, 0.5, 0.5], [RIGHT, RIGHT, FALSE_ALARM, FALSE_ALARM], 2)])
    assert pool.recall_at(1.0) == pytest.approx(1 / 2)
    assert pool.recall_at(2.0) == pytest.approx(1.0)
    assert pool.threshold_at(1.0) == pytest.approx(0.9)


def test_average_precision_of_a_worked_example():
    pool = Pool([image([0.9, 0.8, 0.7], [RIGHT, FALSE_ALARM, RIGHT], 2)])
    assert pool.average_precision() == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_without_persons_recall_is_not_a_number_and_false_alarms_are_still_counted():
    pool = Pool([image([0.9], [FALSE_ALARM], 0), image([], [], 0)])
    assert math.isnan(pool.recall_at(1))
    assert math.isnan(pool.average_precision())
    assert pool.false_above(0.5) == pytest.approx(0.5)
    assert math.isnan(bootstrap(pool, lambda w: pool.recall_at(1, w)).low)


def test_recall_by_pixels_counts_persons_in_classes_of_their_longest_edge():
    persons = np.array([[0.0, 0, 5, 9], [50, 50, 62, 60], [200, 200, 210, 212]])
    found = Detections(xyxy_px=np.array([around(56, 55)]), scores=np.array([0.6]))
    pool = Pool([score_image(found, persons, NOBODY)])
    bins = {(b.from_px, b.to_px): (b.found, b.persons) for b in pool.recall_by_pixels(0.5)}
    assert bins == {(8, 10): (0, 1), (12, 16): (1, 2)}
    assert sum(b.found for b in pool.recall_by_pixels(0.7)) == 0


def test_the_calibration_error_is_none_where_scores_are_shares():
    honest = image([0.75] * 4, [RIGHT, RIGHT, RIGHT, FALSE_ALARM], 3)
    boastful = image([0.95] * 4, [RIGHT, FALSE_ALARM, FALSE_ALARM, FALSE_ALARM], 3)
    assert Pool([honest]).calibration_error() == pytest.approx(0)
    assert Pool([boastful]).calibration_error() == pytest.approx(0.7)


def test_the_best_boxes_of_an_image_hold_everyone_or_not():
    pool = Pool(
        [
            image([0.9, 0.8, 0.7], [FALSE_ALARM, RIGHT, RIGHT], 2),
            image([0.9, 0.8, 0.7], [FALSE_ALARM, FALSE_ALARM, RIGHT], 1),
            image([], [], 11),
            image([], [], 0),
        ]
    )
    assert pool.whole_among_best(2).value == 0
    assert pool.whole_among_best(3).value == 1


def test_wilson_intervals_are_those_of_the_tables():
    assert (wilson(8, 10).low, wilson(8, 10).high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert (wilson(0, 10).low, wilson(0, 10).high) == pytest.approx((0, 0.2775), abs=1e-4)
    assert math.isnan(wilson(0, 0).value)


def test_the_bootstrap_draws_images_and_is_the_same_for_the_same_seed():
    random = np.random.default_rng(3)
    images = [image([0.9], [RIGHT if random.random() < 0.7 else FALSE_ALARM], 1) for _ in range(100)]
    pool = Pool(images)
    one, again = (bootstrap(pool, lambda w: pool.recall_above(0.5, w), seed=4) for _ in range(2))
    other = bootstrap(pool, lambda w: pool.recall_above(0.5, w), seed=5)
    assert one == again
    assert one != other
    exact = wilson(round(one.value * 100), 100)
    assert (one.low, one.high) == pytest.approx((exact.low, exact.high), abs=0.03)


def test_recall_of_a_draw_of_images_is_that_of_the_images_drawn():
    random = np.random.default_rng(8)
    images = [
        image(np.sort(random.random(40))[::-1], random.permutation([RIGHT] * 3 + [FALSE_ALARM] * 37), 4)
        for _ in range(12)
    ]
    pool = Pool(images)
    for _ in range(30):
        weights = random.multinomial(12, np.full(12, 1 / 12))
        drawn = Pool([i for i, w in zip(images, weights, strict=True) for _ in range(w)])
        for rate in (0.0, 0.5, 2.0, 30.0):
            assert pool.recall_at(rate, weights.astype(float)) == pytest.approx(drawn.recall_at(rate))
        assert pool.average_precision(weights.astype(float)) == pytest.approx(drawn.average_precision())
