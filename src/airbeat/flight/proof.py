"""Proofs of patrol as documents: made of logs and photographs, sealed in a chained log, verified later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

import airbeat
from airbeat.errors import AirbeatError, InputFileError, UsageError
from airbeat.flight.flightlog import FlightLog, NamedFile
from airbeat.flight.patrolled import Frame, patrolled
from airbeat.formats.atomic import write_files
from airbeat.mission.beat import Beat, LineVisit, PointVisit
from airbeat.ops.log import OperationsLog
from airbeat.patrol.month import DutyKind
from airbeat.patrol.proof import Judged, judge_day
from airbeat.report.artefact import Part, read_artefact

__all__ = [
    "PROVEN",
    "ProofGiven",
    "proof_document",
    "proven_documents",
    "read_proof",
    "seal_proof",
    "verify_proof",
]

PROVEN = "patrol.proof"
"""Kind of the event that holds a proof."""
_SCHEMA = "airbeat/patrol-proof/1"
_REMEDY = "give what airbeat patrol prove wrote"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofGiven:
    """What a proof is made from.

    Attributes:
        beat: what was to be visited; None for flights of another duty.
        day: local.
        zone: in which the day is meant.
        duty: what the flights were for.
        logs: of the flights.
        frames: photographs, or None where the logs' exposures count.
        ground_height_m: of the ground above the launch sites [m].
        notes: what was assumed in reading them.
    """

    beat: Beat | None
    day: date
    zone: ZoneInfo
    duty: DutyKind
    logs: Sequence[FlightLog]
    frames: Sequence[Frame] | None
    ground_height_m: float = 0.0
    notes: tuple[str, ...] = ()


class _Seal(Part):
    log: str
    event: int = Field(ge=1)
    sha256: str


class _File(Part):
    name: str
    sha256: str


class _Picture(_File):
    time_utc: datetime


class _Flight(_File):
    files: list[_File]
    begin_utc: datetime


class _Proof(Part):
    """What is read of a proof's document; the rest is compared as it is."""

    schema_name: Literal["airbeat/patrol-proof/1"] = Field(alias="schema")
    day: date
    duty: DutyKind
    flights: list[_Flight]
    frames: list[_Picture]
    visits: list[dict[str, Any]]
    seal: _Seal


def proof_document(given: ProofGiven) -> dict[str, Any]:
    """Judge a day and say what it was judged by.

    Raises:
        InputFileError: log and photographs do not belong together, or no flight was on that day.
        UsageError: it is not known which drone's camera flew.
    """
    _require_the_day(given)
    shown = patrolled(given.beat, given.logs, given.frames, ground_height_m=given.ground_height_m)
    judged = judge_day(given.beat, given.day, shown.pictures, shown.glimpses) if given.beat else ()
    beat = given.beat
    return {
        "schema": _SCHEMA,
        "tool_version": airbeat.__version__,
        "beat": None
        if beat is None
        else {
            "name": beat.name,
            "file": Path(beat.provenance.source_name).name,
            "sha256": beat.provenance.source_sha256,
            "notes": list(beat.notes),
        },
        "day": given.day.isoformat(),
        "time_zone": given.zone.key,
        "duty": given.duty.value,
        "ground_height_m": given.ground_height_m,
        "flights": [_flight(log) for log in given.logs],
        "frames": [
            {"name": f.file.name, "sha256": f.file.sha256, "time_utc": _iso(f.time_utc)}
            for f in given.frames or ()
        ],
        "visits": [_row(j, given.zone) for j in judged],
        "required": len(judged),
        "seen": sum(j.seen for j in judged),
        "notes": [*given.notes, *shown.notes],
    }


