"""What the blocks of a mission file are made of: places, heights, numbers in their ranges, lines of text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic import model_validator as _model_validator
from pydantic_core import PydanticCustomError

from airbeat.language.words import Message

__all__ = [
    "MIN_DISTANCE_M",
    "Bearing",
    "Datum",
    "HeightDatum",
    "HeightSection",
    "LoopHeight",
    "PlaceSection",
    "PointSection",
    "Section",
    "Share",
    "Text",
    "complaint",
]

MIN_DISTANCE_M = 0.5
"""Least distance between lines, and between photographs [m]."""


def complaint(message: str, hint: str = "") -> PydanticCustomError:
    """A validation error in the project's own words."""
    return PydanticCustomError("airbeat", "{text}", {"text": message, "hint": hint})


def _one_line(value: str) -> str:
    if not value.isprintable():
        raise complaint("must be one line of printable text", "leave out line breaks and control characters")
    return value.strip()


Text = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
Datum = Literal["wgs84", "gcj02", "bd09"]
HeightDatum = Literal["home", "amsl", "agl"]
Share = Annotated[float, Field(ge=0, lt=1)]
Bearing = Annotated[float, Field(ge=0, le=360)]
LoopHeight = Annotated[float, Field(gt=-450, le=9000)]


class Section(BaseModel):
    """A block of the file: unknown keys, text for numbers, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class PointSection(Section):
    """A corner of an outline."""

    lat: float = Field(ge=-90, le=90, description="latitude in degrees north, e.g. lat: 47.26931")
    lon: float = Field(ge=-180, le=180, description="longitude in degrees east, e.g. lon: 11.40412")


class PlaceSection(PointSection):
    """A place of its own; ``datum`` where it differs from the file's."""

    datum: Datum | None = None


class HeightSection(Section):
    """Flight height: a value with its datum, or the GSD from which it follows."""

    value_m: float | None = Field(default=None, gt=-450, le=9000)
    datum: HeightDatum | None = None
    gsd_cm_px: float | None = Field(default=None, ge=0.05)

    @_model_validator(mode="after")
    def _one_way(self) -> HeightSection:
        if (self.value_m is None) == (self.gsd_cm_px is None):
            raise complaint(
                "must hold either value_m or gsd_cm_px",
                "write {value_m: 60, datum: home} or {gsd_cm_px: 2.5}",
            )
        if self.value_m is not None and self.datum is None:
            raise complaint(
                Message("value_m {value_m:g} has no datum", value_m=self.value_m),
                "datum: home is above the take-off place, amsl above sea level, agl above the ground below",
            )
        if self.gsd_cm_px is not None and self.datum == "amsl":
            raise complaint("gsd_cm_px goes with datum home or agl", "leave datum out for home")
        return self
