"""Record what ArduPilot answers to scripted requests, and compare another vehicle's answers with it.

A transcript is a ``.tlog`` (8 bytes of big-endian microseconds, then one MAVLink packet, repeated) of one
scenario: our requests and the vehicle's answers, without telemetry. Times are the vehicle's own since its
boot, so a transcript is the same at every speed-up. Only ArduPilot is recorded: the vehicle must say so in
its banner, and its AUTOPILOT_VERSION must carry the commit that the banner names.

``python -m airbeat.sim.ardupilot_transcript FOLDER`` records all scenarios anew from a SITL on this machine.
"""

from __future__ import annotations

import itertools
import re
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airbeat.errors import FindingsError, InputFileError
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.link.dialect import mavlink
from airbeat.sim.ardupilot_station import Station

__all__ = [
    "Exchange",
    "NotArduPilotError",
    "Play",
    "differences",
    "read_transcript",
    "record",
    "replay",
    "require_ardupilot",
]

ANSWERS = frozenset(
    {
        "AUTOPILOT_VERSION",
        "COMMAND_ACK",
        "MISSION_ACK",
        "MISSION_COUNT",
        "MISSION_ITEM",
        "MISSION_ITEM_INT",
        "MISSION_REQUEST",
        "MISSION_REQUEST_INT",
        "PARAM_VALUE",
        "STATUSTEXT",
    }
)
"""What counts as an answer; everything else is telemetry."""

_TEXTS = ("Flight plan received", "Mission upload timeout", "Only ", "got MISSION_", "Flight plan update")
_SETTLE_S = 0.25
_ENDS = (mavlink.MAV_MISSION_ACCEPTED, mavlink.MAV_MISSION_OPERATION_CANCELLED)
"""Acks after which the same item may be asked for afresh."""
_LATE_S = 60.0
_MAX_BYTES = 1_000_000
_BANNER = re.compile(r"ArduCopter V\S+ \(([0-9a-f]{6,8})\)")


class NotArduPilotError(FindingsError):
    """The vehicle does not prove that it is ArduPilot."""


