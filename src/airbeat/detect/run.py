"""A folder of photographs becomes candidates with places, written as JSON, GeoJSON and cut-outs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from airbeat.detect.candidates import Candidate, Look, LookTable, TiedBefore, tie
from airbeat.detect.catalogue import detector_named, smallest_score
from airbeat.detect.chances import ShownBefore, missed_in
from airbeat.detect.detections import Detector
from airbeat.detect.journal import Journal, RecordedFrames
from airbeat.detect.naming import LookKey, Names, by_rank, look_box
from airbeat.detect.records import FrameRefusal, SearchedFrame
from airbeat.detect.register import Register
from airbeat.detect.results import crop_name, write_results
from airbeat.detect.search import FrameTask, SearchSettings
from airbeat.detect.workers import Outcome, available_cores, searched
from airbeat.errors import FrameError, UsageError
from airbeat.frames.folder import as_text
from airbeat.frames.meta import FrameMeta
from airbeat.frames.sources import FolderSource, FrameSource, ListedFrames
from airbeat.language.words import Message
from airbeat.locate.accuracy import ErrorBudget, GroundPoint
from airbeat.locate.relief import TerrainGround

__all__ = [
    "WORK",
    "CandidateRecord",
    "DetectionRun",
    "Search",
    "Searching",
    "detect_folder",
    "detect_frames",
    "detect_source",
    "on_this_machine",
    "search_settings",
]

WORK = "work"
"""Folder in the output folder that holds what is finished; it may be deleted once a run is done."""

Naming = Callable[[Sequence[Iterable[LookKey]]], list[str]]
"""Gives candidates, best first, their names by their looks; see `airbeat.detect.naming`."""

_FLAT = "flat ground at ground_height_above_home_m of each frame"


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRecord:
    """A person candidate as it is handed on. Nobody has confirmed it.

    Attributes:
        id: "C001" for the best, and so on; as `airbeat.detect.naming` says while more comes in.
        candidate: its looks and its place.
        boxes: SHA-256 of the frame, and box [px], of each look.
        ground_amsl_m: height of the ground above sea level by each look's frame [m], None where it says none.
        missed_in: numbers of the frames that show the place and have no look at it.
        crop: cut-out of its best look.
        crop_at: where that lies in the journal's cut-outs.
    """

    id: str
    candidate: Candidate
    boxes: tuple[tuple[str, tuple[float, float, float, float]], ...]
    ground_amsl_m: tuple[float | None, ...]
    missed_in: tuple[int, ...]
    crop: Path
    crop_at: tuple[int, int]

    @property
    def covered_by(self) -> int:
        """How many searched frames show the place, those that saw nothing there included."""
        return len(self.candidate.looks) + len(self.missed_in)


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionRun:
    """What came out of a search.

    Attributes:
        source: what was searched, as it was named.
        ground: what was taken for the ground.
        frames: the frames that were searched, in order; each is read from the disk when it is asked for.
        refused: those that were not, with the reason.
        duplicates: files with the same bytes as another, and that one, by their names.
        candidates: best score first.
        threshold: boxes scoring less were left out.
        detector: name of the detector.
        json_path: `candidates.json`.
        geojson_path: `candidates.geojson`.
        boxes: boxes in all frames, before they were tied.
        boxes_without_place: boxes that could not be put on the ground, each a candidate of its own.
        reused: how many frames an earlier run with the same settings had finished.
        ignored: how many files are no photographs or videos by their name.
        folders: folders that were not looked into.
        names_given: how many names candidates were ever given, where they keep them; else None.
    """

    source: str
    ground: str
    frames: RecordedFrames
    refused: tuple[FrameRefusal, ...]
    duplicates: tuple[tuple[str, str], ...]
    candidates: tuple[CandidateRecord, ...]
    threshold: float
    detector: str
    json_path: Path
    geojson_path: Path
    boxes: int
    boxes_without_place: int
    reused: int
    ignored: int
    folders: tuple[str, ...]
    names_given: int | None = None

    @property
    def names(self) -> list[str]:
        """Each frame's name, in order."""
        return [name for _, name, _ in self.frames.entries]


