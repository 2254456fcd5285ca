"""DJI WPML ``.kmz``: ``wpmz/template.kml`` and ``wpmz/waylines.wpml``, for DJI Pilot 2 and FlightHub 2.

Elements and values are those of DJI's Cloud API documentation, "DJI WPML" (wpmz 1.0.2): ``waylines.wpml`` is
what the aircraft flies, ``template.kml`` what the planner shows, and FlightHub 2 refuses a file without it.
Heights are written above the take-off place (``relativeToStartPoint``); the fence and rally points of a plan
have no place in the format. ``takeOffRefPoint`` and points of interest are latitude first, ``coordinates``
longitude first.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from xml.etree import ElementTree as ET

from airbeat import __version__
from airbeat.errors import PlanFileError, UsageError
from airbeat.formats.wayline import Action, ActionKind, Finish, Wayline, WaylinePoint, wayline_of
from airbeat.language.words import Message
from airbeat.mission.archive import zip_bytes
from airbeat.mission.plan import FlightPlan

__all__ = [
    "AIRCRAFT",
    "CURVE",
    "DEFAULT_AIRCRAFT",
    "FINISH",
    "FLY_TO",
    "FUNCTIONS",
    "LOST_LINK",
    "RELATIVE",
    "STOP",
    "write_wpml",
]

_KML = "http://www.opengis.net/kml/2.2"
_WPML = "http://www.dji.com/wpmz/1.0.2"
_TEMPLATE, _WAYLINES = "wpmz/template.kml", "wpmz/waylines.wpml"
_LEAST_SECURITY_HEIGHT_M = 1.2
_USUAL_SECURITY_HEIGHT_M = 20.0
_USUAL_SPEED_M_S = 10.0
STOP = "toPointAndStopWithDiscontinuityCurvature"
CURVE = "toPointAndPassWithContinuityCurvature"
FINISH = {Finish.RETURN: "goHome", Finish.LAND: "autoLand", Finish.STAY: "noAction"}
RELATIVE = "relativeToStartPoint"
LOST_LINK = ("executeLostAction", "goBack")
"""exitOnRCLost and executeRCLostAction, as they are written: come back."""
FLY_TO = "safely"
"""flyToWaylineMode, as it is written: up to the security height first."""


@dataclass(frozen=True, slots=True)
class _Aircraft:
    title: str
    drone: int
    drone_sub: int
    payload: int


AIRCRAFT = MappingProxyType(
    {
        "m30": _Aircraft("Matrice 30", 67, 0, 52),
        "m30t": _Aircraft("Matrice 30T", 67, 1, 53),
        "m3e": _Aircraft("Mavic 3E", 77, 0, 66),
        "m3t": _Aircraft("Mavic 3T", 77, 1, 67),
        "m3m": _Aircraft("Mavic 3M", 77, 2, 68),
        "m3d": _Aircraft("Matrice 3D", 91, 0, 80),
        "m3td": _Aircraft("Matrice 3TD", 91, 1, 81),
        "m300-h20": _Aircraft("Matrice 300 RTK with H20", 60, 0, 42),
        "m300-h20t": _Aircraft("Matrice 300 RTK with H20T", 60, 0, 43),
        "m300-h20n": _Aircraft("Matrice 300 RTK with H20N", 60, 0, 61),
        "m350-h20": _Aircraft("Matrice 350 RTK with H20", 89, 0, 42),
        "m350-h20t": _Aircraft("Matrice 350 RTK with H20T", 89, 0, 43),
        "m350-h20n": _Aircraft("Matrice 350 RTK with H20N", 89, 0, 61),
        "m350-h30": _Aircraft("Matrice 350 RTK with H30", 89, 0, 82),
        "m350-h30t": _Aircraft("Matrice 350 RTK with H30T", 89, 0, 83),
    }
)
"""The aircraft that files can be written for, with DJI's numbers for airframe and camera."""

DEFAULT_AIRCRAFT = "m3e"


