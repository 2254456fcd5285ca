"""Generated plans through every format and back: what the format holds is there, and the report is the rest.

``python tests/bench/formats_roundtrip.py [--plans 10000] [--format KEY] [--seed 0]``

Every plan is written, read again and compared with what was meant, without the comparison that airbeat
itself uses (`airbeat.formats.losses`): each thing of the plan must either be in what was read, to the
format's stated precision, or be named by the report of losses, and nothing that is there may be named. What
the format declares to hold whole (`PlanFormat.holds` without ``partly``) may not be lost at all. What was
read is written and read once more and must be the same. Ends with 1 if any of that fails.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from airbeat.errors import PlanFileError
from airbeat.formats.catalogue import FORMATS, PlanFormat, format_of
from airbeat.formats.files import read_plan_bytes
from airbeat.formats.losses import Loss, Precision, losses
from airbeat.geo.coordinates import Altitude, AltitudeDatum, LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.mission.commands import MavCmd
from airbeat.mission.editable import EditablePattern, PatternCamera, PatternKind, PatternTerrain
from airbeat.mission.plan import Fence, FenceCircle, FencePolygon, FlightPlan, ItemRole, PlanItem, RallyPoint


def random_plan(rng: random.Random) -> FlightPlan:
    """A plan with anything in it that a plan can hold, anywhere on Earth."""
    home = LatLon(lat_deg=rng.uniform(-75.0, 75.0), lon_deg=rng.uniform(-180.0, 180.0))
    draw = _Draw(rng, home)
    items = draw.items()
    return FlightPlan(
        name=rng.choice(["Wood", "Ufer & Wiese <1>", "搜索 7", "a" * 60]),
        home=home,
        home_amsl_m=draw.maybe(lambda: draw.number(-400.0, 4000.0)),
        items=items,
        fence=draw.maybe(draw.fence),
        rally=draw.maybe(draw.rally),
        speed_m_s=draw.maybe(lambda: draw.number(0.5, 20.0)),
        last_seen=draw.maybe(draw.place),
        notes=tuple(rng.sample(["unsurveyed; not for flight as it is", "wind 3 m/s", "Höhe geprüft"], k=2)),
        patterns=draw.patterns(items),
    )


class _Draw:
    def __init__(self, rng: random.Random, home: LatLon) -> None:
        self.rng = rng
        self.frame = LocalFrame(home)
        self.datums = rng.choice([[AltitudeDatum.HOME], [AltitudeDatum.HOME], list(AltitudeDatum)])

    def maybe(self, made: Callable[[], Any]) -> Any:
        return made() if self.rng.random() < 0.7 else None

    def number(self, low: float, high: float) -> float:
        value = self.rng.uniform(low, high)
        return self.rng.choice([value, round(value, 1), round(value)])

    def place(self) -> LatLon:
        return self.frame.to_latlon([(self.rng.uniform(-2000, 2000), self.rng.uniform(-2000, 2000))])[0]

    def altitude(self) -> Altitude:
        return Altitude(value_m=self.number(2.0, 400.0), datum=self.rng.choice(self.datums))

    def items(self) -> tuple[PlanItem, ...]:
        count = self.rng.choice([1, 2, 5, 12, 30])
        made = [self.item(n) for n in range(count)]
        if self.rng.random() < 0.6:
            start = self.nav(MavCmd.NAV_TAKEOFF, ItemRole.TAKEOFF)
            made = [start, *made, PlanItem(command=MavCmd.NAV_RETURN_TO_LAUNCH, role=ItemRole.RETURN)]
        jumps = [n for n, item in enumerate(made) if item.command == MavCmd.DO_JUMP]
        for n in jumps:
            target = float(self.rng.randint(1, len(made)))
            made[n] = PlanItem(
                command=MavCmd.DO_JUMP, params=(target, float(self.rng.randint(1, 9)), 0.0, 0.0)
            )
        return tuple(made)

    def item(self, number: int) -> PlanItem:
        if number == 0 or self.rng.random() < 0.55:
            command = self.rng.choice(
                [MavCmd.NAV_WAYPOINT] * 8 + [MavCmd.NAV_SPLINE_WAYPOINT, MavCmd.NAV_LOITER_TIME]
            )
            return self.nav(command, self.rng.choice([ItemRole.TRANSIT, ItemRole.SWEEP, ItemRole.VISIT]))
        return self.action()

    def nav(self, command: MavCmd, role: ItemRole) -> PlanItem:
        hold = self.rng.choice([0.0, 0.0, 0.0, 3.0, 12.5])
        yaw = self.rng.choice([0.0, 0.0, math.nan, 90.0]) if command == MavCmd.NAV_WAYPOINT else 0.0
        return PlanItem(
            command=command,
            params=(hold, 0.0, 0.0, yaw),
            position=self.place(),
            altitude=self.altitude(),
            autocontinue=self.rng.random() < 0.97,
            role=role,
        )

    def action(self) -> PlanItem:
        rng = self.rng
        kind = rng.randrange(11)
        simple = {
            0: (MavCmd.DO_CHANGE_SPEED, (1.0, self.number(1.0, 15.0), -1.0, 0.0), (0.0, 0.0, 0.0)),
            1: (
                MavCmd.DO_SET_CAM_TRIGG_DIST,
                (rng.choice([0.0, 12.5, 30.0]), 0.0, 1.0, 0.0),
                (0.0, 0.0, 0.0),
            ),
            2: (MavCmd.DO_DIGICAM_CONTROL, (0.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0)),
            3: (MavCmd.CONDITION_YAW, (self.number(0.0, 359.0), 0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
            4: (MavCmd.DO_MOUNT_CONTROL, (self.number(-90.0, 0.0), 0.0, 0.0, 0.0), (0.0, 0.0, 2.0)),
            5: (MavCmd.DO_SET_SERVO, (float(rng.randint(1, 14)), 1500.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
            6: (MavCmd.DO_JUMP, (1.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
            7: (MavCmd.DO_GIMBAL_MANAGER_PITCHYAW, (-90.0, 0.0, 0.0, 0.0), (12.0, 0.0, 1.0)),
            8: (MavCmd.VIDEO_START_CAPTURE, (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
            9: (MavCmd.NAV_DELAY, (self.number(1.0, 60.0), 0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        }
        if kind in simple:
            command, params, extra = simple[kind]
            return PlanItem(command=command, params=params, extra=extra, role=ItemRole.ACTION)
        return PlanItem(
            command=MavCmd.DO_SET_ROI_LOCATION,
            position=self.place(),
            altitude=self.altitude(),
            role=ItemRole.ACTION,
        )

    def fence(self) -> Fence:
        polygons = tuple(
            FencePolygon(
                inclusion=self.rng.random() < 0.5,
                vertices=tuple(self.place() for _ in range(self.rng.randint(3, 9))),
            )
            for _ in range(self.rng.randint(0, 3))
        )
        circles = tuple(
            FenceCircle(
                inclusion=self.rng.random() < 0.5, centre=self.place(), radius_m=self.number(1.0, 900.0)
            )
            for _ in range(self.rng.randint(0, 2))
        )
        return Fence(
            polygons=polygons,
            circles=circles,
            max_height_m=self.maybe(lambda: self.number(10.0, 500.0)) if polygons or circles else 100.0,
            breach_return=self.maybe(lambda: (self.place(), self.number(5.0, 100.0))),
        )

    def rally(self) -> tuple[RallyPoint, ...]:
        return tuple(
            RallyPoint(
                position=self.place(),
                altitude=Altitude(value_m=self.number(5.0, 100.0), datum=AltitudeDatum.HOME),
            )
            for _ in range(self.rng.randint(1, 3))
        )

    def patterns(self, items: tuple[PlanItem, ...]) -> tuple[EditablePattern, ...]:
        """Up to two runs of the plan's items as surveys or corridors."""
        made: list[EditablePattern] = []
        at = 0
        while at + 3 < len(items) and len(made) < 2 and self.rng.random() < 0.5:
            first = self.rng.randint(at, len(items) - 3)
            last = self.rng.randint(first + 1, len(items) - 1)
            made.append(self.pattern(first, items[first : last + 1]))
            at = last + 1
        return tuple(made)

    def pattern(self, first: int, items: tuple[PlanItem, ...]) -> EditablePattern:
        rng = self.rng
        kind = rng.choice(list(PatternKind))
        survey = kind is PatternKind.SURVEY
        altitude = self.altitude()
        camera = self.maybe(self.camera)
        calculated = altitude.datum is AltitudeDatum.AGL and rng.random() < 0.5
        return EditablePattern(
            kind=kind,
            first=first + 1,
            items=items,
            outline=tuple(self.place() for _ in range(rng.randint(3, 8))),
            angle_deg=self.number(-180.0, 180.0) if survey else 0.0,
            width_m=0.0 if survey else self.number(1.0, 300.0),
            altitude=altitude,
            spacing_m=self.number(1.0, 200.0),
            trigger_distance_m=self.number(0.0, 80.0),
            entry=rng.randint(0, 3),
            turnaround_m=self.number(0.0, 40.0),
            photos=rng.randint(0, 900),
            photos_in_turns=rng.random() < 0.5,
            hover=rng.random() < 0.5,
            crosshatch=rng.random() < 0.5,
            alternate=survey and rng.random() < 0.5,
            split_concave=survey and rng.random() < 0.5,
            track=tuple(self.place() for _ in range(rng.randint(0, 9))),
            camera_name="Manual (no camera specs)" if camera is None else "Custom Camera",
            camera=camera,
            terrain=PatternTerrain(
                tolerance_m=10.0, climb_m_s=2.0, descent_m_s=0.0, speed_m_s=self.maybe(lambda: 5.0)
            )
            if calculated
            else None,
        )

    def camera(self) -> PatternCamera:
        return PatternCamera(
            sensor_width_mm=self.number(4.0, 36.0),
            sensor_height_mm=self.number(3.0, 24.0),
            focal_length_mm=self.number(4.0, 50.0),
            image_width_px=self.rng.randint(640, 9000),
            image_height_px=self.rng.randint(480, 6000),
            landscape=self.rng.random() < 0.5,
            fixed_orientation=self.rng.random() < 0.5,
            min_interval_s=self.number(0.0, 3.0),
            frontal_overlap_percent=self.number(0.0, 90.0),
            side_overlap_percent=self.number(0.0, 90.0),
            gsd_cm_px=self.number(0.5, 20.0),
            height_is_set=self.rng.random() < 0.5,
        )


