"""Budgets of businesses and of networks: who is refused first, and until when."""

import pytest

from common.errors import FaultType
from gateway.account import Account
from gateway.http.errors import RefusedError
from gateway.rate_limits import limits as module
from gateway.rate_limits.budgets import FROM_PAGES, FROM_SERVERS, FROM_STRANGERS, Budget, BudgetKind, Rate
from gateway.rate_limits.limits import RateLimits

PAGES = Account("shop", is_private=False, origins=frozenset())
SERVER = Account("shop", is_private=True, origins=frozenset())
EVENTS, ORDERS = BudgetKind.EVENTS, BudgetKind.ORDERS
CARRIER, VISITOR = "192.0.2.1", "192.0.2.2"
OF_NETWORK = FROM_PAGES[EVENTS].of_network or Rate(0, 0)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.at


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    """Return budgets that nothing was taken from."""
    return RateLimits(now=clock)


def taken(limits: RateLimits, account: Account, network: str, most: int, kind: BudgetKind = EVENTS) -> int:
    """Return how many units one after the other were let through, of so many."""
    return sum(limits.try_take(kind, account, network) for _ in range(most))


def test_a_network_has_its_burst_and_then_its_rate(limits: RateLimits, clock: Clock) -> None:
    """As the design says: 500 at once, and 50 a second from then on."""
    assert taken(limits, PAGES, CARRIER, 1_000) == 500
    clock.at += 2
    assert taken(limits, PAGES, CARRIER, 1_000) == 100


def test_what_is_refused_says_when_to_come_again(limits: RateLimits, clock: Clock) -> None:
    """Then there is room for it: 429, as the contract has it."""
    taken(limits, PAGES, CARRIER, 1_000)
    with pytest.raises(RefusedError) as refused:
        limits.take(EVENTS, PAGES, CARRIER, 100)
    problem = refused.value.problem
    assert (problem.status, problem.faults[0].type) == (429, FaultType.RATE_LIMITED)
    clock.at += int(problem.headers["retry-after"])
    limits.take(EVENTS, PAGES, CARRIER, 100)


def test_one_at_its_worst_takes_nothing_from_others(limits: RateLimits) -> None:
    """Of the same business: its own network is at its end, and nobody else's."""
    taken(limits, PAGES, CARRIER, 10_000)
    assert all(taken(limits, PAGES, f"192.0.2.{number}", 20) == 20 for number in range(2, 200))


def test_orders_have_a_budget_that_nothing_else_can_use(limits: RateLimits) -> None:
    """Of the network and of the business."""
    taken(limits, PAGES, CARRIER, 10_000)
    assert taken(limits, PAGES, CARRIER, 50, ORDERS) == 50


def test_above_the_business_budget_the_heaviest_are_refused_first(limits: RateLimits, clock: Clock) -> None:
    """Two hundred networks that ask for all that they may, and visitors who have hardly asked for anything."""
    heavy = [f"10.0.0.{number}" for number in range(200)]
    refused = let_through = 0
    for step in range(60):
        clock.at += 1
        for network in heavy:
            got = taken(limits, PAGES, network, 50)
            let_through, refused = let_through + got, refused + 50 - got
        visitors = [f"172.16.{step}.{number}" for number in range(20)]
        assert [taken(limits, PAGES, visitor, 2) for visitor in visitors] == [2] * 20
    business = FROM_PAGES[EVENTS].of_business
    assert let_through <= business.burst + 61 * business.per_second
    assert refused > let_through


def test_what_is_larger_than_a_budget_is_let_through_by_an_empty_one(limits: RateLimits, clock: Clock) -> None:
    """It would be refused for ever; the next waits until it is paid for."""
    limits.take(EVENTS, PAGES, CARRIER, 1_000)
    clock.at += 1_000 / OF_NETWORK.per_second - 2
    assert not limits.try_take(EVENTS, PAGES, CARRIER, 1_000)
    clock.at += 3
    assert limits.try_take(EVENTS, PAGES, CARRIER, 1_000)


def test_what_is_asked_before_the_body_is_read_takes_nothing(limits: RateLimits) -> None:
    """It is refused only where there is nothing left of any of the kinds."""
    for _ in range(2_000):
        limits.check([EVENTS, ORDERS], PAGES, CARRIER)
    taken(limits, PAGES, CARRIER, 1_000)
    limits.check([EVENTS, ORDERS], PAGES, CARRIER)
    taken(limits, PAGES, CARRIER, 1_000, ORDERS)
    with pytest.raises(RefusedError):
        limits.check([EVENTS, ORDERS], PAGES, CARRIER)


