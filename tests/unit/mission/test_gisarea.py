"""Areas from shapefiles, GeoPackages, KMZ files and QGroundControl plans."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely

from airbeat.errors import GeometryError, UsageError
from airbeat.formats.areas import AREA_FORMATS, area_losses
from airbeat.geo.frame import LocalFrame
from airbeat.mission.archive import zip_bytes
from airbeat.mission.areafile import AreaFile, parse_area, parse_features, read_area_file
from airbeat.mission.loader import load_mission

pyogrio = pytest.importorskip("pyogrio", reason="pyogrio is not installed (airbeat[gis])")

WOOD = shapely.Polygon(
    [(8.490, 51.180), (8.500, 51.180), (8.500, 51.186), (8.490, 51.186)],
    [[(8.494, 51.182), (8.494, 51.184), (8.497, 51.184), (8.497, 51.182)]],
)
POND = shapely.box(8.491, 51.181, 8.492, 51.182)
GOLDEN = Path(__file__).parents[2] / "golden" / "formats"


def written(
    path: Path,
    shapes: list[Any],
    *,
    crs: str | None = "EPSG:4326",
    layer: str | None = None,
    append: bool = False,
    **fields: list[Any],
) -> Path:
    """A file with these shapes, drawn in WGS84 degrees and written in that reference system."""
    if crs is not None:
        to_crs = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        shapes = [
            shapely.transform(shape, lambda c: np.column_stack(to_crs.transform(c[:, 0], c[:, 1])))
            for shape in shapes
        ]
    kinds = {shape.geom_type for shape in shapes}
    pyogrio.raw.write(
        str(path),
        shapely.to_wkb(np.array(shapes, dtype=object)),
        [np.array(values) for values in fields.values()],
        np.array(list(fields)),
        geometry_type=kinds.pop() if len(kinds) == 1 else "Unknown",
        crs=crs,
        driver="GPKG" if path.suffix == ".gpkg" else "ESRI Shapefile",
        layer=layer,
        append=append,
        encoding="UTF-8",
    )
    return path


def zipped(folder: Path, *, without: str = "") -> bytes:
    return zip_bytes(
        {f"map/{p.name}": p.read_bytes() for p in sorted(folder.iterdir()) if p.suffix != without}
    )


def area_m2(area: AreaFile) -> float:
    return float(LocalFrame.around(WOOD).to_local(area.free).area)


def off_m(area: AreaFile, meant: Any) -> float:
    """How far an area's edge lies from the one that was drawn [m]."""
    frame = LocalFrame.around(WOOD)
    return float(frame.to_local(area.area).hausdorff_distance(frame.to_local(meant)))


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:25832", "EPSG:3857", "EPSG:31467"])
@pytest.mark.parametrize("suffix", [".shp", ".gpkg"])
def test_an_area_comes_from_the_reference_system_it_was_drawn_in(
    tmp_path: Path, crs: str, suffix: str
) -> None:
    area = read_area_file(written(tmp_path / f"wood{suffix}", [WOOD], crs=crs))
    assert off_m(area, WOOD) < (0.01 if crs != "EPSG:31467" else 6.0)
    converted = [note for note in area.notes if "coordinates converted from" in note]
    assert len(converted) == (crs != "EPSG:4326")


def test_a_mission_file_names_a_shapefile_as_its_area(tmp_path: Path) -> None:
    written(tmp_path / "wood.shp", [WOOD], crs="EPSG:25832")
    (tmp_path / "m.yaml").write_text(
        "airbeat: 1\nkind: search\nname: Wood\nhome: {lat: 51.1795, lon: 8.495}\nairframe: arducopter-quad\n"
        "camera: embedded-12mp\nspeed_m_s: 8\nheight: {value_m: 60, datum: home}\narea: wood.shp\n"
        "search: {pattern: lawnmower, overlap: {side: 0.3, front: 0.3}}\n"
    )
    mission = load_mission(tmp_path / "m.yaml")
    frame = LocalFrame.around(WOOD)
    assert frame.to_local(mission.area).area == pytest.approx(frame.to_local(WOOD).area, rel=1e-4)
    assert any("coordinates converted from" in note for note in mission.notes)


