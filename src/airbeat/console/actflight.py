"""Uploading and flying from the page: what ``airbeat upload`` and ``airbeat fly`` do, told there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from airbeat.checks.conditions import Conditions
from airbeat.checks.plan import check_plan
from airbeat.console.actplans import Plan
from airbeat.console.actwork import EmbeddedProcess
from airbeat.console.fleet import Fleet, VehicleKind, VehicleState
from airbeat.console.jobs import Job
from airbeat.errors import FrameError, UsageError
from airbeat.flight.area import photographed_before, reported_frame
from airbeat.flight.begin import NextSortie, find_sortie, for_batteries
from airbeat.flight.fly import fly_sortie
from airbeat.flight.planned import refuse_errors
from airbeat.flight.preflight import PreflightFinding
from airbeat.flight.record import FlightOutcome, FlightRecord
from airbeat.flight.state import SORTIE_FLOWN, FlightState, StateKeeper, read_state
from airbeat.flight.upload import UploadVerdict, upload_plan
from airbeat.flight.watch import FlightProgress, Interruption, Watchers
from airbeat.link.connection import Link, connect
from airbeat.link.telemetry import PhotoTaken, VehicleEvent
from airbeat.link.transfer import Outcome
from airbeat.locate.ground import footprint
from airbeat.mission.plan import FlightPlan
from airbeat.ops.happenings import Happening
from airbeat.ops.log import OperationsLog
from airbeat.ops.recorder import Aside, Recorder, files_of
from airbeat.report.planfigures import findings_json

__all__ = ["EMBEDDED", "Flights", "Speed"]

EMBEDDED = "embedded"
"""Name of the project's embedded vehicle."""
_ADDRESS = re.compile(
    r"(tcp|tcpin|udp|udpin|udpout):[A-Za-z0-9.:\[\]-]{1,100}:[0-9]{1,5}"
    r"|(/dev/tty[A-Za-z0-9]{1,20}|COM[0-9]{1,3})(,[0-9]{1,8})?"
)
_ANSWER_S = 900.0
_HEARTBEAT_S = 60.0
_SHOWN_EVERY_S = 0.25
_MOST_POINTS = 500
_WARNING = 4
"""MAV_SEVERITY_WARNING."""
_TOLD_KINDS = {"mode", "link", "reboot"}
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

        with self._reached(job, plan, vehicle, speedup) as link:
            verdict = upload_plan(link, flown, progress=progress)
        Recorder(self._log, actor=job.by).tell(
            Happening.MISSION_UPLOADED,
            plan=flown.name,
            items=len(flown.items),
            vehicle=vehicle,
            outcome=verdict.outcome.value,
            files=files_of([plan.path]),
        )
        return _verdict_json(verdict) | {"vehicle": vehicle}

    # -- flight -----------------------------------------------------------------------------------

    def fly(self, job: Job, plan: Plan, vehicle: str, speedup: Speed, *, resume: bool) -> dict[str, Any]:
        """Fly a plan, or what is left of it, until the vehicle has landed.

        Raises:
            FindingsError: checks or preflight forbid it.
            UsageError: nobody confirmed, or there is nothing to go on with.
            LinkError, RefusedByVehicleError: as ``airbeat fly``.
        """
        whole = for_batteries(plan.mission.plan)
        conditions = Conditions(in_sorties=whole is not plan.mission.plan)
        refuse_errors(check_plan(whole, conditions), refused="not flown")
        state = self._state(plan) if resume else None
        with self._reached(job, plan, vehicle, speedup) as link:
            folder = self._flight_folder(plan, vehicle, resume=resume)
            with Aside(Recorder(self._log, actor=job.by), say=job.say) as aside:
                flight = _Flight(
                    job=job,
                    plan=plan,
                    vehicle=vehicle,
                    folder=folder,
                    state=state,
                    aside=aside,
                    fleet=self._fleet,
                    log=self._log,
                )
                record = flight.fly(link)
        result = flight.summary(record)
        if vehicle == EMBEDDED:
            result["photographs"] = self._finish(job)
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
                folder = self._folder / "flights" / str(number)
                folder.mkdir(parents=True)
                self._flown[plan.id] = folder
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
                f"{vehicle!r} is no vehicle's address",
                remedy="write tcp:HOST:PORT, udpin:HOST:PORT, udpout:HOST:PORT or /dev/ttyACM0,57600",
            )
        return vehicle

    @contextmanager
    def _reached(self, job: Job, plan: Plan, vehicle: str, speedup: Speed) -> Iterator[Link]:
        """A link to a vehicle; the embedded one is started where it does not run for this plan.

        A telemetry log is kept of every link, beside the plans.
        """
        url = self._embedded(job, plan, speedup) if vehicle == EMBEDDED else self.address(vehicle)
        job.progress(0.0, label=f"waiting for a heartbeat of {vehicle}")
        tlogs = self._folder / "telemetry"
        tlogs.mkdir(parents=True, exist_ok=True)
        begun = "".join(c for c in job.begun_utc[:19] if c.isalnum())
        tlog = tlogs / f"{begun}-{job.id}-{job.kind}.tlog"
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
        photographs.mkdir(parents=True)
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


