"""A whole operation as one file: its events and the photographs they speak of, to be taken elsewhere.

A bundle is a zip archive: ``operation.json`` (what it is, how many events, the last one's hash),
``events.jsonl`` (the rows of the log as they are kept) and ``files/SHA256`` for every file that came along.
Reading one trusts nothing: the chain is recomputed, every file is hashed, and no name of the archive becomes
a path.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

import airbeat
from airbeat.errors import InputFileError, UsageError
from airbeat.language.words import Message
from airbeat.ops.log import OperationsLog, chained

__all__ = ["Bundle", "Exported", "export_bundle", "import_bundle", "referenced"]

_FORMAT = "airbeat-operation"
_SCHEMA = 1
_MAX_MANIFEST_BYTES = 64_000_000
_MAX_EVENTS_BYTES = 1_000_000_000
_MAX_FILE_BYTES = 4_000_000_000
_PIECE = 1 << 20

_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    number: int
    schema_version: int
    time_utc: str
    actor: str
    kind: str
    payload: str
    previous_sha256: _Sha256
    sha256: _Sha256


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    format: str
    schema_version: int = Field(ge=1, le=_SCHEMA)
    tool_version: str
    events: int = Field(ge=0)
    last_sha256: _Sha256 | None
    files: dict[_Sha256, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What a bundle was made of.

    Attributes:
        events: how many.
        last_sha256: hash of the last event; "" without events. Keep it elsewhere: it proves that none was
            cut off.
        files: files that came along.
        missing: files the events speak of that were in none of the folders.
    """

    events: int
    last_sha256: str
    files: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What was taken from a bundle.

    Attributes:
        events: events of the bundle.
        added: events that the log did not have.
        files: files written.
        last_sha256: hash of the last event; "" without events.
    """

    events: int
    added: int
    files: int
    last_sha256: str


def referenced(payload: Any) -> Iterator[tuple[str, str]]:
    """Hash and name of every file that an event speaks of: objects with ``sha256``, named by ``file``."""
    if isinstance(payload, dict):
        sha = payload.get("sha256")
        if isinstance(sha, str) and len(sha) == 64:
            name = payload.get("file")
            yield sha, name if isinstance(name, str) else ""
        for value in payload.values():
            yield from referenced(value)
    elif isinstance(payload, list):
        for value in payload:
            yield from referenced(value)


def export_bundle(
    log: OperationsLog,
    path: Path,
    *,
    folders: Iterable[Path] = (),
    progress: Callable[[float], None] = lambda _share: None,
) -> Exported:
    """Write an operation as one file, whole or not at all.

    Args:
        log: the operation.
        path: the bundle; it must not be there yet.
        folders: where the files that the events speak of may lie; they are found by their hash.
        progress: told the share of the folders' files that was looked at, 0…1.

    Raises:
        UsageError: it cannot be written, or is there already.
        InputFileError: the log's chain is broken.
    """
    if path.exists():
        raise UsageError(Message("{path} is there already", path=path), remedy="name a new file")
    rows = list(log.rows())
    wanted: dict[str, str] = {}
    for event in chained(rows, where=log.name):
        for sha, name in referenced(event.payload):
            wanted[sha] = wanted.get(sha) or name
    found = _find(wanted, folders, progress)
    last = rows[-1]["sha256"] if rows else ""
    manifest = {
        "format": _FORMAT,
        "schema_version": _SCHEMA,
        "tool_version": airbeat.__version__,
        "events": len(rows),
        "last_sha256": last or None,
        "files": {sha: _plain_name(wanted[sha] or file.name, sha) for sha, file in found.items()},
    }
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "x", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("operation.json", json.dumps(manifest, ensure_ascii=False, indent=1))
            with archive.open("events.jsonl", "w", force_zip64=True) as stream:
                for row in rows:
                    stream.write(json.dumps(row, ensure_ascii=True).encode() + b"\n")
            for sha, file in found.items():
                archive.write(file, f"files/{sha}", compress_type=zipfile.ZIP_STORED)
        part.replace(path)
    except OSError as error:
        raise UsageError(
            Message("{path} cannot be written: {reason}", path=path, reason=error.strerror or error)
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return Exported(
        events=len(rows), last_sha256=last, files=len(found), missing=len(wanted.keys() - found.keys())
    )


def import_bundle(
    path: Path,
    log: OperationsLog,
    *,
    files_dir: Path | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> Bundle:
    """Take an operation from a bundle: everything is checked before anything is kept.

    Args:
        path: the bundle.
        log: a new log, or one that is the beginning of the bundle's.
        files_dir: where to put the files that came along, by name; None leaves them in the bundle. Files
            that are there already are left alone if they are the same.
        progress: told the share that is done, 0…1.

    Raises:
        InputFileError: no bundle, damaged, or changed after it was made; nothing was kept.
        UsageError: the log holds other events, or something cannot be written.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _manifest(archive, path)
            rows = _rows(archive, path)
            last = rows[-1]["sha256"] if rows else ""
            if len(rows) != manifest.events or last != (manifest.last_sha256 or ""):
                raise InputFileError(
                    Message(
                        "has {rows} events where it says {events}", rows=len(rows), events=manifest.events
                    ),
                    where=str(path),
                    remedy="fetch the bundle again",
                )
            if files_dir is None:
                added, count = log.take_over(rows), 0
            else:
                with _checked_files(archive, path, manifest, files_dir, progress) as staged:
                    added = log.take_over(rows)
                    count = sum(_place(*file, files_dir) for file in staged)
    except OSError as error:
        raise InputFileError(
            Message("cannot be read: {reason}", reason=error.strerror or error), where=str(path)
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputFileError(
            Message("is no whole bundle: {error}", error=error), where=str(path), remedy="fetch it again"
        ) from error
    return Bundle(events=len(rows), added=added, files=count, last_sha256=last)


def _find(
    wanted: Mapping[str, str], folders: Iterable[Path], progress: Callable[[float], None]
) -> dict[str, Path]:
    """The wanted files in the folders, by hash."""
    files = [
        Path(root) / name
        for folder in folders
        for root, _, names in os.walk(folder)
        for name in sorted(names)
    ]
    found: dict[str, Path] = {}
    for number, file in enumerate(files):
        progress(number / len(files))
        try:
            with file.open("rb") as stream:
                sha = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise UsageError(
                Message("{path} cannot be read: {reason}", path=file, reason=error.strerror)
            ) from error
        if sha in wanted:
            found.setdefault(sha, file)
    return found


def _plain_name(name: str, sha: str) -> str:
    """The last part of a name, without anything that could lead elsewhere."""
    plain = PureWindowsPath(PurePosixPath(name).name).name.replace(":", "_").lstrip(".")
    printable = "".join(c for c in plain if c.isprintable())[-100:]
    return printable or sha


def _member(archive: zipfile.ZipFile, name: str, most_bytes: int, path: Path) -> bytes:
    try:
        with archive.open(name) as stream:
            content = stream.read(most_bytes + 1)
    except KeyError as error:
        raise InputFileError(
            Message("is no bundle: {name} is missing", name=name), where=str(path)
        ) from error
    if len(content) > most_bytes:
        raise InputFileError(
            Message("{name} is larger than {most_mb} MB", name=name, most_mb=most_bytes // 1000000),
            where=str(path),
        )
    return content


def _manifest(archive: zipfile.ZipFile, path: Path) -> _Manifest:
    content = _member(archive, "operation.json", _MAX_MANIFEST_BYTES, path)
    try:
        manifest = _Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(p) for p in first["loc"])
        raise InputFileError(
            Message("{key}: {wrong}", key=key, wrong=first["msg"]), where=f"{path}:operation.json"
        ) from error
    if manifest.format != _FORMAT:
        raise InputFileError("is no airbeat operation", where=str(path))
    return manifest


def _rows(archive: zipfile.ZipFile, path: Path) -> list[dict[str, Any]]:
    content = _member(archive, "events.jsonl", _MAX_EVENTS_BYTES, path)
    rows = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            rows.append(_Row.model_validate_json(line).model_dump())
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(p) for p in first["loc"])
            raise InputFileError(
                Message("{key}: {wrong}", key=key, wrong=first["msg"]),
                where=f"{path}:events.jsonl:{number}",
                remedy="fetch it again",
            ) from error
    for _ in chained(rows, where=str(path)):
        pass
    return rows


