"""What all tests share: the long form, and an honest count of what could not run here."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    counts: dict[str, int] = {}
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        counts[reason] = counts.get(reason, 0) + 1
    for reason, count in sorted(counts.items()):
        terminalreporter.write_line(f"not run: {count} tests, {reason.removeprefix('Skipped: ')}")
