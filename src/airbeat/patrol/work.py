"""What is flown at each visit: where it can be entered, along which lines, how long it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import shapely
import shapely.ops

from airbeat.errors import PlanningError
from airbeat.geo.frame import LocalFrame
from airbeat.language.words import Message
from airbeat.mission.beat import Beat, LineVisit, PointLook, PointVisit, SweepVisit, Visit
from airbeat.mission.mission import FixedPoint, SurveyPattern
from airbeat.patrol.clock import DroneClock
from airbeat.patrol.space import BeatSpace
from airbeat.planning.imaging import Imaging, imaging_for
from airbeat.planning.items import hold_s
from airbeat.planning.loops import corners_of_circle
from airbeat.planning.route import Router
from airbeat.planning.searchlines import long_axis_rad, swept_legs

__all__ = ["Job", "Run", "Way", "fixed_point", "jobs_of", "stand_of", "visit_height_m", "visit_imaging"]

Points = npt.NDArray[np.float64]

BROADCAST_S = 6.0
"""A broadcast takes at least so long [s]."""
_TURN_S = 4.0
"""From arriving until it looks where it is told to: half a turn at ArduCopter's 60°/s, and the gimbal [s]."""
_ORBIT_ENTRIES = 4
_ORBIT_TOLERANCE_M = 0.5
_LINE_OVERLAP = 0.1
"""Of neighbouring passes along a line."""
_MITRE = 4.0
_MOST_PIECES = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """A line (n, 2) that is flown [m], with the camera on or off."""

    line: Points
    camera_on: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """One way of doing a job.

    Attributes:
        runs: what is flown; empty for a place where the drone stands.
        start, end: (x, y) [m].
        service_s: time between arriving at the start and leaving the end [s].
    """

    runs: tuple[Run, ...]
    start: tuple[float, float]
    end: tuple[float, float]
    service_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """A visit, or a piece of one that is too long for a battery.

    Attributes:
        visit: what is visited.
        name: as the table calls it.
        piece: number of the piece and how many there are.
        ways: at least one.
    """

    visit: Visit
    name: str
    ways: tuple[Way, ...]
    piece: tuple[int, int] = (1, 1)

    @property
    def middle(self) -> Points:
        """(2,) its middle [m]."""
        lines = [r.line for r in self.ways[0].runs] or [np.array([self.ways[0].start])]
        return np.asarray(np.vstack(lines).mean(axis=0))

    @property
    def needs_loudspeaker(self) -> bool:
        """Whether only drones with a loudspeaker can do it."""
        return isinstance(self.visit, PointVisit) and self.visit.broadcast is not None


def visit_height_m(visit: Visit, clock: DroneClock) -> float:
    """Height above the launch site at which a visit is flown [m]."""
    return visit.altitude.value_m if visit.altitude is not None else clock.height_m


def visit_imaging(visit: Visit, clock: DroneClock) -> Imaging:
    """How a line or an area is photographed by a drone.

    Raises:
        PlanningError: its camera cannot.
    """
    side, front, spacing = _LINE_OVERLAP, 0.3, None
    if isinstance(visit, SweepVisit):
        side, front, spacing = visit.side_overlap, visit.front_overlap, visit.spacing_m
    pattern = SurveyPattern(
        side_overlap=side,
        front_overlap=front,
        spacing_m=spacing,
        gimbal_pitch_deg=visit.gimbal_pitch_deg,
    )
    mission = replace(clock.mission, speed_m_s=clock.speed_m_s)
    return imaging_for(mission, pattern, visit_height_m(visit, clock))


def stand_of(visit: PointVisit, frame: LocalFrame) -> tuple[float, float]:
    """(x, y) where a drone stands that looks at a point [m]."""
    x, y = (float(v) for v in frame.to_xy([visit.position])[0])
    if visit.stand_off_m > 0 and visit.heading_deg is not None:
        toward = math.radians(visit.heading_deg)
        return x - visit.stand_off_m * math.sin(toward), y - visit.stand_off_m * math.cos(toward)
    return x, y


