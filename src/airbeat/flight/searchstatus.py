"""What a case knows so far: the segment table, overall success, finds, and what counts for nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import airbeat
from airbeat.errors import PlanningError
from airbeat.flight.casefolder import CaseFolder, FindRow, ImagesRow, UpdateRecord
from airbeat.geo.coordinates import AltitudeDatum
from airbeat.language.words import Message
from airbeat.search.segments import SegmentRow, segment_rows
from airbeat.search.sweepwidth import lateral_range

__all__ = ["NOT_CLEARED", "Status", "status_of"]

NOT_CLEARED = "No ground is cleared: a person may be where a search found nothing."
_DEFAULT_SPEED_M_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A case's state in numbers; probabilities as shares 0…1.

    Attributes:
        name: the operation.
        segments: the segment table.
        rest_before: rest of the world before any search.
        rest_after: the same now.
        success: OPOS, lower and upper end.
        images: photographs of all counting updates together.
        finds: candidates that people called a person or a clue.
        undecided: candidates that nobody decided on, or not surely.
        next_best: name of the segment where the next minute pays most, or "".
        next_basis: what the next minute was reckoned with.
        updates: the counting records.
        notes: what the reader must know.
    """

    name: str
    segments: tuple[SegmentRow, ...]
    rest_before: float
    rest_after: float
    success: tuple[float, float]
    images: ImagesRow
    finds: tuple[FindRow, ...]
    undecided: int
    next_best: str
    next_basis: str
    updates: tuple[UpdateRecord, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The status as one JSON object."""
        return {
            "schema": "airbeat/search-status/1",
            "tool_version": airbeat.__version__,
            "name": self.name,
            "cleared": False,
            "note": NOT_CLEARED,
            "segments": [asdict(row) for row in self.segments],
            "rest_of_world_before": self.rest_before,
            "rest_of_world_after": self.rest_after,
            "opos_low": self.success[0],
            "opos_high": self.success[1],
            "images": self.images.model_dump(),
            "finds": [find.model_dump() for find in self.finds],
            "candidates_undecided": self.undecided,
            "next_best": self.next_best,
            "next_basis": self.next_basis,
            "updates": [
                record.model_dump(by_alias=True, exclude={"footprints", "frames_sha256"})
                for record in self.updates
            ],
            "notes": list(self.notes),
        }


def status_of(case: CaseFolder) -> Status:
    """The state of a case."""
    model, now, records = case.model, case.current(), [u.record for u in case.counting]
    width_m, speed_m_s, basis = _next_flight(case, records)
    rows = segment_rows(
        model.segments,
        first=model.first,
        now=now,
        effort=case.effort(),
        visible=model.visible,
        next_sweep_width_m=width_m,
        speed_m_s=speed_m_s,
    )
    best = max(rows, key=lambda row: row.next_best)
    finds = [f for record in records for f in record.finds]
    notes = [*model.notes, *(n for record in records for n in record.notes)]
    notes.append(
        "the map moves by the lower end of the POD band, the exponential law; the upper end is the inverse "
        "cube law"
    )
    if not records:
        notes.append("nothing was searched yet")
    return Status(
        name=case.case.name,
        segments=tuple(rows),
        rest_before=model.first.rest,
        rest_after=now.rest,
        success=case.success_band(),
        images=_images(records),
        finds=tuple(f for f in finds if f.decision in ("person", "clue")),
        undecided=sum(f.decision in ("undecided", "unsure") for f in finds),
        next_best=best.name if best.next_best > 0 else "",
        next_basis=basis,
        updates=tuple(records),
        notes=tuple(dict.fromkeys(notes)),
    )


def _next_flight(case: CaseFolder, records: list[UpdateRecord]) -> tuple[float, float, str]:
    """Sweep width in the open [m], speed [m/s], and in words what they come from."""
    for drone in case.case.drones:
        if drone.height.datum is AltitudeDatum.AMSL:
            continue
        try:
            curve = lateral_range(
                drone.camera, drone.height.value_m, case.model.curve, posture=case.case.missing.posture
            )
        except PlanningError:
            continue
        width_m = curve.sweep_width_m
        basis = Message(
            "{drone} at {height_m:g} m and {speed_m_s:g} m/s, W {width_m:.0f} m in the open",
            drone=drone.name,
            height_m=drone.height.value_m,
            speed_m_s=drone.speed_m_s,
            width_m=width_m,
        )
        return width_m, drone.speed_m_s, basis
    if records:
        width_m = records[-1].sweep_width_m
        basis = Message(
            "W {width_m:.0f} m as flown last, {speed_m_s:g} m/s",
            width_m=width_m,
            speed_m_s=_DEFAULT_SPEED_M_S,
        )
        return width_m, _DEFAULT_SPEED_M_S, basis
    return 0.0, _DEFAULT_SPEED_M_S, Message("the case names no drone")


def _images(records: list[UpdateRecord]) -> ImagesRow:
    keys = ImagesRow.model_fields
    return ImagesRow(**{key: sum(getattr(r.images, key) for r in records) for key in keys})
