"""A whole operation as one file: taken elsewhere as it was, or refused and nothing kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from airbeat.errors import InputFileError, UsageError
from airbeat.ops.bundle import export_bundle, import_bundle
from airbeat.ops.log import OperationsLog


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def frames(tmp_path):
    folder = tmp_path / "photos"
    (folder / "card2").mkdir(parents=True)
    (folder / "DJI_0001.JPG").write_bytes(b"first photograph")
    (folder / "card2" / "DJI_0001.JPG").write_bytes(b"another of the same name")
    (folder / "unrelated.txt").write_bytes(b"not of this operation")
    return folder


@pytest.fixture
def filled(log):
    for content in (b"first photograph", b"another of the same name", b"a photograph that was lost"):
        log.append("frame", {"file": "DJI_0001.JPG", "sha256": sha256(content)}, actor="detect")
    log.append("note", {"text": "wind is rising ✓"}, actor="Desk K")
    return log


def test_an_operation_is_the_same_elsewhere(filled, frames, tmp_path):
    made = export_bundle(filled, tmp_path / "operation.zip", folders=[frames])
    assert (made.events, made.files, made.missing) == (4, 2, 1)
    assert made.last_sha256 == filled.events()[-1].sha256
    with OperationsLog(tmp_path / "elsewhere.sqlite") as other:
        taken = import_bundle(tmp_path / "operation.zip", other, files_dir=tmp_path / "there")
        assert (taken.events, taken.added, taken.files, taken.last_sha256) == (4, 4, 2, made.last_sha256)
        assert other.events() == filled.events()
        assert other.verify() == 4
    kept = {sha256(p.read_bytes()) for p in (tmp_path / "there").iterdir()}
    assert kept == {sha256(b"first photograph"), sha256(b"another of the same name")}


def test_a_later_bundle_adds_only_what_is_new_and_an_earlier_one_takes_nothing_away(filled, frames, tmp_path):
    export_bundle(filled, tmp_path / "early.zip", folders=[frames])
    with OperationsLog(tmp_path / "elsewhere.sqlite") as other:
        import_bundle(tmp_path / "early.zip", other, files_dir=tmp_path / "there")
        filled.append("note", {"text": "found"}, actor="a")
        export_bundle(filled, tmp_path / "late.zip", folders=[frames])
        taken = import_bundle(tmp_path / "late.zip", other, files_dir=tmp_path / "there")
        assert (taken.added, taken.files) == (1, 0)
        with pytest.raises(UsageError, match="5 events, what is imported ends at 4"):
            import_bundle(tmp_path / "early.zip", other)
        assert other.verify() == 5


def test_a_log_that_holds_another_operation_takes_nothing(filled, frames, tmp_path):
    export_bundle(filled, tmp_path / "operation.zip", folders=[frames])
    with OperationsLog(tmp_path / "other.sqlite") as other:
        other.append("note", {"text": "ours"}, actor="a")
        with pytest.raises(UsageError, match="holds another operation"):
            import_bundle(tmp_path / "operation.zip", other, files_dir=tmp_path / "there")
        assert other.verify() == 1
    assert not list((tmp_path / "there").iterdir())


def _rewritten(source: Path, target: Path, changes: dict[str, bytes | None]) -> Path:
    """A copy of an archive with other contents of some members, or without them."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = changes.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


@pytest.fixture
def bundle(filled, frames, tmp_path):
    export_bundle(filled, tmp_path / "operation.zip", folders=[frames])
    return tmp_path / "operation.zip"


def _refused(bundle: Path, tmp_path: Path, words: str) -> None:
    with OperationsLog(tmp_path / "fresh.sqlite") as fresh:
        with pytest.raises(InputFileError, match=words):
            import_bundle(bundle, fresh, files_dir=tmp_path / "there")
        assert fresh.verify() == 0
    left = list((tmp_path / "there").iterdir()) if (tmp_path / "there").exists() else []
    assert not left


def test_a_changed_photograph_is_noticed(bundle, tmp_path):
    name = f"files/{sha256(b'first photograph')}"
    _refused(_rewritten(bundle, tmp_path / "b.zip", {name: b"forged"}), tmp_path, "was changed after")


def test_a_changed_event_is_noticed(bundle, tmp_path):
    with zipfile.ZipFile(bundle) as archive:
        rows = [json.loads(line) for line in archive.read("events.jsonl").splitlines()]
    rows[3]["actor"] = "somebody else"
    lines = b"\n".join(json.dumps(r).encode() for r in rows)
    _refused(_rewritten(bundle, tmp_path / "b.zip", {"events.jsonl": lines}), tmp_path, "event 4 was changed")


def test_an_event_cut_off_at_the_end_is_noticed(bundle, tmp_path):
    with zipfile.ZipFile(bundle) as archive:
        lines = archive.read("events.jsonl").splitlines()[:-1]
    changed = _rewritten(bundle, tmp_path / "b.zip", {"events.jsonl": b"\n".join(lines)})
    _refused(changed, tmp_path, "3 events where it says 4")


@pytest.mark.parametrize(
    ("member", "content", "words"),
    [
        ("operation.json", None, "operation.json is missing"),
        ("operation.json", b"{", "operation.json"),
        ("operation.json", b'{"format": "other"}', "operation.json: schema_version"),
        ("events.jsonl", None, "events.jsonl is missing"),
        ("events.jsonl", b'{"number": "1"}\n', "events.jsonl:1"),
        ("events.jsonl", b"\xff\xfe", "events.jsonl:1"),
        ("events.jsonl", b"", "0 events where it says 4"),
    ],
)
def test_what_is_no_bundle_is_refused_by_name(bundle, tmp_path, member, content, words):
    _refused(_rewritten(bundle, tmp_path / "b.zip", {member: content}), tmp_path, words)


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 and nothing of the kind")
    _refused(tmp_path / "b.zip", tmp_path, "no whole bundle")
    _refused(tmp_path / "missing.zip", tmp_path, "cannot be read")


def test_names_of_an_archive_lead_nowhere_else(bundle, tmp_path):
    with zipfile.ZipFile(bundle) as archive:
        manifest = json.loads(archive.read("operation.json"))
    first, second = manifest["files"]
    manifest["files"] = {first: "../../etc/cron.d/x", second: "C:\\windows\\..\\.bashrc"}
    changed = _rewritten(bundle, tmp_path / "b.zip", {"operation.json": json.dumps(manifest).encode()})
    with OperationsLog(tmp_path / "fresh.sqlite") as fresh:
        import_bundle(changed, fresh, files_dir=tmp_path / "there")
    assert sorted(p.name for p in (tmp_path / "there").iterdir()) == ["bashrc", "x"]


def test_a_truncated_bundle_is_refused_wherever_it_ends(bundle, tmp_path):
    whole = bundle.read_bytes()
    for length in range(0, len(whole), max(len(whole) // 40, 1)):
        (tmp_path / "cut.zip").write_bytes(whole[:length])
        _refused(tmp_path / "cut.zip", tmp_path, "cut.zip")
        shutil.rmtree(tmp_path / "there", ignore_errors=True)


def test_a_bundle_that_is_there_is_not_overwritten(filled, frames, tmp_path):
    (tmp_path / "operation.zip").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        export_bundle(filled, tmp_path / "operation.zip", folders=[frames])
    assert (tmp_path / "operation.zip").read_text() == "mine"
