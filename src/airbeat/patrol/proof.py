"""Proof of patrol: was each visit that a day asks for in the picture, fine enough, long enough, in time.

A drone that came near proves nothing. A point is seen while it lies inside the camera's picture and one pixel
there is no larger on the ground than asked for (distance over the focal length), or, where nothing is asked
for, than a person can be recognised in (`RECOGNISED_GSD_M_PX`); it was visited when that
lasted for the dwell and a picture was taken meanwhile. A line or an area is visited when the pictures of a
pass together show it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.mission.beat import Beat, LineVisit, PointVisit, SweepVisit, Visit
from airbeat.patrol.required import Requirement, requirements

__all__ = ["Glimpse", "Judged", "Picture", "glimpses_of_pictures", "glimpses_of_samples", "judge_day"]

SHOWN_SHARE = 0.98
"""So much of a line's strip or of an area must be in pictures: footprints are as wrong as the poses are."""
_CLOCK_STEP_S = 1.0
"""Logs come in steps: a dwell that is short by no more than this was met."""
_NEXT_PICTURE_S = 5.0
"""Between two pictures of the same place that are no farther apart it was in view."""
_LONGEST_GAP_S = 3.0
"""Between samples of a log that are farther apart nothing is known."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A photograph or a frame of a video, as far as a proof needs it.

    Attributes:
        name: of the file, or of the exposure in the log.
        drone: who took it.
        time_utc: when.
        camera: where the camera was.
        height_m: of the camera above the ground [m].
        focal_length_px: [px].
        outline: geographic polygon of the ground that it shows, or None where it looks at the horizon.
        shows: names of the point visits that lie inside it, by the camera's own geometry.
        planned: outlines by the name of a line or sweep, where it is only known that the camera looked as
            planned for it; ``outline`` is None then.
    """

    name: str
    drone: str
    time_utc: datetime
    camera: LatLon
    height_m: float
    focal_length_px: float
    outline: Any
    shows: frozenset[str] = frozenset()
    planned: Mapping[str, Any] = field(default_factory=dict)

    def outline_for(self, visit: Visit) -> Any | None:
        """The ground that it shows, as far as known for a visit."""
        return self.planned.get(visit.name, self.outline)

    def gsd_m_px(self, place: LatLon) -> float:
        """Ground sampling distance at a place, across the line of sight [m/px]."""
        return math.hypot(distance_m(self.camera, place), self.height_m) / self.focal_length_px


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """A time in which a point was in view without a break.

    Attributes:
        begin, end: first and last moment; equal for a single picture.
        gsd_m_px: finest ground sampling distance at the point meanwhile [m/px].
        drone: whose camera.
    """

    begin: datetime
    end: datetime
    gsd_m_px: float
    drone: str

    @property
    def duration_s(self) -> float:
        """[s]."""
        return (self.end - self.begin).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of one requirement.

    Attributes:
        requirement: what was asked for.
        seen: whether it was met.
        why: one sentence.
        visits: (begin, end) of every visit that counts.
        pictures: names of the pictures that show it then.
        gsd_m_px: finest at it [m/px], or None where nothing shows it.
        dwell_s: longest unbroken time in view within its hours [s].
        share: of a line or an area that the best pass shows; None for points.
    """

    requirement: Requirement
    seen: bool
    why: str
    visits: tuple[tuple[datetime, datetime], ...] = ()
    pictures: tuple[str, ...] = ()
    gsd_m_px: float | None = None
    dwell_s: float = 0.0
    share: float | None = None


def glimpses_of_samples(
    times_utc_s: Array,
    in_view: npt.NDArray[np.bool_],
    gsd_m_px: Array,
    *,
    coarsest_m_px: float,
    drone: str,
) -> list[Glimpse]:
    """Unbroken times in which a point was in view and fine enough, by the samples of a log.

    Args:
        times_utc_s: (n,) rising, UTC since 1970 [s].
        in_view: (n,) whether the point is inside the picture.
        gsd_m_px: (n,) at the point [m/px].
        coarsest_m_px: coarsest that counts [m/px].
        drone: whose camera.
    """
    counts = in_view & (gsd_m_px <= coarsest_m_px)
    found: list[Glimpse] = []
    start: int | None = None
    for n, good in enumerate(counts):
        broken = n > 0 and times_utc_s[n] - times_utc_s[n - 1] > _LONGEST_GAP_S
        if start is not None and (not good or broken):
            found.append(_glimpse(times_utc_s, gsd_m_px, start, n - 1, drone))
            start = None
        if good and start is None:
            start = n
    if start is not None:
        found.append(_glimpse(times_utc_s, gsd_m_px, start, len(counts) - 1, drone))
    return found


def _glimpse(times_utc_s: Array, gsd_m_px: Array, first: int, last: int, drone: str) -> Glimpse:
    return Glimpse(
        begin=datetime.fromtimestamp(float(times_utc_s[first]), UTC),
        end=datetime.fromtimestamp(float(times_utc_s[last]), UTC),
        gsd_m_px=float(gsd_m_px[first : last + 1].min()),
        drone=drone,
    )


def glimpses_of_pictures(visit: PointVisit, pictures: Iterable[Picture]) -> list[Glimpse]:
    """Times in which pictures that follow one another closely all show a point finely enough."""
    found: list[Glimpse] = []
    by_drone: dict[str, list[Picture]] = {}
    for picture in sorted(pictures, key=lambda p: p.time_utc):
        by_drone.setdefault(picture.drone, []).append(picture)
    for drone, row in by_drone.items():
        last: Glimpse | None = None
        for picture in row:
            if not _shows(visit, picture):
                last = None
                continue
            gsd = picture.gsd_m_px(visit.position)
            near = last is not None and (picture.time_utc - last.end).total_seconds() <= _NEXT_PICTURE_S
            if last is not None and near:
                found.pop()
                begin, gsd = last.begin, min(gsd, last.gsd_m_px)
            else:
                begin = picture.time_utc
            last = Glimpse(begin=begin, end=picture.time_utc, gsd_m_px=gsd, drone=drone)
            found.append(last)
    return found


def _shows(visit: PointVisit, picture: Picture) -> bool:
    return visit.name in picture.shows and picture.gsd_m_px(visit.position) <= visit.coarsest_m_px


def _asked_for(visit: Visit, unit: str = "") -> str:
    known = "asked for" if visit.gsd_m_px is not None else "or finer counts where none is asked for"
    return f"{100 * visit.coarsest_m_px:.1f}{unit} {known}"


def judge_day(
    beat: Beat, day: date, pictures: Sequence[Picture], glimpses: Mapping[str, Sequence[Glimpse]]
) -> tuple[Judged, ...]:
    """What became of every visit that a local day asks for.

    Args:
        beat: the beat.
        day: local.
        pictures: of all drones.
        glimpses: by the name of a point visit, the times in which a log has it in view finely enough
            (`glimpses_of_samples`).
    """
    shown = sorted(pictures, key=lambda p: (p.time_utc, p.name))
    return tuple(_judge(r, shown, glimpses.get(r.visit.name, ())) for r in requirements(beat, day))


def _judge(asked: Requirement, pictures: Sequence[Picture], logged: Sequence[Glimpse]) -> Judged:
    if isinstance(asked.visit, PointVisit):
        return _judge_point(asked, asked.visit, pictures, logged)
    return _judge_ground(asked, pictures)


# Points


def _judge_point(
    asked: Requirement, visit: PointVisit, pictures: Sequence[Picture], logged: Sequence[Glimpse]
) -> Judged:
    good = [p for p in pictures if _shows(visit, p)]
    spans = [*logged, *glimpses_of_pictures(visit, pictures)]
    inside = [(c, g) for g in spans if (c := _clipped(asked, g.begin, g.end)) is not None]
    least_s = max(visit.dwell_s - _CLOCK_STEP_S, 0.0)
    visits, names = [], []
    for (begin, end), glimpse in sorted(inside, key=lambda row: row[0]):
        taken = [p.name for p in good if p.drone == glimpse.drone and _within(p.time_utc, begin, end)]
        if (end - begin).total_seconds() >= least_s and (taken or not visit.photo):
            visits.append((begin, end))
            names += taken
    longest_s = max(((end - begin).total_seconds() for (begin, end), _ in inside), default=0.0)
    visible = [p for p in pictures if visit.name in p.shows]
    finest = min((p.gsd_m_px(visit.position) for p in visible), default=None)
    why = _interval_trouble(asked, visits) if visits else _why_not(asked, visit, pictures, inside, longest_s)
    return Judged(
        requirement=asked,
        seen=bool(visits) and not why,
        why=why or "seen",
        visits=tuple(_apart(visits, asked.min_interval_s)),
        pictures=tuple(dict.fromkeys(names)),
        gsd_m_px=finest,
        dwell_s=longest_s,
    )


def _why_not(
    asked: Requirement,
    visit: PointVisit,
    pictures: Sequence[Picture],
    inside: Sequence[tuple[tuple[datetime, datetime], Glimpse]],
    longest_s: float,
) -> str:
    """Why a point counts as missed: the nearest thing to a visit that there was."""
    in_time = [p for p in pictures if _clipped(asked, p.time_utc, p.time_utc) is not None]
    showing = [p for p in in_time if visit.name in p.shows]
    if showing and not any(_shows(visit, p) for p in showing):
        finest = min(p.gsd_m_px(visit.position) for p in showing)
        return f"too coarse: {100 * finest:.1f} cm/px at best, {_asked_for(visit)}"
    if inside and longest_s < visit.dwell_s - _CLOCK_STEP_S:
        return f"in view for {longest_s:.0f} s, {visit.dwell_s:.0f} s asked for"
    if inside:
        return f"in view for {longest_s:.0f} s, but no picture shows it then"
    others = [p for p in pictures if _shows(visit, p)]
    if others:
        nearest = min(others, key=lambda p: _outside_s(asked, p.time_utc))
        return f"seen outside its hours only, at {_clock(asked, nearest.time_utc)}"
    if not in_time:
        return "no picture was taken in its hours"
    near = min(in_time, key=lambda p: distance_m(p.camera, visit.position))
    return (
        f"in no picture; the nearest was taken {distance_m(near.camera, visit.position):.0f} m away "
        f"at {_clock(asked, near.time_utc)}"
    )


# Lines and areas


def _ground_of(visit: Visit) -> tuple[Any, LocalFrame]:
    """What must be shown, in a local frame [m]."""
    if isinstance(visit, LineVisit):
        line = shapely.LineString([(p.lon_deg, p.lat_deg) for p in visit.line])
        frame = LocalFrame.around(line)
        return frame.to_local(line).buffer(visit.width_m / 2, cap_style="flat"), frame
    if isinstance(visit, SweepVisit):
        frame = LocalFrame.around(visit.area)
        return shapely.make_valid(frame.to_local(visit.area)), frame
    raise TypeError(f"{type(visit).__name__} is neither a line nor an area")


def _shown_part(visit: Visit, picture: Picture, frame: LocalFrame) -> Any:
    """The ground that a picture shows finely enough: its outline, within the distance that the GSD allows."""
    part = shapely.make_valid(frame.to_local(picture.outline_for(visit)))
    reach_m = visit.coarsest_m_px * picture.focal_length_px
    if reach_m <= picture.height_m:
        return shapely.Polygon()
    x, y = frame.to_xy([picture.camera])[0]
    return part.intersection(shapely.Point(x, y).buffer(math.sqrt(reach_m**2 - picture.height_m**2)))


def _judge_ground(asked: Requirement, pictures: Sequence[Picture]) -> Judged:
    ground, frame = _ground_of(asked.visit)
    size = float(ground.area)
    missing, best, names, begun = ground, 0.0, list[str](), None
    visits, used, finest = [], list[str](), None
    coarse = False
    for picture in pictures:
        outline = picture.outline_for(asked.visit)
        if outline is None or _clipped(asked, picture.time_utc, picture.time_utc) is None:
            continue
        part = _shown_part(asked.visit, picture, frame)
        if part.is_empty:
            whole = shapely.make_valid(frame.to_local(outline))
            coarse = coarse or bool(whole.intersects(ground))
            continue
        if not part.intersects(ground):
            continue
        gsd = picture.height_m / picture.focal_length_px
        finest = gsd if finest is None else min(finest, gsd)
        begun = begun or picture.time_utc
        names.append(picture.name)
        missing = missing.difference(part)
        best = max(best, 1.0 - float(missing.area) / size)
        if missing.area <= (1.0 - SHOWN_SHARE) * size:
            visits.append((begun, picture.time_utc))
            used += names
            missing, names, begun = ground, [], None
    if visits:
        why = _interval_trouble(asked, visits)
    elif best > 0.0:
        why = f"{best:.0%} of it shown, {SHOWN_SHARE:.0%} asked for"
    elif coarse:
        why = f"too coarse: {_asked_for(asked.visit, unit=' cm/px')}"
    else:
        why = "in no picture of its hours"
    return Judged(
        requirement=asked,
        seen=bool(visits) and not why,
        why=why or "seen",
        visits=tuple(_apart(visits, asked.min_interval_s)),
        pictures=tuple(used),
        gsd_m_px=finest,
        share=best,
    )


# Times


def _clipped(asked: Requirement, begin: datetime, end: datetime) -> tuple[datetime, datetime] | None:
    first, last = max(begin, asked.begin), min(end, asked.end)
    return (first, last) if first <= last else None


def _within(moment: datetime, begin: datetime, end: datetime) -> bool:
    step = timedelta(seconds=_CLOCK_STEP_S)
    return begin - step <= moment <= end + step


def _outside_s(asked: Requirement, moment: datetime) -> float:
    return max((asked.begin - moment).total_seconds(), (moment - asked.end).total_seconds(), 0.0)


def _clock(asked: Requirement, moment: datetime) -> str:
    return moment.astimezone(asked.zone).strftime("%H:%M:%S")


def _apart(visits: Sequence[tuple[datetime, datetime]], least_s: float) -> list[tuple[datetime, datetime]]:
    """Visits joined where they overlap, without those that come too soon after the last that counts."""
    kept: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(visits):
        if kept and begin <= kept[-1][1]:
            kept[-1] = (kept[-1][0], max(kept[-1][1], end))
        elif not kept or (begin - kept[-1][1]).total_seconds() >= least_s:
            kept.append((begin, end))
    return kept


def _interval_trouble(asked: Requirement, visits: Sequence[tuple[datetime, datetime]]) -> str:
    """The longest time without a visit that is longer than allowed, in words; empty if there is none.

    The time before the first visit and behind the last one counts as well.
    """
    seen = _apart(visits, 0.0)
    edges = [asked.begin, *(moment for span in seen for moment in span), asked.end]
    worst: tuple[float, str] = (0.0, "")
    for stretch in asked.stretches:
        if stretch.max_interval_s is None:
            continue
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            first, last = max(begin, stretch.begin), min(end, stretch.end)
            gap_s = (last - first).total_seconds()
            if gap_s > stretch.max_interval_s + _CLOCK_STEP_S and gap_s > worst[0]:
                words = (
                    f"not seen between {_clock(asked, first)} and {_clock(asked, last)}: "
                    f"{gap_s / 60:.0f} min, {stretch.max_interval_s / 60:g} allowed"
                )
                worst = (gap_s, words)
    return worst[1]
