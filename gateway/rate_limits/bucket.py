"""What is used of one budget: it rises by what is taken, and falls at a steady rate."""

from gateway.rate_limits.budgets import Rate


class Bucket:
    """What is used of a budget, in its units, and how much was asked for, taken or not."""

    __slots__ = ("_at", "asked", "part", "used")

    def __init__(self, now: float) -> None:
        self.used = 0.0
        """As it was when somebody looked last: see `settle`."""
        self.asked = 0.0
        """Since it was told to others."""
        self.part: float | None = None
        """What this process has of the budget, where that is agreed on with others."""
        self._at = now

    def settle(self, rate: Rate, now: float) -> float:
        """Return what is used now."""
        used = self.used - (now - self._at) * rate.per_second
        self._at = now
        self.used = used if used > 0 else 0.0
        return self.used


def seconds_until(units: float, used: float, rate: Rate) -> float:
    """Return how long to wait until so many units fit in beside what is used; 0 where they do.

    What is more than a whole budget fits in where nothing is used: it would never else.
    """
    excess = used + (min(rate.burst, units)) - rate.burst
    return excess / rate.per_second if excess > 0 else 0.0
