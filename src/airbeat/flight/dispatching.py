"""Sending a drone to an incident: the ranking for programs, the order, the checks and the flight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from airbeat.checks.conditions import Conditions
from airbeat.checks.findings import Finding
from airbeat.checks.plan import check_plan
from airbeat.errors import UsageError
from airbeat.flight.begin import NextSortie
from airbeat.flight.divert import Diverted, divert, require_flies, send_from_pad
from airbeat.flight.order import Order
from airbeat.flight.record import FlightRecord
from airbeat.flight.state import read_state
from airbeat.flight.watch import Watchers
from airbeat.geo.frame import distance_m
from airbeat.language.words import Message
from airbeat.link.connection import Link
from airbeat.mission.beat import Beat
from airbeat.mission.plan import FlightPlan
from airbeat.mission.units import DroneEntry
from airbeat.patrol.dispatch import Arrival, Dispatcher, Incident

__all__ = [
    "arrival_json",
    "as_flown",
    "crowded_zones",
    "dispatch_json",
    "file_stem",
    "findings_of",
    "first_to_send",
    "keeping",
    "order_for",
    "outcome_json",
    "outcome_words",
    "send_order",
]


def file_stem(name: str) -> str:
    """A drone's name as part of a file's."""
    return "".join(c if c.isalnum() else "-" for c in name)


def _fresh_record(folder: Path, unit: str) -> Path:
    """A name for the record of another flight of a drone."""
    number = 1
    while (path := folder / f"{file_stem(unit)}-{number}.json").exists():
        number += 1
    return path


def crowded_zones(beat: Beat, moment: datetime) -> frozenset[str]:
    """Names of the crowd zones where people are at a moment."""
    day = moment.astimezone(beat.time_zone).date()
    return frozenset(
        zone.name
        for zone in beat.crowds
        if not zone.times or any(a <= moment <= b for a, b in beat.windows(zone.times, day))
    )


def arrival_json(arrival: Arrival, incident: Incident) -> dict[str, Any]:
    """When one unit is at an incident, for programs."""
    return {
        "unit": arrival.unit,
        "kind": "drone" if arrival.drone else "ground",
        "flying": arrival.flying,
        "arrival_s": arrival.arrival_s,
        "ring": arrival.ring,
        "why_not": arrival.why_not,
        "distance_m": round(distance_m(arrival.way[0], incident.position), 1) if arrival.way else None,
        "bearing_deg": round(arrival.bearing_deg, 1),
        "way_m": round(arrival.length_m, 1),
        "look_s": round(arrival.look_s, 1),
        "battery_share": round(arrival.battery_share, 4),
        "way": [[p.lat_deg, p.lon_deg] for p in arrival.way],
        "notes": list(arrival.notes),
    }


def dispatch_json(incident: Incident, moment: datetime, arrivals: Sequence[Arrival]) -> dict[str, Any]:
    """The ranking for programs and for the log; nobody was sent yet."""
    return {
        "kind": incident.kind,
        "lat_deg": incident.position.lat_deg,
        "lon_deg": incident.position.lon_deg,
        "now": moment.isoformat(timespec="seconds"),
        "units": [arrival_json(a, incident) for a in arrivals],
        "sent": None,
    }


def first_to_send(arrivals: Sequence[Arrival], reached: frozenset[str]) -> Arrival:
    """The first drone that can be reached.

    Args:
        arrivals: the ranking.
        reached: names of the drones to which there is a link.

    Raises:
        UsageError: none can go.
    """
    for arrival in arrivals:
        if arrival.drone and arrival.arrival_s is not None and arrival.unit in reached:
            return arrival
    raise UsageError(
        "no drone with an address can go", remedy="name one in the units file: connect: udpin:0.0.0.0:14550"
    )


def order_for(dispatcher: Dispatcher, arrival: Arrival, incident: Incident, beat: Beat) -> Order:
    """What a drone of the beat is told."""
    site, drone = next((s, d) for s, d in beat.drones if d.name == arrival.unit)
    return Order(
        arrival=arrival,
        incident=incident,
        site=site,
        drone=drone,
        dispatcher=dispatcher,
        rally=beat.rally,
    )


def findings_of(order: Order) -> list[Finding]:
    """What the checks find in the way, as it is flown."""
    return check_plan(as_flown(order), Conditions())


def as_flown(order: Order) -> FlightPlan:
    """The way as the checks should see it: begun where the drone is."""
    start = order.arrival.way[0] if order.arrival.flying else None
    plan = order.plan(start)
    return NextSortie(plan=plan, rest=plan, start=start).as_flown()


def send_order(
    link: Link,
    order: Order,
    entry: DroneEntry,
    *,
    folder: Path,
    load_plan: Callable[[Path], FlightPlan],
    confirm: Callable[[str], bool],
    watchers: Watchers,
) -> Diverted:
    """Send a drone after a yes: from its pad, or off its beat and back.

    Args:
        link: to the drone.
        order: where to; its way has passed the checks.
        entry: the drone in the units file.
        folder: for the state of a flight that has none.
        load_plan: the plan in a file.
        confirm: asked the question just before; only True sends.
        watchers: of the flight.

    Raises:
        UsageError: nobody said yes, or the state is another plan's.
        RefusedByVehicleError: it flies another mission, or somebody else flies it.
        PlanningError: there is no way from where it stopped; it goes on with its mission.
        LinkError: the link broke.
    """
    arrival = order.arrival
    plan = known = None
    if arrival.flying and entry.plan is not None:
        plan = load_plan(entry.plan)
        known = read_state(entry.state) if entry.state else None
        if known is None:
            require_flies(link, plan)
        else:
            known.require_plan(plan)
    if arrival.flying:
        question = Message(
            "Shall {unit} leave its beat, look for {look_s:.0f} s, then go on with its beat?"
            if plan is not None
            else "Shall {unit} leave its beat, look for {look_s:.0f} s, then return to its pad?",
            unit=arrival.unit,
            look_s=arrival.look_s,
        )
    else:
        question = Message(
            "Is nobody near {unit}, and may it arm, take off and go there now?", unit=arrival.unit
        )
    if confirm(question) is not True:
        raise UsageError(Message("not confirmed: {unit} was not sent", unit=arrival.unit), remedy="")
    if not arrival.flying:
        return send_from_pad(link, order, confirmed=True, watchers=watchers)
    if entry.state is not None and known is not None:
        known = read_state(entry.state)  # it has flown on while somebody was asked
    state_file = entry.state or folder / f"{file_stem(arrival.unit)}-state.json"
    return divert(link, order, plan, confirmed=True, known=known, state_file=state_file, watchers=watchers)


def outcome_json(unit: str, done: Diverted) -> dict[str, Any]:
    """What came of it, for programs."""
    place = done.interrupted_at
    return {
        "unit": unit,
        "estimate_s": round(done.estimate_s, 1),
        "arrived_s": None if done.arrived_s is None else round(done.arrived_s, 1),
        "ring": done.ring,
        "looked_s": round(done.looked_s, 1),
        "ending": done.ending.value,
        "explanation": done.explanation,
        "holds": done.holds,
        "interrupted_at": None if place is None else [place.lat_deg, place.lon_deg],
    }


def outcome_words(unit: str, done: Diverted) -> str:
    """What came of it, for people: also which mission the drone is left with."""
    why = done.explanation
    if done.holds:
        why = Message("{why}; {held}", why=done.explanation, held=done.holds)
    if done.arrived_s is None:
        return Message(
            "{unit} did not arrive: {ending} ({explanation})",
            unit=unit,
            ending=Message(done.ending.value),
            explanation=why,
        )
    return Message(
        "{unit} arrived after {arrived_s:.0f} s ({ring}; {estimate_s:.0f} s estimated), "
        "looked {looked_s:.0f} s, {ending} ({explanation})",
        unit=unit,
        arrived_s=done.arrived_s,
        ring=done.ring,
        estimate_s=done.estimate_s,
        looked_s=done.looked_s,
        ending=Message(done.ending.value),
        explanation=why,
    )


def keeping(folder: Path, unit: str, say: Callable[[Path], None]) -> Callable[[FlightRecord], None]:
    """Keeps every record of a flight in a file of its own, and says which."""

    def keep(record: FlightRecord) -> None:
        for written in record.save(_fresh_record(folder, unit)):
            say(written)

    return keep
