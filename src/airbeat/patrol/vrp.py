"""PyVRP, wrapped once: a :class:`TourProblem` in its terms and back.

PyVRP is an extra (``airbeat[patrol]``). Its budget here is iterations, never wall time, so that the same
input and seed give the same tours on every machine.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from airbeat.patrol.tours import Slot, Tour, TourProblem

__all__ = ["pyvrp_is_there", "solve_with_pyvrp"]

_TICKS = 10
"""PyVRP counts in whole numbers: tenths of a second."""
_UNSERVED_S = 200_000.0
"""What leaving a stop out costs [s]: more than any tour saves by it."""


def pyvrp_is_there() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec("pyvrp") is not None


def _pyvrp() -> Any:
    """The extra's module; without its types, as it may not be there."""
    return importlib.import_module("pyvrp")


def solve_with_pyvrp(
    problem: TourProblem,
    *,
    iterations: int,
    seed: int = 0,
    initial: Sequence[Tour] | None = None,
    required: bool = True,
    neighbours: int | None = None,
    stop: Callable[[float], bool] | None = None,
) -> list[Tour] | None:
    """Tours over all stops.

    Args:
        problem: what is served.
        iterations: budget of the search.
        seed: of the search.
        initial: tours to begin from.
        required: whether all stops must be served; otherwise as many as can be are.
        neighbours: of a client that moves are tried with; None for PyVRP's own number.
        stop: ends the search where it says so of the best cost so far; for measuring alone.

    Returns:
        None where no tours serve all stops, or keep all windows and batteries.
    """
    pyvrp = _pyvrp()
    kinds, members = _kinds(problem.slots)
    data = _data(problem, kinds, [len(m) for m in members], required=required)
    began = None if initial is None else _solution(data, problem, initial, kinds)
    limit = pyvrp.stop.MaxIterations(iterations) if stop is None else stop
    params = pyvrp.SolveParams()
    if neighbours is not None:
        near = importlib.import_module("pyvrp.search").NeighbourhoodParams(num_neighbours=neighbours)
        params = pyvrp.SolveParams(neighbourhood=near)
    result = pyvrp.solve(
        data, stop=limit, seed=seed, collect_stats=False, display=False, params=params, initial_solution=began
    )
    if not result.best.is_feasible():
        return None
    free = [list(m) for m in members]
    tours = []
    for route in result.best.routes():
        choices = tuple(int(a.idx) for a in route if a.is_client())
        if choices:
            tours.append(Tour(slot=free[route.vehicle_type()].pop(0), choices=choices))
    return sorted(tours, key=lambda t: t.slot)


def _kinds(slots: Sequence[Slot]) -> tuple[list[Slot], list[list[int]]]:
    """Slots that differ in nothing but the drone are one vehicle type; the numbers of each."""
    members: dict[Slot, list[int]] = {}
    for number, slot in enumerate(slots):
        members.setdefault(_kind(slot), []).append(number)
    return list(members), list(members.values())


def _kind(slot: Slot) -> Slot:
    """A slot as a vehicle type: whichever drone makes it."""
    return replace(slot, drone=0)


def _data(problem: TourProblem, kinds: Sequence[Slot], counts: Sequence[int], *, required: bool) -> Any:
    pyvrp = _pyvrp()
    depots = sorted({slot.place for slot in kinds})
    locations = [pyvrp.Location(0, 0) for _ in range(len(depots) + len(problem.choices))]
    speaks = bool(problem.speaking)
    groups: list[Any] = []
    clients = []
    members: dict[int, list[int]] = {}
    for number, choice in enumerate(problem.choices):
        members.setdefault(choice.stop, []).append(number)
    group_of = {stop: n for n, stop in enumerate(s for s, m in members.items() if len(m) > 1)}
    for number, choice in enumerate(problem.choices):
        group = group_of.get(choice.stop)
        clients.append(
            pyvrp.Client(
                location=len(depots) + number,
                delivery=[int(choice.stop in problem.speaking)] if speaks else [],
                service_duration=_ticks(choice.service_s),
                tw_early=_ticks_up(choice.early_s),
                tw_late=max(_ticks_up(choice.early_s), int(choice.late_s * _TICKS)),
                prize=0 if required else _ticks(_UNSERVED_S),
                required=required and group is None,
                group=group,
            )
        )
    for stop in group_of:
        groups.append(pyvrp.ClientGroup(members[stop], required=required))
    vehicles: list[Any] = []
    matrices: list[npt.NDArray[np.int64]] = []
    profiles: dict[tuple[float, ...], int] = {}
    for kind, count in zip(kinds, counts, strict=True):
        key = (kind.profile, kind.up_s, kind.down_s)
        if key not in profiles:
            profiles[key] = len(matrices)
            matrices.append(_matrix(problem, depots, kind))
        vehicles.append(
            pyvrp.VehicleType(
                num_available=count,
                capacity=[len(problem.names) if kind.loudspeaker else 0] if speaks else [],
                start_depot=depots.index(kind.place),
                end_depot=depots.index(kind.place),
                fixed_cost=_ticks(problem.sortie_price_s + kind.price_s),
                tw_early=_ticks_up(kind.early_s),
                tw_late=int(kind.late_s * _TICKS),
                shift_duration=int(kind.most_s * _TICKS),
                profile=profiles[key],
            )
        )
    return pyvrp.ProblemData(
        locations,
        clients,
        [pyvrp.Depot(n) for n in range(len(depots))],
        vehicles,
        matrices,
        matrices,
        groups,
    )


def _matrix(problem: TourProblem, depots: Sequence[int], kind: Slot) -> npt.NDArray[np.int64]:
    """Times between locations: depots first, then choices, from the end of one to the start of the next."""
    ends = np.array([*depots, *(c.end for c in problem.choices)])
    starts = np.array([*depots, *(c.start for c in problem.choices)])
    times = problem.legs[kind.profile].time_s[np.ix_(ends, starts)]
    count = len(depots)
    times[:count, count:] += kind.up_s
    times[count:, :count] += kind.down_s
    # Rounded up, so that what PyVRP finds keeps its windows when it is timed exactly.
    ticks = np.ceil(times * _TICKS - 1e-9).astype(np.int64)
    np.fill_diagonal(ticks, 0)
    return np.asarray(ticks)


def _solution(data: Any, problem: TourProblem, tours: Sequence[Tour], kinds: Sequence[Slot]) -> Any:
    pyvrp = _pyvrp()
    routes = []
    for tour in tours:
        kind = kinds.index(_kind(problem.slots[tour.slot]))
        routes.append(pyvrp.Route(data, list(tour.choices), kind))
    return pyvrp.Solution(data, routes)


def _ticks(seconds: float) -> int:
    return round(seconds * _TICKS)


def _ticks_up(seconds: float) -> int:
    return int(np.ceil(seconds * _TICKS - 1e-9))
