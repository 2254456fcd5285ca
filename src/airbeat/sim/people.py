"""People on the embedded ground: where they are, what they wear, how their bodies are put together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from airbeat.geo.coordinates import LatLon
from airbeat.sim.ground_parts import Bgr, Capsule

__all__ = ["BRIGHT_CLOTHES", "EARTH_CLOTHES", "Person", "person_parts"]

# Blue, green, red, as OpenCV orders them.
EARTH_CLOTHES: dict[str, Bgr] = {
    "brown": (38, 56, 84),
    "dark brown": (28, 38, 54),
    "olive": (42, 78, 80),
    "dark olive": (34, 54, 52),
    "grey": (112, 114, 116),
    "dark grey": (62, 63, 66),
    "khaki": (98, 136, 152),
    "beige": (122, 156, 174),
}
BRIGHT_CLOTHES: dict[str, Bgr] = {
    "red": (42, 36, 186),
    "orange": (40, 104, 226),
    "yellow": (50, 196, 226),
    "white": (226, 228, 228),
    "light blue": (206, 164, 92),
    "blue": (156, 76, 36),
    "navy": (74, 42, 28),
    "black": (32, 31, 32),
    "pink": (160, 110, 220),
    "purple": (128, 52, 96),
    "green": (72, 138, 44),
    "turquoise": (158, 152, 40),
}
_SKIN: tuple[Bgr, ...] = ((132, 164, 206), (110, 146, 192), (82, 116, 162), (56, 80, 116), (40, 56, 84))
_HAIR: tuple[Bgr, ...] = ((22, 24, 28), (28, 38, 52), (36, 58, 86), (86, 128, 158), (142, 144, 146))


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One planted person: ground truth.

    Attributes:
        id: number from 1.
        xy_m: middle of the body, east and north in the ground's local frame [m].
        position: the same as WGS84.
        posture: "standing", "sitting" or "lying".
        heading_deg: where the head points (lying) or the face looks [degrees clockwise from north].
        height_m: body height [m].
        upper: name of the colour of the upper clothes.
        lower: name of the colour of the lower clothes.
        earth_colours: True when both are brown, olive, grey or khaki.
        pose: seed of the limbs' pose, skin and hair.
        nadir_visibility: share of the body that no crown hides from straight above, 0…1.
    """

    id: int
    xy_m: tuple[float, float]
    position: LatLon
    posture: str
    heading_deg: float
    height_m: float
    upper: str
    lower: str
    earth_colours: bool
    pose: int
    nadir_visibility: float


def _colour(name: str) -> Bgr:
    return EARTH_CLOTHES[name] if name in EARTH_CLOTHES else BRIGHT_CLOTHES[name]


@dataclass(frozen=True, slots=True)
class _Look:
    upper: Bgr
    lower: Bgr
    skin: Bgr
    hair: Bgr
    shoes: Bgr
    sleeves: Bgr
    bare_shins: bool


def _look(person: Person, rng: np.random.Generator) -> _Look:
    skin = _SKIN[int(rng.integers(len(_SKIN)))]
    upper, lower = _colour(person.upper), _colour(person.lower)
    hair = _HAIR[int(rng.integers(len(_HAIR)))]
    if rng.random() < 0.2:  # a cap or hood of the same cloth
        hair = upper
    return _Look(
        upper=upper,
        lower=lower,
        skin=skin,
        hair=hair,
        shoes=((30, 32, 36), (44, 60, 82), (170, 172, 172))[int(rng.integers(3))],
        sleeves=skin if rng.random() < 0.35 else upper,
        bare_shins=bool(rng.random() < 0.15),
    )


def person_parts(person: Person) -> tuple[Capsule, ...]:
    """The body as capsules in its own frame: y towards the heading, x to its right, z up [m]."""
    rng = np.random.default_rng([person.pose, 77])
    look = _look(person, rng)
    scale = person.height_m / 1.75
    parts = {"standing": _standing, "sitting": _sitting, "lying": _lying}[person.posture](look, rng)
    return tuple(part.scaled(scale) for part in parts)


def _standing(look: _Look, rng: np.random.Generator) -> list[Capsule]:
    stride = float(rng.uniform(0.0, 0.32))
    swing = float(rng.uniform(-0.25, 0.25))
    lift = float(rng.uniform(0.0, 0.9)) if rng.random() < 0.3 else 0.0
    parts = []
    for side, step in ((-1, stride), (1, -stride)):
        foot = (0.11 * side, step, 0.06)
        knee = (0.11 * side, step * 0.6 + 0.06, 0.48)
        parts += [
            Capsule((0.1 * side, 0, 0.92), knee, 0.095, 0.07, look.lower),
            Capsule(knee, foot, 0.065, 0.05, look.skin if look.bare_shins else look.lower),
            Capsule(
                (0.11 * side, step - 0.06, 0.05), (0.11 * side, step + 0.15, 0.05), 0.05, 0.045, look.shoes
            ),
        ]
        elbow = (0.29 * side, swing * side, 1.12 + 0.3 * lift)
        hand = (0.29 * side + 0.1 * side * lift, swing * side * 1.6 + 0.16, 0.88 + 1.0 * lift)
        parts += [
            Capsule((0.22 * side, 0, 1.42), elbow, 0.065, 0.055, look.upper),
            Capsule(elbow, hand, 0.05, 0.042, look.sleeves),
            Capsule(hand, hand, 0.05, 0.05, look.skin),
        ]
    parts += [
        Capsule((-0.1, 0, 0.98), (0.1, 0, 0.98), 0.13, 0.13, look.lower),
        Capsule((0, 0, 1.08), (0, 0, 1.34), 0.15, 0.17, look.upper),
        Capsule((-0.17, 0, 1.42), (0.17, 0, 1.42), 0.095, 0.095, look.upper),
        *_head((0, 0.03, 1.63), look),
    ]
    if rng.random() < 0.35:  # a rucksack
        colour = list(BRIGHT_CLOTHES.values())[int(rng.integers(len(BRIGHT_CLOTHES)))]
        parts.append(Capsule((0, -0.22, 1.05), (0, -0.2, 1.38), 0.15, 0.14, colour))
    return parts


