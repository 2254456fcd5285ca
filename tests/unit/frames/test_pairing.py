"""Telemetry completes photographs: whichever clock they have, and refused where the offset cannot be told."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from airbeat.errors import FrameError, InputFileError
from airbeat.frames.clock import offset_by_places, offset_by_shots
from airbeat.frames.meta import FrameMeta
from airbeat.frames.pairing import complete_from_telemetry
from airbeat.frames.telemetry import read_telemetry
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame, distance_m
from airbeat.link.dialect import mavlink

HOME = LatLon(lat_deg=47.5, lon_deg=8.25)
START = datetime(2026, 5, 1, 10, 0, 0, tzinfo=UTC)


def _shots(count: int, rng: np.random.Generator, jitter_s: float = 0.15) -> np.ndarray:
    """Times of exposures along lines: every two seconds, pauses at the turns."""
    gaps = 2.0 + rng.normal(0, jitter_s, count)
    gaps[::9] += rng.uniform(3, 9, len(gaps[::9]))
    return 100.0 + np.cumsum(gaps)


def _place(time_s: float) -> LatLon:
    """A flight on a curve that does not cross itself, about 8 m/s."""
    angle = time_s / 60
    radius = 100 + time_s
    return LocalFrame(HOME).to_latlon([(radius * math.sin(angle), radius * math.cos(angle))])[0]


def _frames(times_s: np.ndarray, **changes: object) -> list[FrameMeta]:
    return [
        FrameMeta(
            path=Path(f"IMG_{i:04d}.JPG"),
            width_px=4000,
            height_px=3000,
            local_time=(START + timedelta(seconds=float(t))).replace(tzinfo=None),
            **changes,  # type: ignore[arg-type]
        )
        for i, t in enumerate(times_s)
    ]


# Logs written here


def _fmt(number: int, name: str, packed: str, letters: str, columns: str) -> bytes:
    length = struct.calcsize("<" + packed) + 3
    body = struct.pack("<BB4s16s64s", number, length, name.encode(), letters.encode(), columns.encode())
    return b"\xa3\x95\x80" + body


def _dataflash(path: Path, times_s: np.ndarray, *, gps_week: int = 0) -> Path:
    packed, letters = "QBIIHiiiiihhH", "QBIIHLLeeeccC"
    log = _fmt(128, "FMT", "BB4s16s64s", "BBnNZ", "Type,Length,Name,Format,Columns")
    log += _fmt(97, "CAM", packed, letters, "TimeUS,I,Img,GPSTime,GPSWeek,Lat,Lng,Alt,RelAlt,GPSAlt,R,P,Y")
    for i, t in enumerate(times_s):
        place = _place(float(t))
        lat, lon = round(place.lat_deg * 1e7), round(place.lon_deg * 1e7)
        values = (round(t * 1e6), 0, i, 0, gps_week, lat, lon, 45_000, 6_000, 45_100, -150, 275, 27_050)
        log += b"\xa3\x95\x61" + struct.pack("<" + packed, *values)
    path.write_bytes(log)
    return path


def _tlog(path: Path, *, seconds: int = 300, gps: bool = True, gimbal: bool = True) -> Path:
    """Telemetry twice a second; the vehicle booted at START."""
    sender = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    out = bytearray()

    def put(message: object, boot_ms: int) -> None:
        stamp_us = round((START.timestamp() + boot_ms / 1000 + 4.0) * 1e6)  # the station's clock is 4 s fast
        out.extend(stamp_us.to_bytes(8, "big") + message.pack(sender))  # type: ignore[attr-defined]

    for ms in range(0, seconds * 1000, 500):
        place = _place(ms / 1000)
        lat, lon = round(place.lat_deg * 1e7), round(place.lon_deg * 1e7)
        heading = math.radians(ms / 1000 % 360 - 180)
        if gps:
            put(mavlink.MAVLink_system_time_message(round(START.timestamp() * 1e6) + ms * 1000, ms), ms)
        put(mavlink.MAVLink_attitude_message(ms, 0.01, 0.02, heading, 0, 0, 0), ms)
        if gimbal:
            put(mavlink.MAVLink_mount_orientation_message(ms, 1.0, -60.0, 5.0, 40.0), ms)
        put(
            mavlink.MAVLink_global_position_int_message(ms, lat, lon, 460_000, 60_000, 0, 0, 0, 0),
            ms,
        )
    path.write_bytes(bytes(out))
    return path


def _srt(path: Path, entry: Callable[[float], str], seconds: int = 200) -> Path:
    blocks = []
    for i in range(seconds):
        clock = f"{i // 3600:02d}:{i // 60 % 60:02d}:{i % 60:02d}"
        blocks.append(f"{i + 1}\n{clock},000 --> {clock},900\n{entry(float(i))}\n\n")
    path.write_text("".join(blocks), encoding="utf-8")
    return path


# Pairing


def test_photographs_without_places_are_matched_to_logged_exposures_by_their_rhythm(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    shots = _shots(120, rng)
    log = _dataflash(tmp_path / "flight.bin", shots)
    kept = np.sort(rng.choice(120, 90, replace=False))  # thirty photographs were deleted
    frames = _frames(shots[kept] - 4000.0 + rng.normal(0, 0.03, 90))
    done = complete_from_telemetry(frames, log, camera_pitch_deg=-90.0)
    for meta, time_s in zip(done, shots[kept], strict=True):
        assert meta.position is not None
        assert distance_m(meta.position, _place(float(time_s))) < 0.1
        assert meta.height_above_home_m == pytest.approx(60.0)
        assert meta.amsl_m == pytest.approx(450.0)
        assert meta.flight_yaw_deg == pytest.approx(270.5)
        assert (meta.gimbal_yaw_deg, meta.gimbal_pitch_deg) == pytest.approx((270.5, -90.0))
        assert meta.telemetry == "flight.bin"
        assert re.search(r"begins at 2026-05-01 08:53:(19.9|20.0)\d by the camera", meta.findings[-2])
        assert "90 of 90 photographs agree, residual 0.0" in meta.findings[-2]


def test_times_of_whole_seconds_still_find_the_offset_of_an_uneven_flight(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    shots = _shots(120, rng)
    done = complete_from_telemetry(
        _frames(np.floor(shots[10:100] + 7200.0)), _dataflash(tmp_path / "flight.bin", shots)
    )
    for meta, time_s in zip(done, shots[10:100], strict=True):
        assert meta.position is not None
        assert distance_m(meta.position, _place(float(time_s))) < 0.1


def test_an_even_rhythm_with_a_photograph_missing_is_ambiguous_and_refused(tmp_path: Path) -> None:
    shots = 100.0 + 2.0 * np.arange(60)
    log = _dataflash(tmp_path / "flight.bin", shots)
    with pytest.raises(FrameError, match=r"flight\.bin: the clock offset is ambiguous: .* fits 59"):
        complete_from_telemetry(_frames(shots[:-1] + 500.0), log)
    whole = complete_from_telemetry(_frames(shots + 500.0), log)  # all there: only one offset fits them all
    assert distance_m(whole[7].position or HOME, _place(shots[7])) < 0.1


def test_photographs_of_another_flight_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    log = _dataflash(tmp_path / "flight.bin", _shots(60, rng))
    with pytest.raises(FrameError, match=r"agree with the telemetry at any|ambiguous"):
        complete_from_telemetry(_frames(np.cumsum(rng.uniform(3, 30, 40))), log)


def test_photographs_without_any_time_are_paired_in_order_only_if_all_are_there(tmp_path: Path) -> None:
    shots = _shots(20, np.random.default_rng(4))
    log = _dataflash(tmp_path / "flight.bin", shots)
    frames = [replace(f, local_time=None) for f in _frames(shots)]
    done = complete_from_telemetry(frames, log)
    assert distance_m(done[5].position or HOME, _place(shots[5])) < 0.1
    assert "in the order of their names" in " ".join(done[5].findings)
    with pytest.raises(FrameError, match="19 of them for 20 logged exposures"):
        complete_from_telemetry(frames[1:], log)


def test_places_of_the_photographs_tell_the_offset_to_a_track(tmp_path: Path) -> None:
    """A camera with GPS but without height or angles, its clock an hour and a bit off."""
    rng = np.random.default_rng(5)
    log = _tlog(tmp_path / "flight.tlog")
    times = np.arange(20.0, 280.0, 6.0)
    noisy = [LocalFrame(_place(t)).to_latlon([tuple(rng.normal(0, 2.0, 2))])[0] for t in times]
    frames = [replace(f, position=p) for f, p in zip(_frames(np.floor(times - 3723.0)), noisy, strict=True)]
    done = complete_from_telemetry(frames, log)
    said = " ".join(done[3].findings)
    assert "by the photographs' own positions: 44 of 44 photographs agree" in said
    offset = float(said.partition("clock offset ")[2].split()[0])
    assert offset == pytest.approx(3723.0, abs=0.3)
    assert done[3].position == noisy[3], "what the photograph says itself is kept"
    assert done[3].height_above_home_m == pytest.approx(60.0)
    assert (done[3].gimbal_yaw_deg, done[3].gimbal_pitch_deg) == pytest.approx((40.0, -60.0))


def test_two_utc_clocks_are_taken_at_their_word_and_that_is_said(tmp_path: Path) -> None:
    frames = [
        replace(f, time_utc=START + timedelta(seconds=t), local_time=None)
        for f, t in zip(_frames(np.array([50.25, 400.0])), (50.25, 400.0), strict=True)
    ]
    inside, outside = complete_from_telemetry(frames, _tlog(tmp_path / "flight.tlog"))
    assert distance_m(inside.position or HOME, _place(50.25)) < 0.5, "between two samples"
    assert "both clocks say UTC and nothing else tells their offset" in " ".join(inside.findings)
    assert outside.position is None
    assert "says nothing of the time" in outside.findings[-1]


def test_a_log_without_gps_time_is_by_the_ground_stations_clock(tmp_path: Path) -> None:
    telemetry = read_telemetry(_tlog(tmp_path / "a.tlog", gps=False))
    assert telemetry.clock == "the ground station"
    assert telemetry.track.times_s[0] == pytest.approx(START.timestamp() + 4.0, abs=0.01)


def test_a_damaged_telemetry_log_is_read_around_the_damage(tmp_path: Path) -> None:
    path = _tlog(tmp_path / "a.tlog", seconds=60)
    data = bytearray(path.read_bytes())
    data[3000:3400] = b"\xfd" * 400
    path.write_bytes(bytes(data[:-7]))
    assert len(read_telemetry(path).track) > 100


NEW = (
    '<font size="28">FrameCnt: {n}, DiffTime: 33ms\n{clock}\n[iso: 100] [shutter: 1/944.10] [fnum: 3.7] '
    "[focal_len: 24.0] [dzoom_ratio: 1.00], [latitude: {lat:.6f}] [longitude: {lon:.6f}] "
    "[rel_alt: 62.370 abs_alt: 227.373] [gb_yaw: -142.5 gb_pitch: -28.7 gb_roll: 0.0] </font>"
)
OLD = "HOME(8.25,47.5) {old}\nGPS({lon:.6f},{lat:.6f},16) BAROMETER:62.4\nISO:100 Shutter:60 EV: Fnum:2.2"
MINI = "F/2.8, SS 206.03, ISO 150, EV 0, GPS ({lon:.6f}, {lat:.6f}, 15), D 24.1m, H 62.40m, H.S 4.5m/s"


@pytest.mark.parametrize(("dialect", "clocked"), [(NEW, True), (OLD, True), (MINI, False)])
def test_each_dialect_of_dji_subtitles_is_read(tmp_path: Path, dialect: str, clocked: bool) -> None:
    def entry(t: float) -> str:
        place, now = _place(t), START + timedelta(seconds=t)
        return dialect.format(
            n=int(t),
            clock=now.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
            old=now.strftime("%Y.%m.%d %H:%M:%S"),
            lat=place.lat_deg,
            lon=place.lon_deg,
        )

    track = read_telemetry(_srt(tmp_path / "DJI_0001.SRT", entry)).track
    assert len(track) == 200
    assert track.times_s[7] == pytest.approx(START.timestamp() + 7 if clocked else 7.0)
    here = LatLon(lat_deg=track.lat_deg[7], lon_deg=track.lon_deg[7])
    assert distance_m(here, _place(7.0)) < 0.2
    assert track.home_m[7] == pytest.approx(62.4, abs=0.05)
    if dialect is NEW:
        assert track.gimbal[7].tolist() == [-142.5, -28.7, 0.0]
        assert track.amsl_m[7] == pytest.approx(227.373)


@pytest.mark.parametrize(
    ("name", "content", "wording"),
    [
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nHello\n", "say no place"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n[latitude: 0.0] [longitude: 0.0]\n", "say no place"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n[latitude: 95.0] [longitude: 1e9]\n", "say no place"),
        ("a.srt", "", "say no place"),
        ("a.srt", "no subtitles", "say no place"),
        ("a.tlog", "", "empty"),
        ("a.tlog", "no log" * 100, "no position"),
        ("a.csv", "time,lat", "not known"),
    ],
)
def test_what_is_no_telemetry_is_refused(tmp_path: Path, name: str, content: str, wording: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputFileError, match=wording):
        read_telemetry(path)


# The offset alone


@pytest.mark.parametrize("seed", range(8))
def test_the_offset_is_found_to_hundredths_or_refused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shots = _shots(80, rng)
    kept = np.sort(rng.choice(80, int(rng.integers(20, 80)), replace=False))
    offset = float(rng.uniform(-40_000, 40_000))
    found = offset_by_shots(shots[kept] - offset + rng.normal(0, 0.02, len(kept)), shots)
    assert found.offset_s == pytest.approx(offset, abs=0.02)
    assert found.matched == len(kept)


def test_a_straight_flight_at_even_speed_still_ends_somewhere() -> None:
    """Positions along one line tell the offset as the line is flown once."""
    times = np.arange(0.0, 60.0, 0.5)
    track = np.column_stack([5.0 * times, np.zeros(len(times))])
    frames = np.arange(10.0, 50.0, 4.0)
    found = offset_by_places(frames - 77.0, np.column_stack([5.0 * frames, np.zeros(10)]), times, track)
    assert found.offset_s == pytest.approx(77.0, abs=0.1)


def test_a_line_flown_to_and_fro_is_told_by_its_ends() -> None:
    times = np.arange(0.0, 240.0, 0.5)
    along = 300 * np.abs((times / 60) % 2 - 1)
    track = np.column_stack([along, np.zeros(len(times))])
    frames = np.arange(10.0, 50.0, 4.0)
    xy = np.column_stack([300 * np.abs((frames / 60) % 2 - 1), np.zeros(10)])
    with pytest.raises(FrameError, match="ambiguous"):
        offset_by_places(frames, xy, times, track)