def detect_folder(folder: Path, *, out_dir: Path, **options: Any) -> DetectionRun:
    """Search the photographs of a folder, and of those below it, and write what was found.

    Args:
        folder: where the photographs are.
        out_dir: as for `detect_source`.
        options: as for `detect_frames`.

    Raises:
        FrameError: the folder cannot be read or holds no photographs.
        UsageError: options contradict one another, or `out_dir` cannot be written.
    """
    source = FolderSource(
        name=str(folder), folder=folder, frames_dir=out_dir / "frames", leave_out=(out_dir,)
    )
    return _detect(source, out_dir=out_dir, **options)


def detect_frames(frames: Iterable[FrameMeta], *, out_dir: Path, **options: Any) -> DetectionRun:
    """Search frames as they come, tie the boxes into candidates and write the results.

    Args:
        frames: any iterable; it may wait for the next photograph of a flight that goes on.
        out_dir: as for `detect_source`.
        options: those of `search_settings`, and ``workers``, ``progress`` and ``overwrite`` of
            `detect_source`.

    Raises:
        UsageError: options contradict one another, or `out_dir` cannot be written.
    """
    total = len(frames) if isinstance(frames, list | tuple) else 0
    return _detect(ListedFrames(name="frames", metas=iter(frames), total=total), out_dir=out_dir, **options)


def _detect(
    source: FrameSource,
    *,
    out_dir: Path,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    overwrite: bool = True,
    **options: Any,
) -> DetectionRun:
    settings = search_settings(**options)
    return detect_source(
        source, settings, out_dir=out_dir, workers=workers, progress=progress, overwrite=overwrite
    )


def search_settings(
    *,
    detector: Detector | str = "auto",
    threshold: float | None = None,
    max_false_per_frame: float | None = None,
    gsd_m_px: float | None = None,
    modality: str | None = None,
    ground_height_m: float | Callable[[FrameMeta], float] = 0.0,
    budget: ErrorBudget | None = None,
    terrain: TerrainGround | None = None,
) -> SearchSettings:
    """Put together what frames are searched with.

    Args:
        detector: a detector, or the name of one in `airbeat.detect.catalogue`.
        threshold: smallest score of a box; default the detector's own.
        max_false_per_frame: choose the named detector's threshold from its measured curve instead.
        gsd_m_px: ground sampling distance given by hand, used instead of the frames' metadata [m/px].
        modality: "rgb" or "thermal" by hand, instead of what each frame says.
        ground_height_m: height of the ground above home [m], or a function that says it for a frame (the
            ground under its camera), picklable where there is more than one worker.
        budget: what the positions' errors are propagated from.
        terrain: a height model instead of flat ground, see `airbeat.detect.prepare`.

    Raises:
        UsageError: options contradict one another.
    """
    if threshold is not None and max_false_per_frame is not None:
        raise UsageError("a threshold and a rate of false candidates exclude each other", remedy="give one")
    if max_false_per_frame is not None and not isinstance(detector, str):
        raise UsageError("no false-candidate curve was measured for this detector", remedy="give a threshold")
    if gsd_m_px is not None and not (math.isfinite(gsd_m_px) and 0.001 <= gsd_m_px <= 1.0):
        raise UsageError(
            Message("GSD {gsd_m_px} m/px is outside 0.001…1", gsd_m_px=gsd_m_px),
            remedy="give metres per pixel",
        )
    if threshold is not None and not 0 <= threshold <= 1:
        raise UsageError(Message("threshold {threshold} is outside 0…1", threshold=threshold))
    if not (callable(ground_height_m) or math.isfinite(ground_height_m)):
        raise UsageError(
            Message("a ground height of {ground_height_m} m", ground_height_m=ground_height_m),
            remedy="give metres above the take-off place",
        )
    if modality not in {None, "rgb", "thermal"}:
        raise UsageError(Message("no modality {modality!r}", modality=modality), remedy="give rgb or thermal")
    name = detector if isinstance(detector, str) else type(detector).__name__
    if isinstance(detector, str):
        detector = detector_named(detector, threshold=threshold, max_false_per_frame=max_false_per_frame)
        threshold = smallest_score(detector)
    return SearchSettings(
        detector=detector,
        detector_name=name,
        threshold=0.0 if threshold is None else threshold,
        gsd_m_px=gsd_m_px,
        modality=modality,
        ground_height_m=ground_height_m,
        budget=budget or ErrorBudget(),
        terrain=terrain,
    )


