"""The options of ``airbeat plan --area``: a quick look, in one flight or in sorties of several drones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from airbeat.cli.output import with_options
from airbeat.cli.positions import LAT_LON
from airbeat.errors import UsageError
from airbeat.language.words import Message

if TYPE_CHECKING:
    from airbeat.cli.quickplan import QuickPlan
    from airbeat.cli.sortieplan import Vehicles
    from airbeat.geo.coordinates import LatLon

__all__ = ["QuickOptions", "quick_options"]

_Value = TypeVar("_Value")

_OPTIONS = (
    click.option(
        "--area",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A quick look without a mission file: cover this area file (GeoJSON, KML, GIS files).",
    ),
    click.option("--spacing-m", type=float, help="With --area: distance between lines [m]."),
    click.option(
        "--home",
        type=LAT_LON,
        metavar="LAT,LON",
        multiple=True,
        help="With --area: start and end; of each drone if given several times.",
    ),
    click.option(
        "--speed-m-s",
        type=click.FloatRange(0.5, 40),
        default=(10.0,),
        multiple=True,
        help="With --area: 10 unless said otherwise; of each drone if given several times.",
    ),
    click.option(
        "--drones",
        type=click.IntRange(1, 20),
        default=1,
        show_default=True,
        help="With --area and --home: share the area among so many drones.",
    ),
    click.option(
        "--endurance-min",
        type=click.FloatRange(0, 600, min_open=True),
        multiple=True,
        help="With --area and --home: minutes that a battery lasts; the area is covered in sorties. "
        "Once for all drones, or once for each.",
    ),
    click.option(
        "--reserve",
        type=click.FloatRange(0, 0.9),
        default=0.2,
        show_default=True,
        help="With --endurance-min: share of the battery left at landing.",
    ),
    click.option("--camera", metavar="PROFILE", help="With --area and --height-m: count photographs."),
    click.option(
        "--height-m",
        type=click.FloatRange(2, 1000),
        help="With --area: height above home [m]; counts climbs and landings of sorties.",
    ),
    click.option(
        "--front-overlap",
        type=click.FloatRange(0, 0.95),
        default=0.3,
        show_default=True,
        help="With --camera: overlap of successive photographs.",
    ),
    click.option(
        "--fence",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="With --area: stay in this polygon. [default: the free area itself]",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickOptions:
    """What the command line says of a plan without a mission file.

    Attributes:
        area: file with the area, or None where a mission file is planned.
        spacing_m: distance between lines [m], or None.
        home: launch places.
        speed_m_s: cruise speeds, one or one of each drone [m/s].
        fence: file with the polygon to stay in, or None.
        drones: how many share the area.
        endurance_min: flight times of a battery, none, one or one of each drone [min].
        reserve: share of the battery left at landing, 0…1.
        camera: profile that photographs are counted by, or None.
        height_m: height above home [m], or None where it does not matter.
        front_overlap: of successive photographs, 0…1.
    """

    area: Path | None
    spacing_m: float | None
    home: tuple[LatLon, ...]
    speed_m_s: tuple[float, ...]
    fence: Path | None
    drones: int
    endurance_min: tuple[float, ...]
    reserve: float
    camera: str | None
    height_m: float | None
    front_overlap: float

    def asked(self, area: Path, *, seed: int, effort: int) -> QuickPlan:
        """The quick look at an area file.

        Raises:
            UsageError: something that it needs was not said, or does not go together.
            PlanningError: no such camera.
        """
        from airbeat.cli.quickplan import QuickPlan
        from airbeat.cli.sortieplan import Photography

        if self.spacing_m is None:
            raise UsageError("--area needs the distance between lines", remedy="say --spacing-m METRES")
        return QuickPlan(
            area=area,
            spacing_m=self.spacing_m,
            home=self.home[0] if self.home else None,
            speed_m_s=self.speed_m_s[0],
            fence=self.fence,
            seed=seed,
            effort=effort,
            vehicles=self._vehicles(),
            photography=Photography.asked(
                camera=self.camera,
                height_m=self.height_m,
                front_overlap=self.front_overlap,
                spacing_m=self.spacing_m,
                speed_m_s=max(self.speed_m_s),
            ),
            height_m=self.height_m,
        )

    def _vehicles(self) -> Vehicles | None:
        """The drones, or None where one flight from anywhere was asked for.

        Raises:
            UsageError: no launch place, or as many values as there are neither drones nor one.
        """
        from airbeat.cli.sortieplan import Vehicles

        if self.drones == 1 and not self.endurance_min:
            for name, values in (("--home", self.home), ("--speed-m-s", self.speed_m_s)):
                if len(values) > 1:
                    raise UsageError(
                        Message(
                            "{name} was given {values} times for one drone", name=name, values=len(values)
                        ),
                        remedy="say --drones N, or give one",
                    )
            return None
        if not self.home:
            raise UsageError("sorties need a place to start from", remedy="say --home LAT,LON")
        return Vehicles(
            count=self.drones,
            homes=_for_each("--home", self.home, self.drones),
            speeds_m_s=_for_each("--speed-m-s", self.speed_m_s, self.drones),
            endurances_min=_for_each("--endurance-min", self.endurance_min, self.drones)
            if self.endurance_min
            else (),
            reserve_share=self.reserve,
        )


def _for_each(name: str, values: tuple[_Value, ...], count: int) -> tuple[_Value, ...]:
    if len(values) == 1:
        return values * count
    if len(values) != count:
        raise UsageError(
            Message(
                "{name} was given {values} times for {count} drones",
                name=name,
                values=len(values),
                count=count,
            ),
            remedy="give it once for all, or once for each",
        )
    return values


def quick_options(command: Callable[..., int]) -> Callable[..., int]:
    """Adds the options of a quick look to a command; it gets them as ``quick``."""

    @functools.wraps(command)
    def with_quick(**given: Any) -> int:
        quick = QuickOptions(**{field.name: given.pop(field.name) for field in fields(QuickOptions)})
        return command(quick=quick, **given)

    return with_options(_OPTIONS, with_quick)
