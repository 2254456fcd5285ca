"""Labelled photographs in a COCO file: read as what it is, a file from outside."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.detect.inputs import read_limited
from airbeat.errors import InputFileError
from airbeat.language.words import Message

__all__ = ["CocoImage", "CocoSet", "read_coco"]

_MOST_BYTES = 200_000_000
_MOST_IMAGES = 200_000
_MOST_ANNOTATIONS = 2_000_000
_LARGEST_SIDE_PX = 100_000
_PERSON_NAMES = {"person", "persons", "people", "pedestrian", "pedestrians", "human", "humans"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoImage:
    """One labelled photograph.

    Attributes:
        path: the file.
        width_px: as the COCO file says [px].
        height_px: as the COCO file says [px].
        persons_xyxy: (n, 4) boxes of the persons [px].
        ignored_xyxy: (k, 4) regions (``iscrowd``) where nothing is right or wrong [px].
        gsd_m_px: ground sampling distance if the COCO file says it under ``gsd_m_px``, NaN otherwise [m/px].
    """

    path: Path
    width_px: int
    height_px: int
    persons_xyxy: npt.NDArray[np.float64]
    ignored_xyxy: npt.NDArray[np.float64]
    gsd_m_px: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoSet:
    """The photographs of one COCO file.

    Attributes:
        images: in the order of the file.
        sha256: of the COCO file, hexadecimal.
    """

    images: tuple[CocoImage, ...]
    sha256: str

    @property
    def persons(self) -> int:
        """How many persons are labelled."""
        return sum(len(i.persons_xyxy) for i in self.images)


def read_coco(path: Path, images_dir: Path) -> CocoSet:
    """Read a COCO file of persons.

    The categories are those called person, pedestrian, people or human (some sets tell walking people from
    others), or the only one; boxes of others are left out. Where ``images_dir`` does not hold ``file_name``
    as written, its last part is tried: many files write ``images/`` into it.

    Args:
        path: the COCO file.
        images_dir: where its photographs are.

    Raises:
        InputFileError: too large, not JSON, not COCO, or a value that cannot be: with its place in the file.
    """
    data = read_limited(path, _MOST_BYTES)
    document = _document(data, path.name)
    boxes = _boxes(document, _person_categories(document, path.name), path.name)
    images, known = [], set()
    for number, row in enumerate(_rows(document, "images", _MOST_IMAGES, path.name)):
        where = f"{path.name}: images[{number}]"
        key = _key(row, "id", where)
        if key in known:
            raise InputFileError(Message("id {key!r} occurs twice", key=key), where=where)
        known.add(key)
        images.append(_image(row, images_dir, boxes.pop(key, ([], [])), where))
    if boxes:
        raise InputFileError(
            Message("annotations of image {key!r}, which is not in the file", key=next(iter(boxes))),
            where=path.name,
        )
    if not images:
        raise InputFileError("no images are listed", where=path.name, remedy="give a COCO file with images")
    return CocoSet(images=tuple(images), sha256=hashlib.sha256(data).hexdigest())


def _document(data: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise InputFileError(
            Message("not JSON: {msg}", msg=error.msg), where=f"{name}:{error.lineno}:{error.colno}"
        ) from None
    except RecursionError:
        raise InputFileError("nested too deep", where=name) from None
    except ValueError as error:  # no UTF-8, or an integer of thousands of digits
        raise InputFileError(Message("not usable as JSON: {error}", error=error), where=name) from None
    if not isinstance(document, dict):
        raise InputFileError("not a JSON object", where=name, remedy="give a COCO annotation file")
    return document


def _rows(document: dict[str, Any], key: str, most: int, name: str) -> list[dict[str, Any]]:
    rows = document.get(key)
    if not isinstance(rows, list):
        raise InputFileError(
            Message("no list {key!r}", key=key), where=name, remedy="give a COCO annotation file"
        )
    if len(rows) > most:
        raise InputFileError(
            Message("{rows} {key}, more than {most}", rows=len(rows), key=key, most=most),
            where=name,
            remedy="split the file",
        )
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise InputFileError("not an object", where=f"{name}: {key}[{number}]")
    return rows


def _key(row: dict[str, Any], name: str, where: str) -> int | str:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InputFileError(
            Message("{name} must be a whole number or text, found {value!r:.40}", name=name, value=value),
            where=where,
        )
    return value


def _number(value: Any, what: str, where: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise InputFileError(
        Message("{what} must be a finite number, found {value!r:.40}", what=what, value=value), where=where
    )


def _person_categories(document: dict[str, Any], name: str) -> set[int | str] | None:
    """The categories of persons; None if the file names no categories, so that every box is a person."""
    if not document.get("categories"):
        return None
    rows = _rows(document, "categories", 10_000, name)
    persons = {
        _key(row, "id", f"{name}: categories[{number}]")
        for number, row in enumerate(rows)
        if len(rows) == 1 or str(row.get("name", "")).strip().lower() in _PERSON_NAMES
    }
    if persons:
        return persons
    raise InputFileError(
        Message("none of {rows} categories is called person", rows=len(rows)),
        where=name,
        remedy="rename the one that is meant",
    )


def _boxes(
    document: dict[str, Any], persons: set[int | str] | None, name: str
) -> dict[int | str, tuple[list[list[float]], list[list[float]]]]:
    """For every image that has any: boxes of persons, ignored regions, as x, y, x, y."""
    boxes: dict[int | str, tuple[list[list[float]], list[list[float]]]] = defaultdict(lambda: ([], []))
    for number, row in enumerate(_rows(document, "annotations", _MOST_ANNOTATIONS, name)):
        where = f"{name}: annotations[{number}]"
        if persons is not None and _key(row, "category_id", where) not in persons:
            continue
        box = row.get("bbox")
        if not isinstance(box, list) or len(box) != 4:
            raise InputFileError(
                Message("bbox must be [x, y, width, height], found {box!r:.40}", box=box), where=where
            )
        x, y, width, height = (_number(v, "bbox", where) for v in box)
        if max(abs(x), abs(y), width, height) > _LARGEST_SIDE_PX or width <= 0 or height <= 0:
            raise InputFileError(Message("bbox {box} is no box of a photograph", box=box), where=where)
        ignored = row.get("iscrowd", 0)
        if ignored not in (0, 1):
            raise InputFileError(
                Message("iscrowd must be 0 or 1, found {ignored!r:.40}", ignored=ignored), where=where
            )
        boxes[_key(row, "image_id", where)][int(ignored)].append([x, y, x + width, y + height])
    return boxes


def _image(
    row: dict[str, Any], images_dir: Path, boxes: tuple[list[list[float]], list[list[float]]], where: str
) -> CocoImage:
    persons, ignored = (np.array(b, dtype=float).reshape(-1, 4) for b in boxes)
    sides = []
    for key in ("width", "height"):
        side = _number(row.get(key), key, where)
        if not 1 <= side <= _LARGEST_SIDE_PX or not side.is_integer():
            raise InputFileError(
                Message("{key} {side:g} is no size of a photograph", key=key, side=side), where=where
            )
        sides.append(int(side))
    gsd_m_px = math.nan
    if row.get("gsd_m_px") is not None:
        gsd_m_px = _number(row["gsd_m_px"], "gsd_m_px", where)
        if not 0.001 <= gsd_m_px <= 1.0:
            raise InputFileError(
                Message("gsd_m_px {gsd_m_px:g} is outside 0.001…1", gsd_m_px=gsd_m_px), where=where
            )
    return CocoImage(
        path=_path(row.get("file_name"), images_dir, where),
        width_px=sides[0],
        height_px=sides[1],
        persons_xyxy=persons,
        ignored_xyxy=ignored,
        gsd_m_px=gsd_m_px,
    )


def _path(name: Any, images_dir: Path, where: str) -> Path:
    if not isinstance(name, str) or not _is_a_name(name):
        raise InputFileError(
            Message("file_name must be a file's name, found {name!r:.40}", name=name), where=where
        )
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or not parts.name:
        raise InputFileError(
            Message("file_name {name!r:.80} leads out of the folder of images", name=name), where=where
        )
    path = images_dir / parts
    return path if path.is_file() else images_dir / parts.name


def _is_a_name(name: str) -> bool:
    """Whether a system can be asked for it: no control characters, no lone surrogates, no endless parts."""
    try:
        parts = name.replace("\\", "/").encode("utf-8").split(b"/")
    except UnicodeEncodeError:
        return False
    return bool(name) and name.isprintable() and len(name) <= 1000 and max(map(len, parts)) <= 255
