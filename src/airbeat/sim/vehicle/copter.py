"""The embedded vehicle's core: a copter stepped with a fixed dt, that answers MAVLink messages.

It opens no socket and reads no clock. Commands act at step boundaries; gusts and measurement noise are
functions of the seed and of the time since take-off, so the same seed flies the same track, bit for bit,
however the steps are spread over real time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.link.dialect import mavlink
from airbeat.mission.commands import MavCmd
from airbeat.sim.shot import CameraShot
from airbeat.sim.vehicle.arming import arming_problem, pre_arm_problem
from airbeat.sim.vehicle.config import TrackPoint, VehicleConfig
from airbeat.sim.vehicle.dispatch import Dispatcher
from airbeat.sim.vehicle.fence import FenceWatch
from airbeat.sim.vehicle.guidance import Guidance, Phase
from airbeat.sim.vehicle.itemprotocol import Transfer
from airbeat.sim.vehicle.items import StoredItem
from airbeat.sim.vehicle.modes import AutoMode, FlightMode, ReturnToLaunch
from airbeat.sim.vehicle.parameters import ParameterStore
from airbeat.sim.vehicle.runner import MissionRunner
from airbeat.sim.vehicle.shutter import Gimbal, SensorNoise, Shutter
from airbeat.sim.vehicle.storage import FenceList, MissionList, RallyList
from airbeat.sim.vehicle.telemetry import Telemetry
from airbeat.sim.vehicle.watch import SafetyWatch
from airbeat.vehicle.waypoint_flight import Vector

__all__ = ["BANNER", "STEP_S", "Copter"]

STEP_S = 0.02
BANNER = "airbeat embedded vehicle, not ArduPilot"

_TRACK_STEPS = 10


class Copter:
    """A simulated multicopter behind MAVLink.

    Attributes:
        outbox: messages to send, as (link number or None for all links, message); the owner empties it.
        track: the true flown track, five points a second while armed.
        on_shot: called for every photograph.
        time_s: simulation time since boot [s].
        reboots: how often the vehicle has been rebooted.
    """

    def __init__(self, config: VehicleConfig, *, epoch_s: float = 1_750_000_000.0) -> None:
        self.config = config
        self.epoch_s = epoch_s
        changed = {
            "SIM_SPEEDUP": config.speedup,
            "SIM_WIND_SPD": config.wind_m_s,
            "SIM_WIND_DIR": config.wind_from_deg,
            **config.params,
        }
        self.params = ParameterStore(config.airframe, changed)
        self.frame = LocalFrame(config.home)
        self.outbox: list[tuple[int | None, Any]] = []
        self._texts: list[tuple[int, bytes]] = []
        self.track: list[TrackPoint] = []
        self.on_shot: Callable[[CameraShot], None] | None = None
        self.noise = SensorNoise(
            config.seed,
            position_m=config.gps_noise_m,
            height_m=config.height_noise_m,
            heading_deg=config.heading_noise_deg,
            gimbal_deg=config.gimbal_noise_deg,
        )
        self.fence = FenceWatch(self.params.__getitem__, self.e7_to_xy)
        self.missions = MissionList(config.mission_capacity, self._home_e7)
        self.rally = RallyList(config.rally_capacity)
        self.transfers = {
            items.mission_type: Transfer(items, self.send, self.say, lambda: self.booted)
            for items in (
                self.missions,
                FenceList(config.fence_capacity, self.fence),
                self.rally,
            )
        }
        self.reboots = 0
        self._boot(heading_deg=config.home_heading_deg, position=(0.0, 0.0, 0.0))

    def _boot(self, *, heading_deg: float, position: Vector) -> None:
        self.step_count = 0
        self.armed = False
        self.armed_heading_deg = heading_deg
        self.home_xyz: Vector = (0.0, 0.0, 0.0)
        self.home_set = False
        self._home_locked = False
        self.mode = FlightMode.STABILIZE
        self.guidance = Guidance(self.config.airframe, self.config.seed, self.params.__getitem__)
        self.guidance.body.yaw_deg = heading_deg % 360.0
        self.guidance.body.position = position
        self.guidance.hold_yaw()
        self.shutter = Shutter(self.params.__getitem__, lambda metres: self._keep("CAM1_TRIGG_DIST", metres))
        self.gimbal = Gimbal()
        self.auto = AutoMode(self)
        self.rtl = ReturnToLaunch(self)
        self.runner = MissionRunner(
            self.missions, self.auto, lambda words: self.say(mavlink.MAV_SEVERITY_INFO, words)
        )
        self.missions.may_clear = lambda: not (self.armed and self.runner.state == 1)
        self.missions.on_clear = self.runner.forget
        self.telemetry = Telemetry(self)
        self.dispatcher = Dispatcher(self)
        self.flight_shots = 0
        self._announced = 0
        self.watch = SafetyWatch(self)
        self._cache: tuple[int, LatLon] | None = None

    # -- time and place ---------------------------------------------------------------------------

    @property
    def time_s(self) -> float:
        return self.step_count * STEP_S

    @property
    def time_boot_ms(self) -> int:
        """Simulation time since boot [ms], as MAVLink wants it."""
        return round(self.step_count * STEP_S * 1000.0) & 0xFFFFFFFF

    @property
    def booted(self) -> bool:
        """Whether the storage can be used."""
        return self.time_s >= self.config.boot_s

    @property
    def position_ok(self) -> bool:
        """Whether there is a position estimate."""
        return self.time_s >= self.config.ready_s

    @property
    def uploading(self) -> bool:
        """Whether a ground station is uploading something."""
        return self.dispatcher.ftp.writing or any(t.receiving for t in self.transfers.values())

    def e7_to_xy(self, lat_e7: int, lon_e7: int) -> tuple[float, float]:
        """A MAVLink place to metres east and north of the start."""
        lat = min(max(lat_e7 * 1e-7, -90.0), 90.0)
        lon = min(max(lon_e7 * 1e-7, -180.0), 180.0)
        x, y = self.frame.to_xy([LatLon(lat_deg=lat, lon_deg=lon)])[0]
        return float(x), float(y)

    def latlon(self, x: float, y: float) -> LatLon:
        """Metres east and north of the start to a position."""
        return self.frame.to_latlon([(x, y)])[0]

    def true_position(self) -> LatLon:
        """Where the airframe is."""
        if self._cache is None or self._cache[0] != self.step_count:
            body = self.guidance.body
            self._cache = (self.step_count, self.latlon(body.position[0], body.position[1]))
        return self._cache[1]

    def _home_e7(self) -> tuple[int, int, int]:
        if not self.home_set:
            return 0, 0, 0
        home = self.latlon(self.home_xyz[0], self.home_xyz[1])
        amsl_cm = (self.config.home_amsl_m + self.home_xyz[2]) * 100.0
        return round(home.lat_deg * 1e7), round(home.lon_deg * 1e7), round(amsl_cm)

    def height_z(self, item: StoredItem, keep_z: float) -> float:
        """Height of an item above the start [m]; a height of 0 keeps the present one."""
        if item.altitude_cm == 0:
            return keep_z
        height = item.altitude_cm / 100.0
        if item.terrain:
            return height
        return self.home_xyz[2] + height if item.relative else height - self.config.home_amsl_m

    def item_place(self, item: StoredItem, here: Vector) -> Vector:
        """Place of an item; latitude and longitude 0 mean here, height 0 means this height."""
        z = self.height_z(item, here[2])
        if item.lat_e7 == 0 and item.lon_e7 == 0:
            return (here[0], here[1], z)
        x, y = self.e7_to_xy(item.lat_e7, item.lon_e7)
        return (x, y, z)

    def best_rally_or_home(self, here: Vector) -> Vector:
        """The nearest usable rally point, else home; heights above the start."""
        best: Vector | None = None
        nearest = math.inf
        for place in self.rally.places:
            x, y = self.e7_to_xy(place.lat_e7, place.lon_e7)
            z = float(place.altitude_m)
            z = z - self.config.home_amsl_m if place.frame == 0 else z + self.home_xyz[2]
            if not self.fence.allows((x, y), z - self.home_xyz[2], self.home_xyz[:2]):
                continue
            distance = math.hypot(x - here[0], y - here[1])
            if distance < nearest:
                nearest, best = distance, (x, y, z)
        limit_m = self.params["RALLY_LIMIT_KM"] * 1000.0
        if best is None or (limit_m > 0 and nearest > limit_m):
            return self.home_xyz
        home_m = math.hypot(self.home_xyz[0] - here[0], self.home_xyz[1] - here[1])
        if self.params["RALLY_INCL_HOME"] and home_m < nearest:
            return self.home_xyz
        return best

    # -- talking ----------------------------------------------------------------------------------

    def send(self, link: int | None, message: Any) -> None:
        """Queue a message for one link, or for all with None."""
        self.outbox.append((link, message))

    def say(self, severity: int, words: str) -> None:
        """STATUSTEXT to everybody, at the end of the step, so that acknowledgements come first."""
        self._texts.append((int(severity), words.encode("ascii", "replace")[:50]))

    def connect(self, link: int) -> None:
        """A ground station connected."""
        self.telemetry.open(link)
        self.send(
            link,
            mavlink.MAVLink_statustext_message(int(mavlink.MAV_SEVERITY_INFO), BANNER.encode("ascii"), 0, 0),
        )

    def disconnect(self, link: int) -> None:
        """A ground station went away."""
        self.telemetry.close(link)

    def handle(self, link: int, message: Any) -> None:
        """Take a message from a link; answers go to the outbox."""
        self.dispatcher.handle(link, message)

    def note_item_reached(self, seq: int) -> None:
        """MISSION_ITEM_REACHED has one slot per link: the last one noted in a step is sent."""
        self.telemetry.item_reached = seq

    def _keep(self, name: str, value: float) -> None:
        self.params.set(name, value)

    # -- modes and arming -------------------------------------------------------------------------

    def set_mode(self, number: int) -> bool:
        """Change the flight mode; False, with a STATUSTEXT, when that cannot be.

        A disarmed vehicle enters any mode: arming is where it is checked.
        """
        try:
            mode = FlightMode(number)
        except ValueError:
            self.say(mavlink.MAV_SEVERITY_WARNING, f"No such mode {number}")
            return False
        if mode is self.mode:
            return True
        reason = ""
        if mode.needs_position and self.armed and not self.position_ok:
            reason = "requires position"
        elif mode is FlightMode.AUTO and not self.auto.begin():
            reason = "init failed"
        if reason:
            self.say(mavlink.MAV_SEVERITY_WARNING, f"Mode change to {mode.name} failed: {reason}")
            return False
        if self.mode is FlightMode.AUTO:
            self.auto.leave()
        self.mode = mode
        self.watch.stir()
        if mode is FlightMode.RTL:
            self.rtl.begin()
        elif mode is FlightMode.LAND:
            self.guidance.land()
        elif mode is not FlightMode.AUTO:
            self.guidance.hold()
            self.guidance.hold_yaw()
        self.telemetry.heartbeat_now()
        return True

    def arm(self, *, force: bool = False) -> bool:
        """Arm, or say why not."""
        if self.armed:
            return True
        problem = arming_problem(self, force=force)
        if problem is not None:
            self.say(mavlink.MAV_SEVERITY_CRITICAL, f"Arm: {problem}")
            return False
        if self.params["ARMING_CHECK"] == 0 and not force:
            self.say(mavlink.MAV_SEVERITY_WARNING, "Warning: Arming Checks Disabled")
        self.say(mavlink.MAV_SEVERITY_INFO, "Arming motors")
        self.armed = True
        self.armed_heading_deg = self.guidance.body.yaw_deg
        self.guidance.begin_flight()
        self.flight_shots = 0
        self.watch.begin_flight()
        if not self._home_locked and self.home_set:
            self.set_home(self.guidance.body.position)
        self.telemetry.heartbeat_now()
        return True

    def disarm(self, *, force: bool = False) -> bool:
        """Disarm on the ground; in the air only by force, and then the flight ends there and then."""
        if not self.guidance.on_ground:
            if not force:
                return False
            self.guidance.body.rest(0.0)
            self.guidance.phase = Phase.GROUND
        self.say(mavlink.MAV_SEVERITY_INFO, "Disarming motors")
        self.armed = False
        self.guidance.stop_motors()
        self.runner.reset()
        self.telemetry.heartbeat_now()
        return True

    def set_home(self, place: Vector, *, lock: bool = False) -> None:
        """Home is here."""
        self.home_xyz = place
        self.home_set = True
        self._home_locked = self._home_locked or lock
        self.telemetry.announce_home()

    def start_mission(self) -> bool:
        """MISSION_START: AUTO, and begin."""
        if not self.set_mode(FlightMode.AUTO):
            return False
        self.auto.start_mission()
        return True

    def take_off(self, height_m: float) -> bool:
        """NAV_TAKEOFF in GUIDED: climb to a height above home."""
        z = self.home_xyz[2] + height_m
        ready = self.armed and self.guidance.is_landed and self.mode is FlightMode.GUIDED
        if not ready or z <= self.guidance.body.position[2]:
            return False
        self.guidance.take_off(z)
        return True

    def go_to(self, place: Vector) -> bool:
        """A position target in GUIDED; False when it is outside the fence or the vehicle is not flying."""
        height = place[2] - self.home_xyz[2]
        if not self.fence.allows((place[0], place[1]), height, self.home_xyz[:2]):
            return False
        if self.armed and not self.guidance.on_ground:
            self.guidance.navigate_from_here()
            self.guidance.fly_to(place)
            self.default_yaw()
        return True

    def default_yaw(self, *, returning: bool = False) -> None:
        """Yaw as WP_YAW_BEHAVIOR says, unless a region of interest holds it."""
        behaviour = int(self.params["WP_YAW_BEHAVIOR"])
        if self.guidance.roi is not None and self.gimbal.roi is not None:
            return
        if behaviour == 0 or (returning and behaviour == 2):
            self.guidance.hold_yaw()
        else:
            self.guidance.look_ahead()

    def do_command(self, item: StoredItem) -> None:
        """Carry out a DO command of the mission; those without an effect here are accepted silently."""
        command, p = item.command, item.params
        if command == MavCmd.DO_CHANGE_SPEED and p[1] > 0:
            kind = {2: "up", 3: "down"}.get(int(p[0]), "xy")
            self.guidance.change_speed(kind, p[1])
        elif command == MavCmd.DO_SET_CAM_TRIGG_DIST:
            self.shutter.every_distance(p[0], at_once=p[2] == 1)
        elif command == MavCmd.DO_DIGICAM_CONTROL and item.extra[0] == 1:
            self.shutter.once()
        elif command == MavCmd.IMAGE_START_CAPTURE:
            self.shutter.every_interval(p[1], int(p[2]))
        elif command == MavCmd.IMAGE_STOP_CAPTURE:
            self.shutter.stop()
        elif command == MavCmd.DO_SET_ROI:
            unset = item.lat_e7 == item.lon_e7 == item.altitude_cm == 0
            self.set_roi(None if unset else self.item_place(item, (0.0, 0.0, 0.0)))
        elif command == MavCmd.DO_MOUNT_CONTROL:
            self.gimbal.point(p[0], p[2])
        elif command == MavCmd.DO_GIMBAL_MANAGER_PITCHYAW:
            self.gimbal.point(p[0], p[1])
        elif command == MavCmd.DO_FENCE_ENABLE:
            self._keep("FENCE_ENABLE", 1.0 if p[0] == 1 else 0.0)
        elif command == MavCmd.DO_SET_HOME:
            here = self.guidance.body.position
            self.set_home(here if p[0] == 1 else self.item_place(item, here), lock=True)

    def set_roi(self, place: Vector | None) -> None:
        """Point nose and camera at a place, or let go of it."""
        self.gimbal.track(place)
        self.guidance.face_place(place)

    def reboot(self) -> None:
        """Start again: parameters, mission, fence and rally points stay, everything else is new."""
        self.reboots += 1
        for transfer in self.transfers.values():
            transfer.drop()
        links = self.telemetry.links()
        body = self.guidance.body
        self._boot(heading_deg=body.yaw_deg, position=(body.position[0], body.position[1], 0.0))
        for link in links:
            self.telemetry.open(link)

    # -- step -------------------------------------------------------------------------------------

    def step(self) -> None:
        """Advance by STEP_S."""
        self.step_count += 1
        self._announce()
        for transfer in self.transfers.values():
            transfer.update(self.time_s)
        self._run_mode()
        self.watch.step()
        self.guidance.step(STEP_S, armed=self.armed)
        if self.shutter.step(self.time_s, self.guidance.body, in_auto=self.mode is FlightMode.AUTO):
            self._photograph()
        if self.armed and self.step_count % _TRACK_STEPS == 0:
            self._record()
        self.telemetry.step()
        for severity, words in self._texts:
            self.send(None, mavlink.MAVLink_statustext_message(severity, words, 0, 0))
        self._texts.clear()

    def _announce(self) -> None:
        if self._announced == 0 and self.booted:
            self._announced = 1
            self.say(mavlink.MAV_SEVERITY_INFO, "Embedded vehicle ready")
        if self._announced == 1 and self.position_ok:
            self._announced = 2
            self.say(mavlink.MAV_SEVERITY_INFO, "Embedded vehicle is using GPS")
            self.set_home(self.guidance.body.position)

    def _run_mode(self) -> None:
        if self.mode is FlightMode.AUTO:
            self.auto.step()
        elif self.armed and self.mode is FlightMode.RTL:
            self.rtl.step()
            if self.rtl.landed:
                self.disarm()
        elif self.armed and self.mode is FlightMode.LAND and self.guidance.is_landed:
            self.disarm()

    def parameter_changed(self, name: str) -> None:
        """A ground station set a parameter: what takes effect in flight does so now."""
        if name.startswith("WPNAV_SPEED"):
            self.guidance.speed_override.pop({"WPNAV_SPEED": "xy"}.get(name, ""), None)
            self.guidance.refresh_limits()

    def pre_arm_problem(self) -> str | None:
        """What would keep the vehicle from being armed, or None."""
        return pre_arm_problem(self)

    # -- truth ------------------------------------------------------------------------------------

    def measured(self) -> tuple[LatLon, float, float]:
        """What the sensors say: position, height above home [m], heading [degrees]."""
        body, t = self.guidance.body, self.guidance.flight_s
        dx, dy, dz = self.noise.position(t)
        place = self.latlon(body.position[0] + dx, body.position[1] + dy)
        heading = (body.yaw_deg + self.noise.heading_deg(t)) % 360.0
        return place, body.position[2] - self.home_xyz[2] + dz, heading

    def _photograph(self) -> None:
        body, t = self.guidance.body, self.guidance.flight_s
        self.flight_shots += 1
        place, height_m, heading = self.measured()
        roll, pitch, yaw = self.gimbal.attitude(body, self.noise.gimbal_deg(t))
        shot = CameraShot(
            index=self.flight_shots,
            time_s=self.time_s,
            flight_s=t,
            position=self.true_position(),
            height_above_home_m=body.position[2] - self.home_xyz[2],
            amsl_m=body.position[2] + self.config.home_amsl_m,
            roll_deg=body.roll_deg,
            pitch_deg=body.pitch_deg,
            yaw_deg=body.yaw_deg,
            gimbal_pitch_deg=pitch,
            gimbal_yaw_deg=yaw,
            gimbal_roll_deg=roll,
            measured_position=place,
            measured_height_above_home_m=height_m,
            measured_yaw_deg=heading,
        )
        self.telemetry.camera_feedback(shot)
        if self.on_shot is not None:
            self.on_shot(shot)

    def _record(self) -> None:
        body = self.guidance.body
        self.track.append(
            TrackPoint(
                time_s=self.time_s,
                flight_s=self.guidance.flight_s,
                position=self.true_position(),
                height_above_home_m=body.position[2] - self.home_xyz[2],
                amsl_m=body.position[2] + self.config.home_amsl_m,
                speed_m_s=math.hypot(body.velocity[0], body.velocity[1]),
                yaw_deg=body.yaw_deg,
                mode=self.mode.name,
                mission_item=self.runner.nav_seq if self.mode is FlightMode.AUTO else 0,
            )
        )
