"""The console's pages and what they ask for: Starlette, guarded as a whole by ``guard``."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from airbeat.console.act import act_routes
from airbeat.console.actstate import Act
from airbeat.console.bodies import Body, read_body, who
from airbeat.console.desk import Conflict, Desk, Renumbered, Unknown
from airbeat.console.guard import COOKIE, Guard, TooMuchError, session_of
from airbeat.console.live import Live, live_routes
from airbeat.console.sessions import SESSION_S, Sessions
from airbeat.console.words import language_of, words_route
from airbeat.errors import AirbeatError
from airbeat.language.words import N_, _, speaking
from airbeat.ops.claims import CLAIM_S
from airbeat.ops.happenings import words_of

__all__ = ["Console", "console_app"]

_HERE = Path(__file__).parent
_LOOK_S = 0.3
"""How often the log is looked at for what other desks did [s]."""
_ALIVE_S = 15.0
_MOST_KEPT = 4
"""How many candidates a desk may hold besides the one it shows."""
_PICTURES_AT_ONCE = 2
"""Whole photographs are slow to read: more at once would hold up every desk's keys."""

_Id = Annotated[str, Field(max_length=40)]


class _Decision(Body):
    candidate: str = Field(max_length=40)
    verdict: str = Field(max_length=10)
    note: str = Field(default="", max_length=4000)
    seen_event: int = Field(ge=0)
    despite: bool = False
    generation: int | None = Field(default=None, ge=0)

    order: str | None = Field(default=None, pattern="^(score|place)$")
    keep: list[_Id] = Field(default=[], max_length=_MOST_KEPT)
    ahead: int = Field(default=0, ge=0, le=_MOST_KEPT)


class _Undo(Body):
    candidate: str = Field(max_length=40)
    generation: int | None = Field(default=None, ge=0)


class _Claim(Body):
    order: str = Field(default="score", pattern="^(score|place)$")
    after: str = Field(default="", max_length=40)
    keep: list[_Id] = Field(default=[], max_length=_MOST_KEPT)
    ahead: int = Field(default=0, ge=0, le=_MOST_KEPT)


class _Name(Body):
    name: str = Field(min_length=1, max_length=60)


@dataclass(frozen=True)
class Console:
    """What the console serves.

    Attributes:
        desk: the review desk.
        sessions: who may use it.
        layers: the map's layers; called whenever a page asks, so it should remember.
        hosts: values of ``Host`` that are ours.
        name: of the operation, for the pages' titles.
        ending: whether the console is being stopped; what is told as it happens ends then.
        act: planning and flying; None for a console that only reviews.
        live: what the live map shows.
    """

    desk: Desk
    sessions: Sessions
    layers: Callable[[], dict[str, Any]]
    hosts: Callable[[], frozenset[str]]
    name: str
    ending: Callable[[], bool] = lambda: False
    act: Act | None = None
    live: Live = field(default_factory=Live)


def console_app(console: Console) -> ASGIApp:
    """The whole console as an ASGI application."""
    pages = _Pages(console)
    routes: list[BaseRoute] = [
        Route("/", pages.desk),
        Route("/enter", pages.enter),
        Route("/login", pages.login, methods=["GET", "POST"]),
        words_route(),
        Route("/api/me", pages.me, methods=["GET", "POST"]),
        Route("/api/invite", pages.invite, methods=["POST"]),
        Route("/api/candidates", pages.candidates),
        Route("/api/candidates/{candidate}", pages.candidate),
        Route("/api/claim", pages.claim, methods=["POST"]),
        Route("/api/decide", pages.decide, methods=["POST"]),
        Route("/api/undo", pages.undo, methods=["POST"]),
        Route("/api/handover", pages.hand_over, methods=["POST"]),
        Route("/handover/{name}", pages.handed_over),
        Route("/api/layers", pages.layers),
        Route("/api/events", pages.events),
        Route("/picture/crop/{candidate}", pages.crop),
        Route("/picture/frame/{sha256}", pages.frame),
        Route("/picture/around/{sha256}", pages.around),
        *act_routes(console.act),
        *live_routes(console.live, desk=console.desk, name=console.name, ending=console.ending),
        Mount("/static/leaflet", StaticFiles(directory=_leaflet())),
        Mount("/static", StaticFiles(directory=_HERE / "static")),
    ]
    handlers: Any = {
        Unknown: _unknown,
        Renumbered: _renumbered,
        TooMuchError: _too_much,
        HTTPException: _told,
        AirbeatError: _ours,
        Exception: _ours,
    }
    app = Starlette(routes=routes, exception_handlers=handlers)
    return Guard(app, sessions=console.sessions, hosts=console.hosts)


