"""Photographs of the embedded camera with their ground truth beside them.

Run: python tests/bench/embedded_frames.py OUT 100 101 …
     python tests/bench/embedded_frames.py --dense OUT 200 201 …
     python tests/bench/embedded_frames.py --dense --most 4 OUT 300 301 …
Writes OUT/<seed>/DJI_0001.JPG … and OUT/<seed>.truth.json. 330 x 300 m. As a search flies them: 30 poses,
24 persons, GSD about 2.5 cm, about 30 % overlap; GPS, height, heading and gimbal carry errors as a small
multicopter's would. Dense, to train on: 12 poses apart, 360 persons, GSD 2…3 cm, any heading, no errors.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import shapely

from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame
from airbeat.sim.camera import EmbeddedCamera
from airbeat.sim.ground import Ground
from airbeat.sim.shot import CameraShot
from airbeat.vehicle.camera import Camera, camera_profile

HOME = LatLon(lat_deg=51.18, lon_deg=8.49)
WIDTH_M, DEPTH_M, FROM_HOME_M = 330.0, 300.0, 20.0
SPACING_M, STEP_M = 66.0, 52.0
PERSONS, DENSE_PERSONS = 24, 360


def poses(seed: int, frame: LocalFrame, height_m: float) -> list[CameraShot]:
    """A boustrophedon of nadir shots with measurement errors: shared offsets and jitter."""
    random = np.random.default_rng([seed, 77])
    offset_m, height_offset_m, yaw_offset_deg = (
        random.normal(0, 1.0, 2),
        random.normal(0, 0.7),
        random.normal(0, 1.5),
    )
    shots: list[CameraShot] = []
    for line, x in enumerate(np.arange(-WIDTH_M / 2 + 35, WIDTH_M / 2 + 1, SPACING_M)):
        northings = np.arange(FROM_HOME_M + 20, FROM_HOME_M + DEPTH_M + 10, STEP_M)
        for y in northings if line % 2 == 0 else northings[::-1]:
            true = np.array([x + random.normal(0, 0.3), y])
            measured = true + offset_m + random.normal(0, 0.4, 2)
            position, said = frame.to_latlon([true, measured])
            yaw = (0.0 if line % 2 == 0 else 180.0) + random.normal(0, 1.0)
            shots.append(
                CameraShot(
                    index=len(shots) + 1,
                    time_s=6.0 * len(shots),
                    position=position,
                    height_above_home_m=height_m + random.normal(0, 0.2),
                    amsl_m=420.0 + height_m,
                    roll_deg=0.0,
                    pitch_deg=-3.0,
                    yaw_deg=yaw,
                    gimbal_pitch_deg=-90 + abs(random.normal(0, 0.2)),
                    gimbal_yaw_deg=yaw,
                    gimbal_roll_deg=random.normal(0, 0.2),
                    measured_position=said,
                    measured_height_above_home_m=height_m + height_offset_m,
                    measured_yaw_deg=(yaw + yaw_offset_deg) % 360,
                )
            )
    return shots


def dense_poses(seed: int, frame: LocalFrame, camera: Camera) -> list[CameraShot]:
    """Nadir shots that hardly overlap, each at a GSD and heading of its own, exactly measured."""
    random = np.random.default_rng([seed, 78])
    shots: list[CameraShot] = []
    for x in (-110, 0, 110):
        for y in (65, 135, 205, 275):
            height_m = camera.height_for_gsd_m(random.uniform(0.02, 0.03))
            yaw = random.uniform(0, 360)
            position = frame.to_latlon([(x + random.normal(0, 2), y + random.normal(0, 2))])[0]
            shots.append(
                CameraShot(
                    index=len(shots) + 1,
                    time_s=6.0 * len(shots),
                    position=position,
                    height_above_home_m=height_m,
                    amsl_m=420.0 + height_m,
                    roll_deg=0.0,
                    pitch_deg=-3.0,
                    yaw_deg=yaw,
                    gimbal_pitch_deg=-90 + abs(random.normal(0, 2.0)),
                    gimbal_yaw_deg=yaw,
                    gimbal_roll_deg=random.normal(0, 0.3),
                    measured_position=position,
                    measured_height_above_home_m=height_m,
                    measured_yaw_deg=yaw,
                )
            )
    return shots


def photograph(seed: int, out: Path, *, dense: bool, most: int) -> None:
    """One seed's photographs and truth."""
    frame = LocalFrame(HOME)
    area = frame.to_geographic(shapely.box(-WIDTH_M / 2, FROM_HOME_M, WIDTH_M / 2, FROM_HOME_M + DEPTH_M))
    persons = DENSE_PERSONS if dense else PERSONS
    ground = Ground(seed=seed, frame=frame, area=area, home=HOME, persons=persons)
    profile = camera_profile("embedded-12mp")
    camera = EmbeddedCamera(ground, profile, out / str(seed), workers=1)
    shots = (
        dense_poses(seed, frame, profile) if dense else poses(seed, frame, profile.height_for_gsd_m(0.025))
    )
    for shot in shots[:most]:
        camera.capture(shot)
    camera.close()
    ground.write_truth(out / f"{seed}.truth.json", camera.seen)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--dense", action="store_true", help="many persons, to train on")
    parser.add_argument("--most", type=int, default=30, help="photographs of a seed, at most")
    options = parser.parse_args()
    for one in options.seeds:
        photograph(one, options.out, dense=options.dense, most=options.most)