Searching = Callable[[Iterable[FrameTask | None], SearchSettings], Iterator[tuple[FrameTask, Outcome]]]
"""Searches frames as they come, wherever that is done; see `airbeat.detect.workers.searched`."""


def detect_source(
    source: FrameSource,
    settings: SearchSettings,
    *,
    out_dir: Path,
    workers: int | None = None,
    searching: Searching | None = None,
    progress: Callable[[int, int], None] | None = None,
    overwrite: bool = True,
) -> DetectionRun:
    """Search what a source gives, tie the boxes into candidates and write the results.

    What is finished is kept in ``out_dir/work``: a run with the same settings that is started again, after
    whatever end, goes on where the last one was, and its results are the same to the byte.

    Args:
        source: gives the frames.
        settings: what they are searched with.
        out_dir: where `candidates.json`, `candidates.geojson` and `crops/` go; made if missing.
        workers: processes; default one for each processor.
        searching: searches them elsewhere than in processes of this machine.
        progress: called after each frame with (done, of); "of" may grow.
        overwrite: whether results of an earlier run may be replaced.

    Raises:
        FrameError: the source holds no frames, or cannot be read.
        UsageError: `out_dir` cannot be written, holds results that may not be replaced, or is in use.
    """
    searching = searching or on_this_machine(workers)
    json_path = out_dir / "candidates.json"
    if not overwrite and json_path.exists():
        raise UsageError(
            Message("{path} exists already", path=json_path),
            remedy="choose another folder, or say --overwrite to replace it",
        )
    if isinstance(source, FolderSource):
        source.listing()  # a folder that cannot be read is refused before anything is made
    journal = Journal(out_dir / WORK, settings.key())
    try:
        search = Search(source, settings, out_dir=out_dir, journal=journal)
        register = search.register
        for task, outcome in searching(register.tasks(source, progress), settings):
            register.take(task, outcome)
            if progress is not None:
                progress(register.finished, max(source.total, register.finished))
        if not (register.finished or source.refused or isinstance(source, ListedFrames)):
            raise FrameError(
                "no photographs here", where=source.name, remedy="name a folder with photographs or videos"
            )
        return search.written(overwrite=overwrite)
    finally:
        journal.close()


def on_this_machine(workers: int | None) -> Searching:
    """Search in processes of this machine.

    Args:
        workers: how many; None for one for each processor.

    Raises:
        UsageError: less than one.
    """
    if workers is not None and workers < 1:
        raise UsageError(Message("{workers} workers cannot search", workers=workers), remedy="give 1 or more")
    return partial(searched, workers=workers or available_cores())


class Search:
    """A search under way, whose results so far can be written at any time.

    Args:
        source: gives the frames.
        settings: what they are searched with.
        out_dir: where results go.
        journal: of that folder.
        names: gives candidates their names, best first, by their looks.
        again: whether results are written again and again; what then stays the same is kept in memory.

    Attributes:
        register: which frames are done.
    """

    def __init__(
        self,
        source: FrameSource,
        settings: SearchSettings,
        *,
        out_dir: Path,
        journal: Journal,
        names: Naming = by_rank,
        again: bool = False,
    ) -> None:
        self.register = Register(journal)
        self._source = source
        self._settings = settings
        self._out_dir = out_dir
        self._journal = journal
        self._names = names
        self._memory = _Memory() if again else None

    def counts(self) -> tuple[int, ...]:
        """What a result depends on, in numbers that change with it."""
        register = self.register
        return (register.changes, len(register.refused), len(register.duplicates), len(self._source.refused))

    def written(self, *, overwrite: bool = True) -> DetectionRun:
        """Tie what was found so far into candidates, and write them.

        Raises:
            UsageError: results exist and may not be replaced, or the folder cannot be written.
        """
        source, settings, register = self._source, self._settings, self.register
        frames = register.frames()
        if self._memory is not None:
            frames = replace(frames, kept=self._memory.frames)
        looks = _Looks(frames, settings.terrain)
        candidates = looks.records(
            frames, self._out_dir, self._journal, self._names, self._memory or _Memory()
        )
        refused = [*register.refused, *(FrameRefusal(path=p, name=n, reason=r) for n, p, r in source.refused)]
        run = DetectionRun(
            source=as_text(source.name),
            ground=_FLAT if settings.terrain is None else f"height model {settings.terrain.terrain.name}",
            frames=frames,
            refused=tuple(sorted(refused, key=lambda r: r.name)),
            duplicates=tuple(sorted(register.duplicates)),
            candidates=tuple(candidates),
            threshold=settings.threshold,
            detector=settings.detector_name,
            json_path=self._out_dir / "candidates.json",
            geojson_path=self._out_dir / "candidates.geojson",
            boxes=len(looks.table),
            boxes_without_place=looks.unplaced,
            reused=register.reused,
            ignored=source.ignored,
            folders=source.left_out,
            names_given=self._names.given if isinstance(self._names, Names) else None,
        )
        write_results(run, lambda record: self._journal.crop(record.crop_at), overwrite=overwrite)
        return run


