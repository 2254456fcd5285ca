"""A planned round as a JSON document: what was to be seen, where, when and how; proof is made against it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import shapely

from airbeat import __version__
from airbeat.mission.beat import Beat, LineVisit, PointVisit, SweepVisit, Visit
from airbeat.patrol.plan import PatrolPlan, PlannedSortie, PlannedVisit
from airbeat.patrol.space import visit_geometry

__all__ = ["SCHEMA_VERSION", "patrol_document", "sortie_json"]

SCHEMA_VERSION = 1


def patrol_document(beat: Beat, plans: Sequence[PatrolPlan], files: dict[int, str]) -> dict[str, Any]:
    """The document of a day's rounds.

    Args:
        beat: what is patrolled.
        plans: one for each shift.
        files: name of the plan file of a sortie by ``id`` of the sortie; without suffix.
    """
    return {
        "airbeat": "patrol-plan",
        "schema_version": SCHEMA_VERSION,
        "tool_version": __version__,
        "source_name": beat.provenance.source_name,
        "source_sha256": beat.provenance.source_sha256,
        "inputs": [{"name": n, "sha256": h} for n, h in beat.inputs],
        "name": beat.name,
        "time_zone": beat.time_zone.key,
        "notes": list(beat.notes),
        "visits": [_visit(v) for v in beat.visits],
        "shifts": [
            {
                "name": plan.shift.name,
                "day": plan.shift.day.isoformat(),
                "begin": stamp(plan.shift.begin),
                "end": stamp(plan.shift.end),
                "zones": [
                    {
                        "name": zone.name,
                        "drones": [beat.drones[d][1].name for d in zone.drones],
                        "jobs": len(zone.jobs),
                        "work_s": round(zone.work_s, 1),
                    }
                    for zone in plan.zones
                ],
                "unserved": list(plan.unserved),
                "sorties": [sortie_json(s, files.get(id(s), "")) for s in plan.sorties],
            }
            for plan in plans
        ],
    }


def stamp(moment: datetime) -> str:
    """UTC as ISO 8601 with a Z, to the tenth of a second."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _visit(visit: Visit) -> dict[str, Any]:
    """What a visit asks for; lengths in metres, times in seconds."""
    value: dict[str, Any] = {
        "name": visit.name,
        "kind": "point",
        "gsd_m_px": visit.coarsest_m_px,
        "weight": visit.duty.weight,
        "max_interval_s": visit.duty.max_interval_s,
        "geometry": shapely.geometry.mapping(visit_geometry(visit)),
    }
    if isinstance(visit, PointVisit):
        value |= {"look": visit.look.value, "dwell_s": visit.dwell_s}
        if visit.broadcast is not None:
            value["broadcast"] = visit.broadcast.text
    elif isinstance(visit, LineVisit):
        value |= {"kind": "line", "width_m": visit.width_m}
    elif isinstance(visit, SweepVisit):
        value |= {"kind": "sweep"}
    return value


def sortie_json(sortie: PlannedSortie, file: str = "") -> dict[str, Any]:
    """A sortie with its visits."""
    estimate = sortie.plan.estimate
    return {
        "drone": sortie.drone,
        "site": sortie.site,
        "number": sortie.number,
        "zone": sortie.zone,
        "file": file,
        "take_off": stamp(sortie.take_off),
        "land": stamp(sortie.land),
        "duration_s": round(sortie.duration_s, 1),
        "length_m": round(estimate.length_m, 1) if estimate else None,
        "battery_share": round(estimate.battery_share, 4) if estimate else None,
        "photos": estimate.photos if estimate else None,
        "items": len(sortie.plan.items),
        "visits": [_planned(v) for v in sortie.visits],
    }


def _planned(visit: PlannedVisit) -> dict[str, Any]:
    return {
        "visit": visit.visit.name,
        "piece": list(visit.piece),
        "begin": stamp(visit.begin),
        "end": stamp(visit.end),
        "window": [stamp(visit.window[0]), stamp(visit.window[1])],
        "items": [visit.first_item, visit.last_item],
    }
