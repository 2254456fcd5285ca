"""Seeded faults of a radio link, for uploads: what is lost, late, doubled, spoilt, and who else interferes.

Times are seconds of the vehicle's clock, so that a fast simulation meets the same link as a slow one.
"""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import asdict, dataclass
from typing import Any

from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.link.dialect import mavlink
from airbeat.mission.commands import MavCmd
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, FlightPlan, PlanItem, RallyPoint

RADIO_BYTES_S = 57_600 / 10
_BUFFER_S = 3.0
"""A radio that is so far behind drops what comes."""
STALE_ACKS = ("ACCEPTED", "INVALID_SEQUENCE", "ERROR", "OPERATION_CANCELLED", "INVALID_PARAM2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """One run. Moments are numbers of packets from the station, since runs differ in length.

    Attributes:
        items: mission items, home included.
        loss: share of packets lost, each way.
        delay_s: shortest and longest delay, each way.
        reorders: whether packets overtake each other.
        duplicates: share of packets that arrive twice.
        bit_error_rate: spoilt bits per bit.
        bytes_s: capacity each way, or None.
        cut_at: packet at which nothing passes any more, for ``cut_s``; None for never.
        reboot_at: packet at which the autopilot restarts.
        rival_at: packet at which a second station begins an upload.
        stale_acks: packets at which an acknowledgement of some earlier upload arrives, and its result.
        zones: whether the plan has a fence and rally points too.
        via: "auto", "item" or "ftp".
    """

    seed: int
    items: int
    loss: float
    delay_s: tuple[float, float]
    reorders: bool
    duplicates: float
    bit_error_rate: float
    bytes_s: float | None
    cut_at: int | None
    cut_s: float
    reboot_at: int | None
    rival_at: int | None
    stale_acks: tuple[tuple[int, str], ...]
    zones: bool
    via: str

    @classmethod
    def of(cls, seed: int) -> Faults:
        """The faults of a seed."""
        rng = random.Random(f"upload faults {seed}")
        items = rng.randint(20, 60)
        via = rng.choice(("auto", "auto", "item", "item", "ftp"))
        packets = items if via == "item" else 25
        shortest = rng.choice((0.01, 0.1, 0.3, rng.uniform(0.0, 1.0)))
        longest = rng.choice((shortest, rng.uniform(shortest, 1.0)))

        def moment(share: float) -> int | None:
            return rng.randint(1, packets) if rng.random() < share else None

        return cls(
            seed=seed,
            items=items,
            loss=rng.choice((0.0, 0.05, rng.uniform(0.0, 0.3), rng.uniform(0.0, 0.3))),
            delay_s=(shortest, longest),
            reorders=rng.random() < 0.4,
            duplicates=rng.choice((0.0, 0.0, rng.uniform(0.0, 0.3))),
            bit_error_rate=rng.choice((0.0, 0.0, rng.uniform(0.0, 2e-4))),
            bytes_s=rng.choice((None, RADIO_BYTES_S)),
            cut_at=moment(0.3),
            cut_s=rng.uniform(1.0, 20.0),
            reboot_at=moment(0.2),
            rival_at=moment(0.2),
            stale_acks=tuple(
                (rng.randint(1, packets), rng.choice(STALE_ACKS)) for _ in range(rng.choice((0, 0, 0, 1, 3)))
            ),
            zones=rng.random() < 0.25,
            via=via,
        )

    def to_json(self) -> dict[str, Any]:
        """For the result file."""
        return asdict(self)


class Way:
    """One direction of a bad link. ``put`` takes packets, ``due`` gives those that have arrived."""

    def __init__(self, faults: Faults | None, seed: str) -> None:
        self._faults = faults
        self._rng = random.Random(seed)
        self._free_s = self._last_s = self._cut_until_s = 0.0
        self._heap: list[tuple[float, int, bytes]] = []
        self._order = itertools.count()

    def cut(self, until_s: float) -> None:
        """Lets nothing pass until then."""
        self._cut_until_s = until_s

    @property
    def next_s(self) -> float | None:
        """When the next packet arrives."""
        return self._heap[0][0] if self._heap else None

    def put(self, packet: bytes, now_s: float) -> None:
        """A packet is sent."""
        f = self._faults
        if f is None:
            heapq.heappush(self._heap, (now_s, next(self._order), packet))
            return
        sent_s = now_s
        if f.bytes_s is not None:
            if self._free_s - now_s > _BUFFER_S:
                return
            sent_s = self._free_s = max(self._free_s, now_s) + len(packet) / f.bytes_s
        if now_s < self._cut_until_s or self._rng.random() < f.loss:
            return
        for _ in range(1 + (self._rng.random() < f.duplicates)):
            arrives_s = sent_s + self._rng.uniform(*f.delay_s)
            if not f.reorders:
                arrives_s = self._last_s = max(arrives_s, self._last_s)
            heapq.heappush(self._heap, (arrives_s, next(self._order), self._spoilt(packet)))

    def due(self, now_s: float) -> list[bytes]:
        """What has arrived by now."""
        packets = []
        while self._heap and self._heap[0][0] <= now_s:
            packets.append(heapq.heappop(self._heap)[2])
        return packets

    def _spoilt(self, packet: bytes) -> bytes:
        rate = self._faults.bit_error_rate if self._faults else 0.0
        if not rate or self._rng.random() > 8 * len(packet) * rate:
            return packet
        spoilt = bytearray(packet)
        for _ in range(self._rng.choice((1, 1, 2, 8))):
            spoilt[self._rng.randrange(len(spoilt))] ^= 1 << self._rng.randrange(8)
        return bytes(spoilt)


def is_heartbeat(packet: bytes) -> bool:
    """Whether a packet is a HEARTBEAT, which is no step of an upload."""
    return packet[0] == 0xFD and packet[7:10] == b"\0\0\0"


def stale_ack(result: str, station: tuple[int, int], kind: int = 0) -> Any:
    """An acknowledgement that belongs to no present upload."""
    number = getattr(mavlink, f"MAV_MISSION_{result}")
    return mavlink.MAVLink_mission_ack_message(*station, number, kind)


def _height(value_m: float) -> Altitude:
    return Altitude(value_m=value_m, datum=AltitudeDatum.HOME)


def seeded_plan(seed: str, *, items: int, home: LatLon, zones: bool) -> FlightPlan:
    """A plan of so many items (home included), with waypoints and camera, speed and gimbal commands."""
    rng = random.Random(seed)

    def place() -> LatLon:
        return LatLon(
            lat_deg=round(home.lat_deg + rng.uniform(-0.003, 0.003), 7),
            lon_deg=round(home.lon_deg + rng.uniform(-0.003, 0.003), 7),
        )

    rows = [PlanItem(command=MavCmd.NAV_TAKEOFF, altitude=_height(30.0))]
    while len(rows) < items - 2:
        choice = rng.random()
        if choice < 0.8:
            rows.append(
                PlanItem(
                    command=MavCmd.NAV_WAYPOINT,
                    params=(float(rng.randrange(0, 20)), 0.0, 0.0, 0.0),
                    position=place(),
                    altitude=_height(rng.randrange(2000, 9000) / 100),
                )
            )
        elif choice < 0.9:
            rows.append(
                PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, params=(rng.randrange(0, 50), 0, 1, 0))
            )
        else:
            rows.append(PlanItem(command=MavCmd.DO_CHANGE_SPEED, params=(1, rng.randrange(2, 12), -1, 0)))
    rows.append(PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH))
    fence = rally = None
    if zones:
        corners = tuple(
            LatLon(lat_deg=home.lat_deg + dy * rng.uniform(0.004, 0.01), lon_deg=home.lon_deg + dx * 0.01)
            for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        )
        fence = Fence(
            polygons=(FencePolygon(inclusion=True, vertices=corners),),
            circles=tuple(
                FenceCircle(inclusion=False, centre=place(), radius_m=float(rng.randrange(10, 60)))
                for _ in range(rng.randint(1, 6))
            ),
        )
        rally = tuple(
            RallyPoint(position=place(), altitude=_height(float(rng.randrange(20, 60))))
            for _ in range(rng.randint(1, 5))
        )
    return FlightPlan(name=f"run {seed}", home=home, items=tuple(rows), fence=fence, rally=rally)