def test_a_bare_shapefile_and_a_zipped_one_are_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "Wood.shp", [WOOD], crs="EPSG:25832")
    bare = read_area_file(path)
    archive = parse_area(zipped(tmp_path), name="wood.zip")
    assert off_m(archive, bare.area) == 0.0
    assert bare.vertices == archive.vertices == 10


def test_fields_say_what_is_a_keep_out_and_how_wide_a_corridor_is(tmp_path: Path) -> None:
    line = shapely.LineString([(8.490, 51.188), (8.500, 51.188)])
    path = written(
        tmp_path / "all.gpkg",
        [WOOD, POND, line],
        role=["area", "keepout", "corridor"],
        corridor_width_m=[None, None, 40.0],
    )
    area = read_area_file(path)
    assert len(area.keepouts) == 1
    assert [c.width_m for c in area.corridors] == [40.0]
    frame = LocalFrame.around(WOOD)
    meant = frame.to_local(WOOD).area - frame.to_local(POND).area + frame.to_local(line).length * 40.0
    assert area_m2(area) == pytest.approx(meant + np.pi * 20.0**2, rel=2e-3)


def test_a_shapefile_says_a_corridor_s_width_in_ten_letters(tmp_path: Path) -> None:
    line = shapely.LineString([(8.490, 51.188), (8.500, 51.188)])
    path = written(tmp_path / "way.shp", [line], role=["corridor"], corridor_w=[25.0])
    assert [c.width_m for c in read_area_file(path).corridors] == [25.0]


def test_layers_are_what_their_names_say_or_one_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "two.gpkg", [WOOD], layer="area")
    written(path, [POND], layer="keepouts", append=True)
    assert len(read_area_file(path).keepouts) == 1
    other = written(tmp_path / "unsaid.gpkg", [WOOD], layer="wood")
    written(other, [POND], layer="pond", append=True)
    with pytest.raises(GeometryError, match="2 layers, and what 'wood', 'pond' is for is not said"):
        read_area_file(other)


def test_a_shapefile_without_prj_is_refused_with_what_to_do(tmp_path: Path) -> None:
    written(tmp_path / "wood.shp", [WOOD])
    with pytest.raises(GeometryError, match=r"no \.prj") as refusal:
        parse_area(zipped(tmp_path, without=".prj"), name="wood.zip")
    assert "WGS 84 (EPSG:4326)" in refusal.value.remedy
    (tmp_path / "wood.prj").unlink()
    with pytest.raises(GeometryError, match=r"no \.prj"):
        read_area_file(tmp_path / "wood.shp")


def test_a_shapefile_without_shx_says_which_file_is_missing(tmp_path: Path) -> None:
    written(tmp_path / "wood.shp", [WOOD])
    with pytest.raises(GeometryError, match=r"\.shx is missing"):
        parse_area(zipped(tmp_path, without=".shx"), name="wood.zip")


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_geopackage_without_reference_system_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "wood.gpkg", [WOOD], crs=None)
    with pytest.raises(GeometryError, match="does not say which reference system"):
        read_area_file(path)


def test_degrees_in_a_file_that_says_metres_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "wood.shp", [WOOD])
    (tmp_path / "wood.prj").write_text(pyproj.CRS("EPSG:25832").to_wkt("WKT1_ESRI"))
    with pytest.raises(GeometryError, match="the coordinates are degrees, but the file says"):
        read_area_file(tmp_path / "wood.shp")


def test_metres_in_a_file_that_says_degrees_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "wood.shp", [WOOD], crs="EPSG:25832")
    (tmp_path / "wood.prj").write_text(pyproj.CRS("EPSG:4326").to_wkt("WKT1_ESRI"))
    with pytest.raises(GeometryError, match="coordinates that are none"):
        read_area_file(tmp_path / "wood.shp")


@pytest.mark.parametrize(
    "prj",
    [
        b'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.2]],PRIMEM["Gr\xff\xfe',
        b"nonsense",
        b"\xff\xfe\x00",
        b"GEOGCS[" * 500,
        b"x" * 30_000,
    ],
)
def test_a_prj_that_says_nothing_is_refused(tmp_path: Path, prj: bytes) -> None:
    written(tmp_path / "wood.shp", [WOOD])
    (tmp_path / "wood.prj").write_bytes(prj)
    with pytest.raises(GeometryError):
        read_area_file(tmp_path / "wood.shp")


