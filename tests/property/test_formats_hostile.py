"""Whatever is in a plan file: a plan or one clear refusal, and soon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airbeat.errors import PlanFileError
from airbeat.formats.files import read_plan_file
from airbeat.formats.qgc_plan import read_qgc_plan, write_qgc_plan
from airbeat.formats.wpl import read_wpl, write_wpl

GOLDEN = Path(__file__).parents[1] / "golden" / "formats"
SURVEY = (GOLDEN / "survey_drawn_in_qgc.plan").read_text()
WAYPOINTS = (GOLDEN / "mission_planner.waypoints").read_bytes().decode()

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, 10**400, -1, 1e308, 2**31])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)


def read_or_refused(text: str, *, plan_file: bool) -> None:
    """Reads a plan, which then can be written again too, or is refused with the place in the file."""
    refusal: PlanFileError | None = None
    try:
        plan = read_qgc_plan(text, name="x") if plan_file else read_wpl(text, name="x")
    except PlanFileError as e:
        refusal = e
    else:
        assert write_qgc_plan(plan)
        assert write_wpl(plan)
    assert refusal is None or refusal.where.startswith("x")


def places_in(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path to every value in a JSON document."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path, *(p for key, inner in entries for p in places_in(inner, (*path, key)))]


PATHS = places_in(json.loads(SURVEY))[1:]


@given(path=st.sampled_from(PATHS), value=json_values)
def test_any_value_of_a_plan_may_be_anything(path: tuple[str | int, ...], value: Any) -> None:
    document = json.loads(SURVEY)
    target: Any = document
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    read_or_refused(json.dumps(document), plan_file=True)


@given(start=st.integers(0, len(SURVEY)), length=st.integers(0, 40), text=st.text(max_size=20))
def test_any_piece_of_a_plan_may_be_damaged(start: int, length: int, text: str) -> None:
    read_or_refused(SURVEY[:start] + text + SURVEY[start + length :], plan_file=True)


@given(start=st.integers(0, len(WAYPOINTS)), length=st.integers(0, 40), text=st.text(max_size=20))
def test_any_piece_of_a_waypoints_file_may_be_damaged(start: int, length: int, text: str) -> None:
    read_or_refused(WAYPOINTS[:start] + text + WAYPOINTS[start + length :], plan_file=False)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.plan"
    path.write_bytes(data)
    with pytest.raises(PlanFileError):
        read_plan_file(path)


def bombs() -> dict[str, str]:
    place = "[47.0,8.0]"
    million = ",".join([place] * 600_000)
    fence = '{"version":2,"circles":[],"polygons":[{"version":1,"inclusion":true,"polygon":[%s]}]}'
    head = '{"fileType":"Plan","version":1,"mission":%s,"geoFence":%s,"rallyPoints":{"points":[]}}'
    mission = '{"items":[],"plannedHomePosition":[47,8,0],"hoverSpeed":5}'
    return {
        "vertices": head % (mission, fence % million),
        "depth": '{"a":' * 1_000_000,
        "lists": "[" * 4_000_000,
        "digits": head % (mission.replace("47", "4" * 4_000_000), fence % place),
        "one line": "QGC WPL 110\n" + "1\t" * 4_000_000,
        "rows": "QGC WPL 110\n" + "#\n" * 4_000_000,
        "strings": '{"fileType":"' + "\\u0041" * 1_000_000 + '"}',
    }


@pytest.mark.parametrize("kind", sorted(bombs()))
def test_a_file_made_to_exhaust_us_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_text(bombs()[kind])
    with pytest.raises(PlanFileError):
        read_plan_file(path)
