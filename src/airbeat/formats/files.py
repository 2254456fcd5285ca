"""Plan files on disk: all of a plan's files at once, and any plan file by what is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from airbeat.errors import AirbeatError, PlanFileError, UsageError
from airbeat.formats.atomic import write_files
from airbeat.formats.catalogue import PlanFormat, format_of
from airbeat.formats.geojson import write_geojson
from airbeat.formats.kml import write_kml
from airbeat.formats.limits import clean_text, read_bytes
from airbeat.formats.places import check_places
from airbeat.formats.qgc_plan import write_qgc_plan
from airbeat.formats.wpl import write_wpl
from airbeat.language.words import Message
from airbeat.mission.plan import FlightPlan

__all__ = [
    "WRITERS",
    "plan_texts",
    "read_any_plan_file",
    "read_plan_bytes",
    "read_plan_file",
    "write_plan_files",
    "write_several_plans",
]

WRITERS = {
    ".plan": write_qgc_plan,
    ".waypoints": write_wpl,
    ".geojson": write_geojson,
    ".kml": write_kml,
}
"""What writes each kind of plan file, by its suffix."""


def write_plan_files(plan: FlightPlan, out_dir: Path, *, stem: str, overwrite: bool = False) -> list[Path]:
    """Writes ``stem.plan``, ``.waypoints``, ``.geojson`` and ``.kml``: all of them, or none.

    Args:
        plan: what to write.
        out_dir: the folder, made if it is missing.
        stem: file name without suffix.
        overwrite: whether files that exist may be replaced.

    Returns:
        The paths written.

    Raises:
        UsageError: a file exists, the folder cannot be written, or the stem is not a file name.
        PlanFileError: the plan holds what a format cannot.
    """
    return write_several_plans({stem: plan}, out_dir, overwrite=overwrite)


def write_several_plans(
    plans: Mapping[str, FlightPlan], out_dir: Path, *, overwrite: bool = False
) -> list[Path]:
    """The files of several plans: all of them, or none.

    Args:
        plans: what to write, by file name without suffix.
        out_dir: the folder, made if it is missing.
        overwrite: whether files that exist may be replaced.

    Returns:
        The paths written.

    Raises:
        UsageError: a file exists, the folder cannot be written, or a stem is not a file name.
        PlanFileError: a plan holds what a format cannot.
    """
    return write_files(plan_texts(plans, out_dir), overwrite=overwrite)


def plan_texts(plans: Mapping[str, FlightPlan], out_dir: Path) -> dict[Path, str | bytes]:
    """What the files of several plans hold, by their paths: to be written beside others, or not at all.

    Args:
        plans: by file name without suffix.
        out_dir: the folder.

    Raises:
        UsageError: a stem is not a file name.
        PlanFileError: a plan holds what a format cannot.
    """
    for stem in plans:
        if (
            not stem
            or stem in (".", "..")
            or stem != clean_text(stem)
            or any(c in stem for c in '/\\:*?"<>|')
        ):
            raise UsageError(
                Message("{stem!r} is not a file name", stem=stem), remedy="give a name without / or suffix"
            )
    return {
        out_dir / f"{stem}{s}": write(plan) for stem, plan in plans.items() for s, write in WRITERS.items()
    }


def read_plan_file(path: Path) -> FlightPlan:
    """A plan from a file of any of the formats in `airbeat.formats.catalogue`.

    What is in the file decides, not its suffix. The provenance is the file's own name and SHA-256.

    Raises:
        PlanFileError: with the file, the line or item number, and what to do about it; also where the file
            holds a fence or rally points alone.
    """
    plan, held = read_any_plan_file(path)
    if held.key in ("fence", "rally"):
        raise PlanFileError(
            Message("a {title} file, not a mission", title=held.title),
            where=str(path),
            remedy="give the mission's own file",
        )
    return plan


def read_any_plan_file(path: Path, *, as_is: bool = False) -> tuple[FlightPlan, PlanFormat]:
    """As `read_plan_file`, fence and rally files too; also says which format it was.

    Args:
        path: the file.
        as_is: whether items that ArduPilot refuses stay as they are, for the checks to find.

    Raises:
        PlanFileError: as there.
    """
    data = read_bytes(path)
    held = format_of(data, name=str(path))
    return read_plan_bytes(data, held, name=str(path), as_is=as_is), held


def read_plan_bytes(data: bytes, held: PlanFormat, *, name: str, as_is: bool = False) -> FlightPlan:
    """A plan from the bytes of a file in a format that is known.

    Raises:
        PlanFileError: as `read_plan_file`.
    """
    try:
        read = held.read_as_is if as_is and held.read_as_is is not None else held.read
        plan = read(data, name)
        check_places(plan, name=name)
    except PlanFileError:
        raise
    except AirbeatError as e:
        raise PlanFileError(e.message, where=f"{name}: {e.where}".rstrip(": "), remedy=e.remedy) from e
    digest = hashlib.sha256(data).hexdigest()
    return replace(plan, provenance=replace(plan.provenance, source_sha256=digest))
