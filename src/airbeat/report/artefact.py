"""Reads a JSON artefact of an earlier step with limits and one clear error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from airbeat.errors import InputFileError
from airbeat.language.words import Message

__all__ = ["Part", "read_artefact"]

_MAX_BYTES = 200_000_000


class Part(BaseModel):
    """Base of what is read: unknown keys are ignored, numbers must be finite."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


Artefact = TypeVar("Artefact", bound=Part)


def read_artefact(path: Path, kind: type[Artefact], *, remedy: str) -> Artefact:
    """Read a JSON file as a model.

    Args:
        path: the file.
        kind: the model.
        remedy: which command writes such files.

    Raises:
        InputFileError: too large, not JSON, or not of this kind.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputFileError(
                Message("is larger than {most_mb} MB", most_mb=_MAX_BYTES // 1_000_000), where=str(path)
            )
        return kind.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise InputFileError(
            Message("cannot be read: {reason}", reason=error.strerror), where=str(path), remedy=remedy
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(p) for p in first["loc"])
        raise InputFileError(
            Message("{key}: {wrong}", key=key, wrong=first["msg"]), where=str(path), remedy=remedy
        ) from error
    except InputFileError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputFileError(
            Message("is not JSON: {error}", error=error), where=str(path), remedy=remedy
        ) from error
