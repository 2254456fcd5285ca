"""Drawing, planning, exporting, uploading, flying and dispatching from the pages.

Everything that moves a vehicle has its routes in one place, and a console started with ``--no-control``
refuses all of them. Nothing flies before somebody has typed the vehicle's name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from airbeat.console.actdrawing import PATTERN_NEEDS, Choices, Drawing, fence_of, mission_text
from airbeat.console.actflight import EMBEDDED
from airbeat.console.actplans import AIRCRAFT_KEYS, FORMAT_KEYS
from airbeat.console.actstate import Act
from airbeat.console.actwork import read_apart
from airbeat.console.bodies import Body, read_body, who
from airbeat.console.desk import Unknown
from airbeat.console.jobs import Busy, Job, error_words
from airbeat.console.words import language_of
from airbeat.errors import AirbeatError
from airbeat.language.words import speaking, translated
from airbeat.ops.happenings import Happening
from airbeat.vehicle.airframe import AIRFRAMES
from airbeat.vehicle.camera import CAMERAS

__all__ = ["act_routes"]

_HERE = Path(__file__).parent
_AUTOPILOTS = ("ardupilot", "px4", "dji")
_SPEEDUPS = (1.0, 5.0, 20.0, 0.0)
_Id = Field(max_length=40)
_Vehicle = Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$")


class _PlanAsked(Body):
    drawing: Drawing
    choices: Choices
    kept: str = Field(default="", max_length=40)


class _FenceAsked(Body):
    drawing: Drawing


class _ExportAsked(Body):
    plan: str = _Id
    sortie: int = Field(default=1, ge=1, le=10_000)
    format: str = _Id
    aircraft: str = Field(default="m3e", max_length=40)


class _UploadAsked(Body):
    plan: str = _Id
    sortie: int = Field(default=1, ge=1, le=10_000)
    vehicle: str = _Vehicle
    speedup: float = 1.0


class _FlyAsked(Body):
    plan: str = _Id
    vehicle: str = _Vehicle
    speedup: float = 1.0
    resume: bool = False


class _Answer(Body):
    job: str = _Id
    word: str = Field(max_length=200)


class _Order(Body):
    job: str = _Id
    wish: str = Field(pattern="^(pause|return|land|go on)$")


class _JobAsked(Body):
    job: str = _Id


class _LookAsked(Body):
    candidate: str = Field(max_length=60)
    plan: str = Field(default="", max_length=40)


class _DispatchAsked(Body):
    candidate: str = Field(max_length=60)
    send: bool = False


class _Nothing(Body):
    pass


Handler = Callable[[Request], Awaitable[Response]]


def act_routes(act: Act | None) -> list[BaseRoute]:
    """The routes of acting; none for a console that only reviews."""
    if act is None:
        return []
    pages = _Pages(act)

    def control(handler: Handler) -> Handler:
        return _guarded(handler if act.control else _no_control)

    return [
        Route("/plan", pages.page),
        Route("/plan-file/{name}", pages.file),
        Route("/api/act", pages.state),
        Route("/api/act/plans/{plan}", pages.detail),
        Route("/api/act/read", _guarded(pages.read), methods=["POST"]),
        Route("/api/act/open/{plan}", _guarded(pages.open), methods=["POST"]),
        Route("/api/act/fence", _guarded(pages.fence), methods=["POST"]),
        Route("/api/act/plan", _guarded(pages.plan), methods=["POST"]),
        Route("/api/act/export", _guarded(pages.export), methods=["POST"]),
        Route("/api/act/look", _guarded(pages.look), methods=["POST"]),
        Route("/api/act/search", _guarded(pages.search), methods=["POST"]),
        Route("/api/act/cancel", _guarded(pages.cancel), methods=["POST"]),
        Route("/api/act/upload", control(pages.upload), methods=["POST"]),
        Route("/api/act/fly", control(pages.fly), methods=["POST"]),
        Route("/api/act/answer", control(pages.answer), methods=["POST"]),
        Route("/api/act/order", control(pages.order), methods=["POST"]),
        Route("/api/act/dispatch", control(pages.dispatch), methods=["POST"]),
    ]


def _guarded(handler: Handler) -> Handler:
    """Errors of a user's making are answered in words, not as ours."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except Busy as busy:
            return JSONResponse({"error": str(busy)}, status_code=409)
        except AirbeatError as error:
            with speaking(language_of(request)):
                words = translated(error_words(error)) if error.remedy else error.told()
            return JSONResponse({"error": words}, status_code=422)

    return answered


