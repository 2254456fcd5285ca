"""The boxes of which a network is least sure, shown to it again in the mirror.

A network that was trained on persons and on their mirror images still answers a little differently to the
two, and the mean of both answers is right more often. Searching the whole frame twice takes twice the time,
but only the boxes about which it is in doubt can change sides: those alone are looked at again, cut out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["seen_again"]

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_CELL_PX, _BLOCK_PX = 2, 4
_SIDE_PX = 64
_AT_ONCE = 8
"""Cut-outs are shown in batches of one size, since OpenCV plans its work anew for every other one."""


def seen_again(network: Any, prepared: Array, boxes: Floats, log_odds: Floats, *, most: int) -> Floats:
    """(n,) log odds, those of the most doubtful boxes averaged with the mirror's.

    Args:
        network: that found them, see `airbeat.detect.network.search`.
        prepared: (3, height, width) what it was shown.
        boxes: (n, 4) xyxy [px of that], unclipped: their middles are those of the network's cells.
        log_odds: (n,) its answer there.
        most: how many are looked at again: those whose log odds are nearest to 0.
    """
    doubtful = np.argsort(np.abs(log_odds), kind="stable")[:most]
    cells = ((boxes[doubtful, :2] + boxes[doubtful, 2:]) / 2 // _CELL_PX).astype(int)
    corners = cells * _CELL_PX // _BLOCK_PX * _BLOCK_PX - _SIDE_PX // 2
    seen = [
        _mirrored(network, prepared, cells[k : k + _AT_ONCE], corners[k : k + _AT_ONCE])
        for k in range(0, len(doubtful), _AT_ONCE)
    ]
    answer = log_odds.copy()
    answer[doubtful] = (log_odds[doubtful] + np.concatenate([np.empty(0), *seen])) / 2
    return answer


def _mirrored(
    network: Any, prepared: Array, cells: npt.NDArray[np.int_], corners: npt.NDArray[np.int_]
) -> Floats:
    """(n,) the highest log odds around each cell, as the network sees its surroundings mirrored."""
    given = np.zeros((_AT_ONCE, 3, _SIDE_PX, _SIDE_PX), np.float32)
    for cut, (left, top) in zip(given, corners, strict=False):
        x, y, right, bottom = max(left, 0), max(top, 0), left + _SIDE_PX, top + _SIDE_PX
        piece = prepared[:, y:bottom, x:right]
        cut[:, y - top : y - top + piece.shape[1], x - left : x - left + piece.shape[2]] = piece
    network.setInput(np.ascontiguousarray(given[:, :, :, ::-1]))
    answer = network.forward()[:, :4]
    side = _SIDE_PX // _BLOCK_PX
    heat = answer.reshape(-1, 2, 2, side, side).transpose(0, 3, 1, 4, 2).reshape(-1, 2 * side, 2 * side)
    heat = heat[:, :, ::-1]
    around = [
        heat[n, row - 1 : row + 2, column - 1 : column + 2].max()
        for n, (column, row) in enumerate(side + cells % (_BLOCK_PX // _CELL_PX))
    ]
    return np.array(around, dtype=np.float64)
