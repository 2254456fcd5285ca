"""What all tests share: the long form, and an honest count of what could not run here."""

from __future__ import annotations

import gc
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import settings

from airbeat.geo.coordinates import LatLon

Heights = Callable[[np.ndarray, np.ndarray], np.ndarray]

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("long", derandomize=False, deadline=None, max_examples=2000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long form of the costly tests")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("long" if config.getoption("--long") else "ci")


def _shared_data() -> Path | None:
    folder = os.environ.get("AIRBEAT_SHARED_DATA")
    return Path(folder) if folder and Path(folder).is_dir() else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    no_data = pytest.mark.skip(reason="AIRBEAT_SHARED_DATA names no folder")
    not_long = pytest.mark.skip(reason="long form: run with --long")
    for item in items:
        if item.get_closest_marker("shared_data") and _shared_data() is None:
            item.add_marker(no_data)
        if item.get_closest_marker("slow") and not config.getoption("--long"):
            item.add_marker(not_long)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was collected stays to the end: garbage is not looked for in it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def shared_data() -> Path:
    """The folder of development areas and photographs; tests that take it are marked ``shared_data``."""
    folder = _shared_data()
    assert folder is not None, "mark the test with @pytest.mark.shared_data"
    return folder


@pytest.fixture
def height_file() -> Callable[..., Path]:
    """Writes a GeoTIFF height model round a place: path, place, heights of metres east and north."""
    rasterio = pytest.importorskip("rasterio", reason="rasterio (the extra 'terrain') is not installed")

    def write(
        path: Path, place: LatLon, heights: Heights, *, half_m: float = 1500.0, cell_m: float = 10.0
    ) -> Path:
        crs = f"+proj=tmerc +lat_0={place.lat_deg} +lon_0={place.lon_deg} +datum=WGS84 +units=m"
        at = np.arange(-half_m + cell_m / 2, half_m, cell_m)
        values = np.asarray(heights(*np.meshgrid(at, at[::-1])), dtype=np.float32)
        corner = rasterio.Affine(cell_m, 0.0, -half_m, 0.0, -cell_m, half_m)
        size = {"height": len(at), "width": len(at), "count": 1, "dtype": "float32", "nodata": -9999.0}
        with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=corner, **size) as raster:
            raster.write(np.nan_to_num(values, nan=-9999.0), 1)
        return path

    return write


@pytest.fixture
def search_folder(tmp_path: Path) -> Callable[..., Path]:
    """Call with a number: a folder as ``airbeat detect`` writes it, with so many candidates.

    They lie in three photographs (in ``photos`` beside it) of 51° N 8° E, seen straight down from 50 m; each
    is in one of them, and its place is in the others too. Names of files may be given: what comes from
    outside may be called anything.
    """

    def write(
        count: int, *, names: tuple[str, ...] = ("DJI_0001.JPG", "DJI_0002.JPG", "DJI_0003.JPG")
    ) -> Path:
        return _write_search(tmp_path, count, names)

    return write


def _write_search(folder: Path, count: int, names: tuple[str, ...]) -> Path:
    photos, out = folder / "photos", folder / "found"
    (out / "crops").mkdir(parents=True)
    photos.mkdir()
    random = np.random.default_rng(1)
    frames: list[dict[str, Any]] = []
    for number, name in enumerate(names):
        picture = cv2.resize(random.integers(60, 180, (30, 40, 3), np.uint8), (800, 600))
        data = cv2.imencode(".jpg", picture)[1].tobytes()
        (photos / name).write_bytes(data)
        frames.append(
            {"file": name, "sha256": hashlib.sha256(data).hexdigest(), "width_px": 800, "height_px": 600}
            | {"lat_deg": 51.0 + number * 2e-5, "lon_deg": 8.0, "height_above_home_m": 50.0}
            | {"gimbal_yaw_deg": 0.0, "gimbal_pitch_deg": -90.0, "gimbal_roll_deg": 0.0}
            | {"focal_length_px": 700.0, "gsd_m_px": 0.071, "ground_height_above_home_m": 0.0, "boxes": []}
        )
    candidates = []
    for number in range(count):
        own = frames[number % len(frames)]
        x, y = 20.0 + (number * 37) % 740, 20.0 + (number * 53) % 540
        crop = f"crops/C{number + 1:03d}.jpg"
        (out / crop).write_bytes(cv2.imencode(".jpg", random.integers(0, 255, (120, 120, 3), np.uint8))[1])
        look = {"file": own["file"], "sha256": own["sha256"], "xyxy_px": [x, y, x + 16, y + 30]}
        candidates.append(
            {
                "id": f"C{number + 1:03d}",
                "lat_deg": 51.0 + number * 1e-6,
                "lon_deg": 8.0 + (number % 7) * 1e-5,
            }
            | {"ce90_m": 4.0, "score": 1 - number / (count + 1), "frames_over_it": 3, "looks": [look]}
            | {"missed_in": [f["file"] for f in frames if f is not own], "crop": crop}
        )
    results = {"schema": "airbeat/candidates/2", "source": str(photos), "not_searched": []}
    results |= {"detector": {"name": "test", "threshold": 0.5}, "frames": frames, "candidates": candidates}
    (out / "candidates.json").write_text(json.dumps(results))
    return out


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    counts: dict[str, int] = {}
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        counts[reason] = counts.get(reason, 0) + 1
    for reason, count in sorted(counts.items()):
        terminalreporter.write_line(f"not run: {count} tests, {reason.removeprefix('Skipped: ')}")
