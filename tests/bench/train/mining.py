"""Looks for ground that a half-trained network takes for people, to train on it again."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from airbeat.detect.network import search

from .scenes import Ground

__all__ = ["hardest", "worst_odds"]


def worst_odds(network: cv2.dnn.Net, ground: Ground) -> float:
    """The highest log odds given to a place of the ground where nobody is."""
    boxes, odds = search(network, ground.bgr, modality="rgb", least_log_odds=-12.0)
    marked = np.vstack([ground.marked, ground.persons])
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    for x0, y0, x1, y1 in marked:
        margin = max(8.0, 0.4 * max(x1 - x0, y1 - y0))
        near = ((middles > (x0 - margin, y0 - margin)) & (middles < (x1 + margin, y1 + margin))).all(axis=1)
        middles, odds = middles[~near], odds[~near]
    return float(odds.max()) if len(odds) else -12.0


def hardest(weights: Path, grounds: list[Ground], *, share: float) -> list[Ground]:
    """The share of the grounds on which the network is most wrong, the worst first."""
    cv2.setNumThreads(1)
    network = cv2.dnn.readNetFromONNX(str(weights))
    odds = np.array([worst_odds(network, ground) for ground in grounds])
    worst = np.argsort(-odds, kind="stable")[: round(share * len(grounds))]
    return [grounds[int(k)] for k in worst]
