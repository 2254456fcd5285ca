"""What the vehicle says of itself, gathered from its messages into one snapshot (no I/O here)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from airbeat.geo.coordinates import LatLon
from airbeat.link.dialect import mavlink

__all__ = [
    "EventKind",
    "Happening",
    "PhotoTaken",
    "PositionFix",
    "StatusTextAssembler",
    "Telemetry",
    "TelemetryReader",
    "VehicleEvent",
]

_MODE_ENUMS = {
    mavlink.MAV_TYPE_FIXED_WING: ("PLANE_MODE", "PLANE_MODE_"),
    mavlink.MAV_TYPE_GROUND_ROVER: ("ROVER_MODE", "ROVER_MODE_"),
    mavlink.MAV_TYPE_SURFACE_BOAT: ("ROVER_MODE", "ROVER_MODE_"),
    mavlink.MAV_TYPE_SUBMARINE: ("SUB_MODE", "SUB_MODE_"),
}
_COPTER_MODES = ("COPTER_MODE", "COPTER_MODE_")
_REBOOT_S = 3.0
"""The vehicle's clock going back by more than late messages can explain."""
_FIRST_US = 946_684_800_000_000
"""A vehicle whose clock is before 2000 has none [µs]."""
_BATTERY_OLD_S = 15.0
"""SYS_STATUS is asked for once a second; a battery that was told of before this is not known any more [s]."""
_CHUNK_BYTES = 50
_CHUNK_PATIENCE_S = 3.0


def modes_of(vehicle_type: int) -> dict[str, int]:
    """Flight modes by name for a MAV_TYPE; everything that is not a plane, rover or sub is a copter."""
    enum, prefix = _MODE_ENUMS.get(vehicle_type, _COPTER_MODES)
    return {
        entry.name.removeprefix(prefix): number
        for number, entry in mavlink.enums[enum].items()
        if not entry.name.endswith("_ENUM_END")
    }


def mode_of(heartbeat: Any) -> str:
    """The flight mode's name that a HEARTBEAT tells, e.g. "AUTO"."""
    names = {number: name for name, number in modes_of(heartbeat.type).items()}
    return names.get(heartbeat.custom_mode, f"mode {heartbeat.custom_mode}")


