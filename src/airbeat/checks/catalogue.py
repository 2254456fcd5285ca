"""Every finding there is: its code, how bad it is, what it means and what to do about it.

``docs/findings.md`` is this table; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airbeat.checks.findings import Finding, Severity
from airbeat.geo.coordinates import LatLon

__all__ = ["CODES", "Code", "found"]

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding.

    Attributes:
        severity: how bad it is; rules files set their own for the codes that begin with ``rule-``.
        says: what it means.
        remedy: what to do about it.
    """

    severity: Severity
    says: str
    remedy: str


_SPACE = {
    "above-ceiling": Code(_ERROR, "an item is higher than the fence's ceiling", "lower it"),
    "breach-return-outside-fence": Code(
        _ERROR, "the point to return to after a breach is outside the fence", "move it inside"
    ),
    "corner-outside-fence": Code(
        _ERROR,
        "the legs stay inside, but the vehicle cuts a corner and leaves the fence or enters a keep-out",
        "move the corner away from the edge, or stop there",
    ),
    "curve-outside-fence": Code(
        _ERROR,
        "the legs stay inside, but the curve to a spline waypoint leaves the fence or enters a keep-out",
        "use ordinary waypoints there",
    ),
    "far-from-home": Code(_ERROR, "a place further than 100 km from home", "look for swapped coordinates"),
    "fence-defaults": Code(
        _NOTE,
        "the plan reaches beyond Copter's default fence (300 m, 100 m)",
        "set FENCE_TYPE, FENCE_RADIUS and FENCE_ALT_MAX",
    ),
    "fence-far-from-home": Code(
        _ERROR, "a fence zone further than 100 km from home", "look for swapped coordinates"
    ),
    "fence-intersected": Code(
        _WARNING, "several inclusion zones, and every leg stays where all overlap", "draw one zone round all"
    ),
    "fence-intersection-left": Code(
        _ERROR, "several inclusion zones, and a leg is not in all of them", "draw one zone round all"
    ),
    "fence-polygon-crossed": Code(
        _ERROR, "a fence polygon crosses itself or has no area", "draw it without crossing edges"
    ),
    "height-above-home-unknown": Code(
        _WARNING, "heights that cannot be compared with home or the ceiling", "state home's height"
    ),
    "height-missing": Code(_ERROR, "a place to fly to without a height", "give it one"),
    "height-not-positive": Code(
        _ERROR, "an item at or below home, or at or below the ground", "give a height above 0 m"
    ),
    "home-outside-fence": Code(_ERROR, "home is outside the fence or in a keep-out", "move one of them"),
    "home-unset": Code(_ERROR, "home is 0, 0", "set home to the take-off place"),
    "keepout-outside-fence": Code(
        _NOTE, "a keep-out lies wholly outside the fence", "check that it is where it is meant to be"
    ),
    "leg-outside-fence": Code(
        _ERROR,
        "a leg leaves the fence or enters a keep-out by more than 0.5 m",
        "route it inside: the vehicle itself does not check before it breaches",
    ),
    "margin-short": Code(
        _ERROR, "a leg or a cut corner keeps less than the margin asked for", "move it away from the edge"
    ),
    "margin-thin": Code(_WARNING, "a leg keeps less than the margin that the plan states", "move it inward"),
    "no-fence": Code(_WARNING, "no fence zone", "draw a fence round the area and home"),
    "overshoot-outside-fence": Code(
        _WARNING,
        "a leg ends so near to an edge that the vehicle may overshoot it by more than 0.5 m",
        "end it a metre or two before the edge",
    ),
    "rally-height": Code(
        _ERROR, "a rally point at or below home, or above the ceiling", "give it a height between"
    ),
    "rally-outside-fence": Code(_ERROR, "a rally point outside the fence or in a keep-out", "move it inside"),
    "rally-return-outside-fence": Code(
        _WARNING, "the return to a rally point leaves the fence", "move the rally point"
    ),
    "rally-too-far": Code(
        _WARNING, "a rally point further than 300 m from home: Copter ignores it", "raise RALLY_LIMIT_KM"
    ),
    "return-crosses-fence": Code(
        _NOTE,
        "a failsafe's straight way home from a leg would cross the fence's edge or a keep-out",
        "know where, set rally points, or move home",
    ),
    "takeoff-away-from-home": Code(
        _WARNING, "a take-off further than 5 m from home", "put it at home: a copter climbs where it stands"
    ),
    "wind-outside-fence": Code(
        _ERROR,
        "in the wind given the vehicle may be pushed over the fence's edge or into a keep-out",
        "keep further from the edge, or fly slower or in less wind",
    ),
}

