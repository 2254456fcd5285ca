"""Real places seen from above, with the people on them: free photographs and what we drew on them.

The sets are clones of public repositories below the folder of sets; only the files that are named in
`towns.json` are used. That file holds, by the SHA-256 of a photograph, boxes drawn for this project:
`persons` (riders too) and `unclear` (neither right nor wrong); whatever else is on the photographs is ground.
A corner of Niza is held out to measure on; what it overlaps with is not used. Minsk is for evaluation only,
as its licence would bind the weights.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .coco import WrongDataError
from .cutouts import cut_out
from .render import Sprite
from .scenes import OBLIQUE_TALL_PX, STEEP_GSD_M_PX, TALL_M, Ground, mixing

__all__ = [
    "CREDITS",
    "TO_EVALUATE",
    "TO_HOLD_OUT",
    "TO_TRAIN",
    "Town",
    "town_grounds",
    "town_people",
    "towns",
]

TO_TRAIN, TO_HOLD_OUT, TO_EVALUATE = "train", "held out", "evaluation"

CREDITS = (
    "Niza, Bogotá: MaptimeBogota/Fotos-UPZ-Niza-NizaReal at bcf1769, public domain",
    "La Primavera, Chía: angoca/Aqua-Residencial-La-Primavera-Chia-Cundinamarca at ddc949e, public domain",
    "Minsk: jekhor/aerial-cars-dataset at d2ed927, © Yauhen Kharuzhy and Minsk OSM community, CC BY-SA",
    "Torrey Pines: AthinaLange/CoastalLens at 75e00ed, © 2024 Athina Lange, MIT",
    "Korea: uvify/human_tracking_dataset at eb3af0c, © 2022 NCSOFT Corporation & UVify, CC BY 4.0",
    "a junction: viva-safeland/viva_datacreator at a3f7622, © 2025 ViVa-SAFELAND, MIT",
)

Random = np.random.Generator

_LABELS = Path(__file__).with_name("towns.json")
_FINEST_GSD_M_PX = 0.024
_RECOLOURED = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A photograph of a town.

    Attributes:
        name: file name.
        view: "steep" or "oblique".
        bgr: (height, width, 3) uint8.
        gsd_m_px: of ground across the line of sight, at the middle [m/px].
        persons: (n, 4) boxes [px].
        unclear: (m, 4) boxes of what may be people [px].
        sunny: people cast shadows; of photographs to train on.
        pieces: how many pieces to cut anywhere; of photographs to train on.
        place: where it was taken and how; of photographs for evaluation.
    """

    name: str
    view: str
    bgr: np.ndarray
    gsd_m_px: float
    persons: np.ndarray
    unclear: np.ndarray
    sunny: bool = False
    pieces: int = 0
    place: str = ""


def _boxes(drawn: list[list[float]]) -> np.ndarray:
    return np.array(drawn, dtype=float).reshape(-1, 4)


def towns(sets: Path, use: str) -> Iterator[Town]:
    """Read photographs one by one.

    Args:
        sets: folder of sets.
        use: `TO_TRAIN`, `TO_HOLD_OUT` or `TO_EVALUATE`: those for this.

    Raises:
        WrongDataError: a photograph is missing, or another one than the boxes were drawn on.
    """
    for digest, about in json.loads(_LABELS.read_text(encoding="utf-8")).items():
        if about["use"] != use:
            continue
        path = sets / about["file"]
        if not path.exists():
            raise WrongDataError(f"{path}: no such photograph; clone {'; or '.join(CREDITS)}")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise WrongDataError(f"{path}: not the photograph that towns.json has boxes for")
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        yield Town(
            name=path.name,
            view=about["view"],
            bgr=bgr,
            gsd_m_px=about["gsd_m_px"],
            persons=_boxes(about["persons"]),
            unclear=_boxes(about["unclear"]),
            sunny=about.get("sunny", False),
            pieces=about.get("pieces", 0),
            place=about.get("place", ""),
        )


