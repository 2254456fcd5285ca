"""Plan random areas with holes and keep-outs and count violations, for as many seeds as asked for.

    python tests/bench/planning_random.py --first 0 --count 5000 [--log FILE]

Each area is checked as tests/property does: no crash, no metre more than 0.5 m outside the free area
(declared transits between parts excepted) or in a hole or keep-out, coverage of at least 0.998 of what can be
reached, and the program's own coverage within 0.002 of what is measured. With ``--log`` every seed's verdict
is appended to a file, and seeds found there are not planned again. Exits with 1 where there was a violation
or a crash.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "property"))

from test_planning_coverage import random_area, violations


def verdict(seed: int) -> str:
    """``ok``, ``small`` (nothing to plan), ``violation …`` or ``crash …``."""
    area, keepouts, swath = random_area(seed)
    try:
        found = violations(area, keepouts, swath)
    except Exception as error:  # noqa: BLE001 - a crash of any kind is what this bench counts
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"crash {type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
    if found is None:
        return "small"
    return f"violation {'; '.join(found)}" if found else "ok"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--log", type=Path, help="verdicts so far; seeds in it are not planned again")
    options = parser.parse_args()
    known: dict[int, str] = {}
    if options.log and options.log.exists():
        for line in options.log.read_text().splitlines():
            seed, _, text = line.partition(" ")
            known[int(seed)] = text
    counts: collections.Counter[str] = collections.Counter()
    began = time.process_time()
    for seed in range(options.first, options.first + options.count):
        text = known.get(seed)
        if text is None:
            text = verdict(seed)
            if options.log:
                with options.log.open("a") as file:
                    file.write(f"{seed} {text}\n")
        kind = text.split()[0]
        counts[kind] += 1
        if kind in ("violation", "crash"):
            sys.stdout.write(f"seed {seed}: {text}\n")
        if (seed - options.first) % 100 == 99:
            sys.stdout.write(f"{sum(counts.values())} areas: {dict(counts)}\n")
            sys.stdout.flush()
    sys.stdout.write(
        f"{sum(counts.values())} areas: {counts['violation']} violations, {counts['crash']} crashes, "
        f"{counts['small']} smaller than a swath, {time.process_time() - began:.0f} s of processor time\n"
    )
    sys.exit(1 if counts["violation"] or counts["crash"] else 0)


if __name__ == "__main__":
    main()
