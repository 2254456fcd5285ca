"""The plans made on the page: kept as mission files, shown, and exported."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from shapely.geometry import mapping

from airbeat.checks.footprints import footprints, shots
from airbeat.checks.unrolled import fly
from airbeat.console.desk import Unknown
from airbeat.errors import FindingsError
from airbeat.flight.planned import PlannedMission, refuse_errors
from airbeat.formats.atomic import write_files
from airbeat.formats.catalogue import FORMATS
from airbeat.formats.convert import converted
from airbeat.formats.geojson import write_geojson
from airbeat.formats.wpml import AIRCRAFT, DEFAULT_AIRCRAFT
from airbeat.language.words import translated
from airbeat.mission.plan import FlightPlan
from airbeat.ops.recorder import files_of
from airbeat.report.planfigures import area_m2, findings_json, plan_json, plan_rows

__all__ = ["AIRCRAFT_KEYS", "FORMAT_KEYS", "Plan", "Plans"]

FORMAT_KEYS = {known.key: known.title for known in FORMATS}
AIRCRAFT_KEYS = tuple(AIRCRAFT)
_ID = re.compile(r"plan-([1-9][0-9]{0,8})")
_MOST_FOOTPRINTS = 3000
_DIGITS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One plan.

    Attributes:
        id: "plan-1" and so on; also its files' name.
        by: who made it.
        path: its mission file.
        text: what is in that.
        sketch: what was drawn and chosen, for the page; None where it was not drawn.
        mission: the plan with its sorties and findings.
    """

    id: str
    by: str
    path: Path
    text: str
    sketch: Mapping[str, Any] | None
    mission: PlannedMission

    @property
    def name(self) -> str:
        """What the operation is called."""
        return self.mission.plan.name

    def sortie(self, number: int) -> FlightPlan:
        """One of its sorties, from 1.

        Raises:
            Unknown: there is no such one.
        """
        if not 1 <= number <= len(self.mission.sorties):
            raise Unknown
        return self.mission.sorties[number - 1]

    def to_json(self) -> dict[str, Any]:
        """In a list."""
        estimate = self.mission.plan.estimate
        return {
            "id": self.id,
            "name": self.name,
            "by": self.by,
            "ok": not self.mission.failed,
            "sorties": len(self.mission.sorties),
            "duration_s": estimate.duration_s if estimate else None,
        }


