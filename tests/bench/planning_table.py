"""Measure the coverage planner on the development areas.

    AIRBEAT_SHARED_DATA=… python tests/bench/planning_table.py [--only NAME] [--overlap 0.1] [--effort 1]

Every figure is recomputed here from the line as it would be written (longitude and latitude with eight
decimals), not taken from the planner: coverage by a disc swept along the line, metres more than 0.5 m outside
the free area (declared transits between disjoint parts excepted) and inside keep-outs, and flight time at
10 m/s and 2.5 m/s² with a full stop at every heading change of 5° or more. ``time/ref`` compares with
areas_reference.json, ``/ideal``, ``F2C s`` (its flight time) and ``F2C run`` (its recorded planning time)
with peer_results.csv; where the package fields2cover is importable, ``F2C now`` is its planning time on this
machine. ``cpu s`` is processor time, which other programs disturb less than ``plan s``. The closing lines
name every area that misses a requirement.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import math
import os
import resource
import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import shape

from airbeat.geo.frame import LocalFrame
from airbeat.planning.coverage import CoveragePath, plan_coverage

SPEED_M_S, ACCELERATION_M_S2 = 10.0, 2.5
RADIUS_M = SPEED_M_S**2 / ACCELERATION_M_S2


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def peak_mb() -> float:
    """Most memory this process has held so far [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def load(path: Path) -> tuple[Any, list[Any], dict[str, Any]]:
    """(area or centre line, keep-outs, properties) of one area file, lon/lat."""
    features = json.loads(path.read_text())["features"]
    shapes = [shape(f["geometry"]) for f in features]
    return shapes[0], shapes[1:], features[0]["properties"]


def free_area(area: Any, keepouts: list[Any], properties: dict[str, Any], frame: LocalFrame) -> Any:
    """Area less holes and keep-outs in local metres, repaired; parts cut at the antimeridian joined."""
    local = frame.to_local(area)
    if properties["role"] == "corridor":
        local = local.buffer(properties["corridor_width_m"] / 2, quad_segs=4)
    elif local.geom_type == "MultiPolygon":
        local = local.buffer(0.05, join_style="mitre").buffer(-0.05, join_style="mitre")
    local = polygonal(shapely.make_valid(local))
    closed = [polygonal(shapely.make_valid(frame.to_local(k))) for k in keepouts]
    return polygonal(local.difference(shapely.union_all(closed)))


def polygonal(geometry: Any) -> Any:
    parts = shapely.get_parts(shapely.get_parts([geometry]))
    return shapely.union_all([p for p in parts if p.geom_type == "Polygon" and p.area > 1])


def flight_time_s(points: np.ndarray) -> tuple[float, int]:
    """(time, stops) of a line, turns made of small steps counted as one."""
    path = [points[0]]
    for p in points[1:]:
        if math.dist(p, path[-1]) > 0.01:
            path.append(p)
    legs, run, turned, since = [], 0.0, 0.0, 0.0
    for k in range(1, len(path)):
        length = math.dist(path[k - 1], path[k])
        run += length
        since += length
        if k == len(path) - 1:
            break
        ahead = math.dist(path[k], path[k + 1])
        before = math.atan2(*(path[k] - path[k - 1])[::-1])
        change = math.atan2(*(path[k + 1] - path[k])[::-1]) - before
        change = abs((change + math.pi) % (2 * math.pi) - math.pi)
        if since > RADIUS_M:
            turned = 0.0
        if change > 1e-6 and min(length, ahead) / change < RADIUS_M:
            turned += change
            since = 0.0
        if math.degrees(max(change, turned)) >= 5.0:
            legs.append(run)
            run = turned = 0.0
    legs.append(run)
    v, a = SPEED_M_S, ACCELERATION_M_S2
    times = [x / v + v / a if x >= v * v / a else 2 * math.sqrt(x / a) for x in legs]
    return sum(times), len(legs) - 1


def written(path: CoveragePath, points: np.ndarray, frame: LocalFrame) -> np.ndarray:
    """Points of the plan's frame as they come back from a file, in this bench's frame."""
    geographic = shapely.get_coordinates(path.frame.to_geographic(shapely.LineString(points)))
    return np.asarray(shapely.get_coordinates(frame.to_local(shapely.LineString(np.round(geographic, 8)))))


def fields2cover_seconds(file: Path) -> float | None:
    """Planning time of Fields2Cover's boustrophedon cells on this machine, or None without the package."""
    if importlib.util.find_spec("fields2cover") is None:
        return None
    import fields2cover as f2c

    area, keepouts, properties = load(file)
    free = free_area(area, keepouts, properties, LocalFrame.around(area))
    began = time.perf_counter()
    for polygon in shapely.get_parts(free):
        rings = []
        for line in (polygon.exterior, *polygon.interiors):
            rings.append(f2c.LinearRing())
            for x, y in line.coords:
                rings[-1].addPoint(x, y)
        cells = f2c.Cells(f2c.Cell(rings[0]))
        for ring in rings[1:]:
            cells.addRing(0, ring)
        decomposition = f2c.DECOMP_Boustrophedon()
        decomposition.setSplitAngle(math.pi / 2)
        swaths = f2c.SG_BruteForce().generateBestSwaths(
            f2c.OBJ_NSwath(), properties["swath_m"], decomposition.decompose(cells)
        )
        f2c.RP_RoutePlannerBase().genRoute(cells, swaths)
    return time.perf_counter() - began


def verdicts(rows: list[dict[str, Any]], overlap: float) -> list[str]:
    """What is required of every area, with the areas that miss it."""
    least = 0.9999 if overlap >= 0.1 else 0.998
    rules: list[tuple[str, Any]] = [
        (f"coverage below {least}", lambda r: r["coverage"] < least),
        ("outside the free area", lambda r: r["outside_m"] > 0.05 or r["keepout_m"] > 0.05),
        ("own figures disagree", lambda r: r["claimed"] > 1e-3 or r["coverage_off"] > 5e-4),
    ]
    if overlap == 0.0:
        rules += [
            (
                "over 1.02 x the reference of the same coverage, else over the best feasible peer",
                lambda r: r["flight_s"] > r["bound_s"] + 0.5,
            ),
            ("slower in flight than a feasible peer", lambda r: r["flight_s"] > r["peer_s"] + 0.5),
            ("corridor longer than 1.15 x its bound", lambda r: r["corridor"] and r["per_bound"] > 1.15),
            ("planning slower than Fields2Cover", lambda r: 1 < r["f2c_run_s"] < r["cpu_s"]),
            (
                "10,000 vertices planned in over 5 s",
                lambda r: "10000" in r["name"] and r["cpu_s"] > 5.0,
            ),
        ]
    lines = []
    for what, missed in rules:
        names = [
            f"{r['name']} (flown in {r['flight_s']:.0f} s, planned in {r['cpu_s']:.2f} s)"
            for r in rows
            if missed(r)
        ]
        lines.append(f"{what}: {', '.join(names) or 'none'}")
    return lines


def peer_bounds(peers: list[dict[str, str]], reference: dict[str, float], area: str) -> tuple[float, float]:
    """(flight time allowed, flight time of the best feasible peer) of an area [s].

    Feasible: coverage of at least 99.5 %, no more than 1 m outside.
    """
    times = [
        float(p["flight_s"])
        for p in peers
        if p["area"] == area
        and p["flight_s"]
        and float(p["coverage_pct"]) >= 99.5
        and float(p["outside_m"]) <= 1.0
    ]
    best = min(times, default=math.inf)
    same = reference["reference_coverage"] >= 0.998 and reference["reference_feasible"]
    return (1.02 * reference["reference_t_s"] if same else best), best


def measure(file: Path, overlap: float, effort: int) -> dict[str, Any]:
    area, keepouts, properties = load(file)
    frame = LocalFrame.around(area)
    free = free_area(area, keepouts, properties, frame)
    swath = properties["swath_m"]
    began, cpu_began = time.perf_counter(), time.process_time()
    path = plan_coverage(
        area,
        keepouts=keepouts,
        spacing_m=swath * (1 - overlap),
        swath_m=swath,
        corridor_width_m=properties.get("corridor_width_m"),
        effort=effort,
    )
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    points = written(path, path.line, frame)
    legs = shapely.linestrings([[a, b] for a, b in pairwise(points)])
    seen = shapely.union_all(shapely.buffer(legs, swath / 2, quad_segs=32))
    out = shapely.LineString(points).difference(free.buffer(0.5))
    for transit in path.transits:
        out = out.difference(shapely.LineString(written(path, transit, frame)).buffer(0.5))
    filled = shapely.union_all([shapely.Polygon(p.exterior) for p in shapely.get_parts(free)])
    inside_closed = filled.difference(free).buffer(-0.5)
    flown, stops = flight_time_s(points)
    coverage = seen.intersection(free).area / free.area
    return {
        "coverage": coverage,
        "coverage_off": abs(path.coverage_fraction - coverage),
        "outside_m": out.length,
        "keepout_m": shapely.LineString(points).intersection(inside_closed).length,
        "transit_m": sum(shapely.LineString(t).length for t in path.transits),
        "flight_s": flown,
        "stops": stops,
        "length_m": shapely.LineString(points).length,
        "seconds": seconds,
        "cpu_s": cpu_seconds,
        "corridor": properties["role"] == "corridor",
        "claimed": abs(path.duration_s - flown) / flown,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="part of the area names, several by comma")
    parser.add_argument("--overlap", type=float, default=0.0)
    parser.add_argument("--effort", type=int, default=1)
    options = parser.parse_args()
    shared = os.environ.get("AIRBEAT_SHARED_DATA")
    if not shared:
        sys.exit("AIRBEAT_SHARED_DATA does not name the folder with the development areas")
    folder = Path(shared)
    reference = json.loads((folder / "areas_reference.json").read_text())
    with (folder / "areas" / "peer_results.csv").open() as file:
        peers = list(csv.DictReader(file))
    bound = {p["area"]: (float(p["length_bound_m"]), float(p["ideal_time_s"])) for p in peers}
    f2c = {p["area"]: p for p in peers if p["planner"].startswith("Fields2Cover")}
    say(
        f"{'area':32s} {'coverage':>9s} {'out m':>6s} {'keep m':>6s} {'transit':>7s} {'time s':>7s} "
        f"{'/ref':>6s} {'/ideal':>6s} {'len/LB':>6s} {'stops':>5s} {'F2C s':>7s} "
        f"{'F2C run':>7s} {'F2C now':>7s} {'plan s':>6s} {'cpu s':>6s} {'peak MB':>7s}"
    )
    rows = []
    for file in sorted((folder / "areas").glob("*.geojson")):
        if not any(part in file.stem for part in options.only.split(",")):
            continue
        row = measure(file, options.overlap, options.effort)
        lower_bound, ideal = bound[file.stem]
        row["ratio"] = row["flight_s"] / reference[file.stem]["reference_t_s"]
        row["reference"] = reference[file.stem]["reference_t_s"]
        row["name"], row["per_bound"] = file.stem, row["length_m"] / lower_bound
        row["bound_s"], row["peer_s"] = peer_bounds(peers, reference[file.stem], file.stem)
        row["f2c_run_s"] = float(f2c[file.stem]["run_s"])
        now = fields2cover_seconds(file)
        row["invalid"] = "invalid" in file.stem
        rows.append(row)
        say(
            f"{file.stem:32s} {row['coverage']:9.5f} {row['outside_m']:6.1f} {row['keepout_m']:6.1f} "
            f"{row['transit_m']:7.0f} {row['flight_s']:7.0f} {row['ratio']:6.3f} "
            f"{row['flight_s'] / ideal:6.3f} {row['per_bound']:6.3f} {row['stops']:5.0f} "
            f"{f2c[file.stem]['flight_s'] or '-':>7s} {row['f2c_run_s']:7.2f} "
            f"{'-' if now is None else f'{now:.2f}':>7s} {row['seconds']:6.2f} {row['cpu_s']:6.2f} "
            f"{peak_mb():7.0f}"
        )
    valid = [r for r in rows if not r["invalid"]]
    if valid:
        total, against = sum(r["flight_s"] for r in valid), sum(r["reference"] for r in valid)
        say(
            f"{len(valid)} valid areas: coverage least {min(r['coverage'] for r in valid):.5f} median "
            f"{statistics.median(r['coverage'] for r in valid):.5f}, outside "
            f"{sum(r['outside_m'] for r in valid):.1f} m, "
            f"time {total:.0f} s = {total / against:.4f} x reference, planning median "
            f"{statistics.median(r['seconds'] for r in valid):.2f} s (processor "
            f"{statistics.median(r['cpu_s'] for r in valid):.2f} s), own duration off by at most "
            f"{max(r['claimed'] for r in valid):.1e}, peak memory "
            f"{peak_mb():.0f} MB"
        )
        for line in verdicts(valid, options.overlap):
            say("  " + line)


if __name__ == "__main__":
    main()