def is_armed(heartbeat: Any) -> bool:
    """Whether the motors may turn, by a HEARTBEAT."""
    return bool(heartbeat.base_mode & mavlink.MAV_MODE_FLAG_SAFETY_ARMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """The vehicle's state as last heard; None where it has said nothing yet.

    Attributes:
        time_s: the vehicle's own time since boot [s]: simulation time on simulators.
        vehicle_type: MAV_TYPE.
        mode: flight mode name, e.g. "AUTO".
        armed: whether the motors may turn.
        system_status: MAV_STATE number.
        position: WGS84.
        height_above_home_m: [m].
        amsl_m: height above mean sea level [m].
        speed_m_s: over ground [m/s].
        climb_m_s: [m/s], up positive.
        heading_deg: of the nose [degrees clockwise from north].
        roll_deg: right side down positive [degrees].
        pitch_deg: nose up positive [degrees].
        landed: by the autopilot's landing detector.
        mission_seq: current mission item.
        mission_total: items without home.
        mission_state: MISSION_STATE number (1 none, 2 not started, 3 active, 4 paused, 5 complete).
        battery_v: [V].
        battery_share: remaining, 0…1, as last told; see also ``battery_share_lately``.
        battery_told_s: when something was last told of the battery, by the vehicle's clock [s].
        gps_fix: GPS_FIX_TYPE number (3 is a 3D fix).
        satellites: number in use.
        hdop: horizontal dilution of precision.
        ekf_flags: EKF_STATUS_FLAGS.
        home: where the vehicle takes its home to be.
        home_amsl_m: its height above mean sea level [m].
        unhealthy: names of sensors that are present and enabled but not healthy.
        prearm_ok: whether the autopilot's own pre-arm checks pass.
        boot_utc_s: UTC of the boot since 1970 by the vehicle's GPS [s].
    """

    time_s: float = 0.0
    vehicle_type: int | None = None
    mode: str | None = None
    armed: bool | None = None
    system_status: int | None = None
    position: LatLon | None = None
    height_above_home_m: float | None = None
    amsl_m: float | None = None
    speed_m_s: float | None = None
    climb_m_s: float | None = None
    heading_deg: float | None = None
    roll_deg: float | None = None
    pitch_deg: float | None = None
    landed: bool | None = None
    mission_seq: int | None = None
    mission_total: int | None = None
    mission_state: int | None = None
    battery_v: float | None = None
    battery_share: float | None = None
    battery_told_s: float = 0.0
    gps_fix: int | None = None
    satellites: int | None = None
    hdop: float | None = None
    ekf_flags: int | None = None
    home: LatLon | None = None
    home_amsl_m: float | None = None
    unhealthy: tuple[str, ...] = ()
    prearm_ok: bool | None = None
    boot_utc_s: float | None = None

    @property
    def battery_share_lately(self) -> float | None:
        """What remains of the battery, 0…1; None where it is not known, or was told too long ago."""
        return None if self.time_s - self.battery_told_s > _BATTERY_OLD_S else self.battery_share


class EventKind(StrEnum):
    """Kinds of vehicle events."""

    STATUSTEXT = "statustext"
    MODE = "mode"
    ARMED = "armed"
    DISARMED = "disarmed"
    REBOOT = "reboot"
    LINK = "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleEvent:
    """Something the vehicle said or did.

    Attributes:
        time_s: vehicle time [s].
        kind: what kind.
        text: in words; the mode's name for modes.
        severity: MAV_SEVERITY of a status text (0 emergency … 7 debug), else 6.
    """

    time_s: float
    kind: EventKind
    text: str
    severity: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoTaken:
    """One CAMERA_FEEDBACK: where the aircraft was when the camera was triggered.

    Attributes:
        index: the autopilot's image number.
        time_us: as the message says: UTC or time since boot [µs].
        vehicle_time_s: vehicle time when the message came [s].
        position: WGS84.
        height_above_home_m: [m].
        amsl_m: [m].
        roll_deg: the aircraft's, not the gimbal's [degrees].
        pitch_deg: the aircraft's [degrees].
        yaw_deg: the aircraft's heading [degrees].
    """

    index: int
    time_us: int
    vehicle_time_s: float
    position: LatLon
    height_above_home_m: float
    amsl_m: float
    roll_deg: float
    pitch_deg: float
    yaw_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionFix:
    """One point of the flown track.

    Attributes:
        time_s: vehicle time [s].
        position: WGS84.
        height_above_home_m: [m].
        amsl_m: [m].
        speed_m_s: over ground [m/s].
        landed: by the autopilot's landing detector as last heard before this fix.
        heading_deg: of the nose [degrees clockwise from north]; None where it does not say.
    """

    time_s: float
    position: LatLon
    height_above_home_m: float
    amsl_m: float
    speed_m_s: float
    landed: bool | None = None
    heading_deg: float | None = None


Happening = VehicleEvent | PhotoTaken | PositionFix


class StatusTextAssembler:
    """Puts long status texts together from their chunks; says "…" where a chunk was lost."""

    def __init__(self) -> None:
        self._parts: dict[int, dict[int, str]] = {}
        self._severity: dict[int, int] = {}
        self._since_s: dict[int, float] = {}

    def take(self, message: Any, now_s: float) -> list[tuple[int, str]]:
        """The texts that a STATUSTEXT completes, as (severity, text); also those waited for too long."""
        finished = self.flush(now_s)
        if message.id == 0:
            return [*finished, (message.severity, message.text)]
        self._parts.setdefault(message.id, {})[message.chunk_seq] = message.text
        self._severity[message.id] = message.severity
        self._since_s.setdefault(message.id, now_s)
        parts = self._parts[message.id]
        last = [n for n, text in parts.items() if len(text.encode()) < _CHUNK_BYTES]
        if last and len(parts) == max(last) + 1:
            finished.append(self._finish(message.id))
        return finished

    def flush(self, now_s: float) -> list[tuple[int, str]]:
        """Texts whose missing chunks no longer come."""
        late = [n for n, since in self._since_s.items() if now_s - since > _CHUNK_PATIENCE_S]
        return [self._finish(n) for n in late]

    def _finish(self, number: int) -> tuple[int, str]:
        parts = self._parts.pop(number)
        self._since_s.pop(number)
        whole = "".join(parts.get(n, "…") for n in range(max(parts) + 1))
        if all(len(text.encode()) == _CHUNK_BYTES for text in parts.values()):
            whole += "…"
        return self._severity.pop(number), whole


def _place(lat_e7: int, lon_e7: int) -> LatLon | None:
    """A position from 1e-7 degrees; None where the message has none (0, 0) or nonsense."""
    lat, lon = lat_e7 / 1e7, lon_e7 / 1e7
    if (lat_e7 == 0 and lon_e7 == 0) or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    return LatLon(lat_deg=lat, lon_deg=lon)


@dataclass
class TelemetryReader:
    """Turns messages into a snapshot, events and photographs.

    Attributes:
        now: the snapshot.
    """

    now: Telemetry = field(default_factory=Telemetry)
    _texts: StatusTextAssembler = field(default_factory=StatusTextAssembler)
    _last_photo: tuple[int, int] | None = None

    def take(self, message: Any, clock_s: float) -> list[Happening]:
        """Takes one message; returns what happened, in order."""
        happened: list[Happening] = []
        boot_ms = getattr(message, "time_boot_ms", None)
        if boot_ms is not None:
            time_s = boot_ms / 1000.0
            if time_s < self.now.time_s - _REBOOT_S:
                happened.append(
                    VehicleEvent(time_s=time_s, kind=EventKind.REBOOT, text="the autopilot restarted")
                )
                self.now = replace(self.now, time_s=time_s)
            elif time_s > self.now.time_s:
                self.now = replace(self.now, time_s=time_s)
        handler = _HANDLERS.get(message.get_type())
        if handler is not None:
            happened += handler(self, message, clock_s)
        return happened

    def _event(self, kind: EventKind, text: str, severity: int = 6) -> VehicleEvent:
        return VehicleEvent(time_s=self.now.time_s, kind=kind, text=text, severity=severity)

    def _heartbeat(self, m: Any, _clock_s: float) -> list[Happening]:
        mode, armed = mode_of(m), is_armed(m)
        before = self.now
        self.now = replace(before, vehicle_type=m.type, mode=mode, armed=armed, system_status=m.system_status)
        happened: list[Happening] = []
        if before.mode != mode:
            happened.append(self._event(EventKind.MODE, mode))
        if before.armed is not None and before.armed != armed:
            kind = EventKind.ARMED if armed else EventKind.DISARMED
            happened.append(self._event(kind, kind.value))
        return happened

    def _position(self, m: Any, _clock_s: float) -> list[Happening]:
        self.now = replace(
            self.now,
            position=_place(m.lat, m.lon) or self.now.position,
            height_above_home_m=m.relative_alt / 1000.0,
            amsl_m=m.alt / 1000.0,
            speed_m_s=math.hypot(m.vx, m.vy) / 100.0,
            climb_m_s=-m.vz / 100.0,
            heading_deg=m.hdg / 100.0 if m.hdg != 65535 else self.now.heading_deg,
        )
        position = _place(m.lat, m.lon)
        if position is None:
            return []
        return [
            PositionFix(
                time_s=m.time_boot_ms / 1000.0,
                position=position,
                height_above_home_m=m.relative_alt / 1000.0,
                amsl_m=m.alt / 1000.0,
                speed_m_s=math.hypot(m.vx, m.vy) / 100.0,
                landed=self.now.landed,
                heading_deg=m.hdg / 100.0 if m.hdg != 65535 else None,
            )
        ]

    def _attitude(self, m: Any, _clock_s: float) -> list[Happening]:
        self.now = replace(self.now, roll_deg=math.degrees(m.roll), pitch_deg=math.degrees(m.pitch))
        return []

    def _sys_status(self, m: Any, _clock_s: float) -> list[Happening]:
        watched = m.onboard_control_sensors_present & m.onboard_control_sensors_enabled
        bad = watched & ~m.onboard_control_sensors_health
        prearm = mavlink.MAV_SYS_STATUS_PREARM_CHECK
        names = tuple(
            entry.name.removeprefix("MAV_SYS_STATUS_").removeprefix("SENSOR_").lower()
            for bit, entry in mavlink.enums["MAV_SYS_STATUS_SENSOR"].items()
            if bit & bad and bit != prearm
        )
        self.now = replace(
            self.now,
            battery_v=m.voltage_battery / 1000.0 if m.voltage_battery != 65535 else None,
            battery_share=m.battery_remaining / 100.0 if m.battery_remaining >= 0 else None,
            battery_told_s=self.now.time_s,
            unhealthy=names,
            prearm_ok=not bad & prearm if watched & prearm else None,
        )
        return []

    def _gps(self, m: Any, _clock_s: float) -> list[Happening]:
        self.now = replace(
            self.now,
            gps_fix=m.fix_type,
            satellites=m.satellites_visible if m.satellites_visible != 255 else None,
            hdop=m.eph / 100.0 if m.eph != 65535 else None,
        )
        return []

    def _ekf(self, m: Any, _clock_s: float) -> list[Happening]:
        self.now = replace(self.now, ekf_flags=m.flags)
        return []

    def _mission_current(self, m: Any, _clock_s: float) -> list[Happening]:
        self.now = replace(
            self.now,
            mission_seq=m.seq,
            mission_total=m.total if m.total != 65535 else None,
            mission_state=m.mission_state or None,
        )
        return []

    def _system_time(self, m: Any, _clock_s: float) -> list[Happening]:
        if m.time_unix_usec > _FIRST_US:
            self.now = replace(self.now, boot_utc_s=m.time_unix_usec / 1e6 - m.time_boot_ms / 1000.0)
        return []

    def _landed(self, m: Any, _clock_s: float) -> list[Happening]:
        if m.landed_state != mavlink.MAV_LANDED_STATE_UNDEFINED:
            self.now = replace(self.now, landed=m.landed_state == mavlink.MAV_LANDED_STATE_ON_GROUND)
        return []

    def _home(self, m: Any, _clock_s: float) -> list[Happening]:
        self.now = replace(self.now, home=_place(m.latitude, m.longitude), home_amsl_m=m.altitude / 1000.0)
        return []

    def _statustext(self, m: Any, clock_s: float) -> list[Happening]:
        return [
            self._event(EventKind.STATUSTEXT, text, severity)
            for severity, text in self._texts.take(m, clock_s)
        ]

    def _camera(self, m: Any, _clock_s: float) -> list[Happening]:
        position = _place(m.lat, m.lng)
        key = (m.time_usec, m.img_idx)
        if position is None or key == self._last_photo:
            return []
        self._last_photo = key
        return [
            PhotoTaken(
                index=m.img_idx,
                time_us=m.time_usec,
                vehicle_time_s=self.now.time_s,
                position=position,
                height_above_home_m=m.alt_rel,
                amsl_m=m.alt_msl,
                roll_deg=m.roll,
                pitch_deg=m.pitch,
                yaw_deg=m.yaw,
            )
        ]


_HANDLERS: dict[str, Any] = {
    "HEARTBEAT": TelemetryReader._heartbeat,
    "GLOBAL_POSITION_INT": TelemetryReader._position,
    "ATTITUDE": TelemetryReader._attitude,
    "SYS_STATUS": TelemetryReader._sys_status,
    "GPS_RAW_INT": TelemetryReader._gps,
    "EKF_STATUS_REPORT": TelemetryReader._ekf,
    "MISSION_CURRENT": TelemetryReader._mission_current,
    "EXTENDED_SYS_STATE": TelemetryReader._landed,
    "SYSTEM_TIME": TelemetryReader._system_time,
    "HOME_POSITION": TelemetryReader._home,
    "STATUSTEXT": TelemetryReader._statustext,
    "CAMERA_FEEDBACK": TelemetryReader._camera,
}
