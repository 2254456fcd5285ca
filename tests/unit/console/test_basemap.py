"""Base maps from files: what is in them is shown where it belongs, and what is wrong with them is said."""

from __future__ import annotations

import gzip
import io
import json
import math
import sqlite3
import struct
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from airbeat.console.basemap import BaseMap, Shelf, open_base
from airbeat.console.basemap_pmtiles import tile_number
from airbeat.errors import InputFileError

TILES = {(0, 0, 0): "white", (1, 0, 0): "red", (1, 1, 0): "green", (1, 0, 1): "blue", (2, 3, 1): "yellow"}


def picture(colour: str, kind: str = "PNG", side_px: int = 256) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side_px, side_px), colour).save(stream, kind)
    return stream.getvalue()


def colour_of(tile) -> tuple[int, ...]:
    with Image.open(io.BytesIO(tile.data)) as shown:
        return shown.convert("RGBA").getpixel((shown.width // 2, shown.height // 2))


@pytest.fixture
def opened() -> Iterator[Callable[[Path], BaseMap]]:
    """Opens base maps, and closes them after the test."""
    bases: list[BaseMap] = []

    def open_one(path: Path) -> BaseMap:
        bases.append(open_base(path))
        return bases[-1]

    yield open_one
    for base in bases:
        base.close()


# -- MBTiles --


def mbtiles(path: Path, tiles: dict, metadata: dict, *, sql: str = "") -> Path:
    with sqlite3.connect(path) as file:
        file.executescript(
            "CREATE TABLE metadata (name text, value text);"
            "CREATE TABLE IF NOT EXISTS tiles (zoom_level integer, tile_column integer, tile_row integer,"
            "tile_data blob);"
        )
        file.executemany("INSERT INTO metadata VALUES (?, ?)", metadata.items())
        rows = [(z, x, min(2**z, 2**60) - 1 - y, data) for (z, x, y), data in tiles.items()]
        file.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)
        file.executescript(sql)
    file.close()
    return path


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp")])
def test_mbtiles_rows_are_counted_from_the_south(tmp_path, kind, media_type, opened):
    tiles = {at: picture(colour, kind) for at, colour in TILES.items()}
    about = {"name": "Forest", "attribution": '<a href="https://x">© mappers</a>', "bounds": "7,50,9,52"}
    base = opened(mbtiles(tmp_path / "forest.mbtiles", tiles, about))
    assert (base.about.name, base.about.attribution) == ("Forest", "© mappers")
    assert (base.about.max_zoom, base.about.bounds) == (2, (50.0, 7.0, 52.0, 9.0))
    for at, data in tiles.items():
        tile = base.tile(*at)
        assert (tile.data, tile.media_type) == (data, f"image/{media_type}")
    assert base.tile(1, 1, 1) is None


def test_mbtiles_without_doubled_tiles_are_a_view_and_are_read(tmp_path, opened):
    path = mbtiles(tmp_path / "a.mbtiles", {}, {"name": "a"}, sql="DROP TABLE tiles;")
    with sqlite3.connect(path) as file:
        file.executescript(
            "CREATE TABLE map (zoom_level, tile_column, tile_row, tile_id);"
            "CREATE TABLE images (tile_id, tile_data);"
            "CREATE VIEW tiles AS SELECT map.zoom_level AS zoom_level, map.tile_column AS tile_column,"
            " map.tile_row AS tile_row, images.tile_data AS tile_data"
            " FROM map JOIN images ON images.tile_id = map.tile_id;"
            "INSERT INTO map VALUES (0, 0, 0, 'sea');"
        )
        file.execute("INSERT INTO images VALUES ('sea', ?)", [picture("navy")])
    file.close()
    assert colour_of(opened(path).tile(0, 0, 0)) == (0, 0, 128, 255)


HOSTILE_VIEWS = {
    "endless": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT i AS zoom_level, i AS tile_column, i AS tile_row, i AS tile_data FROM n",
    "large blob": "SELECT 0 AS zoom_level, 0 AS tile_column, 0 AS tile_row, zeroblob(900000000) AS tile_data",
    "file": "SELECT 0 AS zoom_level, 0 AS tile_column, 0 AS tile_row, load_extension('x') AS tile_data",
    "product": "SELECT max(a.v) AS zoom_level, 0 AS tile_column, 0 AS tile_row, 'x' AS tile_data "
    "FROM numbers a, numbers b, numbers c, numbers d",
}


@pytest.mark.parametrize("name", HOSTILE_VIEWS)
def test_an_mbtiles_view_that_does_other_than_read_or_does_not_end_is_refused(tmp_path, name, opened):
    sql = "DROP TABLE tiles; CREATE TABLE numbers (v);"
    sql += "INSERT INTO numbers WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 500) "
    sql += f"SELECT i FROM n; CREATE VIEW tiles AS {HOSTILE_VIEWS[name]};"
    path = mbtiles(tmp_path / "evil.mbtiles", {}, {}, sql=sql)
    with pytest.raises(InputFileError, match=r"evil\.mbtiles: cannot be used as MBTiles"):
        opened(path).tile(0, 0, 0)


def test_what_is_no_picture_or_too_large_a_one_never_reaches_a_browser(tmp_path, opened):
    tiles = {(0, 0, 0): b"<script>alert(1)</script>", (1, 0, 0): picture("red", side_px=2048)}
    tiles |= {(1, 1, 0): picture("red")[:40], (2, 0, 0): "text", (2, 1, 0): picture("red") + b"x" * 2_000_000}
    base = opened(mbtiles(tmp_path / "bad.mbtiles", tiles, {}))
    for at, words in {
        (0, 0, 0): "no PNG, JPEG or WebP",
        (1, 0, 0): "2048 × 2048",
        (1, 1, 0): "damaged",
        (2, 0, 0): "no picture",
        (2, 1, 0): "larger than 2 MB",
    }.items():
        with pytest.raises(InputFileError, match=words):
            base.tile(*at)


def test_vector_tiles_and_levels_beyond_a_map_are_refused(tmp_path, opened):
    with pytest.raises(InputFileError, match="vector tiles"):
        opened(mbtiles(tmp_path / "v.mbtiles", {(0, 0, 0): b"x"}, {"format": "pbf"}))
    with pytest.raises(InputFileError, match="deepest level is 99"):
        opened(mbtiles(tmp_path / "z.mbtiles", {(99, 0, 0): b"x"}, {}))
    with pytest.raises(InputFileError, match="deepest level is None"):
        opened(mbtiles(tmp_path / "e.mbtiles", {}, {}))


def test_a_damaged_or_foreign_database_is_refused(tmp_path, opened):
    whole = mbtiles(tmp_path / "a.mbtiles", {at: picture(c) for at, c in TILES.items()}, {}).read_bytes()
    (tmp_path / "cut.mbtiles").write_bytes(whole[: len(whole) // 3])
    (tmp_path / "head.mbtiles").write_bytes(whole[:16] + b"\xff" * 2000)
    with sqlite3.connect(tmp_path / "other.mbtiles") as file:
        file.execute("CREATE TABLE events (a)")
    file.close()
    for name in ("cut", "head", "other"):
        with pytest.raises(InputFileError, match="cannot be used as MBTiles"):
            opened(tmp_path / f"{name}.mbtiles").tile(0, 0, 0)


# -- PMTiles --


def varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def directory(entries: list[tuple[int, int, int, int]]) -> bytes:
    """Entries as number, run, length, offset."""
    words, last = [varint(len(entries))], 0
    for number, *_ in entries:
        words.append(varint(number - last))
        last = number
    words += [varint(e[1]) for e in entries] + [varint(e[2]) for e in entries]
    words += [varint(e[3] + 1) for e in entries]
    return gzip.compress(b"".join(words))


def pmtiles(path: Path, tiles: dict, **wrong: object) -> Path:
    """A PMTiles file with one leaf directory for every two tiles."""
    data, entries = b"", []
    for at in sorted(tiles, key=lambda at: tile_number(*at)):
        entries.append((tile_number(*at), 1, len(tiles[at]), len(data)))
        data += tiles[at]
    leaves, root = b"", []
    for first in range(0, len(entries), 2):
        leaf = directory(entries[first : first + 2])
        root.append((entries[first][0], 0, len(leaf), len(leaves)))
        leaves += leaf
    packed_root = wrong.get("root") or directory(root)
    said = wrong.get("metadata") or gzip.compress(json.dumps({"name": "Relief"}).encode())
    starts = [127, 127 + len(packed_root)]
    starts += [starts[1] + len(said), starts[1] + len(said) + len(leaves)]
    parts = [v for s, p in zip(starts, (packed_root, said, leaves, data), strict=True) for v in (s, len(p))]
    head = struct.pack("<7sB11Q", b"PMTiles", wrong.get("version", 3), *parts, 0, 0, 0)
    head += bytes([1, wrong.get("packed", 2), 1, wrong.get("kind", 2), 0, wrong.get("deepest", 2)])
    head += struct.pack("<iiiiBii", 70_000_000, 500_000_000, 90_000_000, 520_000_000, 0, 0, 0)
    path.write_bytes(head + packed_root + said + leaves + data)
    return path


def test_pmtiles_are_found_through_their_directories(tmp_path, opened):
    tiles = {at: picture(colour) for at, colour in TILES.items()}
    base = opened(pmtiles(tmp_path / "relief.pmtiles", tiles))
    assert (base.about.name, base.about.max_zoom) == ("Relief", 2)
    assert base.about.bounds == (50.0, 7.0, 52.0, 9.0)
    for at, data in tiles.items():
        assert base.tile(*at).data == data
    for at in ((1, 1, 1), (2, 0, 0), (2, 3, 3), (5, 17, 11)):
        assert base.tile(*at) is None


def test_tile_numbers_are_those_of_the_specification():
    # From the specification's table of Hilbert ids (PMTiles 3, section 4.1 "Directory Entries").
    known = {(0, 0, 0): 0, (1, 0, 0): 1, (1, 0, 1): 2, (1, 1, 1): 3, (1, 1, 0): 4, (2, 0, 0): 5}
    assert {at: tile_number(*at) for at in known} == known
    assert tile_number(12, 3423, 1763) == 19_078_479
    for z in (3, 4):
        numbers = sorted(tile_number(z, x, y) for x in range(2**z) for y in range(2**z))
        assert numbers == list(range((4**z - 1) // 3, (4 ** (z + 1) - 1) // 3))


def test_a_run_of_pmtiles_has_one_picture_for_many_tiles(tmp_path, opened):
    data = picture("navy")
    root = directory([(1, 4, len(data), 0)])
    base = opened(pmtiles(tmp_path / "sea.pmtiles", {(0, 0, 0): data}, root=root))
    assert all(base.tile(1, x, y).data == data for x in (0, 1) for y in (0, 1))
    assert base.tile(0, 0, 0) is None
    assert base.tile(2, 0, 0) is None


WRONG_PMTILES = {
    "version 2": {"version": 2},
    "vector": {"kind": 1},
    "brotli": {"packed": 3},
    "too deep": {"deepest": 200},
    "no gzip": {"root": b"not gzip at all"},
    "bomb": {"root": gzip.compress(b"\x00" * 40_000_000)},
    "empty": {"root": gzip.compress(varint(0))},
    "too many": {"root": gzip.compress(varint(10**9))},
    "short": {"root": gzip.compress(varint(3) + varint(1))},
    "endless number": {"root": gzip.compress(b"\xff" * 40)},
    "metadata": {"metadata": gzip.compress(b"{not json")},
    "deep metadata": {"metadata": gzip.compress(b"[" * 1_000_000)},
}


@pytest.mark.parametrize("name", WRONG_PMTILES)
def test_pmtiles_that_are_wrong_are_refused_with_a_word(tmp_path, name, opened):
    path = pmtiles(tmp_path / "w.pmtiles", {(0, 0, 0): picture("red")}, **WRONG_PMTILES[name])
    with pytest.raises(InputFileError, match=r"w\.pmtiles: (cannot be used as PMTiles|holds no PNG)"):
        opened(path)


@pytest.mark.parametrize(
    "entry",
    [(0, 0, 10, 0), (0, 0, 10**9, 0), (0, 1, 5000, 10**9), (0, 1, 10**9, 0)],
    ids=["leads to no directory", "large directory", "tile beyond", "large tile"],
)
def test_pmtiles_that_lead_beyond_themselves_are_refused_at_the_tile(tmp_path, entry, opened):
    tiles = {(0, 0, 0): picture("red")}
    base = opened(pmtiles(tmp_path / "w.pmtiles", tiles, root=directory([entry])))
    with pytest.raises(InputFileError, match="cannot be used as PMTiles"):
        base.tile(0, 0, 0)


def test_pmtiles_cut_anywhere_are_refused_or_read_and_never_worse(tmp_path, opened):
    whole = pmtiles(tmp_path / "a.pmtiles", {at: picture(c) for at, c in TILES.items()}).read_bytes()
    path = tmp_path / "cut.pmtiles"
    refused = 0
    for length in range(8, len(whole), 23):
        path.write_bytes(whole[:length])
        try:
            base = opened(path)
            for at in TILES:
                base.tile(*at)
        except InputFileError:
            refused += 1
    assert refused == len(range(8, len(whole), 23))


# -- GeoTIFF --

PLACE = (51.0, 8.0)


@pytest.fixture
def geotiff(tmp_path: Path) -> Callable[..., Path]:
    """Writes a GeoTIFF of 0.02° round 51° N 8° E: bands as (n, rows, columns)."""
    rasterio = pytest.importorskip("rasterio", reason="rasterio (the extra 'terrain') is not installed")

    def write(bands: np.ndarray, name: str = "photo.tif", **more: object) -> Path:
        count, rows, columns = bands.shape
        step = (0.02 / columns, 0.02 / rows)
        place = {"crs": "EPSG:4326"}
        place["transform"] = rasterio.Affine(step[0], 0.0, PLACE[1] - 0.01, 0.0, -step[1], PLACE[0] + 0.01)
        colours = more.pop("colours", None)
        shape = {"height": rows, "width": columns, "count": count, "dtype": bands.dtype.name}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with rasterio.open(tmp_path / name, "w", driver="GTiff", **(shape | place | more)) as file:
                file.write(bands)
                if colours:
                    file.write_colormap(1, colours)
        return tmp_path / name

    return write


def tile_at(zoom: int, lat_deg: float, lon_deg: float) -> tuple[int, int, int]:
    x = (lon_deg + 180.0) / 360.0 * 2**zoom
    y = (1.0 - math.asinh(math.tan(math.radians(lat_deg))) / math.pi) / 2.0 * 2**zoom
    return zoom, int(x), int(y)


def quarters() -> np.ndarray:
    """Red in the north-west, green in the north-east, blue in the south-west, white in the south-east."""
    bands = np.zeros((3, 400, 400), np.uint8)
    for band, part in enumerate((np.s_[:200, :200], np.s_[:200, 200:], np.s_[200:, :200])):
        bands[band][part] = 255
    bands[:, 200:, 200:] = 255
    return bands


def test_a_geotiff_is_shown_where_it_lies(geotiff, opened):
    base = opened(geotiff(quarters()))
    assert base.about.name == "photo"
    assert base.about.bounds == pytest.approx((50.99, 7.99, 51.01, 8.01), abs=1e-4)
    for north, east, colour in (
        (0.006, -0.006, (255, 0, 0)),
        (0.006, 0.006, (0, 255, 0)),
        (-0.006, -0.006, (0, 0, 255)),
        (-0.006, 0.006, (255, 255, 255)),
    ):
        tile = base.tile(*tile_at(17, PLACE[0] + north, PLACE[1] + east))
        assert tile.media_type == "image/png"
        assert colour_of(tile) == (*colour, 255)
    assert base.tile(*tile_at(17, 51.5, 8.0)) is None
    whole = base.tile(*tile_at(13, *PLACE))
    assert np.asarray(Image.open(io.BytesIO(whole.data)))[..., 3].min() == 0


def test_heights_are_stretched_and_what_is_missing_is_clear(geotiff, opened):
    ramp = np.linspace(200, 500, 400, dtype=np.float32)[None, :].repeat(400, axis=0)
    ramp[:200] = -9999
    base = opened(geotiff(ramp[None], nodata=-9999.0))
    dark = colour_of(base.tile(*tile_at(18, 50.995, 7.991)))
    light = colour_of(base.tile(*tile_at(18, 50.995, 8.009)))
    assert dark[0] < 40
    assert light[0] > 215
    assert base.tile(*tile_at(18, 51.005, 8.0)) is None


def test_a_paletted_map_keeps_its_colours(geotiff, opened):
    bands = np.full((1, 64, 64), 7, np.uint8)
    base = opened(geotiff(bands, colours={7: (10, 120, 200, 255)}))
    assert colour_of(base.tile(*tile_at(16, *PLACE))) == (10, 120, 200, 255)


def test_a_geotiff_without_a_place_or_of_one_giant_block_is_refused(geotiff, opened):
    with pytest.raises(InputFileError, match="does not say where it lies"):
        opened(geotiff(quarters(), name="n.tif", crs=None, transform=None))
    block = np.zeros((1, 4096, 4096), np.uint8)
    stored = {"compress": "deflate", "tiled": True, "blockxsize": 4096, "blockysize": 4096}
    with pytest.raises(InputFileError, match="in blocks of 4096 × 4096 pixels"):
        opened(geotiff(block, name="s.tif", **stored))


def test_zoomed_far_out_a_large_geotiff_shows_nothing_rather_than_reading_all_of_it(geotiff, opened):
    large = np.zeros((1, 8192, 8192), np.uint8)
    base = opened(geotiff(large, compress="deflate", tiled=True))
    assert base.tile(*tile_at(8, *PLACE)) is None
    assert base.tile(*tile_at(base.about.max_zoom, *PLACE)) is not None


@pytest.mark.parametrize("name", ["cut", "noise", "lies"])
def test_a_damaged_geotiff_is_refused(geotiff, tmp_path, name, opened):
    whole = bytearray(geotiff(quarters()).read_bytes())
    if name == "cut":
        whole = whole[: len(whole) // 4]
    elif name == "noise":
        whole[8:2000] = np.random.default_rng(1).integers(0, 255, 1992, np.uint8).tobytes()
    else:
        whole[4:8] = struct.pack("<I", 0xFFFFFF00)
    path = tmp_path / f"{name}.tif"
    path.write_bytes(whole)
    with pytest.raises(InputFileError, match=rf"{name}\.tif"):  # noqa: PT012 - opened, or read, or neither
        base = opened(path)
        for north in (-0.009, -0.005, 0.005, 0.009):
            base.tile(*tile_at(17, PLACE[0] + north, PLACE[1]))


def test_a_geotiff_that_is_a_list_of_other_files_is_not_followed(tmp_path, opened):
    path = tmp_path / "x.tif"
    path.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"><SRS>EPSG:4326</SRS></VRTDataset>')
    with pytest.raises(InputFileError, match="is no base map"):
        opened(path)


# -- all together --


def test_files_that_are_no_base_maps_are_refused(tmp_path, opened):
    for name, content in {"a.txt": b"hello", "empty.mbtiles": b"", "z.zip": b"PK\3\4"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputFileError, match=f"{name}: is no base map"):
            opened(tmp_path / name)
    with pytest.raises(InputFileError, match="cannot be read"):
        opened(tmp_path / "missing.mbtiles")


def test_a_shelf_tells_maps_of_one_name_apart_and_keeps_to_the_tiles_that_can_be(tmp_path, opened):
    tiles = {at: picture(colour) for at, colour in TILES.items()}
    paths = [mbtiles(tmp_path / f"{n}.mbtiles", tiles, {"name": "Forest"}) for n in "ab"]
    shelf = Shelf([opened(path) for path in paths])
    assert [b["name"] for b in shelf.listed()] == ["Forest (1)", "Forest (2)"]
    assert shelf.tile(1, 1, 0, 0).data == tiles[1, 0, 0]
    for wrong in ((2, 0, 0, 0), (-1, 0, 0, 0), (0, 25, 0, 0), (0, 1, 2, 0), (0, 1, 0, -1), (0, 10**9, 0, 0)):
        assert shelf.tile(*wrong) is None
    shelf.close()


def test_a_shelf_remembers_no_more_than_it_may(tmp_path, monkeypatch, opened):
    monkeypatch.setattr("airbeat.console.basemap._KEPT_BYTES", 3000)
    tiles = {(6, x, 5): picture("red") for x in range(30)}
    shelf = Shelf([opened(mbtiles(tmp_path / "a.mbtiles", tiles, {}))])
    for x in [*range(30), *range(30)]:
        assert shelf.tile(0, 6, x, 5) is not None
    assert 0 < shelf._kept_bytes <= 3000
