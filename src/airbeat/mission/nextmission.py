"""The mission file of one sortie of a search: a track line, with all else as the case says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airbeat.geo.coordinates import Altitude, LatLon
from airbeat.mission.closerlook import yaml_text

__all__ = ["sortie_text"]

_HEAD = (
    "# A sortie of a search, made by airbeat search next from {case}: look at heights and obstacles\n"
    "# before you fly it.\n"
)
_DRONE_KEYS = ("camera", "airframe")


def sortie_text(
    case: dict[str, Any],
    *,
    case_name: str,
    drone: int,
    home: LatLon,
    home_amsl_m: float | None,
    name: str,
    height: Altitude,
    speed_m_s: float,
    line: Sequence[LatLon],
    spacing_m: float,
    terrain: Any | None = None,
) -> str:
    """The text of a mission file that flies a line with the camera on.

    Fence and wind are the case's, camera and airframe its drone's.

    Args:
        case: the case file as it was read from YAML.
        case_name: its file's name.
        drone: which of its drones, from 0.
        home: the launch place, WGS84.
        home_amsl_m: its height above mean sea level [m], or None.
        name: what the sortie is called.
        height: above home, or above the ground of the height model.
        speed_m_s: search speed [m/s].
        line: the corners, WGS84.
        spacing_m: distance to the neighbouring sweeps [m].
        terrain: the terrain block, its files named from where the mission file will lie; None without one.
    """
    place = _point(home) | ({} if home_amsl_m is None else {"amsl_m": home_amsl_m})
    data: dict[str, Any] = {
        "airbeat": 1,
        "kind": "search",
        "name": name[:200],
        **({"status": case["status"]} if "status" in case else {}),
        "home": place,
        **({"fence": {"datum": case.get("datum", "wgs84"), **case["fence"]}} if "fence" in case else {}),
        **({"wind": case["wind"]} if "wind" in case else {}),
        **({} if terrain is None else {"terrain": terrain}),
        "height": {"value_m": round(height.value_m, 1), "datum": height.datum.value},
        **{key: case["drones"][drone][key] for key in _DRONE_KEYS},
        "speed_m_s": round(speed_m_s, 2),
        "search": {
            "pattern": "track-line",
            "spacing_m": round(spacing_m, 1),
            "line": [_point(p) for p in line],
        },
    }
    return _HEAD.format(case=case_name) + yaml_text(data)


def _point(place: LatLon) -> dict[str, float]:
    return {"lat": round(place.lat_deg, 7), "lon": round(place.lon_deg, 7)}
