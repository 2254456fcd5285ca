"""Archives from strangers: bombs, names that climb, damaged members."""

from __future__ import annotations

import io
import zipfile

import pytest

from airbeat.errors import PlanFileError
from airbeat.formats.archive import read_members, zip_bytes


def test_the_same_content_gives_the_same_bytes() -> None:
    assert zip_bytes({"a.kml": "x"}) == zip_bytes({"a.kml": "x"})


def test_only_the_members_that_are_asked_for_are_read() -> None:
    data = zip_bytes({"doc.kml": "a", "icon.png": b"\x89PNG"})
    assert read_members(data, suffixes=(".kml",), where="x") == {"doc.kml": b"a"}


@pytest.mark.parametrize(
    "name", ["../evil.kml", "/etc/passwd.kml", "a/../../b.kml", "C:\\x.kml", "..\\x.kml"]
)
def test_a_name_that_climbs_out_of_the_archive_is_refused(name: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(PlanFileError, match="climbs out"):
        read_members(buffer.getvalue(), suffixes=(".kml",), where="x")


def test_a_bomb_is_refused_before_it_unpacks() -> None:
    data = zip_bytes({"doc.kml": b"\x00" * 100_000_000})
    assert len(data) < 200_000
    with pytest.raises(PlanFileError, match="more than 8 MB"):
        read_members(data, suffixes=(".kml",), where="x")


def test_many_small_bombs_are_one_bomb() -> None:
    data = zip_bytes({f"{n}.kml": b"\x00" * 1_000_000 for n in range(20)})
    with pytest.raises(PlanFileError, match="more than 8 MB"):
        read_members(data, suffixes=(".kml",), where="x")


def test_thousands_of_members_are_refused() -> None:
    data = zip_bytes({f"{n}.txt": "" for n in range(2_001)})
    with pytest.raises(PlanFileError, match="2001 members"):
        read_members(data, suffixes=(".kml",), where="x")


def test_two_members_of_one_name_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("doc.kml", "one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("doc.kml", "two")
    with pytest.raises(PlanFileError, match="two members"):
        read_members(buffer.getvalue(), suffixes=(".kml",), where="x")


def test_a_damaged_member_is_refused() -> None:
    data = bytearray(zip_bytes({"doc.kml": "a" * 1000}))
    data[40] ^= 0xFF
    with pytest.raises(PlanFileError, match="damaged"):
        read_members(bytes(data), suffixes=(".kml",), where="x")
