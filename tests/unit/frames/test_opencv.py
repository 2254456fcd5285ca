"""OpenCV is loaded late, and a machine without display libraries is told what to install."""

from __future__ import annotations

import builtins
import subprocess
import sys
from typing import Any

import pytest

from airbeat.errors import DependencyError
from airbeat.frames.opencv import opencv


@pytest.fixture
def broken_import(monkeypatch: pytest.MonkeyPatch) -> Any:
    def fail_with(message: str) -> None:
        real = builtins.__import__

        def fake(name: str, *args: Any, **kwargs: Any) -> Any:
            if name == "cv2":
                raise ImportError(message)
            return real(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", fake)
        opencv.cache_clear()

    yield fail_with
    monkeypatch.undo()
    opencv.cache_clear()


def test_a_missing_libgl_names_the_headless_package(broken_import: Any) -> None:
    broken_import("libGL.so.1: cannot open shared object file: No such file or directory")
    with pytest.raises(DependencyError, match="opencv-python-headless") as caught:
        opencv()
    assert "libGL.so.1" in caught.value.message


def test_a_missing_opencv_names_the_package(broken_import: Any) -> None:
    broken_import("No module named 'cv2'")
    with pytest.raises(DependencyError, match="pip install 'opencv-python<5'"):
        opencv()


def test_importing_the_reader_does_not_load_opencv() -> None:
    code = "import sys, airbeat.frames.reader; sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
