"""QGroundControl's complex items, survey and corridor scan: their settings beside the items they hold.

Keys and versions are those that QGroundControl 4.2 and later write (SurveyComplexItem 5,
CorridorScanComplexItem 2, TransectStyleComplexItem 2, CameraCalc 2, in ``src/MissionManager``); the older
TransectStyleComplexItem 1 and CameraCalc 0 and 1 are read as QGroundControl upgrades them. It flies ``Items``
as they are until somebody edits the item, and makes them again from the settings then.
"""

from __future__ import annotations

from typing import Any

from airbeat.errors import PlanFileError
from airbeat.formats.jsontext import get_list, get_number, get_object, latlon, number, whole
from airbeat.formats.limits import MAX_ITEMS, MAX_VERTICES, clean_text
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.language.words import Message
from airbeat.mission.editable import EditablePattern, PatternCamera, PatternKind, PatternTerrain

__all__ = ["MANUAL_CAMERA", "complex_object", "pattern_kind", "read_settings"]

MANUAL_CAMERA = "Manual (no camera specs)"
"""CameraCalc::canonicalManualCameraName: spacing and trigger distance are set, not computed."""

_KINDS = {"survey": PatternKind.SURVEY, "CorridorScan": PatternKind.CORRIDOR}
_NAME_OF_KIND = {kind: name for name, kind in _KINDS.items()}
_INNER = "TransectStyleComplexItem"
_RELATIVE, _ABSOLUTE, _CALCULATED, _TERRAIN_FRAME = 1, 2, 3, 4
_DATUM_OF_MODE = {
    _RELATIVE: AltitudeDatum.HOME,
    _ABSOLUTE: AltitudeDatum.AMSL,
    _CALCULATED: AltitudeDatum.AGL,
    _TERRAIN_FRAME: AltitudeDatum.AGL,
}
_MODE_OF_DATUM = {
    AltitudeDatum.HOME: _RELATIVE,
    AltitudeDatum.AMSL: _ABSOLUTE,
    AltitudeDatum.AGL: _TERRAIN_FRAME,
}


def pattern_kind(entry: dict[str, Any]) -> PatternKind | None:
    """Which pattern a complex item is; None for one of another kind."""
    kind = entry.get("complexItemType")
    return _KINDS.get(kind) if isinstance(kind, str) else None


def complex_object(pattern: EditablePattern, items: list[dict[str, Any]]) -> dict[str, Any]:
    """A pattern as QGroundControl's complex item.

    Args:
        pattern: the settings.
        items: its items as SimpleItems, without the keys that state the altitude a second time.
    """
    outline = [[place.lat_deg, place.lon_deg] for place in pattern.outline]
    result: dict[str, Any] = {
        _INNER: _transect_object(pattern, items),
        "complexItemType": _NAME_OF_KIND[pattern.kind],
        "type": "ComplexItem",
    }
    if pattern.kind is PatternKind.CORRIDOR:
        return result | {
            "CorridorWidth": pattern.width_m,
            "EntryPoint": pattern.entry,
            "polyline": outline,
            "version": 2,
        }
    return result | {
        "angle": pattern.angle_deg,
        "entryLocation": pattern.entry,
        "flyAlternateTransects": pattern.alternate,
        "polygon": outline,
        "splitConcavePolygons": pattern.split_concave,
        "version": 5,
    }


def _transect_object(pattern: EditablePattern, items: list[dict[str, Any]]) -> dict[str, Any]:
    result = {
        "CameraCalc": _camera_object(pattern),
        "CameraShots": pattern.photos,
        "CameraTriggerInTurnAround": pattern.photos_in_turns,
        "HoverAndCapture": pattern.hover,
        "Items": items,
        "Refly90Degrees": pattern.crosshatch,
        "TurnAroundDistance": pattern.turnaround_m,
        "VisualTransectPoints": [[place.lat_deg, place.lon_deg] for place in pattern.track],
        "version": 2,
    }
    terrain = pattern.terrain
    if terrain is not None:
        result |= {
            "TerrainAdjustTolerance": terrain.tolerance_m,
            "TerrainAdjustMaxClimbRate": terrain.climb_m_s,
            "TerrainAdjustMaxDescentRate": terrain.descent_m_s,
        }
        if terrain.speed_m_s is not None:
            result["TerrainFlightSpeed"] = terrain.speed_m_s
    return result


