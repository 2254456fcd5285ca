"""Runs the command line as a user does: a process of its own, in a folder of its own."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]

Photograph = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess[str]]


def _runs_in(folder: Path) -> Run:
    def run(*arguments: str, timeout_s: float = 240.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "airbeat", *arguments],
            cwd=folder,
            env=os.environ | {"COLUMNS": "100", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return run


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """An empty folder in which ``missions/`` is the project's."""
    (tmp_path / "missions").symlink_to(REPOSITORY / "missions")
    return tmp_path


@pytest.fixture
def airbeat(workplace: Path) -> Run:
    """Call with arguments: runs ``airbeat`` there and returns the finished process."""
    return _runs_in(workplace)


@pytest.fixture(scope="session")
def airbeat_in() -> Callable[[Path], Run]:
    """Call with a folder: runs ``airbeat`` there, for what several tests begin with a copy of."""
    return _runs_in


@pytest.fixture(scope="session")
def photograph() -> Photograph:
    """Call with a path, a seed and metres: writes a photograph as a drone's card would hold it."""
    return _write_photograph


@pytest.fixture
def streaming() -> ModuleType:
    """A camera that streams by RTSP, see ``streaming.py``."""
    pytest.importorskip("av", reason="PyAV (the extra 'video') is not installed")
    spec = importlib.util.spec_from_file_location("streaming", Path(__file__).with_name("streaming.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:d="http://www.dji.com/drone-dji/1.0/" d:RelativeAltitude="+50.00"'
    ' d:AbsoluteAltitude="+350.00" d:GimbalYawDegree="0.0" d:GimbalPitchDegree="-90.0"'
    ' d:GimbalRollDegree="0.0" d:CalibratedFocalLength="1000"{place}/></rdf:RDF></x:xmpmeta>'
)
_METRE_DEG = 8.983e-6
"""A metre north [degrees of latitude]."""


def _write_photograph(path: Path, *, seed: int, north_m: float | None = 0.0) -> Path:
    """Grass at 5 cm/px with a figure in red and blue at 51° N 8° E, seen from so far north of it [m].

    The camera looks straight down; None for a photograph that does not say where it was taken.
    """
    random = np.random.default_rng(seed)
    image = np.full((600, 800, 3), (55.0, 105.0, 90.0), np.float32)
    image += 18 * cv2.GaussianBlur(random.normal(0, 1, image.shape).astype(np.float32), (0, 0), 1.2)
    patches = cv2.GaussianBlur(random.normal(0, 1, (600, 800)).astype(np.float32), (0, 0), 25)
    image += 300 * patches[:, :, None] * (0.5, 1.0, 0.9)
    x, y = 400, 300 + round((north_m or 0.0) / 0.05)
    cv2.ellipse(image, (x, y), (4, 8), 0, 0, 360, (30, 30, 220), -1, cv2.LINE_AA)
    cv2.ellipse(image, (x, y + 15), (4, 10), 0, 0, 360, (200, 60, 30), -1, cv2.LINE_AA)
    cv2.circle(image, (x, y - 10), 3, (110, 140, 190), -1, cv2.LINE_AA)
    place = ""
    if north_m is not None:
        place = f' d:GpsLatitude="{51.0 + north_m * _METRE_DEG:.8f}" d:GpsLongitude="8.00000000"'
    buffer = io.BytesIO()
    rgb = np.clip(image, 0, 255).astype(np.uint8)[:, :, ::-1]
    Image.fromarray(rgb).save(buffer, "JPEG", quality=92, xmp=_XMP.format(place=place).encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return path
