"""The mission of a closer look at one place: a low orbit, the camera pointed at it, in a known fence."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airbeat.errors import UsageError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.mission.loader import parse_mission, read_content, read_tree

__all__ = ["LOWEST_LOOK_M", "closer_look_text", "look_height_m", "moved_terrain", "yaml_text"]

LOWEST_LOOK_M = 15.0
"""No look is proposed from lower: wires and tree tops are what aircraft meet there [m]."""
_GSD_M_PX = 0.01
_LOWER = 0.6
_KEPT = ("home", "fence", "rally", "camera", "airframe", "wind")


def look_height_m(flown_m: float, height_for_gsd_m: float) -> float:
    """Height of a closer look above the ground: lower than flown, low enough for 1 cm, never below 15 m.

    Args:
        flown_m: height above ground from which the candidate was seen [m].
        height_for_gsd_m: distance at which the camera shows 1 cm a pixel [m]; the look is from 45° aside, so
            that its height is 0.7 of the distance.
    """
    lower_m = min(_LOWER * flown_m, height_for_gsd_m * math.sqrt(0.5))
    return round(max(LOWEST_LOOK_M, lower_m), 1)


def closer_look_text(
    mission: Path,
    *,
    out: Path,
    target: LatLon,
    name: str,
    flown_m: float,
    ground_m: float = 0.0,
    height_m: float | None = None,
    radius_m: float | None = None,
    photos: int = 12,
) -> str:
    """The text of a mission file that orbits a place.

    Home, fence, rally points, camera, airframe, wind and height model are those of the mission flown.

    Args:
        mission: the mission file.
        out: where the new file will lie; the height model's path is written from there.
        target: what to look at, WGS84.
        name: what it is called.
        flown_m: height above ground from which it was seen [m].
        ground_m: height of the ground there above home, where the mission has no height model [m].
        height_m: height of the orbit above the ground [m]; None for lower than flown, low enough for 1 cm a
            pixel.
        radius_m: of the orbit; None for the height, which looks down at 45° [m].
        photos: on the circle.

    Raises:
        MissionFileError: the mission file is wrong.
        UsageError: the height or radius cannot be flown, or is not lower than before.
    """
    content = read_content(mission)
    parsed = parse_mission(content.decode("utf-8-sig"), name=str(mission), base_dir=mission.parent)
    if height_m is None:
        height_m = look_height_m(flown_m, parsed.camera.height_for_gsd_m(_GSD_M_PX))
    _refuse_height(height_m, flown_m)
    radius_m = height_m if radius_m is None else radius_m
    tree = read_tree(content, str(mission)).data
    modelled = "terrain" in tree
    data: dict[str, Any] = {
        "airbeat": 1,
        "kind": "search",
        "name": f"Closer look at {name}: {tree['name']}"[:200],
        **{key: tree[key] for key in ("status", "datum") if key in tree},
        **{key: tree[key] for key in _KEPT if key in tree},
        "height": {
            "value_m": height_m if modelled else round(height_m + ground_m, 1),
            "datum": "agl" if modelled else "home",
        },
        "speed_m_s": min(4.0, float(tree["speed_m_s"])),
        "search": {
            "pattern": "orbit",
            "centre": {"lat": round(target.lat_deg, 8), "lon": round(target.lon_deg, 8), "datum": "wgs84"},
            "radius_m": round(radius_m, 1),
            "photos_per_turn": photos,
        },
    }
    if ground_m and not modelled:
        data["search"]["target_height_m"] = round(ground_m, 1)
    if modelled:
        block = tree["terrain"] if isinstance(tree["terrain"], dict) else {"file": tree["terrain"]}
        block = block | {"tolerance_m": min(parsed.terrain_tolerance_m, math.floor(height_m * 2.5) / 10)}
        data["terrain"] = moved_terrain(block, lambda name: mission.parent / name, out.parent)
    return _HEAD.format(mission=mission.name, name=name) + yaml_text(data)


def _refuse_height(height_m: float, flown_m: float) -> None:
    """Refuse an orbit that is no closer look.

    Raises:
        UsageError: it is too low to be flown, or not lower than what was flown.
    """
    if height_m < 5:
        raise UsageError(
            Message("{height_m:g} m is too low to fly round anything", height_m=height_m),
            remedy="give --height-m 15 or more",
        )
    if height_m >= flown_m:
        raise UsageError(
            Message(
                "{height_m:g} m is not lower than the {flown_m:.0f} m that it was seen from",
                height_m=height_m,
                flown_m=flown_m,
            ),
            remedy=Message("give --height-m below {flown_m:.0f}", flown_m=flown_m),
        )


_HEAD = (
    "# A closer look at {name}, made by airbeat search look from {mission}: look at heights and obstacles\n"
    "# before you fly it.\n"
)


def moved_terrain(terrain: Any, find: Callable[[str], Path], to_dir: Path) -> Any:
    """A terrain block whose files are named from another folder.

    Args:
        terrain: as it stands in a mission or case file.
        find: where the file of a name lies.
        to_dir: the folder of the file that the block is written into.
    """
    if isinstance(terrain, dict):
        return terrain | {"file": moved_terrain(terrain["file"], find, to_dir)}
    if isinstance(terrain, list):
        return [moved_terrain(name, find, to_dir) for name in terrain]
    return Path(os.path.relpath(find(str(terrain)).absolute(), to_dir.absolute())).as_posix()


def yaml_text(data: dict[str, Any]) -> str:
    """A mission file's blocks as YAML text, in their order."""
    from ruamel.yaml import YAML

    writer: Any = YAML(typ="safe", pure=True)
    writer.default_flow_style = None
    writer.allow_unicode = True
    writer.sort_base_mapping_type_on_output = False
    writer.width = 100
    stream = io.StringIO()
    writer.dump(data, stream)
    return stream.getvalue()
