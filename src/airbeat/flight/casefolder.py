"""A case's folder: the case as it was when the search began, and one record for each update of the map.

::

    case.json           what was started, with the hashes of everything below
    case.yaml           the case file, byte for byte
    files/              the files that it names
    updates/0001.json   one update: what was received, reviewed, counted; chained to the record before
    updates/0001-*.npz  its arrays, named by their hash

The map is never stored: it follows from the case and the updates, so that no half-written map can exist.
Files appear whole or not at all; a record is never changed, and one that was tampered with is refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

import airbeat
from airbeat.errors import InputFileError, UsageError
from airbeat.formats.atomic import write_files
from airbeat.geo.coordinates import LatLon
from airbeat.mission.case import Case
from airbeat.mission.caseloader import load_case, parse_case
from airbeat.report.artefact import Part, read_artefact
from airbeat.search.build import SearchModel, build_model
from airbeat.search.grid import ProbabilityMap
from airbeat.search.pod import cumulative_pod, overall_success, updated
from airbeat.search.segments import Effort

__all__ = ["CaseFolder", "Update", "UpdateRecord", "start_case"]

Array = npt.NDArray[np.float64]

_ARRAYS = ("coverage", "pod_low", "pod_high", "seen", "length_m", "swept_m2")
_SCHEMA_CASE: Literal["airbeat/case/1"] = "airbeat/case/1"
_SCHEMA_UPDATE: Literal["airbeat/search-update/1"] = "airbeat/search-update/1"
_MAX_FILE_BYTES = 250_000_000


class _FileRow(Part):
    """A file that the case names, and where its copy lies."""

    named: str
    stored: str
    sha256: str


class _CaseJson(Part):
    """``case.json``."""

    schema_name: Literal["airbeat/case/1"] = Field(alias="schema")
    name: str
    case_file: str
    case_sha256: str
    files: list[_FileRow]


class LedgerRow(Part):
    """A ledger that an update took."""

    file: str
    sha256: str
    plan_name: str
    counted_by: str
    photos: int


class FindRow(Part):
    """A candidate and what people said of it; without a place where its photographs do not know it."""

    id: str
    decision: str
    lat_deg: float | None
    lon_deg: float | None
    ce90_m: float | None
    score: float
    note: str = ""

    @property
    def position(self) -> LatLon | None:
        """Where it is, if anybody knows."""
        if self.lat_deg is None or self.lon_deg is None:
            return None
        return LatLon(lat_deg=self.lat_deg, lon_deg=self.lon_deg)


class LeftOutRow(Part):
    """A photograph that does not count, and why."""

    file: str
    reason: str


class ImagesRow(Part):
    """Photographs on their way from the camera to a number."""

    expected: int
    received: int
    searched_by_program: int
    reviewed: int
    counted: int
    beside_the_map: int = 0


class UpdateRecord(Part):
    """``updates/NNNN.json``."""

    schema_name: Literal["airbeat/search-update/1"] = Field(default=_SCHEMA_UPDATE, alias="schema")
    tool_version: str = airbeat.__version__
    number: int
    made_utc: str
    previous_sha256: str
    arrays_sha256: str
    replaces: int | None = None
    candidates_sha256: str
    reviews_sha256: str = ""
    ledgers: list[LedgerRow]
    images: ImagesRow
    frames_sha256: list[str]
    left_out: list[LeftOutRow]
    method: str
    reviewers: list[str] = Field(default_factory=list)
    curve: str
    detector: str
    gsd_m_px: tuple[float, float] | None
    heights_m: tuple[float, float] | None
    altitude_source: str
    taken_utc: tuple[str, str] | None
    sweep_width_m: float
    gap_area_m2: float
    finds: list[FindRow]
    footprints: list[list[tuple[float, float]]]
    notes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Update:
    """A record with its arrays, each (rows, columns), row 0 in the south."""

    record: UpdateRecord
    arrays: dict[str, Array]


def start_case(case_path: Path, folder: Path) -> CaseFolder:
    """Make the folder of a case.

    Raises:
        MissionFileError: all problems of the case file.
        GeometryError: the case makes no map.
        UsageError: the folder holds a case already, or cannot be written.
    """
    content = case_path.read_bytes() if case_path.is_file() else b""
    case = load_case(case_path)
    build_model(case)
    if (folder / "case.json").exists():
        raise UsageError(
            f"{folder} holds a case already",
            remedy="go on with airbeat search update, or choose another folder with --out",
        )
    rows, files = [], {}
    for named, digest in case.inputs:
        stored = f"files/{digest[:16]}-{Path(named).name}"
        files[folder / stored] = (case_path.parent / named).read_bytes()
        rows.append({"named": named, "stored": stored, "sha256": digest})
    about = {
        "schema": _SCHEMA_CASE,
        "tool_version": airbeat.__version__,
        "name": case.name,
        "case_file": case_path.name,
        "case_sha256": hashlib.sha256(content).hexdigest(),
        "files": rows,
    }
    files[folder / "case.yaml"] = content
    files[folder / "case.json"] = (json.dumps(about, indent=1) + "\n").encode()
    for path, wanted in files.items():
        if path.exists() and path.read_bytes() != wanted:
            raise UsageError(
                f"{path} exists already and is another file", remedy="choose a new folder with --out"
            )
    write_files(files, overwrite=True)
    return CaseFolder(folder)


class CaseFolder:
    """A case that was started.

    Attributes:
        folder: where it lies.
        case: the case.
        stored: copies of the files that the case names, by the name that it gives them.
        model: its grid, first map, visibility, curve and segments.
        updates: the records, oldest first, those that were replaced included.

    Raises:
        InputFileError: the folder holds no case, or something in it was changed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "case.json").is_file():
            raise InputFileError("holds no case", where=str(folder), remedy="run airbeat search start first")
        about = read_artefact(folder / "case.json", _CaseJson, remedy="run airbeat search start again")
        content = _content(folder / "case.yaml", about.case_sha256)
        self.stored: dict[str, Path] = {}
        for row in about.files:
            path = folder / row.stored
            if not path.resolve().is_relative_to(folder.resolve()):
                raise InputFileError(f"names a file outside the folder: {row.stored!r}", where=str(folder))
            _content(path, row.sha256)
            self.stored[row.named] = path
        self.case: Case = parse_case(content, name=about.case_file, base_dir=folder, stored=self.stored)
        self.model: SearchModel = build_model(self.case)
        self.updates: list[Update] = self._read_updates(about.case_sha256)

    def _read_updates(self, first_sha256: str) -> list[Update]:
        found: list[Update] = []
        previous = first_sha256
        for number in range(1, 10_000):
            path = self.folder / "updates" / f"{number:04d}.json"
            if not path.is_file():
                break
            record = read_artefact(path, UpdateRecord, remedy="restore the folder from a copy")
            if record.previous_sha256 != previous or record.number != number:
                raise InputFileError(
                    "does not follow the record before it: one of the two was changed",
                    where=str(path),
                    remedy="restore the folder from a copy",
                )
            stored = _arrays_path(path, record.arrays_sha256)
            arrays = _arrays(_content(stored, record.arrays_sha256), stored, self.model)
            found.append(Update(record=record, arrays=arrays))
            previous = _digest(path)
        return found

    @property
    def last_sha256(self) -> str:
        """Hash of the last record, or of the case file before any."""
        number = len(self.updates)
        if number:
            return _digest(self.folder / "updates" / f"{number:04d}.json")
        return _digest(self.folder / "case.yaml")

    @property
    def counting(self) -> list[Update]:
        """The updates that count: those that no later one replaces."""
        replaced = {u.record.replaces for u in self.updates}
        return [u for u in self.updates if u.record.number not in replaced]

    def effort(self) -> Effort:
        """What all counting updates were worth together, their chances taken as independent."""
        updates, shape = self.counting, self.model.grid.shape

        def stack(key: str) -> Array:
            return np.stack([u.arrays[key] for u in updates]) if updates else np.zeros((0, *shape))

        return Effort(
            coverage=stack("coverage").sum(axis=0),
            pod_low=cumulative_pod(stack("pod_low")),
            pod_high=cumulative_pod(stack("pod_high")),
            seen=stack("seen").max(axis=0, initial=0.0),
            length_m=stack("length_m").sum(axis=0),
            swept_m2=stack("swept_m2").sum(axis=0),
        )

    def current(self) -> ProbabilityMap:
        """The map after all counting updates, by the lower end of the POD band."""
        now = self.model.first
        for update in self.counting:
            now = updated(now, update.arrays["pod_low"])
        return now

    def success_band(self) -> tuple[float, float]:
        """OPOS by the lower and the upper end of the POD band."""
        first, updates = self.model.first, self.counting
        low, high = (
            overall_success(first, [u.arrays[key] for u in updates]) for key in ("pod_low", "pod_high")
        )
        return low, high

    def counted_before(self, frames_sha256: Sequence[str]) -> tuple[list[Update], set[str]]:
        """Counting updates that share photographs with these, and the photographs shared."""
        wanted = set(frames_sha256)
        sharing = [u for u in self.counting if wanted & set(u.record.frames_sha256)]
        return sharing, wanted & {f for u in sharing for f in u.record.frames_sha256}

    def append(self, record: UpdateRecord, arrays: dict[str, Array]) -> Path:
        """Write one update; the record's ``number``, ``previous_sha256`` and ``arrays_sha256`` are set here.

        Raises:
            UsageError: another update was written meanwhile, or the folder cannot be written.
        """
        stream = io.BytesIO()
        np.savez_compressed(stream, **{key: arrays[key] for key in _ARRAYS})  # type: ignore[arg-type]
        content = stream.getvalue()
        whole = record.model_copy(
            update={
                "number": len(self.updates) + 1,
                "previous_sha256": self.last_sha256,
                "arrays_sha256": hashlib.sha256(content).hexdigest(),
            }
        )
        path = self.folder / "updates" / f"{whole.number:04d}.json"
        if path.exists():
            raise UsageError(
                f"{path} was written meanwhile", remedy="run the update again, it then follows that one"
            )
        text = json.dumps(whole.model_dump(by_alias=True), indent=1, allow_nan=False) + "\n"
        stored = _arrays_path(path, whole.arrays_sha256)
        write_files({stored: content}, overwrite=True)  # without its record it is nothing
        write_files({path: text}, overwrite=False)
        self.updates.append(Update(record=whole, arrays=dict(arrays)))
        return path


def _arrays_path(record: Path, sha256: str) -> Path:
    return record.with_name(f"{record.stem}-{sha256[:16]}.npz")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _content(path: Path, sha256: str) -> bytes:
    """A file's content, which must be what the records say."""
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise InputFileError(f"is larger than {_MAX_FILE_BYTES // 1_000_000} MB", where=str(path))
        content = path.read_bytes()
    except OSError as error:
        raise InputFileError(
            f"cannot be read: {error.strerror}", where=str(path), remedy="restore the folder from a copy"
        ) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InputFileError(
            "was changed since it was written",
            where=str(path),
            remedy="restore the folder from a copy; a changed case is a new case: airbeat search start",
        )
    return content


def _arrays(content: bytes, path: Path, model: SearchModel) -> dict[str, Array]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {key: np.asarray(stored[key], dtype=np.float64) for key in _ARRAYS}
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputFileError("holds no arrays of an update", where=str(path)) from error
    if any(a.shape != model.grid.shape or not np.isfinite(a).all() for a in arrays.values()):
        raise InputFileError("holds arrays of another map", where=str(path))
    return arrays
