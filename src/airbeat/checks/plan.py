"""Checks any plan, whoever drew it; knows nothing of how airbeat plans.

========================== ======== ==================================================================
code                       severity what it says
========================== ======== ==================================================================
above-ceiling              error    an item is higher than the fence's ceiling
actions-after-last-leg     error    more than one action behind the last item that moves the vehicle
area-unseen                note     more than 1 m² of the area is on no photograph
battery-share              error    the estimate needs more than one battery down to its reserve
camera-never-on            error    an area to photograph, but no camera trigger
camera-on-at-return        error    the camera trigger is not switched off before the return
command-refused-by-some    warning  some ArduPilot versions refuse the command
coverage-short             warning  the photographs show less than 99.5 % of the area
endless-jump               warning  a jump without end
far-from-home              error    a place further than 100 km from home
fence-defaults             note     reaches beyond Copter's default fence (300 m, 100 m)
fence-far-from-home        error    a fence zone further than 100 km from home
fence-intersected          warning  several inclusion zones, and every leg stays where all overlap
fence-intersection-left    error    several inclusion zones, and a leg is not in all of them
fence-polygon-crossed      error    a fence polygon crosses itself or has no area
fence-too-large            error    more fence vertices than ArduPilot holds
first-not-takeoff          error    the first item that moves the vehicle is not a take-off
gsd-coarse                 warning  GSD above 3 cm
height-above-home-unknown  warning  heights that cannot be compared with home or the ceiling
height-datums-mixed        warning  heights measured from different datums
height-not-positive        error    an item at or below home, or at or below the ground
home-outside-fence         error    home is outside the fence or in a keep-out
home-unset                 error    home is 0, 0
items-after-return         warning  items behind the return or landing
jump-target                error    a jump to an item or tag that is not there
leg-outside-fence          error    a leg leaves the fence or enters a keep-out by more than 0.5 m
margin-thin                warning  a leg keeps less than the margin that the plan states
motion-blur                warning  motion blur above one pixel
no-fence                   warning  no fence zone
no-items                   error    an empty mission
no-return                  warning  no return or landing
not-for-flight             warning  the plan says itself that it is unsurveyed or not for flight
parameter-not-a-number     error    NaN or infinity where ArduPilot refuses it
rally-height               error    a rally point at or below home, or above the ceiling
rally-outside-fence        error    a rally point outside the fence or in a keep-out
rally-return-outside-fence warning  the return to a rally point leaves the fence
rally-too-far              warning  a rally point further than 300 m from home
shutter-too-slow           error    photographs are due faster than the camera takes them
speed-above-airframe       error    a speed that the airframe does not reach
spline-leg                 warning  a curved leg, checked as a straight one
takeoff-away-from-home     warning  a take-off further than 5 m from home
terrain-clearance          error    a leg nearer than 10 m to the ground of the plan's height model
terrain-data-needed        warning  heights above terrain
terrain-gsd                warning  GSD coarser than the plan states, where the ground falls away
terrain-lines-low          warning  photographed legs lower above the ground than the line spacing supposes
terrain-return-height      note     ground that a return at Copter's default height would not clear
terrain-unknown            warning  the height model has no height under the flight
too-many-items             error    more items than ArduPilot holds
too-many-rally-points      error    more rally points than ArduPilot holds
unknown-command            warning  a command that was not checked
unsupported-command        error    a command that ArduPilot refuses in missions
waypoint-without-place     warning  a waypoint without a place
========================== ======== ==================================================================
"""

from __future__ import annotations

from collections.abc import Iterator

from airbeat.checks.autopilot import check_autopilot
from airbeat.checks.findings import Finding, Severity
from airbeat.checks.photography import check_photography
from airbeat.checks.space import check_space
from airbeat.checks.terrain import check_terrain
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan

__all__ = ["check_plan"]

_ORDER = list(Severity)
_SAYINGS = ("not for flight", "unsurveyed")


def check_plan(plan: FlightPlan) -> list[Finding]:
    """Everything that is wrong with a plan, worst first, then by item number.

    Legs are taken as straight lines; corners that the vehicle cuts and overshoots, and wind, are not part
    of this. The ground is compared where the plan has a height model.
    """
    findings = [
        *check_autopilot(plan),
        *check_space(plan),
        *check_terrain(plan),
        *check_photography(plan),
        *_airframe(plan),
        *_said_by_plan(plan),
    ]
    return sorted(findings, key=lambda f: (_ORDER.index(f.severity), f.items[:1], f.code))


def _airframe(plan: FlightPlan) -> Iterator[Finding]:
    if plan.estimate and plan.estimate.battery_share > 1.0:
        yield Finding(
            severity=Severity.ERROR,
            code="battery-share",
            message=f"the flight needs {plan.estimate.battery_share:.2f} of the usable battery",
            remedy="split the plan into sorties, or fly faster, higher or a smaller area",
        )
    if plan.airframe is None:
        return
    speeds = {n: i.params[1] for n, i in plan.numbered() if i.command == MavCmd.DO_CHANGE_SPEED}
    speeds[0] = plan.speed_m_s or 0.0
    fast = {n: v for n, v in speeds.items() if v > plan.airframe.max_speed_m_s}
    if fast:
        yield Finding(
            severity=Severity.ERROR,
            code="speed-above-airframe",
            message=f"{max(fast.values()):g} m/s, but {plan.airframe.name} reaches "
            f"{plan.airframe.max_speed_m_s:g} m/s",
            items=tuple(sorted(n for n in fast if n)),
            remedy="plan with a speed that the airframe flies",
        )


def _said_by_plan(plan: FlightPlan) -> Iterator[Finding]:
    said = [note for note in plan.notes if any(words in note.lower() for words in _SAYINGS)]
    if said:
        yield Finding(
            severity=Severity.WARNING,
            code="not-for-flight",
            message=f"the plan says of itself: {said[0]}",
            remedy="survey the place: obstacles, heights, people, permission; then remove the note",
        )
