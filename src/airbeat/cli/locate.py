"""``airbeat locate``: where on the ground a pixel of a photograph lies."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.output import console, emit_json, json_option, printable, table
from airbeat.cli.positions import LAT_LON
from airbeat.language.words import Message, _

if TYPE_CHECKING:
    from airbeat.frames.meta import FrameMeta
    from airbeat.geo.coordinates import LatLon
    from airbeat.locate.accuracy import GroundPoint
    from airbeat.locate.relief import TerrainGround

__all__ = ["command"]


class _PixelType(click.ParamType[tuple[float, float]]):
    name = "X,Y"

    def convert(
        self, value: str | tuple[float, float], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        if isinstance(value, tuple):
            return value
        try:
            x, y = (float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not X,Y in pixels, e.g. 2741,1033", param, ctx)
        return x, y


def _frame(image: Path, telemetry: Path | None, camera_pitch_deg: float | None) -> FrameMeta:
    """The photograph's metadata, completed from telemetry with those beside it."""
    from airbeat.frames.folder import scan_folder
    from airbeat.frames.pairing import complete_from_telemetry, with_camera_pitch
    from airbeat.frames.reader import read_frame_meta
    from airbeat.locate.heading import checked_headings

    meta = read_frame_meta(image)
    if telemetry is not None:
        beside = [f for f in scan_folder(image.parent) if f.path.name != image.name]
        frames = sorted([*beside, meta], key=lambda f: f.path.name)
        done = complete_from_telemetry(frames, telemetry, camera_pitch_deg=camera_pitch_deg)
        meta = done[frames.index(meta)]
    return checked_headings([with_camera_pitch(meta, camera_pitch_deg)])[0]


def _inside(meta: FrameMeta, pixel: tuple[float, float]) -> None:
    from airbeat.errors import UsageError

    if not (0 <= pixel[0] <= meta.width_px and 0 <= pixel[1] <= meta.height_px):
        raise UsageError(
            Message(
                "pixel {x_px:g},{y_px:g} is outside the picture of {width_px}×{height_px} px",
                x_px=pixel[0],
                y_px=pixel[1],
                width_px=meta.width_px,
                height_px=meta.height_px,
            ),
            remedy="count from the upper left corner, x to the right, y down",
        )


def _ground_in_words(point: GroundPoint, terrain: TerrainGround | None) -> str:
    if terrain is None:
        return f"flat, assumed {point.ground_height_m or 0.0:g} m above home (the take-off place)"
    above = point.ground_height_m or 0.0
    return (
        f"{above:.1f} m above home, {above + terrain.home_height_m:.1f} m above the sea level of"
        f" {printable(terrain.terrain.name)}; home from {terrain.source}"
    )


def _as_json(
    meta: FrameMeta, pixel: tuple[float, float], point: GroundPoint, terrain: TerrainGround | None
) -> dict[str, Any]:
    from airbeat.geo.frame import bearing_deg, distance_m
    from airbeat.geo.notation import decimal_degrees, degrees_minutes, mgrs_grid

    camera = meta.position or point.position
    return {
        "file": meta.path.name,
        "pixel": list(pixel),
        "lat_deg": point.position.lat_deg,
        "lon_deg": point.position.lon_deg,
        "decimal_degrees": decimal_degrees(point.position),
        "degrees_minutes": degrees_minutes(point.position),
        "mgrs": mgrs_grid(point.position),
        "ce90_m": point.ce90_m,
        "ellipse_90": {
            "semi_major_m": point.semi_major_m,
            "semi_minor_m": point.semi_minor_m,
            "major_bearing_deg": point.major_bearing_deg,
        },
        "from_camera": {
            "distance_m": distance_m(camera, point.position),
            "bearing_deg": bearing_deg(camera, point.position),
        },
        "horizontal_datum": "WGS84",
        "camera_height": {
            "above_home_m": meta.height_above_home_m,
            "above_sea_m": meta.amsl_m,
            "above_ellipsoid_m": meta.ellipsoid_m,
        },
        "ground": {
            "above_home_m": point.ground_height_m,
            "model": None if terrain is None else terrain.terrain.name,
            "home_in_model_m": None if terrain is None else terrain.home_height_m,
            "home_source": None if terrain is None else terrain.source,
            "sigma_m": None if terrain is None else terrain.sigma_m,
        },
        "errors_one_sigma": [
            {"source": t.source, "east_m": t.east_m, "north_m": t.north_m} for t in point.terms
        ],
        "findings": list(meta.findings),
    }


