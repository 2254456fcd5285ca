"""Every mission in ``missions/``: predicted, flown by a real ArduPilot SITL, and by the embedded vehicle.

    python tests/bench/flight_table.py [MISSION.yaml …] [--speedup 20] [--json FILE] [--tracks FOLDER]

Predicted is the forecast of the vehicle model. Durations are from leaving the ground to touching it again, by
height above home (0.2 m). Differences of path are distances in space from each point of one flight to the
other's line, both ways, above 2 m. No wind; the embedded vehicle's position noise is off, as ArduPilot's
simulated GPS has none.
The exit status is 1 when a mission misses a limit: 3 % of duration, 3 m of path, 2 % of the photographs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.link.dialect import mavlink
from airbeat.link.items import mission_items
from airbeat.mission.forecast import forecast
from airbeat.mission.loader import load_mission
from airbeat.mission.plan import FlightPlan
from airbeat.planning.plan import plan_mission
from airbeat.sim.ardupilot import ArduPilotSitl
from airbeat.sim.ardupilot_station import Station
from airbeat.sim.vehicle.config import VehicleConfig
from airbeat.sim.vehicle.server import EmbeddedVehicle

_GROUND_M = 0.2
_LOW_M = 2.0
_RATE_HZ = 10.0
_LONGEST_S = 7200.0
HOME_AMSL_M = 400.0
LIMITS = {"prediction": 0.03, "duration": 0.03, "path_m": 3.0, "photos": 0.02}


@dataclass(kw_only=True)
class Flown:
    """One flight: track rows are seconds from lift-off, east, north, up [m], mission item."""

    track: npt.NDArray[np.float64]
    photos: int

    @property
    def duration_s(self) -> float:
        """From lift-off to touch-down."""
        return float(self.track[-1, 0])


@contextlib.contextmanager
def vehicle(kind: str, plan: FlightPlan, speedup: float) -> Iterator[str]:
    """Starts a vehicle at the plan's home; gives its address."""
    amsl_m = plan.home_amsl_m if plan.home_amsl_m is not None else HOME_AMSL_M
    if kind == "ArduPilot":
        with ArduPilotSitl(home=plan.home, home_amsl_m=amsl_m, speedup=speedup) as sitl:
            yield sitl.url
    else:
        config = VehicleConfig(
            home=plan.home, home_amsl_m=amsl_m, speedup=3 * speedup, gps_noise_m=0.0, height_noise_m=0.0
        )
        with EmbeddedVehicle(config) as embedded:
            yield embedded.url


def fly(kind: str, plan: FlightPlan, speedup: float) -> Flown:
    """Uploads and flies a plan's mission from start to disarming."""
    fields = ("command", "frame", "x", "y", "z")
    with vehicle(kind, plan, speedup) as url, Station(url) as station:
        station.start_clock()
        station.wait_ready()
        items = [
            {name: getattr(i, name) for name in fields}
            | {f"param{n}": value for n, value in enumerate(i.params, start=1)}
            for i in mission_items(plan)[1:]
        ]
        result = station.upload(items)
        if result != mavlink.MAV_MISSION_ACCEPTED:
            raise SystemExit(f"{plan.name}: the upload was answered with {result}")
        station.stream(mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT, _RATE_HZ)
        station.stream(mavlink.MAVLINK_MSG_ID_MISSION_CURRENT, _RATE_HZ)
        mark = station.mark()
        station.start_mission()
        station.wait(lambda: not station.is_armed, "the end of the flight", _LONGEST_S)
        return _flown(station.since(mark), plan)


def _flown(messages: list[Any], plan: FlightPlan) -> Flown:
    frame = LocalFrame(plan.home)
    rows = []
    places = []
    photos = item = 0
    for m in messages:
        kind = m.get_type()
        if kind == "CAMERA_FEEDBACK":
            photos += 1
        elif kind == "MISSION_CURRENT":
            item = m.seq
        elif kind == "GLOBAL_POSITION_INT":
            places.append(LatLon(lat_deg=m.lat / 1e7, lon_deg=m.lon / 1e7))
            rows.append((m.time_boot_ms / 1000.0, 0.0, 0.0, m.relative_alt / 1000.0, item))
    track = np.array(rows)
    track[:, 1:3] = frame.to_xy(places)
    up = np.flatnonzero(track[:, 3] > _GROUND_M)
    track = track[up[0] : up[-1] + 1]
    track[:, 0] -= track[0, 0]
    return Flown(track=track, photos=photos)


