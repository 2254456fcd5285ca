"""Runs the command line as a user does: a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """An empty folder in which ``missions/`` is the project's."""
    (tmp_path / "missions").symlink_to(REPOSITORY / "missions")
    return tmp_path


@pytest.fixture
def airbeat(workplace: Path) -> Run:
    """Call with arguments: runs ``airbeat`` there and returns the finished process."""

    def run(*arguments: str, timeout_s: float = 240.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "airbeat", *arguments],
            cwd=workplace,
            env=os.environ | {"COLUMNS": "100", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return run
