"""The map of a case: whatever must be known of it is legible under the maps, however much that is."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
from PIL import Image

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.report.searchpicture import CasePicture, draw_case
from airbeat.search.grid import ProbabilityMap, SearchGrid

PLACE = LatLon(lat_deg=47.0, lon_deg=11.0)
GRID = SearchGrid(
    frame=LocalFrame(PLACE), west_m=-400.0, south_m=-400.0, cell_m=50.0, rows=16, columns=16
)  # fmt: skip


def drawn(*lines: str) -> Image.Image:
    now = ProbabilityMap.normalised(GRID, np.ones(GRID.shape), 0.2)
    picture = CasePicture(
        title="Case",
        now=now,
        pod=np.zeros(GRID.shape),
        segments=[],
        last_known=PLACE,
        launches=[PLACE],
        finds=[],
        footprints=[],
        lines=lines,
    )
    return Image.open(io.BytesIO(draw_case(picture))).convert("L")


def rows_with_ink(image: Image.Image, below_px: int) -> list[int]:
    ink = (np.asarray(image) < 128)[below_px:].any(axis=1)
    return [below_px + int(row) for row in np.flatnonzero(ink)]


def test_a_few_sentences_leave_the_sheet_its_size() -> None:
    assert drawn("No ground is cleared.", "nothing was searched yet").size == (1800, 1200)


def test_many_and_long_sentences_make_the_sheet_higher_and_none_is_cut_off() -> None:
    long = "the camera looked straight down with the top of the image towards the nose of the aircraft " * 4
    many = [f"{number}: {long}" for number in range(10)]

    image = drawn("No ground is cleared.", *many)

    assert image.width == 1800
    assert image.height > 1200
    inked = rows_with_ink(image, 1100)
    assert max(inked) < image.height - 3
    lines = 1 + sum(b - a > 1 for a, b in pairwise(inked))
    shorter = rows_with_ink(drawn("No ground is cleared.", *many[:-1]), 1100)
    assert lines > 1 + sum(b - a > 1 for a, b in pairwise(shorter))
    assert not (np.asarray(image) < 128)[1100:, 1800 - 50 :].any()