def test_several_shapefiles_in_one_archive_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(tmp_path / f"{name}.shp", [WOOD])
    with pytest.raises(GeometryError, match="2 shapefiles, one is wanted"):
        parse_area(zipped(tmp_path), name="x.zip")


def test_a_geopackage_that_is_still_open_elsewhere_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "wood.gpkg", [WOOD])
    path.with_name("wood.gpkg-wal").write_bytes(b"changes")
    with pytest.raises(GeometryError, match="not in the file yet"):
        read_area_file(path)


def test_a_geopackage_left_in_wal_mode_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "wood.gpkg", [WOOD])
    data = bytearray(path.read_bytes())
    data[18:20] = b"\x02\x02"
    assert off_m(parse_area(bytes(data), name="wood.gpkg"), WOOD) < 0.01


def test_a_database_that_is_no_geopackage_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.sqlite")
    connection.execute("CREATE TABLE wood (shape BLOB)")
    connection.commit()
    connection.close()
    with pytest.raises(GeometryError, match="an SQLite database, but no GeoPackage"):
        read_area_file(tmp_path / "x.sqlite")


@pytest.mark.parametrize(
    "script",
    [
        "ALTER TABLE wood RENAME TO hidden; CREATE VIEW wood AS SELECT * FROM hidden",
        "ALTER TABLE wood ADD COLUMN big AS (zeroblob(1000000000))",
        "ALTER TABLE gpkg_contents RENAME TO c; CREATE VIEW gpkg_contents AS SELECT * FROM c",
    ],
)
def test_a_geopackage_that_computes_when_it_is_read_is_refused(tmp_path: Path, script: str) -> None:
    path = written(tmp_path / "wood.gpkg", [WOOD])
    connection = sqlite3.connect(path)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')
    connection.executescript(script)
    connection.close()
    with pytest.raises(GeometryError, match=r"is a view or computes its columns|not a sound GeoPackage"):
        read_area_file(path)


def test_a_bomb_in_a_zipped_shapefile_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "wood.shp", [WOOD])
    members = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    members["wood.dbf"] = b"\x00" * 100_000_000
    with pytest.raises(GeometryError, match="unpacks to more than"):
        parse_area(zip_bytes(members), name="x.zip")


@pytest.mark.parametrize("name", ["../wood.shp", "/wood.shp"])
def test_a_name_that_climbs_out_of_a_zipped_shapefile_is_refused(name: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, b"\x00\x00\x27\x0a")
    with pytest.raises(GeometryError, match="climbs out"):
        parse_area(buffer.getvalue(), name="x.zip")


def test_more_vertices_than_an_area_may_have_are_refused_before_they_become_places(tmp_path: Path) -> None:
    turn = np.linspace(0.0, 2.0 * np.pi, 30_001)[:-1]
    ring = shapely.Polygon(np.column_stack([8.5 + 0.01 * np.cos(turn), 51.18 + 0.01 * np.sin(turn)]))
    with pytest.raises(GeometryError, match="30001 vertices"):
        read_area_file(written(tmp_path / "round.gpkg", [ring]))


def test_an_area_with_height_and_parts_is_read_flat(tmp_path: Path) -> None:
    parts = shapely.MultiPolygon([WOOD, shapely.box(8.51, 51.18, 8.52, 51.19)])
    path = written(tmp_path / "parts.gpkg", [shapely.force_3d(parts, 400.0)])
    assert len(shapely.get_parts(read_area_file(path).area)) == 2


def test_without_pyogrio_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "wood.gpkg", [WOOD])
    features, _ = parse_features(path.read_bytes(), name="wood.gpkg")
    monkeypatch.setitem(sys.modules, "pyogrio", None)
    with pytest.raises(GeometryError, match="need pyogrio") as refusal:
        read_area_file(path)
    assert "airbeat[gis]" in refusal.value.remedy
    for known in AREA_FORMATS:
        if known.key in ("gpkg", "shapefile"):
            with pytest.raises(UsageError, match="need pyogrio"):
                known.write(features)
        else:
            assert known.write(features)


def test_points_alone_are_no_area(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match="no polygon in the file"):
        read_area_file(written(tmp_path / "p.gpkg", [shapely.Point(8.5, 51.18)]))