def fixed_point(visit: PointVisit, clock: DroneClock, frame: LocalFrame) -> FixedPoint:
    """A point that is stared at, as planning flies it; turning there is no part of the dwell."""
    pitch = visit.gimbal_pitch_deg
    if pitch is None and visit.stand_off_m > 0:
        pitch = -math.degrees(math.atan2(visit_height_m(visit, clock), visit.stand_off_m))
    dwell_s = max(visit.dwell_s, BROADCAST_S) if visit.broadcast else visit.dwell_s
    if dwell_s > 0 and visit.heading_deg is not None:
        dwell_s += _TURN_S
    return FixedPoint(
        position=frame.to_latlon([stand_of(visit, frame)])[0],
        dwell_s=dwell_s,
        heading_deg=visit.heading_deg,
        gimbal_pitch_deg=-90.0 if pitch is None and visit.photo else pitch,
        photo=visit.photo,
        name=visit.name,
    )


def jobs_of(
    beat: Beat, visits: Sequence[Visit], clock: DroneClock, space: BeatSpace, router: Router
) -> list[Job]:
    """The jobs of visits, in their order; one that a battery cannot do at once becomes several.

    Args:
        beat: for the places of refusals.
        visits: what must be seen.
        clock: of the drone that sees least and flies slowest.
        space: where it may fly.
        router: of that space, with the clock's leg times.

    Raises:
        PlanningError: a visit that cannot be flown inside the fence, or not on one battery.
    """
    return [job for visit in visits for job in _jobs(beat, visit, clock, space, router)]


def _jobs(beat: Beat, visit: Visit, clock: DroneClock, space: BeatSpace, router: Router) -> list[Job]:
    rise_s = _rise_s(visit, clock)
    if isinstance(visit, PointVisit) and visit.look is PointLook.STARE:
        place = stand_of(visit, space.frame)
        _refuse_outside(beat, visit, np.array([place]), space, router)
        _refuse_out_of_picture(beat, visit, clock, space.frame)
        stay_s = math.ceil(hold_s(fixed_point(visit, clock, space.frame))) + rise_s
        return [Job(visit=visit, name=visit.name,
                    ways=(Way(runs=(), start=place, end=place, service_s=stay_s),))]  # fmt: skip
    if isinstance(visit, PointVisit):
        return [Job(visit=visit, name=visit.name, ways=_orbit_ways(beat, visit, clock, space, router))]
    runs = _line_runs(beat, visit, clock, space) if isinstance(visit, LineVisit) else None
    if runs is None and isinstance(visit, SweepVisit):
        runs = _sweep_runs(beat, visit, clock, space, router)
    if not runs:
        raise PlanningError(
            Message("{visit} has nothing to fly along inside the fence", visit=visit.name),
            where=beat.where(visit.key),
            remedy="widen the fence, or move it",
        )
    for run in runs:
        _refuse_outside(beat, visit, run.line, space, router)
    both = not isinstance(visit, LineVisit) or visit.either_way
    speed = visit_imaging(visit, clock).speed_m_s
    for count in range(1, _MOST_PIECES + 1):
        pieces = _cut(runs, count)
        made = [_both_ways(piece, clock, speed, rise_s, both=both) for piece in pieces]
        if all(_fits(ways[0], clock, space, router) for ways in made):
            return [
                Job(
                    visit=visit,
                    name=visit.name if count == 1 else f"{visit.name} ({number} of {count})",
                    ways=ways,
                    piece=(number, count),
                )
                for number, ways in enumerate(made, start=1)
            ]
    raise PlanningError(
        Message(
            "{visit} cannot be reached, flown in part and left again on one battery of {battery_s:.0f} min",
            visit=visit.name,
            battery_s=clock.battery_s / 60,
        ),
        where=beat.where(visit.key),
        remedy="add a launch site nearer to it, or a drone with more endurance",
    )


def _rise_s(visit: Visit, clock: DroneClock) -> float:
    change = visit_height_m(visit, clock) - clock.height_m
    return 0.0 if abs(change) < 0.01 else clock.climb_s(change) + clock.climb_s(-change)


