"""What a gateway has refused, as it is told to tracking: whole counts, so that telling them twice changes nothing."""

from datetime import datetime, timedelta

from common.clock import EPOCH
from gateway.account import Account
from gateway.http.errors import RefusedError
from gateway.rate_limits.budgets import BudgetKind
from gateway.rate_limits.limits import RateLimits
from gateway.rate_limits.refusals import KEPT_COUNTS, QUARTER, RefusalCounts, RefusalKey

SHOP = Account("shop", is_private=False, origins=frozenset())
SERVER = Account("shop", is_private=True, origins=frozenset())
START = EPOCH + 2_000_000 * QUARTER


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.present = START

    def __call__(self) -> datetime:
        """Return the time."""
        return self.present


def key(kind: BudgetKind = BudgetKind.EVENTS, *, is_private: bool = False, quarters_on: int = 0) -> RefusalKey:
    """Return what finds a count of the shop."""
    return RefusalKey("shop", kind, is_private, 2_000_000 + quarters_on)


def test_a_count_is_told_whole_as_often_as_it_rises() -> None:
    """From the beginning of its quarter on, by kind and credential."""
    counts = RefusalCounts(Clock())
    counts.count(BudgetKind.EVENTS, SHOP)
    counts.count(BudgetKind.EVENTS, SHOP)
    counts.count(BudgetKind.ORDERS, SERVER)
    told = counts.untold(10)
    assert told == {key(): 2, key(BudgetKind.ORDERS, is_private=True): 1}
    # One that comes while they are on their way is not lost.
    counts.count(BudgetKind.EVENTS, SHOP)
    counts.note_told(told)
    assert counts.untold(10) == {key(): 3}
    assert counts.untold(10) == {key(): 3}


def test_those_of_past_quarters_are_forgotten_once_they_are_told() -> None:
    """And not before, however long tracking is away."""
    clock = Clock()
    counts = RefusalCounts(clock)
    counts.count(BudgetKind.EVENTS, SHOP)
    clock.present += QUARTER - timedelta(microseconds=1)
    counts.count(BudgetKind.EVENTS, SHOP)
    clock.present += timedelta(microseconds=1)
    counts.count(BudgetKind.EVENTS, SHOP)
    told = counts.untold(10)
    assert told == {key(): 2, key(quarters_on=1): 1}
    counts.note_told(told)
    clock.present += QUARTER
    counts.count(BudgetKind.EVENTS, SHOP)
    assert counts.untold(10) == {key(quarters_on=2): 1}
    counts.note_told(counts.untold(1))
    assert counts.untold(10) == {}


def test_what_waits_is_bounded() -> None:
    """A count beyond is not begun; those that there are go on."""
    counts = RefusalCounts(Clock())
    for number in range(KEPT_COUNTS + 10):
        counts.count(BudgetKind.EVENTS, Account(f"shop-{number}", is_private=False, origins=frozenset()))
    assert len(counts.untold(KEPT_COUNTS * 2)) == KEPT_COUNTS
    counts.count(BudgetKind.EVENTS, Account("shop-0", is_private=False, origins=frozenset()))
    assert counts.untold(1) == {key()._replace(business_id="shop-0"): 2}


def test_what_is_answered_with_429_is_counted_once() -> None:
    """Not what is only tried, and nothing of strangers."""
    limits = RateLimits(0.0001, now=lambda: 0.0)
    refused = 0
    for _ in range(20):
        limits.try_take(BudgetKind.EVENTS, SHOP, "192.0.2.1")
        try:
            limits.take(BudgetKind.EVENTS, SHOP, "192.0.2.1")
            limits.check([BudgetKind.EVENTS], SHOP, "192.0.2.1")
        except RefusedError:
            refused += 1
        try:
            limits.take_as_stranger(BudgetKind.REQUESTS, "192.0.2.1")
        except RefusedError:
            continue
    assert refused > 10
    assert [(key.kind, count) for key, count in limits.refusals.untold(10).items()] == [(BudgetKind.EVENTS, refused)]
