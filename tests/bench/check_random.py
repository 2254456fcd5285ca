"""Plan random areas with holes and keep-outs and count the plans in which the checker finds an error.

    python tests/bench/check_random.py --first 0 --count 2000 [--log FILE]

The missions are those of tests/property/test_checked_plans.py. ``skipped`` seeds give no mission (no ground,
no home), ``refused`` ones no plan; both are not counted as plans. With ``--log`` every seed's verdict is
appended to a file, and seeds found there are not planned again. Exits with 1 where there was an error.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "property"))

from test_checked_plans import errors_of, random_mission

from airbeat.errors import PlanningError


def verdict(seed: int) -> str:
    """``ok``, ``skipped``, ``refused …`` or ``error …``."""
    mission = random_mission(seed)
    if mission is None:
        return "skipped"
    try:
        found, sorties = errors_of(mission)
    except PlanningError as refusal:
        return f"refused {refusal.message}"
    if found:
        return "error " + "; ".join(f"{f.code} {f.message}" for f in found[:3])
    return f"ok {len(sorties)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, default=2000, help="plans to make")
    parser.add_argument("--log", type=Path, help="verdicts so far; seeds in it are not planned again")
    options = parser.parse_args()
    known: dict[int, str] = {}
    if options.log and options.log.exists():
        for line in options.log.read_text().splitlines():
            number, _, text = line.partition(" ")
            known[int(number)] = text
    counts: collections.Counter[str] = collections.Counter()
    began = time.process_time()
    seed = options.first
    while counts["ok"] + counts["error"] < options.count:
        text = known.get(seed) or verdict(seed)
        if options.log and seed not in known:
            with options.log.open("a") as file:
                file.write(f"{seed} {text}\n")
        kind = text.split()[0]
        counts[kind] += 1
        if kind == "error":
            sys.stdout.write(f"seed {seed}: {text}\n")
        seed += 1
    sys.stdout.write(
        f"{counts['ok'] + counts['error']} plans of seeds {options.first} to {seed - 1}: {counts['error']} "
        f"with an error, {counts['refused']} refused, {counts['skipped']} skipped, "
        f"{time.process_time() - began:.0f} s of processor time\n"
    )
    sys.exit(1 if counts["error"] else 0)


if __name__ == "__main__":
    main()