@pytest.mark.parametrize("known", AREA_FORMATS, ids=lambda known: known.key)
def test_features_come_back_from_every_area_format(known: Any) -> None:
    text = json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(WOOD)},
                {"type": "Feature", "properties": {"role": "keepout"}, "geometry": POND.__geo_interface__},
            ],
        }
    )
    features, _ = parse_features(text.encode(), name="a.geojson")
    data = known.write(features)
    held, _ = parse_features(data, name=f"a{known.suffixes[0]}")
    assert area_losses(features, held) == ()
    assert known.write(features) == data


def test_a_corridor_beside_an_area_is_lost_in_a_shapefile_and_reported() -> None:
    line = {"type": "LineString", "coordinates": [[8.49, 51.188], [8.5, 51.188]]}
    way = {"role": "corridor", "corridor_width_m": 30, "name": "bank"}
    text = json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(WOOD)},
                {"type": "Feature", "properties": way, "geometry": line},
            ],
        }
    )
    features, _ = parse_features(text.encode(), name="a.geojson")
    for known in AREA_FORMATS:
        held, _ = parse_features(known.write(features), name="a")
        lost = [str(loss) for loss in area_losses(features, held)]
        if known.key == "shapefile":
            assert lost == ["feature 2 (corridor): not held"]
        else:
            assert lost == ["feature 2 (corridor): properties not held: name"]


def test_a_line_of_a_million_vertices_is_refused_before_they_become_places() -> None:
    ring = [[8.49, 51.18], [8.5, 51.18], [8.5, 51.19], [8.49, 51.18]] * 30_000
    coordinates = " ".join(f"{lon},{lat}" for lon, lat in ring)
    survey = {"complexItemType": "survey", "polygon": ring}
    corridor = {"complexItemType": "CorridorScan", "polyline": ring, "CorridorWidth": 5}
    files = [
        json.dumps({"type": "Polygon", "coordinates": [ring]}),
        json.dumps({"type": "LineString", "coordinates": ring}),
        json.dumps({"fileType": "Plan", "mission": {"items": [survey]}}),
        json.dumps({"fileType": "Plan", "mission": {"items": [corridor]}}),
        f"<kml><Placemark><LineString><coordinates>{coordinates}</coordinates></LineString></Placemark></kml>",
    ]
    for text in files:
        with pytest.raises(GeometryError, match="120000 vertices in one line"):
            parse_features(text.encode(), name="x")


def test_a_kmz_is_read_as_the_kml_in_it() -> None:
    kml = next(f for f in AREA_FORMATS if f.key == "kml")
    features, _ = parse_features(json.dumps(shapely.geometry.mapping(WOOD)).encode(), name="a.geojson")
    data = kml.write(features)
    for members in ({"doc.kml": data}, {"area.kml": data, "files/x.png": b"\x89PNG"}):
        assert off_m(parse_area(zip_bytes(members), name="a.kmz"), WOOD) < 0.01
    with pytest.raises(GeometryError, match="2 KML files"):
        parse_area(zip_bytes({"a.kml": data, "b.kml": data}), name="a.kmz")
    with pytest.raises(GeometryError, match="0 KML files"):
        parse_area(zip_bytes({"a.txt": data}), name="a.kmz")


def test_the_area_of_a_survey_drawn_in_qgroundcontrol_can_be_planned_anew() -> None:
    area = read_area_file(GOLDEN / "survey_drawn_in_qgc.plan")
    assert area.vertices == 4
    assert shapely.get_coordinates(area.area)[:, 0].max() == pytest.approx(8.5460)
    corridor = read_area_file(GOLDEN / "corridor_drawn_in_qgc.plan")
    assert [c.width_m for c in corridor.corridors] == [50.0]
    assert corridor.only_corridors


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"polygon": [["a", 1]]}, "not a place"),
        ({"polygon": 3}, "outline is not a list"),
        ({"complexItemType": "Structure Scan"}, "draws no area"),
        (
            {"complexItemType": "CorridorScan", "polyline": [[47.0, 8.0], [47.1, 8.0]], "CorridorWidth": -1},
            "wide",
        ),
    ],
)
def test_a_plan_whose_area_is_none_is_refused(change: dict[str, Any], says: str) -> None:
    whole = json.loads((GOLDEN / "survey_drawn_in_qgc.plan").read_text())
    item = next(item for item in whole["mission"]["items"] if item["type"] == "ComplexItem")
    item |= change
    with pytest.raises(GeometryError, match=says):
        parse_area(json.dumps(whole).encode(), name="x.plan")
