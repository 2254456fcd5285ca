"""The case on the map: colours lie on the ground that they speak of, and follow its updates."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import shapely
from PIL import Image

from airbeat.console.casemap import CaseMap, class_picture, segment_outline
from airbeat.errors import InputFileError
from airbeat.flight.casefolder import CaseFolder, ImagesRow, UpdateRecord, start_case
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.search.grid import SearchGrid

CASE = Path(__file__).parents[3] / "missions" / "cases" / "koenigstuhl-walker.yaml"


def grid_at(lat_deg: float, lon_deg: float, side: int = 40, cell_m: float = 500.0) -> SearchGrid:
    frame = LocalFrame(LatLon(lat_deg=lat_deg, lon_deg=lon_deg))
    edge = -side * cell_m / 2
    return SearchGrid(frame=frame, west_m=edge, south_m=edge, cell_m=cell_m, rows=side, columns=side)


@pytest.mark.parametrize(("lat_deg", "lon_deg"), [(51.0, 8.0), (-65.0, 100.0), (20.0, 179.98)])
def test_each_cell_of_a_large_map_is_drawn_where_it_lies(lat_deg, lon_deg):
    grid = grid_at(lat_deg, lon_deg)
    classes = np.zeros(grid.shape, dtype=np.int64)
    cells = [(2, 3), (2, 36), (37, 3), (37, 36), (20, 20)]
    for number, cell in enumerate(cells, start=1):
        classes[cell] = number
    (south_west, north_east), png = class_picture(grid, classes)
    picture = np.asarray(Image.open(io.BytesIO(png)))
    rows, columns = picture.shape[:2]
    colours = set()
    for row, column in cells:
        xy = [[grid.x_m()[column], grid.y_m()[row]]]
        lon, lat = (float(v[0]) for v in grid.frame.to_lon_lat(xy))
        lon = (lon - lon_deg + 180) % 360 - 180 + lon_deg
        across = (lon - south_west[1]) / (north_east[1] - south_west[1])
        low, high, here = (math.asinh(math.tan(math.radians(v))) for v in (south_west[0], north_east[0], lat))
        pixel = picture[int((high - here) / (high - low) * rows), int(across * columns)]
        assert pixel[3] > 0
        colours.add(tuple(pixel))
    assert len(colours) == 5
    share = (picture[..., 3] > 0).mean()
    assert share == pytest.approx(5 / 1600, rel=0.25)


def test_a_segments_outline_holds_its_cells():
    grid = grid_at(51.0, 8.0, side=20, cell_m=50.0)
    share = np.zeros(grid.shape)
    share[5:10, 2:8] = 1.0
    share[0, 0] = 0.4
    outline = segment_outline(grid, share)
    assert grid.frame.to_local(outline).area == pytest.approx(30 * 2500, rel=1e-6)
    assert segment_outline(grid, np.zeros(grid.shape)).is_empty


def update(case: CaseFolder, pod: float) -> None:
    """Write an update in which every cell was searched with this POD."""
    arrays = {key: np.full(case.model.grid.shape, pod) for key in ("coverage", "pod_low", "pod_high")}
    arrays |= {key: np.ones(case.model.grid.shape) for key in ("seen", "length_m", "swept_m2")}
    images = ImagesRow(expected=1, received=1, searched_by_program=1, reviewed=1, counted=1)
    record = UpdateRecord(
        number=0, made_utc="2026-10-04T08:00:00+00:00", previous_sha256="", arrays_sha256="",
        candidates_sha256="0" * 64, ledgers=[], images=images, frames_sha256=["1" * 64], left_out=[],
        method="people", curve="", detector="", gsd_m_px=None, heights_m=None, altitude_source="",
        taken_utc=None, sweep_width_m=30.0, gap_area_m2=0.0, finds=[], footprints=[], notes=[],
    )  # fmt: skip
    case.append(record, arrays)


def test_a_case_that_is_updated_is_shown_anew_and_never_called_clear(tmp_path):
    folder = start_case(CASE, tmp_path / "case")
    shown = CaseMap(tmp_path / "case")
    before = shown.about()
    assert (before["updates"], before["opos_high"]) == (0, 0.0)
    assert not np.asarray(Image.open(io.BytesIO(shown.picture("pod"))))[..., 3].any()
    assert shown.version() == 1
    update(folder, 0.5)
    assert shown.version() == 2
    after = shown.about()
    assert after["opos_low"] == pytest.approx(0.75 * 0.5, abs=0.01)
    assert all(s["properties"]["pod_low"] == pytest.approx(0.5) for s in after["segments"])
    assert np.asarray(Image.open(io.BytesIO(shown.picture("pod"))))[..., 3].any()
    assert after["note"] == "No ground is cleared: a person may be where a search found nothing."
    names = {s["properties"]["name"] for s in after["segments"]}
    assert "slope" in names
    for segment in after["segments"]:
        assert shapely.geometry.shape(segment["geometry"]).is_valid
    json.dumps(after, allow_nan=False)


def test_an_update_that_is_damaged_leaves_the_map_as_it_was_and_says_so(tmp_path):
    folder = start_case(CASE, tmp_path / "case")
    shown = CaseMap(tmp_path / "case")
    picture = shown.picture("poa")
    update(folder, 0.5)
    (tmp_path / "case" / "updates" / "0001.json").write_text("{}")
    assert shown.version() == 2
    assert "0001.json" in shown.about()["trouble"]
    assert shown.picture("poa") == picture


def test_a_case_file_shows_its_first_map_and_a_wrong_folder_is_refused(tmp_path):
    shown = CaseMap(CASE)
    assert shown.about()["name"] == "Walker on the Königstuhl"
    shown.close()
    with pytest.raises(InputFileError, match="holds no case"):
        CaseMap(tmp_path)
