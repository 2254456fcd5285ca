"""People as clouds of surface points: parametric bodies of all ages and shapes (`anny`), posed and clothed.

`anny` (PyPI, Apache-2.0; shapes and rig of MakeHuman, CC0) gives the body; the poses, clothes, hair, hats,
packs and bicycles are ours. A body faces -y; its feet, or whatever is lowest, touch z = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from .colours import cloth_colour, hair_colour, linear, skin_colour
from .shapes import Cloud, box, ellipsoid, frustum, joined, moved, rotation, tube, wheel

__all__ = ["POSTURES", "Body", "bicycle", "dressed", "posed"]

POSTURES = {
    "standing": 0.22,
    "walking": 0.28,
    "running": 0.06,
    "waving": 0.03,
    "bending": 0.04,
    "sitting": 0.08,
    "crouching": 0.04,
    "kneeling": 0.03,
    "supine": 0.04,
    "prone": 0.03,
    "side": 0.03,
    "curled": 0.03,
    "riding": 0.09,
}
"""Postures and how often each is drawn."""

POINTS = 40_000
PARTS = ("skin", "hair", "neck", "shirt", "sleeve_upper", "sleeve_lower", "hand", "hip", "thigh_upper",
         "thigh_lower", "calf_upper", "calf_lower", "foot", "eyes")  # fmt: skip
_LYING = ("supine", "prone", "side", "curled")
_LOOSEST_M = {
    ("shirt", "sleeve_upper", "sleeve_lower"): 0.035,
    ("hip", "thigh_upper"): 0.02,
    ("thigh_lower", "calf_upper", "calf_lower"): 0.02,
    ("hair",): 0.02,
    ("foot",): 0.012,
}
"""How far from the skin clothes hang at most."""

_ARM_REST_RAD = math.radians(45)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One posed, naked body.

    Attributes:
        cloud: its points, albedo not yet painted.
        part: (n,) index into `PARTS`.
        rest_m: (n, 3) where each point is on the standing body [m], z = 0 at the hips.
        bones: transforms from the standing to the posed body by bone name, (4, 4).
        posture: one of `POSTURES`.
        height_m: standing height.
    """

    cloud: Cloud
    part: np.ndarray
    rest_m: np.ndarray
    bones: dict[str, np.ndarray]
    posture: str
    height_m: float


@dataclass(frozen=True, slots=True)
class _Figure:
    model: Any
    faces: np.ndarray
    face_of_point: np.ndarray
    weights: np.ndarray
    part: np.ndarray


_BONES = {
    "skin": ("head", "neck03"),
    "eyes": ("eye",),
    "neck": ("neck",),
    "sleeve_upper": ("upperarm",),
    "sleeve_lower": ("lowerarm",),
    "hand": ("wrist", "finger", "metacarpal"),
    "hip": ("pelvis", "root"),
    "thigh_upper": ("upperleg01",),
    "thigh_lower": ("upperleg02",),
    "calf_upper": ("lowerleg01",),
    "calf_lower": ("lowerleg02",),
    "foot": ("foot", "toe"),
}
"""Bones (their names' beginnings) that move a part; all others move the shirt."""


def _part_of_bone(name: str) -> str:
    return next((part for part, starts in _BONES.items() if name.startswith(starts)), "shirt")


