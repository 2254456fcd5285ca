"""Rules as data: the shipped sets, what a file must hold, and what a plan that does not keep them is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from airbeat.checks.conditions import Conditions
from airbeat.checks.plan import check_plan
from airbeat.checks.rules import PILOT_REMAINS, RuleKind
from airbeat.checks.rulesfile import load_rules, shipped_rules
from airbeat.errors import GeometryError, RulesFileError
from airbeat.geo.coordinates import LatLon
from airbeat.geo.sun import sun_altitude_deg
from airbeat.mission.plan import FlightPlan

GOOD = """\
airbeat_rules: 1
title: Training ground
looked_up: 2026-11-26
rules:
  - id: height
    kind: height-above-ground
    most_m: 45
    says: At most 45 m.
    source: the book
    dated: 2026-01-01
"""


def written(folder: Path, text: str | bytes) -> str:
    path = folder / "rules.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.mark.parametrize("name", ["china-2024", "eu-open", "us-part107"])
def test_a_shipped_set_names_the_source_and_date_of_every_rule(name: str) -> None:
    rules = load_rules(name)
    assert name in shipped_rules()
    assert rules.looked_up
    assert len(rules.rules) >= 6
    assert any(r.kind is RuleKind.HEIGHT_ABOVE_GROUND for r in rules.rules)
    assert any(r.kind is RuleKind.NIGHT for r in rules.rules)
    assert any(r.kind is RuleKind.MASS for r in rules.rules)
    assert all(r.says and r.source and any(c.isdigit() for c in r.dated) for r in rules.rules)


@pytest.mark.parametrize("name", ["china-2024", "eu-open", "us-part107"])
def test_a_plan_that_keeps_a_shipped_set_is_told_that_the_pilot_remains_responsible(
    name: str, clean_plan: FlightPlan
) -> None:
    noon = datetime(2026, 6, 21, 12, tzinfo=timezone(timedelta(hours=2)))
    found = check_plan(clean_plan, Conditions(rules=(load_rules(name),), starts=noon))
    notes = [f for f in found if f.code == "rule-for-pilot"]
    assert [f.remedy for f in notes] == [PILOT_REMAINS]
    assert {f.code for f in found} <= {"rule-for-pilot", "rule-not-checked"}


def test_a_rule_says_which_text_is_not_kept_and_how_bad_that_is(
    clean_plan: FlightPlan, tmp_path: Path
) -> None:
    rules = load_rules(written(tmp_path, GOOD + "    severity: warning\n"))
    (finding,) = (f for f in check_plan(clean_plan, Conditions(rules=(rules,))) if f.code == "rule-height")
    assert finding.severity.value == "warning"
    assert "At most 45 m. (the book; 2026-01-01)" in finding.message
    assert "the highest 50.0 m" in finding.message


def test_what_a_rule_needs_and_is_not_given_is_said(clean_plan: FlightPlan) -> None:
    found = check_plan(replace(clean_plan, airframe=None), Conditions(rules=(load_rules("eu-open"),)))
    missing = [f.remedy for f in found if f.code == "rule-not-checked"]
    assert any("--at" in remedy for remedy in missing)
    assert any("--people" in remedy for remedy in missing)
    assert any("--airframe" in remedy for remedy in missing)


def test_a_file_may_extend_a_shipped_set(tmp_path: Path) -> None:
    rules = load_rules(written(tmp_path, GOOD.replace("\nrules:", "\nextends: [eu-open]\nrules:").replace(
        "id: height", "id: lower"
    )))  # fmt: skip
    assert {"height", "lower"} <= {r.name for r in rules.rules}


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (GOOD.replace("most_m: 45", "most_m: high"), ":7:5:", "most_m"),
        (GOOD.replace("    most_m: 45\n", ""), ":5:5:", "needs most_m"),
        (GOOD.replace("most_m: 45", "most_m: .nan"), ":7:13:", "finite"),
        (GOOD.replace("kind: height-above-ground", "kind: depth"), ":6:5:", "kind"),
        (GOOD.replace("most_m: 45", "most_m: 45\n    most_kg: 3"), ":5:5:", "means nothing"),
        (GOOD.replace("2026-11-26", "today"), ":3:1:", "date"),
        (GOOD.replace("    source: the book\n", ""), ":5:5:", "source"),
        (GOOD.replace("most_m: 45", "mots_m: 45"), ":7:5:", "did you mean most_m"),
        (GOOD.replace("title: Training ground", "title: [Training"), ":3:10:", "YAML"),
        (GOOD.replace("title: Training ground", "title: *x"), ":2:8:", "alias"),
        (GOOD.replace("title: Training", "title: !!python/object:os.system"), ":2:8:", "tag"),
        (GOOD + GOOD[GOOD.index("  - id") :], ":11:5:", "there twice"),
        (GOOD.replace("\nrules:", "\nextends: [atlantis]\nrules:"), ":4:11:", "no shipped rule set"),
        (GOOD.replace("height-above-ground\n    most_m: 45", "no-fly\n    file: gone.kml"), ":7:5:", "gone"),
        ("- a list\n", ":1:1:", "key: value"),
        ("", "rules.yaml", "empty"),
        (b"title: \xff\xfe\n", ":1:8:", "UTF-8"),
        (b"a: " + b"x" * 1_000_001, ":1:1:", "larger"),
        ("a: " + "[" * 40 + "\n", ":1:", "deep"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_refused_with_its_place(
    tmp_path: Path, text: str | bytes, place: str, said: str
) -> None:
    with pytest.raises(RulesFileError) as caught:
        load_rules(written(tmp_path, text))
    assert place in str(caught.value)
    assert said in str(caught.value)
    assert caught.value.exit_code == 3
    assert caught.value.code == "rules-file"


def test_a_name_that_is_no_file_lists_the_shipped_sets() -> None:
    with pytest.raises(RulesFileError, match="china-2024, eu-open, us-part107"):
        load_rules("atlantis")


@pytest.mark.parametrize(
    ("lat_deg", "lon_deg", "when", "altitude_deg"),
    [
        # Greenwich at the solstice noon: 90 - 51.48 + 23.44, the sun crosses the meridian 2 min later.
        (51.4779, 0.0, datetime(2026, 6, 21, 12, 2, tzinfo=UTC), 61.96),
        # The equator at the equinox: the sun stands over it at noon, 7.5 min late by the equation of time.
        (0.0, 0.0, datetime(2026, 3, 20, 12, 7, tzinfo=UTC), 89.9),
        # Greenwich on the day of the equinox: sunset at 18:13, refraction and half a disc below 0°.
        (51.4779, 0.0, datetime(2026, 3, 20, 18, 13, tzinfo=UTC), -0.83),
    ],
)
def test_the_sun_stands_where_the_tables_say(
    lat_deg: float, lon_deg: float, when: datetime, altitude_deg: float
) -> None:
    altitude = sun_altitude_deg(LatLon(lat_deg=lat_deg, lon_deg=lon_deg), when)
    assert altitude == pytest.approx(altitude_deg, abs=0.25)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(GeometryError, match="no time zone"):
        sun_altitude_deg(LatLon(lat_deg=0.0, lon_deg=0.0), datetime(2026, 1, 1, 12))
