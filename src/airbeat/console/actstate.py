"""What a console that acts holds: plans, flights, jobs, and what they tell the operation's log."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from airbeat.console.actdispatch import Dispatch
from airbeat.console.actflight import Flights
from airbeat.console.actplans import Plans
from airbeat.console.actwork import in_process, plan_text, search_photographs
from airbeat.console.desk import Desk, Unknown
from airbeat.console.fleet import Fleet
from airbeat.console.jobs import Job, Jobs
from airbeat.errors import UsageError
from airbeat.mission.closerlook import closer_look_text
from airbeat.mission.loader import load_mission
from airbeat.mission.plan import FlightPlan
from airbeat.ops.happenings import Happening
from airbeat.ops.recorder import files_of
from airbeat.patrol.dispatch import Incident
from airbeat.report.reviewed import log_beside
from airbeat.report.seen import seen_at

__all__ = ["Act"]

_MOST_READ = 20


class Act:
    """What can be done beside reviewing.

    Args:
        desk: the candidates, their folder and their log.
        fleet: told where vehicles are.
        control: whether vehicles may be uploaded to, flown and dispatched.
        vehicles: addresses by name.
        units: the units file for dispatch, or None.
        mission: a mission file that a closer look takes home and fence from, where no plan was made here.
        load_plan: the plan in a file.
        borrow: has an address to itself while it is uploaded to or flown, for nobody else may listen there.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        load_plan: Callable[[Path], FlightPlan],
        fleet: Fleet | None = None,
        control: bool = True,
        vehicles: dict[str, str] | None = None,
        units: Path | None = None,
        mission: Path | None = None,
        borrow: Callable[[str], AbstractContextManager[None]] = lambda _address: nullcontext(),
    ) -> None:
        self.desk = desk
        self.fleet = fleet or Fleet()
        self.control = control
        self.mission = mission
        self.plans = Plans(desk.folder)
        self.flights = Flights(desk.folder, desk.log, self.fleet, vehicles or {}, borrow=borrow)
        self.dispatch = (
            None if units is None else Dispatch(units, desk.folder, desk.log, self.fleet, load_plan)
        )
        self.jobs = Jobs(failed=self._failed)
        self.read: dict[str, dict[str, Any]] = {}
        self._reads = 0

    def close(self) -> None:
        """End what runs; a real vehicle that flies goes on flying, and is not watched any more."""
        self.jobs.close()
        self.flights.close()

    def flying(self) -> list[str]:
        """Flights that are under way."""
        return [job["title"] for job in self.jobs.all() if job["live"].get("flying")]

    def shown(self) -> tuple[FlightPlan | None, list[Path]]:
        """What maps show beside what the console was given: the newest plan, and the flights flown here."""
        return self.plans.newest(), self.flights.records()

    def keep_read(self, kept: dict[str, Any]) -> str:
        """Remember what an uploaded file said beside what the page shows."""
        self._reads += 1
        key = f"file-{self._reads}"
        self.read[key] = kept
        while len(self.read) > _MOST_READ:
            del self.read[next(iter(self.read))]
        return key

    def tell(self, kind: Happening, payload: dict[str, Any], *, by: str) -> None:
        """Add an event to the operation's log."""
        self.desk.log.append(kind.value, payload, actor=by)

    def _failed(self, job: Job, why: str) -> None:
        self.tell(Happening.ACT_FAILED, {"what": job.title, "why": why}, by=job.by)

    # -- work of jobs -----------------------------------------------------------------------------

    def plan(self, job: Job, text: str, sketch: dict[str, Any] | None) -> dict[str, Any]:
        """Plan the text of a mission file in a process of its own, and keep it."""
        name = self.plans.new_id()
        path = self.plans.path_of(name)
        mission = in_process(
            plan_text,
            text,
            path.name,
            path.parent,
            told=job.told,
        )
        kept = self.plans.add(name, text, mission, by=job.by, sketch=sketch)
        items = len(mission.plan.items)
        self.tell(
            Happening.MISSION_PLANNED,
            {"plan": kept.name, "items": items, "files": files_of([path])},
            by=job.by,
        )
        return {"plan": name, "ok": not mission.failed}

    def look(self, job: Job, candidate: str, flown: Path) -> dict[str, Any]:
        """Plan a closer look at a candidate, with home and fence of a mission that was flown."""
        mission = load_mission(flown)
        position, flown_m, ground_m = seen_at(candidate, self.desk.results, mission)
        text = closer_look_text(
            flown,
            out=self.plans.path_of("look"),
            target=position,
            name=candidate,
            flown_m=flown_m,
            ground_m=ground_m,
        )
        return self.plan(job, text, None)

    def search(self, job: Job) -> dict[str, Any]:
        """Search the photographs of the embedded flights; candidates come to the desk."""
        folder = self.desk.folder
        found: dict[str, Any] = in_process(
            search_photographs,
            self.flights.photographs,
            folder,
            log_beside(folder),
            job.by,
            told=job.told,
        )
        return found

    def incident(self, candidate: str) -> Incident:
        """A candidate as what units are sent to.

        Raises:
            Unknown: no such candidate, or nobody knows its place.
        """
        row = next((r for r in self.desk.results.candidates if r.id == candidate), None)
        if row is None or row.position is None:
            raise Unknown
        return Incident(position=row.position, kind=f"candidate {candidate}")

    def flown_mission(self, plan: str) -> Path:
        """The mission whose home and fence a closer look takes.

        Raises:
            Unknown: there is no such plan.
            UsageError: no mission is known at all.
        """
        if plan:
            return self.plans.find(plan).path
        drawn = [p["id"] for p in self.plans.listed() if self.plans.find(p["id"]).sketch is not None]
        if drawn:
            return self.plans.find(drawn[0]).path
        if self.mission is None:
            raise UsageError(
                "no mission says where home and the fence are",
                remedy="plan one here, or start the console with --plan MISSION.yaml",
            )
        return self.mission
