"""Missions, fences and rally points as files (MAVFTP), where the vehicle offers it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import pytest

from airbeat.geo.coordinates import LatLon
from airbeat.link.dialect import mavlink as mav
from airbeat.sim.ardupilot_station import Item, Station, item

HERE = LatLon(lat_deg=47.27, lon_deg=11.405)
FILES = ("@MISSION/mission.dat", "@MISSION/fence.dat", "@MISSION/rally.dat")
MAGIC = 0x763D
ITEM_BYTES = 38
TERMINATE, RESET, OPEN_READ, READ, CREATE, WRITE, CRC32 = 1, 2, 4, 5, 6, 7, 14
ACK = 128


class Ftp:
    """One operation at a time, each answered before the next."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.number = 0

    def ask(
        self, opcode: int, *, data: bytes = b"", offset: int = 0, size: int | None = None
    ) -> tuple[int, bytes]:
        """Returns the answer's opcode and data."""
        self.number += 2
        length = len(data) if size is None else size
        head = struct.pack("<HBBBBBBI", self.number, 0, opcode, length, 0, 0, 0, offset)
        mark = self.station.mark()
        self.station.send(
            mav.MAVLink_file_transfer_protocol_message(0, 1, 1, (head + data).ljust(251, b"\0"))
        )
        answer = self.station.expect(
            "FILE_TRANSFER_PROTOCOL",
            after=mark,
            where=lambda m: m.payload[5] == opcode,
            timeout_s=20.0,
        )
        payload = bytes(answer.payload)
        return payload[3], payload[12 : 12 + payload[4]]

    def read(self, name: str) -> bytes:
        assert self.ask(OPEN_READ, data=name.encode())[0] == ACK
        content = b""
        while True:
            code, data = self.ask(READ, offset=len(content), size=239)
            if code != ACK:
                break
            content += data
        assert self.ask(TERMINATE)[0] == ACK
        return content

    def write(self, name: str, content: bytes) -> int:
        """Returns the answer to closing the file, which is when it is taken or not."""
        assert self.ask(CREATE, data=name.encode())[0] == ACK
        for offset in range(0, len(content), 200):
            assert self.ask(WRITE, data=content[offset : offset + 200], offset=offset)[0] == ACK
        return self.ask(TERMINATE)[0]


@pytest.fixture
def ftp(station: Station) -> Ftp:
    mark = station.mark()
    station.command(mav.MAV_CMD_REQUEST_MESSAGE, mav.MAVLINK_MSG_ID_AUTOPILOT_VERSION)
    version = station.expect("AUTOPILOT_VERSION", after=mark)
    if not version.capabilities & mav.MAV_PROTOCOL_CAPABILITY_FTP:
        pytest.skip("the vehicle offers no MAVFTP")
    transfer = Ftp(station)
    assert transfer.ask(RESET)[0] == ACK
    return transfer


def pack_item(fields: Item, seq: int, kind: int) -> bytes:
    """The wire form of MISSION_ITEM_INT, which is what the files hold."""
    return struct.pack(
        "<4f2ifHH5BB",
        *(fields["param1"], fields["param2"], fields["param3"], fields["param4"]),
        *(fields["x"], fields["y"], fields["z"], seq, fields["command"]),
        *(1, 1, fields["frame"], 0, 1, kind),
    )


def file_of(items: Sequence[Item], kind: int = 0) -> bytes:
    return struct.pack("<5H", MAGIC, kind, 0, 0, len(items)) + b"".join(
        pack_item(f, seq, kind) for seq, f in enumerate(items)
    )


def survey(count: int) -> list[Item]:
    places = [LatLon(lat_deg=HERE.lat_deg + n * 1e-4, lon_deg=HERE.lon_deg) for n in range(count)]
    return [item(16, HERE, 600.0, frame=0), *(item(16, p, 30.0) for p in places)]


def test_a_mission_is_read_as_a_file_of_packed_items(ftp: Ftp, station: Station) -> None:
    """@MISSION/mission.dat: header <5H (magic 0x763d, type, options, start, count), then 38 bytes an item."""
    assert station.upload(survey(9)[1:]) == mav.MAV_MISSION_ACCEPTED
    content = ftp.read(FILES[0])
    assert struct.unpack_from("<5H", content) == (MAGIC, 0, 0, 0, 10)
    assert len(content) == 10 + 10 * ITEM_BYTES
    for seq, stored in enumerate(station.download()):
        x, y, z, number, command = struct.unpack_from("<2if2H", content, 10 + seq * ITEM_BYTES + 16)
        assert (x, y, round(z, 2), number, command) == (
            stored.x,
            stored.y,
            round(stored.z, 2),
            seq,
            stored.command,
        )


