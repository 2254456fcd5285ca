"""Any file that holds a plan, from the command line: a mission file is planned, a plan file is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airbeat.language.words import _

if TYPE_CHECKING:
    from airbeat.mission.plan import FlightPlan

__all__ = ["MISSION_SUFFIXES", "PLAN_SUFFIXES", "load_plan"]

MISSION_SUFFIXES = {".yaml", ".yml"}
PLAN_SUFFIXES = {".plan", ".waypoints"}


def load_plan(path: Path, *, seed: int = 0) -> FlightPlan:
    """The plan of a mission file (YAML), of a QGroundControl ``.plan`` or of a ``.waypoints`` file.

    Raises:
        InputFileError: the file cannot be read or is wrong.
        PlanningError: no safe plan exists for the mission.
    """
    if path.suffix.lower() in MISSION_SUFFIXES:
        from airbeat.cli.output import progress_bar
        from airbeat.mission.loader import load_mission
        from airbeat.planning.plan import plan_mission

        with progress_bar(_("planning")) as progress:
            return plan_mission(load_mission(path), seed=seed, progress=progress)
    from airbeat.formats.files import read_plan_file

    return read_plan_file(path)
