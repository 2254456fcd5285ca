"""Boxes that are looked at again in the mirror."""

from __future__ import annotations

import numpy as np

from airbeat.detect.doubtful import seen_again


class Reader:
    """A network whose log odds at every cell of 2 × 2 px are the brightest pixel there, and `more` beside."""

    def __init__(self, more: float = 0.0) -> None:
        self.more = more
        self.shapes: list[tuple[int, ...]] = []

    def setInput(self, given: np.ndarray) -> None:  # noqa: N802 (OpenCV names it so)
        self.shapes.append(given.shape)
        self._given = given

    def forward(self) -> np.ndarray:
        count, _, height, width = self._given.shape
        cells = self._given[:, 0].reshape(count, height // 2, 2, width // 2, 2).max(axis=(2, 4))
        blocks = cells.reshape(count, height // 4, 2, width // 4, 2).transpose(0, 2, 4, 1, 3)
        answer = np.zeros((count, 6, height // 4, width // 4), np.float32)
        answer[:, :4] = blocks.reshape(count, 4, height // 4, width // 4) + self.more
        return answer


def marked(cells: np.ndarray, odds: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    prepared = np.full((3, *shape), -9.0, np.float32)
    prepared[:, 2 * cells[:, 1], 2 * cells[:, 0]] = odds
    return prepared


def boxes_around(cells: np.ndarray) -> np.ndarray:
    middles, half = (cells + 0.5) * 2, np.array((5, 9))
    return np.hstack([middles - half, middles + half])


CELLS = np.array([(0, 0), (5, 8), (30, 21), (63, 47), (40, 2), (2, 41), (17, 33), (50, 30), (29, 4), (8, 20)])
ODDS = np.array([0.1, -0.2, 2.5, 0.4, -1.5, 0.6, -0.7, 1.1, -0.3, 0.05])


def test_every_box_is_found_again_at_its_own_cell_also_at_the_edges():
    prepared = marked(CELLS, ODDS, (96, 128))
    seen = seen_again(Reader(), prepared, boxes_around(CELLS), ODDS, most=len(CELLS))
    np.testing.assert_allclose(seen, ODDS, atol=1e-6)


def test_only_the_most_doubtful_boxes_are_averaged_with_their_mirror_images():
    network = Reader(more=1.0)
    seen = seen_again(network, marked(CELLS, ODDS, (96, 128)), boxes_around(CELLS), ODDS, most=3)
    doubtful = np.abs(ODDS) <= 0.2
    np.testing.assert_allclose(seen, ODDS + np.where(doubtful, 0.5, 0.0), atol=1e-6)


def test_the_network_is_always_shown_batches_of_one_size():
    network = Reader()
    seen_again(network, marked(CELLS, ODDS, (96, 128)), boxes_around(CELLS), ODDS, most=10)
    assert len(network.shapes) == 2
    assert len(set(network.shapes)) == 1


def test_where_there_is_no_box_nothing_is_shown():
    network = Reader()
    none = seen_again(network, np.zeros((3, 96, 128), np.float32), np.empty((0, 4)), np.empty(0), most=8)
    assert none.shape == (0,)
    assert not network.shapes
