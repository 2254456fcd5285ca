"""The scoring rule against a plain restatement of it, and what must hold of any boxes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from airbeat.detect.detections import Detections
from airbeat.detect.scoring import FALSE_ALARM, NEITHER, RIGHT, Pool, score_image

side = st.integers(1, 60)
place = st.integers(0, 120)
box = st.tuples(place, place, side, side).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
boxes = st.lists(box, max_size=8).map(lambda b: np.array(b, float).reshape(-1, 4))


def grown_holds(region, x, y, share):
    more_x, more_y = max(4, share * (region[2] - region[0])), max(4, share * (region[3] - region[1]))
    return region[0] - more_x <= x <= region[2] + more_x and region[1] - more_y <= y <= region[3] + more_y


def overlap(a, b):
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(r[2] - r[0]) * (r[3] - r[1]) for r in (a, b)]
    return width * height / (sum(areas) - width * height)


def plain_rule(found, persons, ignored):
    """The rule, person by person and box by box."""
    taken, results = set(), []
    for b in found:
        x, y = (b[0] + b[2]) / 2, (b[1] + b[3]) / 2
        met = []
        for k, p in enumerate(persons):
            small = (b[2] - b[0]) * (b[3] - b[1]) <= 16 * (p[2] - p[0]) * (p[3] - p[1])
            if (small and grown_holds(p, x, y, 0.25)) or overlap(b, p) >= 0.3:
                met.append((((p[0] + p[2]) / 2 - x) ** 2 + ((p[1] + p[3]) / 2 - y) ** 2, k))
        free = [m for m in met if m[1] not in taken]
        if free:
            taken.add(min(free)[1])
            results.append(RIGHT)
        elif met or any(grown_holds(r, x, y, 0.1) or overlap(b, r) > 0.1 for r in ignored):
            results.append(NEITHER)
        else:
            results.append(FALSE_ALARM)
    return results


def detections(xyxy):
    return Detections(xyxy_px=xyxy, scores=np.linspace(1, 0.1, len(xyxy)))


@given(boxes, boxes, boxes)
def test_the_rule_is_the_one_that_is_written_down(found, persons, ignored):
    scored = score_image(detections(found), persons, ignored)
    assert scored.outcomes.tolist() == plain_rule(found, persons, ignored)


@given(boxes, boxes, boxes)
def test_no_person_is_counted_twice_and_every_right_box_has_one(found, persons, ignored):
    scored = score_image(detections(found), persons, ignored)
    taken = scored.persons[scored.outcomes == RIGHT]
    assert len(set(taken.tolist())) == len(taken) <= len(persons)
    assert (scored.persons[scored.outcomes != RIGHT] == -1).all()


@given(boxes)
def test_the_labels_themselves_are_found_without_false_alarms(persons):
    scored = score_image(detections(persons), persons, np.empty((0, 4)))
    assert FALSE_ALARM not in scored.outcomes.tolist()
    if len(persons):
        assert scored.outcomes[0] == RIGHT


@given(st.lists(st.tuples(boxes, boxes), min_size=1, max_size=4))
def test_more_false_alarms_allowed_never_lower_recall(images):
    pool = Pool([score_image(detections(f), p, np.empty((0, 4))) for f, p in images])
    if pool.persons.sum():
        recalls = [pool.recall_at(rate) for rate in (0, 0.1, 0.5, 1, 2, 5, 100)]
        assert recalls == sorted(recalls)
        assert recalls[-1] <= 1
        assert 0 <= pool.average_precision() <= 1 + 1e-9
