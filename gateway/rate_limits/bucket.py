"""What is used of one budget: it rises by what is taken, and falls at a steady rate."""

from gateway.rate_limits.budgets import Rate


class Bucket:
    """What is used of a budget, in its units."""

    __slots__ = ("_at", "used")

    def __init__(self, now: float) -> None:
        self.used = 0.0
        """As it was when somebody looked last: see `settle`."""
        self._at = now

    def settle(self, rate: Rate, now: float) -> float:
        """Return what is used now."""
        if now > self._at:
            self.used = max(0.0, self.used - (now - self._at) * rate.per_second)
            self._at = now
        return self.used


def seconds_until(units: float, used: float, rate: Rate) -> float:
    """Return how long to wait until so many units fit in beside what is used; 0 where they do.

    What is more than a whole budget fits in where nothing is used: it would never else.
    """
    excess = used + min(units, rate.burst) - rate.burst
    return excess / rate.per_second if excess > 0 else 0.0