def _print(meta: FrameMeta, point: GroundPoint, terrain: TerrainGround | None, *, as_json: bool) -> None:
    from rich.text import Text

    from airbeat.geo.frame import bearing_deg, distance_m
    from airbeat.geo.notation import decimal_degrees, degrees_minutes, mgrs_grid

    camera = meta.position or point.position
    table(
        [
            ("position (WGS84)", decimal_degrees(point.position)),
            ("", degrees_minutes(point.position)),
            ("", mgrs_grid(point.position)),
            ("within, at 90 %", f"{point.ce90_m:.1f} m (CE90)"),
            (
                "90 % ellipse",
                _(
                    "{semi_major_m:.1f} × {semi_minor_m:.1f} m half axes, the longer one towards "
                    "{major_bearing_deg:.0f}°",
                    semi_major_m=point.semi_major_m,
                    semi_minor_m=point.semi_minor_m,
                    major_bearing_deg=point.major_bearing_deg,
                ),
            ),
            (
                "from the camera",
                _(
                    "{distance_m:.1f} m towards {bearing_deg:.0f}°, camera {height_above_home_m:.1f} m "
                    "above home",
                    distance_m=distance_m(camera, point.position),
                    bearing_deg=bearing_deg(camera, point.position),
                    height_above_home_m=meta.height_above_home_m or 0.0,
                ),
            ),
            ("ground", _ground_in_words(point, terrain)),
        ],
        as_json=as_json,
    )
    out = console(as_json)
    for finding in meta.findings:
        out.print(Text(_("note: {finding}", finding=finding), style="yellow"))


@click.command("locate")
@click.argument("image", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("pixel", type=_PixelType(), metavar="X,Y")
@click.option(
    "--terrain",
    "terrain_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Height model of the ground (HGT, GeoTIFF); may be given several times.",
)
@click.option(
    "--home",
    type=LAT_LON,
    help="Take-off place: joins heights above home to the height model without the GPS's altitude.",
)
@click.option(
    "--ground-height-m",
    type=float,
    default=0.0,
    show_default=True,
    help="Height of flat ground above the take-off place, without a height model [m].",
)
@click.option(
    "--telemetry",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Flight log (.tlog, .bin, DJI .srt) that completes what the photographs do not say.",
)
@click.option(
    "--camera-pitch-deg",
    type=click.FloatRange(-90.0, 30.0),
    help="Pitch of a camera that turns with the airframe, where nothing says it; -90 looks down.",
)
@json_option
def command(
    *,
    image: Path,
    pixel: tuple[float, float],
    terrain_files: tuple[Path, ...],
    home: LatLon | None,
    ground_height_m: float,
    telemetry: Path | None,
    camera_pitch_deg: float | None,
    as_json: bool,
) -> int:
    """Say where on the ground the pixel X,Y of the photograph IMAGE lies, and how surely.

    X counts from the picture's left edge, Y from its upper edge, as stored. Position, height and angles come
    from the photograph's own EXIF/XMP (DJI, Autel, Parrot, Skydio, Pix4D's schema), or from telemetry, paired
    with all photographs of IMAGE's folder. The circle (CE90) and the ellipse follow from the errors of GPS,
    height, camera angles, heading, ground and pixel.

    \b
    airbeat locate DJI_0042.JPG 2741,1033 --terrain N47E011.hgt --home 47.2630,11.4010
    """
    from airbeat.errors import UsageError
    from airbeat.locate.ground import locate_pixel
    from airbeat.locate.relief import above_home, terrain_for_frames

    if terrain_files and ground_height_m:
        raise UsageError("a height model and a height of flat ground exclude each other", remedy="give one")
    if home is not None and not terrain_files:
        raise UsageError("--home is of use only with --terrain", remedy="give the height model too")
    if not math.isfinite(ground_height_m):
        raise UsageError(
            Message("a ground height of {ground_height_m} m", ground_height_m=ground_height_m),
            remedy="give metres above the take-off place",
        )
    meta = _frame(image, telemetry, camera_pitch_deg)
    _inside(meta, pixel)
    terrain = terrain_for_frames(terrain_files, [meta], home=home) if terrain_files else None
    meta = meta if terrain is None else above_home([meta], terrain)[0]
    point = locate_pixel(meta, *pixel, ground_height_m=ground_height_m, terrain=terrain)
    _print(meta, point, terrain, as_json=as_json)
    if as_json:
        emit_json(_as_json(meta, pixel, point, terrain))
    return 0