@cache
def _figure() -> _Figure:
    import anny
    import torch

    torch.set_num_threads(1)
    model = anny.Anny(local_changes="default").to(dtype=torch.float32)
    model.set_skinning_method("lbs")
    with torch.no_grad():
        average = dict.fromkeys(model.phenotype_labels, 0.5)
        out = model(pose_parameters=torch.eye(4).repeat(1, model.bone_count, 1, 1), phenotype_kwargs=average)
    rest = out["rest_vertices"][0].numpy()
    faces = model.faces.numpy().astype(np.int64)
    corners = rest[faces]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    random = np.random.default_rng(0)
    chosen = random.choice(len(faces), size=POINTS, p=areas / areas.sum())
    share = random.dirichlet((1, 1, 1), size=POINTS).astype(np.float32)
    main = model.vertex_bone_indices.numpy()[
        np.arange(len(rest)), model.vertex_bone_weights.numpy().argmax(axis=1)
    ]
    parts = np.array([PARTS.index(_part_of_bone(name)) for name in model.bone_labels])[main]
    point_part = parts[faces[chosen, 0]].astype(np.uint8)
    points = (rest[faces[chosen]] * share[..., None]).sum(axis=1)
    head = point_part == PARTS.index("skin")
    low, high = points[head].min(axis=0), points[head].max(axis=0)
    at = (points - low) / (high - low)
    hair = head & (at[:, 2] > 0.50 + 0.42 * np.clip(1 - at[:, 1], 0, 1) ** 1.2)
    point_part[hair] = PARTS.index("hair")
    return _Figure(model, faces, chosen, share, point_part)


def _limbs(turns: dict[str, np.ndarray], side: str, **angles: float) -> None:
    """Set one side's limbs [degrees]: hip and arm forward, legs apart, knee and elbow bent, arm out."""
    sign = 1.0 if side == "L" else -1.0
    x, y = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    a = {name: math.radians(value) for name, value in angles.items()}
    turns[f"upperleg01.{side}"] = rotation(x, -a.get("hip", 0)) @ rotation(y, -sign * a.get("apart", 0))
    turns[f"lowerleg01.{side}"] = rotation(x, a.get("knee", 0))
    turns[f"foot.{side}"] = rotation(x, a.get("toe", 0))
    lowered = rotation(y, sign * (_ARM_REST_RAD - a.get("out", 0.14)))
    turns[f"upperarm01.{side}"] = rotation(x, -a.get("arm", 0)) @ lowered
    bend_axis = lowered.T @ x
    turns[f"lowerarm01.{side}"] = rotation(bend_axis, -a.get("elbow", 0.15))


def _spine(turns: dict[str, np.ndarray], lean: float, twist: float = 0.0, nod: float = 0.0) -> None:
    """Bend the back forward, twist it, and bend the neck [degrees]."""
    for bone in ("spine04", "spine03", "spine02", "spine01"):
        turns[bone] = rotation((1, 0, 0), math.radians(lean) / 4) @ rotation(
            (0, 0, 1), math.radians(twist) / 4
        )
    for bone in ("neck02", "head"):
        turns[bone] = rotation((1, 0, 0), math.radians(nod) / 2)


def _upright(turns: dict[str, np.ndarray], posture: str, r: np.random.Generator) -> None:
    u = r.uniform
    if posture == "standing":
        _spine(turns, u(-3, 8), u(-15, 15), u(-10, 35))
        style = r.integers(4)
        for side in "LR":
            arm = {"out": u(4, 18), "elbow": u(5, 30), "arm": u(-10, 12)}
            if style == 1:  # hands before the chest: a phone, a controller, crossed arms
                arm = {"out": u(2, 15), "elbow": u(70, 115), "arm": u(5, 30)}
            elif style == 2 and side == "L":  # hand on the hip or at the head
                arm = {"out": u(30, 50), "elbow": u(80, 130), "arm": u(-20, 60)}
            _limbs(turns, side, hip=u(-3, 6), apart=u(0, 12), knee=u(0, 8), **arm)
    elif posture in ("walking", "running"):
        fast = posture == "running"
        stride = u(28, 50) if fast else u(8, 30)
        _spine(turns, u(8, 18) if fast else u(0, 8), u(-12, 12), u(-5, 25))
        for side, way in (("L", 1), ("R", -1)):
            hip = way * stride
            knee = u(60, 110) if fast and way < 0 else (u(15, 45) if way < 0 else u(0, 25))
            swing = -way * stride * u(0.6, 1.2)
            elbow = u(70, 100) if fast else u(8, 40)
            _limbs(turns, side, hip=hip, apart=u(0, 4), knee=knee, arm=swing, out=u(3, 12), elbow=elbow)
    elif posture == "waving":
        _spine(turns, u(-5, 5), u(-10, 10), u(-25, 5))
        both = r.random() < 0.5
        for side in "LR":
            up = both or side == "L"
            arm = {"out": u(90, 160), "elbow": u(0, 50)} if up else {"out": u(5, 15), "elbow": u(5, 25)}
            _limbs(turns, side, apart=u(2, 14), **arm)
    else:  # bending
        _spine(turns, u(25, 70), u(-15, 15), u(0, 30))
        hip = u(20, 55)
        for side in "LR":
            _limbs(turns, side, hip=hip, knee=u(5, 35), arm=u(30, 80), out=u(2, 15), elbow=u(5, 50))


