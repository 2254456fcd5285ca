"""A flight is recorded as it was flown, however late this station gets to read it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from airbeat.errors import LinkError
from airbeat.flight.record import FlightOutcome, FlightRecord
from airbeat.flight.watch import Interruption, Watch, Watchers
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.link.dialect import mavlink
from airbeat.link.telemetry import Happening, Telemetry, TelemetryReader
from airbeat.link.vehicle import Identity, Vehicle
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import FlightPlan, PlanItem
from airbeat.report.flown import read_flight_file

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)
AUTO, LOITER = 3, 5


@dataclass
class _ReadAtOnce:
    """A vehicle whose every message of a whole flight lies in the buffer before the first is read."""

    reader: TelemetryReader = field(default_factory=TelemetryReader)
    waiting: list[Happening] = field(default_factory=list)
    link: Any = field(default_factory=lambda: SimpleNamespace(silence_s=0.0))

    @property
    def now(self) -> Telemetry:
        return self.reader.now

    def hear(self, message: Any) -> None:
        self.waiting += self.reader.take(message, 0.0)

    def happened(self) -> list[Happening]:
        said, self.waiting = self.waiting, []
        return said


def _fly(vehicle: _ReadAtOnce) -> None:
    def heartbeat(armed: bool) -> Any:
        base = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | (armed * mavlink.MAV_MODE_FLAG_SAFETY_ARMED)
        return mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_QUADROTOR, 3, base, AUTO, 4, 3)

    def fix(time_s: float, height_m: float) -> Any:
        return mavlink.MAVLink_global_position_int_message(
            round(time_s * 1000), 511800000, 84900000, 450000, round(height_m * 1000), 0, 0, 0, 9000
        )

    def landed(state: int) -> Any:
        return mavlink.MAVLink_extended_sys_state_message(0, state)

    vehicle.hear(heartbeat(armed=True))
    vehicle.hear(landed(mavlink.MAV_LANDED_STATE_ON_GROUND))
    vehicle.hear(fix(10.0, 0.0))
    vehicle.hear(landed(mavlink.MAV_LANDED_STATE_IN_AIR))
    for second in range(11, 90):
        vehicle.hear(fix(second, min(40.0, 3.0 * (second - 10), 3.0 * (90 - second))))
    vehicle.hear(landed(mavlink.MAV_LANDED_STATE_ON_GROUND))
    vehicle.hear(fix(90.0, 0.0))
    vehicle.hear(mavlink.MAVLink_mission_current_message(2, total=2, mission_state=5))
    vehicle.hear(heartbeat(armed=False))


def test_a_flight_read_late_and_all_at_once_has_the_duration_that_was_flown() -> None:
    height = Altitude(value_m=40, datum=AltitudeDatum.HOME)
    items = (
        PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=height),
        PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
    )
    plan = FlightPlan(name="x", home=HOME, speed_m_s=10.0, items=items, notes=("read as gcj02",))
    vehicle = _ReadAtOnce()
    _fly(vehicle)
    watch = Watch(cast("Vehicle", vehicle), plan, Watchers())
    record = watch.until_landed(cast("Identity", SimpleNamespace(to_json=dict, name="embedded")))
    assert record.outcome is FlightOutcome.COMPLETED
    assert (record.takeoff_time_s, record.landing_time_s) == (11.0, 90.0)
    assert json.loads(json.dumps(record.to_json()))["plan"]["notes"] == ["read as gcj02"]
    assert record.to_geojson()["features"][0]["properties"]["notes"] == ["read as gcj02"]
    assert datetime.fromisoformat(record.begun_utc).tzinfo is UTC


def test_what_a_flight_writes_is_what_a_report_reads(tmp_path: Path) -> None:
    height = Altitude(value_m=40, datum=AltitudeDatum.HOME)
    items = (PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=height),)
    plan = FlightPlan(name="x", home=HOME, speed_m_s=10.0, items=items)
    vehicle = _ReadAtOnce()
    _fly(vehicle)
    watch = Watch(cast("Vehicle", vehicle), plan, Watchers())
    record = watch.until_landed(
        cast("Identity", SimpleNamespace(to_json=lambda: {"name": "embedded"}, name="embedded"))
    )
    record.save(tmp_path / "flight.json")
    flight = read_flight_file(tmp_path / "flight.json")
    assert (flight.takeoff_time_s, flight.duration_s) == (11.0, 79.0)
    assert [row[:3] for row in flight.track] == [
        (f.time_s, f.position.lat_deg, f.position.lon_deg) for f in record.track
    ]


@dataclass
class _HeardOneByOne(_ReadAtOnce):
    """A vehicle whose last words come in just after this station has asked what had happened."""

    last_words: list[Any] = field(default_factory=list)

    def happened(self) -> list[Happening]:
        said = super().happened()
        for message in self.last_words:
            self.hear(message)
        self.last_words = []
        return said


def test_a_flight_whose_disarming_is_heard_before_its_last_fix_is_read_still_has_its_landing() -> None:
    height = Altitude(value_m=40, datum=AltitudeDatum.HOME)
    items = (
        PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=height),
        PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
    )
    plan = FlightPlan(name="x", home=HOME, speed_m_s=10.0, items=items)
    vehicle = _HeardOneByOne()
    mode = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED
    armed = mode | mavlink.MAV_MODE_FLAG_SAFETY_ARMED
    vehicle.hear(mavlink.MAVLink_heartbeat_message(2, 3, armed, AUTO, 4, 3))
    vehicle.hear(mavlink.MAVLink_extended_sys_state_message(0, mavlink.MAV_LANDED_STATE_IN_AIR))
    for time_ms, height_mm in ((11_000, 3000), (12_000, 40_000)):
        vehicle.hear(
            mavlink.MAVLink_global_position_int_message(
                time_ms, 511800000, 84900000, 450000, height_mm, 0, 0, 0, 9000
            )
        )
    vehicle.hear(mavlink.MAVLink_mission_current_message(2, total=2, mission_state=5))
    vehicle.last_words = [
        mavlink.MAVLink_global_position_int_message(80_000, 511800000, 84900000, 450000, 200, 0, 0, 0, 9000),
        mavlink.MAVLink_heartbeat_message(2, 3, mode, AUTO, 4, 3),
    ]
    record = Watch(cast("Vehicle", vehicle), plan, Watchers()).until_landed(
        cast("Identity", SimpleNamespace(to_json=dict, name="embedded"))
    )
    assert record.outcome is FlightOutcome.COMPLETED
    assert (record.takeoff_time_s, record.landing_time_s, record.duration_s) == (11.0, 80.0, 69.0)


def test_a_pilot_who_took_over_before_the_first_fix_is_noticed() -> None:
    """His change was heard before the watch began, or it is in its queue before the first position."""
    base = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | mavlink.MAV_MODE_FLAG_SAFETY_ARMED
    height = Altitude(value_m=40, datum=AltitudeDatum.HOME)
    plan = FlightPlan(name="x", home=HOME, items=(PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=height),))
    for looked_before in (True, False):
        vehicle = _ReadAtOnce()
        for mode in (AUTO, LOITER):
            vehicle.hear(mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_QUADROTOR, 3, base, mode, 4, 3))
        if looked_before:
            vehicle.happened()
        vehicle.hear(
            mavlink.MAVLink_global_position_int_message(9000, 511800000, 84900000, 450000, 40000, 0, 0, 0, 0)
        )
        watch = Watch(cast("Vehicle", vehicle), plan, Watchers())
        record = watch.until_landed(Identity(name="x", is_embedded=True))
        assert record.outcome is FlightOutcome.PILOT_TOOK_OVER
        assert record.explanation == "the mode was changed to LOITER; the pilot is flying"


@dataclass
class _Ordered(_ReadAtOnce):
    """A vehicle in the air whose link loses orders, or the answers to them.

    Attributes:
        lost: of each order in turn, "order", "answer" or "" for what was lost of it.
        after: of each order in turn, what is heard of the vehicle's mode afterwards, beside what it did.
        ordered: the modes that were ordered, and out of which.
    """

    lost: list[str] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    ordered: list[tuple[str, frozenset[str]]] = field(default_factory=list)

    def beat(self, mode: int, *, armed: bool = True) -> None:
        base = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | (armed * mavlink.MAV_MODE_FLAG_SAFETY_ARMED)
        self.hear(mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_QUADROTOR, 3, base, mode, 4, 3))

    def command(self, *_params: float, tries: int) -> None:
        assert tries > 0

    def set_mode(self, name: str, *, only_from: frozenset[str], urgent: bool) -> None:
        assert urgent == (name != "AUTO")
        assert self.now.mode in {name, *only_from}
        self.ordered.append((name, only_from))
        lost = self.lost.pop(0) if self.lost else ""
        if lost != "order":
            self.beat({"RTL": 6, "LAND": 9, "BRAKE": 17}[name])
        if self.after:
            self.beat(self.after.pop(0))
        if lost:
            raise LinkError("the vehicle did not switch")


def _watched(vehicle: _Ordered, wishes: list[Interruption | None]) -> FlightRecord:
    """The record of a flight whose people want something in turn; it has landed when they want no more."""
    height = Altitude(value_m=40, datum=AltitudeDatum.HOME)
    plan = FlightPlan(
        name="x",
        home=HOME,
        items=(
            PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=height),
            PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH),
        ),
    )
    vehicle.beat(AUTO)
    vehicle.hear(
        mavlink.MAVLink_global_position_int_message(9000, 511800000, 84900000, 450000, 40000, 0, 0, 0, 0)
    )

    def interrupt(_paused: bool) -> Interruption | None:
        if not wishes:
            vehicle.beat({"RTL": 6, "LAND": 9, "BRAKE": 17}.get(vehicle.now.mode or "", AUTO), armed=False)
            return None
        return wishes.pop(0)

    watch = Watch(cast("Vehicle", vehicle), plan, Watchers(interrupt=interrupt))
    return watch.until_landed(Identity(name="x", is_embedded=True))


def test_a_return_that_the_link_lost_is_ordered_again_until_it_is_done() -> None:
    """Nobody may be there to order it twice: a signal to a program without a terminal comes once."""
    vehicle = _Ordered(lost=["order", "order"])
    record = _watched(vehicle, [Interruption.RETURN, None, None, None])
    assert [name for name, _ in vehicle.ordered] == ["RTL", "RTL", "RTL"]
    assert record.outcome is FlightOutcome.INTERRUPTED
    assert record.explanation.startswith("returned and landed because this station told it to")


def test_a_return_whose_answer_was_lost_is_not_taken_for_the_pilots() -> None:
    """Else the order to land would be refused, and the record would say that a pilot had taken over."""
    vehicle = _Ordered(lost=["answer"])
    record = _watched(vehicle, [Interruption.RETURN, Interruption.LAND])
    assert [name for name, _ in vehicle.ordered] == ["RTL", "LAND"]
    assert "RTL" in vehicle.ordered[1][1]
    assert record.outcome is FlightOutcome.INTERRUPTED
    assert record.explanation.startswith("landed where it was because this station told it to")


@pytest.mark.parametrize("theirs", [LOITER, AUTO])
def test_a_return_whose_answer_was_lost_is_not_ordered_again_over_a_pilots_mode(theirs: int) -> None:
    vehicle = _Ordered(lost=["answer"], after=[theirs])
    record = _watched(vehicle, [Interruption.RETURN, None, None])
    assert [name for name, _ in vehicle.ordered] == ["RTL"]
    assert record.outcome is not FlightOutcome.INTERRUPTED


def test_who_goes_on_watching_no_longer_wants_a_lost_return() -> None:
    vehicle = _Ordered(lost=["order"])
    _watched(vehicle, [Interruption.RETURN, Interruption.GO_ON, None, None])
    assert [name for name, _ in vehicle.ordered] == ["RTL"]
