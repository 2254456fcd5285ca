"""Where the units of a units file are now: asked over their links, read from tracks, or as the file says."""

from __future__ import annotations

from datetime import datetime

from airbeat.errors import InputFileError, LinkError, UsageError
from airbeat.formats.gpxtrack import read_track_end
from airbeat.language.words import Message
from airbeat.link.connection import Link
from airbeat.link.telemetry import Telemetry
from airbeat.link.vehicle import Vehicle
from airbeat.mission.beat import Beat
from airbeat.mission.units import DroneEntry, GroundEntry, Units
from airbeat.patrol.dispatch import DroneState, GroundState

__all__ = ["drone_states", "ground_states", "state_over_link"]

_SLOWEST_M_S = 0.5
"""Who stood still for two minutes needs a speed of their own in the file [m/s]."""
_HEARD_S = 10.0
_OFF_GROUND_M = 1.0


def _said_enough(now: Telemetry) -> bool:
    known = (now.position, now.height_above_home_m, now.armed, now.battery_share)
    return all(value is not None for value in known)


def ground_states(entries: tuple[GroundEntry, ...], *, now: datetime) -> tuple[GroundState, ...]:
    """Where people on the ground are.

    Args:
        entries: of the units file.
        now: with a time zone.

    Raises:
        PlanFileError: a track cannot be read.
        InputFileError: a position of the future, or somebody who stands still and has no speed.
    """
    found = []
    for entry in entries:
        position, heard, speed = entry.position, entry.heard, entry.speed_m_s
        if entry.gpx is not None:
            end = read_track_end(entry.gpx)
            position, heard = end.position, end.time_utc
            if speed is None:
                speed = end.speed_m_s if end.speed_m_s >= _SLOWEST_M_S else None
        if speed is None:
            raise InputFileError(
                Message(
                    "{name} stands still at the end of its track, so its speed is not known", name=entry.name
                ),
                remedy="give it a speed_m_s in the units file",
            )
        age_s = 0.0 if heard is None else (now - heard).total_seconds()
        if age_s < -60.0:
            raise InputFileError(
                Message(
                    "the position of {name} was heard {ahead_min:.0f} min after now",
                    name=entry.name,
                    ahead_min=-age_s / 60,
                ),
                remedy="check the clocks, or give --now",
            )
        assert position is not None  # noqa: S101 - the file has one or a track
        found.append(GroundState(name=entry.name, position=position, speed_m_s=speed, age_s=max(age_s, 0.0)))
    return tuple(found)


def drone_states(units: Units, beat: Beat, links: dict[str, Link]) -> tuple[DroneState, ...]:
    """Where the drones are; one that does not answer cannot go, and says so.

    Args:
        units: the file.
        beat: whose drones they are.
        links: open ones, by the drone's name; drones with an address and no link do not answer.

    Raises:
        UsageError: a drone that the beat does not have.
    """
    pads = {drone.name: site.position for site, drone in beat.drones}
    states = []
    for entry in units.drones:
        if entry.name not in pads:
            raise UsageError(
                Message("no drone {name!r} in this beat", name=entry.name),
                remedy=Message("there are: {there}", there=", ".join(pads)),
            )
        if entry.connect is not None and not entry.out_of_service:
            link = links.get(entry.name)
            states.append(
                DroneState(name=entry.name, position=pads[entry.name], why_not="it does not answer")
                if link is None
                else state_over_link(link, entry)
            )
            continue
        states.append(
            DroneState(
                name=entry.name,
                position=entry.position or pads[entry.name],
                height_m=entry.height_m,
                flying=entry.height_m > _OFF_GROUND_M,
                battery_share=entry.battery_share,
                ready_s=entry.ready_s,
                why_not=entry.out_of_service,
            )
        )
    return tuple(states)


def state_over_link(link: Link, entry: DroneEntry) -> DroneState:
    """Where a drone is by its own word.

    Raises:
        LinkError: it fell silent before it said where it is.
    """
    vehicle = Vehicle.on(link)
    vehicle.start_telemetry()
    if not vehicle.wait(_said_enough, timeout_s=_HEARD_S, what="its position and battery"):
        raise LinkError(
            Message("{name} does not say where it is and how full its battery is", name=entry.name)
        )
    now = vehicle.now
    if now.position is None or now.height_above_home_m is None or now.battery_share is None:
        raise LinkError(
            Message("{name} does not say where it is and how full its battery is", name=entry.name)
        )
    flying = bool(now.armed) and now.height_above_home_m > _OFF_GROUND_M
    taken = "" if not flying or now.mode == "AUTO" else f"it is flown by hand ({now.mode})"
    return DroneState(
        name=entry.name,
        position=now.position,
        height_m=max(now.height_above_home_m, 0.0),
        flying=flying,
        battery_share=now.battery_share,
        ready_s=0.0 if flying else entry.ready_s,
        why_not=taken,
    )
