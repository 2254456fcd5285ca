"""Dispatch from the page: who is at a candidate first, and sending the drone after a yes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airbeat.console.fleet import Fleet, VehicleKind, VehicleState
from airbeat.console.jobs import Job
from airbeat.errors import AirbeatError, LinkError
from airbeat.flight.dispatching import (
    crowded_zones,
    dispatch_json,
    file_stem,
    findings_of,
    first_to_send,
    keeping,
    order_for,
    outcome_json,
    outcome_words,
    send_order,
)
from airbeat.flight.divert import Diverted
from airbeat.flight.order import Order
from airbeat.flight.planned import refuse_errors
from airbeat.flight.units import drone_states, ground_states
from airbeat.flight.watch import FlightProgress, Interruption, Watchers
from airbeat.formats.atomic import made_folder
from airbeat.link.connection import Link, connect
from airbeat.mission.beatloader import load_beat
from airbeat.mission.plan import FlightPlan
from airbeat.mission.units import DroneEntry, Units, load_units
from airbeat.ops.happenings import Happening
from airbeat.ops.log import OperationsLog
from airbeat.patrol.dispatch import LOOK_S, Dispatcher, Incident
from airbeat.report.planfigures import findings_json

__all__ = ["Dispatch"]

_HEARTBEAT_S = 15.0
_ANSWER_S = 900.0


class Dispatch:
    """The units that can be sent.

    Args:
        units: the units file.
        folder: the operation's folder.
        log: the operation's log.
        fleet: told where a drone is that was sent.
        load_plan: the plan in a file.
    """

    def __init__(
        self,
        units: Path,
        folder: Path,
        log: OperationsLog,
        fleet: Fleet,
        load_plan: Callable[[Path], FlightPlan],
    ) -> None:
        self._units = units
        self._folder = folder / "dispatch"
        self._log = log
        self._fleet = fleet
        self._load_plan = load_plan

    def rank(self, job: Job, incident: Incident, *, send: bool) -> dict[str, Any]:
        """Rank the units; with ``send`` ask, then fly the first drone there.

        Returns:
            The ranking as ``airbeat dispatch --json`` prints it; ``unreached`` are drones without an answer.

        Raises:
            UsageError: none can be sent, or nobody confirmed.
            FindingsError: the checks forbid the way.
            LinkError: the link to the drone broke.
        """
        units = load_units(self._units)
        beat = load_beat(units.beat)
        moment = datetime.now(UTC)
        with ExitStack() as stack:
            links, unreached = self._links(job, units, stack)
            dispatcher = Dispatcher(beat, crowded=crowded_zones(beat, moment))
            job.progress(0.4, label="reckoning the ways")
            arrivals = dispatcher.rank(
                incident,
                drone_states(units, beat, links),
                ground_states(units.ground, now=moment),
                look_s=LOOK_S,
            )
            document = dispatch_json(incident, moment, arrivals)
            self._tell(Happening.DISPATCH_RANKED, document, by=job.by)
            if send:
                arrival = first_to_send(arrivals, frozenset(links))
                entry = next(e for e in units.drones if e.name == arrival.unit)
                order = order_for(dispatcher, arrival, incident, beat)
                done = self._send(job, order, entry, links[arrival.unit], document)
                document["sent"] = outcome_json(arrival.unit, done)
                document["words"] = outcome_words(arrival.unit, done)
                self._tell(Happening.DISPATCH_DONE, document["sent"], by=job.by)
        return document | {"unreached": unreached}

    def _send(
        self, job: Job, order: Order, entry: DroneEntry, link: Link, ranking: dict[str, Any]
    ) -> Diverted:
        """Ask, then fly a drone to the incident; the log is told who agreed and what went wrong.

        Raises:
            UsageError: nobody confirmed.
            FindingsError: the checks forbid the way.
            LinkError: the link to the drone broke.
        """
        arrival, incident = order.arrival, order.incident
        findings = findings_of(order)
        refuse_errors(findings, refused="not sent")

        def confirm(question: str) -> bool:
            asked = {
                "words": question,
                "vehicle": arrival.unit,
                "word": arrival.unit,
                "plan": f"{incident.kind} at {incident.position}",
                "findings": findings_json(findings),
                "arrival_s": arrival.arrival_s,
                "length_m": arrival.length_m,
            }
            yes, by = job.ask(asked, timeout_s=_ANSWER_S)
            if yes:
                self._tell(Happening.DISPATCH_ORDER, ranking | {"sent": arrival.unit}, by=by)
            return yes

        try:
            return send_order(
                link,
                order,
                entry,
                folder=self._folder,
                load_plan=self._load_plan,
                confirm=confirm,
                watchers=self._watchers(job, arrival.unit),
            )
        except AirbeatError as error:
            failed = {"unit": arrival.unit, "why": str(error)}
            self._tell(Happening.DISPATCH_FAILED, failed, by=job.by)
            raise

    def _links(
        self, job: Job, units: Units, stack: ExitStack
    ) -> tuple[dict[str, Link], list[dict[str, str]]]:
        """Links to the drones that have an address, and those that do not answer."""
        links: dict[str, Link] = {}
        unreached: list[dict[str, str]] = []
        made_folder(self._folder)
        for entry in units.drones:
            if entry.connect is None or entry.out_of_service:
                continue
            job.progress(0.1, label=f"asking {entry.name}")
            try:
                tlog = self._folder / f"{file_stem(entry.name)}.tlog"
                links[entry.name] = stack.enter_context(
                    connect(entry.connect, timeout_s=_HEARTBEAT_S, tlog=tlog)
                )
            except LinkError as error:
                unreached.append({"unit": entry.name, "why": str(error)})
        return links, unreached

    def _watchers(self, job: Job, unit: str) -> Watchers:
        def progress(step: FlightProgress) -> None:
            self._fleet.heard(unit, VehicleState.of(step.state, kind=VehicleKind.AUTOPILOT))
            job.live({"flying": True, "phase": step.phase, "mode": step.state.mode})
            job.progress(step.fraction, label=step.phase)

        def interrupt(_paused: bool) -> Interruption | None:
            wish = job.take_order()
            return None if wish is None else Interruption(wish)

        return Watchers(
            progress=progress,
            on_event=lambda event: job.say(f"{event.kind.value}: {event.text}"),
            interrupt=interrupt,
            keep=keeping(self._folder, unit, lambda _path: None),
        )

    def _tell(self, kind: Happening, payload: dict[str, Any], *, by: str) -> None:
        self._log.append(kind.value, payload, actor=by)
