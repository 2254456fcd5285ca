"""How long to wait for an answer before asking again (RFC 6298, with bounds for radio links)."""

from __future__ import annotations

__all__ = ["RetryTimer"]

_LONGEST_S = 6.0
_ITEMS_PER_S = 100.0


class RetryTimer:
    """Retransmission time-out from measured round trips [s]; grows while nothing answers.

    ``most_s`` bounds the growth, not what long round trips demand: an autopilot drops an upload after 8 s
    of silence, so questions must not become rare.

    Round trips of repeated questions are not measured (Karn's rule): their answer may belong to either.
    """

    def __init__(self, *, initial_s: float = 0.7, least_s: float = 0.1, most_s: float = 1.5) -> None:
        self._least_s = least_s
        self._most_s = most_s
        self._smoothed_s: float | None = None
        self._variation_s = 0.0
        self._timeout_s = initial_s
        self._backoff = 1.0

    @property
    def timeout_s(self) -> float:
        """How long to wait for the next answer [s]."""
        return min(self._timeout_s * self._backoff, max(self._timeout_s, self._most_s))

    @property
    def round_trip_s(self) -> float:
        """Smoothed round trip; 0 before the first measurement [s]."""
        return self._smoothed_s or 0.0

    @property
    def window(self) -> int:
        """How many questions to have under way: enough for 100 a second, about 40 kbit/s, but 4 to 32."""
        return min(max(round(_ITEMS_PER_S * self.round_trip_s), 4), 32)

    def measured(self, round_trip_s: float) -> None:
        """An answer came after so many seconds to a question asked once."""
        if self._smoothed_s is None:
            self._smoothed_s = round_trip_s
            self._variation_s = round_trip_s / 2
        else:
            self._variation_s += (abs(self._smoothed_s - round_trip_s) - self._variation_s) / 4
            self._smoothed_s += (round_trip_s - self._smoothed_s) / 8
        self._timeout_s = min(max(self._least_s, self._smoothed_s + 4 * self._variation_s), _LONGEST_S)
        self._backoff = 1.0

    def answered(self) -> None:
        """Something came back, though not measurable."""
        self._backoff = 1.0

    def expired(self) -> None:
        """The time-out passed without an answer."""
        self._backoff = min(self._backoff * 1.6, 8.0)
