"""``airbeat search next``: plan where the next flights find most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.output import console, emit_json, json_option, table
from airbeat.errors import UsageError
from airbeat.language.words import Message, _, translated

if TYPE_CHECKING:
    from airbeat.checks.findings import Finding
    from airbeat.flight.casefolder import CaseFolder
    from airbeat.geo.terrain import Terrain
    from airbeat.mission.case import Launch
    from airbeat.mission.plan import FlightPlan
    from airbeat.search.crews import Searcher
    from airbeat.search.nextsortie import NextSorties, Sortie

__all__ = ["command"]


@click.command("next")
@click.argument("case_folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), required=True, help="Flight time of each drone."
)
@click.option("--drones", type=click.IntRange(1, 20), help="How many fly. [default: all of the case]")
@click.option("--launch", help="Name of the launch place. [default: the case's first]")
@click.option(
    "--out",
    "out_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the mission and plan files. [default: next in the case's folder]",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the path search.")
@click.option(
    "--effort",
    type=click.IntRange(1, 10),
    default=1,
    show_default=True,
    help="How hard to look for better paths.",
)
@json_option
def command(
    *,
    case_folder: Path,
    minutes: float,
    drones: int | None,
    launch: str | None,
    out_dir: Path | None,
    overwrite: bool,
    seed: int,
    effort: int,
    as_json: bool,
) -> int:
    """Plan the flights that find most, and write their missions and plans.

    Ways out and back, turns, climb and landing are paid from the minutes, and no sortie is longer than a
    battery. Several drones search ground of their own, five metres of height apart, and take off one after
    another, so that no two are near one another at one height.

    \b
    airbeat search next case --minutes 15 --drones 2 --out next
    """
    from airbeat.flight.casefolder import CaseFolder
    from airbeat.search.nextsortie import plan_next

    case = CaseFolder(case_folder)
    place = _launch(case, launch)
    searchers = _searchers(case, place, _count(case, drones))
    found = plan_next(
        case.current(), case.model.visible, searchers, minutes=minutes, seed=seed, effort=effort
    )
    return _finish(
        case, place, found, out_dir=out_dir or case_folder / "next", overwrite=overwrite, as_json=as_json
    )


def _launch(case: CaseFolder, name: str | None) -> int:
    names = [place.name for place in case.case.launches]
    if not names:
        raise UsageError("the case names no launch place", remedy="add launch: [{name: …, lat: …, lon: …}]")
    if name is None:
        return 0
    if name not in names:
        raise UsageError(
            Message("no launch place {name!r}", name=name[:40]),
            remedy=Message("there are: {names}", names=", ".join(names)),
        )
    return names.index(name)


def _count(case: CaseFolder, drones: int | None) -> int:
    there = len(case.case.drones)
    if not there:
        raise UsageError("the case names no drones", remedy="add drones: [{name: …, camera: …, airframe: …}]")
    if drones is not None and drones > there:
        raise UsageError(
            Message("--drones {drones}, but the case names {there}", drones=drones, there=there),
            remedy=Message("give --drones {there}, or add some to it", there=there),
        )
    return drones or there


def _tree(case: CaseFolder) -> dict[str, Any]:
    """The case file as YAML."""
    from airbeat.mission.loader import read_content, read_tree

    path = case.folder / "case.yaml"
    return dict(read_tree(read_content(path), path.name).data)


def _over_the_ceiling(drone: str, height_m: float, ceiling_m: float) -> UsageError:
    from airbeat.planning.airspace import LAYER_STEP_M

    return UsageError(
        Message(
            "{drone} would fly at {height_m:g} m, {step_m:g} m above the one below it, over the fence's "
            "ceiling of {ceiling_m:g} m",
            drone=drone,
            height_m=height_m,
            step_m=LAYER_STEP_M,
            ceiling_m=ceiling_m,
        ),
        remedy="lower the first drone's height in the case, or send fewer drones",
    )


def _searchers(case: CaseFolder, place: int, count: int) -> list[Searcher]:
    """The case's drones, each at a height of its own.

    Raises:
        UsageError: the fence's ceiling leaves no room above one another.
    """
    from airbeat.geo.coordinates import Altitude
    from airbeat.mission.mission import Mission, MissionKind, TrackLinePattern
    from airbeat.planning.airspace import LAYER_STEP_M
    from airbeat.planning.common import flight_height
    from airbeat.search.climbs import fading
    from airbeat.search.crews import Searcher, heights_above_ground_m
    from airbeat.search.sweepwidth import lateral_between

    fence, launch, now = case.case.fence, case.case.launches[place], case.current()
    margin_m = float((_tree(case).get("fence") or {}).get("margin_m") or 0.0)
    searchers: list[Searcher] = []
    lowest_m = 0.0
    for drone in case.case.drones[:count]:
        mission = Mission(
            name=drone.name,
            kind=MissionKind.SEARCH,
            home=launch.position,
            home_amsl_m=launch.amsl_m,
            pattern=TrackLinePattern(line=(launch.position, launch.position)),
            height=drone.height,
            speed_m_s=drone.speed_m_s,
            camera=drone.camera,
            airframe=drone.airframe,
            fence=fence,
            margin_m=margin_m,
            wind=case.case.wind,
            terrain=_terrain(case, launch),
            terrain_tolerance_m=case.case.terrain_tolerance_m,
        )
        asked, _said = flight_height(drone.height, mission)
        height_m = round(max(asked.value_m, lowest_m), 1)
        if fence is not None and fence.max_height_m is not None and height_m > fence.max_height_m:
            raise _over_the_ceiling(drone.name, height_m, fence.max_height_m)
        lowest_m = height_m + LAYER_STEP_M
        mission = replace(mission, height=Altitude(value_m=height_m, datum=asked.datum))
        heights = heights_above_ground_m(mission, now)
        lateral = lateral_between(drone.camera, heights, case.model.curve, posture=case.case.missing.posture)
        fades = fading(drone.camera, lateral, heights[1], case.model.curve, posture=case.case.missing.posture)
        searchers.append(
            Searcher(
                mission=mission,
                lateral=lateral,
                batteries=drone.batteries,
                lowest_m=heights[0],
                fades=fades if mission.terrain is not None else None,
            )
        )
    return searchers


def _terrain(case: CaseFolder, launch: Launch) -> Terrain | None:
    """The case's height model, with flat ground beyond it where the case says so."""
    terrain = case.case.terrain
    if terrain is None or not case.case.flat_beyond:
        return terrain
    height_m = float(terrain.heights_m(launch.position.lon_deg, launch.position.lat_deg)[0])
    return replace(terrain, beyond_m=height_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CheckedSortie:
    """A sortie as it is written: its mission file, its plan, and what the checks found in it.

    Attributes:
        sortie: what was planned to be flown.
        path: of the mission file; plan files have its name too.
        text: of the mission file.
        plan: of that mission.
        findings: of that plan.
    """

    sortie: Sortie
    path: Path
    text: str
    plan: FlightPlan
    findings: list[Finding]

    @property
    def failed(self) -> bool:
        """Whether the checks found an error."""
        from airbeat.checks.findings import has_errors

        return has_errors(self.findings)

    def row(self) -> tuple[str, str]:
        """Its figures for people."""
        estimate, start_s = self.plan.estimate, self.sortie.start_s
        flown = (
            ""
            if estimate is None
            else f"{estimate.duration_s / 60:.1f} min, {estimate.length_m / 1000:.2f} km, "
        )
        height = _("above ground {height}", height=self.plan.height_above_ground)
        finds = _(", finds {found:.1%}", found=self.sortie.found)
        start = _(", take off {start_s:.0f} s after the first", start_s=start_s) if start_s else ""
        return self.path.stem, flown + height + finds + start

    def to_json(self) -> dict[str, Any]:
        """What ``--json`` prints of it."""
        from airbeat.report.planfigures import findings_json, plan_json

        return plan_json(self.plan) | {
            "file": str(self.path),
            "found": self.sortie.found,
            "start_s": self.sortie.start_s,
            "findings": findings_json(self.findings),
        }


def _checked(case: CaseFolder, place: int, found: NextSorties, out_dir: Path) -> Iterator[_CheckedSortie]:
    """The sorties, each planned from its mission file as a pilot would, and checked.

    Raises:
        PlanningError: no safe plan exists for one.
    """
    from airbeat.checks.plan import check_plan
    from airbeat.mission.closerlook import moved_terrain
    from airbeat.mission.loader import parse_mission
    from airbeat.mission.nextmission import sortie_text
    from airbeat.planning.plan import plan_mission

    launch, tree = case.case.launches[place], _tree(case)
    modelled = case.case.terrain is not None
    update = len(case.updates) + 1
    for sortie in found.sorties:
        path = out_dir / f"next-{update}-drone-{sortie.searcher + 1}-sortie-{sortie.number}.yaml"
        text = sortie_text(
            tree,
            case_name=case.case.provenance.source_name or "case.yaml",
            drone=sortie.searcher,
            home=launch.position,
            home_amsl_m=launch.amsl_m,
            name=f"{case.case.name}: {sortie.mission.name}, sortie {sortie.number}",
            height=sortie.mission.height,
            speed_m_s=found.speed_share * case.case.drones[sortie.searcher].speed_m_s,
            line=sortie.line,
            spacing_m=found.spacing_m,
            terrain=moved_terrain(tree["terrain"], case.stored.__getitem__, out_dir) if modelled else None,
        )
        plan = plan_mission(parse_mission(text, name=path.name, base_dir=out_dir))
        yield _CheckedSortie(sortie=sortie, path=path, text=text, plan=plan, findings=check_plan(plan))


def _print_found(found: NextSorties, *, as_json: bool) -> None:
    """What the sorties find together, and what must be known of it."""
    out = console(as_json)
    out.print(
        _(
            "together they find with {found:.1%}, of at most {bound:.1%} were ways and turns "
            "free; sweeps {spacing_m:.0f} m apart detect {detection:.0%} on open ground",
            found=found.found,
            bound=found.bound,
            spacing_m=found.spacing_m,
            detection=found.detection,
        ),
        markup=False,
    )
    for note in found.notes:
        out.print(_("note: {note}", note=translated(note)), markup=False)


def _write(sorties: list[_CheckedSortie], out_dir: Path, *, overwrite: bool) -> list[Path]:
    """Missions and plans of all sorties.

    Raises:
        UsageError: a file is there already, or cannot be written.
    """
    from airbeat.formats.atomic import write_files
    from airbeat.formats.files import write_several_plans

    missions = write_files({s.path: s.text for s in sorties}, overwrite=overwrite)
    plans = {s.path.stem: s.plan for s in sorties}
    return [*missions, *write_several_plans(plans, out_dir, overwrite=overwrite)]


def _finish(
    case: CaseFolder, place: int, found: NextSorties, *, out_dir: Path, overwrite: bool, as_json: bool
) -> int:
    """Check, print and write the sorties; the exit code."""
    from airbeat.cli.plan import print_findings

    sorties: list[_CheckedSortie] = []
    for one in _checked(case, place, found, out_dir):
        print_findings(one.findings, as_json=as_json)
        sorties.append(one)
    failed = any(s.failed for s in sorties)
    table([s.row() for s in sorties], as_json=as_json, title=_("{case}: next sorties", case=case.case.name))
    _print_found(found, as_json=as_json)
    files = [] if failed else _write(sorties, out_dir, overwrite=overwrite)
    out = console(as_json)
    if failed:
        out.print(_("nothing was written: the checks found errors"), markup=False)
    else:
        out.print(_("wrote {files} files into {out_dir}", files=len(files), out_dir=out_dir), markup=False)
    if as_json:
        emit_json(
            {
                "found": found.found,
                "bound": found.bound,
                "spacing_m": found.spacing_m,
                "detection": found.detection,
                "sorties": [s.to_json() for s in sorties],
                "notes": list(found.notes),
                "files": [str(path) for path in files],
            }
        )
    return 1 if failed else 0
