"""MAVFTP packets and mission files, byte by byte."""

from __future__ import annotations

import struct

import pytest

from airbeat.errors import LinkError
from airbeat.link.dialect import mavlink
from airbeat.link.ftp_wire import (
    HEADER,
    ITEM,
    FtpOpcode,
    FtpPacket,
    decode_items,
    encode_items,
    file_chunks,
    file_crc32,
    file_name,
    file_size,
    read_count,
)
from airbeat.link.items import MissionType, WireItem


def _items(count: int) -> list[WireItem]:
    return [
        WireItem(seq=n, command=16, frame=3, params=(1.5, 0, -2, 0), x=465000000 + n, y=-80000000, z=30.25)
        for n in range(count)
    ]


def test_an_item_is_packed_as_its_mavlink_payload() -> None:
    item = _items(1)[0]
    payload = encode_items(MissionType.MISSION, [item])[HEADER.size :]
    message = item.message(target_system=0, target_component=0)
    packed = message.pack(mavlink.MAVLink(None, 1, 1))
    wire = packed[10 : 10 + packed[1]].ljust(ITEM.size, b"\0")
    assert payload == wire
    assert ITEM.size == 38


def test_the_header_names_magic_type_and_count() -> None:
    content = encode_items(MissionType.RALLY, _items(3))
    assert struct.unpack_from("<5H", content) == (0x763D, 2, 0, 0, 3)
    assert len(content) == file_size(3)
    assert file_name(MissionType.RALLY) == "@MISSION/rally.dat"


@pytest.mark.parametrize("count", [0, 1, 6, 7, 13, 200])
def test_items_survive_the_file(count: int) -> None:
    items = _items(count)
    assert list(decode_items(MissionType.MISSION, encode_items(MissionType.MISSION, items))) == items


@pytest.mark.parametrize("count", [1, 6, 7, 12, 13, 199, 600])
def test_a_missing_piece_is_a_whole_item_of_zeros_or_no_header(count: int) -> None:
    content = encode_items(MissionType.MISSION, _items(count))
    chunks = file_chunks(content)
    assert b"".join(data for _, data in chunks) == content
    for offset, data in chunks:
        assert len(data) <= 239
        holed = content[:offset] + bytes(len(data)) + content[offset + len(data) :]
        pieces = [holed[a : a + ITEM.size] for a in range(HEADER.size, len(holed), ITEM.size)]
        assert holed[:2] == b"\0\0" or not all(any(p) for p in pieces)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x3d\x76\0\0",
        encode_items(MissionType.FENCE, _items(2)),
        b"\0\0" + encode_items(MissionType.MISSION, _items(2))[2:],
        encode_items(MissionType.MISSION, _items(2))[:-1],
        encode_items(MissionType.MISSION, _items(2)) + b"\0",
        HEADER.pack(0x763D, 0, 0, 0, 65535),
    ],
)
def test_a_file_that_is_not_what_its_header_says_is_refused(content: bytes) -> None:
    with pytest.raises(LinkError):
        decode_items(MissionType.MISSION, content)


def test_a_count_beyond_all_autopilots_is_refused() -> None:
    with pytest.raises(LinkError):
        read_count(MissionType.MISSION, HEADER.pack(0x763D, 0, 0, 0, 5001))


def test_the_checksum_is_ardupilots() -> None:
    """CRC-32 with the usual polynomial, begun with 0, not inverted: of one byte 1 it is table entry 1."""
    assert file_crc32(b"\x01") == 0x77073096
    assert file_crc32(b"") == 0


def test_a_packet_survives_its_message() -> None:
    packet = FtpPacket(
        seq=65535, session=7, opcode=int(FtpOpcode.WRITE_FILE), size=3, offset=1 << 20, data=b"abc"
    )
    assert FtpPacket.from_message(packet.message(target_system=1, target_component=1)) == packet


def test_a_size_beyond_the_payload_takes_no_more_than_there_is() -> None:
    packet = FtpPacket(seq=1, session=1, opcode=128, size=255, data=bytes(239))
    assert len(FtpPacket.from_message(packet.message(target_system=1, target_component=1)).data) == 239
