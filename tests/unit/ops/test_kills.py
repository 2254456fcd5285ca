"""Kills at random moments of a review: nothing that was acknowledged is lost. The long form is a bench."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench" / "ops_kills.py"

pytestmark = [pytest.mark.skipif(os.name != "posix", reason="SIGKILL"), pytest.mark.timeout(600)]


def test_decisions_that_were_acknowledged_survive_kills_at_random_moments() -> None:
    pytest.importorskip("starlette", reason="the extra console is not installed")
    words = ["--console", "3", "--review", "2", "--flight", "0", "--seed", "7"]
    done = subprocess.run(
        [sys.executable, str(BENCH), *words], capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("5 kills")
    acknowledged = re.search(r"acknowledged (\{.*\}), lost 0", done.stdout)
    assert acknowledged
    assert "console" in acknowledged[1]
