"""What a request's body may be, and who sends it."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from airbeat.console.guard import session_of

__all__ = ["Body", "read_body", "who"]


class Body(BaseModel):
    """Base of what is read: no other keys, no conversions, finite numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


Kind = TypeVar("Kind", bound=Body)


async def read_body(request: Request, kind: type[Kind]) -> Kind:
    """The JSON body of a request as a model.

    Raises:
        HTTPException: 415 for anything but JSON, 400 with what is wrong.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "JSON is taken, nothing else")
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(p) for p in first["loc"])
        raise HTTPException(400, f"{key}: {first['msg']}" if key else first["msg"]) from error


def who(request: Request) -> str:
    """Who sits there; nobody decides or acts without a name.

    Raises:
        HTTPException: 400 where no name was said yet.
    """
    name = session_of(request).name
    if not name:
        raise HTTPException(400, "say who you are first")
    return name
