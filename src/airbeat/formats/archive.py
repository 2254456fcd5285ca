"""The members of a KMZ that a plan is read from."""

from __future__ import annotations

from airbeat.errors import PlanFileError
from airbeat.mission import archive

__all__ = ["read_members"]


def read_members(data: bytes, *, suffixes: tuple[str, ...], where: str) -> dict[str, bytes]:
    """The members whose names end in one of the suffixes, by name, in the archive's order.

    Raises:
        PlanFileError: as `airbeat.mission.archive.read_members`.
    """
    return archive.read_members(data, suffixes=suffixes, where=where, error=PlanFileError)
