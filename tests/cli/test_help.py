"""Every command explains itself, and its help text changes only on purpose."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from airbeat.cli.main import COMMANDS, cli

SNAPSHOTS = Path(__file__).parent / "snapshots"
README = Path(__file__).resolve().parents[2] / "README.md"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_help_text_is_the_reviewed_one(airbeat: Run, name: str) -> None:
    done = airbeat(*([name] if name else []), "--help")
    assert done.returncode == 0, done.stderr
    snapshot = SNAPSHOTS / f"{name or 'airbeat'}.txt"
    if os.environ.get("AIRBEAT_UPDATE_GOLDEN"):
        snapshot.write_text(done.stdout, encoding="utf-8")
    assert done.stdout == snapshot.read_text(encoding="utf-8"), "AIRBEAT_UPDATE_GOLDEN=1 accepts a change"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_json_and_a_place_in_the_readme(name: str) -> None:
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    assert f"airbeat {name}" in (command.help or ""), "an example in the help text"
    subcommands = getattr(command, "commands", {"": command}).values()
    assert all(any("--json" in p.opts for p in c.params) for c in subcommands)
    assert f"airbeat {name}" in README.read_text(encoding="utf-8")


def test_help_imports_no_heavy_package() -> None:
    code = (
        "import sys, airbeat.cli.main as m\n"
        "try: m.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(*[n for n in ('cv2','numpy','shapely','pyproj','pymavlink','pydantic','rich') "
        "if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""


def test_an_unknown_command_is_answered_with_those_there_are(airbeat: Run) -> None:
    done = airbeat("plna")
    assert done.returncode == 2
    assert "no command 'plna'" in done.stderr
    assert "plan" in done.stderr