# An independent look at what came back


@dataclass
class Rest:
    """What of a plan is not in another, by the names that the report of losses uses."""

    missing: set[str] = field(default_factory=set)
    sorts: set[str] = field(default_factory=set)

    def add(self, where: str, sort: str) -> None:
        self.missing.add(where)
        self.sorts.add(sort)


def near(a: float, b: float, tolerance: float) -> bool:
    """Whether two numbers are one to that tolerance, relative above 1; NaN is NaN."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)


def _same_place(a: LatLon | None, b: LatLon | None, precision: Precision) -> bool:
    if a is None or b is None:
        return a is b
    return distance_m(a, b) <= precision.place_m


def _same_item(a: PlanItem, b: PlanItem, precision: Precision) -> bool:
    numbers = zip((*a.params, *a.extra), (*b.params, *b.extra), strict=True)
    heights = (
        a.altitude is b.altitude
        if a.altitude is None or b.altitude is None
        else a.altitude.datum is b.altitude.datum
        and abs(a.altitude.value_m - b.altitude.value_m) <= precision.height_m
    )
    return (
        a.command == b.command
        and a.autocontinue == b.autocontinue
        and heights
        and all(near(x, y, precision.number) for x, y in numbers)
        and _same_place(a.position, b.position, precision)
    )


def not_there(meant: FlightPlan, held: FlightPlan, precision: Precision) -> Rest:
    """What of a plan is not in another one; items apart, which `items_there` looks at."""
    rest = Rest()
    if not _same_place(meant.home, held.home, precision) or not _same_height_m(
        meant.home_amsl_m, held.home_amsl_m, precision
    ):
        rest.add("home", "home")
    fence, other = meant.fence or Fence(), held.fence or Fence()
    for number, polygon in enumerate(fence.polygons, start=1):
        if not any(_same_zone(polygon, p, precision) for p in other.polygons):
            rest.add(f"fence polygon {number}", "fence")
    for number, circle in enumerate(fence.circles, start=1):
        if not any(
            circle.inclusion is c.inclusion
            and _same_place(circle.centre, c.centre, precision)
            and near(circle.radius_m, c.radius_m, precision.number)
            for c in other.circles
        ):
            rest.add(f"fence circle {number}", "fence")
    if (fence.max_height_m or 0) != (other.max_height_m or 0) or fence.breach_return != other.breach_return:
        rest.add("fence", "fence")
    for number, point in enumerate(meant.rally or (), start=1):
        if not any(
            _same_place(point.position, r.position, precision)
            and r.altitude.datum is point.altitude.datum
            and abs(r.altitude.value_m - point.altitude.value_m) <= precision.height_m
            for r in held.rally or ()
        ):
            rest.add(f"rally point {number}", "rally")
    if meant.speed_m_s is not None and (
        held.speed_m_s is None or not near(meant.speed_m_s, held.speed_m_s, precision.number)
    ):
        rest.add("speed", "speed")
    if meant.last_seen is not None and not _same_place(meant.last_seen, held.last_seen, precision):
        rest.add("last-seen point", "last-seen")
    kept = {repr(_settings(p)) for p in held.editable_patterns}
    for pattern in meant.editable_patterns:
        if repr(_settings(pattern)) not in kept:
            rest.add(str(pattern), "patterns")
    return rest


def _same_height_m(meant: float | None, held: float | None, precision: Precision) -> bool:
    if meant is None:
        return True
    return held is not None and abs(meant - held) <= precision.height_m


def _same_zone(a: FencePolygon, b: FencePolygon, precision: Precision) -> bool:
    if a.inclusion is not b.inclusion or len(a.vertices) != len(b.vertices):
        return False
    rings = [b.vertices[n:] + b.vertices[:n] for n in range(len(b.vertices))]
    rings += [tuple(reversed(ring)) for ring in rings]
    return any(
        all(_same_place(p, q, precision) for p, q in zip(a.vertices, ring, strict=True)) for ring in rings
    )


def _settings(pattern: EditablePattern) -> tuple[object, ...]:
    return (
        pattern.kind.value,
        pattern.first,
        pattern.last,
        pattern.outline,
        pattern.track,
        *(
            float(v)
            for v in (
                pattern.angle_deg,
                pattern.width_m,
                pattern.altitude.value_m,
                pattern.spacing_m,
                pattern.trigger_distance_m,
                pattern.turnaround_m,
            )
        ),
        pattern.altitude.datum.value,
        pattern.entry,
        pattern.photos,
        pattern.photos_in_turns,
        pattern.hover,
        pattern.crosshatch,
        pattern.alternate,
        pattern.split_concave,
        pattern.camera_name,
        None
        if pattern.camera is None
        else tuple(float(getattr(pattern.camera, name)) for name in PatternCamera.__dataclass_fields__),
        pattern.terrain,
    )


def unreported_items(
    meant: Sequence[PlanItem], held: Sequence[PlanItem], reported: set[int], precision: Precision
) -> list[int]:
    """Numbers of items that are not reported and did not come back, places in the order of flight."""
    gone: list[int] = []
    used: set[int] = set()
    at = -1
    for number, item in enumerate(meant, start=1):
        if number in reported:
            continue
        found = next(
            (
                k
                for k in range(at + 1 if item.is_nav else 0, len(held))
                if k not in used and _same_item(item, held[k], precision)
            ),
            None,
        )
        if found is None:
            gone.append(number)
            continue
        used.add(found)
        if item.is_nav:
            at = found
    return gone


def wrongs_of(known: PlanFormat, plan: FlightPlan) -> Iterator[str]:
    """What is wrong with one plan's way through a format; "refused: …" where the writer would not."""
    try:
        data = known.write(plan)
    except PlanFileError as refusal:
        yield f"refused: {refusal.message}"
        return
    if format_of(data, name="x").key != known.key:
        yield "not recognised by what is in it"
    held = read_plan_bytes(data, known, name="x")
    found = losses(plan, held, precision=known.precision)
    yield from _report_wrongs(known, plan, held, found)
    again = read_plan_bytes(known.write(held), known, name="x")
    for one, other in ((held, again), (again, held)):
        different = losses(one, other, precision=known.precision)
        if different:
            yield f"written again it differs: {different[0]}"


