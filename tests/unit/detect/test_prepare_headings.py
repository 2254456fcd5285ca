"""Headings of a whole folder are compared before it is searched: places follow from them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from airbeat.detect.prepare import is_whole, prepared
from airbeat.frames.sources import FolderSource, FollowedFolder

SHARED = Path(os.environ.get("AIRBEAT_SHARED_DATA", "/nonexistent"))


def source_of(folder: Path) -> FolderSource:
    return FolderSource(name="flight", folder=folder, frames_dir=folder.parent / "frames")


def test_a_folder_that_is_still_filling_is_not_whole(tmp_path: Path) -> None:
    assert is_whole(source_of(tmp_path))
    assert not is_whole(FollowedFolder(name="flight", folder=tmp_path, frames_dir=tmp_path / "frames"))


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="AIRBEAT_SHARED_DATA names no folder")
def test_photographs_that_a_viewer_turned_are_put_right_and_that_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for part in ("aerial-person/brighton-nadir40/images", "dji-exif"):
        for path in sorted((SHARED / part).glob("*DJI_00*.JPG")):
            shutil.copy(path, folder / path.name)
    ready, ground = prepared(source_of(folder))
    assert ground is None
    assert len(ready.headings) == 1
    assert "5 photographs: the camera's yaw was turned by 180°" in ready.headings[0]
    yaws = {f.name: f.meta.gimbal_yaw_deg for f in ready.frames if f.meta is not None}
    assert yaws["DJI_0024.JPG"] == pytest.approx(40.0)
    assert yaws["DJI_0018.JPG"] == pytest.approx(45.0)