def _leaflet() -> str:
    return str(importlib.import_module("xstatic.pkg.leaflet").BASE_DIR)


class _Pages:
    """The handlers; slow ones run in threads, so that one desk's pictures do not hold up another's keys."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._desk = console.desk
        self._pictures = asyncio.Semaphore(_PICTURES_AT_ONCE)

    async def desk(self, request: Request) -> Response:
        page = (_HERE / "pages" / "desk.html").read_text(encoding="utf-8")
        return HTMLResponse(page)

    async def enter(self, request: Request) -> Response:
        key = self._console.sessions.enter(request.query_params.get("token", ""))
        if key is None:
            return HTMLResponse((_HERE / "pages" / "used.html").read_text(encoding="utf-8"), status_code=403)
        return _signed_in(key)

    async def login(self, request: Request) -> Response:
        if not self._console.sessions.password:
            raise Unknown
        page = (_HERE / "pages" / "login.html").read_text(encoding="utf-8")
        if request.method == "GET":
            return HTMLResponse(page)
        form = await request.form(max_files=0, max_fields=3)
        key = self._console.sessions.login(str(form.get("password", "")))
        if key is None:
            await asyncio.sleep(1.0)
            return HTMLResponse(
                page.replace("<!-- wrong -->", N_("That is not the password.")), status_code=403
            )
        return _signed_in(key)

    async def me(self, request: Request) -> Response:
        session = session_of(request)
        if request.method == "POST":
            name = " ".join((await read_body(request, _Name)).name.split())
            if not name.isprintable() or not name:
                return JSONResponse({"error": "write a name"}, status_code=400)
            session.name = name
        return JSONResponse({"name": session.name, "csrf": session.csrf, "operation": self._console.name})

    async def invite(self, request: Request) -> Response:
        """A one-time link for another desk."""
        return JSONResponse({"path": f"/enter?token={self._console.sessions.link()}"})

    async def candidates(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._desk.listed, who(request)))

    async def candidate(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._desk.detail, request.path_params["candidate"]))

    async def claim(self, request: Request) -> Response:
        body = await read_body(request, _Claim)
        return JSONResponse(await self._claimed(request, body, body.order, body.after, "candidate"))

    async def _claimed(
        self, request: Request, body: _Claim | _Decision, order: str, after: str, first: str
    ) -> dict[str, Any]:
        """What comes next under the name ``first``, what comes after that, and for how long it is kept."""
        claim = partial(
            self._desk.claim_next,
            reviewer=who(request),
            order=order,
            after=after,
            keep=body.keep,
            ahead=body.ahead,
        )
        names = await run_in_threadpool(claim)
        return {first: next(iter(names), None), "ahead": names[1:], "claimed_s": CLAIM_S}

    async def decide(self, request: Request) -> Response:
        body = await read_body(request, _Decision)
        decide = partial(
            self._desk.decide,
            body.candidate,
            body.verdict,
            reviewer=who(request),
            note=body.note,
            seen_event=body.seen_event,
            despite=body.despite,
            generation=body.generation,
        )
        try:
            answer = await run_in_threadpool(decide)
        except Conflict as conflict:
            return JSONResponse({"error": "decided meanwhile", "now": conflict.now}, status_code=409)
        if body.order is not None:
            try:
                answer |= await self._claimed(request, body, body.order, body.candidate, "next")
            except AirbeatError:
                # The decision is in the log, and this answer says so; the page asks for the next itself.
                return JSONResponse(answer)
        return JSONResponse(answer)

    async def undo(self, request: Request) -> Response:
        body = await read_body(request, _Undo)
        undo = partial(self._desk.undo, body.candidate, reviewer=who(request), generation=body.generation)
        return JSONResponse(await run_in_threadpool(undo))

    async def hand_over(self, request: Request) -> Response:
        hand_over = partial(self._desk.hand_over, reviewer=who(request))
        return JSONResponse(await run_in_threadpool(hand_over))

    async def handed_over(self, request: Request) -> Response:
        data = await run_in_threadpool(self._desk.handed_over, request.path_params["name"])
        return Response(
            data, media_type="application/octet-stream", headers={"content-disposition": "attachment"}
        )

    async def layers(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._console.layers))

    async def crop(self, request: Request) -> Response:
        return _jpeg(await run_in_threadpool(self._desk.crop, request.path_params["candidate"]))

    async def frame(self, request: Request) -> Response:
        return await self._picture(request, partial(self._desk.frame, request.path_params["sha256"]))

    async def around(self, request: Request) -> Response:
        try:
            x_px, y_px = (float(request.query_params[k]) for k in ("x", "y"))
            around = partial(self._desk.around, request.path_params["sha256"], x_px, y_px)
            return await self._picture(request, around)
        except (KeyError, ValueError, OverflowError) as error:
            raise Unknown from error

    async def _picture(self, request: Request, read: Callable[[], bytes]) -> Response:
        """Something of a whole photograph, unless the reviewer has moved on by the time it would be read."""
        async with self._pictures:
            if await request.is_disconnected():
                return Response(status_code=204)
            return _jpeg(await run_in_threadpool(read))

    async def events(self, request: Request) -> Response:
        """What happens in the operation, as server-sent events."""
        try:
            after = int(request.headers.get("last-event-id") or request.query_params.get("after", "0"))
            shown = int(request.query_params.get("generation", "0")) or self._desk.generation
        except ValueError as error:
            raise Unknown from error
        told = self._told_as_it_happens(request, after, shown)
        return StreamingResponse(told, media_type="text/event-stream")

    async def _told_as_it_happens(self, request: Request, after: int, shown: int) -> AsyncIterator[str]:
        yield ": the operation's events\n\n"
        quiet_s = 0.0
        while not (self._console.ending() or await request.is_disconnected()):
            generation = await run_in_threadpool(lambda: self._desk.generation)
            if generation != shown:
                shown = generation
                said = {"kind": "search.written", "actor": "", "words": "the search has new results"}
                yield f"data: {json.dumps(said)}\n\n"
                quiet_s = 0.0
            last = await run_in_threadpool(self._desk.log.last_number)
            if last > after:
                for event in await run_in_threadpool(partial(self._desk.log.events, after=after)):
                    said = {"kind": event.kind, "actor": event.actor, "words": words_of(event)}
                    yield f"id: {event.number}\ndata: {json.dumps(said)}\n\n"
                    after = event.number
                quiet_s = 0.0
            elif quiet_s >= _ALIVE_S:
                yield ": still here\n\n"
                quiet_s = 0.0
            await asyncio.sleep(_LOOK_S)
            quiet_s += _LOOK_S


def _signed_in(key: str) -> Response:
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(COOKIE, key, max_age=int(SESSION_S), httponly=True, samesite="strict", path="/")
    return response


def _jpeg(data: bytes) -> Response:
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})


def _unknown(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"error": "there is no such thing here"}, status_code=404)


def _renumbered(_request: Request, _error: Exception) -> Response:
    words = "the search was written anew, and that is another candidate now: look again"
    return JSONResponse({"error": words, "now": None}, status_code=409)


def _too_much(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"error": "the request is too large"}, status_code=413)


def _told(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


def _ours(request: Request, error: Exception) -> Response:
    """Our bug, or a database that is gone: said without a traceback."""
    with speaking(language_of(request)):
        words = (
            error.told()
            if isinstance(error, AirbeatError)
            else _("internal error: {kind}", kind=type(error).__name__)
        )
    return JSONResponse({"error": words}, status_code=500)