async def _no_control(_request: Request) -> Response:
    return JSONResponse({"error": "this console was started with --no-control"}, status_code=403)


class _Pages:
    """The handlers."""

    def __init__(self, act: Act) -> None:
        self._act = act

    async def page(self, request: Request) -> Response:
        return HTMLResponse((_HERE / "pages" / "plan.html").read_text(encoding="utf-8"))

    async def state(self, request: Request) -> Response:
        act = self._act
        with speaking(language_of(request)):
            jobs = act.jobs.all()
        return JSONResponse(
            {
                "control": act.control,
                "dispatch": act.control and act.dispatch is not None,
                "vehicles": [EMBEDDED, *act.flights.vehicles] if act.control else [],
                "speedups": list(_SPEEDUPS),
                "patterns": PATTERN_NEEDS,
                "cameras": list(CAMERAS),
                "airframes": {name: frame.autopilot for name, frame in AIRFRAMES.items()},
                "autopilots": list(_AUTOPILOTS),
                "formats": FORMAT_KEYS,
                "aircraft": list(AIRCRAFT_KEYS),
                "plans": act.plans.listed(),
                "earlier": await run_in_threadpool(act.plans.earlier),
                "photographs": await run_in_threadpool(act.flights.photograph_count),
                "jobs": jobs,
            }
        )

    async def detail(self, request: Request) -> Response:
        with speaking(language_of(request)):
            found = await run_in_threadpool(self._act.plans.detail, request.path_params["plan"])
        return JSONResponse(found)

    async def read(self, request: Request) -> Response:
        """An uploaded file; its name is nowhere used, and it names no other."""
        who(request)
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/octet-stream":
            raise HTTPException(415, "the bytes of a file are taken, nothing else")
        return await self._drawn(await request.body())

    async def open(self, request: Request) -> Response:
        """A mission file that an earlier console made in this folder."""
        who(request)
        await read_body(request, _Nothing)
        plan = request.path_params["plan"]
        return await self._drawn(await run_in_threadpool(self._act.plans.earlier_file, plan))

    async def _drawn(self, content: bytes) -> Response:
        found = await run_in_threadpool(read_apart, content)
        return JSONResponse(
            {
                "drawing": found.drawing.model_dump(),
                "choices": found.choices,
                "kept": self._act.keep_read(found.kept),
                "keeps": sorted(k for k in found.kept if k in ("rally", "wind", "last_seen")),
                "notes": list(found.notes),
            }
        )

    async def fence(self, request: Request) -> Response:
        who(request)
        body = await read_body(request, _FenceAsked)
        ring = await run_in_threadpool(fence_of, body.drawing)
        return JSONResponse({"ring": [s.model_dump() for s in ring]})

    async def plan(self, request: Request) -> Response:
        by, body, act = who(request), await read_body(request, _PlanAsked), self._act
        if body.kept and body.kept not in act.read:
            raise HTTPException(409, "the file that was loaded is not known here any more: load it again")
        text = mission_text(body.drawing, body.choices, act.read.get(body.kept, {}))
        sketch = body.model_dump()
        return _begun(
            act.jobs.begin(
                "plan",
                f"planning of {body.choices.name}",
                by=by,
                work=partial(act.plan, text=text, sketch=sketch),
            )
        )

    async def export(self, request: Request) -> Response:
        by, body, act = who(request), await read_body(request, _ExportAsked), self._act
        export = partial(act.plans.export, body.plan, body.sortie, key=body.format, aircraft=body.aircraft)
        result = await run_in_threadpool(export)
        payload = {
            "plan": act.plans.find(body.plan).name,
            "files": result.pop("files"),
            "losses": result["losses"],
        }
        await run_in_threadpool(partial(act.tell, Happening.MISSION_EXPORTED, payload, by=by))
        return JSONResponse(result)

    async def file(self, request: Request) -> Response:
        data = await run_in_threadpool(self._act.plans.exported, request.path_params["name"])
        headers = {"content-disposition": "attachment"}
        return Response(data, media_type="application/octet-stream", headers=headers)

    async def look(self, request: Request) -> Response:
        by, body, act = who(request), await read_body(request, _LookAsked), self._act
        act.incident(body.candidate)
        flown = act.flown_mission(body.plan)
        work = partial(act.look, candidate=body.candidate, flown=flown)
        title = f"closer look at {body.candidate}"
        return _begun(act.jobs.begin("look", title, by=by, work=work, candidate=body.candidate))

    async def search(self, request: Request) -> Response:
        by, act = who(request), self._act
        await read_body(request, _Nothing)
        return _begun(
            act.jobs.begin("search", "search of the photographs", by=by, work=act.search, holds="search")
        )

    async def cancel(self, request: Request) -> Response:
        who(request)
        job = self._job((await read_body(request, _JobAsked)).job)
        if not job.cancel():
            raise HTTPException(409, "that has ended, or must be ended otherwise: pause, return or land")
        return JSONResponse({"cancelled": True})

    async def upload(self, request: Request) -> Response:
        by, body, act = who(request), await read_body(request, _UploadAsked), self._act
        plan = act.plans.find(body.plan)
        plan.sortie(body.sortie)
        work = partial(
            act.flights.upload,
            plan=plan,
            sortie=body.sortie,
            vehicle=body.vehicle,
            speedup=_speedup(body.speedup),
        )
        return self._on_vehicle("upload", f"upload of {plan.name}", work, body.plan, body.vehicle, by=by)

    async def fly(self, request: Request) -> Response:
        by, body, act = who(request), await read_body(request, _FlyAsked), self._act
        plan = act.plans.find(body.plan)
        work = partial(
            act.flights.fly,
            plan=plan,
            vehicle=body.vehicle,
            speedup=_speedup(body.speedup),
            resume=body.resume,
        )
        return self._on_vehicle("fly", f"flight of {plan.name}", work, body.plan, body.vehicle, by=by)

    def _on_vehicle(
        self,
        kind: str,
        title: str,
        work: Callable[[Job], dict[str, Any]],
        plan: str,
        vehicle: str,
        *,
        by: str,
    ) -> Response:
        """Begin what has a vehicle to itself."""
        holds = f"vehicle {self._act.flights.address(vehicle)}"
        job = self._act.jobs.begin(
            kind, f"{title} on {vehicle}", by=by, work=work, holds=holds, plan=plan, vehicle=vehicle
        )
        return _begun(job)

    async def answer(self, request: Request) -> Response:
        """A yes, by typing the word; anything else typed is no."""
        by, body = who(request), await read_body(request, _Answer)
        job = self._job(body.job)
        question = job.question()
        if question is None:
            raise HTTPException(409, "nothing is asked any more")
        if body.word and body.word != question["word"]:
            raise HTTPException(400, f"type {question['word']} to confirm, or cancel")
        yes = body.word == question["word"]
        if not job.answer(yes=yes, by=by):
            raise HTTPException(409, "nothing is asked any more")
        return JSONResponse({"confirmed": yes})

    async def order(self, request: Request) -> Response:
        by, body = who(request), await read_body(request, _Order)
        job = self._job(body.job)
        if not job.order(body.wish):
            raise HTTPException(409, "nothing flies there any more")
        payload = {"plan": job.title, "vehicle": job.about.get("vehicle", ""), "wish": body.wish}
        await run_in_threadpool(partial(self._act.tell, Happening.FLIGHT_ORDERED, payload, by=by))
        return JSONResponse({"ordered": body.wish})

    async def dispatch(self, request: Request) -> Response:
        by, body, act = who(request), await read_body(request, _DispatchAsked), self._act
        if act.dispatch is None:
            raise HTTPException(409, "nobody can be sent: start the console with --units FILE")
        incident = act.incident(body.candidate)
        work = partial(act.dispatch.rank, incident=incident, send=body.send)
        title = f"dispatch to {body.candidate}"
        return _begun(
            act.jobs.begin(
                "send" if body.send else "dispatch",
                title,
                by=by,
                work=work,
                holds="dispatch",
                candidate=body.candidate,
            )
        )

    def _job(self, job: str) -> Job:
        found = self._act.jobs.find(job)
        if found is None:
            raise Unknown
        return found


def _begun(job: Job) -> Response:
    return JSONResponse({"job": job.id}, status_code=202)


def _speedup(wanted: float) -> float:
    if wanted not in _SPEEDUPS:
        raise HTTPException(400, f"speedup: one of {', '.join(f'{s:g}' for s in _SPEEDUPS)}")
    return wanted
