"""What steep ground does to sweeps: across it they pass high, along it and slowly they do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.search.climbs import fading, swept_heights_m
from airbeat.search.detection import Posture, johnson_curve
from airbeat.search.grid import SearchGrid
from airbeat.search.sweepwidth import lateral_between, lateral_range
from airbeat.vehicle.camera import camera_profile

GRID = SearchGrid(
    frame=LocalFrame(LatLon(lat_deg=47.0, lon_deg=11.0)),
    west_m=-300.0, south_m=-300.0, cell_m=20.0, rows=30, columns=30,
)  # fmt: skip
CAMERA = camera_profile("embedded-12mp")


def ridge() -> np.ndarray:
    """A ridge from south to north, 100 m high, whose sides rise 1 in 1."""
    return np.tile(np.maximum(0.0, 100.0 - np.abs(GRID.x_m())), (GRID.rows, 1))


def swept(angle_deg: float, rate: float) -> np.ndarray:
    return swept_heights_m(
        GRID, ridge(), math.radians(angle_deg), height_m=60.0, climb_m_m=rate, descent_m_m=rate
    )


def test_sweeps_along_a_ridge_stay_at_their_height_and_those_across_pass_higher() -> None:
    assert swept(90.0, 0.25) == pytest.approx(np.full(GRID.shape, 60.0), abs=1e-6)
    across = swept(0.0, 0.25)
    assert across.min() >= 60.0 - 1e-9
    foot = int(np.argmin(np.abs(GRID.x_m() - 110.0)))
    top_m = ridge().max()
    assert across[15, foot] == pytest.approx(60.0 + top_m - 0.25 * (GRID.x_m()[foot] - 10.0), abs=0.5)
    assert swept(0.0, 0.5)[15, foot] < across[15, foot]
    assert swept(0.0, 1.5) == pytest.approx(np.full(GRID.shape, 60.0), abs=1e-6)


def test_detection_fades_with_the_height_and_never_grows() -> None:
    curve = johnson_curve()
    lateral = lateral_between(CAMERA, (55.0, 65.0), curve, posture=Posture.LYING)
    low = lateral_range(CAMERA, 55.0, curve, posture=Posture.LYING)
    high = lateral_range(CAMERA, 65.0, curve, posture=Posture.LYING)
    assert lateral.swath_m == low.swath_m
    assert lateral.gsd_m_px == high.gsd_m_px
    assert (lateral.p <= low.p).all()
    faded = fading(CAMERA, lateral, 65.0, curve, posture=Posture.LYING)
    assert float(faded.at(np.array(65.0))) == pytest.approx(1.0, abs=1e-3)
    assert float(faded.at(np.array(60.0))) == pytest.approx(1.0, abs=1e-3)
    shares = faded.at(np.linspace(60.0, 500.0, 50))
    assert (np.diff(shares) <= 1e-9).all()
    assert shares[-1] < 0.5
