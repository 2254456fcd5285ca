"""From a flown ledger, a search through its photographs and their review to one update of a case's map."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.errors import UsageError
from airbeat.flight.casefolder import CaseFolder, FindRow, ImagesRow, LedgerRow, LeftOutRow, UpdateRecord
from airbeat.flight.ground_searched import GroundSearched, Shown, search_ground
from airbeat.flight.ledger import LedgerFile, read_ledger
from airbeat.flight.reviews import Counted, Decision, ReviewState, count_frames
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.locate.relief import TerrainGround, terrain_ground
from airbeat.report.searched import SYNTHETIC, FrameRow, SearchResults, read_search_results
from airbeat.search.grid import ProbabilityMap
from airbeat.search.pod import updated
from airbeat.search.sweepwidth import GSD_MAX_M_PX, gsd_advice

__all__ = ["UpdateResult", "assumptions", "update_case"]

Array = npt.NDArray[np.float64]

_ASSUMES = (
    "POD assumes {ground}; a person who does not move; looks from one direction counted once; flights "
    "independent of one another; this area is not cleared"
)
_LEVEL = "ground as high as stated with each photograph, level within it"
EXERCISE = "Exercise: synthetic photographs of a simulated flight; nothing of this was searched in truth."
_FLAT = "height above the take-off place from the photographs, ground level there"
_GROUND = "height above the take-off place from the photographs, ground heights stated with them"
_MODEL = "height above the take-off place from the photographs, ground heights from {name}"
_ONE_HEIGHT_M = 1.0
"""Take-off places whose heights differ by less are one for the heights of photographs."""


def assumptions(case: CaseFolder) -> str:
    """What a case's numbers assume, one sentence."""
    terrain = case.case.terrain
    ground = _LEVEL if terrain is None else f"ground as high as in {terrain.name}"
    if case.case.flat_beyond:
        ground += ", flat where it has no heights"
    return _ASSUMES.format(ground=ground)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateResult:
    """An update that was written.

    Attributes:
        record: as written.
        path: its file.
        before: the map before it (without the update that it replaces).
        after: the map after it.
        success: POS of this update, lower and upper end.
    """

    record: UpdateRecord
    path: Path
    before: ProbabilityMap
    after: ProbabilityMap
    success: tuple[float, float]


def update_case(
    case: CaseFolder,
    *,
    ledgers: Sequence[Path],
    candidates_json: Path,
    review: ReviewState,
    reviews_sha256: str,
    looked_through: frozenset[str],
    made_utc: datetime,
    force: bool = False,
) -> UpdateResult:
    """Count a flight's reviewed photographs and append the update to the case.

    Args:
        case: the case.
        ledgers: ``ledger.json`` of the flights: what was photographed.
        candidates_json: what ``airbeat detect`` wrote of their photographs.
        review: what people decided.
        reviews_sha256: hash of where that was read, or "".
        looked_through: names of photographs that people looked through whole, beside those in ``review``.
        made_utc: now.
        force: whether photographs coarser than 10 cm may count; else they are left out.

    Raises:
        InputFileError: a file cannot be used.
        UsageError: nothing new to count: the update was made already, or no photograph counts.
    """
    results = read_search_results(candidates_json)
    flown = [(path, read_ledger(path)) for path in ledgers]
    whole = ReviewState(
        frames=review.frames | looked_through,
        decisions=review.decisions,
        notes=review.notes,
        reviewers=review.reviewers,
    )
    counted = count_frames(results, whole, measured=case.model.curve.measured)
    replaces = _not_counted_yet(case, counted)
    ground = search_ground(
        case.model,
        [Shown(meta=r.meta(), ground_height_m=r.ground_height_above_home_m) for r in counted.rows],
        case.case.missing.posture,
        terrain=_relief(case, flown),
        coarsest_gsd_m_px=math.inf if force else GSD_MAX_M_PX,
    )
    _refuse_useless(counted, ground)
    given = _Given(flown, results, counted, ground, whole)
    record = _record(case, given, candidates_json, replaces).model_copy(
        update={
            "made_utc": made_utc.astimezone(UTC).isoformat(timespec="seconds"),
            "reviews_sha256": reviews_sha256,
        }
    )
    before = _map_without(case, replaces)
    arrays = _arrays(ground)
    path = case.append(record, arrays)
    poa = before.poa
    return UpdateResult(
        record=case.updates[-1].record,
        path=path,
        before=before,
        after=case.current(),
        success=(float((poa * arrays["pod_low"]).sum()), float((poa * arrays["pod_high"]).sum())),
    )


