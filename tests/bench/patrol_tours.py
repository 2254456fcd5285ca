"""Tours over hundreds and thousands of stops with windows, inside a fence with keep-outs.

    python tests/bench/patrol_tours.py [--short] [--stops 500 5000] [--seeds 1 2 3] [--json FILE]

Stops lie at random in a square with round keep-outs, one to a square of 270 m; each takes 30 s and may begin
in a window of 20 to 60 minutes (500 stops) or of 1 to 2 hours (5,000). Drones fly 12 m/s from one launch
place and are not limited by batteries here, as the published comparisons are not. Time is processor time,
the times between the stops included.

Up to 700 stops all ways are known at first; the reference is PyVRP itself, given 60 s of processor time on
the same matrix, or less with --short. Of 5,000 stops only ways to near stops and those that tours use are
found; all stops must be served. The exit status is 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from airbeat.patrol.legtimes import LegTimes
from airbeat.patrol.solve import solve_tours
from airbeat.patrol.tours import Choice, Slot, TourProblem, timed, total_s
from airbeat.patrol.vrp import solve_with_pyvrp
from airbeat.planning.estimate import leg_times_s
from airbeat.planning.route import Router

SPACING_M = 270.0
SERVICE_S = 30.0
LIMITS = {"seconds_500": 10.0, "above_reference": 0.02, "seconds_5000": 120.0}
REFERENCE_S = {False: 60.0, True: 6.0}


def places(stops: int, seed: int) -> tuple[Any, list[tuple[float, float]], np.random.Generator]:
    """Free space, launch place and stops."""
    rng = np.random.default_rng(seed)
    side = SPACING_M * math.sqrt(stops)
    holes = [
        shapely.Point(*rng.uniform(0, side, 2)).buffer(rng.uniform(100, 300), quad_segs=3)
        for _ in range(max(8, stops // 40))
    ]
    free = shapely.box(-100, -100, side + 100, side + 100).difference(shapely.union_all(holes))
    shapely.prepare(free)
    found: list[tuple[float, float]] = []
    while len(found) < stops + 1:
        x, y = rng.uniform(0, side, 2)
        if free.contains(shapely.Point(x, y)):
            found.append((float(x), float(y)))
    return free, found, rng


def problem(stops: int, seed: int, *, everything: bool | None = None) -> TourProblem:
    """An instance; making it takes what finding the ways takes, all of them or those that are used."""
    free, found, rng = places(stops, seed)
    router = Router(free, lambda m: leg_times_s(m, speed_m_s=12.0, acceleration_m_s2=2.5))
    many = stops > 1000
    horizon, width, drones = (18_000.0, (3600.0, 7200.0), 70) if many else (5400.0, (1200.0, 3600.0), 12)
    choices = []
    for stop in range(stops):
        early = rng.uniform(0.0, horizon)
        late = early + rng.uniform(*width)
        reach = math.dist(found[0], found[stop + 1]) / 6.0 + 60.0
        choices.append(
            Choice(
                stop=stop,
                start=stop + 1,
                end=stop + 1,
                service_s=SERVICE_S,
                early_s=early,
                late_s=max(late, reach),
            )
        )
    slots = [
        Slot(drone=d, place=0, up_s=25.0, down_s=50.0, early_s=0.0, late_s=1e5, most_s=1e5)
        for d in range(drones)
    ]
    return TourProblem(
        names=tuple(str(n) for n in range(stops)),
        choices=tuple(choices),
        slots=tuple(slots),
        legs=(LegTimes(found, router, hubs=[0], everything=everything),),
    )


def until(seconds: float) -> Callable[[float], bool]:
    """Ends a search after so much processor time."""
    begun = time.process_time()
    return lambda _cost: time.process_time() - begun >= seconds


def measure(stops: int, seed: int, *, short: bool) -> dict[str, Any]:
    """One row of the table."""
    begun = time.process_time()
    given = problem(stops, seed)
    ways_s = time.process_time() - begun
    tours, left = solve_tours(given, seed=seed, effort=0.3 if short else 1.0)
    row: dict[str, Any] = {
        "stops": stops,
        "seed": seed,
        "seconds": time.process_time() - begun,
        "ways_s": ways_s,
        "served": stops - len(left),
        "tours": len(tours),
        "total_s": total_s(given, tours),
        "feasible": all(timed(given, t).feasible for t in tours),
    }
    if given.legs[0].complete:
        limit = REFERENCE_S[short]
        best = solve_with_pyvrp(given, iterations=1, seed=seed, stop=until(limit))
        row["reference_s"] = total_s(given, best) if best is not None else math.inf
        row["above_reference"] = row["total_s"] / row["reference_s"] - 1.0
    return row


def missed(row: dict[str, Any]) -> list[str]:
    """The limits that a row misses."""
    said = [] if row["served"] == row["stops"] and row["feasible"] else ["not all served in time"]
    limit = LIMITS["seconds_5000" if row["stops"] > 1000 else "seconds_500"]
    if row["seconds"] > limit:
        said.append(f"{row['seconds']:.1f} s (at most {limit:g})")
    if row.get("above_reference", 0.0) > LIMITS["above_reference"]:
        said.append(f"{row['above_reference']:.1%} above the reference")
    return said


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stops", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--short", action="store_true", help="less effort on both sides, for CI")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows, failed = [], False
    for stops in asked.stops:
        for seed in asked.seeds:
            row = measure(stops, seed, short=asked.short)
            said = missed(row)
            failed |= bool(said)
            rows.append(row | {"missed": said})
            above = row.get("above_reference")
            print(
                f"{stops} stops, seed {seed}: {row['served']} served in {row['tours']} tours, "
                f"{row['total_s']:.0f} s of travel in {row['seconds']:.1f} s (ways {row['ways_s']:.1f} s)"
                + ("" if above is None else f", {above:+.2%} against PyVRP's {row['reference_s']:.0f}")
                + ("; MISSED: " + "; ".join(said) if said else ""),
                flush=True,
            )
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