def _require_the_day(given: ProofGiven) -> None:
    """Refuses flights none of which was in the air on the local day or the night after it."""
    begin = datetime(given.day.year, given.day.month, given.day.day, tzinfo=given.zone)
    first, last = begin.timestamp(), (begin + timedelta(days=2)).timestamp()
    spans = [log.span_utc_s for log in given.logs]
    if any(start < last and end > first for start, end in spans):
        return
    flown = ", ".join(datetime.fromtimestamp(s, given.zone).strftime("%Y-%m-%d %H:%M") for s, _ in spans)
    raise InputFileError(
        f"no flight was on {given.day.isoformat()}: they were on {flown}",
        where=given.logs[0].name,
        remedy="give the logs of that day, or another --day",
    )


def _iso(moment: datetime, zone: ZoneInfo | None = None) -> str:
    return moment.astimezone(zone or UTC).isoformat(timespec="milliseconds")


def _flight(log: FlightLog) -> dict[str, Any]:
    begin, end = log.span_utc_s
    return {
        "name": log.name,
        "sha256": log.files[0].sha256,
        "files": [{"name": f.name, "sha256": f.sha256} for f in log.files],
        "drone": log.drone,
        "clock": log.clock,
        "begin_utc": _iso(datetime.fromtimestamp(begin, UTC)),
        "end_utc": _iso(datetime.fromtimestamp(end, UTC)),
        "duration_s": round(end - begin, 3),
        "length_m": round(log.length_m, 1),
        "pictures": len(log.exposures),
    }


def _row(judged: Judged, zone: ZoneInfo) -> dict[str, Any]:
    asked, visit = judged.requirement, judged.requirement.visit
    kind = "point" if isinstance(visit, PointVisit) else "line" if isinstance(visit, LineVisit) else "sweep"
    return {
        "visit": visit.name,
        "kind": kind,
        "begin": _iso(asked.begin, zone),
        "end": _iso(asked.end, zone),
        "seen": judged.seen,
        "why": judged.why,
        "at": [[_iso(a, zone), _iso(b, zone)] for a, b in judged.visits],
        "pictures": list(judged.pictures),
        "gsd_m_px": None if judged.gsd_m_px is None else round(judged.gsd_m_px, 5),
        "dwell_s": round(judged.dwell_s, 1),
        "share": None if judged.share is None else round(judged.share, 4),
    }


def seal_proof(
    document: dict[str, Any], log_file: Path, path: Path, *, actor: str, overwrite: bool = False
) -> dict[str, Any]:
    """Append a proof to a hash-chained log, then write it with its place in the chain.

    Args:
        document: as `proof_document` made it.
        log_file: the operations log.
        path: of the document.
        actor: who proves.

    Returns:
        The document as written.

    Raises:
        UsageError: a file cannot be written, or is there already.
        InputFileError: the log is damaged.
    """
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists already", remedy="choose another name, or say --overwrite")
    with OperationsLog(log_file) as log:
        log.verify()
        event = log.append(PROVEN, document, actor=actor)
    seal = {"log": log_file.name, "event": event.number, "sha256": event.sha256, "by": actor}
    sealed = document | {"seal": seal | {"time_utc": _iso(event.time_utc)}}
    write_files({path: json.dumps(sealed, ensure_ascii=False, indent=1) + "\n"}, overwrite=overwrite)
    return sealed


def read_proof(path: Path) -> dict[str, Any]:
    """A proof's document.

    Raises:
        InputFileError: it is none.
    """
    read_artefact(path, _Proof, remedy=_REMEDY)
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def proven_documents(log_file: Path) -> list[dict[str, Any]]:
    """The proofs in a log, in the order in which they were made; the chain is verified first.

    Raises:
        UsageError: there is no such file.
        InputFileError: the chain is broken, or the file is no log.
    """
    _require_file(log_file)
    with OperationsLog(log_file) as log:
        log.verify()
        return [event.payload for event in log.events() if event.kind == PROVEN]


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f"{path} is not there", remedy="give the log that airbeat patrol prove wrote")


