"""The pages' words: the catalogue of the language that a browser's reader has chosen."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airbeat.language.words import ENGLISH, LANGUAGES, catalogue, current_language, language_named

__all__ = ["WORDS_PATH", "language_of", "words_route"]

WORDS_PATH = "/api/words"
"""Where the catalogue is; also for who has not signed in, since the pages for that have words too."""
_COOKIE = "airbeat-language"
_MOST_ASKED = 20


def language_of(request: Request) -> str:
    """As the reader chose on a page; else that of the console, where it was given one; else the browser's."""
    chosen = request.cookies.get(_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    if current_language() != ENGLISH:
        return current_language()
    asked = request.headers.get("accept-language", "").split(",")[:_MOST_ASKED]
    known = (language_named(part.partition(";")[0].strip()) for part in asked)
    return next((language for language in known if language is not None), ENGLISH)


async def _words(request: Request) -> Response:
    language = language_of(request)
    return JSONResponse({"language": language, "languages": dict(LANGUAGES), "words": catalogue(language)})


def words_route() -> Route:
    """The route of the catalogue."""
    return Route(WORDS_PATH, _words)