def write_wpml(plan: FlightPlan, *, aircraft: str = DEFAULT_AIRCRAFT) -> bytes:
    """A plan as the bytes of a DJI ``.kmz``; the same plan gives the same bytes.

    Raises:
        PlanFileError: fewer than two waypoints, or a height that cannot be told above home.
        UsageError: no such aircraft.
    """
    if aircraft not in AIRCRAFT:
        raise UsageError(
            Message("no aircraft {aircraft!r}", aircraft=aircraft),
            remedy=Message("there are {aircraft}", aircraft=", ".join(AIRCRAFT)),
        )
    wayline = wayline_of(plan)
    if len(wayline.points) < 2:
        raise PlanFileError("one waypoint only", remedy="a DJI wayline needs two waypoints at least")
    template = _document(plan, wayline, AIRCRAFT[aircraft], template=True)
    waylines = _document(plan, wayline, AIRCRAFT[aircraft], template=False)
    return zip_bytes({_TEMPLATE: template, _WAYLINES: waylines})


def _put(parent: ET.Element, name: str, value: object = None) -> ET.Element:
    element = ET.SubElement(parent, f"wpml:{name}")
    if value is not None:
        element.text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return element


def _document(plan: FlightPlan, wayline: Wayline, aircraft: _Aircraft, *, template: bool) -> str:
    root = ET.Element("kml", {"xmlns": _KML, "xmlns:wpml": _WPML})
    document = ET.SubElement(root, "Document")
    if template:
        _put(document, "author", f"airbeat {plan.provenance.tool_version or __version__}")
    _config(document, wayline, aircraft, template=template)
    folder = ET.SubElement(document, "Folder")
    speed = wayline.speed_m_s or _USUAL_SPEED_M_S
    if template:
        _put(folder, "templateType", "waypoint")
        _put(folder, "templateId", 0)
        system = _put(folder, "waylineCoordinateSysParam")
        _put(system, "coordinateMode", "WGS84")
        _put(system, "heightMode", RELATIVE)
        _put(folder, "autoFlightSpeed", speed)
        _put(folder, "globalHeight", wayline.points[0].height_m)
        _put(folder, "gimbalPitchMode", "manual")
        _heading(folder, "globalWaypointHeadingParam")
        _put(folder, "globalWaypointTurnMode", STOP)
        _put(folder, "globalUseStraightLine", 1)
    else:
        _put(folder, "templateId", 0)
        _put(folder, "executeHeightMode", RELATIVE)
        _put(folder, "waylineId", 0)
        _put(folder, "autoFlightSpeed", speed)
    groups = _Groups(wayline)
    for index, point in enumerate(wayline.points):
        placemark = _placemark(folder, index, point, default_speed=speed, template=template)
        groups.write(placemark, index, point)
    ET.indent(root, space=" ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _config(document: ET.Element, wayline: Wayline, aircraft: _Aircraft, *, template: bool) -> None:
    config = _put(document, "missionConfig")
    _put(config, "flyToWaylineMode", FLY_TO)
    _put(config, "finishAction", FINISH[wayline.finish])
    for name, value in zip(("exitOnRCLost", "executeRCLostAction"), LOST_LINK, strict=True):
        _put(config, name, value)
    security = wayline.take_off_height_m
    _put(config, "takeOffSecurityHeight", _USUAL_SECURITY_HEIGHT_M if security is None else security)
    if template and wayline.home is not None:
        amsl = wayline.home_amsl_m
        place = f"{wayline.home.lat_deg:.8f},{wayline.home.lon_deg:.8f}"
        _put(config, "takeOffRefPoint", f"{place},{0.0 if amsl is None else amsl:.3f}")
    approach = wayline.approach_speed_m_s or wayline.speed_m_s or _USUAL_SPEED_M_S
    _put(config, "globalTransitionalSpeed", approach)
    drone = _put(config, "droneInfo")
    _put(drone, "droneEnumValue", aircraft.drone)
    _put(drone, "droneSubEnumValue", aircraft.drone_sub)
    payload = _put(config, "payloadInfo")
    _put(payload, "payloadEnumValue", aircraft.payload)
    _put(payload, "payloadPositionIndex", 0)


def _heading(parent: ET.Element, name: str) -> None:
    heading = _put(parent, name)
    _put(heading, "waypointHeadingMode", "followWayline")
    _put(heading, "waypointHeadingPathMode", "followBadArc")


def _placemark(
    folder: ET.Element, index: int, point: WaylinePoint, *, default_speed: float, template: bool
) -> ET.Element:
    placemark = ET.SubElement(folder, "Placemark")
    place = ET.SubElement(placemark, "Point")
    position = point.position
    ET.SubElement(place, "coordinates").text = f"{position.lon_deg:.8f},{position.lat_deg:.8f}"
    _put(placemark, "index", index)
    speed = point.speed_m_s or default_speed
    height = f"{point.height_m:.3f}"
    if template:
        _put(placemark, "ellipsoidHeight", height)
        _put(placemark, "height", height)
        _put(placemark, "useGlobalHeight", 0)
        _put(placemark, "useGlobalSpeed", int(speed == default_speed))
        _put(placemark, "useGlobalHeadingParam", 1)
        _put(placemark, "useGlobalTurnParam", 0)
    else:
        _put(placemark, "executeHeight", height)
    _put(placemark, "waypointSpeed", speed)
    _heading(placemark, "waypointHeadingParam")
    turn = _put(placemark, "waypointTurnParam")
    _put(turn, "waypointTurnMode", CURVE if point.smooth else STOP)
    _put(turn, "waypointTurnDampingDist", 0)
    if not template:
        _put(placemark, "useStraightLine", int(not point.smooth))
    return placemark


class _Groups:
    """Writes action groups and numbers them through the whole wayline."""

    def __init__(self, wayline: Wayline) -> None:
        self._spans = {span.first: span for span in wayline.spans}
        self._next = 0

    def write(self, placemark: ET.Element, index: int, point: WaylinePoint) -> None:
        """The groups that begin at a point."""
        if point.actions:
            group = self._group(placemark, index, index, "reachPoint", None)
            for number, action in enumerate(point.actions):
                _write_action(group, number, action)
        if index in self._spans:
            span = self._spans[index]
            group = self._group(placemark, index, span.last, "multipleDistance", span.distance_m)
            _write_action(group, 0, Action(kind=ActionKind.PHOTO))

    def _group(
        self, placemark: ET.Element, first: int, last: int, trigger: str, param: float | None
    ) -> ET.Element:
        group = _put(placemark, "actionGroup")
        _put(group, "actionGroupId", self._next)
        self._next += 1
        _put(group, "actionGroupStartIndex", first)
        _put(group, "actionGroupEndIndex", last)
        _put(group, "actionGroupMode", "sequence")
        element = _put(group, "actionTrigger")
        _put(element, "actionTriggerType", trigger)
        if param is not None:
            _put(element, "actionTriggerParam", param)
        return group


FUNCTIONS = {
    ActionKind.PHOTO: "takePhoto",
    ActionKind.HOVER: "hover",
    ActionKind.GIMBAL_PITCH: "gimbalRotate",
    ActionKind.HEADING: "rotateYaw",
    ActionKind.RECORD: "startRecord",
    ActionKind.STOP_RECORDING: "stopRecord",
}


def _write_action(group: ET.Element, number: int, action: Action) -> None:
    element = _put(group, "action")
    _put(element, "actionId", number)
    _put(element, "actionActuatorFunc", FUNCTIONS[action.kind])
    params = _put(element, "actionActuatorFuncParam")
    if action.kind is ActionKind.HOVER:
        _put(params, "hoverTime", action.value)
        return
    if action.kind is ActionKind.HEADING:
        turned = action.value - 360.0 if action.value > 180.0 else action.value
        _put(params, "aircraftHeading", turned)
        _put(params, "aircraftPathMode", "clockwise" if turned >= 0 else "counterClockwise")
        return
    if action.kind is ActionKind.GIMBAL_PITCH:
        _put(params, "gimbalHeadingYawBase", "north")
        _put(params, "gimbalRotateMode", "absoluteAngle")
        for axis, enabled, angle in (("Pitch", 1, action.value), ("Roll", 0, 0.0), ("Yaw", 0, 0.0)):
            _put(params, f"gimbal{axis}RotateEnable", enabled)
            _put(params, f"gimbal{axis}RotateAngle", angle)
        _put(params, "gimbalRotateTimeEnable", 0)
        _put(params, "gimbalRotateTime", 0)
    elif action.kind in (ActionKind.PHOTO, ActionKind.RECORD):
        _put(params, "fileSuffix", "")
    _put(params, "payloadPositionIndex", 0)