@dataclass(kw_only=True)
class Exchange:
    """One request and what was answered to it until the next request.

    Attributes:
        request: the packet that was sent.
        text: the request in words.
        settle_s: simulation time that was given for answers [s].
        answers: canonical answers in order, see `canonical`.
        texts: STATUSTEXTs that speak of the transfer, in order.
    """

    request: bytes
    text: str
    settle_s: float = _SETTLE_S
    answers: list[tuple[Any, ...]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def add(self, message: Any) -> None:
        """Take in one answer; values of parameters that nobody asked for are no answer."""
        if message.get_type() == "STATUSTEXT":
            if message.text.startswith(_TEXTS):
                self.texts.append(message.text)
        elif message.get_type() != "PARAM_VALUE" or self.text.startswith("PARAM_"):
            self.answers.append(canonical(message))


class Play:
    """What a scenario speaks through: one request after the other, each with time to be answered."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def ask(self, message: Any, *, settle_s: float = _SETTLE_S, as_system: int | None = None) -> None:
        """Send a request and let the vehicle answer for ``settle_s`` of simulation time."""
        self._station.send(message, as_system=as_system)
        self._station.sleep(settle_s)


def canonical(message: Any) -> tuple[Any, ...]:
    """The parts of an answer that must be the same: not addresses, not live positions, floats rounded."""
    kind = message.get_type()
    if kind == "MISSION_ACK":
        return (kind, message.mission_type, message.type)
    if kind in ("MISSION_REQUEST", "MISSION_REQUEST_INT"):
        return (kind, message.mission_type, message.seq)
    if kind == "MISSION_COUNT":
        return (kind, message.mission_type, message.count)
    if kind in ("MISSION_ITEM", "MISSION_ITEM_INT"):
        head = (kind, message.mission_type, message.seq, message.frame, message.command)
        if message.mission_type == mavlink.MAV_MISSION_TYPE_MISSION and message.seq == 0:
            return head
        params = (message.param1, message.param2, message.param3, message.param4)
        place = (round(message.x, 4), round(message.y, 4), round(message.z, 2))
        return (*head, *(round(p, 3) for p in params), *place, message.autocontinue)
    if kind == "COMMAND_ACK":
        return (kind, message.command, message.result)
    if kind == "PARAM_VALUE":
        return (kind, message.param_id, round(message.param_value, 4))
    return (kind,)


def require_ardupilot(station: Station) -> str:
    """The firmware's banner; only a vehicle that proves to be ArduPilot has one.

    Raises:
        NotArduPilotError: the banner is not ArduPilot's, or AUTOPILOT_VERSION does not carry its commit.
    """
    mark = station.mark()
    station.command(mavlink.MAV_CMD_DO_SEND_BANNER)
    station.command(mavlink.MAV_CMD_REQUEST_MESSAGE, mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION)
    version = station.expect("AUTOPILOT_VERSION", after=mark)
    station.sleep(1.0)
    texts = station.texts(mark)
    found = next((m for m in map(_BANNER.match, texts) if m), None)
    commit = bytes(version.flight_custom_version).rstrip(b"\0").decode("ascii", errors="replace")
    if found is None or not commit or not found.group(1).startswith(commit[:8]):
        raise NotArduPilotError(
            Message(
                "this vehicle does not prove to be ArduPilot: it says {texts}, version {commit!r}",
                texts=texts[:3],
                commit=commit,
            ),
            remedy="transcripts are recorded from ArduPilot only",
        )
    return found.group(0)


def record(path: Path, station: Station, scenario: Callable[[Play], None]) -> None:
    """Play a scenario to ArduPilot and write its transcript (temporary file, then replaced).

    Raises:
        NotArduPilotError: the vehicle is something else; nothing is written.
    """
    require_ardupilot(station)
    _prepare(station)
    packets: list[bytes] = []

    def take(packet: bytes, kind: str, now_s: float) -> None:
        if packet[5] != 1 or kind in ANSWERS:
            packets.append(struct.pack(">Q", round(now_s * 1e6)) + packet)

    station.on_packet = take
    try:
        scenario(Play(station))
    finally:
        station.on_packet = None
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(b"".join(packets))
    temporary.replace(path)


def _prepare(station: Station) -> None:
    for kind in (0, 1, 2):
        station.clear(kind)
    station.sleep(2.0)


def read_transcript(path: Path) -> list[Exchange]:
    """Read a transcript.

    Raises:
        InputFileError: it is not one.
    """
    data = path.read_bytes()
    if len(data) > _MAX_BYTES:
        raise InputFileError("is too large for a transcript", where=str(path))
    parser = mavlink.MAVLink(None)
    exchanges: list[Exchange] = []
    times: list[float] = []
    offset = 0
    while offset < len(data):
        if offset + 20 > len(data) or data[offset + 8] != 0xFD:
            raise InputFileError(
                Message("byte {offset} is no MAVLink 2 packet", offset=offset), where=str(path)
            )
        (stamp_us,) = struct.unpack_from(">Q", data, offset)
        end = offset + 8 + 12 + data[offset + 9]
        packet = data[offset + 8 : end]
        try:
            message = parser.decode(bytearray(packet))
        except mavlink.MAVError as error:
            raise InputFileError(
                Message("byte {offset}: {error}", offset=offset, error=error), where=str(path)
            ) from error
        if message.get_srcSystem() != 1:
            exchanges.append(Exchange(request=packet, text=_in_words(message)))
            times.append(stamp_us / 1e6)
        elif exchanges:
            exchanges[-1].add(message)
        offset = end
    for exchange, (start_s, end_s) in zip(exchanges, itertools.pairwise(times), strict=False):
        exchange.settle_s = end_s - start_s
    return exchanges


def _in_words(message: Any) -> str:
    fields = {k: v for k, v in message.to_dict().items() if k not in ("mavpackettype", "target_component")}
    return f"{message.get_type()} from {message.get_srcSystem()} {fields}"


def replay(station: Station, exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Play the requests of a transcript to a vehicle; returns what it answers, in the same form."""
    _prepare(station)
    answered = []
    for wanted in exchanges:
        mark = station.mark()
        got = Exchange(request=wanted.request, text=wanted.text, settle_s=wanted.settle_s)
        start_s = station.now_s
        station.send_packet(wanted.request)
        while True:
            station.pump(0.01)
            for message in station.since(mark, *ANSWERS):
                got.add(message)
            mark = station.mark()
            waited_s = station.now_s - start_s
            complete = len(got.answers) >= len(wanted.answers) and len(got.texts) >= len(wanted.texts)
            if waited_s >= wanted.settle_s and (complete or waited_s >= wanted.settle_s + _LATE_S):
                break
        answered.append(got)
    return answered


def _without_repeats(exchanges: Sequence[Exchange]) -> list[list[tuple[Any, ...]]]:
    """Answers per exchange, without items asked for again by a timer: those may come in any exchange."""
    asked: tuple[Any, ...] | None = None
    result = []
    for exchange in exchanges:
        answers = []
        for answer in exchange.answers:
            if answer[0] in ("MISSION_REQUEST", "MISSION_REQUEST_INT"):
                if answer == asked:
                    continue
                asked = answer
            elif answer[0] == "MISSION_ACK" and asked and answer[1] == asked[1] and answer[2] in _ENDS:
                asked = None
            answers.append(answer)
        result.append(answers)
    return result


def differences(wanted: Sequence[Exchange], got: Sequence[Exchange]) -> list[str]:
    """Where two runs of the same requests differ, one line each."""
    lines = []
    answers = zip(_without_repeats(wanted), _without_repeats(got), strict=True)
    for number, (one, other, (first, second)) in enumerate(zip(wanted, got, answers, strict=True), start=1):
        if first != second:
            lines.append(f"{number}. {one.text}: ArduPilot answered {first}, this one {second}")
        if one.texts != other.texts:
            lines.append(f"{number}. {one.text}: ArduPilot said {one.texts}, this one {other.texts}")
    return lines


def main(folder: Path) -> None:
    """Record every scenario from an ArduPilot SITL found on this machine."""
    from airbeat.sim.ardupilot import ArduPilotSitl
    from airbeat.sim.ardupilot_scenarios import SCENARIO_HOME, SCENARIO_HOME_AMSL_M, SCENARIOS

    folder.mkdir(parents=True, exist_ok=True)
    home: LatLon = SCENARIO_HOME
    with (
        ArduPilotSitl(home=home, home_amsl_m=SCENARIO_HOME_AMSL_M, speedup=3) as sitl,
        Station(sitl.url) as station,
    ):
        station.start_clock()
        station.wait_ready()
        for name, scenario in SCENARIOS.items():
            record(folder / f"{name}.tlog", station, scenario)
            size = (folder / f"{name}.tlog").stat().st_size
            sys.stdout.write(f"{name}: {size} bytes, {sitl.version}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
