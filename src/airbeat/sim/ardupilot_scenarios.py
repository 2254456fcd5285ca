"""Scripted requests whose answers by ArduPilot are kept as transcripts. Each begins with an empty vehicle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from airbeat.geo.coordinates import LatLon
from airbeat.link.dialect import mavlink
from airbeat.sim.ardupilot_station import MISSION, Item, item
from airbeat.sim.ardupilot_transcript import Play

__all__ = ["SCENARIOS", "SCENARIO_HOME", "SCENARIO_HOME_AMSL_M"]

SCENARIO_HOME = LatLon(lat_deg=47.2692, lon_deg=11.4041)
SCENARIO_HOME_AMSL_M = 600.0

_FENCE: int = mavlink.MAV_MISSION_TYPE_FENCE
_RALLY: int = mavlink.MAV_MISSION_TYPE_RALLY
_HERE = LatLon(lat_deg=47.27, lon_deg=11.405)
_HOME = item(16, _HERE, 600.0, frame=0)


def _way(number: int, height_m: float = 30.0) -> Item:
    return item(16, LatLon(lat_deg=_HERE.lat_deg + number * 1e-4, lon_deg=_HERE.lon_deg), height_m)


def _count(number: int, kind: int = MISSION) -> Any:
    return mavlink.MAVLink_mission_count_message(1, 1, number, kind)


def _send(seq: int, fields: Item, kind: int = MISSION) -> Any:
    f = fields
    return mavlink.MAVLink_mission_item_int_message(
        1, 1, seq, f["frame"], f["command"], 0, 1,
        f["param1"], f["param2"], f["param3"], f["param4"], f["x"], f["y"], f["z"], kind,
    )  # fmt: skip


def _list(kind: int = MISSION) -> Any:
    return mavlink.MAVLink_mission_request_list_message(1, 1, kind)


def _get(seq: int, kind: int = MISSION) -> Any:
    return mavlink.MAVLink_mission_request_int_message(1, 1, seq, kind)


def _clear(kind: int = MISSION) -> Any:
    return mavlink.MAVLink_mission_clear_all_message(1, 1, kind)


def _command(number: int, *params: float) -> Any:
    return mavlink.MAVLink_command_long_message(1, 1, number, 0, *(*params, *([0.0] * 7))[:7])


def _upload(play: Play, items: Sequence[Item], kind: int = MISSION) -> None:
    items = [_HOME, *items] if kind == MISSION else items
    play.ask(_count(len(items), kind))
    for seq, fields in enumerate(items):
        play.ask(_send(seq, fields, kind))


def _read_back(play: Play, count: int, kind: int = MISSION) -> None:
    play.ask(_list(kind))
    for seq in range(count):
        play.ask(_get(seq, kind))
    play.ask(mavlink.MAVLink_mission_ack_message(1, 1, mavlink.MAV_MISSION_ACCEPTED, kind))


def mission_upload_and_read_back(play: Play) -> None:
    """A small survey, up and down again."""
    items = [
        item(22, height_m=30.0),
        item(178, params=(1.0, 8.0, -1.0)),
        _way(1),
        item(206, params=(12.5, 0.0, 1.0)),
        _way(2),
        item(206),
        item(20),
    ]
    _upload(play, items)
    _read_back(play, len(items) + 1)


def mission_protocol_faults(play: Play) -> None:
    """Out of order, duplicates, strangers, wrong types, late items, out of range."""
    play.ask(_send(0, _HOME))
    play.ask(_count(3))
    play.ask(_send(2, _way(2)))
    play.ask(_send(0, _HOME))
    play.ask(_send(0, _HOME))
    play.ask(_send(1, _way(1)), as_system=77)
    play.ask(_count(9), as_system=77)
    play.ask(_clear(), as_system=77)
    play.ask(_list())
    play.ask(_get(0))
    play.ask(_send(1, _way(1), _FENCE))
    play.ask(_send(1, _way(1)))
    play.ask(_send(2, _way(2)))
    play.ask(_send(2, _way(2)))
    play.ask(_get(3))
    play.ask(_get(65535))
    play.ask(_clear(255))
    play.ask(_list(255))
    play.ask(_list())
    play.ask(_count(65535))
    play.ask(_list())
    play.ask(mavlink.MAVLink_mission_request_message(1, 1, 1, 0))
    play.ask(mavlink.MAVLink_mission_request_message(1, 1, 9, 0))


def mission_bad_items(play: Play) -> None:
    """Items that end an upload, one upload each."""
    nan = float("nan")
    bad = [
        item(16, _HERE, 30.0, frame=1),
        item(16, _HERE, 30.0, frame=99),
        item(16, x=950_000_000, height_m=30.0),
        item(16, y=2_000_000_000, height_m=30.0),
        item(16, _HERE, 30.0, params=(nan,)),
        item(16, _HERE, 30.0, params=(0.0, nan)),
        item(16, _HERE, 30.0, params=(0.0, 0.0, nan)),
        item(178, params=(1.0, 5.0, 0.0, nan)),
        item(16, _HERE, nan),
        item(16, _HERE, 1e9),
        item(195, _HERE, 10.0),
        item(197),
        item(204),
        item(214),
        item(530),
        item(4501),
        item(177, params=(0.0, 1.0)),
        item(177, params=(50.0, 1.0)),
        item(5001, _HERE, params=(3.0,)),
        item(5100, _HERE, 10.0),
    ]
    for fields in bad:
        play.ask(_count(2))
        play.ask(_send(0, _HOME))
        play.ask(_send(1, fields))
    play.ask(_list())


def mission_stored_forms(play: Play) -> None:
    """What comes back differs from what was sent: frames, heights, parameters."""
    items = [
        item(16, _HERE, 12.3456, params=(4.7, 3.0, 2.0, 90.0)),
        item(16, _HERE, -1.239, frame=0),
        item(16, _HERE, 30.0, frame=2),
        item(16, _HERE, 30.0, frame=5),
        item(16, _HERE, 30.0, frame=6),
        item(16, _HERE, 30.0, frame=10),
        item(16, _HERE, 30.0, frame=11),
        item(18, _HERE, 30.0, params=(2.0, 0.0, 40.0)),
        item(18, _HERE, 30.0, params=(2.0, 0.0, 333.0)),
        item(19, _HERE, 30.0, params=(8.6,)),
        item(82, _HERE, 30.0, params=(3.4,)),
        item(93, params=(5.0, -1.0, -1.0, -1.0)),
        item(112, params=(3.0,)),
        item(114, params=(25.0,)),
        item(115, params=(90.0, 20.0, 1.0, 0.0)),
        item(178, params=(1.0, 7.5, -1.0)),
        item(181, params=(1.0, 1.0)),
        item(183, params=(9.0, 1500.0)),
        item(201, _HERE, 5.0),
        item(203, params=(0.0, 0.0, 0.0, 0.0)),
        item(205, params=(-90.0, 0.0, 0.0)),
        item(206, params=(12.5, 0.0, 1.0)),
        item(600, params=(7.0,)),
        item(601, params=(7.0, 3.0)),
        item(177, params=(1.0, 2.0)),
        item(2000, params=(0.0, 2.0, 10.0, 0.0)),
        item(2001),
        item(21, _HERE, 0.0),
        item(20),
    ]
    _upload(play, items)
    _read_back(play, len(items) + 1)


def mission_abandoned(play: Play) -> None:
    """An upload that falls silent, and what is left of the mission."""
    _upload(play, [_way(n) for n in range(1, 6)])
    play.ask(_count(4))
    play.ask(_send(0, _HOME))
    play.ask(_send(1, _way(101)), settle_s=12.0)
    _read_back(play, 4)
    play.ask(_count(0))
    play.ask(_list())
    play.ask(_count(1))
    play.ask(_send(0, _HOME))
    play.ask(_list())


def mission_edits(play: Play) -> None:
    """Partial writes, restarts, clearing."""
    _upload(play, [_way(n) for n in range(1, 5)])
    play.ask(mavlink.MAVLink_mission_write_partial_list_message(1, 1, 2, 3, 0))
    play.ask(_send(2, _way(22)))
    play.ask(_send(3, _way(33)))
    _read_back(play, 5)
    play.ask(mavlink.MAVLink_mission_write_partial_list_message(1, 1, 3, 2, 0))
    play.ask(mavlink.MAVLink_mission_write_partial_list_message(1, 1, 2, 99, 0))
    play.ask(_count(3))
    play.ask(_send(0, _HOME))
    play.ask(_count(2))
    play.ask(_send(0, _HOME))
    play.ask(_send(1, _way(7)))
    play.ask(_list())
    play.ask(_clear())
    play.ask(_list())


def _ring(count: int, counts: Sequence[int] | None = None, command: int = 5001) -> list[Item]:
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-2, 0)][:count]
    return [
        item(
            command,
            LatLon(lat_deg=_HERE.lat_deg + n * 1e-3, lon_deg=_HERE.lon_deg + e * 1e-3),
            params=(float(counts[i] if counts else count),),
            frame=0,
        )
        for i, (n, e) in enumerate(corners)
    ]


def fence_transfers(play: Play) -> None:
    """Good and bad fences; the old one stays until a good one is complete."""
    good = [*_ring(4), item(5003, _HERE, params=(400.5,), frame=0)]
    _upload(play, good, _FENCE)
    _read_back(play, len(good), _FENCE)
    for counts in ((4, 4, 4, 3), (5, 5, 5, 5), (2, 2, 2, 2)):
        _upload(play, _ring(4, counts), _FENCE)
    play.ask(_list(_FENCE))
    play.ask(_count(5, _FENCE))
    play.ask(_send(0, _ring(5)[0], _FENCE), settle_s=12.0)
    play.ask(_list(_FENCE))
    for bad in (
        item(16, _HERE, 10.0),
        item(5003, _HERE, params=(-5.0,), frame=0),
        item(5001, _HERE, frame=1),
    ):
        play.ask(_count(1, _FENCE))
        play.ask(_send(0, bad, _FENCE))
    play.ask(_list(_FENCE))
    play.ask(_count(5000, _FENCE))
    play.ask(_get(9, _FENCE))
    play.ask(_count(0, _FENCE))
    play.ask(_list(_FENCE))
    play.ask(_clear(_FENCE))


def rally_transfers(play: Play) -> None:
    """Rally points: whole metres, capacity, foreign commands."""
    points = [item(5100, _HERE, h) for h in (30.7, 45.2, -3.9)]
    _upload(play, points, _RALLY)
    _read_back(play, 3, _RALLY)
    play.ask(_count(1, _RALLY))
    play.ask(_send(0, item(16, _HERE, 10.0), _RALLY))
    play.ask(_list(_RALLY))
    play.ask(_count(5000, _RALLY))
    play.ask(_get(9, _RALLY))
    play.ask(_clear(_RALLY))
    play.ask(_list(_RALLY))


def commands_on_the_ground(play: Play) -> None:
    """Commands that a ground station sends to a disarmed vehicle, good and bad."""
    _upload(play, [item(22, height_m=10.0), _way(1), item(20)])
    for params in ((1.0,), (0.0, 1.0)):
        play.ask(_command(mavlink.MAV_CMD_MISSION_START, *params))
    for number in (2.0, 9.0, 70000.0):
        play.ask(_command(mavlink.MAV_CMD_DO_SET_MISSION_CURRENT, number))
    for mode in (4.0, 17.0, 5.0, 0.0, 99.0):
        play.ask(_command(mavlink.MAV_CMD_DO_SET_MODE, 1.0, mode))
    play.ask(_command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, 33.0, -1.0))
    play.ask(_command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, 60000.0, 100000.0))
    play.ask(_command(mavlink.MAV_CMD_REQUEST_MESSAGE, 148.0))
    play.ask(_command(mavlink.MAV_CMD_REQUEST_MESSAGE, 60000.0))
    play.ask(_command(mavlink.MAV_CMD_DO_DIGICAM_CONTROL, 0, 0, 0, 0, 1.0))
    play.ask(_command(mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST, 0.0))
    play.ask(_command(31000))
    play.ask(_command(mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 10.0))


def parameters(play: Play) -> None:
    """Reading and writing parameters, known and unknown."""
    for name in (b"FENCE_ALT_MAX", b"FENCE_RADIUS", b"FENCE_ENABLE", b"RALLY_LIMIT_KM", b"NO_SUCH_NAME"):
        play.ask(mavlink.MAVLink_param_request_read_message(1, 1, name, -1))
    real = mavlink.MAV_PARAM_TYPE_REAL32
    for name, value in ((b"RTL_ALT", 2000.0), (b"RTL_ALT", 1500.0), (b"NO_SUCH_NAME", 1.0)):
        play.ask(mavlink.MAVLink_param_set_message(1, 1, name, value, real))


SCENARIOS: dict[str, Callable[[Play], None]] = {
    f.__name__.replace("_", "-"): f
    for f in (
        mission_upload_and_read_back,
        mission_protocol_faults,
        mission_bad_items,
        mission_stored_forms,
        mission_abandoned,
        mission_edits,
        fence_transfers,
        rally_transfers,
        commands_on_the_ground,
        parameters,
    )
}
"""Every scenario by the name of its transcript."""