def _moved(boxes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Boxes around the turned ellipses that fill the boxes: people have no corners."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    reach = np.sqrt(((boxes[:, 2:] - boxes[:, :2]) / 2) ** 2 @ (matrix[:, :2] ** 2).T)
    middles = middles @ matrix[:, :2].T + matrix[:, 2]
    return np.hstack([middles - reach, middles + reach])


def _near(boxes: np.ndarray, side_px: int) -> np.ndarray:
    """Those that lie on a piece or just beside it."""
    return boxes[(boxes[:, 2:] > -20).all(axis=1) & (boxes[:, :2] < side_px + 20).all(axis=1)]


def _cut(random: Random, town: Town, side_px: int, about_px: np.ndarray | None) -> Ground:
    """A square piece at a random scale, somewhere or about a spot; turned any way if steep."""
    steep = town.view == "steep"
    lowest, highest = STEEP_GSD_M_PX if steep else (TALL_M / px for px in OBLIQUE_TALL_PX[::-1])
    lowest = max(lowest, 0.9 * town.gsd_m_px, _FINEST_GSD_M_PX)
    gsd = math.exp(random.uniform(math.log(lowest), math.log(max(highest, lowest * 1.05))))
    scale = town.gsd_m_px / gsd
    height, width = town.bgr.shape[:2]
    turn = random.uniform(0, 2 * math.pi) if steep else random.normal() * 0.06
    reach = side_px / scale * (abs(math.cos(turn)) + abs(math.sin(turn))) / 2
    size = np.array([width, height])
    least = np.minimum(reach, size / 2)
    if about_px is None:
        middle = random.uniform(least, size - least)
    else:
        middle = np.clip(about_px + random.uniform(-0.38, 0.38, 2) * side_px / scale, least, size - least)
    cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
    linear = np.array([[cos, -sin], [sin, cos]])
    matrix = np.hstack([linear, (side_px / 2 - linear @ middle)[:, None]])
    left, top = (max(0, int(m - reach - 4)) for m in middle)
    soft = town.bgr[top : int(middle[1] + reach + 4), left : int(middle[0] + reach + 4)]
    if scale < 0.75:  # as area averaging would
        soft = cv2.GaussianBlur(soft, (0, 0), 0.42 * math.sqrt(1 / scale**2 - 1))
    shift = matrix.copy()
    shift[:, 2] += linear @ np.array([left, top])
    picture = cv2.warpAffine(
        soft, shift, (side_px, side_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    if random.random() < _RECOLOURED:
        picture = cv2.transform(picture, mixing(random))
    return Ground(
        bgr=picture,
        marked=_near(_moved(town.unclear, matrix), side_px),
        gsd_m_px=gsd,
        persons=_near(_moved(town.persons, matrix), side_px),
    )


def town_grounds(
    sets: Path, random: Random, *, side_px: int, share: float, per_person: int
) -> dict[str, list[Ground]]:
    """Pieces of the photographs to train on, by view: some anywhere, some about every person.

    Args:
        sets: folder of sets.
        random: decides on place, scale and colour.
        side_px: of the pieces.
        share: of the pieces anywhere that each photograph asks for.
        per_person: pieces about every person.
    """
    grounds: dict[str, list[Ground]] = {"steep": [], "oblique": []}
    for town in towns(sets, TO_TRAIN):
        kept = grounds[town.view]
        kept += [_cut(random, town, side_px, None) for _ in range(max(1, round(share * town.pieces)))]
        for box in town.persons:
            spot = (box[:2] + box[2:]) / 2
            kept += [_cut(random, town, side_px, spot) for _ in range(per_person)]
    return grounds


def town_people(photographs: Iterable[Town]) -> dict[str, list[Sprite]]:
    """People cut out of those photographs that were taken under clouds, by view."""
    people: dict[str, list[Sprite]] = {"steep": [], "oblique": []}
    for town in photographs:
        for number, box in enumerate(town.persons if not town.sunny else ()):
            sprite = cut_out(town.bgr, box, town.gsd_m_px, np.delete(town.persons, number, axis=0))
            if sprite is not None:
                people[town.view].append(sprite)
    return people
