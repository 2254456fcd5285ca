"""Every malformed mission file in ``mission_errors`` gets exactly the error text that stands beside it.

After a change on purpose: AIRBEAT_UPDATE_GOLDEN=1 pytest tests/golden/test_mission_errors.py, then read the
difference before it is committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airbeat.errors import MissionFileError
from airbeat.mission.loader import load_mission

FOLDER = Path(__file__).parent / "mission_errors"
FILES = sorted(FOLDER.glob("*.yaml"))


def error_text(path: Path) -> str:
    with pytest.raises(MissionFileError) as caught:
        load_mission(path)
    assert caught.value.exit_code == 3
    assert caught.value.problems
    return str(caught.value).replace(str(path), path.name) + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_malformed_mission_file_gets_its_error_text(path: Path) -> None:
    text = error_text(path)
    expected = path.with_suffix(".txt")
    if os.environ.get("AIRBEAT_UPDATE_GOLDEN"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


def test_every_error_text_belongs_to_a_file_and_there_are_many() -> None:
    assert {p.stem for p in FOLDER.glob("*.txt")} == {p.stem for p in FILES}
    assert len(FILES) >= 30
