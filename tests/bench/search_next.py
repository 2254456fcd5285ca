"""Planning the next sorties on a map of 6 km × 6 km in cells of 30 m: processor time, memory, what is found.

    python tests/bench/search_next.py [--seeds 1,2,3] [--drones 2] [--minutes 22]

Each seed makes a map of its own: broad hills of probability, a path with more of it, and noise. There is a
fence round the map with a keep-out in its middle. Printed are the seconds of processor time of planning, what
the sorties find and what none could exceed, and at the end the greatest memory of the process.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time

import numpy as np

from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.mission.mission import Mission, MissionKind, TrackLinePattern
from airbeat.mission.plan import Fence, FencePolygon
from airbeat.search.detection import johnson_curve
from airbeat.search.grid import ProbabilityMap, SearchGrid
from airbeat.search.nextsortie import Searcher, plan_next
from airbeat.search.sweepwidth import lateral_range
from airbeat.vehicle.airframe import airframe_profile
from airbeat.vehicle.camera import camera_profile

FRAME = LocalFrame(LatLon(lat_deg=47.3, lon_deg=11.4))
HALF_M, CELL_M = 3000.0, 30.0


def map_of(seed: int) -> ProbabilityMap:
    cells = round(2 * HALF_M / CELL_M)
    grid = SearchGrid(frame=FRAME, west_m=-HALF_M, south_m=-HALF_M, cell_m=CELL_M, rows=cells, columns=cells)
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(grid.x_m(), grid.y_m())
    worth = rng.random(grid.shape) * 0.05
    for _ in range(1 + seed % 3):
        east, north = rng.uniform(-1200, 1200, 2)
        worth += rng.uniform(0.5, 1) * np.exp(
            -((np.hypot(x - east, y - north) / rng.uniform(500, 1000)) ** 2)
        )
    angle, offset = rng.uniform(0, np.pi), rng.uniform(-1000, 1000)
    aside = x * np.sin(angle) - y * np.cos(angle) - offset
    worth += 0.5 * np.exp(-((aside / 60) ** 2)) * np.exp(-((np.hypot(x, y) / 1500) ** 2))
    return ProbabilityMap.normalised(grid, worth, 0.2)


def box(west: float, south: float, east: float, north: float, *, inclusion: bool) -> FencePolygon:
    corners = FRAME.to_latlon([(west, south), (east, south), (east, north), (west, north)])
    return FencePolygon(inclusion=inclusion, vertices=tuple(corners))


def searcher(height_m: float) -> Searcher:
    home = FRAME.to_latlon([(-200.0, -900.0)])[0]
    fence = Fence(
        polygons=(
            box(-HALF_M, -HALF_M, HALF_M, HALF_M, inclusion=True),
            box(0, 0, 400, 300, inclusion=False),
        ),
        max_height_m=120,
    )
    camera = camera_profile("embedded-12mp")
    mission = Mission(
        name="drone",
        kind=MissionKind.SEARCH,
        home=home,
        pattern=TrackLinePattern(line=(home, home)),
        height=Altitude(value_m=height_m, datum=AltitudeDatum.HOME),
        speed_m_s=9,
        camera=camera,
        airframe=airframe_profile("arducopter-quad"),
        fence=fence,
        margin_m=10,
    )
    return Searcher(mission=mission, lateral=lateral_range(camera, height_m, johnson_curve()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", default="1,2,3,4,5,6")
    parser.add_argument("--drones", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=22.0)
    asked = parser.parse_args()
    crews = [searcher(60.0 + 5.0 * k) for k in range(asked.drones)]
    seconds, shares = [], []
    for seed in map(int, asked.seeds.split(",")):
        now = map_of(seed)
        begun = time.process_time()
        found = plan_next(now, np.ones(now.grid.shape), crews, minutes=asked.minutes)
        seconds.append(time.process_time() - begun)
        shares.append(found.found)
        print(
            f"map {seed}: {seconds[-1]:.2f} s CPU, found {found.found:.4f} of at most {found.bound:.4f} "
            f"({found.found / found.bound:.1%}), {found.spacing_m:.0f} m apart",
            flush=True,
        )
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    mean_s, most_s = statistics.fmean(seconds), max(seconds)
    print(f"mean {mean_s:.2f} s CPU, most {most_s:.2f}; found {statistics.fmean(shares):.4f}")
    print(f"memory at most {memory_mb:.0f} MB")


if __name__ == "__main__":
    main()
