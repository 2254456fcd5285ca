"""Setting the parameters that preflight asks for, and giving the vehicle its own back afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import Field

import airbeat
from airbeat.checks.findings import Severity
from airbeat.errors import AirbeatError, RefusedByVehicleError
from airbeat.flight.preflight import judge, read_parameters
from airbeat.formats.atomic import write_files
from airbeat.link.connection import Link
from airbeat.link.telemetry import Telemetry
from airbeat.link.vehicle import Vehicle
from airbeat.mission.plan import FlightPlan
from airbeat.report.artefact import Part, read_artefact

__all__ = ["Change", "ParametersFile", "applied_parameters", "remedies", "restore_parameters"]

_NEEDS_RESTART = frozenset({"CAM1_TYPE"})
"""Left to people: it takes effect only after a restart, and the right value depends on the wiring."""
_HEARTBEAT_S = 10.0

Say = Callable[[str], None]


class Change(Part):
    """One parameter that was set.

    Attributes:
        name: the parameter.
        old: what the vehicle held before.
        new: what it was set to.
        why: the finding that asked for it.
    """

    name: str = Field(max_length=16, pattern=r"^[A-Z0-9_]+$")
    old: float
    new: float
    why: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.old:g} → {self.new:g} ({self.why})"


class ParametersFile(Part):
    """``parameters.json``: what was set, and whether the vehicle has its own values back."""

    schema_name: Literal["airbeat/parameters/1"] = Field(alias="schema")
    tool_version: str = airbeat.__version__
    source_sha256: str = ""
    restored: bool = False
    changes: list[Change]

    def save(self, path: Path) -> None:
        """Writes it, whole or not at all."""
        write_files({path: self.model_dump_json(by_alias=True, indent=2) + "\n"}, overwrite=True)


def remedies(plan: FlightPlan, state: Telemetry, parameters: Mapping[str, float]) -> list[Change]:
    """The changes after which preflight has no error or warning left that a parameter can settle.

    One change may call for the next (a fence that is switched on brings its circle around home), so this
    goes on until nothing new is asked for; each parameter is changed once. FENCE_ENABLE comes last.
    """
    held = dict(parameters)
    changes: dict[str, Change] = {}
    while True:
        fresh: dict[str, Change] = {}
        for f in judge(plan, state, held):
            usable = f.value is not None and f.severity is not Severity.NOTE and f.parameter in held
            if not usable or f.parameter in {*changes, *fresh, *_NEEDS_RESTART}:
                continue
            if f.value is not None and not _same(held[f.parameter], f.value):
                fresh[f.parameter] = Change(
                    name=f.parameter, old=held[f.parameter], new=f.value, why=f.message
                )
        if not fresh:
            return sorted(changes.values(), key=lambda c: c.name == "FENCE_ENABLE")
        changes |= fresh
        held |= {name: change.new for name, change in fresh.items()}


@contextmanager
def applied_parameters(link: Link, plan: FlightPlan, path: Path, *, say: Say) -> Iterator[list[Change]]:
    """Sets the parameters that preflight asks for; gives the old values back when the block ends.

    They are given back only to a vehicle that is disarmed by then; otherwise ``say`` is told which file
    holds them. A file that an earlier flight left unrestored is taken over, so that the oldest values
    are the ones that come back.

    Args:
        path: keeps the old values; written before anything is set.
        say: told what is done.

    Raises:
        RefusedByVehicleError: the vehicle is armed, or does not take a value.
        InputFileError: the file is there and cannot be read.
        LinkError: the vehicle fell silent.
    """
    vehicle = Vehicle.on(link)
    _require_disarmed(vehicle, "parameters are not changed on an armed vehicle")
    earlier = _unrestored(path)
    changes = remedies(plan, vehicle.now, read_parameters(vehicle))
    known = {c.name: c for c in earlier}
    merged = known | {
        c.name: c.model_copy(update={"old": known[c.name].old}) if c.name in known else c for c in changes
    }
    if not merged:
        say("no parameter has to be changed")
        yield []
        return
    ParametersFile(
        schema="airbeat/parameters/1",
        source_sha256=plan.provenance.source_sha256,
        changes=list(merged.values()),
    ).save(path)
    try:
        for change in changes:
            say(f"setting {change}")
            vehicle.set_parameter(change.name, change.new)
        yield changes
    finally:
        _give_back(link, path, say=say)


def _give_back(link: Link, path: Path, *, say: Say) -> None:
    vehicle = Vehicle.on(link)
    if vehicle.now.armed is False and link.silence_s < _HEARTBEAT_S:
        try:
            for line in restore_parameters(link, path):
                say(line)
            return
        except AirbeatError as error:
            say(str(error))
    say(
        f"THE VEHICLE STILL HAS CHANGED PARAMETERS. Its own are in {path}; when it has landed: "
        f"airbeat fly --restore-params {path} --connect {link.url}"
    )


def restore_parameters(link: Link, path: Path) -> list[str]:
    """Gives a vehicle the parameters back that a file holds; what was done, a line for each.

    A parameter that holds neither the old nor the changed value was set by somebody since: it is left.

    Raises:
        InputFileError: the file cannot be read.
        RefusedByVehicleError: the vehicle is armed or does not take a value; the file stays as it is.
        LinkError: the vehicle fell silent.
    """
    stored = read_artefact(path, ParametersFile, remedy="airbeat fly --apply-params writes such files")
    if stored.restored:
        return [f"{path}: given back already; nothing was changed"]
    vehicle = Vehicle.on(link)
    _require_disarmed(vehicle, "parameters are not restored on an armed vehicle")
    lines = []
    held = vehicle.parameters([c.name for c in stored.changes])
    missing = [c.name for c in stored.changes if c.name not in held]
    if missing:
        raise RefusedByVehicleError(
            f"the vehicle does not answer for {', '.join(missing)}; nothing was restored",
            remedy="check that this is the vehicle that was flown, and try again",
        )
    for change in reversed(stored.changes):
        value = held[change.name]
        if _same(value, change.old):
            lines.append(f"{change.name} is {change.old:g} already")
        elif _same(value, change.new):
            vehicle.set_parameter(change.name, change.old)
            lines.append(f"{change.name} is {change.old:g} again")
        else:
            lines.append(
                f"{change.name} is {value:g}: somebody set it since, so it was left (was {change.old:g})"
            )
    stored.model_copy(update={"restored": True}).save(path)
    return lines


def _same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6)


def _unrestored(path: Path) -> list[Change]:
    if not path.exists():
        return []
    stored = read_artefact(path, ParametersFile, remedy="move the file away")
    return [] if stored.restored else stored.changes


def _require_disarmed(vehicle: Vehicle, words: str) -> None:
    vehicle.wait(lambda t: t.armed is not None, timeout_s=_HEARTBEAT_S, what="a heartbeat")
    if vehicle.now.armed is not False:
        raise RefusedByVehicleError(words, remedy="land and disarm it first")
