"""The shutter and the gimbal: when a photograph is taken, and where the camera looked."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from airbeat.sim.vehicle.physics import Body, Harmonics, wrap_180
from airbeat.vehicle.waypoint_flight import Vector

__all__ = ["Gimbal", "SensorNoise", "Shutter"]


class SensorNoise:
    """Slowly varying measurement errors, a function of the seed and of the time since take-off."""

    def __init__(
        self, seed: int, *, position_m: float, height_m: float, heading_deg: float, gimbal_deg: float
    ) -> None:
        rng = random.Random(f"airbeat-sensors-{seed}")
        self._east = Harmonics(rng, sigma=position_m, correlation_s=40.0)
        self._north = Harmonics(rng, sigma=position_m, correlation_s=40.0)
        self._up = Harmonics(rng, sigma=height_m, correlation_s=60.0)
        self._yaw = Harmonics(rng, sigma=heading_deg, correlation_s=30.0)
        self._roll = Harmonics(rng, sigma=gimbal_deg, correlation_s=1.0)
        self._pitch = Harmonics(rng, sigma=gimbal_deg, correlation_s=1.0)

    def position(self, t: float) -> Vector:
        """Error of the measured position [m]; the height is zeroed at take-off, as a barometer's is."""
        return (self._east.at(t), self._north.at(t), self._up.at(t) - self._up.at(0.0))

    def heading_deg(self, t: float) -> float:
        """Error of the measured heading [degrees]."""
        return self._yaw.at(t)

    def gimbal_deg(self, t: float) -> tuple[float, float]:
        """What the stabilisation leaves of roll and pitch [degrees]."""
        return self._roll.at(t), self._pitch.at(t)


class Gimbal:
    """A stabilised two-axis gimbal: straight down unless told otherwise; its yaw follows the airframe."""

    def __init__(self) -> None:
        self.pitch_deg = -90.0
        self.yaw_offset_deg = 0.0
        self.roi: Vector | None = None

    def point(self, pitch_deg: float, yaw_deg: float = 0.0) -> None:
        """Point at an angle above the horizon; yaw relative to the airframe."""
        self.roi = None
        self.pitch_deg = min(max(pitch_deg, -90.0), 45.0)
        self.yaw_offset_deg = wrap_180(yaw_deg)

    def nadir(self) -> None:
        """Straight down."""
        self.point(-90.0)

    def track(self, place: Vector | None) -> None:
        """Keep a place in the picture; None looks straight down again."""
        self.nadir()
        self.roi = place

    def release_roi(self) -> None:
        """Stop tracking, as ArduCopter does on leaving AUTO."""
        if self.roi is not None:
            self.nadir()

    def attitude(self, body: Body, residual_deg: tuple[float, float]) -> tuple[float, float, float]:
        """Roll, pitch and yaw of the camera [degrees]; yaw clockwise from true north."""
        pitch, yaw = self.pitch_deg, body.yaw_deg + self.yaw_offset_deg
        if self.roi is not None:
            dx, dy, dz = (self.roi[i] - body.position[i] for i in range(3))
            flat = math.hypot(dx, dy)
            pitch = math.degrees(math.atan2(dz, flat))
            if flat > 0.5:
                yaw = math.degrees(math.atan2(dx, dy))
        return residual_deg[0], pitch + residual_deg[1], yaw % 360.0


class Shutter:
    """Decides at each step whether a photograph is taken.

    By distance (DO_SET_CAM_TRIGG_DIST, horizontally from the last photograph), at once, or at an interval.
    """

    def __init__(self, parameter: Callable[[str], float], set_distance: Callable[[float], None]) -> None:
        self._parameter = parameter
        self._set_distance = set_distance
        self.fitted = parameter("CAM1_TYPE") != 0
        self.images = 0
        self._last_place: tuple[float, float] | None = None
        self._last_s = -math.inf
        self._pending = 0
        self._interval_s = 0.0
        self._interval_left = 0

    def every_distance(self, distance_m: float, *, at_once: bool) -> None:
        """Photograph every so many metres; 0 switches off."""
        if self.fitted:
            self._set_distance(max(distance_m, 0.0))
            if at_once:
                self._pending += 1

    def once(self) -> bool:
        """Photograph now; False without a camera."""
        if self.fitted:
            self._pending += 1
        return self.fitted

    def every_interval(self, interval_s: float, count: int) -> bool:
        """IMAGE_START_CAPTURE: so many photographs (0 = for ever) at an interval."""
        if not self.fitted:
            return False
        if count == 1:
            return self.once()
        self._interval_s, self._interval_left = max(interval_s, 0.0), count or -1
        return True

    def stop(self) -> bool:
        """IMAGE_STOP_CAPTURE."""
        self._interval_left = 0
        return self.fitted

    def step(self, time_s: float, body: Body, *, in_auto: bool) -> bool:
        """Whether to photograph in this step."""
        if not self.fitted:
            return False
        place = (body.position[0], body.position[1])
        if self._pending:
            return self._take(time_s, place)
        if self._interval_left:
            if time_s - self._last_s <= self._interval_s or not self._take(time_s, place):
                return False
            self._interval_left -= self._interval_left > 0
            return True
        distance = self._parameter("CAM1_TRIGG_DIST")
        if distance <= 0.0:
            self._last_place = None
            return False
        if self._parameter("CAM_AUTO_ONLY") and not in_auto:
            return False
        steepest = self._parameter("CAM_MAX_ROLL")
        if steepest > 0 and abs(body.roll_deg) > steepest:
            return False
        if self._last_place is None:
            self._last_place = place
            return False
        if math.dist(place, self._last_place) < distance:
            return False
        return self._take(time_s, place)

    def _take(self, time_s: float, place: tuple[float, float]) -> bool:
        if time_s - self._last_s < self._parameter("CAM1_INTRVAL_MIN"):
            self._pending = max(self._pending, 1)
            return False
        self._pending = max(self._pending - 1, 0)
        self._last_place, self._last_s = place, time_s
        self.images += 1
        return True
