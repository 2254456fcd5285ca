"""Uploading and flying from the page: what ``airbeat upload`` and ``airbeat fly`` do, told there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from airbeat.checks.conditions import Conditions
from airbeat.checks.plan import check_plan
from airbeat.console.actplans import Plan
from airbeat.console.actsortie import WatchedFlight, verdict_json
from airbeat.console.actwork import EmbeddedProcess
from airbeat.console.fleet import Fleet
from airbeat.console.jobs import Cancelled, Job
from airbeat.errors import AirbeatError, UsageError
from airbeat.flight.begin import for_batteries
from airbeat.flight.planned import refuse_errors
from airbeat.flight.state import FlightState, read_state
from airbeat.flight.upload import upload_plan
from airbeat.formats.atomic import made_folder
from airbeat.language.words import Message
from airbeat.link.connection import Link, connect
from airbeat.ops.happenings import Happening
from airbeat.ops.log import OperationsLog
from airbeat.ops.recorder import Aside, Recorder, files_of

__all__ = ["EMBEDDED", "Flights", "Speed"]

EMBEDDED = "embedded"
"""Name of the project's embedded vehicle."""
_ADDRESS = re.compile(
    r"(tcp|tcpin|udp|udpin|udpout):[A-Za-z0-9.:\[\]-]{1,100}:[0-9]{1,5}"
    r"|(/dev/tty[A-Za-z0-9]{1,20}|COM[0-9]{1,3})(,[0-9]{1,8})?"
)
_HEARTBEAT_S = 30.0
_PART = "the vehicle may hold part of the plan: upload it again before anybody flies it"
Speed = float
"""Simulated seconds per second of an embedded vehicle; 0 as fast as it can."""


@dataclass(slots=True)
class _Exercise:
    """An embedded vehicle that runs, and what it was started for."""

    process: EmbeddedProcess
    plan: str
    speedup: Speed
    number: int


