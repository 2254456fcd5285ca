"""MAVProxy, a program of others, loads our fence and rally files and sends them to the vehicle."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from airbeat.formats.wpl_zones import write_fence_wpl, write_rally_wpl
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.link.items import WireItem, compare_items, fence_items, rally_items
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, FlightPlan, RallyPoint
from airbeat.sim.ardupilot_station import Station

pytest.importorskip("MAVProxy", reason="MAVProxy is not installed")


@pytest.fixture
def plan(shift: Callable[..., LatLon]) -> FlightPlan:
    home = LatLon(lat_deg=47.2692, lon_deg=11.4041)
    corners = tuple(shift(home, n, e) for n, e in ((-200, -200), (-200, 200), (200, 200), (200, -200)))
    hut = tuple(shift(home, n, e) for n, e in ((50, 50), (50, 70), (70, 60)))
    fence = Fence(
        polygons=(
            FencePolygon(inclusion=True, vertices=corners),
            FencePolygon(inclusion=False, vertices=hut),
        ),
        circles=(FenceCircle(inclusion=False, centre=shift(home, -80, 80), radius_m=25.0),),
    )
    height = Altitude(value_m=30.0, datum=AltitudeDatum.HOME)
    rally = (
        RallyPoint(position=shift(home, 20, 0), altitude=height),
        RallyPoint(position=shift(home, 0, 20), altitude=height),
    )
    return FlightPlan(name="zones", home=home, home_amsl_m=600.0, fence=fence, rally=rally)


def test_mavproxy_sends_the_fence_and_rally_points_that_were_meant(
    vehicle_address: str, plan: FlightPlan, tmp_path: Path
) -> None:
    """What the vehicle holds then is what the plan says, item by item."""
    fence, rally, screen = tmp_path / "z.fence", tmp_path / "z.rally", tmp_path / "screen"
    fence.write_text(write_fence_wpl(plan))
    rally.write_text(write_rally_wpl(plan))
    program = Path(sys.executable).with_name("mavproxy.py")
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"}
    with screen.open("wb") as out:
        process = subprocess.Popen(
            [
                *(
                    sys.executable,
                    str(program),
                    "--master",
                    vehicle_address,
                    "--state-basedir",
                    str(tmp_path),
                ),
                *("--mav20", "--default-modules", "fence,rally"),
            ],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
            env=environment,
        )
        assert process.stdin is not None
        try:
            _wait_for(screen, "Detected vehicle")
            for command, done in (
                (f"fence load {fence}", "fence items in"),
                (f"rally load {rally}", "rally items in"),
            ):
                process.stdin.write(f"{command}\n".encode())
                process.stdin.flush()
                _wait_for(screen, done)
            time.sleep(0.5)
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
    assert plan.fence is not None
    with Station(vehicle_address) as station:
        held = [[WireItem.from_message(m) for m in station.download(kind)] for kind in (1, 2)]
    assert compare_items(_truncated(fence_items(plan.fence), held[0]), held[0]) == []
    assert compare_items(_truncated(rally_items(plan.rally or ()), held[1]), held[1]) == []


def _truncated(sent: list[WireItem], held: list[WireItem]) -> list[WireItem]:
    """MAVProxy truncates to 1e-7 degrees where we round: one unit less is the same place to it."""
    return [
        replace(a, x=b.x, y=b.y) if abs(a.x - b.x) <= 1 and abs(a.y - b.y) <= 1 else a
        for a, b in zip(sent, held, strict=True)
    ]


def _wait_for(screen: Path, text: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if text in screen.read_text(errors="replace"):
            return
        time.sleep(0.1)
    raise AssertionError(f"no {text!r} in: {screen.read_text(errors='replace')[-3000:]}")