def distances_m(points: npt.NDArray[np.float64], line: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Distance of each point (n, 3) to a line of points (m, 3) in space."""
    start, step = line[:-1], np.diff(line, axis=0)
    length = np.maximum((step**2).sum(axis=1), 1e-12)
    found = []
    for point in points:
        share = np.clip(((point - start) * step).sum(axis=1) / length, 0.0, 1.0)
        found.append(np.sqrt(((start + share[:, None] * step - point) ** 2).sum(axis=1).min()))
    return np.array(found)


def path_difference_m(one: Flown, other: Flown) -> tuple[float, float]:
    """Largest and mean distance between two flown paths."""
    a, b = one.track[:, 1:4], other.track[:, 1:4]
    both = np.concatenate(
        [distances_m(a[a[:, 2] > _LOW_M][::3], b), distances_m(b[b[:, 2] > _LOW_M][::3], a)]
    )
    return float(both.max()), float(both.mean())


def measure(path: Path, speedup: float, tracks: Path | None) -> dict[str, Any]:
    """One row of the table."""
    plan = plan_mission(load_mission(path))
    predicted = forecast(plan)
    if plan.estimate is None or predicted is None:
        raise SystemExit(f"{path}: its items do not tell how long they take")
    flown = {kind: fly(kind, plan, speedup) for kind in ("ArduPilot", "embedded")}
    if tracks is not None:
        tracks.mkdir(parents=True, exist_ok=True)
        for kind, flight in flown.items():
            np.savetxt(tracks / f"{path.stem}-{kind}.csv", flight.track, fmt="%.3f", delimiter=",")
    pilot, embedded = flown["ArduPilot"], flown["embedded"]
    largest_m, mean_m = path_difference_m(pilot, embedded)
    return {
        "mission": path.stem,
        "predicted_s": predicted.duration_s,
        "ardupilot_s": pilot.duration_s,
        "embedded_s": embedded.duration_s,
        "prediction": predicted.duration_s / pilot.duration_s - 1.0,
        "duration": embedded.duration_s / pilot.duration_s - 1.0,
        "path_m": largest_m,
        "mean_path_m": mean_m,
        "photos_planned": plan.estimate.photos,
        "photos_ardupilot": pilot.photos,
        "photos_embedded": embedded.photos,
        "photos": embedded.photos / max(pilot.photos, 1) - 1.0 if pilot.photos != embedded.photos else 0.0,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| mission | predicted s | ArduPilot s | embedded s | predicted | embedded | path m: largest, mean "
        "| photos: planned, ArduPilot, embedded |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['mission']} | {r['predicted_s']:.1f} | {r['ardupilot_s']:.1f} | {r['embedded_s']:.1f} "
        f"| {r['prediction']:+.1%} | {r['duration']:+.1%} | {r['path_m']:.2f}, {r['mean_path_m']:.2f} "
        f"| {r['photos_planned']}, {r['photos_ardupilot']}, {r['photos_embedded']} |"
        for r in rows
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("missions", type=Path, nargs="*")
    parser.add_argument("--speedup", type=float, default=20.0)
    parser.add_argument("--json", type=Path, help="figures, for other programs")
    parser.add_argument("--tracks", type=Path, help="folder for the flown tracks, CSV")
    args = parser.parse_args()
    missions = args.missions or sorted((Path(__file__).parents[2] / "missions").glob("*.yaml"))
    rows = []
    for path in missions:
        rows.append(measure(path, args.speedup, args.tracks))
        print(table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(table(rows))
    if args.json is not None:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return int(any(abs(row[name]) > limit for row in rows for name, limit in LIMITS.items()))


if __name__ == "__main__":
    sys.exit(main())
