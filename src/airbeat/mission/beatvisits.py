"""Visits, privacy zones and crowds of a beat file to what they mean; problems go to the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import shapely

from airbeat.geo.coordinates import Altitude, AltitudeDatum
from airbeat.language.words import Message
from airbeat.mission.beat import (
    Broadcast,
    CameraRule,
    CrowdWatch,
    CrowdZone,
    Duty,
    LineVisit,
    PointLook,
    PointVisit,
    PrivacyZone,
    SweepVisit,
    Visit,
)
from airbeat.mission.beatschema import (
    BeatPointSection,
    BeatSection,
    CrowdSection,
    DutyFields,
    DutySection,
    LineSection,
    PrivacySection,
    SweepSection,
    VisitSection,
)
from airbeat.mission.casesources import Sources, resolve_ground
from airbeat.mission.resolve import resolve_height, resolve_place
from airbeat.mission.schema import HeightSection
from airbeat.mission.yamltree import KeyPath, dotted

__all__ = ["resolve_crowds", "resolve_privacy", "resolve_visits"]

_HOME_ONLY = "heights of a beat are above the launch site: datum: home"


def resolve_visits(section: BeatSection, names: frozenset[str], sources: Sources) -> tuple[Visit, ...]:
    """Points, lines and sweeps in the order of the file.

    Args:
        section: the ``beat`` block.
        names: of the times that the file defines.
        sources: takes problems.
    """
    found: list[Visit | None] = []
    found += [_point(s, ("beat", "points", n), names, sources) for n, s in enumerate(section.points)]
    found += [_line(s, ("beat", "lines", n), names, sources) for n, s in enumerate(section.lines)]
    found += [_sweep(s, ("beat", "sweeps", n), names, sources) for n, s in enumerate(section.sweeps)]
    return tuple(v for v in found if v is not None)


def check_times(
    wanted: Sequence[str] | None, names: frozenset[str], at: KeyPath, sources: Sources
) -> tuple[str, ...]:
    """Names of times, after reporting those that the file does not define."""
    for name in wanted or ():
        if name not in names:
            known = f"times: {', '.join(sorted(names))}" if names else "define it under times"
            sources.ledger.add(at, Message("no such times (got {name!r})", name=name[:60]), known)
    return tuple(wanted or ())


def plain_height(section: HeightSection | None, at: KeyPath, sources: Sources) -> Altitude | None:
    """A height above the launch site; a GSD is not asked for here."""
    if section is None:
        return None
    if section.value_m is None:
        sources.ledger.add(at, "must hold value_m", "only a drone's height may follow from a GSD")
        return None
    altitude = resolve_height(section, None, at, sources.ledger)
    if altitude is not None and not above_site(altitude, at, sources):
        return None
    return altitude


def above_site(altitude: Altitude, at: KeyPath, sources: Sources) -> bool:
    """Whether a height can be flown from any launch site; False after reporting why not."""
    if altitude.datum is not AltitudeDatum.HOME:
        sources.ledger.add(
            at, Message("datum {datum} cannot be used in a beat", datum=altitude.datum.value), _HOME_ONLY
        )
    elif not 2.0 <= altitude.value_m <= 500.0:
        sources.ledger.add(
            at,
            Message("must be 2 to 500 m above the launch site (got {value_m:g})", value_m=altitude.value_m),
            "heights are metres",
        )
    else:
        return True
    return False


def _duty(section: DutySection, at: KeyPath, names: frozenset[str], sources: Sources) -> Duty:
    base = _with(Duty(times=check_times(section.times, names, (*at, "times"), sources)), section)
    during = []
    for number, part in enumerate(section.during):
        place: KeyPath = (*at, "during", number)
        check_times([part.times], names, (*place, "times"), sources)
        duty = _with(base, part)
        if duty.max_interval_s is not None and duty.min_interval_s > duty.max_interval_s:
            sources.ledger.add(
                place,
                Message(
                    "min_interval_min {least_min:g} is more than max_interval_min {most_min:g} then",
                    least_min=duty.min_interval_s / 60,
                    most_min=duty.max_interval_s / 60,
                ),
                "give both here",
            )
        during.append((part.times, duty))
    return Duty(
        weight=base.weight,
        min_interval_s=base.min_interval_s,
        max_interval_s=base.max_interval_s,
        times=base.times,
        during=tuple(during),
    )


def _with(base: Duty, fields: DutyFields) -> Duty:
    def seconds(value: float | None, other: Any) -> Any:
        return other if value is None else value * 60.0

    return Duty(
        weight=base.weight if fields.weight is None else fields.weight,
        min_interval_s=seconds(fields.min_interval_min, base.min_interval_s),
        max_interval_s=seconds(fields.max_interval_min, base.max_interval_s),
        times=base.times,
    )


def _common(section: VisitSection, at: KeyPath, names: frozenset[str], sources: Sources) -> dict[str, Any]:
    return {
        "name": section.name,
        "duty": _duty(section, at, names, sources),
        "altitude": plain_height(section.height, (*at, "height"), sources),
        "gimbal_pitch_deg": section.gimbal_pitch_deg,
        "gsd_m_px": None if section.gsd_cm_px is None else section.gsd_cm_px / 100.0,
        "key": dotted(at),
    }


def _point(section: BeatPointSection, at: KeyPath, names: frozenset[str], sources: Sources) -> PointVisit:
    ledger = sources.ledger
    said = section.broadcast
    broadcast = None
    if said is not None:
        servo = said.servo
        broadcast = Broadcast(text=said.text, relay=said.relay)
        if servo is not None:
            broadcast = Broadcast(
                text=said.text, servo=servo.channel, pwm_us=servo.pwm_us, rest_pwm_us=servo.rest_pwm_us
            )
    ledger.vertices += 1
    return PointVisit(
        **_common(section, at, names, sources),
        position=resolve_place(section, ledger),
        look=PointLook(section.look),
        dwell_s=section.dwell_s,
        heading_deg=section.heading_deg,
        stand_off_m=section.stand_off_m,
        radius_m=section.radius_m or 30.0,
        photo=section.photo,
        broadcast=broadcast,
    )


def _line(section: LineSection, at: KeyPath, names: frozenset[str], sources: Sources) -> LineVisit | None:
    ledger = sources.ledger
    datum = ledger.datum_of(section.datum)
    before = len(ledger.problems)
    if section.line is not None:
        key = "line"
        lines = [ledger.wgs84(section.line, datum)]
        ledger.vertices += len(section.line)
    else:
        key = "file"
        features = sources.features(section.file or "", (*at, key), datum)
        lines = [f.line for f in features if f.line]
    common = _common(section, at, names, sources)
    if len(lines) != 1 or len(set(lines[0])) < 2:
        if len(ledger.problems) == before:
            one = len(lines) == 1
            message = Message(
                "has no two different places" if one else "holds {lines} lines (one is wanted)",
                lines=len(lines),
            )
            ledger.add((*at, key), message, "every line of a beat has its own name: draw one")
        return None
    return LineVisit(
        **common,
        line=lines[0],
        width_m=section.width_m,
        side_offset_m=section.side_offset_m,
        either_way=section.direction == "either",
    )


def _sweep(section: SweepSection, at: KeyPath, names: frozenset[str], sources: Sources) -> SweepVisit | None:
    common = _common(section, at, names, sources)
    area = resolve_ground(section, at, sources)
    if area is None:
        return None
    return SweepVisit(
        **common,
        area=area,
        side_overlap=0.3 if section.overlap.side is None else section.overlap.side,
        front_overlap=0.3 if section.overlap.front is None else section.overlap.front,
        spacing_m=section.spacing_m,
        angle_deg=section.angle_deg,
    )


def resolve_privacy(sections: Sequence[PrivacySection], sources: Sources) -> tuple[PrivacyZone, ...]:
    """Privacy zones."""
    found = []
    for number, section in enumerate(sections):
        area = resolve_ground(section, ("privacy", number), sources)
        if area is not None:
            found.append(
                PrivacyZone(
                    name=section.name,
                    area=area,
                    camera=CameraRule(section.camera),
                    overflight=section.overflight,
                    stand_off_m=section.stand_off_m,
                )
            )
    return tuple(found)


def resolve_crowds(
    sections: Sequence[CrowdSection], names: frozenset[str], sources: Sources
) -> tuple[CrowdZone, ...]:
    """Ground where people gather."""
    found = []
    for number, section in enumerate(sections):
        at: KeyPath = ("crowds", number)
        times = check_times(section.times, names, (*at, "times"), sources)
        area = resolve_ground(section, at, sources)
        watch = section.watch
        if area is None or shapely.is_empty(area):
            continue
        found.append(
            CrowdZone(
                name=section.name,
                area=area,
                stand_off_m=section.stand_off_m,
                times=times,
                watch=None
                if watch is None
                else CrowdWatch(
                    measure=watch.measure,
                    thresholds=(watch.blue, watch.yellow, watch.orange, watch.red),
                    persist_s=watch.persist_s,
                    escalate_s=watch.escalate_s,
                ),
            )
        )
    return tuple(found)
