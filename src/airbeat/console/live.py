"""What the live map asks for: base maps, vehicles, what is searched, and all of it as it changes."""

from __future__ import annotations

from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from airbeat.console.basemap import Shelf
from airbeat.errors import InputFileError

__all__ = ["live_routes"]


def live_routes(bases: Shelf) -> list[BaseRoute]:
    """The routes of the live map."""
    live = _Live(bases)
    return [
        Route("/api/bases", live.bases),
        Route("/base/{number:int}/{z:int}/{x:int}/{y:int}", live.tile),
    ]


class _Live:
    def __init__(self, bases: Shelf) -> None:
        self._bases = bases

    async def bases(self, request: Request) -> Response:
        return JSONResponse({"bases": self._bases.listed()})

    async def tile(self, request: Request) -> Response:
        wanted = (request.path_params[key] for key in ("number", "z", "x", "y"))
        try:
            tile = await run_in_threadpool(partial(self._bases.tile, *wanted))
        except InputFileError as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        if tile is None:
            return JSONResponse({"error": "the map has no picture there"}, status_code=404)
        headers = {"cache-control": "private, max-age=3600"}
        return Response(tile.data, media_type=tile.media_type, headers=headers)
