"""One flight under way, as the page shows it: asked for a yes, told, interrupted, and kept."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airbeat.checks.conditions import Conditions
from airbeat.checks.plan import check_plan
from airbeat.console.actplans import Plan
from airbeat.console.fleet import Fleet, VehicleKind, VehicleState
from airbeat.console.jobs import Job
from airbeat.errors import FrameError
from airbeat.flight.area import photographed_before, reported_frame
from airbeat.flight.begin import NextSortie, find_sortie, keeper_for
from airbeat.flight.fly import fly_sortie
from airbeat.flight.planned import refuse_errors
from airbeat.flight.preflight import PreflightFinding
from airbeat.flight.record import FlightOutcome, FlightRecord
from airbeat.flight.state import SORTIE_FLOWN, FlightState, read_state
from airbeat.flight.upload import UploadVerdict
from airbeat.flight.watch import FlightProgress, Interruption, Watchers
from airbeat.link.connection import Link
from airbeat.link.telemetry import PhotoTaken, VehicleEvent
from airbeat.link.transfer import Outcome
from airbeat.locate.ground import footprint
from airbeat.mission.plan import FlightPlan
from airbeat.ops.happenings import Happening
from airbeat.ops.log import OperationsLog
from airbeat.ops.recorder import Aside, files_of
from airbeat.report.planfigures import findings_json

__all__ = ["WatchedFlight", "verdict_json"]

_ANSWER_S = 900.0
_SHOWN_EVERY_S = 0.25
_MOST_POINTS = 500
_WARNING = 4
"""MAV_SEVERITY_WARNING."""
_TOLD_KINDS = {"mode", "link", "reboot"}


@dataclass(kw_only=True)
class WatchedFlight:
    """One flight under way: told to the page, the fleet, the log and its folder."""

    job: Job
    plan: Plan
    vehicle: str
    is_embedded: bool
    folder: Path
    state: FlightState | None
    aside: Aside
    fleet: Fleet
    log: OperationsLog
    has_begun: bool = False
    _shown_s: float = 0.0
    _sortie: NextSortie | None = None

    @property
    def number(self) -> int:
        """1 for the first flight of the plan."""
        return 1 if self.state is None else self.state.sortie + 1

    @property
    def path(self) -> Path:
        """The file of its record."""
        return self.folder / ("flight.json" if self.number == 1 else f"flight-{self.number}.json")

    @property
    def _kind(self) -> VehicleKind:
        return VehicleKind.EMBEDDED if self.is_embedded else VehicleKind.AUTOPILOT

    def fly(self, link: Link) -> FlightRecord:
        """Fly until it has landed; the record is kept in every case."""
        whole = self.plan.mission.plan
        sortie = self._sortie = find_sortie(link, whole, self.state)
        if sortie.plan is not whole and not sortie.attached:
            refuse_errors(check_plan(sortie.as_flown(), Conditions(is_part=True)), refused="not flown")
        if sortie.attached:
            self.job.hold_on()
            self.aside.tell(Happening.FLIGHT_BEGUN, plan=whole.name, vehicle=self.vehicle)
        keeper = keeper_for(
            sortie,
            whole,
            self.folder / "state.json",
            earlier=self.state,
            number=self.number,
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
            self._keep(record)

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
                "upload": verdict_json(verdict),
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
            self.has_begun = True
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

    def _keep(self, record: FlightRecord) -> None:
        written = record.save(self.path)
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


def verdict_json(verdict: UploadVerdict) -> dict[str, Any]:
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
