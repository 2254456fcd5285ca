"""Beat files: from YAML text to a :class:`~airbeat.mission.beat.Beat`, or all problems at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import shapely

from airbeat.errors import GeometryError, MissionFileError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.datums import MapDatum
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.language.words import N_, Message
from airbeat.mission.beat import (
    DAY_MIN,
    Beat,
    BeatDrone,
    HotSpots,
    LaunchSite,
    LineVisit,
    PointVisit,
    RosterWish,
    SweepVisit,
    Times,
    Visit,
    ZoneWish,
)
from airbeat.mission.beatschema import (
    BeatFile,
    DroneSection,
    HotSpotsSection,
    LaunchSection,
    TimesSection,
    ZonesSection,
)
from airbeat.mission.beatvisits import (
    above_site,
    check_times,
    resolve_crowds,
    resolve_privacy,
    resolve_visits,
)
from airbeat.mission.casesources import Sources, resolve_ground
from airbeat.mission.incidents import read_incidents
from airbeat.mission.loader import UNSURVEYED, draft_of, problems_in, provenance_of, read_content, read_tree
from airbeat.mission.plan import Provenance
from airbeat.mission.resolve import (
    Ledger,
    check_vertices,
    resolve_airframe,
    resolve_camera,
    resolve_fence,
    resolve_height,
    resolve_place,
    resolve_rally,
    resolve_wind,
)
from airbeat.mission.sanity import MAX_DISTANCE_M
from airbeat.mission.yamltree import KeyPath, dotted

__all__ = ["load_beat", "parse_beat"]


def load_beat(path: Path) -> Beat:
    """Read a beat file; files that it names are looked up beside it.

    Raises:
        MissionFileError: all problems of the file, with line and column.
    """
    return parse_beat(read_content(path), name=str(path), base_dir=path.parent)


def parse_beat(content: bytes, *, name: str, base_dir: Path) -> Beat:
    """Read a beat from the content of its file.

    Args:
        content: of the file.
        name: stands in messages.
        base_dir: where files that it names are looked up.

    Raises:
        MissionFileError: all problems of the file, with line and column.
    """
    ledger = Ledger(tree=read_tree(content, name))
    if "patrol" in ledger.tree.data and "beat" not in ledger.tree.data:
        ledger.add(("patrol",), "is one flight, not a beat", "airbeat plan reads it")
        raise MissionFileError(name, problems_in(ledger))
    draft = draft_of(BeatFile, ledger)
    sources = Sources(base_dir=base_dir, ledger=ledger)
    beat = _beat(draft, sources, provenance_of(content, name), name)
    if beat is None or ledger.problems or ledger.tree.problems:
        raise MissionFileError(name, problems_in(ledger))
    return beat


def _beat(draft: BeatFile, sources: Sources, provenance: Provenance, name: str) -> Beat | None:
    ledger = sources.ledger

    def block(key: str) -> Any:
        return getattr(draft, key, None)

    ledger.datum = MapDatum(draft.datum)
    if draft.status == "unsurveyed":
        ledger.notes.append(UNSURVEYED)
    times = tuple(_times(s) for s in block("times") or ())
    names = _named(ledger.tree.data.get("times"))
    shifts = check_times(block("shifts"), names, ("shifts",), sources)
    sites = tuple(_site(s, n, sources) for n, s in enumerate(block("launch") or ()))
    visits = resolve_visits(block("beat"), names, sources) if block("beat") else ()
    privacy = resolve_privacy(block("privacy") or (), sources)
    crowds = resolve_crowds(block("crowds") or (), names, sources)
    zones = _zones(block("zones"), sources) if block("zones") else None
    zone = ZoneInfo(block("time_zone") or "UTC")
    hot_spots = _hot_spots(block("hot_spots"), zone, sources) if block("hot_spots") else None
    fence = resolve_fence(block("fence"), ledger) if block("fence") else None
    margin_m = block("fence").margin_m or 0.0 if block("fence") else 0.0
    rally = resolve_rally(block("rally"), ledger) if block("rally") else None
    check_vertices(ledger)
    if not ledger.problems and not ledger.tree.problems:
        _check_names(visits, sites, ledger)
        _check_places(visits, sites, ledger)
        _check_drones(visits, sites, ledger)
    if ledger.problems or ledger.tree.problems:
        return None
    roster = draft.roster
    return Beat(
        name=draft.name,
        time_zone=zone,
        sites=sites,
        visits=visits,
        times=times,
        shifts=shifts,
        privacy=privacy,
        crowds=crowds,
        zones=zones,
        roster=RosterWish(
            seed=roster.seed,
            random_order=roster.order == "random",
            random_departure=roster.departure == "random",
            event_s=roster.event_min * 60.0,
        ),
        hot_spots=hot_spots,
        fence=fence,
        margin_m=margin_m,
        rally=rally,
        wind=resolve_wind(block("wind")) if block("wind") else None,
        notes=tuple(dict.fromkeys([*ledger.datum_notes(), *ledger.notes])),
        provenance=provenance,
        inputs=tuple(sources.inputs.items()),
        places={dotted(k): f"{name}:{p.line}:{p.column}" for k, p in ledger.tree.places.items()},
    )


def _times(section: TimesSection) -> Times:
    def days(values: Iterable[date] | None) -> frozenset[date]:
        return frozenset(values or ())

    end_min = section.end if section.end > section.begin else section.end + DAY_MIN
    return Times(
        name=section.name,
        begin_min=section.begin,
        end_min=end_min,
        weekdays=frozenset(range(7) if section.weekdays is None else section.weekdays),
        first=section.first,
        last=section.last,
        only=days(section.only),
        without=days(section.without),
    )


def _named(block: Any) -> frozenset[str]:
    """Names of times as the file gives them, also where one cannot be used otherwise."""
    entries = block if isinstance(block, list) else []
    return frozenset(
        e["name"].strip() for e in entries if isinstance(e, dict) and isinstance(e.get("name"), str)
    )


def _site(section: LaunchSection, number: int, sources: Sources) -> LaunchSite:
    at: KeyPath = ("launch", number)
    drones = [_drone(s, (*at, "drones", n), sources) for n, s in enumerate(section.drones)]
    return LaunchSite(
        name=section.name,
        position=resolve_place(section, sources.ledger),
        amsl_m=section.amsl_m,
        chargers=section.chargers,
        drones=tuple(d for d in drones if d is not None),
    )


def _drone(section: DroneSection, at: KeyPath, sources: Sources) -> BeatDrone | None:
    ledger = sources.ledger
    camera = resolve_camera(section.camera, ledger, path=(*at, "camera"))
    airframe = resolve_airframe(section.airframe, ledger, path=(*at, "airframe"))
    altitude = resolve_height(section.height, camera, (*at, "height"), ledger)
    if camera is None or airframe is None or altitude is None:
        return None
    if not above_site(altitude, (*at, "height"), sources):
        return None
    if section.speed_m_s > airframe.max_speed_m_s:
        ledger.add(
            (*at, "speed_m_s"),
            Message(
                "must be {max_speed_m_s:g} or less, the most that {name} flies (got {speed_m_s:g})",
                max_speed_m_s=airframe.max_speed_m_s,
                name=airframe.name,
                speed_m_s=section.speed_m_s,
            ),
            "speeds are metres a second: 36 km/h is 10",
        )
    return BeatDrone(
        name=section.name,
        camera=camera,
        airframe=airframe,
        altitude=altitude,
        speed_m_s=section.speed_m_s,
        batteries=section.batteries,
        charge_s=section.charge_min * 60.0,
        swap_s=section.swap_min * 60.0,
        loudspeaker=section.loudspeaker,
    )


def _zones(section: ZonesSection, sources: Sources) -> ZoneWish:
    if section.count is not None:
        return ZoneWish(count=section.count)
    areas = []
    for number, part in enumerate(section.areas or ()):
        area = resolve_ground(part, ("zones", "areas", number), sources)
        if area is not None:
            areas.append((part.name, area))
    _refuse_twice([n for n, _ in areas], ("zones", "areas"), N_("zones"), sources.ledger)
    return ZoneWish(areas=tuple(areas))


def _hot_spots(section: HotSpotsSection, zone: ZoneInfo, sources: Sources) -> HotSpots | None:
    at: KeyPath = ("hot_spots", "file")
    path = sources.path(section.file, at)
    if path is None:
        return None
    try:
        incidents, digest = read_incidents(
            path, time_zone=zone, kinds=section.kinds or (), datum=sources.ledger.datum_of(section.datum)
        )
    except GeometryError as error:
        sources.refuse(at, error)
        return None
    sources.inputs[section.file] = digest
    if not incidents:
        sources.ledger.add(
            at, Message("{file} holds no incident of these kinds", file=section.file), "check hot_spots.kinds"
        )
        return None
    return HotSpots(
        incidents=incidents,
        bandwidth_m=section.bandwidth_m,
        bandwidth_h=section.bandwidth_h,
        strength=section.strength,
    )


# contradictions between blocks


def _refuse_twice(names: Sequence[str], at: KeyPath, what: str, ledger: Ledger) -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            ledger.add(
                (*at, number, "name"),
                Message("{name!r} is given twice", name=name),
                Message("names tell {what} apart", what=Message(what)),
            )


def _check_names(visits: Sequence[Visit], sites: Sequence[LaunchSite], ledger: Ledger) -> None:
    seen: dict[str, str] = {}
    for visit, path in zip(visits, _visit_paths(ledger), strict=True):
        if visit.name in seen:
            ledger.add(
                (*path, "name"),
                Message("{name!r} is also {seen}", name=visit.name, seen=seen[visit.name]),
                "names tell visits apart",
            )
        seen.setdefault(visit.name, visit.key)
    _refuse_twice([s.name for s in sites], ("launch",), N_("launch sites"), ledger)
    called: set[str] = set()
    for number, site in enumerate(sites):
        for k, drone in enumerate(site.drones):
            if drone.name in called:
                ledger.add(
                    ("launch", number, "drones", k, "name"),
                    Message("{name!r} is given twice", name=drone.name),
                    "a call sign belongs to one drone",
                )
            called.add(drone.name)


def _visit_paths(ledger: Ledger) -> list[KeyPath]:
    """Paths of the visits in their order; all of them could be read."""
    block = ledger.tree.data["beat"]
    return [
        ("beat", key, n) for key in ("points", "lines", "sweeps") for n in range(len(block.get(key) or ()))
    ]


def _corners(visit: Visit) -> list[LatLon]:
    if isinstance(visit, PointVisit):
        return [visit.position]
    if isinstance(visit, LineVisit):
        return list(visit.line)
    if isinstance(visit, SweepVisit):
        return [
            LatLon(lat_deg=float(lat), lon_deg=float(lon)) for lon, lat in shapely.get_coordinates(visit.area)
        ]
    return []


def _check_places(visits: Sequence[Visit], sites: Sequence[LaunchSite], ledger: Ledger) -> None:
    frame = LocalFrame(sites[0].position)
    groups: list[tuple[KeyPath, list[LatLon]]] = [
        (("launch", n), [site.position]) for n, site in enumerate(sites)
    ]
    groups += [(path, _corners(v)) for v, path in zip(visits, _visit_paths(ledger), strict=True)]
    for path, corners in groups:
        if any(abs(p.lat_deg) < 1e-6 and abs(p.lon_deg) < 1e-6 for p in corners):
            ledger.add(path, "lies at 0, 0 in the Gulf of Guinea", "these coordinates were never filled in")
            continue
        for corner, (x, y) in zip(corners, frame.to_xy(corners), strict=True):
            if not math.hypot(x, y) <= MAX_DISTANCE_M:
                away_km = distance_m(sites[0].position, corner) / 1000.0
                ledger.add(
                    path,
                    Message(
                        "{corner} is {away_km:.0f} km from {name} (at most {max_distance_m:.0f} km)",
                        corner=corner,
                        away_km=away_km,
                        name=sites[0].name,
                        max_distance_m=MAX_DISTANCE_M / 1000,
                    ),
                    "check that latitude and longitude are not swapped",
                )
                break


def _check_drones(visits: Sequence[Visit], sites: Sequence[LaunchSite], ledger: Ledger) -> None:
    drones = [drone for site in sites for drone in site.drones]
    if not drones:
        ledger.add(("launch",), "has no drone", "one launch site at least needs drones")
        return
    ceiling_m = (ledger.tree.data.get("fence") or {}).get("max_height_m")
    for visit, path in zip(visits, _visit_paths(ledger), strict=True):
        talks = isinstance(visit, PointVisit) and visit.broadcast is not None
        if talks and not any(d.loudspeaker for d in drones):
            ledger.add(
                (*path, "broadcast"),
                "no drone carries a loudspeaker",
                "loudspeaker: true at one of them",
            )
        _check_gsd(visit, path, drones, ledger)
        if ceiling_m is not None and visit.altitude is not None and visit.altitude.value_m > ceiling_m:
            ledger.add(
                (*path, "height"),
                Message(
                    "must be {ceiling_m:g} m above home or less (got {value_m:g})",
                    ceiling_m=ceiling_m,
                    value_m=visit.altitude.value_m,
                ),
                "fence.max_height_m is the ceiling: fly lower or raise it",
            )
    for number, site in enumerate(sites):
        for k, drone in enumerate(site.drones):
            if ceiling_m is not None and drone.altitude.value_m > ceiling_m:
                ledger.add(
                    ("launch", number, "drones", k, "height"),
                    Message(
                        "must be {ceiling_m:g} m above home or less (got {value_m:g})",
                        ceiling_m=ceiling_m,
                        value_m=drone.altitude.value_m,
                    ),
                    "fence.max_height_m is the ceiling: fly lower or raise it",
                )


def _check_gsd(visit: Visit, path: KeyPath, drones: Sequence[BeatDrone], ledger: Ledger) -> None:
    """The middle of the picture must be as fine as the visit asks, with one drone at least."""
    found = []
    for drone in drones:
        height_m = (visit.altitude or drone.altitude).value_m
        away_m = visit.stand_off_m if isinstance(visit, PointVisit) else 0.0
        found.append(drone.camera.gsd_m_px(math.hypot(height_m, away_m)))
    if min(found) > visit.coarsest_m_px * (1.0 + 1e-9):
        asked = visit.gsd_m_px is not None
        ledger.add(
            (*path, "gsd_cm_px") if asked else path,
            Message(
                "{finest_cm:.1f} cm is the finest that a drone sees (wanted {coarsest_cm:g})"
                if asked
                else "{finest_cm:.1f} cm is the finest that a drone sees (at most {coarsest_cm:g} counts)",
                finest_cm=min(found) * 100,
                coarsest_cm=visit.coarsest_m_px * 100,
            ),
            "fly lower, stand nearer, or ask for less"
            if asked
            else Message(
                "fly lower, stand nearer, or ask for less: gsd_cm_px: {finest_cm}",
                finest_cm=math.ceil(min(found) * 100),
            ),
        )