def _camera_object(pattern: EditablePattern) -> dict[str, Any]:
    mode = _CALCULATED if pattern.terrain is not None else _MODE_OF_DATUM[pattern.altitude.datum]
    result: dict[str, Any] = {
        "AdjustedFootprintFrontal": pattern.trigger_distance_m,
        "AdjustedFootprintSide": pattern.spacing_m,
        "CameraName": pattern.camera_name,
        "DistanceMode": mode,
        "DistanceToSurface": pattern.altitude.value_m,
        "version": 2,
    }
    camera = pattern.camera
    if camera is None:
        return result
    return result | {
        "FixedOrientation": camera.fixed_orientation,
        "FocalLength": camera.focal_length_mm,
        "FrontalOverlap": camera.frontal_overlap_percent,
        "ImageDensity": camera.gsd_cm_px,
        "ImageHeight": camera.image_height_px,
        "ImageWidth": camera.image_width_px,
        "Landscape": camera.landscape,
        "MinTriggerInterval": camera.min_interval_s,
        "SensorHeight": camera.sensor_height_mm,
        "SensorWidth": camera.sensor_width_mm,
        "SideOverlap": camera.side_overlap_percent,
        "ValueSetIsDistance": camera.height_is_set,
    }


def read_settings(entry: dict[str, Any], *, where: str) -> dict[str, Any]:
    """The settings of a complex item, as the fields of an `EditablePattern` but for its items.

    Raises:
        PlanFileError: not the keys and values that QGroundControl needs to load it, a place that is none.
    """
    kind = pattern_kind(entry)
    if kind is None:
        raise PlanFileError("not a survey or corridor scan", where=where)
    inner = get_object(entry, _INNER, where=where)
    fields: dict[str, Any] = {"kind": kind, **_outline_fields(kind, entry, where=where)}
    fields |= {
        "turnaround_m": get_number(inner, "TurnAroundDistance", where=where),
        "photos_in_turns": _flag(inner, "CameraTriggerInTurnAround", where=where),
        "hover": _flag(inner, "HoverAndCapture", where=where),
        "crosshatch": _flag(inner, "Refly90Degrees", where=where),
        "photos": whole(inner.get("CameraShots", 0), where=where, what="CameraShots"),
        "track": _places(inner, "VisualTransectPoints", MAX_ITEMS, where=where),
    }
    camera = get_object(inner, "CameraCalc", where=where)
    mode = _mode(camera, inner, where=where)
    fields |= _camera_fields(camera, mode, where=where)
    fields["terrain"] = _terrain(inner, where=where) if mode == _CALCULATED else None
    return fields


def _outline_fields(kind: PatternKind, entry: dict[str, Any], *, where: str) -> dict[str, Any]:
    corridor = kind is PatternKind.CORRIDOR
    key, least = ("polyline", 2) if corridor else ("polygon", 3)
    outline = _places(entry, key, MAX_VERTICES, where=where)
    if not corridor and len(outline) > 1 and outline[0] == outline[-1]:
        outline = outline[:-1]
    if len(outline) < least:
        raise PlanFileError(
            Message(
                "{key} has {outline} vertices, {least} are needed", key=key, outline=len(outline), least=least
            ),
            where=where,
        )
    if corridor:
        return {
            "outline": outline,
            "width_m": get_number(entry, "CorridorWidth", where=where),
            "entry": _entry(entry.get("EntryPoint"), where=where),
        }
    return {
        "outline": outline,
        "angle_deg": get_number(entry, "angle", where=where),
        "entry": _entry(entry.get("entryLocation"), where=where),
        "alternate": entry.get("flyAlternateTransects") is True,
        "split_concave": entry.get("splitConcavePolygons", True) is not False,
    }


