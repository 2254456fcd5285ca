"""A case on a height model: what photographs are worth over its ground, and what the papers say of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from airbeat.errors import InputFileError, UsageError
from airbeat.flight.casefolder import CaseFolder, start_case
from airbeat.flight.ground_searched import Shown, search_ground
from airbeat.flight.reviews import no_reviews
from airbeat.flight.searchstatus import status_of
from airbeat.flight.searchupdate import assumptions, update_case
from airbeat.frames.meta import FrameMeta
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.locate.relief import terrain_ground
from airbeat.mission.case import Posture
from airbeat.report.searchpapers import papers_html

CENTRE = LatLon(lat_deg=47.0, lon_deg=11.0)
FRAME = LocalFrame(CENTRE)
CASE = """\
airbeat: 1
kind: case
name: Test
missing: {last_known: {lat: 47.0, lon: 11.0}, category: dementia, terrain: mountain}
map: {cell_m: 20, reach_m: 300, rest_of_world: 0.2}
terrain: model.tif
"""
WIDTH, HEIGHT, FOCAL = 4000, 3000, 2812.5
NOW = datetime(2026, 10, 3, 18, 0, tzinfo=UTC)
Write = Callable[..., Path]


def terrace(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """500 m in the west, 540 m in the east, with a wall of 10 m width between them."""
    return 500.0 + np.clip((east + 5.0) * 4.0, 0.0, 40.0) + 0.0 * north


@pytest.fixture
def started(tmp_path: Path, height_file: Write) -> CaseFolder:
    height_file(tmp_path / "model.tif", CENTRE, terrace, half_m=1000.0)
    (tmp_path / "case.yaml").write_text(CASE)
    return start_case(tmp_path / "case.yaml", tmp_path / "case")


def frame(
    x_m: float, y_m: float, *, height_m: float = 100.0, pitch_deg: float = -90.0, yaw_deg: float = 90.0
) -> FrameMeta:
    return FrameMeta(
        path=Path("a.jpg"), width_px=WIDTH, height_px=HEIGHT, position=FRAME.to_latlon([(x_m, y_m)])[0],
        height_above_home_m=height_m, gimbal_yaw_deg=yaw_deg, gimbal_pitch_deg=pitch_deg,
        gimbal_roll_deg=0.0, focal_length_px=FOCAL,
    )  # fmt: skip


def home(x_m: float = -200.0) -> LatLon:
    return FRAME.to_latlon([(x_m, 0.0)])[0]


def searched(case: CaseFolder, *metas: FrameMeta, home_x_m: float = -200.0) -> Any:
    assert case.case.terrain is not None
    ground = terrain_ground(case.case.terrain, (), home=home(home_x_m))
    shown = [Shown(meta=meta, ground_height_m=0.0) for meta in metas]
    return search_ground(case.model, shown, Posture.LYING, terrain=ground)


def test_height_above_the_ground_counts_and_not_height_above_home(started: CaseFolder) -> None:
    low = searched(started, frame(-150.0, 0.0))
    high = searched(started, frame(150.0, 0.0))
    assert low.heights_m == pytest.approx((100.0, 100.0), abs=0.1)
    assert high.heights_m == pytest.approx((60.0, 60.0), abs=0.1)
    assert high.gsd_m_px == pytest.approx((60.0 / FOCAL,) * 2, rel=2e-3)
    area_m2 = high.searched.seen.sum() * started.model.grid.cell_area_m2
    assert area_m2 == pytest.approx(WIDTH * HEIGHT * (60.0 / FOCAL) ** 2, rel=0.15)
    assert high.searched.seen.sum() < low.searched.seen.sum()
    assert high.sweep_width_m < low.sweep_width_m
    from_above = searched(started, frame(150.0, 0.0), home_x_m=200.0)
    assert from_above.heights_m == pytest.approx((100.0, 100.0), abs=0.1)


def test_one_photograph_over_two_levels_has_the_gsd_of_each(started: CaseFolder) -> None:
    found = searched(started, frame(0.0, 0.0, yaw_deg=0.0))
    grid = started.model.grid
    row = grid.rows // 2
    west, east = (int(np.argmin(np.abs(grid.x_m() - x))) for x in (-30.0, 30.0))
    curve = started.model.curve
    assert started.model.visible[row, [west, east]] == pytest.approx([1.0, 1.0])
    for column, above_m in ((west, 100.0), (east, 60.0)):
        chance = float(curve.probability(1.7 * FOCAL / above_m))
        assert found.searched.coverage[row, column] == pytest.approx(chance, abs=2e-3)
    seen = found.searched.seen[row]
    assert seen[grid.x_m() < -1.5 * 30].sum() > seen[grid.x_m() > 1.5 * 30].sum()


def test_ground_behind_a_wall_is_not_seen(tmp_path: Path, height_file: Write) -> None:
    def wall(east: np.ndarray, north: np.ndarray) -> np.ndarray:
        return np.where((east > 40.0) & (east < 70.0), 560.0, 500.0) + 0.0 * north

    height_file(tmp_path / "model.tif", CENTRE, wall, half_m=1000.0)
    (tmp_path / "case.yaml").write_text(CASE)
    case = start_case(tmp_path / "case.yaml", tmp_path / "case")
    found = searched(case, frame(-20.0, 0.0, height_m=70.0, pitch_deg=-50.0))
    grid = case.model.grid
    row = grid.rows // 2

    def seen_at(x_m: float) -> float:
        return float(found.searched.seen[row, int(np.argmin(np.abs(grid.x_m() - x_m)))])

    assert seen_at(30.0) == pytest.approx(1.0)
    assert seen_at(110.0) == 0.0


def written(folder: Path, *, home_m: float | None = -200.0, name: str = "out") -> tuple[Path, Path]:
    """candidates.json and ledger.json of three photographs from 100 m above the western level."""
    folder = folder / name
    folder.mkdir()
    rows = []
    for number in range(3):
        place = FRAME.to_latlon([(-150.0, 40.0 * number)])[0]
        rows.append(
            {
                "file": f"P{number}.JPG", "sha256": f"{number:064x}", "width_px": WIDTH, "height_px": HEIGHT,
                "lat_deg": place.lat_deg, "lon_deg": place.lon_deg, "height_above_home_m": 60.0,
                "gimbal_yaw_deg": 0.0, "gimbal_pitch_deg": -90.0, "gimbal_roll_deg": 0.0,
                "focal_length_px": FOCAL, "gsd_m_px": 0.03, "ground_height_above_home_m": 0.0, "boxes": [],
            }
        )  # fmt: skip
    document = {"schema": "airbeat/candidates/1", "detector": {"name": "Test", "threshold": 0.5},
                "frames": rows, "not_searched": [], "candidates": []}  # fmt: skip
    (folder / "candidates.json").write_text(json.dumps(document))
    ledger = {"schema": "airbeat/ledger/1", "source_sha256": "", "footprint_across_m": 85.0, "photos": 3,
              "gaps": {"type": "MultiPolygon", "coordinates": []}}  # fmt: skip
    if home_m is not None:
        place = home(home_m)
        ledger["home"] = {"lat_deg": place.lat_deg, "lon_deg": place.lon_deg}
    (folder / "ledger.json").write_text(json.dumps(ledger))
    return folder / "candidates.json", folder / "ledger.json"


def updated(case: CaseFolder, paths: tuple[Path, Path], *more: Path) -> Any:
    return update_case(
        case, ledgers=[paths[1], *more], candidates_json=paths[0], review=no_reviews(), reviews_sha256="",
        looked_through=frozenset(f"P{n}.JPG" for n in range(3)), made_utc=NOW,
    )  # fmt: skip


def test_an_update_takes_the_take_off_place_of_the_ledger(started: CaseFolder, tmp_path: Path) -> None:
    record = updated(started, written(tmp_path, home_m=200.0)).record
    assert record.heights_m == pytest.approx((100.0, 100.0), abs=0.1)
    assert record.altitude_source.endswith("ground heights from model.tif")
    assert "as high as in model.tif" in record.notes[0]
    told = status_of(started)
    assert any(note.startswith("ground heights from model.tif") for note in told.notes)
    assert not any("flat ground" in note for note in told.notes)
    text = papers_html(started, told, picture_png=b"", flights=[])
    assert "m above sea level by model.tif, slopes" in text
    assert assumptions(started) in text
    assert "Flat ground" not in text


def test_ledgers_that_do_not_say_home_or_two_of_them_are_refused_with_the_remedy(
    started: CaseFolder, tmp_path: Path
) -> None:
    silent = written(tmp_path, home_m=None)
    with pytest.raises(UsageError, match="does not say where its flight took off"):
        updated(started, silent)
    low, high = written(tmp_path, name="low"), written(tmp_path, home_m=200.0, name="high")
    with pytest.raises(UsageError, match=r"different heights \(500 to 540 m"):
        updated(started, low, high[1])


def test_a_height_model_that_was_changed_since_the_start_is_refused(started: CaseFolder) -> None:
    (stored,) = started.stored.values()
    content = stored.read_bytes()
    stored.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputFileError, match="was changed since it was written"):
        CaseFolder(started.folder)


def test_the_papers_of_a_case_without_a_model_say_that_flat_ground_was_assumed(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(CASE.replace("terrain: model.tif\n", ""))
    case = start_case(tmp_path / "case.yaml", tmp_path / "case")
    text = papers_html(case, status_of(case), picture_png=b"", flights=[])
    assert text.count("Flat ground was assumed.") == len(case.model.segments)
    assert "no height model (terrain): flat ground was assumed" in text