def _low(turns: dict[str, np.ndarray], posture: str, r: np.random.Generator) -> None:
    u = r.uniform
    if posture == "sitting":
        _spine(turns, u(0, 30), u(-15, 15), u(-5, 35))
        legs = r.integers(3)  # straight before one, knees drawn up, as on a bench
        hip, knee = ((u(75, 95), u(0, 25)), (u(100, 125), u(90, 130)), (u(75, 95), u(70, 100)))[legs]
        for side in "LR":
            hand = {"arm": u(10, 60), "elbow": u(10, 90), "out": u(3, 20)}
            _limbs(turns, side, hip=hip + u(-6, 6), apart=u(0, 22), knee=knee + u(-8, 8), **hand)
    elif posture == "crouching":
        _spine(turns, u(10, 45), u(-15, 15), u(-10, 25))
        for side in "LR":
            hand = {"arm": u(30, 80), "elbow": u(20, 90), "out": u(3, 20)}
            _limbs(turns, side, hip=u(95, 125), apart=u(3, 20), knee=u(115, 140), **hand)
    elif posture == "kneeling":
        _spine(turns, u(0, 45), u(-15, 15), u(-5, 30))
        one = r.random() < 0.5
        for side in "LR":
            up = one and side == "L"
            hand = {"arm": u(5, 70), "elbow": u(10, 80), "out": u(3, 15)}
            _limbs(
                turns, side, hip=u(80, 95) if up else u(0, 25), knee=u(85, 100) if up else u(85, 110), **hand
            )
    else:  # riding
        _spine(turns, u(5, 35), 0, u(-25, 5))
        phase = u(0, 2 * math.pi)
        for side, way in (("L", 1), ("R", -1)):
            lift = way * math.sin(phase)
            _limbs(
                turns,
                side,
                hip=45 + 22 * lift,
                apart=2,
                knee=60 + 25 * lift,
                arm=u(50, 70),
                out=6,
                elbow=u(5, 25),
            )


def _lying(turns: dict[str, np.ndarray], posture: str, r: np.random.Generator) -> None:
    u = r.uniform
    if posture == "curled":
        _spine(turns, u(25, 55), 0, u(10, 40))
        for side in "LR":
            arm = {"arm": u(40, 100), "elbow": u(50, 130), "out": u(2, 10)}
            _limbs(turns, side, hip=u(75, 120), knee=u(80, 135), **arm)
        return
    _spine(turns, u(-8, 15), u(-12, 12), u(-15, 25))
    for side in "LR":
        out = u(5, 30) if r.random() < 0.6 or posture == "side" else u(60, 170)
        bent = r.random() < 0.35
        hip, knee = (u(15, 70), u(30, 110)) if bent else (u(-4, 10), u(0, 15))
        if posture == "prone":
            hip, knee = hip * 0.1, knee * 0.15
        apart, arm = (u(0, 6), u(0, 60)) if posture == "side" else (u(0, 25), u(-8, 8))
        _limbs(turns, side, hip=hip, apart=apart, knee=knee, arm=arm, out=out, elbow=u(0, 80))


