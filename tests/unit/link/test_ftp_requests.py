"""Requests under way: what is sent, when again, and which replies count."""

from __future__ import annotations

from typing import Any

from airbeat.link.ftp_requests import FtpRequests
from airbeat.link.ftp_session import ftp_timer
from airbeat.link.ftp_wire import FtpOpcode, FtpPacket
from airbeat.link.timing import RetryTimer
from airbeat.link.transfer import Peer

_PEER = Peer(system=1, component=1, own_system=255, own_component=190)


def _requests() -> FtpRequests:
    return FtpRequests(_PEER, session=9, first_seq=100, timer=RetryTimer())


def _sent(messages: list[Any]) -> list[FtpPacket]:
    return [FtpPacket.from_message(m) for m in messages]


def _reply(to: FtpPacket, *, opcode: FtpOpcode = FtpOpcode.ACK, session: int = 9, later: int = 1) -> Any:
    return FtpPacket(
        seq=to.seq + later, session=session, opcode=int(opcode), req_opcode=to.opcode, offset=to.offset
    ).message(target_system=255, target_component=190)


def _drain(requests: FtpRequests, now_s: float) -> tuple[list[FtpPacket], float]:
    """Lets the pace pass until nothing more goes out."""
    packets: list[FtpPacket] = []
    for _ in range(200):
        new = _sent(requests.outgoing(now_s))
        packets += new
        if requests.next_time_s > now_s + 0.01:
            break
        now_s = requests.next_time_s
    return packets, now_s


def test_no_more_than_an_autopilots_queue_holds_goes_out_at_once() -> None:
    requests = _requests()
    for n in range(20):
        requests.ask(FtpOpcode.WRITE_FILE, offset=n, data=b"x")
    assert len(requests.outgoing(5.0)) <= 5
    assert len(requests.outgoing(5.0025)) <= 3


def test_several_requests_are_under_way_and_not_all() -> None:
    requests = _requests()
    for n in range(100):
        requests.ask(FtpOpcode.WRITE_FILE, offset=n, data=b"x")
    packets, _ = _drain(requests, 5.0)
    assert 4 <= len(packets) < 60
    assert [p.seq for p in packets] == list(range(100, 100 + len(packets)))


def test_stale_duplicate_and_foreign_replies_are_dropped() -> None:
    requests = _requests()
    requests.ask(FtpOpcode.WRITE_FILE, data=b"x")
    (packet,), now_s = _drain(requests, 1.0)
    assert requests.take(_reply(packet, session=8), now_s) is None
    assert requests.take(_reply(packet, later=2), now_s) is None
    assert requests.take(_reply(packet), now_s) is not None
    assert requests.take(_reply(packet), now_s) is None
    other = FtpPacket(seq=packet.seq, session=9, opcode=int(FtpOpcode.READ_FILE))
    requests.ask(FtpOpcode.WRITE_FILE, data=b"y")
    _drain(requests, now_s)
    assert requests.take(_reply(other, later=2), now_s) is None


def test_an_answer_to_a_later_request_tells_that_an_earlier_one_is_lost() -> None:
    requests = _requests()
    for n in range(3):
        requests.ask(FtpOpcode.WRITE_FILE, offset=n, data=b"x")
    packets, _ = _drain(requests, 1.0)
    for packet in packets[1:]:
        requests.take(_reply(packet), 1.3)
    assert _sent(requests.outgoing(1.3)) == []
    assert requests.next_time_s < 1.45
    assert _sent(requests.outgoing(requests.next_time_s)) == packets[:1]
    assert requests.repeats == 1


def test_a_request_after_a_burst_is_not_numbered_like_a_repeated_one() -> None:
    requests = _requests()
    requests.ask(FtpOpcode.BURST_READ_FILE, size=239)
    requests.ask(FtpOpcode.READ_FILE, offset=239, size=239)
    burst, read = _drain(requests, 1.0)[0]
    assert read.seq - burst.seq > 500
    for number in range(3):
        assert requests.take(_reply(burst, later=1 + number), 1.1) is not None
    assert not requests.waits_for(FtpOpcode.BURST_READ_FILE)


def test_numbers_wrap() -> None:
    requests = FtpRequests(_PEER, session=9, first_seq=65535, timer=RetryTimer())
    requests.ask(FtpOpcode.WRITE_FILE, data=b"x")
    requests.ask(FtpOpcode.WRITE_FILE, offset=1, data=b"y")
    packets, now_s = _drain(requests, 1.0)
    assert [p.seq for p in packets] == [65535, 0]
    for packet in packets:
        assert requests.take(_reply(packet), now_s) is not None


def test_after_a_pause_an_autopilots_queue_is_overfilled_by_one_request_at_the_most() -> None:
    requests = _requests()
    requests.ask(FtpOpcode.CREATE_FILE, data=b"x")
    (opening,), _ = _drain(requests, 1.0)
    requests.take(_reply(opening), 1.011)
    for n in range(20):
        requests.ask(FtpOpcode.WRITE_FILE, offset=n, data=b"x")
    sent, now_s = 0, 1.011
    while now_s < 1.011 + 0.0056:  # until the queue of five is served
        sent += len(requests.outgoing(now_s))
        now_s = requests.next_time_s
    assert 4 <= sent <= 6


def test_a_lost_last_request_is_asked_again_soon_on_a_short_link() -> None:
    requests = FtpRequests(_PEER, session=9, first_seq=100, timer=ftp_timer())
    now_s = 1.0
    for n in range(8):
        requests.ask(FtpOpcode.WRITE_FILE, offset=n, data=b"x")
        (packet,), now_s = _drain(requests, now_s)
        requests.take(_reply(packet), now_s + 0.011)
        now_s += 0.02
    requests.ask(FtpOpcode.WRITE_FILE, offset=8, data=b"x")
    (last,), _ = _drain(requests, now_s)
    requests.outgoing(now_s)
    assert requests.next_time_s - now_s < 0.05
    assert _sent(requests.outgoing(requests.next_time_s)) == [last]
