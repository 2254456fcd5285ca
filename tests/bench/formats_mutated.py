"""Damaged plan files, by the thousand: each is read or refused, within a second and bounded memory.

``python tests/bench/formats_mutated.py [--files 20000] [--format KEY] [--seed 0]``

Every file is a good one of its format with one to four pieces changed: bytes flipped, cut, doubled, moved,
numbers replaced by extreme ones, tags and quotes dropped; in half of them numbers alone (in binary files
bytes in place), so that what stands behind the first reading is reached too; archives are also damaged inside
their members. Area files are read as areas: GeoJSON, KML, QGroundControl plans, and with pyogrio GeoPackages
and shapefiles. What can still be read of a plan goes through every check as well (``check-plan``,
``check-waypoints``).
Prints, per format, how many were read and how many refused, the slowest file and the peak of memory; ends
with 1 if anything but a typed error came out, a file took over a second, or memory passed 512 MB.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import random
import resource
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import shapely

from airbeat.checks.conditions import Conditions
from airbeat.checks.plan import check_plan
from airbeat.errors import AirbeatError
from airbeat.formats.areas import AREA_FORMATS
from airbeat.formats.catalogue import FORMATS, PlanFormat
from airbeat.formats.editable import made_editable
from airbeat.formats.files import read_plan_bytes
from airbeat.formats.qgc_plan import write_qgc_plan
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.mission.archive import is_archive
from airbeat.mission.areafile import parse_area, parse_features
from airbeat.mission.commands import MavCmd
from airbeat.mission.mission import Wind
from airbeat.mission.plan import (
    Fence,
    FenceCircle,
    FencePolygon,
    FlightPlan,
    ItemRole,
    PlanItem,
    RallyPoint,
    Survey,
)
from airbeat.vehicle.camera import CAMERAS

MOST_SECONDS = 1.0
MOST_MEMORY_MB = 512.0
NUMBERS = (
    "0",
    "-1",
    "1e308",
    "-1e400",
    "nan",
    "NaN",
    "Infinity",
    "99999999999999999999",
    "1e-320",
    "0x10",
    "٣",
    "1",
    "2",
    "3.5",
    "12",
    "90.0",
    "-179.999",
    "5001",
    "400",
)
BINARY = (
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x00\x00\x00\x80",
    b"\x00\x00\x00\x00\x00\x00\xf8\x7f",
    b"\x00\x00\x00\x00\x00\x00\xf0\x7f",
    b"\x05",
)
PIECES = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"<",
    b"&lol;",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>",
    b"{",
    b"}" * 9,
    b'"',
    b",",
)


def good_plan() -> FlightPlan:
    """A plan that uses every part a format can hold."""
    home = LatLon(lat_deg=51.18, lon_deg=8.49)

    def place(north: float, east: float) -> LatLon:
        return LatLon(lat_deg=home.lat_deg + north / 111_000, lon_deg=home.lon_deg + east / 70_000)

    height = Altitude(value_m=60.0, datum=AltitudeDatum.HOME)
    items = [
        PlanItem(command=MavCmd.NAV_TAKEOFF, position=home, altitude=height),
        PlanItem(command=MavCmd.DO_CHANGE_SPEED, params=(1.0, 8.0, -1.0, 0.0)),
    ]
    for n in range(6):
        items.append(
            PlanItem(
                command=MavCmd.NAV_WAYPOINT,
                position=place(60 * n, 200 * (n % 2)),
                altitude=height,
                role=ItemRole.SWEEP,
            )
        )
        items.append(PlanItem(command=MavCmd.DO_SET_CAM_TRIGG_DIST, params=(20.0 * (n % 2), 0.0, 1.0, 0.0)))
    items.append(PlanItem(command=MavCmd.DO_DIGICAM_CONTROL, extra=(1.0, 0.0, 0.0)))
    items.append(PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH))
    corners = [place(-90, -90), place(-90, 300), place(400, 300), place(400, -90)]
    fence = Fence(
        polygons=(FencePolygon(inclusion=True, vertices=tuple(corners)),),
        circles=(FenceCircle(inclusion=False, centre=place(150, 100), radius_m=25.0),),
        max_height_m=110.0,
    )
    rally = (RallyPoint(position=place(0, 150), altitude=Altitude(value_m=30.0, datum=AltitudeDatum.HOME)),)
    survey = Survey(
        area=shapely.Polygon([(p.lon_deg, p.lat_deg) for p in corners]),
        camera=CAMERAS["embedded-12mp"],
        height_agl_m=60.0,
        gsd_m_px=0.021,
        footprint_across_m=85.0,
        footprint_along_m=64.0,
        spacing_m=60.0,
        trigger_distance_m=20.0,
        sweep_angle_deg=90.0,
        coverage_fraction=1.0,
    )
    plan = FlightPlan(
        name="mutated",
        home=home,
        home_amsl_m=412.5,
        items=tuple(items),
        fence=fence,
        rally=rally,
        speed_m_s=8.0,
        survey=survey,
    )
    editable, why = made_editable(plan)
    assert not why, why
    return editable


@dataclass(frozen=True)
class Kind:
    """One sort of files: a good one, and what reads it."""

    key: str
    good: bytes
    read: Callable[[bytes], object]


def kinds() -> list[Kind]:
    """Every sort of files that can be read here."""
    plan = good_plan()
    found = [
        Kind(known.key, known.write(plan), partial(read_plan_bytes, held=known, name="mutated"))
        for known in FORMATS
    ]
    features, _ = parse_features(AREA, name="good")
    for known in AREA_FORMATS:
        if known.key in ("gpkg", "shapefile") and importlib.util.find_spec("pyogrio") is None:
            continue
        found.append(Kind(f"area-{known.key}", known.write(features), partial(parse_area, name="mutated")))
    found += [
        Kind(f"check-{known.key}", known.write(plan), partial(_checked, known))
        for known in FORMATS
        if known.read_as_is is not None
    ]
    text = write_qgc_plan(plan).encode()
    found.append(Kind("area-plan", text, partial(parse_area, name="mutated")))
    return found


def _checked(known: PlanFormat, data: bytes) -> object:
    """Read as it is and checked, in wind and with a margin."""
    plan = read_plan_bytes(data, known, name="mutated", as_is=True)
    return check_plan(plan, Conditions(wind=Wind(from_deg=250.0, speed_m_s=6.0), margin_m=5.0))


AREA = json.dumps(
    {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"role": role},
                "geometry": shapely.geometry.mapping(shapely.box(8.49 + shift, 51.18, 8.50 + shift, 51.19)),
            }
            for role, shift in (("area", 0.0), ("area", 0.02), ("keepout", 0.005))
        ],
    }
).encode()


def mutated(data: bytes, rng: random.Random) -> bytes:
    """One to four pieces of a file changed; inside an archive half of the time."""
    if is_archive(data) and rng.random() < 0.5:
        return _mutated_member(data, rng)
    changed = bytearray(data)
    gently = rng.random() < 0.5
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        if gently:
            _replace_number(changed, at, rng) if b"\x00" not in data else _overwrite(changed, at, rng)
            continue
        length = rng.choice((0, 1, 2, 8, 60, 400))
        kind = rng.randrange(6)
        if kind == 0 and changed:
            changed[min(at, len(changed) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del changed[at : at + length]
        elif kind == 2:
            changed[at:at] = changed[at : at + length] * rng.choice((1, 2, 50))
        elif kind == 3:
            changed[at : at + length] = rng.choice(PIECES)
        elif kind == 4:
            _replace_number(changed, at, rng)
        else:
            del changed[at:]
    return bytes(changed)


def _replace_number(changed: bytearray, at: int, rng: random.Random) -> None:
    digits = b"0123456789.-"
    start = next((i for i in range(at, len(changed)) if changed[i : i + 1] in digits), None)
    if start is None:
        return
    end = start
    while end < len(changed) and changed[end] in digits:
        end += 1
    changed[start:end] = rng.choice(NUMBERS).encode("utf-8")


def _overwrite(changed: bytearray, at: int, rng: random.Random) -> None:
    at = rng.choice((at, rng.randrange(200))) if len(changed) > 200 else at
    piece = rng.choice((*BINARY, rng.randbytes(rng.choice((1, 4)))))[: max(0, len(changed) - at)]
    changed[at : at + len(piece)] = piece


def _mutated_member(data: bytes, rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        names = old.namelist()
        chosen = rng.choice(names)
        for name in names:
            content = old.read(name)
            new.writestr(name, mutated(content, rng) if name == chosen else content)
    return buffer.getvalue()


@dataclass
class Tally:
    """What became of the files of one format."""

    read: int = 0
    refused: int = 0
    slowest_s: float = 0.0


def run(
    kind: Kind,
    files: int,
    seed: int,
    wrong: Callable[[str], None],
    *,
    most_seconds: float = MOST_SECONDS,
) -> Tally:
    """Read so many damaged files of one sort."""
    rng = random.Random(f"{seed}-{kind.key}")
    tally = Tally()
    for number in range(files):
        data = mutated(kind.good, rng)
        began = time.process_time()
        try:
            kind.read(data)
            tally.read += 1
        except AirbeatError as refusal:
            tally.refused += 1
            if not refusal.message:
                wrong(f"{kind.key}, file {number}: a refusal without words")
        except Exception as error:  # noqa: BLE001 - whatever else comes out is what is looked for
            wrong(f"{kind.key}, file {number}: {type(error).__name__}: {error}")
        took = time.process_time() - began
        tally.slowest_s = max(tally.slowest_s, took)
        if took > most_seconds:
            wrong(f"{kind.key}, file {number}: {took:.2f} s")
    return tally


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    sorts = kinds()
    parser.add_argument("--format", choices=[kind.key for kind in sorts])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    wrongs: list[str] = []
    for known in sorts:
        if arguments.format not in (None, known.key):
            continue
        began = time.process_time()
        tally = run(known, arguments.files, arguments.seed, wrongs.append)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{known.key:14} {tally.read:6} read {tally.refused:6} refused"
            f"  slowest {tally.slowest_s * 1000:5.0f} ms  peak {peak_mb:4.0f} MB"
            f"  {time.process_time() - began:6.1f} s of processor time",
            flush=True,
        )
        if peak_mb > MOST_MEMORY_MB:
            wrongs.append(f"{known.key}: {peak_mb:.0f} MB")
    for wrong in wrongs[:40]:
        print(wrong)
    return 1 if wrongs else 0


if __name__ == "__main__":
    sys.exit(main())
