"""What SITL started is stopped, whatever happens to the one who started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from airbeat.errors import InputFileError, LinkError, UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.sim.ardupilot import ArduPilotSitl, merge_parameters, read_parameters
from airbeat.sim.ardupilot_binary import parameter_file

HOME = LatLon(lat_deg=47.2692, lon_deg=11.4041)


def wait_for(condition: object, what: str, timeout_s: float = 15.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def is_listening(port: int) -> bool:
    return any(c.laddr.port == port and c.status == "LISTEN" for c in psutil.net_connections("tcp4"))


def test_our_parameter_file_is_complete_commented_and_read() -> None:
    values = read_parameters(parameter_file())
    assert (values["CAM1_TYPE"], values["CAM2_TYPE"]) == (1, 0)
    assert values["FENCE_TYPE"] == 5
    assert values["FS_GCS_ENABLE"] == 1
    lines = parameter_file().read_text(encoding="utf-8").splitlines()
    groups = "\n".join(lines).split("\n\n")
    assert all(any(line.startswith("#") for line in group.splitlines()) for group in groups)


def test_later_parameters_win_and_bad_lines_are_named(tmp_path: Path) -> None:
    first = tmp_path / "first.parm"
    first.write_text("A 1\nB,2 # a comment\n", encoding="utf-8")
    assert merge_parameters([first], {"B": 3}) == "A 1\nB 3\n"
    first.write_text("A 1\n\nB two\n", encoding="utf-8")
    with pytest.raises(InputFileError, match=r"first\.parm:3: expected a name and a number"):
        read_parameters(first)


def test_a_speed_up_or_instance_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match="speed-up"):
        ArduPilotSitl(home=HOME, speedup=0)


@pytest.mark.ardupilot
def test_sitl_runs_in_an_empty_folder_of_its_own_and_both_are_gone_afterwards(real_binary: Path) -> None:
    with ArduPilotSitl(home=HOME, speedup=10) as sitl:
        folder, port = sitl.working_folder, int(sitl.url.rsplit(":", 1)[1])
        assert [p.name for p in folder.iterdir()] == ["eeprom.bin"]
        assert sitl.is_running
        assert is_listening(port)
        assert "ArduCopter V" in sitl.version
    assert not folder.parent.exists()
    assert not is_listening(port)
    assert not sitl.is_running


@pytest.mark.ardupilot
def test_two_run_side_by_side_and_a_taken_instance_is_refused(real_binary: Path) -> None:
    with ArduPilotSitl(home=HOME) as first, ArduPilotSitl(home=HOME) as second:
        assert first.instance != second.instance
        with pytest.raises(LinkError, match="in use"):
            ArduPilotSitl(home=HOME, instance=first.instance).start()


@pytest.mark.ardupilot
def test_a_taken_port_is_named(real_binary: Path) -> None:
    with ArduPilotSitl(home=HOME) as sitl:
        instance = sitl.instance
    port = 5763 + 10 * instance
    with socket.create_server(("127.0.0.1", port)), pytest.raises(LinkError, match=f"port {port}"):
        ArduPilotSitl(home=HOME, instance=instance).start()


@pytest.mark.ardupilot
def test_state_is_kept_in_a_given_folder_and_wiped_only_if_it_is_ours(
    real_binary: Path, tmp_path: Path
) -> None:
    with ArduPilotSitl(home=HOME, state_folder=tmp_path):
        pass
    assert (tmp_path / "eeprom.bin").is_file()
    (tmp_path / "thesis.odt").touch()
    with pytest.raises(UsageError, match=r"thesis\.odt"):
        ArduPilotSitl(home=HOME, state_folder=tmp_path, wipe=True).start()
    assert (tmp_path / "thesis.odt").exists()


RUN = """
import sys, time
from airbeat.geo.coordinates import LatLon
from airbeat.sim.ardupilot import ArduPilotSitl
with ArduPilotSitl(home=LatLon(lat_deg=47.2692, lon_deg=11.4041)) as sitl:
    print(sitl.url, sitl.working_folder.parent, flush=True)
    time.sleep(60)
"""


@pytest.mark.ardupilot
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_sitl_ends_when_the_one_who_started_it_is_killed(real_binary: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUN], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        url, root = parent.stdout.readline().split()
        port = int(url.rsplit(":", 1)[1])
        assert is_listening(port)
        os.kill(parent.pid, number)
    wait_for(lambda: not is_listening(port), f"SITL still listens on {port}")
    wait_for(lambda: not Path(root).exists(), f"{root} is still there")


@pytest.mark.ardupilot
def test_sitl_ends_with_stop_even_when_its_supervisor_was_killed(real_binary: Path) -> None:
    sitl = ArduPilotSitl(home=HOME)
    sitl.start()
    port = int(sitl.url.rsplit(":", 1)[1])
    supervisor = next(
        p for p in psutil.Process().children() if "airbeat.sim.ardupilot_supervisor" in " ".join(p.cmdline())
    )
    supervisor.kill()
    wait_for(lambda: not sitl.is_running, "the supervisor still runs")
    assert is_listening(port)
    sitl.stop()
    wait_for(lambda: not is_listening(port), f"SITL still listens on {port}")
