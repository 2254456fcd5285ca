"""What a day asks for: windows, shifts, intervals that change, and days on which the clock is changed."""

from __future__ import annotations

from datetime import date

from airbeat.mission.beat import Beat
from airbeat.mission.beatloader import parse_beat
from airbeat.patrol.required import requirements

HEAD = """\
airbeat: 1
kind: patrol
name: Test
time_zone: Europe/Vienna
launch:
  - name: pad
    lat: 47.0
    lon: 11.0
    drones:
      - {name: one, camera: embedded-12mp, airframe: arducopter-quad, speed_m_s: 8,
         height: {value_m: 40, datum: home}}
"""
DAY = date(2026, 9, 7)


def beat(times: str, points: str, shifts: str = "") -> Beat:
    from pathlib import Path

    text = f"{HEAD}times:\n{times}{shifts}beat:\n  points:\n{points}"
    return parse_beat(text.encode(), name="beat.yaml", base_dir=Path())


PEAK = '  - {name: peak, begin: 07:00, end: 09:00}\n  - {name: day, begin: 06:00, end: "22:00"}\n'
GATE = "    - {name: gate, lat: 47.001, lon: 11.001"


def hours(asked: object) -> list[tuple[int, int]]:
    return [(r.begin.hour, r.end.hour) for r in asked]  # type: ignore[attr-defined]


def test_a_visit_with_times_is_asked_for_in_each_of_their_windows() -> None:
    two = "  - {name: run, begin: 07:00, end: 08:00}\n  - {name: run, begin: 16:00, end: 17:00}\n"
    asked = requirements(beat(two, f"{GATE}, times: run}}\n"), DAY)
    assert hours(asked) == [(5, 6), (14, 15)]  # UTC


def test_a_visit_without_times_is_asked_for_in_each_shift() -> None:
    asked = requirements(beat(PEAK, f"{GATE}}}\n", "shifts: [peak]\n"), DAY)
    assert hours(asked) == [(5, 7)]


def test_hours_in_which_nobody_is_on_duty_ask_for_nothing() -> None:
    other = "  - {name: night, begin: 01:00, end: 02:00}\n"
    assert requirements(beat(PEAK + other, f"{GATE}, times: night}}\n", "shifts: [peak]\n"), DAY) == ()


def test_without_any_times_the_whole_day_counts() -> None:
    (asked,) = requirements(beat(PEAK, f"{GATE}}}\n"), DAY)
    assert (asked.end - asked.begin).total_seconds() == 86_400


def test_a_day_on_which_the_clock_is_changed_has_its_true_length() -> None:
    (asked,) = requirements(beat(PEAK, f"{GATE}}}\n"), date(2026, 10, 25))
    assert (asked.end - asked.begin).total_seconds() == 25 * 3600


def test_two_shifts_ask_for_a_visit_each() -> None:
    asked = requirements(beat(PEAK, f"{GATE}}}\n", "shifts: [peak, day]\n"), DAY)
    assert hours(asked) == [(4, 20), (5, 7)]


def test_the_interval_changes_where_another_duty_holds() -> None:
    point = f"{GATE}, max_interval_min: 60, during: [{{times: peak, max_interval_min: 15}}]}}\n"
    (asked,) = requirements(beat(PEAK, point, "shifts: [day]\n"), DAY)
    limits = [(s.begin.hour, s.end.hour, s.max_interval_s) for s in asked.stretches]
    assert limits == [(4, 5, 3600.0), (5, 7, 900.0), (7, 20, 3600.0)]