_TERRAIN = {
    "rally-terrain": Code(
        _ERROR, "a rally point less than 10 m above the model's ground", "give it more height"
    ),
    "terrain-above-ceiling": Code(
        _ERROR, "a leg that follows the ground rises over the fence's ceiling", "fly lower over the ground"
    ),
    "terrain-clearance": Code(
        _ERROR, "a leg nearer than 10 m to the ground of the height model", "fly higher there"
    ),
    "terrain-data-needed": Code(
        _WARNING, "heights above terrain: the vehicle needs terrain data to arm", "load it beforehand"
    ),
    "terrain-gsd": Code(
        _WARNING, "GSD coarser than the plan states, where the ground falls away", "follow the ground"
    ),
    "terrain-home-differs": Code(
        _WARNING, "home's height differs from the model's by more than 20 m", "check home and the datum"
    ),
    "terrain-lines-low": Code(
        _WARNING,
        "photographed legs lower than their spacing supposes",
        "plan with the model",
    ),
    "terrain-return-height": Code(
        _NOTE, "ground that a return at Copter's default height would not clear", "set RTL_ALT as it says"
    ),
    "terrain-unknown": Code(
        _WARNING, "the height model has no height under the flight", "use one that reaches as far"
    ),
}

_AUTOPILOT = {
    "command-refused-by-some": Code(
        _WARNING, "some versions of the autopilot refuse the command", "use DO_SET_ROI (201)"
    ),
    "fence-disabled-by-mission": Code(_ERROR, "the mission switches the fence off", "remove that item"),
    "fence-too-large": Code(_ERROR, "more fence vertices than the autopilot holds", "simplify the shapes"),
    "flight-ending-command": Code(
        _ERROR, "a command that ends the flight, stops the motors or fires a parachute", "remove it"
    ),
    "frame-unsupported": Code(
        _ERROR, "a height above terrain, which the autopilot refuses", "give it above home or sea level"
    ),
    "height-datums-mixed": Code(
        _WARNING, "heights measured from different datums", "measure all of them from home"
    ),
    "hold-rounded": Code(
        _WARNING, "a hold that is not in whole seconds: the rest is dropped", "give whole seconds"
    ),
    "home-changed-by-mission": Code(_WARNING, "the mission moves home in flight", "remove that item"),
    "no-items": Code(_ERROR, "an empty mission", "plan something to fly"),
    "parameter-not-a-number": Code(
        _ERROR, "NaN or infinity where the autopilot refuses it", "write 0 instead"
    ),
    "payload-action": Code(
        _WARNING, "a servo, relay or gripper is driven", "make sure that nothing falls on people"
    ),
    "rally-height-rounded": Code(_NOTE, "a rally height that is stored in whole metres", "give whole metres"),
    "spline-leg": Code(
        _WARNING,
        "a curved leg: fence and ceiling are checked along the curve, all else along the straight leg",
        "use ordinary waypoints where the ground is near",
    ),
    "too-many-items": Code(_ERROR, "more items than the autopilot holds", "split the plan into sorties"),
    "too-many-rally-points": Code(_ERROR, "more rally points than the autopilot holds", "keep fewer"),
    "turn-radius-rounded": Code(
        _WARNING, "a circle's radius above 255 m that is stored in steps of 10 m", "give a multiple of 10 m"
    ),
    "unknown-command": Code(_WARNING, "a command that was not checked", "check by hand what it does"),
    "unsupported-command": Code(
        _ERROR, "a command that the autopilot refuses in missions", "remove or replace it"
    ),
    "waypoint-without-place": Code(_WARNING, "a waypoint without a place", "give it one, or remove it"),
}

