"""Licensed sets of photographs as folders: `images/` and `annotations.json` (COCO, `iscrowd` = ignore)."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

__all__ = ["LICENSED", "LicensedSet", "Picture", "WrongDataError", "digest_of", "load_set"]


class WrongDataError(Exception):
    """A folder does not hold the files that the shipped weights were made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LicensedSet:
    """A set whose licence allows training shipped weights: its licence, its credit, and its `digest_of`."""

    licence: str
    credit: str
    sha256: str


LICENSED = {
    "hit-uav-thermal": LicensedSet(
        licence="CC BY 4.0",
        credit="Suo et al., HIT-UAV, Scientific Data 10, 227 (2023), doi 10.1038/s41597-023-02066-6",
        sha256="693d684c2c88b82bc06a26ee820f7b1e56c1b3bf263317c7631ba6685135fbad",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A photograph and what is known about it.

    Attributes:
        name: file name without folders.
        bgr: (height, width, 3) uint8.
        persons: (n, 4) boxes xyxy [px].
        ignored: (m, 4) boxes where an answer is neither right nor wrong [px].
        about: the picture's own record in `annotations.json`.
    """

    name: str
    bgr: np.ndarray
    persons: np.ndarray
    ignored: np.ndarray
    about: dict[str, Any]


def digest_of(folder: Path) -> str:
    """SHA-256 over the lines "file SHA-256, two spaces, path" of annotations and pictures, sorted by path."""
    record = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    names = sorted(["annotations.json", *(image["file_name"] for image in record["images"])])
    lines = (f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def load_set(folder: Path, *, licensed_as: str | None = None) -> list[Picture]:
    """Read a set, sorted by name.

    Args:
        folder: holds `images/` and `annotations.json`.
        licensed_as: name in `LICENSED` whose hash the folder must have; None to leave it unchecked.

    Raises:
        WrongDataError: the folder's files are not those of the licensed set.
    """
    if licensed_as is not None and (digest := digest_of(folder)) != LICENSED[licensed_as].sha256:
        raise WrongDataError(
            f"{folder}: hash {digest[:12]}… is not that of {licensed_as}, "
            f"{LICENSED[licensed_as].sha256[:12]}…; give the unchanged set or --any-data"
        )
    record = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    boxes: dict[int, tuple[list[list[float]], list[list[float]]]] = defaultdict(lambda: ([], []))
    for entry in record["annotations"]:
        x, y, width, height = entry["bbox"]
        boxes[entry["image_id"]][entry["iscrowd"]].append([x, y, x + width, y + height])
    pictures = []
    for image in sorted(record["images"], key=lambda i: i["file_name"]):
        bgr = cv2.imread(str(folder / image["file_name"]), cv2.IMREAD_COLOR)
        if bgr is None:
            raise WrongDataError(f"{folder / image['file_name']}: no picture that OpenCV can read")
        persons, ignored = (np.array(b, np.float32).reshape(-1, 4) for b in boxes[image["id"]])
        name = Path(image["file_name"]).name
        pictures.append(Picture(name=name, bgr=bgr, persons=persons, ignored=ignored, about=image))
    return pictures
