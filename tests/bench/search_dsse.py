"""Our policy on DSSE (PyPI ``DSSE``), its own simulator: 40 × 40 cells, 4 drones, one person adrift.

    AIRBEAT_DSSE_ALGORITHMS=path/to/drone-swarm-search-algorithms \\
        python tests/bench/search_dsse.py [--episodes 2000] [--seed 1] [--policies ours,its-greedy]

The simulator is used as it is installed. ``its-greedy`` is the class ``GreedyAgent`` of
pfeinsper/drone-swarm-search-algorithms, ``src/greedy_heuristic.py``, taken unmodified from the local copy
that AIRBEAT_DSSE_ALGORITHMS names; the settings are those of that file (person at (20, 20), dispersion 0.1,
100 steps, sure detection, drones from the middles of the four edges). ``to-best`` flies the drones to the
most probable cells, one each, and looks; ``ours`` is airbeat.search.moving.

Each episode has a seed of its own, the same for every policy, so that the person drifts with the same vector.
Printed: share of episodes in which the person is found, with the 95 % interval of Wilson, the mean step
of the find, and for two policies in how many episodes only one of them finds.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import math
import os
import random
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from airbeat.search.moving import MovingBelief, assigned

Policy = Callable[[dict[str, Any], Any], dict[str, int]]
SEARCH = 8
MOVES = {
    (0, -1): 0, (0, 1): 1, (-1, 0): 2, (1, 0): 3, (-1, -1): 4, (-1, 1): 5, (1, -1): 6, (1, 1): 7,
}  # fmt: skip


def toward(at: tuple[int, int], target: tuple[int, int]) -> int:
    """The action that goes one step from (row, column) to another, or looks where it is."""
    step = (int(np.sign(target[0] - at[0])), int(np.sign(target[1] - at[1])))
    return SEARCH if step == (0, 0) else MOVES[step]


def to_best(belief: np.ndarray, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most probable cells, one for each drone."""
    order = np.argsort(-belief, axis=None)[: len(places)]
    return [(int(k) // belief.shape[1], int(k) % belief.shape[1]) for k in order]


def its_greedy() -> Policy:
    """The greedy agent of DSSE's own algorithms; only its class is run, not the script around it."""
    if "AIRBEAT_DSSE_ALGORITHMS" not in os.environ:
        sys.exit("AIRBEAT_DSSE_ALGORITHMS names no copy of drone-swarm-search-algorithms")
    from DSSE import Actions

    path = Path(os.environ["AIRBEAT_DSSE_ALGORITHMS"]) / "src" / "greedy_heuristic.py"
    classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    names: dict[str, Any] = {"np": np, "Actions": Actions}
    exec(compile(ast.Module(body=list(classes), type_ignores=[]), str(path), "exec"), names)
    agent = names["GreedyAgent"]()

    def act(observations: dict[str, Any], env: Any) -> dict[str, int]:
        actions: dict[str, int] = agent(observations, env.agents)
        return actions

    return act


def to_cells(env: Any, choose: Callable[[np.ndarray, list[tuple[int, int]]], list[tuple[int, int]]]) -> Any:
    """The actions of drones that go to chosen cells and look there."""
    places = [(y, x) for x, y in env.agents_positions]
    matrix = np.asarray(env.probability_matrix.get_matrix(), dtype=np.float64)
    targets = choose(matrix, places)
    return {a: toward(p, t) for a, p, t in zip(env.agents, places, targets, strict=True)}


def ours(env: Any, detection: float) -> Policy:
    belief = MovingBelief((env.grid_size, env.grid_size), detection=detection)

    def choose(matrix: np.ndarray, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
        belief.step(matrix)
        return assigned(belief.now, places, detection=detection)

    def act(_: dict[str, Any], env: Any) -> dict[str, int]:
        places = [(y, x) for x, y in env.agents_positions]
        actions: dict[str, int] = to_cells(env, choose)
        for action, place in zip(actions.values(), places, strict=True):
            if action == SEARCH:
                belief.looked(place)
        return actions

    return act


def policy(name: str, env: Any, detection: float) -> Policy:
    if name == "ours":
        return ours(env, detection)
    return its_greedy() if name == "its-greedy" else lambda _, env: to_cells(env, to_best)


def episode(env: Any, name: str, detection: float, start: list[tuple[int, int]]) -> tuple[bool, int]:
    """Whether the person is found, and in which step."""
    observations, _ = env.reset(options={"drones_positions": start})
    act = policy(name, env, detection)
    step = 0
    while env.agents:
        observations, _, _, _, infos = env.step(act(observations, env))
        step += 1
        if any(i["Found"] for i in infos.values()):
            return True, step
    return False, step


STARTS = {
    "edges": [(20, 0), (20, 39), (0, 20), (39, 20)],
    "corner": [(0, 0), (1, 0), (2, 0), (3, 0)],
}


def wilson(found: int, tried: int) -> tuple[float, float]:
    z, p = 1.96, found / tried
    middle = (p + z * z / (2 * tried)) / (1 + z * z / tried)
    half = z * math.sqrt(p * (1 - p) / tried + z * z / (4 * tried * tried)) / (1 + z * z / tried)
    return middle - half, middle + half


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--episodes", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--policies", default="ours,its-greedy")
    parser.add_argument("--steps", type=int, default=100, help="the simulator's default is 100")
    parser.add_argument("--detection", type=float, default=1.0)
    parser.add_argument("--dispersion", type=float, default=0.1, help="the simulator's default is 0.1")
    parser.add_argument("--start", choices=tuple(STARTS), default="edges")
    asked = parser.parse_args()
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    with contextlib.redirect_stdout(io.StringIO()):
        from DSSE import DroneSwarmSearch

        env = DroneSwarmSearch(
            grid_size=40, vector=(1.1, 1), timestep_limit=asked.steps, person_amount=1,
            dispersion_inc=asked.dispersion, person_initial_position=(20, 20), drone_amount=4,
            drone_speed=10, probability_of_detection=asked.detection,
        )  # fmt: skip
    outcomes: dict[str, np.ndarray] = {}
    for name in asked.policies.split(","):
        begun, steps, found = time.process_time(), [], []
        for number in range(asked.episodes):
            random.seed(asked.seed * 1_000_000 + number)
            np.random.seed(asked.seed * 1_000_000 + number)
            hit, step = episode(env, name, asked.detection, STARTS[asked.start])
            found.append(hit)
            steps += [step] if hit else []
            if (number + 1) % 500 == 0 or number + 1 == asked.episodes:
                low, high = wilson(sum(found), len(found))
                each_s = (time.process_time() - begun) / len(found)
                print(
                    f"{name}: {sum(found)}/{len(found)} = {np.mean(found):.2%} [{low:.2%}, {high:.2%}], "
                    f"mean step {np.mean(steps):.0f}, {each_s:.3f} s/episode",
                    flush=True,
                )
        outcomes[name] = np.array(found)
    for a, b in pairwise(outcomes):
        only = [int((outcomes[p] & ~outcomes[q]).sum()) for p, q in ((a, b), (b, a))]
        print(f"found by {a} alone: {only[0]}, by {b} alone: {only[1]}", flush=True)


if __name__ == "__main__":
    main()
