"""Where results go where nobody says."""

from __future__ import annotations

from pathlib import Path

import pytest

from airbeat.cli.searching import default_out


def test_results_lie_beside_the_folder_that_is_searched() -> None:
    assert default_out("card/DCIM") == Path("card/DCIM-candidates")
    assert default_out("rtsp://host/live") == Path("stream-candidates")


def test_the_folder_one_stands_in_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "card" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "card" / "below")
    assert default_out(".") == tmp_path / "card" / "below-candidates"
    assert default_out("..") == tmp_path / "card-candidates"
    assert default_out("/") == Path("candidates")