@contextmanager
def _checked_files(
    archive: zipfile.ZipFile,
    path: Path,
    manifest: _Manifest,
    files_dir: Path,
    progress: Callable[[float], None],
) -> Iterator[list[tuple[Path, str, str]]]:
    """The bundle's files, each checked, in a folder that is gone afterwards: file, name and hash."""
    try:
        files_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".import-", dir=files_dir) as work:
            for number, sha in enumerate(manifest.files):
                progress(number / len(manifest.files))
                with (Path(work) / sha).open("xb") as target:
                    _checked_copy(archive, sha, target, path)
            yield [(Path(work) / sha, _plain_name(name, sha), sha) for sha, name in manifest.files.items()]
    except OSError as error:
        raise UsageError(
            Message("{path} cannot be written: {reason}", path=files_dir, reason=error.strerror or error)
        ) from error


def _checked_copy(archive: zipfile.ZipFile, sha: str, target: IO[bytes], path: Path) -> None:
    digest, room = hashlib.sha256(), _MAX_FILE_BYTES
    try:
        with archive.open(f"files/{sha}") as source:
            while piece := source.read(_PIECE):
                room -= len(piece)
                if room < 0:
                    raise InputFileError(Message("files/{sha} is larger than 4 GB", sha=sha), where=str(path))
                digest.update(piece)
                target.write(piece)
    except KeyError as error:
        raise InputFileError(
            Message("files/{sha} is missing", sha=sha), where=str(path), remedy="fetch it again"
        ) from error
    if digest.hexdigest() != sha:
        raise InputFileError(
            Message("files/{sha} was changed after the bundle was made", sha=sha),
            where=str(path),
            remedy="fetch it again",
        )


def _place(source: Path, name: str, sha: str, folder: Path) -> int:
    """Move a file to its name, or to one with its hash where another file has that; 0 if it is there."""
    for target in (folder / name, folder / f"{sha[:12]}-{name}"):
        if not target.exists():
            shutil.move(source, target)
            return 1
        with target.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() == sha:
                return 0
    raise UsageError(Message("{path} is another file", path=folder / name), remedy="name an empty folder")
