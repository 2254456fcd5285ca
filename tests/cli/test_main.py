"""How the command line ends: exit codes, failures as JSON, Ctrl-C, and outputs that take nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

posix = pytest.mark.skipif(os.name != "posix", reason="signals and /dev/full")


def _heed_ctrl_c() -> None:
    """A background job of a shell is started deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (("plan", "--json"), 2, "usage"),
        (("plan", "missing.yaml", "--json"), 2, "usage"),
        (("upload", "missions/demo-hillside.yaml", "--connect", "tcp:[::", "--json"), 2, "usage"),
    ],
)
def test_a_failure_is_one_json_object_and_words_for_people(
    airbeat: Run, arguments: tuple[str, ...], exit_code: int, code: str
) -> None:
    done = airbeat(*arguments)
    assert done.returncode == exit_code
    failure = json.loads(done.stdout)
    assert failure["ok"] is False
    assert failure["error"]["code"] == code
    assert failure["error"]["message"]
    assert done.stderr.strip()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8:strict"])
def test_a_terminal_that_knows_few_characters_gets_escapes_and_no_bug(workplace: Path, encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airbeat", "plan", "missions/demo-hillside.yaml"],
        cwd=workplace,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Demo hillside" in done.stdout


@posix
def test_file_names_that_are_no_text_or_control_the_terminal_are_escaped(workplace: Path) -> None:
    card = workplace / "card"
    card.mkdir()
    (card / os.fsdecode(b"\xdcbung.JPG")).write_bytes(b"no photograph")
    (card / "red\x1b[31m\nnot searched: fake.jpg").write_bytes(b"no photograph")
    done = subprocess.run(
        [sys.executable, "-m", "airbeat", "detect", "card", "--json"],
        cwd=workplace,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert len(json.loads(done.stdout.decode("utf-8"))["not_searched"]) == 2
    assert b"bug" not in done.stderr
    assert b"\x1b" not in done.stderr
    assert b"\nnot searched: fake" not in done.stderr


@posix
@pytest.mark.parametrize("as_json", [True, False])
def test_a_full_disk_behind_standard_output_is_told_and_is_not_our_bug(
    workplace: Path, as_json: bool
) -> None:
    arguments = ["plan", "missions/river-bridge-points.yaml", *(["--json"] if as_json else [])]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "airbeat", *arguments],
            cwd=workplace,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2, done.stderr
    assert "standard output cannot be written" in done.stderr
    assert "bug" not in done.stderr
    assert "Exception" not in done.stderr


@posix
@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-"])
def test_closed_outputs_do_not_change_what_a_command_does(workplace: Path, closed: str) -> None:
    command = f'"{sys.executable}" -m airbeat plan missions/river-bridge-points.yaml --out p {closed}'
    done = subprocess.run(["sh", "-c", command], cwd=workplace, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert (workplace / "p" / "river-bridge-points.plan").exists()


@posix
def test_ctrl_c_ends_a_command_with_130(workplace: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        url = f"udpin:127.0.0.1:{free.getsockname()[1]}"
    command = ["upload", "missions/river-bridge-points.yaml", "--connect", url]
    with subprocess.Popen(
        [sys.executable, "-m", "airbeat", *command],
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509 - no threads in the tests
        cwd=workplace,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "waiting for a heartbeat" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(timeout=30) == 130
    assert "airbeat: stopped" in rest
    assert "Traceback" not in rest
