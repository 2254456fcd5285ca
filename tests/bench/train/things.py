"""Things that are no people, as clouds of surface points: what stands, lies and casts shadows near people.

Drawn and pasted exactly as people are, so that a network learns people and not pasting.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .bodies import bicycle
from .colours import linear
from .shapes import Cloud, box, ellipsoid, frustum, joined, moved, rotation, tube, wheel

__all__ = ["THINGS", "thing"]

_COARSE_M, _FINE_M = 0.022, 0.012


def _any_colour(random: np.random.Generator) -> np.ndarray:
    grey = random.uniform(0.05, 0.95)
    tint = random.uniform(0, 1) ** 3 * 0.5
    return linear(*np.clip(grey + tint * random.uniform(-1, 1, 3), 0.02, 1))


def _green(random: np.random.Generator) -> np.ndarray:
    value = random.uniform(0.18, 0.55)
    return linear(value * random.uniform(0.55, 1.1), value, value * random.uniform(0.3, 0.7))


def _wood(random: np.random.Generator) -> np.ndarray:
    value = random.uniform(0.15, 0.6)
    return linear(value, value * random.uniform(0.7, 0.95), value * random.uniform(0.45, 0.85))


def car(random: np.random.Generator) -> Cloud:
    """A car, estate or van with windows and wheels."""
    paint = _any_colour(random)
    dark, rubber = linear(0.08, 0.1, 0.12), linear(0.07, 0.07, 0.07)
    long, wide = random.uniform(3.7, 5.2), random.uniform(1.65, 2.0)
    van = random.random() < 0.2
    roof = random.uniform(1.8, 2.4) if van else random.uniform(1.4, 1.65)
    s = 0.03
    low = box(random, (wide, long, 0.6), (0, 0, 0.55), paint, spacing_m=s)
    back, front = -long * random.uniform(0.2, 0.46), long * (0.42 if van else random.uniform(0.12, 0.25))
    cabin = (front - back) * (0.95 if van else 0.8)
    middle = (front + back) / 2
    glass = box(
        random,
        (wide * 0.9, front - back, 0.8 * (roof - 0.85)),
        (0, middle, 0.85 + 0.4 * (roof - 0.85)),
        dark,
        spacing_m=s,
    )
    top = box(random, (wide * 0.84, cabin, 0.08), (0, middle, roof - 0.04), paint, spacing_m=s)
    wheels = [
        wheel(random, 0.3, 0.09, (x * wide * 0.47, y * long * 0.31, 0.31), rubber, spacing_m=s)
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    return joined([low, glass, top, *wheels])


def pole(random: np.random.Generator) -> Cloud:
    """A lamp post, traffic sign or plain post."""
    height, thick = random.uniform(0.5, 6.5), random.uniform(0.03, 0.12)
    colour = _any_colour(random)
    pieces = [tube(random, (0, 0, 0), (0, 0, height), thick, colour, spacing_m=_COARSE_M)]
    kind = random.integers(4)
    if kind == 0:
        turn = random.uniform(0, 2 * math.pi)
        arm = (math.cos(turn) * random.uniform(0.4, 1.8), math.sin(turn), height + 0.2)
        lamp = ellipsoid(random, (0.25, 0.16, 0.08), arm, _any_colour(random), spacing_m=_COARSE_M)
        pieces += [tube(random, (0, 0, height), arm, 0.05, colour, spacing_m=_COARSE_M), lamp]
    elif kind == 1:
        size = (random.uniform(0.3, 0.9), 0.03, random.uniform(0.3, 0.9))
        pieces.append(
            box(random, size, (0, 0.05, height - size[2] / 2), _any_colour(random), spacing_m=_FINE_M)
        )
    elif kind == 2:
        pieces.append(
            ellipsoid(random, (0.16, 0.16, 0.2), (0, 0, height), _any_colour(random), spacing_m=_FINE_M)
        )
    return joined(pieces)


def trunk(random: np.random.Generator) -> Cloud:
    """A tree stump, a log or a branching bare trunk."""
    colour = _wood(random)
    if random.random() < 0.4:
        length, thick = random.uniform(0.5, 3.5), random.uniform(0.06, 0.25)
        return tube(
            random, (-length / 2, 0, thick), (length / 2, 0, thick), thick, colour, spacing_m=_COARSE_M
        )
    height = random.uniform(0.3, 3.0)
    pieces = [tube(random, (0, 0, 0), (0, 0, height), random.uniform(0.06, 0.2), colour, spacing_m=_COARSE_M)]
    for _ in range(int(random.integers(0, 6))):
        end = random.normal(size=3) * 0.5 + (0, 0, height + random.uniform(0.3, 1.2))
        pieces.append(
            tube(random, (0, 0, height), end, random.uniform(0.02, 0.06), colour, spacing_m=_COARSE_M)
        )
    return joined(pieces)


def bush(random: np.random.Generator) -> Cloud:
    """A bush or a small tree: rough green blobs, perhaps on a stem."""
    wide = random.uniform(0.2, 1.0)
    stem = random.uniform(0.6, 2.0) if random.random() < 0.25 else 0.0
    leaf = _green(random) if random.random() < 0.85 else _wood(random)
    pieces = []
    for _ in range(int(random.integers(1, 5))):
        radii = wide * random.uniform(0.5, 1.1, 3)
        at = random.normal(size=3) * wide * 0.45 + (0, 0, stem + radii[2] * 0.8)
        blob = ellipsoid(random, radii, at, leaf * random.uniform(0.7, 1.3), spacing_m=0.018, rough=0.3)
        blob.albedo[:] *= random.uniform(0.35, 1.4, (len(blob.albedo), 1)).astype(np.float32)
        pieces.append(blob)
    if stem:
        pieces.append(tube(random, (0, 0, 0), (0, 0, stem), 0.05, _wood(random), spacing_m=_COARSE_M))
    return joined(pieces)


def bench(random: np.random.Generator) -> Cloud:
    """A bench or a table."""
    colour, long = _wood(random) if random.random() < 0.6 else _any_colour(random), random.uniform(0.8, 2.2)
    table = random.random() < 0.3
    seat, deep = (0.74, random.uniform(0.6, 0.9)) if table else (0.44, random.uniform(0.35, 0.5))
    pieces = [box(random, (long, deep, 0.05), (0, 0, seat), colour, spacing_m=0.018)]
    pieces += [
        box(random, (0.06, deep * 0.9, seat), (x * long * 0.42, 0, seat / 2), colour, spacing_m=0.018)
        for x in (-1, 1)
    ]
    if not table and random.random() < 0.6:
        pieces.append(box(random, (long, 0.05, 0.35), (0, deep / 2, seat + 0.22), colour, spacing_m=0.018))
    return joined(pieces)


def bin_(random: np.random.Generator) -> Cloud:
    """A bin, barrel, cone, hydrant, bollard or pot."""
    kind = random.integers(4)
    wide = random.uniform(0.12, 0.4)
    if kind == 0:
        cone = frustum(
            random,
            (0.17, 0.03),
            1.0,
            (0, random.uniform(0.4, 0.8)),
            linear(0.95, 0.35, 0.08),
            spacing_m=_FINE_M,
        )
        return joined(
            [cone, box(random, (0.38, 0.38, 0.03), (0, 0, 0.02), linear(0.1, 0.1, 0.1), spacing_m=_FINE_M)]
        )
    if kind == 1:
        pot = frustum(
            random,
            (wide * 0.8, wide),
            1.0,
            (0, random.uniform(0.3, 0.8)),
            _any_colour(random),
            spacing_m=_FINE_M,
        )
        plant = ellipsoid(random, (wide, wide, wide), (0, 0, 0.8), _green(random), spacing_m=0.018, rough=0.3)
        return joined([pot, plant])
    top = wide * random.uniform(0.7, 1.1)
    body = frustum(
        random, (wide, top), 1.0, (0, random.uniform(0.4, 1.2)), _any_colour(random), spacing_m=_FINE_M
    )
    if random.random() < 0.5:
        return body
    return joined(
        [
            body,
            ellipsoid(
                random, (top * 1.1, top * 1.1, 0.1), (0, 0, 1.1), _any_colour(random), spacing_m=_FINE_M
            ),
        ]
    )


def crate(random: np.random.Generator) -> Cloud:
    """Boxes, boards, blocks and sacks, alone or a few."""
    pieces = []
    for _ in range(int(random.integers(1, 4))):
        size = random.uniform(0.15, 1.1, 3) * (1, 1, 0.7)
        at = (*random.normal(size=2) * 0.4, size[2] / 2)
        made = box if random.random() < 0.7 else ellipsoid
        if made is ellipsoid:
            size = size / 2
        pieces.append(made(random, size, at, _any_colour(random), spacing_m=0.018))
    return joined(pieces)


def rock(random: np.random.Generator) -> Cloud:
    """A rough boulder, or a heap."""
    value = random.uniform(0.2, 0.8)
    colour = linear(value, value * random.uniform(0.85, 1), value * random.uniform(0.7, 1))
    pieces = []
    for _ in range(int(random.choice((1, 1, 1, 3, 6)))):
        radii = random.uniform(0.12, 0.75) * random.uniform(0.5, 1.0, 3)
        at = (*random.normal(size=2) * 0.5, radii[2] * 0.4)
        pieces.append(
            ellipsoid(random, radii, at, colour * random.uniform(0.8, 1.2), spacing_m=0.018, rough=0.2)
        )
    cloud = joined(pieces)
    return Cloud(xyz_m=np.maximum(cloud.xyz_m, (-9, -9, 0)).astype(np.float32), normals=cloud.normals,
                 albedo=cloud.albedo, person=cloud.person)  # fmt: skip


def animal(random: np.random.Generator) -> Cloud:
    """A four-legged animal, from dog to cow, standing or lying, or a bird."""
    coats = (
        linear(0.1, 0.09, 0.08),
        linear(0.45, 0.28, 0.15),
        linear(0.9, 0.88, 0.82),
        linear(0.5, 0.48, 0.45),
    )
    coat = coats[int(random.integers(4))] * random.uniform(0.7, 1.1)
    tall = random.choice((random.uniform(0.3, 0.65), random.uniform(0.7, 1.0), random.uniform(1.2, 1.6)))
    long = tall * random.uniform(0.95, 1.3)
    thick = tall * random.uniform(0.16, 0.27)
    lying = random.random() < 0.25
    level = thick if lying else tall * 0.75
    pieces = [
        ellipsoid(random, (thick, long / 2, thick * 1.05), (0, 0, level), coat, spacing_m=_FINE_M, rough=0.06)
    ]
    head = (0, -long * 0.66, level + tall * random.uniform(-0.1, 0.35))
    pieces.append(tube(random, (0, -long * 0.42, level), head, thick * 0.45, coat, spacing_m=_FINE_M))
    pieces.append(ellipsoid(random, (thick * 0.5, thick * 0.95, thick * 0.55), head, coat, spacing_m=_FINE_M))
    if not lying:
        for x in (-1, 1):
            for y in (-1, 1):
                hoof = (x * thick * 0.6, y * long * 0.36 + random.uniform(-0.1, 0.1) * tall, 0)
                pieces.append(
                    tube(
                        random,
                        (x * thick * 0.6, y * long * 0.36, level),
                        hoof,
                        thick * 0.2,
                        coat,
                        spacing_m=_FINE_M,
                    )
                )
    return joined(pieces)


def parked_bicycle(random: np.random.Generator) -> Cloud:
    """A bicycle nobody rides, leaning or on the ground."""
    ridden = bicycle(random)
    lean = math.pi / 2 if random.random() < 0.25 else random.uniform(-0.2, 0.2)
    return moved(ridden, rotation((0, 1, 0), lean), (0, 0, 0.05))


def flat_thing(random: np.random.Generator) -> Cloud:
    """A lid, stain, tarp, sheet, paper or marking: something flat on the ground."""
    size = random.uniform(0.15, 1.4, 2)
    if random.random() < 0.5:
        return ellipsoid(
            random, (*size / 2, 0.015), (0, 0, 0.01), _any_colour(random), spacing_m=0.018, rough=0.1
        )
    return box(random, (*size, 0.02), (0, 0, 0.01), _any_colour(random), spacing_m=0.018)


def fence(random: np.random.Generator) -> Cloud:
    """A piece of fence or railing."""
    long, tall, colour = random.uniform(1.2, 3.5), random.uniform(0.7, 1.5), _any_colour(random)
    posts = np.linspace(-long / 2, long / 2, int(random.integers(3, 14)))
    pieces = [tube(random, (x, 0, 0), (x, 0, tall), 0.025, colour, spacing_m=0.02) for x in posts]
    pieces += [
        tube(random, (-long / 2, 0, z), (long / 2, 0, z), 0.025, colour, spacing_m=0.02)
        for z in (tall * 0.4, tall)
    ]
    return joined(pieces)


def sign(random: np.random.Generator) -> Cloud:
    """A round or square board on a thin post, facing any way."""
    tall, wide = random.uniform(1.2, 3.0), random.uniform(0.2, 0.45)
    post = tube(random, (0, 0, 0), (0, 0, tall), 0.03, _any_colour(random), spacing_m=_COARSE_M)
    turn = rotation((1, 0, 0), math.pi / 2)
    middle = (0, 0.05, tall - wide)
    rim, face = _any_colour(random), _any_colour(random)
    if random.random() < 0.6:
        boards = [ellipsoid(random, (wide, wide, 0.015), (0, 0, 0), rim, spacing_m=_FINE_M)]
        boards.append(
            ellipsoid(random, (wide * 0.7, wide * 0.7, 0.02), (0, 0, 0.01), face, spacing_m=_FINE_M)
        )
    else:
        boards = [box(random, (2 * wide, 2 * wide, 0.03), (0, 0, 0), face, spacing_m=_FINE_M)]
    return joined([post, *(moved(board, turn, middle) for board in boards)])


def motorcycle(random: np.random.Generator) -> Cloud:
    """A parked motorcycle or scooter."""
    paint, dark, s = _any_colour(random), linear(0.08, 0.08, 0.08), 0.016
    pieces = [wheel(random, 0.28, 0.06, (0, y, 0.3), dark, spacing_m=s) for y in (-0.65, 0.6)]
    pieces.append(ellipsoid(random, (0.14, 0.35, 0.2), (0, -0.1, 0.7), paint, spacing_m=s))
    pieces.append(ellipsoid(random, (0.13, 0.4, 0.08), (0, 0.4, 0.8), dark, spacing_m=s))
    pieces.append(ellipsoid(random, (0.14, 0.3, 0.2), (0, 0, 0.4), dark, spacing_m=s))
    pieces.append(tube(random, (0, -0.65, 0.3), (0, -0.45, 1.0), 0.05, dark, spacing_m=s))
    pieces.append(tube(random, (-0.35, -0.4, 1.02), (0.35, -0.4, 1.02), 0.025, dark, spacing_m=s))
    if random.random() < 0.4:
        pieces.append(box(random, (0.4, 0.35, 0.35), (0, 0.75, 1.0), _any_colour(random), spacing_m=s))
    return moved(joined(pieces), rotation((0, 1, 0), random.uniform(-0.15, 0.15)), (0, 0, 0.03))


def chair(random: np.random.Generator) -> Cloud:
    """A chair with a back."""
    colour, s = _any_colour(random), 0.016
    seat = box(random, (0.45, 0.45, 0.05), (0, 0, 0.45), colour, spacing_m=s)
    back = box(random, (0.45, 0.05, 0.45), (0, 0.22, 0.72), colour, spacing_m=s)
    legs = [
        tube(random, (x, y, 0), (x, y, 0.45), 0.02, colour, spacing_m=s)
        for x in (-0.2, 0.2)
        for y in (-0.2, 0.2)
    ]
    return joined([seat, back, *legs])


def canopy(random: np.random.Generator) -> Cloud:
    """The crown of a tree of two to six metres across."""
    wide, stem = random.uniform(1.0, 3.0), random.uniform(1.5, 3.5)
    leaf = _green(random)
    pieces = [tube(random, (0, 0, 0), (0, 0, stem + 0.5), 0.13, _wood(random), spacing_m=0.03)]
    for _ in range(int(random.integers(3, 8))):
        radii = wide * random.uniform(0.35, 0.7, 3)
        at = (*(random.normal(size=2) * wide * 0.45), stem + radii[2] * random.uniform(0.6, 1.4))
        blob = ellipsoid(random, radii, at, leaf * random.uniform(0.7, 1.3), spacing_m=0.035, rough=0.35)
        blob.albedo[:] *= random.uniform(0.3, 1.5, (len(blob.albedo), 1)).astype(np.float32)
        pieces.append(blob)
    return joined(pieces)


THINGS: dict[str, tuple[float, Callable[[np.random.Generator], Cloud]]] = {
    "car": (0.16, car), "pole": (0.12, pole), "trunk": (0.07, trunk), "bush": (0.10, bush),
    "bench": (0.06, bench), "bin": (0.08, bin_), "crate": (0.06, crate), "rock": (0.06, rock),
    "animal": (0.06, animal), "bicycle": (0.04, parked_bicycle), "flat": (0.05, flat_thing),
    "fence": (0.02, fence), "sign": (0.08, sign), "motorcycle": (0.05, motorcycle), "chair": (0.04, chair),
    "canopy": (0.05, canopy),
}  # fmt: skip
"""Kinds of things, how often each is drawn, and what makes it."""


def thing(random: np.random.Generator) -> Cloud:
    """Any thing, turned any way about the vertical."""
    names = list(THINGS)
    shares = np.array([THINGS[name][0] for name in names])
    cloud = THINGS[names[int(random.choice(len(names), p=shares / shares.sum()))]][1](random)
    return moved(cloud, rotation((0, 0, 1), random.uniform(0, 2 * math.pi)))
