"""Measure sorties and fleets on the development areas of more than 1 km².

    AIRBEAT_SHARED_DATA=… python tests/bench/fleet_table.py [--only NAME] [--drones 4,8] [--minutes 25]

One launch point for all: the corner of the area's outer outline that is nearest to the area's centroid (a
place where a crew can stand). Fence = free area. 10 m/s, 2.5 m/s², a full stop at every heading change of 5°
or more; climbs and landings are not counted, as in the reference.

Every figure is recomputed from the lines as they would be written (longitude and latitude with eight
decimals): flight times, ends at the launch point, coverage by a disc swept along the lines between the ways
from and to home, metres outside the free area beyond the declared transits, metres in keep-outs. Makespan is
from the first take-off to the last landing, the waits for a free launch place included; ``ideal`` comes from
peer_results.csv. Sorties are compared with two bounds (decision record 0004): ``/sweep`` with the ferry-aware
ideal sweep, ``/ring`` with what holds for any flight whatever. Seconds are CPU time.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import statistics
import sys
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from planning_table import flight_time_s, free_area, load, say

from airbeat.errors import PlanningError
from airbeat.geo.frame import LocalFrame
from airbeat.planning.bound import ring_bound, sweep_bound
from airbeat.planning.coverage import plan_coverage
from airbeat.planning.estimate import FlightModel
from airbeat.planning.ferry import FlightRooms
from airbeat.planning.repair import free_area as repaired
from airbeat.planning.sortie import Drone, FleetPlan
from airbeat.planning.sorties import MORE_EFFORT, plan_sorties

LEAST_AREA_M2 = 1e6


class Case:
    """One area with its launch point."""

    def __init__(self, file: Path) -> None:
        self.name = file.stem
        self.area, self.keepouts, self.properties = load(file)
        self.frame = LocalFrame.around(self.area)
        self.free = free_area(self.area, self.keepouts, self.properties, self.frame)
        self.swath_m = float(self.properties["swath_m"])
        self.home_xy = launch_point(self.free)
        self.home = self.frame.to_latlon([self.home_xy])[0]
        self.how = {
            "spacing_m": self.swath_m,
            "keepouts": self.keepouts,
            "corridor_width_m": self.properties.get("corridor_width_m"),
        }

    def cover(self, effort: int) -> None:
        """Plan the paths that are cut: all fleets share them, as they do not depend on these."""
        self.how = {**self.how, "effort": effort}
        began = time.process_time()
        self.paths = [plan_coverage(self.area, home=home, **self.how) for home in (None, self.home)]
        self.path_seconds = time.process_time() - began

    def plan(self, drones: list[Drone]) -> tuple[FleetPlan, float]:
        """The plan of a fleet, and its CPU seconds, the paths included."""
        began = time.process_time()
        plan = plan_sorties(self.area, drones=drones, paths=self.paths, **self.how)
        return plan, time.process_time() - began + self.path_seconds

    def sorties(self, drone: Drone, effort: int) -> tuple[FleetPlan, float]:
        """The plan of one drone, everything tried that a user gets, and its CPU seconds."""
        began = time.process_time()
        plan = plan_sorties(self.area, drones=[drone], **{**self.how, "effort": effort})
        return plan, time.process_time() - began


def launch_point(free: Any) -> tuple[float, float]:
    """The corner of the outer outlines that is nearest to the centroid."""
    corners = np.vstack([shapely.get_coordinates(p.exterior) for p in shapely.get_parts(free)])
    away = np.hypot(*(corners - shapely.get_coordinates(free.centroid)[0]).T)
    x, y = corners[away.argmin()]
    return float(x), float(y)


def written(plan: FleetPlan, points: np.ndarray, frame: LocalFrame) -> np.ndarray:
    geographic = shapely.get_coordinates(plan.frame.to_geographic(shapely.LineString(points)))
    return np.asarray(shapely.get_coordinates(frame.to_local(shapely.LineString(np.round(geographic, 8)))))


def measured(case: Case, plan: FleetPlan) -> dict[str, float]:
    """The plan's figures, recomputed from its lines."""
    lines = [written(plan, s.line, case.frame) for s in plan.sorties]
    work = [line[s.work[0] : s.work[1] + 1] for line, s in zip(lines, plan.sorties, strict=True)]
    legs = np.vstack([np.stack([w[:-1], w[1:]], axis=1) for w in work])
    seen = shapely.union_all(shapely.buffer(shapely.linestrings(legs), case.swath_m / 2, quad_segs=32))
    filled = shapely.union_all([shapely.Polygon(p.exterior) for p in shapely.get_parts(case.free)])
    closed = filled.difference(case.free).buffer(-0.5)
    outside = keepout = 0.0
    for line, sortie in zip(lines, plan.sorties, strict=True):
        keepout += shapely.LineString(line).intersection(closed).length
        out = shapely.LineString(line).difference(case.free.buffer(0.5))
        for transit in sortie.transits:
            out = out.difference(shapely.LineString(written(plan, transit, case.frame)).buffer(0.5))
        outside += out.length
    times = [flight_time_s(line)[0] for line in lines]
    return {
        "total_s": sum(times),
        "longest_s": max(times),
        "makespan_s": max(s.start_s + t for s, t in zip(plan.sorties, times, strict=True)),
        "coverage": seen.intersection(case.free).area / case.free.area,
        "outside_m": outside,
        "keepout_m": keepout,
        "from_home_m": max(math.dist(p, case.home_xy) for line in lines for p in (line[0], line[-1])),
        "claimed": abs(sum(times) - plan.duration_s) / plan.duration_s,
        "overlap_m2": sum(a.intersection(b).area for a, b in combinations(plan.parts, 2)),
    }