def _relief(case: CaseFolder, flown: Sequence[tuple[Path, LedgerFile]]) -> TerrainGround | None:
    """The case's height model with the height of the place that the flights took off from; None without one.

    Raises:
        UsageError: nobody says where the flights took off, or they took off at different heights.
        TerrainError: the model has no height there.
    """
    terrain = case.case.terrain
    if terrain is None:
        return None
    homes = [LatLon(lat_deg=f.home.lat_deg, lon_deg=f.home.lon_deg) for _, f in flown if f.home is not None]
    if len(homes) < len(flown):
        if len(case.case.launches) != 1:
            raise UsageError(
                "a ledger does not say where its flight took off, which the height model needs",
                remedy="write the ledger anew: airbeat ledger",
            )
        homes = [case.case.launches[0].position]
    grounds = [terrain_ground(terrain, (), home=home) for home in homes]
    heights = [ground.home_height_m for ground in grounds]
    if max(heights) - min(heights) > _ONE_HEIGHT_M:
        raise UsageError(
            f"the flights took off at different heights ({min(heights):.0f} to {max(heights):.0f} m by "
            f"{terrain.name}), and photographs say their height above the take-off place",
            remedy="update the case flight by flight, each with its own photographs",
        )
    return grounds[0]


def _arrays(ground: GroundSearched) -> dict[str, Array]:
    return {
        "coverage": ground.searched.coverage,
        "pod_low": ground.searched.pod_low,
        "pod_high": ground.searched.pod_high,
        "seen": ground.searched.seen,
        "length_m": ground.length_m,
        "swept_m2": ground.swept_m2,
    }


class _Given(NamedTuple):
    """What an update is made from."""

    flown: Sequence[tuple[Path, LedgerFile]]
    results: SearchResults
    counted: Counted
    ground: GroundSearched
    review: ReviewState

    @property
    def received(self) -> int:
        return len(self.results.frames) + len(self.results.not_searched)

    @property
    def expected(self) -> int:
        return sum(ledger.photos + len(ledger.unusable) for _, ledger in self.flown)

    @property
    def taken(self) -> tuple[datetime, datetime] | None:
        times = [row.time_utc for row in self.counted.rows if row.time_utc is not None]
        return (min(times), max(times)) if times else None


def _not_counted_yet(case: CaseFolder, counted: Counted) -> int | None:
    """The number of the earlier update that this one replaces, because more is reviewed now.

    Raises:
        UsageError: these photographs were counted already, or were part of several updates.
    """
    mine = [_identity(row) for row in counted.rows]
    if len(set(mine)) < len(mine):
        raise UsageError("the same photograph is in the search twice under two names", remedy="remove copies")
    sharing, shared = case.counted_before(mine)
    if not sharing:
        return None
    numbers = ", ".join(str(u.record.number) for u in sharing)
    if shared == set(mine):
        raise UsageError(
            f"all {len(mine)} photographs that count are in update {numbers} already; nothing was changed",
            remedy="review more photographs, or give another flight's",
        )
    earlier = set(sharing[0].record.frames_sha256)
    if len(sharing) > 1 or not earlier <= set(mine):
        raise UsageError(
            f"{len(shared)} of these photographs were counted in update {numbers} already, together with "
            "others that are not here",
            remedy="give the whole folder that the update was made of, or only new photographs",
        )
    return sharing[0].record.number


def _identity(row: FrameRow) -> str:
    return row.sha256 or hashlib.sha256(row.file.encode("utf-8", "surrogatepass")).hexdigest()


def _refuse_useless(counted: Counted, ground: GroundSearched) -> None:
    if not ground.outlines:
        reasons = [*counted.left_out, *ground.unusable]
        why = f", e.g. {reasons[0][0]}: {reasons[0][1]}" if reasons else ""
        raise UsageError(
            f"no photograph counts{why}; nothing was changed",
            remedy="say with --looked-through what people looked through; decided candidates alone count "
            "only where the case names a measured curve (detection: {curve: …}), and photographs coarser "
            "than 10 cm only with --force",
        )
    if not ground.searched.seen.any():
        raise UsageError(
            "none of the photographs that count shows any of the map; nothing was changed",
            remedy="give the flights of this case",
        )


