"""How predictable visits are, and what they catch."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise

__all__ = ["catch_chance", "gap_variation", "next_stop_entropy_bits"]


def next_stop_entropy_bits(flights: Iterable[Sequence[Hashable]]) -> float:
    """Uncertainty of the next stop when the one before it is known [bits]; 0 for a fixed order.

    Σ_a p(a)·H(b | a) over the transitions a → b that were flown.
    """
    counts: dict[Hashable, Counter[Hashable]] = defaultdict(Counter)
    for flight in flights:
        for a, b in pairwise(flight):
            counts[a][b] += 1
    total = sum(sum(c.values()) for c in counts.values())
    if not total:
        return 0.0
    entropy = 0.0
    for following in counts.values():
        here = sum(following.values())
        entropy -= sum(n / total * math.log2(n / here) for n in following.values())
    return max(0.0, entropy)


def gap_variation(gaps_s: Sequence[float]) -> float:
    """Coefficient of variation of gaps: standard deviation over mean; 0 for a regular patrol."""
    if not gaps_s:
        return 0.0
    mean = sum(gaps_s) / len(gaps_s)
    if mean <= 0:
        return 0.0
    return math.sqrt(sum((g - mean) ** 2 for g in gaps_s) / len(gaps_s)) / mean


def catch_chance(gaps_s: Sequence[float], event_s: float) -> float:
    """Chance that an event of a length, beginning at any time, is seen: 1 − E[(gap − d)⁺]/E[gap].

    Args:
        gaps_s: times without a visit [s].
        event_s: how long the event lasts [s].
    """
    total = sum(gaps_s)
    if total <= 0:
        return 1.0
    return 1.0 - sum(max(0.0, g - event_s) for g in gaps_s) / total
