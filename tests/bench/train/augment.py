"""How training pictures are distorted: one warp for place, scale, turn and mirror; then what cameras do."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .coco import Picture

__all__ = ["Cutting", "cut", "degraded", "pasted"]


class Cutting:
    """A similarity from a picture to a crop of `side_px`: about a place, scaled, turned, mirrored.

    Args:
        middle: the picture's place in the middle of the crop [px].
        scale: crop pixels per picture pixel.
        turn_deg: how far the picture is turned.
        mirror: left and right exchanged.
        side_px: side of the crop.
    """

    def __init__(
        self, middle: tuple[float, float], scale: float, turn_deg: float, mirror: bool, side_px: int
    ) -> None:
        angle = math.radians(turn_deg)
        cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
        linear = np.array([[cos, -sin], [sin, cos]])
        if mirror:
            linear[0] *= -1
        self.linear, self.side_px, self.scale = linear, side_px, scale
        self.offset = side_px / 2 - linear @ np.array(middle)

    def image(self, image: np.ndarray, outside: int) -> np.ndarray:
        """The crop; places outside the picture get the grey value `outside`."""
        if self.scale < 0.75:
            image = cv2.GaussianBlur(image, (0, 0), 0.4 / self.scale)
        # A pixel's middle lies half a pixel from its corner; boxes are counted in corners.
        half = np.array([0.5, 0.5])
        offset = self.offset + self.linear @ half - half
        matrix = np.hstack([self.linear, offset[:, None]])
        side = (self.side_px, self.side_px)
        return cv2.warpAffine(
            image, matrix, side, flags=cv2.INTER_LINEAR, borderValue=(outside, outside, outside)
        )

    def boxes(self, boxes: np.ndarray) -> np.ndarray:
        """(n, 4) boxes xyxy in the crop: those around the turned ellipses that fill the boxes."""
        if not len(boxes):
            return boxes
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2 @ self.linear.T + self.offset
        half = np.sqrt(((boxes[:, 2:] - boxes[:, :2]) / 2) ** 2 @ (self.linear**2).T)
        return np.hstack([middles - half, middles + half]).astype(np.float32)


def cut(picture: Picture, cutting: Cutting) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Crop, persons and ignored boxes; a person whose middle lies outside the crop becomes ignored."""
    image = cutting.image(picture.bgr, int(picture.bgr[::16, ::16].mean()))
    persons, ignored = cutting.boxes(picture.persons), cutting.boxes(picture.ignored)
    middles = (persons[:, :2] + persons[:, 2:]) / 2
    inside = ((middles >= 0) & (middles < cutting.side_px)).all(axis=1)
    ignored = np.vstack([ignored, persons[~inside]])
    touching = (ignored[:, 2:] > 0).all(axis=1) & (ignored[:, :2] < cutting.side_px).all(axis=1)
    return image, persons[inside], ignored[touching]


def pasted(
    image: np.ndarray, patch: np.ndarray, left: int, top: int, *, gain: float, soft_px: float = 1.5
) -> None:
    """Add what a patch shows over its own rim to a float32 image, in place, with a soft elliptic edge.

    Only the difference to the patch's rim is added, so the person keeps the contrast and the ground stays.
    """
    height, width = patch.shape[:2]
    rim = np.concatenate([patch[0], patch[-1], patch[:, 0], patch[:, -1]])
    ground = np.median(rim, axis=0)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    radius = np.hypot((x + 0.5 - width / 2) / (width / 2), (y + 0.5 - height / 2) / (height / 2))
    alpha = np.clip((1.0 - radius) * min(height, width) / 2 / soft_px, 0, 1)[:, :, None]
    place = image[top : top + height, left : left + width]
    place += gain * alpha * (patch.astype(np.float32) - ground)


def degraded(image: np.ndarray, random: np.random.Generator, *, invert: float = 0.0) -> np.ndarray:
    """What cameras and links do to a picture: gain, level, curve, inversion, blur, noise, JPEG.

    Args:
        image: (side, side, 3) float32 0…255.
        random: where chance comes from.
        invert: how often light and dark are exchanged.

    Returns:
        (side, side, 3) float32 0…255.
    """
    if invert and random.random() < invert:
        image = 255 - image
    level = image.mean()
    image = (image - level) * np.float32(math.exp(random.uniform(-0.6, 0.5)))
    image = image + np.float32(np.clip(level + random.normal(0, 25), 25, 230))
    if random.random() < 0.3:
        image = 255 * (np.clip(image, 0, 255) / 255) ** np.float32(math.exp(random.uniform(-0.4, 0.4)))
    if random.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), random.uniform(0.4, 1.2))
    if random.random() < 0.35:
        noise = random.standard_normal(image.shape[:2], dtype=np.float32)[:, :, None]
        image = image + noise * np.float32(random.uniform(1, 7))
    image = np.clip(image, 0, 255)
    if random.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(40, 90))]
        image = cv2.imdecode(cv2.imencode(".jpg", image.astype(np.uint8), quality)[1], cv2.IMREAD_COLOR)
    return image.astype(np.float32)
