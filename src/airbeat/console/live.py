"""What the live map asks for: base maps, vehicles, the case, and all of it as it changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from airbeat.console.basemap import Shelf
from airbeat.console.casemap import CaseMap
from airbeat.console.desk import Desk, Unknown
from airbeat.console.fleet import Fleet
from airbeat.console.guard import session_of
from airbeat.errors import AirbeatError, InputFileError
from airbeat.flight.crowds import ALERT
from airbeat.ops.happenings import Happening, words_of
from airbeat.ops.log import Event

__all__ = ["Live", "live_routes"]

_EVERY_S = 1.0
_PAST_EVENTS = 30
_PAGE = Path(__file__).parent / "pages" / "map.html"


@dataclass(frozen=True)
class Live:
    """What the live map shows beside the desk's candidates.

    Attributes:
        fleet: the vehicles.
        bases: base maps.
        case: the search for a person, or None.
        layers_version: another number when the map's layers have changed.
    """

    fleet: Fleet = field(default_factory=Fleet)
    bases: Shelf = field(default_factory=lambda: Shelf([]))
    case: CaseMap | None = None
    layers_version: Callable[[], int] = lambda: 0


def live_routes(live: Live, *, desk: Desk, name: str, ending: Callable[[], bool]) -> list[BaseRoute]:
    """The routes of the live map.

    Args:
        live: what it shows.
        desk: for the candidates and the log.
        name: of the operation.
        ending: whether the console is being stopped.
    """
    pages = _Pages(live, desk, name, ending)
    return [
        Route("/map", pages.page),
        Route("/api/bases", pages.bases),
        Route("/base/{number:int}/{z:int}/{x:int}/{y:int}", pages.tile),
        Route("/api/live", pages.now),
        Route("/api/live/candidates", pages.candidates),
        Route("/api/live/events", pages.events),
        Route("/api/case", pages.case),
        Route("/picture/case/{name}", pages.case_picture),
    ]


class _Pages:
    def __init__(self, live: Live, desk: Desk, name: str, ending: Callable[[], bool]) -> None:
        self._live, self._desk, self._name, self._ending = live, desk, name, ending

    async def page(self, request: Request) -> Response:
        return HTMLResponse(_PAGE.read_text(encoding="utf-8"))

    async def bases(self, request: Request) -> Response:
        return JSONResponse({"bases": self._live.bases.listed()})

    async def tile(self, request: Request) -> Response:
        wanted = (request.path_params[key] for key in ("number", "z", "x", "y"))
        try:
            tile = await run_in_threadpool(partial(self._live.bases.tile, *wanted))
        except InputFileError as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        if tile is None:
            return Response(status_code=204)  # no failure: the map ends there
        headers = {"cache-control": "private, max-age=3600"}
        return Response(tile.data, media_type=tile.media_type, headers=headers)

    async def now(self, request: Request) -> Response:
        """All that the page begins with; what follows comes as events after ``log`` and ``photographs``."""
        return JSONResponse(await run_in_threadpool(self._now))

    def _now(self) -> dict[str, Any]:
        fleet, log = self._live.fleet, self._desk.log
        last = log.last_number()
        footprints = fleet.footprints()
        return {
            "operation": self._name,
            "vehicles": fleet.states(),
            "footprints": footprints,
            "photographs": footprints[-1]["properties"]["number"] if footprints else 0,
            "log": last,
            "said": [self._said(event) for event in log.events(after=max(0, last - _PAST_EVENTS))],
            **self._versions(),
        }

    def _versions(self) -> dict[str, Any]:
        """What is to be fetched again when its number changes; a file that is damaged now changes nothing."""
        try:
            layers = self._live.layers_version()
        except AirbeatError:
            layers = None
        return {"layers": layers, "case": self._live.case.version() if self._live.case else None}

    async def candidates(self, request: Request) -> Response:
        """As for the desk; who has not said who they are sees no other reviewer's word of a blind review."""
        return JSONResponse(await run_in_threadpool(self._desk.listed, session_of(request).name))

    async def case(self, request: Request) -> Response:
        case = self._live.case
        return JSONResponse(None if case is None else await run_in_threadpool(case.about))

    async def case_picture(self, request: Request) -> Response:
        case = self._live.case
        data = None if case is None else await run_in_threadpool(case.picture, request.path_params["name"])
        if data is None:
            raise Unknown
        return Response(data, media_type="image/png")

    async def events(self, request: Request) -> Response:
        """Once a second where the vehicles are, and what has happened since, as server-sent events."""
        words = request.headers.get("last-event-id") or request.query_params.get("after", "0-0")
        log, mark, photographs = words.partition("-")
        if not (mark and log.isascii() and photographs.isascii() and log.isdigit() and photographs.isdigit()):
            raise Unknown
        told = self._told_as_it_happens(request, int(log[:15]), int(photographs[:15]))
        return StreamingResponse(told, media_type="text/event-stream")

    async def _told_as_it_happens(self, request: Request, log: int, photographs: int) -> AsyncIterator[str]:
        while not (self._ending() or await request.is_disconnected()):
            said = await run_in_threadpool(self._since, log, photographs)
            log, photographs = said["log"], said["photographs"]
            yield f"id: {log}-{photographs}\ndata: {json.dumps(said)}\n\n"
            await asyncio.sleep(_EVERY_S)

    def _since(self, log: int, photographs: int) -> dict[str, Any]:
        fleet = self._live.fleet
        events = self._desk.log.events(after=log) if self._desk.log.last_number() > log else []
        footprints = fleet.footprints(after=photographs)
        return {
            "vehicles": fleet.states(tracks=False),
            "footprints": footprints,
            "photographs": footprints[-1]["properties"]["number"] if footprints else photographs,
            "log": events[-1].number if events else log,
            "said": [self._said(event) for event in events],
            **self._versions(),
        }

    def _said(self, event: Event) -> dict[str, Any]:
        """An event for the page: its words, and what an alert needs of it; no verdict of a blind review."""
        said: dict[str, Any] = {
            "number": event.number,
            "time_utc": event.time_utc.isoformat(),
            "kind": event.kind,
            "actor": event.actor,
            "words": words_of(event),
        }
        if event.kind == Happening.REVIEW_DECISION and self._desk.second_look:
            said["words"] = f"{event.payload.get('candidate')} is decided on"
        elif event.kind == Happening.CANDIDATE_FOUND:
            said |= {key: event.payload.get(key) for key in ("candidate", "score")}
        elif event.kind == ALERT:
            said |= {key: event.payload.get(key) for key in ("zone", "colour", "what")}
        return said