def posed(random: np.random.Generator, posture: str) -> Body:
    """A body of random age, build and pose.

    Args:
        random: drawn from.
        posture: one of `POSTURES`.
    """
    import torch

    figure = _figure()
    model = figure.model
    child = random.random() < 0.12
    shape = {
        "gender": float(random.uniform()),
        "age": float(random.uniform(0.35, 0.6) if child else random.uniform(0.62, 1.0)),
        "muscle": float(random.uniform(0.3, 0.8)),
        "weight": float(random.beta(2.5, 2.5)),
        "height": float(random.beta(3, 3)),
        "proportions": float(random.uniform(0.3, 0.8)),
    }
    turns: dict[str, np.ndarray] = {}
    pose = _lying if posture in _LYING else _low
    if posture in ("standing", "walking", "running", "waving", "bending"):
        pose = _upright
    pose(turns, posture, random)
    matrices = torch.eye(4).repeat(1, model.bone_count, 1, 1)
    for name, turn in turns.items():
        matrices[0, model.bone_labels.index(name), :3, :3] = torch.from_numpy(turn).float()
    with torch.no_grad():
        out = model(pose_parameters=matrices, phenotype_kwargs=shape)
    vertices, rest = out["vertices"][0].numpy(), out["rest_vertices"][0].numpy()
    transforms = out["bone_poses"][0] @ torch.linalg.inv(out["rest_bone_poses"][0])
    bones = dict(zip(model.bone_labels, transforms.numpy(), strict=True))
    corners = figure.faces[figure.face_of_point]
    tri = vertices[corners]
    normals = np.cross(tri[:, 1] - tri[:, 0], tri[:, 2] - tri[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    cloud = Cloud(
        xyz_m=(tri * figure.weights[..., None]).sum(axis=1).astype(np.float32),
        normals=normals.astype(np.float32),
        albedo=np.zeros((POINTS, 3), np.float32),
        person=np.ones(POINTS, dtype=bool),
    )
    return Body(
        cloud=cloud,
        part=figure.part,
        rest_m=(rest[corners] * figure.weights[..., None]).sum(axis=1).astype(np.float32),
        bones=bones,
        posture=posture,
        height_m=float(np.ptp(rest[:, 2])),
    )


def _in_bone(cloud: Cloud, transform: np.ndarray) -> Cloud:
    return moved(cloud, transform[:3, :3], transform[:3, 3])


def _worn(random: np.random.Generator, body: Body, paint: dict[str, np.ndarray]) -> list[Cloud]:
    """Hat, pack and skirt in the standing body's place, moved with its bones."""
    pieces = []
    rest, part = body.rest_m, body.part
    head = rest[np.isin(part, (PARTS.index("skin"), PARTS.index("hair")))]
    top, middle = head[:, 2].max(), head.mean(axis=0)
    radius = np.ptp(head[:, 0]) / 2
    spot = 0.012
    chance = random.random()
    if chance < 0.30:
        colour = cloth_colour(random)
        crown = (middle[0], middle[1] + 0.01, top - 0.035)
        made = [ellipsoid(random, (radius * 1.1, radius * 1.25, 0.075), crown, colour, spacing_m=spot)]
        if chance < 0.10:
            brim = (radius * random.uniform(1.8, 2.4), radius * random.uniform(1.8, 2.4), 0.012)
            made.append(ellipsoid(random, brim, (middle[0], middle[1], top - 0.07), colour, spacing_m=spot))
        elif chance < 0.2:
            peak = (middle[0], middle[1] - radius * 1.2, top - 0.07)
            made.append(ellipsoid(random, (radius * 0.9, radius * 0.9, 0.012), peak, colour, spacing_m=spot))
        pieces += [_in_bone(piece, body.bones["head"]) for piece in made]
    lying = body.posture in _LYING
    if random.random() < (0.05 if lying else 0.22):
        back = rest[part == PARTS.index("shirt")]
        size = (random.uniform(0.24, 0.36), random.uniform(0.12, 0.26), random.uniform(0.32, 0.55))
        at = (0.0, back[:, 1].max() + size[1] / 2 - 0.03, back[:, 2].max() - 0.08 - size[2] / 2)
        radii = tuple(s * 0.58 for s in size)
        pack = ellipsoid(random, radii, at, cloth_colour(random), spacing_m=spot, rough=0.05)
        pieces.append(_in_bone(pack, body.bones["spine02"]))
    if "skirt" in paint:
        hips = rest[part == PARTS.index("hip")]
        wide = np.ptp(hips[:, 0]) / 2
        waist = hips[:, 2].max()
        length = random.uniform(0.25, 0.55) * body.height_m / 1.7
        flare = (wide * random.uniform(1.15, 1.7), wide * 0.95)
        skirt = frustum(random, flare, 0.8, (waist - length, waist), paint["skirt"], spacing_m=spot)
        skirt = moved(skirt, np.eye(3), (0, float(hips[:, 1].mean()), 0))
        pieces.append(_in_bone(skirt, body.bones["root"]))
    return [replace(piece, person=np.ones(len(piece.xyz_m), dtype=bool)) for piece in pieces]


def _paint(random: np.random.Generator, posture: str) -> dict[str, np.ndarray]:
    """Colour of every part of `PARTS`, and of a skirt if one is worn."""
    skin, top, bottom, hair, shoe = (
        f(random) for f in (skin_colour, cloth_colour, cloth_colour, hair_colour, cloth_colour)
    )
    if random.random() < 0.12:
        bottom = top  # overalls, a suit
    paint = dict.fromkeys(PARTS, skin)
    paint["hair"] = skin if random.random() < 0.05 else hair
    paint["eyes"] = linear(0.2, 0.15, 0.12)
    paint["foot"] = skin if random.random() < 0.06 else shoe
    if random.random() < 0.02:
        top = skin
    for name in ("shirt", "sleeve_upper", "hip"):
        paint[name] = top
    long_sleeves = random.random() < 0.55
    if long_sleeves:
        paint["sleeve_lower"] = top
    elif random.random() < 0.12:
        paint["sleeve_upper"] = skin
    if long_sleeves and random.random() < 0.15:
        paint["hand"] = cloth_colour(random)
    style = random.choice(4, p=(0.66, 0.2, 0.07, 0.07))  # long, shorts, skirt, dress
    paint["hip"] = bottom
    if style <= 1:
        for name in ("thigh_upper", "thigh_lower", *(("calf_upper", "calf_lower") if style == 0 else ())):
            paint[name] = bottom
    elif posture in ("standing", "walking", "waving"):
        paint["skirt"] = bottom if style == 2 else top
        paint["hip"] = paint["thigh_upper"] = paint["skirt"]
    else:
        paint["thigh_upper"] = paint["hip"] = top
    if random.random() < 0.25:
        paint["calf_upper"] = paint["calf_lower"] if style == 0 else paint["calf_upper"]
    return paint


def _texture(random: np.random.Generator, rest_m: np.ndarray) -> np.ndarray:
    """(n,) factors near 1: folds, and sometimes stripes or checks."""
    waves = np.ones(len(rest_m))
    for scale in (9.0, 22.0, 45.0):
        way = random.normal(size=3) * scale
        waves += random.uniform(0.02, 0.1) * np.sin(rest_m @ way + random.uniform(0, 6))
    pattern = random.random()
    if pattern < 0.12:
        axis = int(random.integers(3))
        step = random.uniform(0.04, 0.14)
        waves *= np.where((rest_m[:, axis] / step) % 2 < 1, 1.0, random.uniform(0.4, 1.6))
    elif pattern < 0.2:
        blobs = sum(np.sin(rest_m @ (random.normal(size=3) * 28) + random.uniform(0, 6)) for _ in range(3))
        waves *= np.where(blobs > 0.4, random.uniform(0.4, 1.5), 1.0)
    return np.clip(waves, 0.3, 1.8)


def _settled(body: Body, cloud: Cloud, random: np.random.Generator) -> Cloud:
    """Turn a lying body down, and put the lowest point on the ground (a rider's pelvis on the saddle)."""
    if body.posture in _LYING:
        down = rotation((1, 0, 0), -math.pi / 2 if body.posture == "supine" else math.pi / 2)
        roll = random.uniform(-0.25, 0.25)
        if body.posture in ("side", "curled"):
            roll += random.choice((-1, 1)) * math.pi / 2
        cloud = moved(cloud, rotation((0, 1, 0), roll) @ down)
    height = 0.0
    if body.posture == "sitting" and random.random() < 0.4:
        height = random.uniform(0.0, 0.45)
    lowest = np.quantile(cloud.xyz_m[:, 2], 0.002)
    return moved(cloud, np.eye(3), (0, 0, height - lowest))


def bicycle(random: np.random.Generator, *, spacing_m: float = 0.012) -> Cloud:
    """A bicycle along y, front wheel at -y, with its saddle 0.95 m above the ground at the origin."""
    frame, dark = cloth_colour(random), linear(0.1, 0.1, 0.1)
    rear, front, crank = (0, 0.35, 0.34), (0, -0.70, 0.34), (0, -0.08, 0.28)
    saddle, head, bars = (0, 0.08, 0.92), (0, -0.52, 0.85), (0, -0.50, 1.0)
    pieces = [wheel(random, 0.33, 0.022, hub, dark, spacing_m=spacing_m) for hub in (rear, front)]
    for start, end in (
        (rear, crank),
        (crank, saddle),
        (crank, head),
        (saddle, head),
        (head, front),
        (rear, saddle),
    ):
        pieces.append(tube(random, start, end, 0.02, frame, spacing_m=spacing_m))
    pieces.append(tube(random, head, bars, 0.02, dark, spacing_m=spacing_m))
    pieces.append(tube(random, (-0.28, -0.48, 1.0), (0.28, -0.48, 1.0), 0.02, dark, spacing_m=spacing_m))
    pieces.append(ellipsoid(random, (0.08, 0.14, 0.04), saddle, dark, spacing_m=spacing_m))
    if random.random() < 0.3:
        pieces.append(
            box(random, (0.3, 0.3, 0.22), (0, -0.8, 0.9), cloth_colour(random), spacing_m=spacing_m)
        )
    return joined(pieces)


def _mounted(random: np.random.Generator, body: Body, cloud: Cloud) -> Cloud:
    """Put a rider on a bicycle's saddle; the bicycle counts as part of the person."""
    hips = body.cloud.xyz_m[body.part == PARTS.index("hip")]
    seat = (0.0, 0.05 - float(hips[:, 1].mean()), 0.94 - float(hips[:, 2].min()) - 0.06)
    ridden = bicycle(random)
    return joined([moved(cloud, np.eye(3), seat), replace(ridden, person=np.ones(len(ridden.xyz_m), bool))])


def dressed(random: np.random.Generator, body: Body) -> Cloud:
    """Clothe a body in a random outfit and set it on the ground."""
    paint = _paint(random, body.posture)
    palette = np.stack([paint[name] for name in PARTS])
    albedo = palette[body.part]
    bare = np.isin(body.part, [PARTS.index(p) for p in ("skin", "neck", "hand", "eyes")])
    folds = _texture(random, body.rest_m)
    albedo = albedo * np.where(bare, 1.0, folds)[:, None]
    loose = np.zeros(len(PARTS))
    for names, most in _LOOSEST_M.items():
        loose[[PARTS.index(n) for n in names]] = random.uniform(0, most)
    grown = loose[body.part] * folds
    cloud = replace(
        body.cloud,
        xyz_m=(body.cloud.xyz_m + body.cloud.normals * grown[:, None]).astype(np.float32),
        albedo=np.clip(albedo, 0.005, 1).astype(np.float32),
    )
    cloud = joined([cloud, *_worn(random, body, paint)])
    if body.posture == "riding":
        return _mounted(random, body, cloud)
    return _settled(body, cloud, random)