class Plans:
    """All plans of an operation's folder; those of earlier consoles are there as mission files.

    Args:
        folder: the operation's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "plans"
        self.exports = folder / "exports"
        self._lock = Lock()
        self._plans: dict[str, Plan] = {}
        self._last = max((int(m.group(1)) for m in map(_ID.fullmatch, self._stems()) if m), default=0)

    def _stems(self) -> list[str]:
        return [p.stem for p in self.folder.glob("plan-*.yaml")] if self.folder.is_dir() else []

    def new_id(self) -> str:
        """The id of the next plan."""
        with self._lock:
            self._last += 1
            return f"plan-{self._last}"

    def path_of(self, plan: str) -> Path:
        """The mission file of a new plan."""
        return self.folder / f"{plan}.yaml"

    def add(
        self, plan: str, text: str, mission: PlannedMission, *, by: str, sketch: Mapping[str, Any] | None
    ) -> Plan:
        """Keep a plan and write its mission file.

        Raises:
            UsageError: it cannot be written.
        """
        kept = Plan(id=plan, by=by, path=self.path_of(plan), text=text, sketch=sketch, mission=mission)
        write_files({kept.path: text}, overwrite=False)
        with self._lock:
            self._plans[plan] = kept
        return kept

    def find(self, plan: str) -> Plan:
        """A plan by its id.

        Raises:
            Unknown: there is none.
        """
        with self._lock:
            if plan not in self._plans:
                raise Unknown
            return self._plans[plan]

    def listed(self) -> list[dict[str, Any]]:
        """All, the newest first."""
        with self._lock:
            plans = list(self._plans.values())
        return [plan.to_json() for plan in reversed(plans)]

    def newest(self) -> FlightPlan | None:
        """The plan that was made last and may be flown."""
        with self._lock:
            return next(
                (p.mission.plan for p in reversed(self._plans.values()) if not p.mission.failed), None
            )

    def earlier(self) -> list[str]:
        """Ids of mission files that an earlier console made here, the newest first."""
        with self._lock:
            known = set(self._plans)
        stems = [s for s in self._stems() if _ID.fullmatch(s) and s not in known]
        return sorted(stems, key=lambda s: -int(s.partition("-")[2]))

    def earlier_file(self, plan: str) -> bytes:
        """What is in one of those.

        Raises:
            Unknown: there is none.
        """
        if plan not in self.earlier():
            raise Unknown
        return self.path_of(plan).read_bytes()

    def detail(self, plan: str) -> dict[str, Any]:
        """A plan with figures, findings and what the map shows of it, in the current language.

        Raises:
            Unknown: there is none.
        """
        found = self.find(plan)
        whole = found.mission.plan
        return found.to_json() | {
            "sketch": found.sketch,
            "figures": plan_json(whole),
            "area_m2": area_m2(whole),
            "rows": plan_rows(whole),
            "notes": [translated(note) for note in whole.notes],
            "findings": [
                row | {"message": translated(finding.message), "remedy": translated(finding.remedy)}
                for row, finding in zip(
                    findings_json(found.mission.findings), found.mission.findings, strict=True
                )
            ],
            "home": {"lat": whole.home.lat_deg, "lon": whole.home.lon_deg},
            "layers": [json.loads(write_geojson(sortie))["features"] for sortie in found.mission.sorties],
            "footprints": [f for sortie in found.mission.sorties for f in _footprints(sortie)],
        }

    def export(self, plan: str, sortie: int, *, key: str, aircraft: str = DEFAULT_AIRCRAFT) -> dict[str, Any]:
        """Write a sortie in a format, and say what the file does not hold.

        Args:
            plan: its id.
            sortie: from 1.
            key: of the format.
            aircraft: that a DJI route is for.

        Returns:
            ``file``, its name; ``files`` for the log; ``losses``, ``lacking`` and ``others`` in words.

        Raises:
            Unknown: no such plan, sortie or format.
            FindingsError: the checks found an error in the plan.
            PlanFileError: the plan holds what the format cannot.
        """
        found = self.find(plan)
        wanted = next((f for f in FORMATS if f.key == key), None)
        flown = found.sortie(sortie)
        if wanted is None or aircraft not in AIRCRAFT:
            raise Unknown
        if found.mission.failed:
            refuse_errors(found.mission.findings, refused="not exported")
            raise FindingsError("not exported: the checks found errors")
        stem = plan if len(found.mission.sorties) == 1 else f"{plan}-sortie-{sortie}"
        path = self.exports / f"{stem}{wanted.suffixes[0]}"
        result = converted(flown, wanted, name=path.name, aircraft=aircraft)
        write_files({path: result.data}, overwrite=True)
        return {
            "file": path.name,
            "files": files_of([path]),
            "format": wanted.title,
            "losses": [str(loss) for loss in result.losses],
            "lacking": list(result.lacking),
            "others": wanted.others,
        }

    def exported(self, name: str) -> bytes:
        """One of the exported files.

        Raises:
            Unknown: there is none of that name.
        """
        path = next((p for p in self.exports.glob("*") if p.name == name and p.is_file()), None)
        if path is None:
            raise Unknown
        return path.read_bytes()


def _footprints(plan: FlightPlan) -> list[Any]:
    """Outlines of the photographs that a plan takes, lon/lat degrees; none where its items do not tell."""
    if plan.survey is None:
        return []
    flight = fly(plan)
    taken = shots(flight)
    shapes = footprints((taken or [])[:_MOST_FOOTPRINTS], plan.survey.camera)
    rings = [mapping(flight.frame.to_geographic(s))["coordinates"][0] for s in shapes if s is not None]
    return [[[round(x, _DIGITS), round(y, _DIGITS)] for x, y in ring] for ring in rings]
