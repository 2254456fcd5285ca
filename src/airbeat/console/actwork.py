"""What the console does in processes of its own: planning, searching photographs, the embedded vehicle.

A process can be ended at any moment, and what computes there holds up no key pressed at a desk. Each says by
a pipe how far it is; when the console is gone the pipe closes, and the process ends too.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from airbeat.console.actdrawing import ReadFile, is_text, read_upload
from airbeat.errors import AirbeatError, InputFileError, PlanningError, UsageError
from airbeat.flight.planned import PlannedMission
from airbeat.language.words import Message

__all__ = ["EmbeddedProcess", "Told", "in_process", "plan_text", "read_apart", "search_photographs"]

_CONTEXT = multiprocessing.get_context("spawn")
_LOOK_S = 0.1
_READY_S = 300.0
_READ_S = 60.0
Told = Callable[[float, str], None]
"""Takes the share done, 0…1, and what is being done."""


class _GoneError(Exception):
    """The console is gone: nobody waits for this work."""


def in_process(target: Callable[..., Any], *arguments: Any, told: Told) -> Any:
    """Call a function in a process of its own.

    Args:
        target: of a module; gets the arguments, and last a ``Told``.
        arguments: what can be sent to a process.
        told: called here with how far it is; what it raises ends the process.

    Returns:
        What the function returned.

    Raises:
        AirbeatError: what the function raised, or that its process died.
    """
    here, there = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_call, args=(there, target, arguments))
    process.start()
    there.close()
    share, label = 0.0, ""
    try:
        while True:
            if not here.poll(_LOOK_S):
                told(share, label)
                continue
            kind, value = here.recv()
            if kind == "told":
                share, label = value
                told(share, label)
            elif kind == "done":
                return value
            else:
                raise value
    except EOFError:
        raise AirbeatError("the process that did this died", remedy="try again") from None
    finally:
        here.close()
        process.terminate()
        process.join(10.0)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()


def _call(pipe: Connection, target: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the console's Ctrl-C ends this by the pipe

    def told(share: float, label: str) -> None:
        try:
            pipe.send(("told", (share, label)))
        except OSError as error:
            raise _GoneError from error

    try:
        result = ("done", target(*arguments, told))
    except _GoneError:
        return
    except AirbeatError as error:
        result = ("failed", _sendable(error))
    except Exception as error:  # noqa: BLE001 - said by the console, which knows of nothing more
        result = (
            "failed",
            AirbeatError(
                Message("internal error: {kind}: {error}", kind=type(error).__name__, error=str(error))
            ),
        )
    with contextlib.suppress(OSError):  # the console is gone
        pipe.send(result)


def _sendable(error: AirbeatError) -> AirbeatError:
    """An error that can be sent to another process: its words and its kind, without what it holds beside."""
    from airbeat.console.jobs import error_words
    from airbeat.errors import MissionFileError

    words = error_words(error) if isinstance(error, MissionFileError) else error.message
    remedy = "" if isinstance(error, MissionFileError) else error.remedy
    for kind in (PlanningError, InputFileError, UsageError):
        if isinstance(error, kind):
            return kind(words) if not remedy else _with_remedy(kind(words), remedy)
    return _with_remedy(AirbeatError(words), remedy)


def _with_remedy(error: AirbeatError, remedy: str) -> AirbeatError:
    error.remedy = remedy
    return error


def plan_text(text: str, name: str, folder: Path, told: Told) -> PlannedMission:
    """Plan the text of a mission file: what ``airbeat plan`` does.

    Args:
        text: the mission file's.
        name: its name, for the plan's provenance.
        folder: where it lies.
        told: how far it is.

    Raises:
        MissionFileError: the mission is wrong.
        PlanningError: no safe plan exists for it.
    """
    from airbeat.flight.planned import planned
    from airbeat.mission.loader import parse_mission

    mission = parse_mission(text, name=name, base_dir=folder)
    return planned(mission, fence=mission.fence, progress=lambda share: told(share, "planning"))


def read_apart(content: bytes) -> ReadFile:
    """What an uploaded file draws; one that only a library of other people's can read, in another process.

    Raises:
        InputFileError: it draws nothing, is wrong, or names another file.
        AirbeatError: reading it takes too long, or kills the process.
    """
    if is_text(content):
        return read_upload(content)
    ends_s = time.monotonic() + _READ_S

    def told(_share: float, _label: str) -> None:
        if time.monotonic() > ends_s:
            raise InputFileError("reading the file takes too long", remedy="export it as GeoJSON")

    found: ReadFile = in_process(_read, content, told=told)
    return found


def _read(content: bytes, _told: Told) -> ReadFile:
    return read_upload(content)


def search_photographs(
    photographs: Path, out_dir: Path, log: Path | str, actor: str, told: Told
) -> dict[str, int]:
    """Search a folder of photographs into the operation's folder, and tell its log.

    Args:
        photographs: the folder.
        out_dir: where ``candidates.json`` goes.
        log: the operation's log.
        actor: who wanted it.
        told: how far it is.

    Returns:
        ``frames``, ``refused`` and ``candidates``.

    Raises:
        FrameError: there are no photographs.
        UsageError: the folder cannot be written, or holds the results of another search.
    """
    from airbeat.detect.run import detect_folder
    from airbeat.ops.happenings import Happening
    from airbeat.ops.log import OperationsLog
    from airbeat.ops.recorder import Recorder
    from airbeat.report.recorded import recorded_search
    from airbeat.report.searched import read_search_results

    earlier = out_dir / "candidates.json"
    if earlier.is_file():
        source = read_search_results(earlier).source
        if Path(source).resolve() != photographs.resolve():
            raise UsageError(
                Message(
                    "{out_dir} holds what a search of {source} found",
                    out_dir=out_dir,
                    source=source or Message("other photographs"),
                ),
                remedy="search these into another folder: airbeat detect",
            )
    with OperationsLog(log) as opened:
        recorder = Recorder(opened, actor=actor)
        recorder.tell(Happening.SEARCH_BEGUN, source=str(photographs))
        run = detect_folder(
            photographs,
            out_dir=out_dir,
            progress=lambda done, of: told(done / max(of, 1), f"searched {done} of {of}"),
        )
        recorded_search(recorder, run)
    return {"frames": len(run.frames), "refused": len(run.refused), "candidates": len(run.candidates)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exercise:
    """What an embedded vehicle is started with."""

    text: str
    name: str
    folder: Path
    photographs: Path
    truth: Path
    speedup: float
    seed: int


class EmbeddedProcess:
    """The project's embedded vehicle with its camera, in a process of its own.

    Args:
        text: the mission file's, for home, airframe, camera and ground.
        name: its name.
        folder: where it lies.
        photographs: a new folder for the photographs.
        truth: the file that says, after the flight, where people were; no detector reads it.
        speedup: simulated seconds per second; 0 as fast as it can.
        seed: of ground, people and gusts.

    Attributes:
        url: where it is reached.
        note: why it takes no photographs, or "".
    """

    def __init__(
        self,
        *,
        text: str,
        name: str,
        folder: Path,
        photographs: Path,
        truth: Path,
        speedup: float,
        seed: int = 0,
    ) -> None:
        exercise = _Exercise(
            text=text,
            name=name,
            folder=folder,
            photographs=photographs,
            truth=truth,
            speedup=speedup,
            seed=seed,
        )
        self.photographs = photographs
        self.url = self.note = ""
        self._pipe, there = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_embedded, args=(there, exercise), daemon=True)
        self._process.start()
        there.close()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.is_alive()

    def wait_until_ready(self, told: Told) -> None:
        """Wait until it can be connected to.

        Raises:
            AirbeatError: it does not start.
        """
        ends_s = time.monotonic() + _READY_S
        while not self.url:
            told(0.0, "starting the embedded vehicle")
            kind, value = self._receive(_LOOK_S)
            if kind == "ready":
                self.url, self.note = value
            elif kind == "failed":
                raise value
            elif time.monotonic() > ends_s:
                raise AirbeatError("the embedded vehicle does not start", remedy="try again")

    def finish(self, told: Told) -> int:
        """End the flight's vehicle; wait for the photographs that are still drawn. How many there are.

        Raises:
            AirbeatError: photographs could not be written, or the vehicle broke.
        """
        with contextlib.suppress(OSError):  # it is gone: said below
            self._pipe.send("finish")
        while True:
            kind, value = self._receive(_LOOK_S)
            if kind == "done":
                self.close()
                return int(value)
            if kind == "failed":
                self.close()
                raise value
            if kind == "told":
                told(*value)

    def close(self) -> None:
        """End it at once."""
        self._pipe.close()
        self._process.terminate()
        self._process.join(10.0)

    def _receive(self, timeout_s: float) -> tuple[str, Any]:
        try:
            return self._pipe.recv() if self._pipe.poll(timeout_s) else ("", None)
        except (EOFError, OSError):
            return "failed", AirbeatError("the embedded vehicle's process died", remedy="try again")


def _embedded(pipe: Connection, exercise: _Exercise) -> None:
    """The process of an embedded vehicle: until told to finish, or until the console is gone."""
    from airbeat.mission.loader import parse_mission
    from airbeat.sim.vehicle.config import VehicleConfig
    from airbeat.sim.vehicle.server import EmbeddedVehicle

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        mission = parse_mission(exercise.text, name=exercise.name, base_dir=exercise.folder)
        config = VehicleConfig(
            home=mission.home,
            home_amsl_m=mission.home_amsl_m or 0.0,
            seed=exercise.seed,
            speedup=exercise.speedup,
            airframe=mission.airframe,
        )
        with _camera(mission, exercise) as (ground, camera, note):
            on_shot = camera.capture if camera is not None else None
            with EmbeddedVehicle(config, on_shot=on_shot) as vehicle:
                pipe.send(("ready", (vehicle.url, note)))
                pipe.recv()
            count = 0
            if camera is not None:
                while camera.pending:
                    pipe.send(("told", (camera.done / max(camera.captured, 1), "photographing")))
                    pipe.poll(_LOOK_S)
                count = len(camera.close())
                ground.write_truth(exercise.truth, camera.seen)
        pipe.send(("done", count))
    except (EOFError, BrokenPipeError):
        return
    except AirbeatError as error:
        with contextlib.suppress(OSError):
            pipe.send(("failed", _sendable(error)))


@contextmanager
def _camera(mission: Any, exercise: _Exercise) -> Iterator[tuple[Any, Any, str]]:
    """The ground and its camera; where there can be none, why."""
    from airbeat.sim.camera import EmbeddedCamera
    from airbeat.sim.exercise import exercise_ground, persons_for

    try:
        ground = exercise_ground(mission, seed=exercise.seed, persons=persons_for(mission))
        camera = EmbeddedCamera(ground, mission.camera, exercise.photographs)
    except (UsageError, PlanningError) as error:
        yield None, None, f"no photographs: {error.message}"
        return
    try:
        yield ground, camera, ""
    except BaseException:
        camera.abandon()
        raise
