"""``airbeat sitl`` as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

AIRBEAT = [sys.executable, "-c", "from airbeat.cli.main import main; main()", "sitl"]


def run(*words: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "AIRBEAT_SITL_BINARY"}
    environment |= {"HOME": str(home), "PATH": str(home), **variables}
    return subprocess.run(
        [*AIRBEAT, *words], capture_output=True, text=True, env=environment, timeout=60, check=False
    )


def test_find_without_a_binary_exits_1_and_lists_what_it_looked_at(tmp_path: Path) -> None:
    result = run("find", "--json", home=tmp_path)
    assert result.returncode == 1
    value = json.loads(result.stdout)
    assert value["path"] is None
    assert [e["problem"] for e in value["looked"]] == [
        "is not set",
        "has no copter-*/apm",
        "has no arducopter",
    ]


def test_run_without_a_binary_says_where_to_get_one_and_shows_no_traceback(tmp_path: Path) -> None:
    result = run("run", home=tmp_path)
    assert result.returncode == 4
    assert "airbeat sitl fetch" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("home", ["here", "1", "91,0", "1,2,3,4,5"])
def test_a_home_that_is_no_place_is_refused(tmp_path: Path, home: str) -> None:
    result = run("run", "--home", home, home=tmp_path)
    assert result.returncode in (2, 3)
    assert "Traceback" not in result.stderr


@pytest.mark.ardupilot
def test_run_prints_its_address_and_ctrl_c_stops_it(tmp_path: Path, real_binary: Path) -> None:
    environment = os.environ | {"AIRBEAT_SITL_BINARY": str(real_binary), "XDG_STATE_HOME": str(tmp_path)}
    with subprocess.Popen(
        [*AIRBEAT, "run", "--instance", "41", "--json", "--wipe"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            text += process.stdout.readline()
        value = json.loads(text)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert value["url"] == "tcp:127.0.0.1:6170"
    assert value["working_folder"] == str(tmp_path / "airbeat/sitl/instance-41")
    assert (tmp_path / "airbeat/sitl/instance-41/eeprom.bin").is_file()
