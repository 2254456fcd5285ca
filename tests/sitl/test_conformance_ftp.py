"""MAVFTP for mission, fence and rally files: who may, what is stored, and what an answer is worth."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from airbeat.link.dialect import mavlink as mav
from airbeat.link.ftp_wire import (
    FtpError,
    FtpOpcode,
    FtpPacket,
    decode_items,
    encode_items,
    file_chunks,
    file_crc32,
    file_name,
)
from airbeat.link.items import MissionType, WireItem, compare_items
from airbeat.sim.ardupilot_station import Station

_SEQ = itertools.count(500, 2000)
Ask = Callable[..., FtpPacket]


def items_of(kind: MissionType, count: int, *, offset: int = 0) -> list[WireItem]:
    """So many items of a kind; a fence is one polygon."""
    command, p1 = {0: (16, 0.0), 1: (5001, float(count)), 2: (5100, 0.0)}[kind]
    return [
        WireItem(
            seq=seq,
            command=command,
            frame=0 if kind is MissionType.FENCE else 3,
            params=(p1, 0.0, 0.0, 0.0),
            x=472700000 + 5000 * (seq % 2) + offset,
            y=114050000 + 5000 * (seq // 2),
            z=0.0 if kind is MissionType.FENCE else 30.0,
            mission_type=kind,
        )
        for seq in range(count)
    ]


@pytest.fixture
def ask(station: Station, pace: Callable[[str], None]) -> Ask:
    """Sends one request and returns its reply; sessions 31 and 32 are closed before and after.

    Calmly: a session that is silent for 3 s of simulation time is taken over.
    """
    pace("calm")

    def send(
        opcode: FtpOpcode, data: bytes = b"", *, session: int = 31, offset: int = 0, size: int | None = None
    ) -> FtpPacket:
        packet = FtpPacket(
            seq=next(_SEQ) & 0xFFFF,
            session=session,
            opcode=int(opcode),
            size=len(data) if size is None else size,
            offset=offset,
            data=data,
        )
        mark = station.mark()
        station.send(packet.message(target_system=1, target_component=1))

        def find() -> FtpPacket | None:
            for m in station.since(mark, "FILE_TRANSFER_PROTOCOL"):
                reply = FtpPacket.from_message(m)
                if reply.session == session and reply.seq == (packet.seq + 1) & 0xFFFF:
                    return reply
            return None

        found = station.wait(find, f"the reply to {opcode.name}")
        assert isinstance(found, FtpPacket)
        return found

    for session in (31, 32):
        send(FtpOpcode.TERMINATE_SESSION, session=session)
    return send


def write(ask: Ask, kind: MissionType, chunks: Sequence[tuple[int, bytes]]) -> None:
    assert ask(FtpOpcode.CREATE_FILE, file_name(kind).encode()).opcode == FtpOpcode.ACK
    for offset, data in chunks:
        assert ask(FtpOpcode.WRITE_FILE, data, offset=offset).opcode == FtpOpcode.ACK
    assert ask(FtpOpcode.TERMINATE_SESSION).opcode == FtpOpcode.ACK


def read(ask: Ask, kind: MissionType) -> bytes:
    assert ask(FtpOpcode.OPEN_FILE_RO, file_name(kind).encode()).opcode == FtpOpcode.ACK
    content = b""
    while True:
        reply = ask(FtpOpcode.READ_FILE, offset=len(content), size=239)
        if reply.opcode == FtpOpcode.NAK:
            assert reply.error == FtpError.END_OF_FILE
            break
        content += reply.data
    ask(FtpOpcode.TERMINATE_SESSION)
    return content


def test_mavftp_is_offered_among_the_capabilities(station: Station) -> None:
    """AUTOPILOT_VERSION has MAV_PROTOCOL_CAPABILITY_FTP set."""
    mark = station.mark()
    station.command(mav.MAV_CMD_REQUEST_MESSAGE, mav.MAVLINK_MSG_ID_AUTOPILOT_VERSION)
    version = station.expect("AUTOPILOT_VERSION", after=mark)
    assert version.capabilities & mav.MAV_PROTOCOL_CAPABILITY_FTP


@pytest.mark.parametrize("kind", list(MissionType))
def test_a_file_replaces_what_was_stored_and_reads_back_with_its_checksum(
    ask: Ask, station: Station, kind: MissionType
) -> None:
    """A complete file is taken when its session is closed; CalcFileCRC32 is that of what is read."""
    items = items_of(kind, 8)
    write(ask, kind, file_chunks(encode_items(kind, items)))
    content = read(ask, kind)
    assert not compare_items(items, decode_items(kind, content))
    crc = ask(FtpOpcode.CALC_FILE_CRC32, file_name(kind).encode())
    assert int.from_bytes(crc.data, "little") == file_crc32(content)
    assert station.count(int(kind)) == 8


@pytest.mark.parametrize("kind", list(MissionType))
def test_an_incomplete_file_changes_nothing_and_closing_it_is_acknowledged_all_the_same(
    ask: Ask, kind: MissionType
) -> None:
    """A file with a missing piece is thrown away; TerminateSession says ACK whether it was taken or not."""
    items = items_of(kind, 20)
    write(ask, kind, file_chunks(encode_items(kind, items)))
    before = read(ask, kind)
    other = file_chunks(encode_items(kind, items_of(kind, 20, offset=700)))
    for missing in range(len(other)):
        write(ask, kind, [*other[:missing], *other[missing + 1 :]])
        assert decode_items(kind, read(ask, kind)) == decode_items(kind, before)


def test_a_bad_item_leaves_the_mission_cut_off_before_it(ask: Ask) -> None:
    """Missions are emptied and then stored item by item: what stands before a bad item stays."""
    items = items_of(MissionType.MISSION, 10)
    bad = WireItem(seq=6, command=16, frame=1, x=1, y=1, z=1.0)
    write(
        ask,
        MissionType.MISSION,
        file_chunks(encode_items(MissionType.MISSION, [*items[:6], bad, *items[7:]])),
    )
    assert len(decode_items(MissionType.MISSION, read(ask, MissionType.MISSION))) == 6


def test_a_second_session_is_refused_while_the_first_is_in_use(ask: Ask) -> None:
    """One session at a time; another number gets INVALID_SESSION, the same one FAIL for a second opening."""
    name = file_name(MissionType.MISSION).encode()
    assert ask(FtpOpcode.OPEN_FILE_RO, name).opcode == FtpOpcode.ACK
    assert ask(FtpOpcode.OPEN_FILE_RO, name, session=32).error == FtpError.INVALID_SESSION
    assert ask(FtpOpcode.CREATE_FILE, name).error == FtpError.FAIL
    assert ask(FtpOpcode.TERMINATE_SESSION, session=32).opcode == FtpOpcode.ACK
    assert ask(FtpOpcode.READ_FILE, size=10).opcode == FtpOpcode.ACK


def test_a_session_that_is_silent_for_three_seconds_is_taken_over(ask: Ask, station: Station) -> None:
    """After 3 s without a reply sent, a new session closes the old one, and a complete file is taken."""
    items = items_of(MissionType.MISSION, 9)
    ask(FtpOpcode.CREATE_FILE, file_name(MissionType.MISSION).encode())
    for offset, data in file_chunks(encode_items(MissionType.MISSION, items)):
        ask(FtpOpcode.WRITE_FILE, data, offset=offset)
    station.sleep(3.5)
    name = file_name(MissionType.MISSION).encode()
    assert ask(FtpOpcode.OPEN_FILE_RO, name, session=32).opcode == FtpOpcode.ACK
    assert ask(FtpOpcode.TERMINATE_SESSION, session=32).opcode == FtpOpcode.ACK
    assert not compare_items(items, decode_items(MissionType.MISSION, read(ask, MissionType.MISSION)))


def test_refusals_say_why(ask: Ask) -> None:
    """No open file: FILE_NOT_FOUND; reading a file that is written: FAIL; an unknown file: no ACK."""
    assert ask(FtpOpcode.READ_FILE, size=10).error == FtpError.FILE_NOT_FOUND
    assert ask(FtpOpcode.WRITE_FILE, b"x").error == FtpError.FILE_NOT_FOUND
    assert ask(FtpOpcode.OPEN_FILE_RO, b"@MISSION/nothing.dat").opcode == FtpOpcode.NAK
    ask(FtpOpcode.CREATE_FILE, file_name(MissionType.RALLY).encode())
    assert ask(FtpOpcode.READ_FILE, size=10).error == FtpError.FAIL
    ask(FtpOpcode.TERMINATE_SESSION)
    assert ask(FtpOpcode.OPEN_FILE_RO, b"").error == FtpError.INVALID_DATA_SIZE