@dataclass(kw_only=True)
class _Flight:
    """One flight under way: told to the page, the fleet, the log and its folder."""

    job: Job
    plan: Plan
    vehicle: str
    folder: Path
    state: FlightState | None
    aside: Aside
    fleet: Fleet
    log: OperationsLog
    _shown_s: float = 0.0
    _sortie: NextSortie | None = None

    @property
    def _kind(self) -> VehicleKind:
        return VehicleKind.EMBEDDED if self.vehicle == EMBEDDED else VehicleKind.AUTOPILOT

    def fly(self, link: Link) -> FlightRecord:
        """Fly until it has landed; the record is kept in every case."""
        whole = self.plan.mission.plan
        sortie = self._sortie = find_sortie(link, whole, self.state)
        if sortie.plan is not whole and not sortie.attached:
            refuse_errors(check_plan(sortie.as_flown(), Conditions(is_part=True)), refused="not flown")
        if sortie.attached:
            self.job.hold_on()
            self.aside.tell(Happening.FLIGHT_BEGUN, plan=whole.name, vehicle=self.vehicle)
        number = 1 if self.state is None else self.state.sortie + 1
        keeper = StateKeeper(
            self.folder / "state.json",
            whole,
            flown=sortie.rest,
            earlier=self.state,
            resumed_at=sortie.point,
            resumed_from=sortie.start,
            sortie=number,
            until=sortie.until,
            say=self.job.say,
        )

        def progress(step: FlightProgress) -> None:
            keeper.progress(step)
            self._progress(step)

        def photo(taken: PhotoTaken) -> None:
            keeper.photo(taken)
            self._photo(taken)

        def keep(record: FlightRecord) -> None:
            keeper.finish(record)
            self._keep(record, number)

        watchers = Watchers(
            progress=progress,
            on_event=self._heard,
            on_photo=photo,
            interrupt=self._interrupt,
            keep=keep,
            area=photographed_before(whole, self.state),
        )
        return fly_sortie(
            link, sortie, watchers=watchers, confirm=self._confirm, agree=self._agree, say=self.job.say
        )

    def summary(self, record: FlightRecord) -> dict[str, Any]:
        """What came of it, for the page."""
        state = read_state(self.folder / "state.json")
        landed = record.landing_time_s is not None or record.outcome is FlightOutcome.COMPLETED
        return {
            "vehicle": self.vehicle,
            "outcome": record.outcome.value,
            "explanation": record.explanation,
            "duration_s": record.duration_s,
            "photos": len(record.photos),
            "last_item": record.last_item,
            "items": record.items,
            "landed": landed,
            "more": state.outcome == SORTIE_FLOWN,
            "may_go_on": state.outcome != FlightOutcome.COMPLETED.value,
            "folder": self.folder.name,
            "track": _thinned(record),
        }

    def _confirm(self, findings: tuple[PreflightFinding, ...], verdict: UploadVerdict) -> bool:
        sortie = self._sortie
        assert sortie is not None  # noqa: S101 - found before
        return self._asked(
            {
                "words": "Is nobody near the vehicle, and may it arm and take off now?",
                "findings": findings_json(findings),
                "upload": _verdict_json(verdict),
                **_will_happen(sortie.plan, sortie.until, len(self.plan.mission.plan.items)),
            }
        )

    def _agree(self) -> bool:
        return self._asked({"words": "Go on with the mission from where it hovers?", "findings": []})

    def _asked(self, question: dict[str, Any]) -> bool:
        """Ask on the page; the word to be typed is the vehicle's name."""
        question |= {"vehicle": self.vehicle, "plan": self.plan.name, "word": self.vehicle}
        yes, by = self.job.ask(question, timeout_s=_ANSWER_S)
        if yes:
            self.log.append(
                Happening.FLIGHT_CONFIRMED.value,
                {"plan": self.plan.name, "vehicle": self.vehicle},
                actor=by,
            )
            self.aside.tell(Happening.FLIGHT_BEGUN, plan=self.plan.name, vehicle=self.vehicle)
        return yes

    def _progress(self, step: FlightProgress) -> None:
        self.fleet.heard(self.vehicle, VehicleState.of(step.state, kind=self._kind))
        now_s = time.monotonic()
        if now_s - self._shown_s < _SHOWN_EVERY_S and step.phase == "flying":
            return
        self._shown_s = now_s
        state, place = step.state, step.state.position
        self.job.live(
            {
                "flying": step.phase in ("arming", "flying"),
                "phase": step.phase,
                "mode": state.mode,
                "armed": state.armed,
                "lat": place.lat_deg if place else None,
                "lon": place.lon_deg if place else None,
                "height_m": state.height_above_home_m,
                "speed_m_s": state.speed_m_s,
                "battery_share": state.battery_share,
                "item": step.item,
                "items": step.items,
                "elapsed_s": step.elapsed_s,
                "eta_s": step.eta_s,
                "photos": step.photos,
                "area_share": step.area_share,
            }
        )
        self.job.progress(step.fraction, label=step.phase)

    def _photo(self, taken: PhotoTaken) -> None:
        """Show the fleet what the photograph shows; one that looks past the ground shows nothing."""
        survey = self.plan.mission.plan.survey
        if survey is None:
            return
        frame = reported_frame(
            survey,
            position=taken.position,
            height_above_home_m=taken.height_above_home_m,
            yaw_deg=taken.yaw_deg,
            name=str(taken.index),
        )
        try:
            outline = footprint(frame)
        except FrameError:
            return
        self.fleet.photographed(self.vehicle, outline)

    def _heard(self, event: VehicleEvent) -> None:
        if event.kind.value in _TOLD_KINDS or event.severity <= _WARNING:
            self.job.say(f"{event.kind.value}: {event.text}")
        self.aside.tell(
            Happening.FLIGHT_SAID,
            kind=event.kind.value,
            text=event.text,
            severity=event.severity,
            time_s=event.time_s,
        )

    def _interrupt(self, _paused: bool) -> Interruption | None:
        wish = self.job.take_order()
        return None if wish is None else Interruption(wish)

    def _keep(self, record: FlightRecord, number: int) -> None:
        path = self.folder / ("flight.json" if number == 1 else f"flight-{number}.json")
        written = record.save(path)
        self.aside.tell(
            Happening.FLIGHT_ENDED,
            plan=record.plan_name,
            outcome=record.outcome.value,
            explanation=record.explanation,
            duration_s=record.duration_s,
            photos=len(record.photos),
            files=files_of(written),
        )