def verify_proof(document: dict[str, Any], log_file: Path, given: ProofGiven | None) -> list[str]:
    """What is wrong with a proof: nothing, or one sentence for each thing.

    Args:
        document: as read.
        log_file: the log in which it was sealed.
        given: logs, photographs and beat, to be compared and judged again; None to look at the chain alone.

    Raises:
        UsageError: there is no such log.
    """
    problems = _chain_problems(document, log_file)
    if given is None:
        return problems
    problems += _file_problems(document, given)
    if problems:
        return problems
    try:
        again = proof_document(given)
    except AirbeatError as error:
        return [f"judged again, it is refused: {error}"]
    rows = zip(document["visits"], again["visits"], strict=False)
    if len(document["visits"]) != len(again["visits"]):
        problems.append("judged again, the day asks for other visits")
    problems += [
        f"judged again, {old['visit']!r} is {'seen' if new['seen'] else 'missed'} ({new['why']})"
        for old, new in rows
        if old != new
    ]
    return problems


def _chain_problems(document: dict[str, Any], log_file: Path) -> list[str]:
    _require_file(log_file)
    seal = document["seal"]
    try:
        with OperationsLog(log_file) as log:
            log.verify()
            events = log.events()
    except InputFileError as error:
        return [str(error)]
    event = next((e for e in events if e.number == seal["event"]), None)
    if event is None or event.kind != PROVEN:
        return [f"{log_file.name} has no proof as its event {seal['event']}"]
    problems = []
    if event.sha256 != seal["sha256"]:
        problems.append(
            f"event {seal['event']} of {log_file.name} is another one than when the proof was made: "
            f"its hash is {event.sha256[:12]}…, the proof names {seal['sha256'][:12]}…"
        )
    written = {key: value for key, value in document.items() if key != "seal"}
    changed = sorted(k for k in {*written, *event.payload} if written.get(k) != event.payload.get(k))
    if changed:
        problems.append(f"the document was changed after it was sealed: {', '.join(changed)}")
    return problems


def _file_problems(document: dict[str, Any], given: ProofGiven) -> list[str]:
    """Files that are missing, changed, or were not part of the proof."""
    problems = []
    if given.beat is not None and document["beat"] is not None:
        digest = given.beat.provenance.source_sha256
        if digest != document["beat"]["sha256"]:
            problems.append(f"{document['beat']['file']}: the beat file is not the one that was proven")
    logs = {f.name: f for log in given.logs for f in log.files}
    begins = {f.name: log.span_utc_s[0] for log in given.logs for f in log.files}
    for flight in document["flights"]:
        at = datetime.fromisoformat(flight["begin_utc"]).timestamp()
        for file in flight["files"]:
            name = file["name"]
            shift_s = begins.get(name, at) - at
            problems += _compared("log", name, file["sha256"], logs.pop(name, None), shift_s)
    problems += [f"log {name} was not part of the proof" for name in logs]
    if given.frames is None and document["frames"]:
        return [*problems, "the proof rests on photographs, and none were given to compare"]
    frames = {f.file.name: f for f in given.frames or ()}
    for row in document["frames"]:
        found = frames.pop(row["name"], None)
        taken = datetime.fromisoformat(row["time_utc"])
        shift_s = (found.time_utc - taken).total_seconds() if found else 0.0
        problems += _compared(
            "photograph", row["name"], row["sha256"], None if found is None else found.file, shift_s
        )
    problems += [f"photograph {name} was not part of the proof" for name in frames]
    return problems


def _compared(what: str, name: str, sha256: str, found: NamedFile | None, shift_s: float) -> list[str]:
    if found is None:
        return [f"{what} {name} is missing"]
    if found.sha256 == sha256:
        return []
    clock = f"; its clock is {shift_s:+.0f} s off" if abs(shift_s) >= 1.0 else ""
    return [
        f"{what} {name} was changed after it was proven{clock}: its SHA-256 is {found.sha256[:12]}…, "
        f"it was {sha256[:12]}…"
    ]