def _map_without(case: CaseFolder, number: int | None) -> ProbabilityMap:
    now = case.model.first
    for update in case.counting:
        if update.record.number != number:
            now = updated(now, update.arrays["pod_low"])
    return now


def _record(case: CaseFolder, given: _Given, candidates_json: Path, replaces: int | None) -> UpdateRecord:
    counted, ground, taken = given.counted, given.ground, given.taken
    left_out = [*counted.left_out, *ground.unusable]
    source = _FLAT if all(row.ground_height_above_home_m == 0 for row in counted.rows) else _GROUND
    if case.case.terrain is not None:
        source = _MODEL.format(name=case.case.terrain.name)
    return UpdateRecord(
        number=0,
        made_utc="",
        previous_sha256="",
        arrays_sha256="",
        replaces=replaces,
        candidates_sha256=hashlib.sha256(candidates_json.read_bytes()).hexdigest(),
        ledgers=[
            LedgerRow(
                file=path.name,
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                plan_name=ledger.plan_name,
                counted_by=ledger.counted_by,
                photos=ledger.photos,
            )
            for path, ledger in given.flown
        ],
        images=ImagesRow(
            expected=given.expected,
            received=given.received,
            searched_by_program=len(given.results.frames),
            reviewed=counted.reviewed,
            counted=len(ground.outlines),
            beside_the_map=ground.beside,
        ),
        frames_sha256=sorted(_identity(row) for row in counted.rows),
        left_out=[LeftOutRow(file=file, reason=reason) for file, reason in left_out],
        method=counted.method,
        reviewers=list(given.review.reviewers),
        curve=case.model.curve.name,
        detector=f"{given.results.detector.name}, score at least {given.results.detector.threshold:.2f}",
        gsd_m_px=ground.gsd_m_px,
        heights_m=ground.heights_m,
        altitude_source=source,
        taken_utc=None if taken is None else (taken[0].isoformat(), taken[1].isoformat()),
        sweep_width_m=ground.sweep_width_m,
        gap_area_m2=sum(_area_m2(ledger) for _, ledger in given.flown),
        finds=_finds(given.results, given.review),
        footprints=[_corners(outline) for outline in ground.outlines],
        notes=_notes(case, given, replaces),
    )


def _notes(case: CaseFolder, given: _Given, replaces: int | None) -> list[str]:
    notes = [assumptions(case), f"detection curve: {case.model.curve.name}"]
    if any(SYNTHETIC in row.software for row in given.counted.rows):
        notes.insert(0, EXERCISE)
    missing = given.expected - given.received
    if missing > 0:
        notes.append(f"{missing} of {given.expected} photographs taken were not received: not searched")
    elif missing < 0:
        notes.append(f"{-missing} photographs more than the ledgers have: are all ledgers given?")
    if given.ground.gsd_m_px is not None and (advice := gsd_advice(given.ground.gsd_m_px[1])):
        notes.append(advice)
    if given.taken is None:
        notes.append(
            "the photographs do not say when they were taken: track length is in order of their names"
        )
    if replaces is not None:
        notes.append(f"replaces update {replaces}, of which it counts all photographs and more")
    return notes


def _area_m2(ledger: LedgerFile) -> float:
    gaps = ledger.gap_geometry()
    return 0.0 if gaps.is_empty else float(LocalFrame.around(gaps).to_local(gaps).area)


def _corners(outline: shapely.Polygon) -> list[tuple[float, float]]:
    return [(round(lon, 7), round(lat, 7)) for lon, lat in outline.exterior.coords[:-1]]


def _finds(results: SearchResults, review: ReviewState) -> list[FindRow]:
    """Every candidate with what people said of it; "undecided" where they said nothing."""
    return [
        FindRow(
            id=row.id,
            decision=_word(review.decisions.get(row.id)),
            lat_deg=row.lat_deg,
            lon_deg=row.lon_deg,
            ce90_m=row.ce90_m,
            score=row.score,
            note=review.notes.get(row.id, ""),
        )
        for row in results.candidates
    ]


def _word(decision: Decision | None) -> str:
    return "undecided" if decision is None else decision.value