@dataclass(frozen=True, slots=True)
class _About:
    """What a candidate tells of one of its looks, beside the look itself."""

    sha256: str
    xyxy_px: tuple[float, float, float, float]
    ground_amsl_m: float | None
    crop: tuple[int, int]


class _Memory:
    """What of a search's results need not be worked out again when more frames come."""

    def __init__(self) -> None:
        self.frames: dict[int, SearchedFrame] = {}
        self.tied = TiedBefore()
        self.shown = ShownBefore()


class _Looks:
    """All boxes of the frames, read once."""

    def __init__(self, frames: RecordedFrames, terrain: TerrainGround | None) -> None:
        self._terrain = terrain
        self.table = LookTable()
        self.unplaced = 0
        self._about: dict[tuple[int, int], _About] = {}
        for number, frame in enumerate(frames):
            for j, box in enumerate(frame.boxes):
                self.unplaced += box.point is None
                self.table.add(
                    Look(frame=number, box=j, score=box.score, point=box.point, appearance=box.appearance)
                )
                ground_m = _ground_amsl_m(frame.meta, box.point, terrain)
                self._about[number, j] = _About(frame.meta.sha256, box.xyxy_px, ground_m, box.crop)

    def records(
        self,
        frames: RecordedFrames,
        out_dir: Path,
        journal: Journal,
        names: Naming,
        memory: _Memory,
    ) -> list[CandidateRecord]:
        """The looks tied into candidates, best first."""
        memory.tied.begin([(about.sha256, box) for (_, box), about in self._about.items()])
        candidates = tie(self.table, before=memory.tied)
        abouts = [[self._about[look.frame, look.box] for look in c.looks] for c in candidates]
        named = names([[(a.sha256, look_box(a.xyxy_px)) for a in about] for about in abouts])
        missed_by_all = missed_in(frames, candidates, terrain=self._terrain, before=memory.shown)
        records = []
        for name, candidate, about, missed in zip(named, candidates, abouts, missed_by_all, strict=True):
            records.append(
                CandidateRecord(
                    id=name,
                    candidate=candidate,
                    boxes=tuple((a.sha256, a.xyxy_px) for a in about),
                    ground_amsl_m=tuple(a.ground_amsl_m for a in about),
                    missed_in=tuple(missed),
                    crop=out_dir / "crops" / crop_name(name, journal.crop(about[0].crop)),
                    crop_at=about[0].crop,
                )
            )
        return records


def _ground_amsl_m(meta: FrameMeta, point: GroundPoint | None, terrain: TerrainGround | None) -> float | None:
    """Height of the ground at a place above sea level [m]: the model's, or by the aircraft's two heights."""
    if point is None or point.ground_height_m is None:
        return None
    if terrain is not None:
        return terrain.home_height_m + point.ground_height_m
    if meta.amsl_m is None or meta.height_above_home_m is None:
        return None
    return meta.amsl_m - meta.height_above_home_m + point.ground_height_m
