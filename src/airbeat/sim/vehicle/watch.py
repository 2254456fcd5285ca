"""What watches over a flight: fence, battery, ground station, and motors that idle for too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airbeat.link.dialect import mavlink
from airbeat.sim.vehicle.fence import POLYGON, fence_names
from airbeat.sim.vehicle.guidance import Phase
from airbeat.sim.vehicle.modes import FlightMode

if TYPE_CHECKING:
    from airbeat.sim.vehicle.copter import Copter

__all__ = ["SafetyWatch"]

_GIVE_UP_DISTANCE_M = 100.0
_EVERY_STEPS = 5


class SafetyWatch:
    """Failsafes as ArduCopter has them, for the parameters that are modelled."""

    def __init__(self, copter: Copter) -> None:
        self._copter = copter
        self._idle_since_s = 0.0
        self._battery_low = False
        self._gcs_failsafe = False

    def begin_flight(self) -> None:
        """Armed."""
        self._battery_low = False
        self.stir()

    def stir(self) -> None:
        """Something was done with the vehicle: the idle time begins anew."""
        self._idle_since_s = self._copter.time_s

    def step(self) -> None:
        """Look at everything, ten times a second."""
        copter = self._copter
        due = copter.step_count % _EVERY_STEPS == 0
        if copter.armed:
            if due:
                self._check_fence()
                self._check_failsafes()
            self._check_idle()
        elif due and copter.position_ok:
            self._fence_breaches(landing=True)

    def _fence_breaches(self, *, landing: bool) -> int:
        copter = self._copter
        position = copter.guidance.body.position
        return copter.fence.check(
            position[:2],
            position[2] - copter.home_xyz[2],
            copter.home_xyz[:2],
            landed=landing,
            time_ms=copter.time_boot_ms,
        )

    def _check_idle(self) -> None:
        """Armed on the ground with nothing to do: disarm after DISARM_DELAY."""
        if self._copter.guidance.phase is not Phase.GROUND:
            self.stir()
            return
        delay_s = self._copter.params["DISARM_DELAY"]
        if delay_s > 0 and self._copter.armed and self._copter.time_s - self._idle_since_s >= delay_s:
            self._copter.disarm()

    def _check_fence(self) -> None:
        before = self._copter.fence.breaches
        landing = self._copter.guidance.on_ground or self._copter.mode is FlightMode.LAND
        landing = landing or (self._copter.mode is FlightMode.AUTO and self._copter.auto.is_landing)
        landing = landing or (self._copter.mode is FlightMode.RTL and self._copter.rtl.is_landing)
        new = self._fence_breaches(landing=landing)
        if new:
            if self._copter.guidance.on_ground:
                self._copter.disarm()
                return
            self._copter.say(mavlink.MAV_SEVERITY_NOTICE, f"{fence_names(new)} breached")
            self._copter.telemetry.fence_now()
            self._answer_breach(new)
        elif before and not self._copter.fence.breaches:
            if not self._copter.guidance.on_ground:
                self._copter.say(mavlink.MAV_SEVERITY_NOTICE, "Fence breach cleared")
            self._copter.telemetry.fence_now()

    def _answer_breach(self, new: int) -> None:
        action = int(self._copter.params["FENCE_ACTION"])
        if action == 0:
            return
        far = self._copter.fence.breach_distance_m(new & ~POLYGON) > _GIVE_UP_DISTANCE_M
        if action == 2 or far:
            self._copter.set_mode(FlightMode.LAND)
        elif action == 4:
            self._copter.set_mode(FlightMode.BRAKE)
        elif not self._copter.set_mode(FlightMode.RTL):
            self._copter.set_mode(FlightMode.LAND)

    def _check_failsafes(self) -> None:
        battery, read = self._copter.guidance.battery, self._copter.params
        low_mah = read["BATT_LOW_MAH"]
        left_mah = battery.remaining_share * read["BATT_CAPACITY"]
        if (
            not self._battery_low
            and low_mah > 0
            and left_mah < low_mah
            and not self._copter.guidance.on_ground
        ):
            self._battery_low = True
            words = f"Battery 1 is low {battery.voltage_v:.2f}V used {battery.used_mah:.0f} mAh"
            self._copter.say(mavlink.MAV_SEVERITY_WARNING, words)
            action = {1: FlightMode.LAND, 2: FlightMode.RTL}.get(int(read["BATT_FS_LOW_ACT"]))
            if action is not None:
                self._copter.set_mode(action)
        if battery.remaining_share <= 0.0 and self._copter.mode is not FlightMode.LAND:
            self._copter.say(mavlink.MAV_SEVERITY_CRITICAL, "Battery 1 is empty")
            self._copter.set_mode(FlightMode.LAND)
        silent_s = self._copter.dispatcher.gcs_silence_s()
        if read["FS_GCS_ENABLE"] > 0 and silent_s is not None:
            lost = silent_s > read["FS_GCS_TIMEOUT"]
            if lost and not self._gcs_failsafe and not self._copter.guidance.on_ground:
                self._copter.say(mavlink.MAV_SEVERITY_WARNING, "GCS Failsafe")
                self._copter.set_mode(FlightMode.LAND if read["FS_GCS_ENABLE"] == 5 else FlightMode.RTL)
            self._gcs_failsafe = lost
