"""Seeded fault runs of upload against a real ArduPilot SITL, or the embedded vehicle.

    python tests/bench/upload_faults.py --vehicle ardupilot --runs 1000 --out runs.jsonl [--workers 4]

Every run puts a known content on the vehicle, uploads another one over a bad link (see ``link_faults``) and
reads the vehicle over a second, clean link. A run is good when everything that the verdict said is so;
anything else counts as a silent partial mission. Runs that are in the result file are not made again.
The exit status is 1 when there was one, or when a run could not be judged.
"""

from __future__ import annotations

import argparse
import collections
import faulthandler
import json
import multiprocessing
import queue
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from link_faults import Faults

_TRIES = 3


def one_run(vehicle: Any, seed: int) -> dict[str, Any]:
    """A row of the result file."""
    faults = Faults.of(seed)
    judgement, notes = vehicle.run(faults)
    return {
        "seed": seed,
        "kind": judgement.kind,
        "silent": judgement.silent,
        "faults": faults.to_json(),
        "vehicle": vehicle.version,
    } | notes


def work(kind: str, pace: float, seeds: Any, rows: Any) -> None:
    """A worker: one vehicle, run after run; a vehicle that cannot be used any more is replaced."""
    faulthandler.register(signal.SIGUSR1)
    parent = multiprocessing.parent_process()
    while True:
        try:
            seed = seeds.get(timeout=1.0)
        except queue.Empty:
            rows.put(None)
            return
        for _ in range(_TRIES):
            try:
                with start(kind, pace) as vehicle:
                    while True:
                        if parent is not None and not parent.is_alive():
                            return
                        rows.put(one_run(vehicle, seed))
                        try:
                            seed = seeds.get(timeout=1.0)
                        except queue.Empty:
                            rows.put(None)
                            return
            except Exception:  # noqa: BLE001 - whatever stops a run is reported and the run made again
                print(f"seed {seed}: {traceback.format_exc()}", file=sys.stderr, flush=True)
        rows.put({"seed": seed, "kind": "not judged", "silent": ["the run failed three times"]})


def start(kind: str, pace: float) -> Any:
    """A vehicle, as a context manager."""
    if kind == "ardupilot":
        from faulty_ardupilot import FaultyArduPilot

        return FaultyArduPilot(pace=pace)
    from faulty_embedded import FaultyEmbedded

    return FaultyEmbedded()


def summary(rows: list[dict[str, Any]]) -> str:
    """Counts by kind of outcome."""
    kinds = collections.Counter(row["kind"] for row in rows)
    silent = [row["seed"] for row in rows if row["silent"]]
    lines = [f"{len(rows)} runs"] + [f"{n:5d}  {kind}" for kind, n in kinds.most_common()]
    return "\n".join([*lines, f"silent partial missions: {len(silent)} {silent or ''}"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--vehicle", choices=("ardupilot", "embedded"), default="ardupilot")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, nargs="+", help="only these, again")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--speedup", type=float, default=20.0, help="of ArduPilot and of all its clocks")
    parser.add_argument("--out", type=Path, required=True, help="result file, JSON lines; appended to")
    args = parser.parse_args()
    rows = [json.loads(x) for x in args.out.read_text("utf-8").splitlines()] if args.out.exists() else []
    wanted = args.seeds or range(args.first_seed, args.first_seed + args.runs)
    rows = [r for r in rows if r["seed"] in wanted and not args.seeds]
    missing = [s for s in wanted if s not in {r["seed"] for r in rows}]
    context = multiprocessing.get_context("spawn")
    seeds, done = context.Queue(), context.Queue()
    for seed in missing:
        seeds.put(seed)
    workers = [
        context.Process(target=work, args=(args.vehicle, args.speedup, seeds, done))
        for _ in range(min(args.workers, len(missing)))
    ]
    start_s = time.monotonic()
    for process in workers:
        process.start()
    running = len(workers)
    with args.out.open("a", encoding="utf-8") as out:
        while running:
            try:
                row = done.get(timeout=10.0)
            except queue.Empty:
                if not any(p.is_alive() for p in workers):
                    break
                continue
            if row is None:
                running -= 1
                continue
            rows.append(row)
            out.write(json.dumps(row) + "\n")
            out.flush()
            words = f"seed {row['seed']}: {row['kind']} {row['silent'] or ''}"
            print(f"{time.monotonic() - start_s:7.1f} s  {words}", file=sys.stderr, flush=True)
    for process in workers:
        process.join()
    print(summary(rows))
    return int(any(row["silent"] for row in rows) or len(rows) < len(wanted))


if __name__ == "__main__":
    sys.exit(main())