_SEQUENCE = {
    "actions-after-last-leg": Code(
        _ERROR, "more than one action behind the last item that moves the vehicle", "put them before it"
    ),
    "actions-may-be-dropped": Code(
        _WARNING, "several actions belong to a leg without length, which is over at once", "let it wait there"
    ),
    "camera-on-at-return": Code(
        _ERROR, "the camera trigger is not switched off before the return", "set it to 0 before the return"
    ),
    "camera-on-before-takeoff": Code(
        _WARNING, "the camera trigger is set before the take-off", "set it where the first line begins"
    ),
    "condition-outlasts-leg": Code(
        _WARNING, "a CONDITION_DELAY longer than its leg: what stands behind it never runs", "wait less"
    ),
    "endless-jump": Code(_WARNING, "a jump without end", "give the number of repeats"),
    "first-not-takeoff": Code(
        _ERROR, "the first item that moves the vehicle is not a take-off", "begin with NAV_TAKEOFF"
    ),
    "items-after-return": Code(_WARNING, "items behind the return or landing", "move the return to the end"),
    "jump-target": Code(_ERROR, "a jump to an item or tag that is not there", "jump to one that is"),
    "landing-away-from-home": Code(
        _WARNING, "a landing further than 5 m from home", "make sure that the place is free"
    ),
    "loiter-for-ever": Code(_WARNING, "a wait without end", "use NAV_LOITER_TIME"),
    "no-autocontinue": Code(_WARNING, "an item that is not to go on by itself", "set autocontinue"),
    "no-return": Code(_WARNING, "no return or landing", "end with RETURN_TO_LAUNCH"),
    "takeoff-again": Code(_WARNING, "a second take-off", "fly several sorties as several plans"),
    "waypoint-repeated": Code(
        _NOTE, "a waypoint at the place and height of the one before it", "remove one of the two"
    ),
}

_ENERGY = {
    "airframe-unknown": Code(
        _NOTE, "no airframe: energy, speeds and climbs were not checked", "say --airframe NAME"
    ),
    "battery-share": Code(
        _ERROR, "the estimate needs more than one battery down to its reserve", "split it into sorties"
    ),
    "climb-above-airframe": Code(
        _ERROR, "a climb or descent speed that the airframe does not fly", "stay within its limits"
    ),
    "climb-slows-leg": Code(
        _WARNING, "a leg so steep that it is flown slower than planned", "climb before or behind it"
    ),
    "energy-short": Code(
        _ERROR, "the flight needs more than the battery gives down to its reserve", "split it into sorties"
    ),
    "energy-unknown": Code(
        _WARNING, "a mission that goes round without end: no energy was counted", "give jumps an end"
    ),
    "return-energy-short": Code(
        _ERROR, "from some point the way home needs more than the battery has left", "turn back earlier"
    ),
    "speed-above-airframe": Code(_ERROR, "a speed that the airframe does not reach", "fly slower"),
    "speed-not-positive": Code(_WARNING, "a speed that changes nothing", "give a speed above 0"),
    "wind-too-strong": Code(_ERROR, "the wind is too strong to fly a leg", "wait for less wind"),
}

