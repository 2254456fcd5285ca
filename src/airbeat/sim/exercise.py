"""The ground of an exercise: what a mission photographs, with people planted in it."""

from __future__ import annotations

from airbeat.errors import UsageError
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message
from airbeat.mission.mission import Mission
from airbeat.planning.plan import plan_mission
from airbeat.sim.ground import Ground

__all__ = ["PERSONS", "exercise_ground", "persons_for"]

PERSONS = 24
_PERSON_M2 = 4000.0
"""Ground for each person, where the area is small [m²]."""


def persons_for(mission: Mission) -> int:
    """How many people an exercise plants: as many as have room in the mission's area, at most 24."""
    if mission.area is None:
        return PERSONS
    size_m2 = float(LocalFrame.around(mission.area).to_local(mission.area).area)
    return min(max(int(size_m2 / _PERSON_M2), 1), PERSONS)


def exercise_ground(mission: Mission, *, seed: int, persons: int = PERSONS) -> Ground:
    """The synthetic ground of what a mission photographs, with people planted in it.

    Args:
        mission: an area of it, or what its plan photographs, is the ground.
        seed: of ground and people.
        persons: how many.

    Raises:
        UsageError: the mission photographs no ground.
        PlanningError: the area is too small for the people.
    """
    area = mission.area
    if area is None:
        survey = plan_mission(mission).survey
        area = survey.area if survey is not None else None
    if area is None:
        raise UsageError(
            Message("{name!r} has no area to photograph", name=mission.name),
            remedy="give a search mission, or leave out --photos",
        )
    return Ground(
        seed=seed,
        frame=LocalFrame.around(area),
        area=area,
        home=mission.home,
        home_amsl_m=mission.home_amsl_m or 0.0,
        terrain=mission.terrain,
        persons=persons,
    )
