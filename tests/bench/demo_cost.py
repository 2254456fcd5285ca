"""What `airbeat demo` and `airbeat --help` cost here: seconds and memory, printed as a table.

    python tests/bench/demo_cost.py [--seeds 0 1 2 …]

Wall time is given beside two yardsticks measured in the same run, so that figures of different machines
compare: decoding the demo's own photographs with OpenCV in one thread, and starting bare Python.
Memory is the largest sum of proportional set sizes (PSS) over the whole process tree, sampled ten times
a second, so that pages shared by workers count once.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import psutil


def _tree_pss_bytes(root: psutil.Process) -> int:
    total = 0
    for process in [root, *root.children(recursive=True)]:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue  # it ended between listing and asking
    return total


def run_demo(seed: int, out_dir: Path) -> tuple[dict[str, object], float, int]:
    """One demo as a user runs it: its JSON, wall seconds and peak bytes."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "airbeat", "demo", "--json", "--seed", str(seed), "--out", str(out_dir)],
        stdout=subprocess.PIPE,
        text=True,
    )
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        try:
            peak = max(peak, _tree_pss_bytes(watched))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.1)
    output, _ = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"the demo with seed {seed} exited with {process.returncode}")
    return json.loads(output), time.perf_counter() - start, peak


def decode_seconds(folder: Path) -> float:
    """Seconds to decode every photograph below a folder, one thread."""
    cv2.setNumThreads(1)
    start = time.perf_counter()
    for photo in sorted(folder.rglob("*.JPG")):
        cv2.imread(str(photo))
    return time.perf_counter() - start


def start_seconds(arguments: list[str]) -> float:
    """The median of five starts."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return sorted(times)[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    seeds = parser.parse_args().seeds
    bare, helped = start_seconds(["-c", "pass"]), start_seconds(["-m", "airbeat", "--help"])
    print(f"airbeat --help {helped:.2f} s = {helped / bare:.1f} x bare Python ({bare:.2f} s)")
    keys = ["persons_planted", "persons_found", "false_candidates_per_frame", "median_position_error_m"]
    keys += ["coverage_fraction", "outside_fence_m", "frames"]
    print("| seed | wall s | x decoding | peak MB | " + " | ".join(keys) + " |")
    print("|---" * (len(keys) + 4) + "|")
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            out_dir = Path(folder) / "demo"
            result, wall_s, peak = run_demo(seed, out_dir)
            decode_s = decode_seconds(out_dir)
        cells = [f"{result[k]:.4g}" if isinstance(result[k], float) else str(result[k]) for k in keys]
        row = [str(seed), f"{wall_s:.1f}", f"{wall_s / decode_s:.1f}", f"{peak / 1e6:.0f}", *cells]
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