def _report_wrongs(
    known: PlanFormat, plan: FlightPlan, held: FlightPlan, found: Sequence[Loss]
) -> Iterator[str]:
    rest = not_there(plan, held, known.precision)
    others = {loss.where for loss in found if not re.match(r"(item|after item|before item) \d", loss.where)}
    for where in sorted(rest.missing - others):
        yield f"{where} did not come back and is not reported"
    for where in sorted(others - rest.missing):
        yield f"{where} is reported and came back"
    numbers = {int(match[1]): loss for loss in found if (match := re.match(r"item (\d+) ", loss.where))}
    for number in unreported_items(plan.items, held.items, set(numbers), known.precision):
        yield f"item {number} did not come back and is not reported: {plan.items[number - 1]}"
    gone = sum(loss.text == "not held" for loss in numbers.values())
    added = sum("the file also says" in loss.text for loss in found)
    if len(held.items) != len(plan.items) - gone + added:
        yield f"{len(held.items)} items are there, {len(plan.items)} - {gone} + {added} by the report"
    unheld = rest.sorts | {"items" if plan.items[n - 1].is_nav else "actions" for n in numbers}
    for sort in sorted(unheld & (known.holds - known.partly)):
        yield f"{sort} lost, which the format is said to hold"
    if "home" in unheld & known.holds and plan.home_amsl_m != 0.0:
        yield "home lost, which does not lie at 0 m above sea level"
    if "fence" in unheld and known.key == "geojson" and not _over_antimeridian(plan.fence):
        yield "fence lost, which does not lie over the antimeridian"
    if known.key == "waypoints":
        for number in numbers:
            if not any(map(math.isnan, plan.items[number - 1].params)):
                yield f"item {number} lost, in which nothing is unset"


