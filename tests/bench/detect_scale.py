"""Searches large folders: peak memory by the number of frames, and a search that is killed and started again.

    python tests/bench/detect_scale.py                 # 200 and 2,000 frames of 12 megapixels; 300 killed
    python tests/bench/detect_scale.py --short         # the same with few small frames, in about a minute

The frames show synthetic grass with figures, at a GSD of 1 cm, on the lines of a survey. There are
`--distinct` pictures; the others are copies of them that differ in a few bytes behind the picture and in
their place, so that every file is another frame, searched like one. Nothing here is about finding people.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import psutil
from PIL import Image

LARGE, SMALL = (4000, 3000), (800, 600)
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/"'
    ' drone-dji:RelativeAltitude="+30.00" drone-dji:AbsoluteAltitude="+330.00"'
    ' drone-dji:GimbalYawDegree="+0.00" drone-dji:GimbalPitchDegree="-90.00"'
    ' drone-dji:GimbalRollDegree="+0.00" drone-dji:CalibratedFocalLength="{focal_px}"'
    ' drone-dji:GpsLatitude="{lat:+.7f}" drone-dji:GpsLongitude="{lon:+.7f}"/></rdf:RDF></x:xmpmeta>'
)


def pictures(count: int, size: tuple[int, int], seed: int) -> list[bytes]:
    """JPEG pictures of grass with figures."""
    random = np.random.default_rng(seed)
    width, height = size
    base = random.normal(0, 1, (height // 4 + 64, width // 4 + 64, 3)).astype(np.float32)
    base = np.array((55, 105, 90), np.float32) + 25 * cv2.GaussianBlur(base, (0, 0), 1.5)
    made = []
    for _ in range(count):
        x, y = random.integers(0, 64, 2)
        piece = base[y : y + height // 4, x : x + width // 4]
        image = cv2.resize(np.clip(piece, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_CUBIC)
        for _ in range(int(random.integers(0, 4))):
            at = (int(random.integers(50, width - 50)), int(random.integers(50, height - 50)))
            colour = tuple(int(v) for v in random.integers(0, 255, 3))
            cv2.ellipse(image, at, (18, 70), float(random.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
        made.append(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
    return made


def write_frames(folder: Path, count: int, *, distinct: int, size: tuple[int, int], seed: int) -> None:
    """Frames of a survey's lines, each at its own place."""
    folder.mkdir(parents=True)
    shown = pictures(min(distinct, count), size, seed)
    for number in range(count):
        line, step = divmod(number, 50)
        lat, lon = 51.0 + 9e-5 * step, 8.0 + 2.4e-4 * line
        picture = shown[number % len(shown)]
        (folder / f"DJI_{number:05d}.JPG").write_bytes(_with_place(picture, lat, lon, size))


def _with_place(jpeg: bytes, lat: float, lon: float, size: tuple[int, int]) -> bytes:
    """The picture with EXIF and XMP put before its data; the coded data stay as they are."""
    exif = Image.Exif()
    exif[0x0110] = "BENCH"
    buffer = io.BytesIO()
    text = XMP.format(focal_px=size[0] * 0.75, lat=lat, lon=lon)
    Image.new("L", (8, 8)).save(buffer, "JPEG", exif=exif, xmp=text.encode())
    head = buffer.getvalue()
    end = 2
    while head[end + 1] in {0xE0, 0xE1}:
        end += 2 + int.from_bytes(head[end + 2 : end + 4], "big")
    return head[:end] + jpeg[2:]


def command(folder: Path, out: Path, workers: int) -> list[str]:
    gsd = str(float(Fraction(1, 100)))
    return [
        sys.executable, "-m", "airbeat", "detect", str(folder), "--out", str(out),
        "--workers", str(workers), "--detector", "exercise", "--gsd-m-px", gsd, "--overwrite", "--json",
    ]  # fmt: skip


class Peak:
    """The most memory that a process and each of those below it ever took, looked at all the time [MB]."""

    def __init__(self, pid: int) -> None:
        self.parent_mb = self.worker_mb = self.sum_mb = 0.0
        self._process = psutil.Process(pid)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE:
            try:
                parent = self._process.memory_info().rss / 1e6
                below = [p.memory_info().rss / 1e6 for p in self._process.children(recursive=True)]
            except psutil.Error:
                continue
            self.parent_mb = max(self.parent_mb, parent)
            self.worker_mb = max(self.worker_mb, *below, 0.0)
            self.sum_mb = max(self.sum_mb, parent + sum(below))
            time.sleep(0.1)


def memory(folder: Path, out: Path, workers: int) -> dict[str, float]:
    """Search a folder whole: peak memory and processor time."""
    before = os.times()
    process = subprocess.Popen(command(folder, out, workers), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    peak = Peak(process.pid)
    stdout, stderr = process.communicate()
    after = os.times()
    assert process.returncode == 0, stderr.decode()
    result = json.loads(stdout)
    return {
        "frames": result["frames_searched"],
        "boxes": result["boxes"],
        "candidates": result["candidates"],
        "parent_mb": round(peak.parent_mb),
        "largest_worker_mb": round(peak.worker_mb),
        "all_mb": round(peak.sum_mb),
        "cpu_s": round(
            after.children_user + after.children_system - before.children_user - before.children_system
        ),
    }


def killed(folder: Path, out: Path, workers: int, *, kills: int) -> dict[str, int]:
    """Search a folder and kill it (SIGKILL) as often, at even shares of its frames; then let it end."""
    frames = len(list(folder.iterdir()))
    journal = out / "work" / "frames.jsonl"
    done_at_kill = []
    for number in range(kills):
        goal = frames * (number + 1) // (kills + 1)
        process = subprocess.Popen(
            command(folder, out, workers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and _lines(journal) < goal:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        done_at_kill.append(_lines(journal))
        assert not (out / "candidates.json").exists()
    done = subprocess.run(command(folder, out, workers), capture_output=True, check=True)
    result = json.loads(done.stdout)
    return {
        "frames": result["frames_searched"],
        "finished_at_last_kill": done_at_kill[-1],
        "taken_over": result["frames_taken_over"],
    }


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--frames", type=int, nargs=2, default=(200, 2000))
    parser.add_argument("--killed", type=int, default=300, help="frames of the search that is killed")
    parser.add_argument("--distinct", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to put the frames")
    options = parser.parse_args()
    few, many = (20, 100) if options.short else options.frames
    size = SMALL if options.short else LARGE
    distinct = 20 if options.short else options.distinct
    count = 30 if options.short else options.killed
    with tempfile.TemporaryDirectory(dir=options.folder) as work:
        base = Path(work)
        for frames in (few, many):
            write_frames(base / f"{frames}", frames, distinct=distinct, size=size, seed=options.seed)
            print(json.dumps(memory(base / f"{frames}", base / f"out-{frames}", options.workers)), flush=True)
        write_frames(base / "whole", count, distinct=distinct, size=size, seed=options.seed)
        whole, broken = base / "out-whole", base / "out-broken"
        subprocess.run(command(base / "whole", whole, options.workers), capture_output=True, check=True)
        print(json.dumps(killed(base / "whole", broken, options.workers, kills=3)), flush=True)
        for name in ("candidates.json", "candidates.geojson", "contact-sheet.jpg"):
            same = (whole / name).read_bytes() == (broken / name).read_bytes()
            print(f"{name}: {'identical' if same else 'DIFFERENT'}", flush=True)


if __name__ == "__main__":
    main()
