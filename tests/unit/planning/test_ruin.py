"""Tracks shared among sorties: every one once, inside the limit, as cheaply as trying everything would."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise, permutations, product

import numpy as np
import pytest

from airbeat.planning.ruin import Share, shared_tracks


def places(seed: int, tracks: int, usable_s: float, sortie_s: float = 500.0) -> Share:
    """Straight tracks at 1 m/s round a home in the middle."""
    rng = random.Random(seed)
    ends = np.array([(rng.uniform(-100, 100), rng.uniform(-100, 100)) for _ in range(2 * tracks)])
    every = np.vstack([ends, [0.0, 0.0]])
    x, y = every.T
    return Share(
        link_s=np.hypot(x[:, None] - x, y[:, None] - y),
        service_s=np.hypot(*(ends[::2] - ends[1::2]).T),
        middle=(ends[::2] + ends[1::2]) / 2,
        usable_s=usable_s,
        sortie_s=sortie_s,
    )


def reckoned_s(share: Share, route: list[int]) -> float:
    home = len(share.link_s) - 1
    stops = [home, *(e for end in route for e in (end, end ^ 1)), home]
    links = sum(share.link_s[a, b] for a, b in pairwise(stops) if home in (a, b) or a // 2 != b // 2)
    return float(links + sum(share.service_s[end // 2] for end in route))


def least_cost_s(share: Share) -> float:
    """Of all ways to share the tracks."""
    tracks = len(share.service_s)
    best = math.inf
    for order in permutations(range(tracks)):
        for turned in product((0, 1), repeat=tracks):
            ends = [2 * k + t for k, t in zip(order, turned, strict=True)]
            for cuts in product((False, True), repeat=tracks - 1):
                routes = [[ends[0]]]
                for end, cut in zip(ends[1:], cuts, strict=True):
                    if cut:
                        routes.append([end])
                    else:
                        routes[-1].append(end)
                times = [reckoned_s(share, route) for route in routes]
                if max(times) <= share.usable_s:
                    best = min(best, sum(times) + share.sortie_s * len(routes))
    return best


@pytest.mark.parametrize("seed", range(3))
def test_few_tracks_are_shared_as_well_as_they_can_be(seed: int) -> None:
    share = places(seed, tracks=4, usable_s=700.0)
    routes = shared_tracks(share, steps=400, seed=0)
    cost = sum(share.time_s(r) for r in routes) + share.sortie_s * len(routes)
    assert cost == pytest.approx(least_cost_s(share))


def test_every_track_is_flown_once_and_no_sortie_is_too_long() -> None:
    share = places(7, tracks=30, usable_s=900.0)
    routes = shared_tracks(share, steps=300, seed=0)
    assert sorted(end // 2 for route in routes for end in route) == list(range(30))
    for route in routes:
        assert share.time_s(route) == pytest.approx(reckoned_s(share, route))
        assert share.time_s(route) <= 900.0 + 1e-6


def test_the_same_seed_shares_the_same_way_and_sorties_that_are_too_long_are_taken_apart() -> None:
    long = places(3, tracks=20, usable_s=2000.0)
    routes = shared_tracks(long, steps=200, seed=5)
    assert routes == shared_tracks(long, steps=200, seed=5)
    short = places(3, tracks=20, usable_s=700.0)
    parted = shared_tracks(short, steps=50, seed=5, initial=routes)
    assert len(parted) > len(routes)
    assert max(map(short.time_s, parted)) <= 700.0 + 1e-6


def test_a_track_that_fits_into_no_sortie_gets_one_of_its_own() -> None:
    share = places(1, tracks=5, usable_s=150.0)
    routes = shared_tracks(share, steps=50, seed=0)
    too_long = [r for r in routes if share.time_s(r) > 150.0]
    assert too_long
    assert all(len(route) == 1 for route in too_long)


def test_sorties_may_be_too_long_at_a_price_until_they_are_shared_better() -> None:
    hard = places(3, tracks=12, usable_s=800.0)
    begun = shared_tracks(replace(hard, usable_s=2000.0), steps=50, seed=1)
    soft = shared_tracks(replace(hard, over=50.0, sortie_s=0.0), steps=400, seed=1, initial=begun)
    assert sorted(end // 2 for route in soft for end in route) == list(range(12))
    over_s = sum(max(0.0, hard.time_s(r) - 800.0) for r in soft)
    assert over_s < sum(max(0.0, hard.time_s(r) - 800.0) for r in begun)
    assert hard.over_s(np.array([700.0, 800.0])).tolist() == [0.0, 0.0]
    assert replace(hard, over=2.0).over_s(np.array([810.0]))[0] == pytest.approx(20.0)
