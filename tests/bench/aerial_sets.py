"""The labelled sets that the detector benches run on: folders with annotations.json and images/."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from airbeat.detect.cocofile import CocoImage, read_coco
from airbeat.detect.detections import Detections
from airbeat.detect.scoring import ScoredImage, score_image
from airbeat.frames.reader import load_image, read_frame_meta

__all__ = ["GSD_M_PX", "RGB", "THERMAL", "Row", "gsd_of", "judged", "rows_of", "searched", "write_tables"]

GSD_M_PX = {"sdd-nadir": 0.035, "brighton-nadir40": 0.0175, "boruszyn-kite": 0.045, "backgrounds": 0.015}
"""Where the data's README states it; other sets are searched without."""

RGB = ("backgrounds", "boruszyn-kite", "brighton-nadir40", "dac-sdc-oblique", "sdd-nadir", "unicamp-oblique")
THERMAL = ("hit-uav-thermal",)

Row = tuple[str, CocoImage]


def rows_of(data: Path, names: Sequence[str]) -> list[Row]:
    """(set, image) of every image of the named sets."""
    return [
        (name, image)
        for name in names
        for image in read_coco(data / name / "annotations.json", data / name).images
    ]


def gsd_of(name: str) -> float:
    return GSD_M_PX.get(name, math.nan)


def searched(detector: Callable[..., Detections], rows: Sequence[Row], *, modality: str) -> list[Detections]:
    """Every image's boxes."""
    return [
        detector(load_image(read_frame_meta(image.path)), gsd_m_px=gsd_of(name), modality=modality)
        for name, image in rows
    ]


def judged(found: Sequence[Detections], rows: Sequence[Row]) -> list[ScoredImage]:
    return [
        score_image(f, image.persons_xyxy, image.ignored_xyxy)
        for f, (_, image) in zip(found, rows, strict=True)
    ]


def write_tables(path: Path, document: dict[str, Any]) -> None:
    """JSON with every pair or triple of numbers on one line."""

    def short(numbers: re.Match[str]) -> str:
        return f"[{', '.join(n for n in numbers.groups() if n)}]"

    number = r"([-\d.e]+)"
    text = json.dumps(document, indent=1)
    text = re.sub(rf"\[\s+{number},\s+{number}(?:,\s+{number})?\s+\]", short, text)
    path.write_text(text + "\n", encoding="utf-8")
