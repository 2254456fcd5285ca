"""Plan files on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from airbeat.errors import PlanFileError, UsageError
from airbeat.formats.atomic import write_files
from airbeat.formats.files import read_plan_file, write_plan_files
from airbeat.formats.limits import MAX_FILE_BYTES
from airbeat.formats.qgc_plan import write_qgc_plan
from airbeat.mission.plan import FlightPlan


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_all_files_of_a_plan_are_written_and_read_by_what_is_in_them(
    full_plan: FlightPlan, tmp_path: Path
) -> None:
    paths = write_plan_files(full_plan, tmp_path / "out", stem="hill")
    assert [p.name for p in paths] == ["hill.plan", "hill.waypoints", "hill.geojson", "hill.kml"]
    assert names(tmp_path / "out") == sorted(p.name for p in paths)
    plan = read_plan_file(paths[0])
    assert plan.fence == full_plan.fence
    assert plan.provenance.source_name == "hill.plan"
    assert plan.provenance.source_sha256 == hashlib.sha256(paths[0].read_bytes()).hexdigest()
    renamed = paths[1].rename(tmp_path / "mission.txt")
    assert len(read_plan_file(renamed).items) == len(full_plan.items)


def test_nothing_is_overwritten_or_written_unless_told(full_plan: FlightPlan, tmp_path: Path) -> None:
    (tmp_path / "hill.kml").write_text("mine")
    with pytest.raises(UsageError, match=r"hill\.kml exists already"):
        write_plan_files(full_plan, tmp_path, stem="hill")
    assert names(tmp_path) == ["hill.kml"]
    assert (tmp_path / "hill.kml").read_text() == "mine"
    write_plan_files(full_plan, tmp_path, stem="hill", overwrite=True)
    assert (tmp_path / "hill.kml").read_text().startswith("<?xml")


@pytest.mark.parametrize("stem", ["", ".", "..", "a/b", "../x", "a\x00", "C:x"])
def test_a_stem_that_is_not_a_file_name_is_refused(full_plan: FlightPlan, tmp_path: Path, stem: str) -> None:
    with pytest.raises(UsageError, match="not a file name"):
        write_plan_files(full_plan, tmp_path, stem=stem)
    assert names(tmp_path) == []


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        write_files({tmp_path / "a": "text", tmp_path / "b": "a folder is there"}, overwrite=True)
    assert not [p for p in names(tmp_path) if p.endswith(".tmp")]
    with pytest.raises(UsageError, match="cannot be written"):
        write_files({tmp_path / "a" / "c": "a file is no folder"})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b"hello", "none of the plan formats"),
        (b"\xff\xfe{\x00", "not UTF-8"),
        (b"PK\x03\x04" + b"\x00" * 99, "the archive is damaged"),
        (b" " * (MAX_FILE_BYTES + 1), "larger than 8 MB"),
        (b'{"fileType": "Plan"}', "mission must be an object"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "x.plan"
    path.write_bytes(data)
    with pytest.raises(PlanFileError, match=r"x\.plan") as caught:
        read_plan_file(path)
    assert says in str(caught.value)


def test_a_missing_file_a_folder_and_a_device_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.plan", tmp_path, Path("/dev/zero"), Path("a\x00b")):
        with pytest.raises(PlanFileError):
            read_plan_file(path)


def test_a_byte_order_mark_is_no_obstacle(full_plan: FlightPlan, tmp_path: Path) -> None:
    path = tmp_path / "x.plan"
    path.write_bytes(b"\xef\xbb\xbf" + write_qgc_plan(full_plan).encode())
    assert read_plan_file(path).name == full_plan.name


def test_more_items_than_any_vehicle_holds_are_refused(tmp_path: Path) -> None:
    row = "{n}\t0\t3\t16\t0\t0\t0\t0\t51\t8\t50\t1"
    home = "0\t1\t0\t16\t0\t0\t0\t0\t51\t8\t9\t1"
    path = tmp_path / "x.waypoints"
    path.write_text("\n".join(["QGC WPL 110", home, *(row.format(n=n) for n in range(1, 10_005))]))
    with pytest.raises(PlanFileError, match="at most 10000"):
        read_plan_file(path)