def _refuse_outside(beat: Beat, visit: Visit, line: Points, space: BeatSpace, router: Router) -> None:
    """Refuse what is flown outside the free space, with the place."""
    clear = router.inside(line) if len(line) == 1 else router.clear(line[:-1], line[1:])
    if clear.all():
        return
    worst = line[int(np.argmin(clear))]
    if len(line) > 1:
        outside = shapely.LineString(line).difference(space.free)
        if not outside.is_empty:
            worst = shapely.get_coordinates(outside)[0]
    raise PlanningError(
        Message(
            "{visit} would be flown outside the fence, in its margin, or over a zone that may "
            "not be flown over, at {to_latlon}",
            visit=visit.name,
            to_latlon=space.frame.to_latlon([worst])[0],
        ),
        where=beat.where(visit.key),
        remedy="move it, give it a stand_off_m or side_offset_m, widen the fence, or use a smaller margin",
    )


def _refuse_out_of_picture(beat: Beat, visit: PointVisit, clock: DroneClock, frame: LocalFrame) -> None:
    """Refuse a stare past its place: it would be flown, and no flight could prove it."""
    pitch = fixed_point(visit, clock, frame).gimbal_pitch_deg
    if pitch is None:
        return
    height_m = visit_height_m(visit, clock)
    down_deg = math.degrees(math.atan2(height_m, visit.stand_off_m))
    if abs(pitch + down_deg) <= clock.drone.camera.fov_along_deg / 2:
        return
    away = (
        Message("{stand_off_m:g} m away", stand_off_m=visit.stand_off_m)
        if visit.stand_off_m > 0
        else Message("above it")
    )
    raise PlanningError(
        Message(
            "{visit} is not in the picture of {drone}, whose camera has a pitch of {pitch:g}° at "
            "{height_m:g} m height {away}: no flight could prove the visit",
            visit=visit.name,
            drone=clock.drone.name,
            pitch=pitch,
            height_m=height_m,
            away=away,
        ),
        where=beat.where(visit.key),
        remedy="give it heading_deg and stand_off_m, and no gimbal_pitch_deg: the camera then looks at it",
    )


def _orbit_ways(
    beat: Beat, visit: PointVisit, clock: DroneClock, space: BeatSpace, router: Router
) -> tuple[Way, ...]:
    """Whole turns round a point, begun at the places of the circle that can be entered."""
    centre = space.frame.to_xy([visit.position])[0]
    count = corners_of_circle(visit.radius_m, min(_ORBIT_TOLERANCE_M, visit.radius_m / 8))
    around = np.arange(count + 1) * (-2.0 * math.pi / count)
    ways = []
    for entry in range(_ORBIT_ENTRIES):
        angle = entry * 2.0 * math.pi / _ORBIT_ENTRIES + around
        ring = centre + visit.radius_m * np.column_stack([np.sin(angle), np.cos(angle)])
        if entry == 0:
            _refuse_outside(beat, visit, ring, space, router)
        turn_s = clock.path_s(ring)
        turns = max(1, math.ceil(visit.dwell_s / turn_s - 1e-9))
        line = np.vstack([ring, *[ring[1:]] * (turns - 1)])
        place = (float(ring[0, 0]), float(ring[0, 1]))
        run = Run(line=line, camera_on=True)
        stay_s = turns * turn_s + _rise_s(visit, clock)
        ways.append(Way(runs=(run,), start=place, end=place, service_s=stay_s))
    return tuple(ways)


def _line_runs(beat: Beat, visit: LineVisit, clock: DroneClock, space: BeatSpace) -> list[Run]:
    """The passes along a line, there and back, with the hops between them."""
    line = space.frame.to_xy(visit.line)
    line = line[np.concatenate([[True], np.hypot(*np.diff(line, axis=0).T) > 0.01])]
    across_m = visit_imaging(visit, clock).swath.across_m
    seen_m = across_m * (1.0 - _LINE_OVERLAP)
    if visit.side_offset_m != 0 and visit.width_m / 2 + abs(visit.side_offset_m) > across_m / 2:
        raise PlanningError(
            Message(
                "{visit}: from {side_offset_m:g} m beside it a picture {across_m:.0f} m wide does "
                "not show its {width_m:g} m",
                visit=visit.name,
                side_offset_m=abs(visit.side_offset_m),
                across_m=across_m,
                width_m=visit.width_m,
            ),
            where=beat.where(f"{visit.key}.side_offset_m"),
            remedy="fly higher, nearer to it, or ask for less width_m",
        )
    count = 1 if visit.width_m <= across_m else math.ceil(visit.width_m / seen_m - 1e-9)
    if visit.side_offset_m != 0:
        count = 1
    runs: list[Run] = []
    for number in range(count):
        offset = visit.side_offset_m + (number + 0.5) * visit.width_m / count - visit.width_m / 2
        if count == 1:
            offset = visit.side_offset_m
        track = shapely.LineString(line)
        if abs(offset) > 1e-6:  # shapely counts offsets to the left
            track = shapely.offset_curve(track, -offset, join_style="mitre", mitre_limit=_MITRE)
        parts = [p for p in shapely.get_parts(track) if p.geom_type == "LineString" and p.length > 1.0]
        for part in parts:
            points = shapely.get_coordinates(shapely.remove_repeated_points(part, 0.01))
            runs = _joined(runs, points[::-1] if number % 2 else points)
    return runs


