"""Our policy on DSSE (PyPI ``DSSE``), its own simulator: 40 × 40 cells, 4 drones, one person adrift.

    python tests/bench/search_dsse.py [--episodes 2000] [--seed 1] [--policies ours,greedy]

The simulator is used as it is installed. ``greedy`` flies the drones to the most probable cells, one
each, and looks; ``ours`` is airbeat.search.moving. Printed: share of episodes in which
the person is found, with the 95 % interval of Wilson, and the mean step of the find.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import random
import time
from typing import Any

import numpy as np

from airbeat.search.moving import MovingBelief, assigned

SEARCH = 8
MOVES = {
    (0, -1): 0, (0, 1): 1, (-1, 0): 2, (1, 0): 3, (-1, -1): 4, (-1, 1): 5, (1, -1): 6, (1, 1): 7,
}  # fmt: skip


def toward(at: tuple[int, int], target: tuple[int, int]) -> int:
    """The action that goes one step from (row, column) to another, or looks where it is."""
    step = (int(np.sign(target[0] - at[0])), int(np.sign(target[1] - at[1])))
    return SEARCH if step == (0, 0) else MOVES[step]


def greedy(belief: np.ndarray, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    order = np.argsort(-belief, axis=None)[: len(places)]
    return [(int(k) // belief.shape[1], int(k) % belief.shape[1]) for k in order]


def episode(env: Any, policy: str, detection: float) -> tuple[bool, int]:
    observations, _ = env.reset(options={"drones_positions": START})
    belief = MovingBelief((env.grid_size, env.grid_size), detection=detection)
    step = 0
    while env.agents:
        matrix = np.asarray(next(iter(observations.values()))[1], dtype=np.float64)
        places = [(y, x) for x, y in env.agents_positions]
        if policy == "greedy":
            targets = greedy(matrix, places)
        else:
            belief.step(matrix)
            targets = assigned(belief.now, places, detection=detection)
        actions = {a: toward(p, t) for a, p, t in zip(env.agents, places, targets, strict=True)}
        for action, place in zip(actions.values(), places, strict=True):
            if action == SEARCH:
                belief.looked(place)
        observations, _, _, _, infos = env.step(actions)
        step += 1
        if any(i["Found"] for i in infos.values()):
            return True, step
    return False, step


START = [(0, 0), (1, 0), (2, 0), (3, 0)]


def wilson(found: int, tried: int) -> tuple[float, float]:
    z, p = 1.96, found / tried
    middle = (p + z * z / (2 * tried)) / (1 + z * z / tried)
    half = z * math.sqrt(p * (1 - p) / tried + z * z / (4 * tried * tried)) / (1 + z * z / tried)
    return middle - half, middle + half


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--episodes", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--policies", default="ours,greedy")
    parser.add_argument("--steps", type=int, default=100, help="the simulator's default is 100")
    parser.add_argument("--detection", type=float, default=0.9)
    parser.add_argument("--dispersion", type=float, default=0.1, help="the simulator's default is 0.1")
    asked = parser.parse_args()
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    with contextlib.redirect_stdout(io.StringIO()):
        from DSSE import DroneSwarmSearch

        env = DroneSwarmSearch(
            grid_size=40, vector=(1.1, 1), timestep_limit=asked.steps, person_amount=1,
            dispersion_inc=asked.dispersion, person_initial_position=(20, 20), drone_amount=4,
            drone_speed=10, probability_of_detection=asked.detection,
        )  # fmt: skip
    for policy in asked.policies.split(","):
        random.seed(asked.seed)
        np.random.seed(asked.seed)
        begun, steps, found = time.process_time(), [], 0
        for number in range(1, asked.episodes + 1):
            hit, step = episode(env, policy, asked.detection)
            found += hit
            steps += [step] if hit else []
            if number % 100 == 0 or number == asked.episodes:
                low, high = wilson(found, number)
                print(
                    f"{policy}: {found}/{number} = {found / number:.1%} [{low:.1%}, {high:.1%}], "
                    f"mean step {np.mean(steps):.0f}, {(time.process_time() - begun) / number:.3f} s/episode",
                    flush=True,
                )


if __name__ == "__main__":
    main()
