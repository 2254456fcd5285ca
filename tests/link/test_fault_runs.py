"""The short form of the fault runs that are made against ArduPilot: 50 of them, on a played clock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_COMMAND = Path(__file__).parents[1] / "bench" / "upload_faults.py"


def test_fifty_uploads_with_faults_leave_no_silent_partial_mission(tmp_path: Path) -> None:
    out = tmp_path / "runs.jsonl"
    command = [sys.executable, str(_COMMAND), "--vehicle", "embedded", "--runs", "50", "--workers", "2"]
    done = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True, check=False)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert {row["seed"] for row in rows} == set(range(50))
    assert [row for row in rows if row["silent"]] == []
    assert sum(row["kind"] == "verified" for row in rows) >= 40
    assert {"loss", "rebooted", "rival"} <= {
        name for row in rows for name in (*row, *row["faults"]) if row.get(name) or row["faults"].get(name)
    }


def test_runs_that_are_in_the_result_file_are_not_made_again(tmp_path: Path) -> None:
    out = tmp_path / "runs.jsonl"
    command = [sys.executable, str(_COMMAND), "--vehicle", "embedded", "--workers", "1", "--out", str(out)]
    for runs in ("2", "3", "3"):
        subprocess.run([*command, "--runs", runs], capture_output=True, check=True)
    assert [json.loads(line)["seed"] for line in out.read_text(encoding="utf-8").splitlines()] == [0, 1, 2]
