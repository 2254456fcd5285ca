"""Search paths on the scenes of SAREnv, scored by its own metric code, unmodified.

    AIRBEAT_SARENV=path/to/SAREnv python tests/bench/search_sarenv.py [--scenes 1,2] [--rows cells,area]
        [--drones 1,5] [--budget-km 100]

AIRBEAT_SARENV names a local copy of namurproject/SAREnv; ``sarenv/analytics/metrics.py`` and ``paths.py`` are
loaded from it as they are (they need geopandas and scipy). Nothing of it is part of this project.

Scenes are the benchmark's "medium" ones of datasets 1 to 15, the heat maps that lie in its repository: 1.8 km
round the centre, cut out as its loader cuts them; the features files, which are elsewhere, are not needed.
The spiral of its own is scored beside ours, to show that the scenes are those of its published table.

Budgets are its own: 100 km in all, for 1 drone, and for 5 drones of 20 km each; camera 45° at 80 m, which
sees 33.1 m to either side. Its metric counts a 30 m cell as seen, all of it, when the cell's middle comes
within 33.1 m of one of the points 15 m apart along the path. Two kinds of path are therefore scored:

    cells    planned for that rule: sweeps along the middles of rows 90 m apart see three rows each
    area     planned for the ground itself: sweeps 66.3 m apart, every direction, worth by area
    …-paid   either, with one launch point at the scene's centre: each sortie begins and ends there, turns
             cost v²/a at 10 m/s and 2.5 m/s², no sortie is longer than one battery; all within the budget

``bound`` is what 66.3 m times the budget of the densest ground holds; ``rows`` what 90 m times it holds. Each
path is also scored by the ground it truly passes within 33.1 m, on cells of 5 m (``true area``).
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from airbeat.search.field import Field, Place, charged_m
from airbeat.search.flights import Flights, best_flights
from airbeat.vehicle.airframe import airframe_profile

RADIUS_M, CELL_M = 1800.0, 30.0
FOV_DEG, ALTITUDE_M = 45.0, 80.0
REACH_M = ALTITUDE_M * float(np.tan(np.radians(FOV_DEG / 2)))
ROWS_M = 90.0
FINE_M = 5.0
SPEED_M_S = 10.0
EXTENT = (-RADIUS_M, -RADIUS_M, RADIUS_M, RADIUS_M)


def module(root: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(
        f"sarenv_{name}", root / "sarenv" / "analytics" / f"{name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def scene(root: Path, number: int) -> np.ndarray:
    """The medium heat map, as sarenv.core.loading cuts it from the master map of 9.9 km radius."""
    master = np.load(root / "sarenv_dataset" / str(number) / "heatmap.npy")
    first, last, middle = 270, 390, 330.0
    row, column = np.mgrid[first:last, first:last]
    inside = (column - middle) ** 2 + (row - middle) ** 2 <= (RADIUS_M / CELL_M) ** 2
    return np.where(inside, master[first:last, first:last], 0.0)


def densest(heat: np.ndarray, width_m: float, budget_m: float) -> float:
    values = np.sort(heat.ravel())[::-1]
    cells = budget_m * width_m / CELL_M**2
    whole = min(int(cells), len(values))
    rest = values[whole] * (cells - whole) if whole < len(values) else 0.0
    return float(values[:whole].sum() + rest)


def planned(heat: np.ndarray, row: str, *, drones: int, budget_m: float, seed: int) -> tuple[Flights, float]:
    """Our paths, and the seconds of processor time that planning took."""
    field = Field(values=heat, cell_m=CELL_M, west_m=-RADIUS_M, south_m=-RADIUS_M)
    lengths, launch, turn_m = [budget_m / drones] * drones, None, 0.0
    if row.endswith("-paid"):
        airframe = airframe_profile("arducopter-quad")
        upright_s = airframe.climb_time_s(ALTITUDE_M) + airframe.landing_time_s(ALTITUDE_M)
        longest = (airframe.endurance_s - upright_s) * SPEED_M_S
        sorties = int(np.ceil(budget_m / drones / longest))
        lengths = [budget_m / drones / sorties] * (drones * sorties)
        launch, turn_m = (0.0, 0.0), SPEED_M_S**2 / airframe.acceleration_m_s2
    begun = time.process_time()
    flights = best_flights(
        field,
        lengths,
        reach_m=REACH_M,
        spacing_m=2 * REACH_M if row.startswith("area") else ROWS_M,
        on_cells=not row.startswith("area"),
        launch=launch,
        turn_m=turn_m,
        rounds=8,
        starts=2,
        seed=seed,
    )
    check(flights, lengths, launch, turn_m)
    return flights, time.process_time() - begun


def check(flights: Flights, lengths: list[float], launch: Place | None, turn_m: float) -> None:
    for path, length in zip(flights.paths, lengths, strict=True):
        assert charged_m(path, launch=launch, turn_m=turn_m) <= length + 0.01


def true_area(heat: np.ndarray, flights: Flights) -> float:
    """What lies within reach of the paths, each cell counted by the share of it that does."""
    fine = Field(values=heat, cell_m=CELL_M, west_m=-RADIUS_M, south_m=-RADIUS_M).turned(0.0, FINE_M)
    seen = np.zeros(fine.values.shape, dtype=bool)
    for path in flights.paths:
        seen |= fine.seen(path, REACH_M)
    return float(fine.values[seen].sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scenes", default=",".join(map(str, range(1, 16))))
    parser.add_argument("--rows", default="cells,area,cells-paid,area-paid")
    parser.add_argument("--drones", default="1,5")
    parser.add_argument("--budget-km", type=float, default=100.0, help="of all drones together")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if "AIRBEAT_SARENV" not in os.environ:
        sys.exit("AIRBEAT_SARENV names no copy of SAREnv")
    import geopandas
    from shapely.geometry import LineString

    root = Path(os.environ["AIRBEAT_SARENV"])
    metrics, own = module(root, "metrics"), module(root, "paths")
    nobody = geopandas.GeoDataFrame(geometry=[], crs="EPSG:32633")
    table: dict[str, list[float]] = {}
    budget_m = 1000.0 * asked.budget_km
    for number in map(int, asked.scenes.split(",")):
        heat = scene(root, number)
        judge = metrics.PathEvaluator(heat, EXTENT, nobody, FOV_DEG, ALTITUDE_M, int(CELL_M))
        spiral = own.generate_spiral_path(
            0, 0, RADIUS_M, FOV_DEG, ALTITUDE_M, 0, 1, path_point_spacing_m=10.0, budget=budget_m
        )
        scores = {"bound": densest(heat, 2 * REACH_M, budget_m), "rows": densest(heat, ROWS_M, budget_m)}
        scores["its spiral 1"] = judge.calculate_all_metrics(spiral, 0.999)["total_likelihood_score"]
        for row in asked.rows.split(","):
            for drones in map(int, asked.drones.split(",")):
                flights, seconds = planned(heat, row, drones=drones, budget_m=budget_m, seed=asked.seed)
                lines = [LineString(path) for path in flights.paths if len(path) > 1]
                score = judge.calculate_all_metrics(lines, 0.999)["total_likelihood_score"]
                scores[f"{row} {drones}"] = float(score)
                scores[f"{row} {drones} true area"] = true_area(heat, flights)
                scores[f"{row} {drones} s"] = seconds
        for name, value in scores.items():
            table.setdefault(name, []).append(float(value))
        print(number, *(f"{name}={value:.4f}" for name, value in scores.items()), flush=True)
    for name, values in table.items():
        print(f"mean of {len(values)}  {name:24s} {statistics.fmean(values):.4f}", flush=True)


if __name__ == "__main__":
    main()