_PHOTOGRAPHY = {
    "area-unseen": Code(_NOTE, "more than 1 m² of the area is on no photograph", "search it another way"),
    "camera-never-on": Code(_ERROR, "an area to photograph, but no camera trigger", "set the trigger"),
    "coverage-below-asked": Code(
        _ERROR, "the footprints cover less of the area than is asked for", "add lines where there are none"
    ),
    "coverage-overclaimed": Code(
        _ERROR, "the plan claims more coverage than its photographs' footprints have", "plan again"
    ),
    "coverage-short": Code(
        _WARNING, "the photographs show less than 99.5 % of the area", "search the rest another way"
    ),
    "gimbal-beyond-limits": Code(
        _ERROR, "a camera pitch outside -90° to 20°", "stay within the gimbal's range"
    ),
    "gimbal-differs": Code(
        _WARNING, "the items command another camera pitch than the plan's figures suppose", "plan again"
    ),
    "gimbal-over-horizon": Code(
        _WARNING, "photographs that look over the horizon", "pitch the camera down first"
    ),
    "gsd-coarse": Code(_WARNING, "GSD above 3 cm", "fly lower"),
    "motion-blur": Code(_WARNING, "motion blur above one pixel", "fly slower, or expose shorter"),
    "shutter-too-slow": Code(
        _ERROR, "photographs are due faster than the camera takes them", "fly slower, or overlap less"
    ),
}

_OTHERS = {
    "aircraft-paths-cross": Code(
        _WARNING,
        "two aircraft pass within 15 m at one height, at different times",
        "keep to time",
    ),
    "aircraft-too-near": Code(
        _ERROR,
        "two aircraft come within 15 m at one height",
        "fly 5 m apart in height, or in turn",
    ),
    "not-for-flight": Code(
        _WARNING, "the plan says itself that it is unsurveyed or not for flight", "survey the place"
    ),
    "other-vehicle": Code(
        _ERROR, "a plan for another kind of vehicle, which does not fly as was checked", "plan it anew"
    ),
    "rule-distance": Code(_ERROR, "further from home than a rule allows", "take off nearer"),
    "rule-for-pilot": Code(
        _NOTE, "what a set of rules leaves to the pilot, who remains responsible", "look after it"
    ),
    "rule-height": Code(_ERROR, "higher above the ground than a rule allows", "fly lower"),
    "rule-mass": Code(_ERROR, "heavier than a rule allows", "fly a lighter aircraft"),
    "rule-night": Code(_ERROR, "the sun is lower than a rule supposes", "fly by day, or as the rule says"),
    "rule-no-fly": Code(_ERROR, "over ground that a rule forbids", "fly elsewhere, or get the permission"),
    "rule-not-checked": Code(
        _WARNING, "a rule that needs what was not given (a time, an airframe, people)", "give it"
    ),
    "rule-over-people": Code(_ERROR, "over people", "fly elsewhere, or keep people away"),
    "rule-people-distance": Code(_ERROR, "nearer to people than a rule allows", "keep the distance"),
    "rule-speed": Code(_ERROR, "faster than a rule allows", "fly slower"),
    "rule-wind": Code(_ERROR, "more wind than a rule allows", "wait for less"),
}

CODES: Mapping[str, Code] = dict(
    sorted((_SPACE | _TERRAIN | _AUTOPILOT | _SEQUENCE | _ENERGY | _PHOTOGRAPHY | _OTHERS).items())
)
"""Every code, in alphabetical order."""


def found(
    code: str,
    message: str,
    *,
    remedy: str,
    items: tuple[int, ...] = (),
    place: LatLon | None = None,
    severity: Severity | None = None,
) -> Finding:
    """A finding of a kind.

    Args:
        code: one of `CODES`.
        message: what is wrong, with figures.
        remedy: what to do about it here.
        items: numbers of the mission items concerned (home is 0).
        place: where, if it has a place.
        severity: only for rules, whose files say how bad it is.
    """
    return Finding(
        severity=severity or CODES[code].severity,
        code=code,
        message=message,
        items=items,
        place=place,
        remedy=remedy,
    )
