"""Free aerial photographs without people, in folders: what they are, their licences, which are kept back.

Every set is a folder below one folder of sets. The first two are the development split's (`images/` and
`annotations.json`), the others are clones of public repositories, `images/` as it stands there.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .coco import WrongDataError

__all__ = ["SOURCES", "Photo", "Source", "digest_of_sources", "load_photos"]

_WORKING_GSD_M_PX = 0.03
_LARGEST_SIDE_PX = 2400


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Photographs from one place.

    Attributes:
        pattern: of the files below the folder of sets.
        view: "steep" or "oblique".
        gsd_m_px: about how much ground a pixel shows, at the middle of oblique ones [m/px].
        licence: under which they may be used to train weights that ship.
        credit: whom the licence, or courtesy, wants named.
        held_out: parts of file names kept for measuring false alarms.
        every: only every so manieth file is taken, in the order of names.
        less_than_bytes: larger files are left out.
        infrared: near infrared lies in the red channel, so channels are swapped to look like a photograph.
    """

    pattern: str
    view: str
    gsd_m_px: float
    licence: str
    credit: str
    held_out: tuple[str, ...] = ()
    every: int = 1
    less_than_bytes: int = 1 << 30
    infrared: bool = False


_CALITERRA = "Dennis Baldwin, Caliterra, Dripping Springs, TX (OpenDroneMap/odm_data_caliterra)"
_BORUSZYN = "Andrew Zaborowski, OpenStreetMap-PL (merkato/odm_boruszyn_kap)"

SOURCES = {
    "caliterra": Source(
        pattern="backgrounds/images/caliterra_*.jpg",
        view="steep",
        gsd_m_px=0.015,
        licence="CC0 1.0",
        credit=_CALITERRA,
        held_out=("_9358_", "_9399_"),
    ),
    "boruszyn": Source(
        pattern="backgrounds/images/boruszyn_*.jpg",
        view="steep",
        gsd_m_px=0.045,
        licence="CC BY 3.0",
        credit=_BORUSZYN,
    ),
    "pelicans": Source(
        pattern="backgrounds/images/awpe-*.jpg",
        view="steep",
        gsd_m_px=0.03,
        licence="MIT",
        credit="(c) 2019 Ben Weinstein, deepforest",
    ),
    "kite": Source(
        pattern="boruszyn-kite/images/*.jpg",
        view="steep",
        gsd_m_px=0.045,
        licence="CC BY 3.0",
        credit=_BORUSZYN,
        held_out=("img_4926", "img_4937", "img_4970"),
    ),
    "seneca": Source(
        pattern="odm_data_seneca/images/*.jpg",
        view="steep",
        gsd_m_px=0.05,
        licence="CC0 1.0",
        credit="Ohio Department of Transportation (OpenDroneMap/odm_data_seneca at 9220acf)",
        held_out=("0472", "0544", "0604"),
        every=4,
        infrared=True,
    ),
    "lewis": Source(
        pattern="odm_data_lewis/images/*.jpg",
        view="oblique",
        gsd_m_px=0.04,
        licence="CC0 1.0",
        credit="OpenDroneMap/odm_data_lewis at e3ffe16",
        held_out=("4090", "4122", "4154", "4236", "4306", "4344"),
        less_than_bytes=4 << 20,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A photograph, reduced to what training needs.

    Attributes:
        name: file name.
        source: name in `SOURCES`.
        bgr: (height, width, 3) uint8.
        gsd_m_px: of `bgr`.
        marked: (n, 4) boxes of people or doubtful places [px], neither right nor wrong.
    """

    name: str
    source: str
    bgr: np.ndarray
    gsd_m_px: float
    marked: np.ndarray


def _files(sets: Path, name: str) -> list[Path]:
    source = SOURCES[name]
    paths = [p for p in sorted(sets.glob(source.pattern)) if p.stat().st_size < source.less_than_bytes]
    if not paths:
        raise WrongDataError(f"{sets / source.pattern}: no photographs of the set {name}")
    return paths[:: source.every]


def digest_of_sources(sets: Path) -> str:
    """SHA-256 over the lines "file SHA-256, two spaces, path below `sets`" of all photographs, in order.

    Raises:
        WrongDataError: a set is missing.
    """
    lines = []
    for name in SOURCES:
        for path in _files(sets, name):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{digest}  {path.relative_to(sets).as_posix()}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _marked(folder: Path) -> dict[str, list[list[float]]]:
    """Boxes xyxy by file name from a set's `annotations.json`, if it has one."""
    labels = folder / "annotations.json"
    boxes: dict[str, list[list[float]]] = {}
    if labels.exists():
        known = json.loads(labels.read_text(encoding="utf-8"))
        files = {image["id"]: Path(image["file_name"]).name for image in known["images"]}
        for entry in known["annotations"]:
            x, y, wide, high = entry["bbox"]
            boxes.setdefault(files[entry["image_id"]], []).append([x, y, x + wide, y + high])
    return boxes


def load_photos(sets: Path, *, held_out: bool) -> list[Photo]:
    """Load the photographs to train on, or those held out.

    Raises:
        WrongDataError: a set is missing, or a file is no picture.
    """
    photos = []
    for name, source in SOURCES.items():
        paths = _files(sets, name)
        boxes = _marked(paths[0].parent.parent)
        for path in paths:
            if any(part in path.name for part in source.held_out) != held_out:
                continue
            bgr = cv2.imread(str(path))
            if bgr is None:
                raise WrongDataError(f"{path}: no picture that OpenCV can read")
            if source.infrared:
                bgr = np.ascontiguousarray(bgr[:, :, (0, 2, 1)])
            scale = min(1.0, _LARGEST_SIDE_PX / max(bgr.shape[:2]))
            if source.view == "steep" and source.gsd_m_px < 0.75 * _WORKING_GSD_M_PX:
                scale = min(scale, source.gsd_m_px / _WORKING_GSD_M_PX * 1.2)
            if scale < 1:
                bgr = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            marked = np.array(boxes.get(path.name, []), dtype=float).reshape(-1, 4) * scale
            photos.append(
                Photo(name=path.name, source=name, bgr=bgr, gsd_m_px=source.gsd_m_px / scale, marked=marked)
            )
    return photos