def _joined(runs: list[Run], line: Points) -> list[Run]:
    """The runs with one more behind them, and the hop to it."""
    if runs and float(np.hypot(*(runs[-1].line[-1] - line[0]))) > 0.02:
        runs = [*runs, Run(line=np.vstack([runs[-1].line[-1], line[0]]), camera_on=False)]
    return [*runs, Run(line=line, camera_on=True)]


def _sweep_runs(
    beat: Beat, visit: SweepVisit, clock: DroneClock, space: BeatSpace, router: Router
) -> list[Run]:
    """Lines to and fro over an area, with the ways between them."""
    area = space.frame.to_local(visit.area)
    spacing = visit_imaging(visit, clock).swath.spacing_m
    angle = long_axis_rad(area) if visit.angle_deg is None else math.radians(90.0 - visit.angle_deg)
    runs: list[Run] = []
    for leg in swept_legs(area, space.free, angle_rad=angle, spacing_m=spacing, begin=space.gates[0]):
        if runs:
            found = router.route(runs[-1].line[-1], leg[0])
            if found is None:
                raise PlanningError(
                    Message(
                        "{visit}: its parts cannot be reached from one another inside the fence",
                        visit=visit.name,
                    ),
                    where=beat.where(visit.key),
                    remedy="draw them as sweeps of their own, or widen the fence",
                )
            if len(found[1]) > 1:
                runs.append(Run(line=np.array(found[1]), camera_on=False))
        runs.append(Run(line=leg, camera_on=True))
    return runs


def _cut(runs: Sequence[Run], count: int) -> list[list[Run]]:
    """The runs in so many pieces of one length; hops at the ends of pieces are left out."""
    if count == 1:
        return [list(runs)]
    lengths = [float(shapely.LineString(r.line).length) for r in runs]
    total = sum(lengths)
    pieces = []
    for k in range(count):
        low, high = total * k / count, total * (k + 1) / count
        piece, at = [], 0.0
        for run, length in zip(runs, lengths, strict=True):
            a, b = max(low - at, 0.0), min(high - at, length)
            at += length
            if b - a > 0.05:
                part = shapely.ops.substring(shapely.LineString(run.line), a, b)
                piece.append(Run(line=shapely.get_coordinates(part), camera_on=run.camera_on))
        while piece and not piece[0].camera_on:
            piece.pop(0)
        while piece and not piece[-1].camera_on:
            piece.pop()
        if piece:
            pieces.append(piece)
    return pieces


def _both_ways(
    runs: Sequence[Run], clock: DroneClock, speed_m_s: float, rise_s: float, *, both: bool
) -> tuple[Way, ...]:
    back = [Run(line=r.line[::-1], camera_on=r.camera_on) for r in reversed(runs)]
    ways = []
    for flown in [list(runs), back] if both else [list(runs)]:
        line = np.vstack([r.line for r in flown])
        first, last = line[0], line[-1]
        ways.append(
            Way(
                runs=tuple(flown),
                start=(float(first[0]), float(first[1])),
                end=(float(last[0]), float(last[1])),
                service_s=clock.path_s(line, speed_m_s) + rise_s,
            )
        )
    return tuple(ways)


def _fits(way: Way, clock: DroneClock, space: BeatSpace, router: Router) -> bool:
    """Whether a battery lasts from some launch site there, along it, and back."""
    for gate in space.gates:
        out, back = router.route(gate, way.start), router.route(way.end, gate)
        if out and back:
            needed = clock.up_s + out[0] + way.service_s + back[0] + clock.down_s
            if needed <= clock.battery_s:
                return True
    return False
