"""A stepped vehicle without sockets that flies the sorties of beats, and small problems to be toured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import shapely

from airbeat.link.dialect import mavlink
from airbeat.link.items import mission_items
from airbeat.mission.plan import FlightPlan
from airbeat.patrol.legtimes import LegTimes
from airbeat.patrol.tours import Choice, Slot, TourProblem
from airbeat.planning.estimate import leg_times_s
from airbeat.planning.route import Router
from airbeat.sim.shot import CameraShot
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.copter import STEP_S, Copter

BEATS = Path(__file__).resolve().parents[3] / "missions" / "beats"
HOME_AMSL_M = 400.0
_GUIDED, _AUTO = 4, 3


class Flight:
    """A plan flown from the ground to the ground on the embedded vehicle, as fast as it can be stepped."""

    def __init__(self, plan: FlightPlan) -> None:
        config = VehicleConfig(home=plan.home, home_amsl_m=HOME_AMSL_M, gps_noise_m=0.0, height_noise_m=0.0)
        self.copter = Copter(config)
        self.copter.connect(1)
        self.shots: list[CameraShot] = []
        self.copter.on_shot = self.shots.append
        self._encoder = mavlink.MAVLink(None, 255, 190)
        self._run(config.ready_s + 1.0)
        self._upload(plan)
        assert self.copter.set_mode(_GUIDED)
        assert self.copter.arm()
        assert self.copter.start_mission()
        self._began_s = self.copter.time_s
        while self.copter.armed:
            self._run(STEP_S)
            assert self.copter.time_s - self._began_s < 7200.0
        self.duration_s = self.copter.time_s - self._began_s
        self.track = list(self.copter.track)

    def _run(self, seconds: float) -> None:
        for _ in range(max(1, round(seconds / STEP_S))):
            self.copter.step()
            self.copter.outbox.clear()

    def _send(self, message: object) -> list[object]:
        packed = message.pack(self._encoder)  # type: ignore[attr-defined]
        self.copter.handle(1, mavlink.MAVLink(None).parse_buffer(packed)[0])
        said = [m for _, m in self.copter.outbox]
        self.copter.outbox.clear()
        return said

    def _upload(self, plan: FlightPlan) -> None:
        items = mission_items(plan)
        self._send(mavlink.MAVLink_mission_count_message(1, 1, len(items), 0))
        said: list[object] = []
        for item in items:
            said = self._send(item.message(target_system=1, target_component=1))
        assert [m.type for m in said if m.get_type() == "MISSION_ACK"] == [0]  # type: ignore[attr-defined]


@pytest.fixture
def fly() -> Callable[[FlightPlan], Flight]:
    return Flight


@pytest.fixture
def beats() -> Path:
    return BEATS


Places = Sequence[tuple[float, float]]


@pytest.fixture
def problem() -> Callable[..., TourProblem]:
    """``problem(places, windows, …)``: stops in an open square, home at 0, 0."""

    def make(
        places: Places,
        windows: Sequence[tuple[float, float]] | None = None,
        *,
        drones: int = 1,
        service_s: float = 10.0,
        battery_s: float = 1e5,
        slots: Sequence[tuple[int, float, float]] | None = None,
        holes: Sequence[shapely.Polygon] = (),
        price_s: float = 0.0,
    ) -> TourProblem:
        free = shapely.box(-5000, -5000, 5000, 5000).difference(shapely.union_all(list(holes)))
        router = Router(free, lambda m: leg_times_s(np.asarray(m), speed_m_s=10.0, acceleration_m_s2=2.5))
        given = windows or [(0.0, 1e5)] * len(places)
        return TourProblem(
            names=tuple(f"stop {k + 1}" for k in range(len(places))),
            choices=tuple(
                Choice(stop=k, start=k + 1, end=k + 1, service_s=service_s, early_s=a, late_s=b - service_s)
                for k, (a, b) in enumerate(given)
            ),
            slots=tuple(
                Slot(drone=d, place=0, up_s=20.0, down_s=40.0, early_s=a, late_s=b, most_s=battery_s)
                for d, a, b in (slots or [(d, 0.0, 1e5) for d in range(drones)])
            ),
            legs=(LegTimes([(0.0, 0.0), *places], router),),
            sortie_price_s=price_s,
        )

    return make


@pytest.fixture
def copy_beat(tmp_path: Path) -> Callable[..., Path]:
    """``copy_beat(name, {old: new})``: a shipped beat with some of its text changed."""

    def make(name: str, changes: dict[str, str]) -> Path:
        text = (BEATS / f"{name}.yaml").read_text(encoding="utf-8")
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        for table in BEATS.glob("*.csv"):
            (tmp_path / table.name).write_bytes(table.read_bytes())
        return path

    return make