def fleet_rows(cases: list[Case], ideal: dict[str, float], count: int) -> None:
    say(f"\n{count} drones from one launch point, no battery limit")
    say(
        f"{'area':32s} {'makespan':>8s} {'/ideal':>6s} {'flown':>6s} {'sorties':>7s} {'coverage':>8s} "
        f"{'out m':>5s} {'keep m':>6s} {'overlap':>7s} {'plan s':>6s}"
    )
    ratios = []
    for case in cases:
        plan, seconds = case.plan([Drone(home=case.home)] * count)
        m = measured(case, plan)
        share = ideal[case.name] / count
        ratios.append(m["makespan_s"] / share)
        say(
            f"{case.name:32s} {m['makespan_s']:8.0f} {ratios[-1]:6.3f} {m['longest_s'] / share:6.3f} "
            f"{len(plan.sorties):7d} {m['coverage']:8.5f} {m['outside_m']:5.1f} {m['keepout_m']:6.1f} "
            f"{m['overlap_m2']:7.1f} {seconds:6.1f}"
        )
    say(f"median of {len(ratios)}: makespan {statistics.median(ratios):.3f} x ideal/{count}")


def sortie_rows(cases: list[Case], minutes: float, effort: int) -> None:
    say(f"\nsorties of {minutes:g} minutes, one drone")
    say(
        f"{'area':32s} {'sorties':>7s} {'least':>5s} {'total s':>7s} {'/sweep':>6s} {'/ring':>6s} "
        f"{'longest':>7s} {'coverage':>8s} {'out m':>5s} {'keep m':>6s} {'home m':>6s} {'plan s':>6s}"
    )
    sweeps, rings, total, bounds = [], [], 0.0, 0.0
    model = FlightModel()
    for case in cases:
        try:
            plan, seconds = case.sorties(Drone(home=case.home, endurance_s=60 * minutes), effort)
        except PlanningError as error:
            say(f"{case.name:32s} refused: {error}")
            continue
        m = measured(case, plan)
        free = repaired(
            case.area, keepouts=case.keepouts, corridor_width_m=case.properties.get("corridor_width_m")
        )
        limits = {"swath_m": case.swath_m, "usable_s": 60 * minutes, "model": model}
        ring = ring_bound(case.free, case.home_xy, **limits)
        rooms = FlightRooms(free, np.array([case.home_xy]), model)
        sweep = sweep_bound(case.free, case.home_xy, rooms=rooms, **limits)
        sweeps.append(m["total_s"] / sweep.total_s)
        rings.append(m["total_s"] / ring.total_s)
        total, bounds = total + m["total_s"], bounds + sweep.total_s
        say(
            f"{case.name:32s} {len(plan.sorties):7d} {sweep.sorties:5d} {m['total_s']:7.0f} "
            f"{sweeps[-1]:6.3f} {rings[-1]:6.3f} {m['longest_s']:7.1f} {m['coverage']:8.5f} "
            f"{m['outside_m']:5.1f} {m['keepout_m']:6.1f} {m['from_home_m']:6.2f} {seconds:6.1f}"
        )
    if sweeps:
        say(
            f"{len(sweeps)} areas: total over the ferry-aware ideal sweep median "
            f"{statistics.median(sweeps):.3f}, most {max(sweeps):.3f}, of the sums {total / bounds:.3f}; "
            f"over the bound on any flight median {statistics.median(rings):.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="part of the area names, several by comma")
    parser.add_argument("--drones", default="4,8", help="sizes of fleets, by comma; empty for none")
    parser.add_argument("--minutes", type=float, default=25.0, help="length of sorties; 0 for none")
    parser.add_argument("--effort", type=int, default=1)
    options = parser.parse_args()
    shared = os.environ.get("AIRBEAT_SHARED_DATA")
    if not shared:
        sys.exit("AIRBEAT_SHARED_DATA does not name the folder with the development areas")
    folder = Path(shared) / "areas"
    with (folder / "peer_results.csv").open() as file:
        ideal = {p["area"]: float(p["ideal_time_s"]) for p in csv.DictReader(file)}
    cases = [
        Case(file)
        for file in sorted(folder.glob("*.geojson"))
        if any(part in file.stem for part in options.only.split(","))
    ]
    cases = [case for case in cases if case.free.area > LEAST_AREA_M2]
    if options.minutes > 0:
        sortie_rows(cases, options.minutes, options.effort)
    counts = [int(count) for count in options.drones.split(",") if count]
    for case in cases if counts else []:
        case.cover(options.effort + MORE_EFFORT)
    for count in counts:
        fleet_rows(cases, ideal, count)


if __name__ == "__main__":
    main()
