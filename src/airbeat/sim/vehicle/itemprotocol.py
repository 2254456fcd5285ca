"""The vehicle's side of the item protocol, which fills and reads its lists.

Sans-I/O: fed with messages and with the simulation time, it answers with messages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airbeat.link.dialect import mavlink
from airbeat.mission.commands import MavCmd
from airbeat.sim.vehicle.storage import FenceList, ItemList

__all__ = ["Transfer"]

UPLOAD_TIMEOUT_S = 8.0
REQUEST_INTERVAL_S = 1.0

_ACCEPTED = int(mavlink.MAV_MISSION_ACCEPTED)
_ERROR = int(mavlink.MAV_MISSION_ERROR)
_INVALID_SEQUENCE = int(mavlink.MAV_MISSION_INVALID_SEQUENCE)
_DENIED = int(mavlink.MAV_MISSION_DENIED)

SendText = Callable[[int, str], None]


@dataclass(slots=True)
class _Upload:
    link: int
    system: int
    component: int
    next_seq: int
    last_seq: int
    received_s: float
    requested_s: float


class Transfer:
    """The vehicle's side of the item protocol for one list.

    Args:
        items: the list.
        send: sends a message on a link: (link, message).
        text: sends a STATUSTEXT to every link: (severity, words).
        is_booted: before that no item can be stored ("Only 0 items are supported").
    """

    def __init__(
        self,
        items: ItemList,
        send: Callable[[int, Any], None],
        text: SendText,
        is_booted: Callable[[], bool],
    ) -> None:
        self.items = items
        self._send = send
        self._text = text
        self._is_booted = is_booted
        self._upload: _Upload | None = None
        self._warned_item = self._warned_request = False

    @property
    def receiving(self) -> bool:
        """Whether an upload is going on."""
        return self._upload is not None

    def drop(self) -> None:
        """Forget an upload (the vehicle reboots)."""
        self._upload = None
        self.items.abandon()

    def ack(self, link: int, message: Any, result: int) -> None:
        """Send MISSION_ACK to the sender of a message."""
        self._send(
            link,
            mavlink.MAVLink_mission_ack_message(
                message.get_srcSystem(), message.get_srcComponent(), result, self.items.mission_type
            ),
        )

    def on_count(self, link: int, message: Any, now_s: float) -> None:
        """MISSION_COUNT: an upload begins, or the list is emptied by a count of 0."""
        if not self._cancel(link, message):
            return
        capacity = self.items.capacity if self._is_booted() else 0
        if message.count > capacity:
            self.ack(link, message, int(mavlink.MAV_MISSION_NO_SPACE))
            self._text(int(mavlink.MAV_SEVERITY_WARNING), f"Only {capacity} items are supported")
            return
        self.items.begin(message.count)
        if message.count == 0:
            self._complete(link, message)
            return
        self._open(link, message, 0, message.count - 1, now_s)

    def on_write_partial(self, link: int, message: Any, now_s: float) -> None:
        """MISSION_WRITE_PARTIAL_LIST: some items of a mission or of the rally points are replaced."""
        count = self.items.count()
        if self._upload is not None:
            self.ack(link, message, _DENIED)
            return
        start, end = message.start_index, message.end_index
        if not 0 <= start <= end <= count or isinstance(self.items, FenceList):
            self._text(int(mavlink.MAV_SEVERITY_WARNING), "Flight plan update rejected")
            self.ack(link, message, _ERROR)
            return
        self._open(link, message, start, end, now_s)

    def _open(self, link: int, message: Any, first: int, last: int, now_s: float) -> None:
        self._upload = _Upload(
            link, message.get_srcSystem(), message.get_srcComponent(), first, last, now_s, now_s
        )
        self._warned_item = self._warned_request = False
        self._request(now_s)

    def _request(self, now_s: float) -> None:
        upload = self._upload
        if upload is not None:
            upload.requested_s = now_s
            self._send(
                upload.link,
                mavlink.MAVLink_mission_request_message(
                    upload.system, upload.component, upload.next_seq, self.items.mission_type
                ),
            )

    def _cancel(self, link: int, message: Any) -> bool:
        upload = self._upload
        if upload is None:
            return True
        if (message.get_srcSystem(), message.get_srcComponent()) != (upload.system, upload.component):
            self.ack(link, message, _DENIED)
            return False
        self.drop()
        return True

    def on_item(self, link: int, message: Any, now_s: float, *, old_format: bool = False) -> None:
        """MISSION_ITEM_INT, or a MISSION_ITEM already converted to it."""
        if old_format and not self._warned_item:
            self._warned_item = True
            self._text(
                int(mavlink.MAV_SEVERITY_WARNING), "got MISSION_ITEM; GCS should send MISSION_ITEM_INT"
            )
        upload = self._upload
        if upload is None:
            self.ack(link, message, _ERROR)
            return
        if message.seq != upload.next_seq:
            self.ack(upload.link, message, _INVALID_SEQUENCE)
            return
        if (message.get_srcSystem(), message.get_srcComponent()) != (upload.system, upload.component):
            self.ack(upload.link, message, _DENIED)
            return
        result = self.items.put(message, upload.last_seq)
        if result != _ACCEPTED:
            self.ack(upload.link, message, result)
            self.drop()
            return
        upload.received_s = now_s
        upload.next_seq += 1
        if upload.next_seq > upload.last_seq:
            self._complete(upload.link, message)
        else:
            self._request(now_s)

    def _complete(self, link: int, message: Any) -> None:
        result, texts = self.items.finish()
        for severity, words in texts:
            self._text(severity, words)
        self.ack(link, message, result)
        self._upload = None

    def on_clear(self, link: int, message: Any) -> None:
        """MISSION_CLEAR_ALL."""
        if self._upload is not None and not self._cancel(link, message):
            self.ack(link, message, _ERROR)
            return
        self.ack(link, message, _ACCEPTED if self.items.clear() else _ERROR)

    def on_request_list(self, link: int, message: Any) -> None:
        """MISSION_REQUEST_LIST."""
        if self._upload is not None:
            self.ack(link, message, _DENIED)
            return
        self._send_count(link, message)

    def _send_count(self, link: int, message: Any) -> None:
        self._send(
            link,
            mavlink.MAVLink_mission_count_message(
                message.get_srcSystem(),
                message.get_srcComponent(),
                self.items.count(),
                self.items.mission_type,
            ),
        )

    def on_request(self, link: int, message: Any, *, old_format: bool = False) -> None:
        """MISSION_REQUEST_INT, or MISSION_REQUEST, which is answered with MISSION_ITEM."""
        if self._upload is not None and not old_format:
            self.ack(link, message, _DENIED)
            return
        fields = self.items.fields(message.seq)
        if isinstance(fields, int):
            if fields == _INVALID_SEQUENCE and not old_format:
                self._send_count(link, message)
            self.ack(link, message, fields)
            return
        fields["target_system"] = message.get_srcSystem()
        fields["target_component"] = message.get_srcComponent()
        if not old_format:
            self._send(link, mavlink.MAVLink_mission_item_int_message(**fields))
            return
        if not self._warned_request:
            self._warned_request = True
            self._text(int(mavlink.MAV_SEVERITY_WARNING), "got MISSION_REQUEST; use MISSION_REQUEST_INT!")
        if fields["command"] not in (MavCmd.DO_DIGICAM_CONFIGURE, MavCmd.DO_DIGICAM_CONTROL):
            fields["x"], fields["y"] = fields["x"] * 1e-7, fields["y"] * 1e-7
        self._send(link, mavlink.MAVLink_mission_item_message(**fields))

    def update(self, now_s: float) -> None:
        """Ask again after 1 s, give up 8 s after the last item."""
        upload = self._upload
        if upload is None:
            return
        if now_s - upload.received_s > UPLOAD_TIMEOUT_S:
            self._text(int(mavlink.MAV_SEVERITY_WARNING), f"{self.items.label} upload timeout")
            self._send(
                upload.link,
                mavlink.MAVLink_mission_ack_message(
                    upload.system,
                    upload.component,
                    int(mavlink.MAV_MISSION_OPERATION_CANCELLED),
                    self.items.mission_type,
                ),
            )
            self.drop()
        elif now_s - upload.requested_s > REQUEST_INTERVAL_S:
            self._request(now_s)