def test_a_private_token_is_counted_by_business_alone(limits: RateLimits) -> None:
    """Its servers may have one address, and pages cannot use up what it has."""
    taken(limits, PAGES, CARRIER, 1_000)
    burst = int(FROM_SERVERS[EVENTS].of_business.burst)
    assert limits.try_take(EVENTS, SERVER, CARRIER, burst)
    assert not limits.try_take(EVENTS, SERVER, VISITOR)
    assert limits.try_take(EVENTS, Account("other", is_private=True, origins=frozenset()), CARRIER)


def test_a_business_may_have_more_than_others(limits: RateLimits) -> None:
    """All of its budgets are as many times the usual ones."""
    generous = Account("shop", is_private=False, origins=frozenset(), rate_factor=3)
    assert taken(limits, generous, CARRIER, 3_000) == 1_500


def test_strangers_are_counted_by_network(limits: RateLimits, clock: Clock) -> None:
    """Each kind apart, and each network apart."""
    rate = FROM_STRANGERS[BudgetKind.UNKNOWN_CODES]
    codes = BudgetKind.UNKNOWN_CODES
    for _ in range(int(rate.burst)):
        limits.take_as_stranger(codes, CARRIER)
    with pytest.raises(RefusedError):
        limits.take_as_stranger(codes, CARRIER)
    limits.take_as_stranger(codes, VISITOR)
    limits.check_stranger(BudgetKind.WRONG_CREDENTIALS, CARRIER)
    with pytest.raises(RefusedError):
        limits.check_stranger(codes, CARRIER)
    clock.at += 1
    limits.take_as_stranger(codes, CARRIER)


def test_a_part_of_a_budget_is_that_part(clock: Clock) -> None:
    """That of a process that has no other word, and of a budget that something was agreed on for."""
    limits = RateLimits(0.5, now=clock)
    assert taken(limits, PAGES, CARRIER, 1_000) == 250
    assert taken(limits, PAGES, VISITOR, 1) == 1
    limits.agree({("shop", EVENTS, False, VISITOR): 0.1, ("shop", EVENTS, False, "forgotten"): 0.1})
    assert taken(limits, PAGES, VISITOR, 1_000) == 49
    limits.agree({}, otherwise=1)
    assert taken(limits, PAGES, VISITOR, 1_000) == 450


def test_demands_are_told_once_and_the_largest_first(limits: RateLimits) -> None:
    """Also what was refused: who asks for more is to have more."""
    taken(limits, PAGES, CARRIER, 700)
    taken(limits, PAGES, VISITOR, 3)
    assert limits.demands(2) == {("shop", EVENTS, False, ""): 703, ("shop", EVENTS, False, CARRIER): 700}
    assert limits.demands(2) == {}


def test_networks_that_ask_no_more_are_forgotten(limits: RateLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that have not asked for the longest."""
    monkeypatch.setattr(module, "NETWORKS_KEPT", 10)
    taken(limits, PAGES, CARRIER, 1_000)
    for number in range(9):
        taken(limits, PAGES, f"10.0.0.{number}", 1)
    assert taken(limits, PAGES, CARRIER, 1) == 0
    for number in range(10):
        taken(limits, PAGES, f"10.0.1.{number}", 1)
    assert taken(limits, PAGES, CARRIER, 1) == 1


def test_limits_can_be_off(clock: Clock) -> None:
    """Then nothing is counted."""
    limits = RateLimits(is_on=False, now=clock)
    assert taken(limits, PAGES, CARRIER, 5_000) == 5_000
    limits.check_stranger(BudgetKind.UNKNOWN_CODES, CARRIER)
    assert not limits.demands(10)


@pytest.mark.parametrize("budgets", [FROM_PAGES, FROM_SERVERS])
def test_no_network_has_as_much_as_its_business(budgets: dict[BudgetKind, Budget]) -> None:
    """Not a tenth of it."""
    for budget in budgets.values():
        if budget.of_network:
            assert budget.of_network.burst * 10 <= budget.of_business.burst
            assert budget.of_network.per_second * 10 <= budget.of_business.per_second
