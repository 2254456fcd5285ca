"""``airbeat search look``: plan a closer look at a candidate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from airbeat.cli.output import console, emit_json, json_option
from airbeat.language.words import _

if TYPE_CHECKING:
    from airbeat.mission.mission import Mission
    from airbeat.report.searched import SearchResults

__all__ = ["command"]


@click.command("look")
@click.argument("candidate")
@click.option(
    "--candidates",
    type=click.Path(exists=True, path_type=Path),
    default=Path("candidates"),
    show_default=True,
    help="The folder that airbeat detect wrote.",
)
@click.option(
    "--mission",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The mission flown: its home, fence, camera and airframe are taken.",
)
@click.option("--height-m", type=float, help="Height of the orbit. [default: lower, for 1 cm a pixel]")
@click.option("--radius-m", type=float, help="Radius of the orbit. [default: the height, which looks at 45°]")
@click.option("--photos", type=click.IntRange(3, 720), default=12, show_default=True, help="On the circle.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The mission file to write. [default: look-CANDIDATE.yaml]",
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
@json_option
def command(
    *,
    candidate: str,
    candidates: Path,
    mission: Path,
    height_m: float | None,
    radius_m: float | None,
    photos: int,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Write a mission that looks at CANDIDATE closer: lower, from the side, all round.

    The file is planned before it is written; a circle that leaves the fence or meets a keep-out is refused
    with the place. Over a height model it keeps its height above the ground.

    \b
    airbeat search look C001 --mission missions/demo-hillside.yaml --candidates candidates
    """
    from airbeat.checks.findings import has_errors
    from airbeat.checks.plan import check_plan
    from airbeat.cli.plan import findings_json, plan_json, print_findings, print_plan
    from airbeat.formats.atomic import write_files
    from airbeat.mission.closerlook import closer_look_text
    from airbeat.mission.loader import load_mission, parse_mission
    from airbeat.planning.plan import plan_mission
    from airbeat.report.searched import read_search_results
    from airbeat.report.seen import seen_at

    path = candidates / "candidates.json" if candidates.is_dir() else candidates
    results = read_search_results(path)
    flown = load_mission(mission)
    position, flown_m, ground_m = seen_at(candidate, results, flown)
    target = out or Path(f"look-{candidate}.yaml")
    text = closer_look_text(
        mission,
        out=target,
        target=position,
        name=candidate,
        flown_m=flown_m,
        ground_m=ground_m,
        height_m=height_m,
        radius_m=radius_m,
        photos=photos,
    )
    plan = plan_mission(parse_mission(text, name=str(target), base_dir=target.parent))
    findings = check_plan(plan)
    write_files({target: text}, overwrite=overwrite)
    _warn_of_flat_ground(candidate, flown, results)
    print_plan(plan, as_json=as_json)
    print_findings(findings, as_json=as_json)
    console(as_json).print(
        _("wrote {target}; next: airbeat plan {target} --out plans", target=target), markup=False
    )
    if as_json:
        emit_json(plan_json(plan) | {"file": str(target), "findings": findings_json(findings)})
    return 1 if has_errors(findings) else 0


def _warn_of_flat_ground(candidate: str, flown: Mission, results: SearchResults) -> None:
    """Say where a slope was not reckoned with: the candidate then lies elsewhere."""
    if flown.terrain is None:
        click.echo(_("no height model (terrain) in the mission: flat ground was assumed"), err=True)
    elif "flat ground" in results.positions:
        click.echo(
            _(
                "{candidate} was located on flat ground, and may lie elsewhere on a slope: search "
                "again with airbeat detect --terrain",
                candidate=candidate,
            ),
            err=True,
        )
