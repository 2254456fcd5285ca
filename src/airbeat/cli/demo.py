"""``airbeat demo``: the whole way on a shipped exercise, from the mission file to the report."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.output import console, emit_json, json_option, progress_bar, table
from airbeat.errors import FindingsError, InputFileError, UsageError
from airbeat.language.words import Message, _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airbeat.detect.run import DetectionRun
    from airbeat.flight.record import FlightRecord
    from airbeat.mission.mission import Mission
    from airbeat.mission.plan import FlightPlan
    from airbeat.sim.camera import EmbeddedCamera
    from airbeat.sim.ground import Ground
    from airbeat.sim.score import DemoScore
    from airbeat.sim.shot import CameraShot
    from airbeat.sim.vehicle.config import TrackPoint

__all__ = ["command", "shipped_mission"]

MISSION_NAME = "demo-hillside.yaml"
MARKER = ".airbeat-demo"
"""Lies in every folder that the demo made, from the first moment."""


def shipped_mission(name: str) -> Path:
    """A mission file that ships with the package (or lies in the source tree's ``missions/``).

    Raises:
        InputFileError: there is none of that name.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "missions", package.parents[1] / "missions"):
        if (folder / name).is_file():
            return folder / name
    raise InputFileError(
        Message("no mission {name!r} ships with airbeat", name=name), remedy="reinstall airbeat"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flown:
    """What the exercise's flight left behind.

    Attributes:
        record: what the ground station saw.
        track: where the vehicle really was.
        shots: where its camera really was.
    """

    record: FlightRecord
    track: list[TrackPoint]
    shots: list[CameraShot]


def _fly(mission: Mission, plan: FlightPlan, ground: Ground, *, seed: int, out_dir: Path) -> _Flown:
    """Fly the plan on the embedded vehicle over TCP; photographs are drawn while it flies."""
    from airbeat.cli.fly import flight_bar
    from airbeat.flight.fly import fly_plan
    from airbeat.flight.record import FlightOutcome
    from airbeat.link.connection import connect
    from airbeat.sim.camera import EmbeddedCamera
    from airbeat.sim.vehicle.config import VehicleConfig
    from airbeat.sim.vehicle.server import EmbeddedVehicle

    camera = EmbeddedCamera(ground, mission.camera, out_dir / "photos")
    config = VehicleConfig(
        home=mission.home,
        home_amsl_m=mission.home_amsl_m or 0.0,
        seed=seed,
        speedup=0.0,
        wind_m_s=3.0,
        wind_from_deg=240.0,
        airframe=mission.airframe,
    )
    with _given_up_on_failure(camera):
        with EmbeddedVehicle(config, on_shot=camera.capture) as vehicle:
            with connect(vehicle.url) as link, flight_bar() as show:
                record = fly_plan(link, plan, confirmed=True, progress=show)
            track, shots = vehicle.track, list(vehicle.shots)
        _finish(camera)
    ground.write_truth(out_dir / "truth.json", camera.seen)
    record.save(out_dir / "flight.json")
    if record.outcome is not FlightOutcome.COMPLETED:
        raise FindingsError(
            Message(
                "the flight ended otherwise than planned: {explanation}",
                explanation=Message(record.explanation),
            )
        )
    return _Flown(record=record, track=track, shots=shots)


@contextmanager
def _given_up_on_failure(camera: EmbeddedCamera) -> Iterator[None]:
    """Ctrl-C and errors do not wait for photographs that nobody will look at."""
    try:
        yield
    except BaseException:
        click.echo(_("airbeat: stopping"), err=True)
        camera.abandon()
        raise


def _finish(camera: EmbeddedCamera) -> None:
    """Wait for the photographs that are still drawn."""
    with progress_bar(_("photographing")) as progress:
        while camera.pending:
            progress(camera.done / max(camera.captured, 1))
            time.sleep(0.1)
        camera.close()


def _detect(out_dir: Path) -> DetectionRun:
    from airbeat.detect.run import detect_folder

    with progress_bar(_("searching photographs")) as progress:
        return detect_folder(
            out_dir / "photos",
            out_dir=out_dir / "candidates",
            progress=lambda done, total: progress(done / max(total, 1)),
        )


def _score(run: DetectionRun, flown: _Flown, ground: Ground, mission: Mission) -> DemoScore:
    """Compare with the planted truth; this is the only step that knows it."""
    from airbeat.sim.score import FrameDetections, score

    boxes = {frame.meta.path.name: frame.detections.xyxy_px for frame in run.frames}
    missing = [s.index for s in flown.shots if f"DJI_{s.index:04d}.JPG" not in boxes]
    if missing:
        raise FindingsError(
            Message("photographs {missing} of the exercise were not searched", missing=missing)
        )
    return score(
        candidates=[
            (r.candidate.point.position, r.candidate.score)
            for r in run.candidates
            if r.candidate.point is not None
        ],
        frames=[
            FrameDetections(frame=name, shot=shot, xyxy_px=boxes[name])
            for shot in flown.shots
            for name in [f"DJI_{shot.index:04d}.JPG"]
        ],
        ground=ground,
        camera=mission.camera,
    )


def _report(
    plan: FlightPlan, out_dir: Path, figures: dict[str, Any]
) -> tuple[Path, float, tuple[tuple[str, str], ...]]:
    """Write the report from the files alone; its path, the coverage and the exercise's rows."""
    from airbeat.cli.report import gather, write_report
    from airbeat.report.content import Figure

    error = figures["median_position_error_m"]
    rows = (
        ("people planted", str(figures["persons_planted"])),
        ("of them with a candidate within 5 m", str(figures["persons_found"])),
        ("false candidates per photograph", f"{figures['false_candidates_per_frame']:.2f}"),
        ("median position error", "–" if error is None else f"{error:.2f} m"),
    )
    content = gather(
        plan,
        flights=[out_dir / "flight.json"],
        candidates_json=out_dir / "candidates" / "candidates.json",
        simulated=True,
        exercise_figures=tuple(Figure(label=label, value=value) for label, value in rows),
    )
    path = out_dir / "report.html"
    write_report(content, path, overwrite=False)
    coverage = content.searched.coverage_fraction if content.searched else None
    return path, coverage if coverage is not None else 0.0, rows


def run_demo(*, seed: int, out_dir: Path) -> tuple[dict[str, Any], tuple[tuple[str, str], ...]]:
    """Fly the exercise and write everything into ``out_dir``; its figures and rows for people.

    Raises:
        AirbeatError: a step failed.
    """
    from airbeat.checks.coverage import outside_fence_m
    from airbeat.cli.vet import vet
    from airbeat.formats.files import write_plan_files
    from airbeat.mission.loader import load_mission
    from airbeat.planning.plan import plan_mission
    from airbeat.report.planfigures import area_m2
    from airbeat.sim.exercise import exercise_ground

    started = time.perf_counter()
    path = shipped_mission(MISSION_NAME)
    mission = load_mission(path)
    with progress_bar(_("planning")) as progress:
        plan = plan_mission(mission, progress=progress)
    vet(plan, refused="not flown", as_json=True)
    write_plan_files(plan, out_dir / "plan", stem=path.stem)
    ground = exercise_ground(mission, seed=seed)
    flown = _fly(mission, plan, ground, seed=seed, out_dir=out_dir)
    run = _detect(out_dir)
    result = _score(run, flown, ground, mission)
    assert plan.fence is not None  # noqa: S101 - the shipped mission has one
    figures: dict[str, Any] = {
        "seed": seed,
        "area_km2": area_m2(plan) / 1e6,
        "coverage_fraction": 0.0,
        "outside_fence_m": outside_fence_m([p.position for p in flown.track], plan.fence),
        "planned_duration_s": plan.estimate.duration_s if plan.estimate else None,
        "flown_duration_s": flown.record.duration_s,
        "frames": len(run.frames),
        "persons_planted": result.persons_planted,
        "persons_found": result.persons_found,
        "candidates": result.candidates,
        "false_candidates_per_frame": result.false_candidates_per_frame,
        "median_position_error_m": result.median_position_error_m,
        "vehicle": flown.record.vehicle.name,
    }
    report, figures["coverage_fraction"], rows = _report(plan, out_dir, figures)
    figures |= {"wall_s": time.perf_counter() - started, "report": str(report)}
    return figures, rows


@click.command("demo")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of ground, people, wind and noise."
)
@click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("airbeat-demo"),
    show_default=True,
    help="New folder for everything the exercise makes.",
)
@click.option("--overwrite", is_flag=True, help="Delete what an earlier demo left in the folder.")
@json_option
def command(*, seed: int, out_dir: Path, overwrite: bool, as_json: bool) -> int:
    """Plan, fly, photograph, search and report an exercise, on the embedded vehicle (not ArduPilot).

    The ground and the people on it are synthetic; a scorer that the detector never sees says how many of
    them have a candidate. Under a minute on two cores.

    \b
    airbeat demo --seed 3 --out exercise
    """
    import shutil

    if out_dir.exists() and any(out_dir.iterdir()):
        if not overwrite:
            raise UsageError(
                Message("{folder} is not empty", folder=out_dir),
                remedy="name a new folder, or say --overwrite",
            )
        if not any((out_dir / name).is_file() for name in (MARKER, "truth.json")):
            raise UsageError(
                Message("{folder} was not made by the demo", folder=out_dir), remedy="name a new folder"
            )
        shutil.rmtree(out_dir)
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        (out_dir / MARKER).write_text(
            "made by airbeat demo, which may delete this folder\n", encoding="utf-8"
        )
    except OSError as error:
        raise UsageError(
            Message("{folder} cannot be written: {reason}", folder=out_dir, reason=error.strerror)
        ) from error
    figures, rows = run_demo(seed=seed, out_dir=out_dir)
    shown = (
        ("area", f"{figures['area_km2']:.3f} km²"),
        (
            "flown",
            _(
                "{flown_duration_s:.0f} s (planned {planned_duration_s:.0f} s)",
                flown_duration_s=figures["flown_duration_s"],
                planned_duration_s=figures["planned_duration_s"],
            ),
        ),
        ("outside the fence", f"{figures['outside_fence_m']:.1f} m"),
        ("photographs", str(figures["frames"])),
        (
            "inside a footprint",
            _("{coverage_fraction:.2%} of the area", coverage_fraction=figures["coverage_fraction"]),
        ),
        *rows,
        ("took", f"{figures['wall_s']:.0f} s"),
    )
    table(shown, as_json=as_json, title=_("Exercise on the embedded vehicle (not ArduPilot)"))
    console(as_json).print(_("report: {report}", report=figures["report"]))
    if as_json:
        emit_json(figures)
    return 0