class Flights:
    """Vehicles, and what is flown with them.

    Args:
        folder: the operation's folder.
        log: the operation's log.
        fleet: told where vehicles are.
        vehicles: addresses by name, as given when the console was started.
        borrow: has an address to itself, for who watches it listens there too.

    Raises:
        UsageError: a vehicle is called as the embedded one is.
    """

    def __init__(
        self,
        folder: Path,
        log: OperationsLog,
        fleet: Fleet,
        vehicles: dict[str, str],
        *,
        borrow: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        if EMBEDDED in vehicles:
            raise UsageError(
                Message("no vehicle can be called {embedded}", embedded=EMBEDDED),
                remedy="that is the simulated one: rename it",
            )
        self._folder = folder
        self._log = log
        self._fleet = fleet
        self._lock = Lock()
        self._exercise: _Exercise | None = None
        self._flown: dict[str, Path] = {}
        self.vehicles = vehicles
        self._borrow = borrow

    @property
    def photographs(self) -> Path:
        """Where the photographs of embedded flights lie."""
        return self._folder / "photographs"

    def photograph_count(self) -> int:
        """How many there are."""
        return sum(1 for _ in self.photographs.glob("*/*.JPG"))

    def records(self) -> list[Path]:
        """Records of the flights flown here."""
        return sorted((self._folder / "flights").glob("*/flight*.json"))

    def close(self) -> None:
        """End what was started here."""
        with self._lock:
            if self._exercise is not None:
                self._exercise.process.close()
                self._exercise = None

    # -- upload -----------------------------------------------------------------------------------

    def upload(self, job: Job, plan: Plan, sortie: int, vehicle: str, speedup: Speed) -> dict[str, Any]:
        """Upload a sortie and read it back; the verdict, in the words of ``airbeat upload``.

        Raises:
            FindingsError: the checks forbid it.
            LinkError: the vehicle cannot be reached.
            RefusedByVehicleError: it flies, and takes no mission now.
        """
        flown = plan.sortie(sortie)
        refuse_errors(plan.mission.found[sortie - 1], refused="not uploaded")

        def progress(what: str, done: int, total: int) -> None:
            job.progress(done / max(total, 1), label=f"uploading {what}")

        url = self._url(job, plan, vehicle, speedup)
        begun = "".join(c for c in job.begun_utc[:19] if c.isalnum())
        tlog = made_folder(self._folder / "telemetry") / f"{begun}-{job.id}.tlog"
        try:
            with self._reached(job, url, tlog) as link:
                verdict = upload_plan(link, flown, progress=progress)
        except Cancelled:
            job.say(_PART)
            raise
        Recorder(self._log, actor=job.by).tell(
            Happening.MISSION_UPLOADED,
            plan=flown.name,
            items=len(flown.items),
            vehicle=vehicle,
            outcome=verdict.outcome.value,
            files=files_of([plan.path]),
        )
        return verdict_json(verdict) | {"vehicle": vehicle}

    # -- flight -----------------------------------------------------------------------------------

    def fly(self, job: Job, plan: Plan, vehicle: str, speedup: Speed, *, resume: bool) -> dict[str, Any]:
        """Fly a plan, or what is left of it, until the vehicle has landed.

        Raises:
            FindingsError: checks or preflight forbid it.
            UsageError: nobody confirmed, or there is nothing to go on with.
            LinkError, RefusedByVehicleError: as ``airbeat fly``.
        """
        refuse_errors(plan.mission.findings, refused="not flown")
        whole = for_batteries(plan.mission.plan)
        conditions = Conditions(in_sorties=whole is not plan.mission.plan)
        refuse_errors(check_plan(whole, conditions), refused="not flown")
        state = self._state(plan) if resume else None
        url = self._url(job, plan, vehicle, speedup)
        with Aside(Recorder(self._log, actor=job.by), say=job.say) as aside:
            flight = WatchedFlight(
                job=job,
                plan=plan,
                vehicle=vehicle,
                is_embedded=vehicle == EMBEDDED,
                folder=self._flight_folder(plan, vehicle, resume=resume),
                state=state,
                aside=aside,
                fleet=self._fleet,
                log=self._log,
            )
            try:
                with self._reached(job, url, flight.path.with_suffix(".tlog")) as link:
                    record = flight.fly(link)
            except Cancelled:
                job.say(_PART)
                raise
            except AirbeatError:
                if flight.has_begun and vehicle == EMBEDDED:
                    self.close()  # an exercise that broke off is not gone on with
                raise
        result = flight.summary(record)
        if vehicle == EMBEDDED:
            result["photographs"] = self._finish(job)
        if result["landed"] and vehicle not in self.vehicles:
            self._fleet.forget(vehicle)
        return result

    def _state(self, plan: Plan) -> FlightState:
        folder = self._flown.get(plan.id)
        if folder is None or not (folder / "state.json").is_file():
            raise UsageError("nothing of this plan was flown yet", remedy="fly it from its beginning")
        state = read_state(folder / "state.json")
        state.require_plan(plan.mission.plan)
        return state

    def _flight_folder(self, plan: Plan, vehicle: str, *, resume: bool) -> Path:
        """A new folder for a flight; that of the plan's last flight where it is gone on with.

        That of an embedded flight has the number of its photographs, unless it is flown from already.
        """
        with self._lock:
            if not resume:
                number = self._next_number()
                exercise = self._exercise if vehicle == EMBEDDED else None
                if exercise is not None and not (self._folder / "flights" / str(exercise.number)).exists():
                    number = exercise.number
                self._flown[plan.id] = made_folder(self._folder / "flights" / str(number))
            return self._flown[plan.id]

    def _next_number(self) -> int:
        taken = [
            int(p.name.rpartition("-")[2])
            for folder in (self._folder / "flights", self.photographs)
            if folder.is_dir()
            for p in folder.iterdir()
            if p.name.rpartition("-")[2].isdigit()
        ]
        return max(taken, default=0) + 1

    # -- vehicles ---------------------------------------------------------------------------------

    def address(self, vehicle: str) -> str:
        """Where a vehicle is reached: by its name, or as the address itself.

        Raises:
            UsageError: it is neither; files of this machine, for instance, are no addresses.
        """
        if vehicle == EMBEDDED or vehicle in self.vehicles:
            return self.vehicles.get(vehicle, EMBEDDED)
        if not _ADDRESS.fullmatch(vehicle):
            raise UsageError(
                Message("{vehicle!r} is no vehicle's address", vehicle=vehicle),
                remedy="write tcp:HOST:PORT, udpin:HOST:PORT, udpout:HOST:PORT or /dev/ttyACM0,57600",
            )
        return vehicle

    def _url(self, job: Job, plan: Plan, vehicle: str, speedup: Speed) -> str:
        """A vehicle's address; the embedded one is started where it does not run for this plan."""
        return self._embedded(job, plan, speedup) if vehicle == EMBEDDED else self.address(vehicle)

    @contextmanager
    def _reached(self, job: Job, url: str, tlog: Path) -> Iterator[Link]:
        """A link to an address that nobody else listens to meanwhile, with its telemetry log."""
        job.progress(0.0, label=f"waiting for a heartbeat on {url}")
        with self._borrow(url), connect(url, timeout_s=_HEARTBEAT_S, tlog=tlog) as link:
            yield link

    def _embedded(self, job: Job, plan: Plan, speedup: Speed) -> str:
        with self._lock:
            exercise = self._exercise
            if exercise is not None:
                same = (exercise.plan, exercise.speedup) == (plan.id, speedup)
                if same and exercise.process.is_alive:
                    return exercise.process.url
                exercise.process.close()
                self._exercise = None
            number = self._next_number()
        photographs = self.photographs / f"flight-{number}"
        made_folder(photographs)
        process = EmbeddedProcess(
            text=plan.text,
            name=plan.path.name,
            folder=plan.path.parent,
            photographs=photographs,
            truth=self._folder / "flights" / f"truth-{number}.json",
            speedup=speedup,
            seed=number,
        )
        try:
            process.wait_until_ready(job.told)
        except BaseException:
            process.close()
            raise
        if process.note:
            job.say(process.note)
        with self._lock:
            self._exercise = _Exercise(process=process, plan=plan.id, speedup=speedup, number=number)
        return process.url

    def _finish(self, job: Job) -> int:
        """End the embedded vehicle after its flight; how many photographs it took."""
        with self._lock:
            exercise, self._exercise = self._exercise, None
        if exercise is None:
            return 0
        return exercise.process.finish(job.told)