def _entry(value: object, *, where: str) -> int:
    entry = whole(value, where=where, what="the entry corner")
    if not 0 <= entry <= 3:
        raise PlanFileError(Message("entry corner {entry}, there are 0 to 3", entry=entry), where=where)
    return entry


def _places(parent: dict[str, Any], key: str, limit: int, *, where: str) -> tuple[LatLon, ...]:
    rows = get_list(parent, key, where=where, limit=limit)
    return tuple(latlon(row, where=f"{where}, {key} {n}")[0] for n, row in enumerate(rows, start=1))


def _flag(parent: dict[str, Any], key: str, *, where: str) -> bool:
    value = parent.get(key)
    if not isinstance(value, bool):
        raise PlanFileError(Message("{key} must be true or false", key=key), where=where)
    return value


def _mode(camera: dict[str, Any], inner: dict[str, Any], *, where: str) -> int:
    """What heights count from; CameraCalc 0 and 1 said it with two flags."""
    if "DistanceMode" in camera:
        mode = whole(camera["DistanceMode"], where=where, what="DistanceMode")
    elif inner.get("FollowTerrain") is True:
        mode = _CALCULATED
    else:
        mode = _RELATIVE if camera.get("DistanceToSurfaceRelative") is not False else _ABSOLUTE
    if mode not in _DATUM_OF_MODE:
        raise PlanFileError(
            Message("DistanceMode {mode} says of no height what it counts from", mode=mode), where=where
        )
    return mode


def _camera_fields(camera: dict[str, Any], mode: int, *, where: str) -> dict[str, Any]:
    height_m = get_number(camera, "DistanceToSurface", where=where)
    name = camera.get("CameraName")
    if not isinstance(name, str):
        raise PlanFileError("CameraName must be text", where=where)
    name = clean_text(name, limit=200)
    return {
        "altitude": Altitude(value_m=height_m, datum=_DATUM_OF_MODE[mode]),
        "spacing_m": get_number(camera, "AdjustedFootprintSide", where=where),
        "trigger_distance_m": get_number(camera, "AdjustedFootprintFrontal", where=where),
        "camera_name": name,
        "camera": None if name == MANUAL_CAMERA else _camera(camera, where=where),
    }


def _camera(camera: dict[str, Any], *, where: str) -> PatternCamera:
    def value(key: str) -> float:
        return get_number(camera, key, where=where)

    return PatternCamera(
        sensor_width_mm=value("SensorWidth"),
        sensor_height_mm=value("SensorHeight"),
        focal_length_mm=value("FocalLength"),
        image_width_px=whole(camera.get("ImageWidth"), where=where, what="ImageWidth"),
        image_height_px=whole(camera.get("ImageHeight"), where=where, what="ImageHeight"),
        landscape=_flag(camera, "Landscape", where=where),
        fixed_orientation=_flag(camera, "FixedOrientation", where=where),
        min_interval_s=value("MinTriggerInterval"),
        frontal_overlap_percent=value("FrontalOverlap"),
        side_overlap_percent=value("SideOverlap"),
        gsd_cm_px=value("ImageDensity"),
        height_is_set=_flag(camera, "ValueSetIsDistance", where=where),
    )


def _terrain(inner: dict[str, Any], *, where: str) -> PatternTerrain:
    speed = inner.get("TerrainFlightSpeed")
    return PatternTerrain(
        tolerance_m=get_number(inner, "TerrainAdjustTolerance", where=where),
        climb_m_s=get_number(inner, "TerrainAdjustMaxClimbRate", where=where),
        descent_m_s=get_number(inner, "TerrainAdjustMaxDescentRate", where=where),
        speed_m_s=None if speed is None else number(speed, where=where, what="TerrainFlightSpeed"),
    )
