"""Transfer of missions, fences and rally points: who asks, who answers, what ends an upload."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airbeat.geo.coordinates import LatLon
from airbeat.link.dialect import mavlink as mav
from airbeat.sim.ardupilot_station import Item, Station, item

HERE = LatLon(lat_deg=47.27, lon_deg=11.405)
FENCE = mav.MAV_MISSION_TYPE_FENCE
RALLY = mav.MAV_MISSION_TYPE_RALLY
HOME_ITEM = item(mav.MAV_CMD_NAV_WAYPOINT, HERE, 600.0, frame=mav.MAV_FRAME_GLOBAL)


def waypoint(number: int = 0, height_m: float = 30.0) -> Item:
    place = LatLon(lat_deg=HERE.lat_deg + number * 1e-5, lon_deg=HERE.lon_deg)
    return item(mav.MAV_CMD_NAV_WAYPOINT, place, height_m)


def ring(count: int, size_deg: float = 0.001) -> list[Item]:
    """An inclusion fence of ``count`` vertices around HERE."""
    corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0)]
    corners += [(1.0 - 2.0 * i / (count - 3), 1.0) for i in range(1, count - 3)] + [(-1.0, 1.0)]
    return [
        item(
            mav.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION,
            LatLon(lat_deg=HERE.lat_deg + n * size_deg, lon_deg=HERE.lon_deg + e * size_deg),
            params=(count,),
            frame=mav.MAV_FRAME_GLOBAL,
        )
        for n, e in corners
    ]


def test_the_vehicle_asks_with_mission_request_and_takes_mission_item_int(station: Station) -> None:
    """ArduPilot asks with MISSION_REQUEST, not MISSION_REQUEST_INT, and takes MISSION_ITEM_INT."""
    mark = station.mark()
    assert station.upload([waypoint(1), waypoint(2)]) == mav.MAV_MISSION_ACCEPTED
    asked = station.since(mark, "MISSION_REQUEST", "MISSION_REQUEST_INT")
    assert {m.get_type() for m in asked} == {"MISSION_REQUEST"}
    assert list(dict.fromkeys(m.seq for m in asked)) == [0, 1, 2]
    assert station.count() == 3


def test_it_asks_again_every_second_and_gives_up_after_eight(station: Station) -> None:
    """Asks again every 1 s; after 8 s of silence OPERATION_CANCELLED and "Mission upload timeout"."""
    mark = station.send_count(3)
    first = station.request(mark)
    end = station.expect("MISSION_ACK", after=mark, timeout_s=20.0)
    assert end.type == mav.MAV_MISSION_OPERATION_CANCELLED
    assert 7.0 <= end.heard_s - first.heard_s <= 10.5
    asked = [m for m in station.since(mark, "MISSION_REQUEST") if m.seq == first.seq]
    assert 6 <= len(asked) <= 10
    station.wait(lambda: "Mission upload timeout" in station.texts(mark), "the text about the timeout")


def test_an_item_out_of_order_is_noise_and_the_upload_goes_on(station: Station) -> None:
    """A duplicate or out-of-order item gets INVALID_SEQUENCE and the upload continues."""
    mark = station.send_count(3)
    station.request(mark, 0)
    station.send_item(2, waypoint(2))
    assert station.ack(mark) == mav.MAV_MISSION_INVALID_SEQUENCE
    again = station.mark()
    station.send_item(0, HOME_ITEM)
    station.request(again, 1)
    again = station.mark()
    station.send_item(0, HOME_ITEM)
    assert station.ack(again) == mav.MAV_MISSION_INVALID_SEQUENCE
    station.send_item(1, waypoint(1))
    station.request(again, 2)
    again = station.mark()
    station.send_item(2, waypoint(2))
    assert station.ack(again) == mav.MAV_MISSION_ACCEPTED
    assert station.count() == 3


@pytest.mark.parametrize(
    ("bad", "result"),
    [
        pytest.param(
            item(mav.MAV_CMD_NAV_WAYPOINT, HERE, 10.0, frame=mav.MAV_FRAME_LOCAL_NED),
            mav.MAV_MISSION_UNSUPPORTED_FRAME,
            id="frame",
        ),
        pytest.param(item(4501), mav.MAV_MISSION_UNSUPPORTED, id="command"),
        pytest.param(
            item(mav.MAV_CMD_NAV_WAYPOINT, x=950_000_000, y=0, height_m=10.0),
            mav.MAV_MISSION_INVALID_PARAM5_X,
            id="latitude",
        ),
    ],
)
def test_a_bad_item_ends_the_upload(station: Station, bad: Item, result: int) -> None:
    """A bad item (parameter, frame, command) ends the upload: nothing is asked any more."""
    assert station.upload([waypoint(1), bad, waypoint(3)]) == result
    mark = station.mark()
    station.sleep(3.0)
    assert not station.since(mark, "MISSION_REQUEST")
    station.send_item(2, waypoint(2))
    assert station.ack(mark) == mav.MAV_MISSION_ERROR


def test_the_last_item_sent_again_after_the_ack_is_an_error_although_all_is_stored(station: Station) -> None:
    """If the final ACK is lost, sending the last item again returns MAV_MISSION_ERROR; it was stored."""
    assert station.upload([waypoint(1)]) == mav.MAV_MISSION_ACCEPTED
    mark = station.mark()
    station.send_item(1, waypoint(1))
    assert station.ack(mark) == mav.MAV_MISSION_ERROR
    assert station.fetch(1).x == waypoint(1)["x"]


def test_a_mission_is_written_in_place_from_the_count_on(station: Station) -> None:
    """Missions are not atomic: MISSION_COUNT truncates, then items are written in place."""
    assert station.upload([waypoint(i) for i in range(1, 7)]) == mav.MAV_MISSION_ACCEPTED
    mark = station.send_count(4)
    station.request(mark, 0)
    station.send_item(0, HOME_ITEM)
    station.request(mark, 1)
    station.send_item(1, waypoint(101))
    station.request(mark, 2)
    assert station.ack(mark, timeout_s=20.0) == mav.MAV_MISSION_OPERATION_CANCELLED
    stored = station.download()
    assert [m.x for m in stored[1:]] == [waypoint(i)["x"] for i in (101, 2, 3)]


def test_a_fence_is_all_or_nothing(station: Station) -> None:
    """Fences are buffered and atomic: an upload that is given up leaves the old fence."""
    assert station.upload(ring(4), FENCE) == mav.MAV_MISSION_ACCEPTED
    mark = station.send_count(5, FENCE)
    station.request(mark, 0)
    station.send_item(0, ring(5, 0.002)[0], FENCE)
    station.request(mark, 1)
    assert station.ack(mark, FENCE, timeout_s=20.0) == mav.MAV_MISSION_OPERATION_CANCELLED
    assert [m.x for m in station.download(FENCE)] == [v["x"] for v in ring(4)]


def test_count_one_leaves_what_the_firmware_leaves(station: Station) -> None:
    """Uploading count=1 (home alone) to an empty vehicle leaves 2 items."""
    assert station.clear() == mav.MAV_MISSION_ACCEPTED
    mark = station.send_count(1)
    station.request(mark, 0)
    station.send_item(0, HOME_ITEM)
    assert station.ack(mark) == mav.MAV_MISSION_ACCEPTED
    assert station.count() == 2


def test_another_ground_station_is_denied_while_one_uploads(station: Station) -> None:
    """One upload at a time per mission type, held by sysid+compid: another GCS gets DENIED."""
    mark = station.send_count(3)
    station.request(mark, 0)
    other = station.send_count(5, as_system=77)
    assert station.ack(other) == mav.MAV_MISSION_DENIED
    other = station.mark()
    station.send_item(0, HOME_ITEM, as_system=77)
    assert station.ack(other) == mav.MAV_MISSION_DENIED
    fence = station.send_count(4, FENCE, as_system=77)
    station.expect("MISSION_REQUEST", after=fence, where=lambda m: m.mission_type == FENCE)
    station.send(mav.MAVLink_mission_clear_all_message(1, 1, FENCE), as_system=77)
    assert station.ack(fence, FENCE) == mav.MAV_MISSION_ACCEPTED
    station.send_item(0, HOME_ITEM)
    station.request(mark, 1)


def test_reading_is_denied_while_an_upload_runs(station: Station) -> None:
    """A list or item asked for during an upload of that type is DENIED."""
    mark = station.send_count(3)
    station.request(mark, 0)
    again = station.mark()
    station.send(mav.MAVLink_mission_request_list_message(1, 1, 0))
    assert station.ack(again) == mav.MAV_MISSION_DENIED
    again = station.mark()
    station.send(mav.MAVLink_mission_request_int_message(1, 1, 0, 0))
    assert station.ack(again) == mav.MAV_MISSION_DENIED


def test_the_same_station_may_begin_again(station: Station) -> None:
    """MISSION_COUNT from the station that is uploading starts the upload over."""
    mark = station.send_count(3)
    station.request(mark, 0)
    station.send_item(0, HOME_ITEM)
    station.request(mark, 1)
    assert station.upload([waypoint(1)]) == mav.MAV_MISSION_ACCEPTED
    assert station.count() == 2


def test_an_item_of_the_wrong_mission_type_is_an_error_of_that_type_only(station: Station) -> None:
    """Wrong mission_type mid-upload: ERROR for that type; the real upload goes on."""
    mark = station.send_count(2)
    station.request(mark, 0)
    station.send_item(0, ring(4)[0], FENCE)
    assert station.ack(mark, FENCE) == mav.MAV_MISSION_ERROR
    station.send_item(0, HOME_ITEM)
    station.request(mark, 1)
    station.send_item(1, waypoint(1))
    assert station.ack(mark) == mav.MAV_MISSION_ACCEPTED


def test_clearing_all_types_at_once_is_unsupported(station: Station) -> None:
    """CLEAR_ALL with type 255: UNSUPPORTED, and nothing is cleared."""
    assert station.upload([waypoint(1)]) == mav.MAV_MISSION_ACCEPTED
    assert station.clear(mav.MAV_MISSION_TYPE_ALL) == mav.MAV_MISSION_UNSUPPORTED
    assert station.count() == 2


def test_count_zero_clears_a_fence_and_a_mission(station: Station) -> None:
    """MISSION_COUNT 0 is acknowledged at once; a fence is gone, a mission keeps nothing but home or less."""
    assert station.upload(ring(4), FENCE) == mav.MAV_MISSION_ACCEPTED
    assert station.upload([waypoint(1)]) == mav.MAV_MISSION_ACCEPTED
    assert station.ack(station.send_count(0, FENCE), FENCE) == mav.MAV_MISSION_ACCEPTED
    assert station.count(FENCE) == 0
    assert station.ack(station.send_count(0)) == mav.MAV_MISSION_ACCEPTED
    assert station.count() <= 1


@pytest.mark.parametrize(
    ("kind", "capacity", "word"),
    [(0, 650, "items"), (FENCE, 70, "items"), (RALLY, 46, "items")],
    ids=["mission", "fence", "rally"],
)
def test_more_than_fits_is_refused_with_the_capacity_and_the_old_content_stays(
    station: Station, kind: int, capacity: int, word: str
) -> None:
    """Capacity: 650 mission items, home included; fence 70; rally 46. Beyond: NO_SPACE, "Only N items …"."""
    one = {0: [waypoint(1)], FENCE: ring(4), RALLY: [item(mav.MAV_CMD_NAV_RALLY_POINT, HERE, 30.0)]}[kind]
    assert station.upload(one, kind) == mav.MAV_MISSION_ACCEPTED
    before = station.count(kind)
    mark = station.send_count(5000, kind)
    assert station.ack(mark, kind) == mav.MAV_MISSION_NO_SPACE
    text = station.wait(
        lambda: next((t for t in station.texts(mark) if t.startswith("Only ")), ""), "the capacity"
    )
    assert text.endswith(f"{word} are supported")
    assert station.count(kind) == before
    stated = int(text.split()[1])
    assert stated == capacity


def test_an_item_beyond_the_end_brings_the_count_and_a_refusal(station: Station) -> None:
    """Out-of-range download: MISSION_COUNT and then an INVALID_SEQUENCE ACK."""
    assert station.upload([waypoint(1)]) == mav.MAV_MISSION_ACCEPTED
    mark = station.mark()
    station.send(mav.MAVLink_mission_request_int_message(1, 1, 9, 0))
    assert station.ack(mark) == mav.MAV_MISSION_INVALID_SEQUENCE
    assert [m.get_type() for m in station.since(mark, "MISSION_COUNT", "MISSION_ACK")] == [
        "MISSION_COUNT",
        "MISSION_ACK",
    ]
    assert station.since(mark, "MISSION_COUNT")[0].count == 2


def test_there_is_no_opaque_id_and_no_mission_id(station: Station) -> None:
    """opaque_id and MISSION_CHECKSUM are not implemented: 0 everywhere."""
    mark = station.mark()
    assert station.upload([waypoint(1)]) == mav.MAV_MISSION_ACCEPTED
    assert station.count() == 2
    found = station.since(mark, "MISSION_ACK", "MISSION_COUNT")
    assert {getattr(m, "opaque_id", 0) for m in found} == {0}
    assert getattr(station.get("MISSION_CURRENT"), "mission_id", 0) == 0


def test_old_and_new_requests_are_answered_in_kind(station: Station) -> None:
    """MISSION_REQUEST is answered with MISSION_ITEM (and a warning), MISSION_REQUEST_INT with ITEM_INT."""
    assert station.upload([waypoint(1)]) == mav.MAV_MISSION_ACCEPTED
    mark = station.mark()
    station.send(mav.MAVLink_mission_request_message(1, 1, 1, 0))
    assert station.expect("MISSION_ITEM", "MISSION_ITEM_INT", after=mark).get_type() == "MISSION_ITEM"
    assert station.fetch(1).seq == 1


def test_a_booting_vehicle_has_no_space_and_takes_the_mission_later(
    kind: str, start_vehicle: Callable[..., Station]
) -> None:
    """While still booting it answers NO_SPACE with "Only 0 items are supported"; ready, it accepts."""
    station = start_vehicle(kind, {"SIM_SPEEDUP": 1.0})
    seen: list[int] = []
    while mav.MAV_MISSION_NO_SPACE not in seen:
        mark = station.send_count(2)
        station.pump(0.002)
        seen += [m.type for m in station.since(mark, "MISSION_ACK")]
        if station.since(mark, "MISSION_REQUEST"):
            pytest.skip("booted before the first request arrived")
    station.start_clock()
    station.set_parameter("SIM_SPEEDUP", 20.0)
    station.wait_ready()
    assert any(t.startswith("Only 0 items are supported") for t in station.texts(0))
    assert station.upload([waypoint(1)]) == mav.MAV_MISSION_ACCEPTED


def test_fences_and_rally_points_need_mavlink_2(kind: str, start_vehicle: Callable[..., Station]) -> None:
    """Fence and rally need MAVLink 2: over MAVLink 1 the type is lost and the count is a mission's."""
    station = start_vehicle(kind)
    station.start_clock()
    station.wait_ready()
    assert station.upload(ring(4), FENCE) == mav.MAV_MISSION_ACCEPTED
    mark = station.mark()
    body = bytes([2, 0, 255, 190, mav.MAVLINK_MSG_ID_MISSION_REQUEST_LIST, 1, 1])
    checksum = mav.x25crc(body + bytes([mav.MAVLink_mission_request_list_message.crc_extra])).crc
    station.send_packet(b"\xfe" + body + checksum.to_bytes(2, "little"))
    answer = station.expect("MISSION_COUNT", after=mark)
    assert (answer.mission_type, answer.count) == (mav.MAV_MISSION_TYPE_MISSION, station.count())
    assert station.count(FENCE) == 4
