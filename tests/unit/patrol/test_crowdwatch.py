"""Colours, persistence and escalation of a crowd's alert, over readings made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airbeat.mission.beat import CrowdWatch
from airbeat.patrol.crowdwatch import AlertChange, Colour, Reading, ZoneWatch, colour_of

WATCH = CrowdWatch(measure="density", thresholds=(0.5, 1.0, 2.0, 4.0), persist_s=60.0, escalate_s=300.0)
BEGIN = datetime(2026, 9, 7, 10, 0, tzinfo=UTC)


def reading(time_s: float, density: float, *, share: float = 1.0) -> Reading:
    return Reading(
        zone="square",
        time_utc=BEGIN + timedelta(seconds=time_s),
        frame=f"f{time_s:g}",
        sha256="",
        persons=density * 100.0 * share,
        low=0.0,
        high=0.0,
        shown_m2=100.0 * share,
        shown_share=share,
    )


def fed(rows: list[tuple[float, float]], watch: CrowdWatch = WATCH) -> list[AlertChange]:
    zone = ZoneWatch("square", watch)
    return [change for time_s, density in rows for change in zone.take(reading(time_s, density))]


def told(changes: list[AlertChange]) -> list[tuple[float, str, str]]:
    return [((c.time_utc - BEGIN).total_seconds(), c.what, c.colour.word) for c in changes]


def every(step_s: float, until_s: float, density: float, since_s: float = 0.0) -> list[tuple[float, float]]:
    return [(since_s + n * step_s, density) for n in range(int((until_s - since_s) / step_s) + 1)]


@pytest.mark.parametrize(
    ("density", "colour"), [(0.0, "green"), (0.5, "blue"), (1.9, "yellow"), (2.0, "orange"), (9.0, "red")]
)
def test_a_value_has_the_colour_of_the_highest_threshold_that_it_reaches(density: float, colour: str) -> None:
    assert colour_of(density, WATCH).word == colour


def test_a_crowd_becomes_an_alert_only_when_it_lasts() -> None:
    assert told(fed(every(10, 50, 1.2))) == []
    assert told(fed(every(10, 60, 1.2))) == [(60.0, "raised", "yellow")]
    assert told(fed([*every(10, 50, 1.2), (55.0, 0.1), *every(10, 110, 1.2, 60.0)])) == []


def test_the_colour_that_all_readings_reached_is_raised_not_the_highest_one() -> None:
    rows = [(t, 5.0 if n % 2 else 1.2) for n, (t, _) in enumerate(every(10, 60, 0.0))]
    assert told(fed(rows)) == [(60.0, "raised", "yellow")]


def test_an_alert_that_lasts_goes_one_colour_up_and_again_to_red() -> None:
    changes = fed(every(10, 1400, 0.6))
    assert told(changes) == [
        (60.0, "raised", "blue"),
        (360.0, "escalated", "yellow"),
        (660.0, "escalated", "orange"),
        (960.0, "escalated", "red"),
    ]
    assert [c.measured for c in changes] == [Colour.BLUE] * 4
    assert changes[-1].since == BEGIN + timedelta(seconds=60)
    assert changes[-1].escalations == 3


def test_a_crowd_that_grows_is_raised_at_once_when_that_lasts() -> None:
    rows = [*every(10, 100, 0.6), *every(10, 170, 2.5, 110.0)]
    assert told(fed(rows)) == [(60.0, "raised", "blue"), (170.0, "raised", "orange")]


def test_an_alert_is_lowered_when_it_stays_lower() -> None:
    rows = [*every(10, 60, 2.5), *every(10, 150, 0.7, 70.0), *every(10, 260, 0.0, 160.0)]
    assert told(fed(rows)) == [
        (60.0, "raised", "orange"),
        (130.0, "lowered", "blue"),
        (220.0, "lowered", "green"),
    ]


def test_a_single_low_reading_does_not_lower_it() -> None:
    assert told(fed([*every(10, 60, 2.5), (70.0, 0.0), *every(10, 120, 2.5, 80.0)])) == [
        (60.0, "raised", "orange")
    ]


def test_a_time_without_readings_starts_the_clock_anew_and_keeps_the_alert() -> None:
    assert told(fed([(0.0, 1.2), (100.0, 1.2), (130.0, 1.2)])) == []
    rows = [*every(10, 60, 1.2), *every(10, 1000, 1.2, 900.0)]
    assert told(fed(rows)) == [(60.0, "raised", "yellow")]


def test_counts_are_of_the_whole_zone() -> None:
    assert reading(0.0, 2.0, share=0.5).value("count") == pytest.approx(200.0)
    assert reading(0.0, 2.0, share=0.5).value("density") == pytest.approx(2.0)


def test_readings_out_of_order_are_refused() -> None:
    zone = ZoneWatch("square", WATCH)
    zone.take(reading(10.0, 1.0))
    with pytest.raises(ValueError, match="after one of"):
        zone.take(reading(5.0, 1.0))


def test_the_mean_is_that_of_the_readings_of_the_last_persistence() -> None:
    zone = ZoneWatch("square", WATCH)
    assert zone.mean_value == 0.0
    for time_s, density in ((0.0, 9.0), (30.0, 1.0), (60.0, 2.0), (90.0, 3.0)):
        zone.take(reading(time_s, density))
    assert zone.mean_value == pytest.approx(2.0)
