"""Whatever a mission or area file holds, reading it gives a result or the one typed error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airbeat.errors import GeometryError, MissionFileError
from airbeat.geo.frame import LocalFrame
from airbeat.mission.areafile import AreaFile, parse_area
from airbeat.mission.loader import load_mission, parse_mission
from airbeat.mission.mission import Mission
from airbeat.mission.yamltree import read_yaml

MISSIONS = sorted((Path(__file__).parents[2] / "missions").glob("*.yaml"))
TEXTS = [p.read_text(encoding="utf-8") for p in MISSIONS]
DATA = [read_yaml(text).data for text in TEXTS]

SNIPPETS = st.one_of(
    st.sampled_from("\t\n{}[]:?|>#\"'%@`é\0\x85\u2028\ud800"),
    st.sampled_from(
        ["&a", "*a", "!!x", "<<: ", "- ", ".nan", "-.inf", "1e999", "---\n", "...\n", "%YAML 9.9\n"]
    ),
    st.sampled_from(["", "  ", "9" * 5000, '"\\UFFFFFFFF"']),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(10**40), max_value=10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [0, 0.0, 90, -90, 91, 180, -180, 181, 1e-300, 1e300, "auto", "home", "amsl", "lawnmower"]
    ),
    st.text(max_size=20),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["lat", "lon", "polygon", "circle", "outline", "x"]), inner, max_size=4
        ),
    ),
    max_leaves=8,
)


def read_or_refuse(text: str) -> Mission | None:
    try:
        return parse_mission(text, name="fuzz.yaml", base_dir=Path())
    except MissionFileError as error:
        refusal = error
    assert refusal.problems
    assert all(p.message for p in refusal.problems)
    return None


def slots(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value."""
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(p for key, value in children for p in slots(value, (*path, key)))]


def replaced(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = replaced(data[path[0]], path[1:], value)
    return copy


@given(st.sampled_from(TEXTS), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), SNIPPETS), max_size=4))
def test_text_cut_and_pasted_at_random_never_raises_another_error(
    text: str, edits: list[tuple[float, int, str]]
) -> None:
    for where, removed, snippet in edits:
        at = int(where * len(text))
        text = text[:at] + snippet + text[at + removed :]
    read_or_refuse(text)


@given(st.data())
def test_values_replaced_at_random_never_raise_another_error(data: st.DataObject) -> None:
    mission = data.draw(st.sampled_from(DATA))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(slots(mission)))
        mission = replaced(mission, path, data.draw(VALUES))
    read_or_refuse(json.dumps(mission, ensure_ascii=False))


@given(st.binary(max_size=200))
def test_random_bytes_never_raise_another_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "m.yaml"
    path.write_bytes(content)
    with pytest.raises(MissionFileError):
        load_mission(path)


COORDINATES = st.one_of(
    st.floats(-200, 200),
    st.sampled_from([180.0, -180.0, 179.9999999, 90.0, -90.0, 0.0, 7.45, 7.46, 46.95, 46.96]),
)
RINGS = st.lists(st.lists(COORDINATES, min_size=2, max_size=3), max_size=7)
GEOMETRIES = st.one_of(
    st.builds(lambda c: {"type": "Polygon", "coordinates": c}, st.lists(RINGS, max_size=3)),
    st.builds(
        lambda c: {"type": "MultiPolygon", "coordinates": c},
        st.lists(st.lists(RINGS, max_size=2), max_size=3),
    ),
    st.builds(lambda c: {"type": "LineString", "coordinates": c}, RINGS),
    st.builds(lambda v: {"type": "Polygon", "coordinates": v}, VALUES),
)
FEATURES = st.builds(
    lambda geometry, role, width: {
        "type": "Feature",
        "properties": {"role": role, "corridor_width_m": width},
        "geometry": geometry,
    },
    GEOMETRIES,
    st.sampled_from(["area", "corridor", "keepout", None, 3]),
    st.one_of(st.floats(1, 500), SCALARS),
)


def area_or_refusal(content: bytes) -> AreaFile | None:
    try:
        area = parse_area(content, name="fuzz")
        free = area.free
    except GeometryError:
        return None
    local = LocalFrame.around(free).to_local(free)
    assert local.is_valid
    assert local.area > 0
    return area


@given(st.lists(FEATURES, max_size=4))
def test_a_random_area_file_gives_a_valid_area_or_the_typed_error(features: list[dict[str, Any]]) -> None:
    area_or_refusal(json.dumps({"type": "FeatureCollection", "features": features}).encode())


@given(st.lists(st.tuples(st.floats(7.45, 7.47), st.floats(46.95, 46.96)), min_size=3, max_size=9))
def test_a_random_ring_is_used_repaired_or_refused(ring: list[tuple[float, float]]) -> None:
    area = area_or_refusal(json.dumps({"type": "Polygon", "coordinates": [ring]}).encode())
    assert area is None or area.area.geom_type in ("Polygon", "MultiPolygon")


KML = """<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><MultiGeometry><Polygon>
<outerBoundaryIs><LinearRing><coordinates>7.45,46.95,0 7.46,46.95,0 7.46,46.96,0 7.45,46.95,0</coordinates>
</LinearRing></outerBoundaryIs></Polygon></MultiGeometry></Placemark></Document></kml>"""


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1),
            st.integers(0, 20),
            st.sampled_from(
                ["<a>", "</Polygon>", "&b;", "<!DOCTYPE x>", ",", "1e400", "nan ", "\0", "<?x?>", "]]>", " "]
            ),
        ),
        max_size=3,
    )
)
def test_a_damaged_kml_file_gives_an_area_or_the_typed_error(edits: list[tuple[float, int, str]]) -> None:
    text = KML
    for where, removed, snippet in edits:
        at = int(where * len(text))
        text = text[:at] + snippet + text[at + removed :]
    area_or_refusal(text.encode())
