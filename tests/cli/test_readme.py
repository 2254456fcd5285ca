"""The README's commands do what it says, in its order."""

from __future__ import annotations

import html
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- (run|background|demo|tests) -->\n```\n(.+?)\n```", TEXT, flags=re.DOTALL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _arguments(line: str, port: int) -> list[str]:
    words = shlex.split(line.replace("127.0.0.1:5760", f"127.0.0.1:{port}"))
    assert words[0] == "airbeat"
    if words[1] == "sim":
        words += ["--port", str(port)]
    if words[1] == "fly":
        words.append("--yes")
    return [sys.executable, "-m", "airbeat", *words[1:]]


@contextmanager
def _in_background(arguments: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(arguments, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert "embedded vehicle (not ArduPilot)" in process.stdout.readline()
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)


def test_the_readme_names_one_demo_and_one_test_command() -> None:
    kinds = [kind for kind, _ in BLOCKS]
    assert kinds.count("demo") == 1
    assert kinds.count("tests") == 1
    for kind, block in BLOCKS:
        if kind in {"demo", "tests"}:
            assert "\n" not in block
            assert block.startswith("python3 -m venv .venv && .venv/bin/pip install")


def test_every_picture_in_the_readme_is_there() -> None:
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", TEXT):
        assert (REPOSITORY / picture).is_file(), picture


@pytest.mark.timeout(900)
def test_the_guide_leads_from_a_mission_file_to_a_report(workplace: Path) -> None:
    port = _free_port()
    steps = [(kind, block) for kind, block in BLOCKS if kind in {"run", "background"}]
    at = next(n for n, (kind, _) in enumerate(steps) if kind == "background")
    before, simulator, flying, after = steps[:at], steps[at], steps[at + 1 : at + 3], steps[at + 3 :]
    assert [b.split()[1] for _, b in before] == ["new", "plan", "convert", "convert", "check"]
    assert [b.split()[1] for _, b in flying] == ["upload", "fly"]
    later = ["detect", "review", "review", "report", "search", "new"]
    assert [b.split()[1] for _, b in after] == later

    def run(block: str) -> None:
        for line in block.splitlines():
            run_line(line)

    def run_line(block: str) -> None:
        done = subprocess.run(
            _arguments(block, port),
            cwd=workplace,
            env=os.environ | {"COLUMNS": "100"},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"

    for _, block in before:
        run(block)
    with _in_background(_arguments(simulator[1], port), workplace):
        for _, block in flying:
            run(block)
    deadline = time.monotonic() + 60
    while not (workplace / "photos-truth.json").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert (workplace / "photos-truth.json").exists(), "the simulator did not finish its photographs"
    for _, block in after:
        run(block)

    flight = json.loads((workplace / "flight" / "flight.json").read_text())
    assert flight["outcome"] == "completed"
    assert flight["vehicle"]["is_embedded"] is True
    photos = sorted((workplace / "photos").glob("*.JPG"))
    assert len(photos) == len(flight["photos"])
    candidates = json.loads((workplace / "candidates" / "candidates.json").read_text())
    assert candidates["summary"]["frames_searched"] == len(photos)
    assert candidates["candidates"]
    report = (workplace / "report.html").read_text(encoding="utf-8")
    assert "this area is not cleared" in report
    assert "Exercise: flown by airbeat's embedded vehicle (not ArduPilot)" in html.unescape(report)