def _head(at: tuple[float, float, float], look: _Look) -> list[Capsule]:
    x, y, z = at
    return [
        Capsule((x, y - 0.02, z - 0.18), (x, y - 0.01, z - 0.1), 0.06, 0.06, look.skin),
        Capsule((x, y + 0.02, z - 0.02), (x, y + 0.03, z), 0.09, 0.095, look.skin),
        Capsule((x, y - 0.02, z + 0.01), (x, y, z + 0.035), 0.105, 0.1, look.hair),
    ]


def _sitting(look: _Look, rng: np.random.Generator) -> list[Capsule]:
    spread = float(rng.uniform(0.08, 0.2))
    reach = float(rng.uniform(0.6, 0.85))
    parts = []
    for side in (-1, 1):
        knee = (spread * side, 0.42, 0.14 + 0.5 * (0.85 - reach))
        foot = (spread * side, reach, 0.06)
        parts += [
            Capsule((0.1 * side, 0, 0.13), knee, 0.1, 0.075, look.lower),
            Capsule(knee, foot, 0.07, 0.055, look.skin if look.bare_shins else look.lower),
            Capsule(foot, (spread * side, reach + 0.12, 0.1), 0.055, 0.05, look.shoes),
            Capsule((0.21 * side, -0.04, 0.58), (0.27 * side, 0.14, 0.36), 0.065, 0.055, look.upper),
            Capsule((0.27 * side, 0.14, 0.36), (0.16 * side, 0.36, 0.3), 0.05, 0.042, look.sleeves),
            Capsule((0.16 * side, 0.36, 0.3), (0.15 * side, 0.4, 0.3), 0.05, 0.045, look.skin),
        ]
    parts += [
        Capsule((-0.09, 0, 0.14), (0.09, 0, 0.14), 0.14, 0.14, look.lower),
        Capsule((0, -0.03, 0.22), (0, -0.05, 0.5), 0.15, 0.165, look.upper),
        Capsule((-0.16, -0.05, 0.58), (0.16, -0.05, 0.58), 0.095, 0.095, look.upper),
        *_head((0, 0.0, 0.8), look),
    ]
    return parts


def _lying(look: _Look, rng: np.random.Generator) -> list[Capsule]:
    """At full length, head towards +y, on the back, the front or curled a little."""
    face_up = rng.random() < 0.6
    bend = float(rng.uniform(-0.14, 0.14))
    parts = []
    for side in (-1, 1):
        spread = float(rng.uniform(0.09, 0.26))
        draw_up = float(rng.uniform(0.0, 0.16))
        knee = (spread * side + bend * 0.5, -0.42 + draw_up * 0.5, 0.1 + draw_up * 0.5)
        foot = (spread * side * 1.25 + bend, -0.8 + draw_up, 0.07)
        parts += [
            Capsule((0.1 * side, -0.02, 0.11), knee, 0.1, 0.075, look.lower),
            Capsule(knee, foot, 0.07, 0.055, look.skin if look.bare_shins else look.lower),
            Capsule(foot, (foot[0] + 0.06 * side, foot[1] - 0.06, 0.1), 0.055, 0.05, look.shoes),
        ]
        out = math.radians(float(rng.uniform(8, 150)))
        shoulder = (0.2 * side, 0.46, 0.12)
        elbow = (shoulder[0] + side * 0.29 * math.sin(out), shoulder[1] - 0.29 * math.cos(out), 0.08)
        fold = out + math.radians(float(rng.uniform(-70, 40)))
        hand = (elbow[0] + side * 0.25 * math.sin(fold), elbow[1] - 0.25 * math.cos(fold), 0.07)
        parts += [
            Capsule(shoulder, elbow, 0.065, 0.055, look.upper),
            Capsule(elbow, hand, 0.05, 0.042, look.sleeves),
            Capsule(hand, hand, 0.05, 0.05, look.skin),
        ]
    top = look.skin if face_up else look.hair
    parts += [
        Capsule((-0.09, 0.0, 0.13), (0.09, 0.0, 0.13), 0.13, 0.13, look.lower),
        Capsule((0, 0.1, 0.14), (0, 0.36, 0.15), 0.155, 0.165, look.upper),
        Capsule((-0.16, 0.45, 0.13), (0.16, 0.45, 0.13), 0.1, 0.1, look.upper),
        Capsule((0, 0.54, 0.11), (0, 0.6, 0.11), 0.06, 0.06, look.skin),
        Capsule((0, 0.72, 0.1), (0, 0.75, 0.1), 0.105, 0.1, look.hair),
        Capsule((0, 0.68, 0.13), (0, 0.7, 0.14), 0.085, 0.085, top),
    ]
    return parts