def test_a_mission_is_written_as_a_file_and_its_checksum_is_told(ftp: Ftp, station: Station) -> None:
    """A file is taken when it is closed, reads back the same, and CalcFileCRC32 gives its CRC."""
    assert ftp.write(FILES[0], file_of(survey(30))) == ACK
    assert station.count() == 31
    assert [m.x for m in station.download()[1:]] == [f["x"] for f in survey(30)[1:]]
    content = ftp.read(FILES[0])
    code, data = ftp.ask(CRC32, data=FILES[0].encode())
    assert code == ACK
    assert len(data) == 4
    assert struct.unpack("<I", data)[0] == ardupilot_crc32(content)


def ardupilot_crc32(content: bytes) -> int:
    """The reflected CRC-32 that starts at 0 and is not inverted at its end."""
    return zlib.crc32(content, 0xFFFFFFFF) ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda c: c[: -2 * ITEM_BYTES], id="cut"),
        pytest.param(lambda c: b"\0\0" + c[2:], id="magic"),
        pytest.param(lambda c: c[:8] + b"\2\0" + c[10:], id="count"),
    ],
)
def test_a_file_that_is_not_whole_changes_nothing(ftp: Ftp, station: Station, damage: object) -> None:
    """A file with an item missing or a wrong header is not taken and the old mission stays; closing it says
    ACK all the same."""
    assert callable(damage)
    assert station.upload(survey(3)[1:]) == mav.MAV_MISSION_ACCEPTED
    assert ftp.write(FILES[0], damage(file_of(survey(20)))) == ACK
    assert station.count() == 4
    assert [m.x for m in station.download()[1:]] == [f["x"] for f in survey(3)[1:]]


def test_a_file_cut_within_its_last_item_is_taken_with_zeros(ftp: Ftp, station: Station) -> None:
    """The buffer is made from the header and filled with zeros, and only an item of zeros alone is found
    missing: a cut inside an item is stored, here with its height above the sea. The header's data type is
    not looked at."""
    items = survey(5)
    content = file_of(items)
    changed = content[:2] + b"\1\0" + content[4:-4]
    assert ftp.write(FILES[0], changed) == ACK
    assert station.count() == len(items)
    last = station.fetch(len(items) - 1)
    assert last.x == items[-1]["x"]
    assert (items[-1]["frame"], last.frame) == (mav.MAV_FRAME_GLOBAL_RELATIVE_ALT, mav.MAV_FRAME_GLOBAL)


def test_a_refused_item_in_a_whole_file_leaves_a_cut_mission(ftp: Ftp, station: Station) -> None:
    """The mission is cleared first and written up to the refused item; closing the file says ACK all the
    same. Only reading back tells."""
    assert station.upload(survey(3)[1:]) == mav.MAV_MISSION_ACCEPTED
    items = survey(20)
    items[9] = item(4501)
    assert ftp.write(FILES[0], file_of(items)) == ACK
    assert station.count() == 9


def test_a_refused_item_in_a_fence_file_leaves_the_old_fence(ftp: Ftp, station: Station) -> None:
    """A fence file is taken whole or not at all; closing says ACK all the same."""
    corners = ((0.0, 0.0), (0.01, 0.0), (0.0, 0.01))
    ring = [
        item(5001, LatLon(lat_deg=HERE.lat_deg + n, lon_deg=HERE.lon_deg + e), params=(3.0,), frame=0)
        for n, e in corners
    ]
    assert station.upload(ring, 1) == mav.MAV_MISSION_ACCEPTED
    assert ftp.write(FILES[1], file_of([*ring, item(16, HERE, 10.0)], 1)) == ACK
    assert [m.x for m in station.download(1)] == [f["x"] for f in ring]


def test_fences_and_rally_points_are_files_too(ftp: Ftp, station: Station) -> None:
    """fence.dat and rally.dat have the same form, with their own mission types."""
    ring = [
        item(
            5001,
            LatLon(lat_deg=HERE.lat_deg + n, lon_deg=HERE.lon_deg + e),
            params=(3.0,),
            frame=mav.MAV_FRAME_GLOBAL,
        )
        for n, e in ((0.0, 0.0), (0.01, 0.0), (0.0, 0.01))
    ]
    rally = [item(5100, HERE, 30.0)]
    for kind, items in ((1, ring), (2, rally)):
        assert ftp.write(FILES[kind], file_of(items, kind)) == ACK
        assert [m.x for m in station.download(kind)] == [f["x"] for f in items]
        content = ftp.read(FILES[kind])
        assert struct.unpack_from("<5H", content) == (MAGIC, kind, 0, 0, len(items))