def _thinned(record: FlightRecord) -> list[tuple[float, float]]:
    """The flown line for the page: lat, lon [degrees]."""
    step = max(len(record.track) // _MOST_POINTS, 1)
    return [(round(fix.position.lat_deg, 7), round(fix.position.lon_deg, 7)) for fix in record.track[::step]]


def _will_happen(plan: FlightPlan, until: int | None, items: int) -> dict[str, Any]:
    """What a yes lets happen."""
    estimate = plan.estimate
    return {
        "items": len(plan.items),
        "part": None if until is None else f"ends behind item {until} of {items}",
        "length_m": estimate.length_m if estimate else None,
        "duration_s": estimate.duration_s if estimate else None,
        "photos": estimate.photos if estimate else None,
        "notes": list(plan.notes),
    }


def _verdict_json(verdict: UploadVerdict) -> dict[str, Any]:
    """An upload's verdict in the words of ``airbeat upload``."""
    lines = []
    for name, transfer in (
        ("fence", verdict.fence),
        ("rally points", verdict.rally),
        ("mission", verdict.mission),
    ):
        if transfer is not None:
            good = transfer.outcome is Outcome.VERIFIED
            words = f"{name}: {transfer.outcome.value}: {transfer.message}"
            words += "" if good else f"; on the vehicle: {transfer.on_vehicle}"
            words += f" ({transfer.remedy})" if transfer.remedy and not good else ""
            lines.append({"good": good, "words": words})
    return {
        "verified": verdict.verified,
        "outcome": verdict.outcome.value,
        "lines": lines,
        "notes": list(verdict.notes),
    }