def _over_antimeridian(fence: Fence | None) -> bool:
    """Whether a zone lies on both sides of 180°, where RFC 7946 wants it cut."""
    zones = fence.polygons if fence is not None else ()
    return any(max(lons) - min(lons) > 180 for lons in ([v.lon_deg for v in z.vertices] for z in zones))


@dataclass
class Tally:
    """What became of the plans of one format."""

    whole: int = 0
    refused: int = 0
    seconds: float = 0.0


def run(known: PlanFormat, plans: int, seed: int, wrong: Callable[[str], None]) -> Tally:
    """So many generated plans through one format."""
    tally = Tally()
    began = time.process_time()
    for number in range(plans):
        plan = random_plan(random.Random(f"{seed}-{number}"))
        said = list(wrongs_of(known, plan))
        if said and said[0].startswith("refused: "):
            tally.refused += 1
            continue
        tally.whole += 1
        for text in said:
            wrong(f"{known.key}, plan {number}: {text}")
    tally.seconds = time.process_time() - began
    return tally


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plans", type=int, default=10_000)
    parser.add_argument("--format", choices=[known.key for known in FORMATS])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    wrongs: list[str] = []
    for known in FORMATS:
        if arguments.format not in (None, known.key):
            continue
        tally = run(known, arguments.plans, arguments.seed, wrongs.append)
        print(
            f"{known.key:10} {tally.whole:6} plans through it {tally.refused:6} refused by the writer"
            f"  {tally.seconds:6.1f} s of processor time",
            flush=True,
        )
    for text in wrongs[:40]:
        print(text)
    print(f"{len(wrongs)} wrong")
    return 1 if wrongs else 0


if __name__ == "__main__":
    sys.exit(main())
