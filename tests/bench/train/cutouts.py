"""People cut out of photographs, to be pasted onto other ground as the drawn ones are.

Under an even sky a person from above is what differs from the ground around: GrabCut (Rother, Kolmogorov and
Blake 2004) parts the two, begun with the colours of a ring about the box. What comes out too large, too small
or too much like the ground is left.
"""

from __future__ import annotations

import cv2
import numpy as np

from .render import FULL_SCALE, Light, Sprite

__all__ = ["cut_out"]

_ENLARGED = 3
_ROUNDS = 4
_MARGIN = 0.6
"""Ground shown about a box, in its longer sides."""

_GROWN_BY = 0.06
_LEAST_PIECE = 0.12
"""Pieces smaller than so much of the largest are dirt."""

_SHARE_OF_BOX = (0.22, 0.9)
_LEAST_REACH = 0.6
_LEAST_CONTRAST = 1.8
_GROUND_REFLECTS = 0.13
"""Of all light, as of asphalt and paving: what the photograph's usual brightness stands for."""

_OVERCAST = Light(sun_azimuth_rad=0.0, sun_elevation_rad=1.0, sky_share=1.0)


def cut_out(bgr: np.ndarray, box: np.ndarray, gsd_m_px: float, others: np.ndarray) -> Sprite | None:
    """A sprite of the person in a box, without shadow; None where body and ground cannot be told apart.

    Args:
        bgr: (height, width, 3) uint8 photograph, taken under clouds.
        box: (4,) xyxy about the person [px].
        gsd_m_px: of ground across the line of sight [m/px].
        others: (n, 4) boxes of other people, who say nothing of the ground [px].
    """
    margin = _MARGIN * max(box[2] - box[0], box[3] - box[1]) + 4
    height, width = bgr.shape[:2]
    left, top = (int(max(0, v - margin)) for v in box[:2])
    piece = bgr[top : int(min(height, box[3] + margin)), left : int(min(width, box[2] + margin))]
    if min(piece.shape[:2]) < 8:
        return None
    big = cv2.resize(piece, None, fx=_ENLARGED, fy=_ENLARGED, interpolation=cv2.INTER_CUBIC)
    shift = np.array([left, top, left, top])
    solid = _body(big, (box - shift) * _ENLARGED, (others.reshape(-1, 4) - shift) * _ENLARGED)
    if solid is None:
        return None
    return _sprite(big, solid, usual=float(np.median((piece / 255.0) ** 2.2)), gsd_m_px=gsd_m_px / _ENLARGED)


def _inside(shape: tuple[int, ...], box: np.ndarray) -> np.ndarray:
    """(height, width) bool: what lies in a box."""
    mask = np.zeros(shape[:2], bool)
    left, top, right, bottom = (max(0, int(v)) for v in box)
    mask[top:bottom, left:right] = True
    return mask


def _body(big: np.ndarray, box: np.ndarray, others: np.ndarray) -> np.ndarray | None:
    """(height, width) uint8, 1 on the person; None where that does not look like one."""
    size = box[2:] - box[:2]
    inside = _inside(big.shape, box + np.array([-1, -1, 1, 1]) * np.tile(_GROWN_BY * size + 1, 2))
    ground = ~inside
    for other in others:
        ground &= ~_inside(big.shape, other)
    if ground.sum() < 50:
        return None
    lab = cv2.cvtColor(big, cv2.COLOR_BGR2LAB).astype(np.float32)
    usual = np.median(lab[ground], axis=0)
    far = np.abs(lab - usual).sum(axis=2)
    like_ground = far < max(6.0, float(np.median(far[ground])))
    mask = np.full(big.shape[:2], cv2.GC_BGD, np.uint8)
    mask[inside] = cv2.GC_PR_FGD
    mask[inside & like_ground] = cv2.GC_PR_BGD
    if not (mask == cv2.GC_PR_FGD).any():
        return None
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(big, mask, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    body = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    count, labels, about, _ = cv2.connectedComponentsWithStats(body)
    areas = about[1:, cv2.CC_STAT_AREA]
    if count < 2:
        return None
    body = np.isin(labels, 1 + np.nonzero(areas > _LEAST_PIECE * areas.max())[0]).astype(np.uint8)
    rows, columns = np.nonzero(body.any(axis=1))[0], np.nonzero(body.any(axis=0))[0]
    reach = np.array([np.ptp(columns) + 1, np.ptp(rows) + 1]) / size
    share = float(body.sum() / size.prod())
    contrast = float(far[body > 0].mean() / (far[ground].mean() + 4))
    low, high = _SHARE_OF_BOX
    fits = low < share < high and reach.min() > _LEAST_REACH and contrast > _LEAST_CONTRAST
    return body if fits else None


def _sprite(big: np.ndarray, body: np.ndarray, *, usual: float, gsd_m_px: float) -> Sprite | None:
    """The body with soft edges, where its own colours go on outwards so that no ground shines through."""
    core = cv2.erode(body, np.ones((3, 3), np.uint8)).astype(np.float32)
    cover = cv2.GaussianBlur(core, (0, 0), 1.2)
    rows, columns = np.nonzero(cover > 0.35)
    if not len(rows):
        return None
    weight = np.maximum(cv2.GaussianBlur(core, (0, 0), 2.0), 1e-3)[..., None]
    carried = cv2.GaussianBlur(big * core[..., None], (0, 0), 2.0) / weight
    shown = np.where(core[..., None] > 0, big, carried)
    reflected = (np.clip(shown, 0, 255) / 255) ** 2.2 * _GROUND_REFLECTS / max(usual, 0.02)
    return Sprite(
        bgr=(255 * np.sqrt(np.clip(reflected / FULL_SCALE, 0, 1))).astype(np.uint8),
        alpha=(255 * cover).astype(np.uint8),
        shadow=np.zeros(cover.shape, np.uint8),
        box_px=(
            float(columns.min()),
            float(rows.min()),
            float(columns.max() + 1),
            float(rows.max() + 1),
        ),
        foot_px=(float(columns.mean()), float(rows.max())),
        light=_OVERCAST,
        gsd_m_px=gsd_m_px,
    )
