"""The budgets that there are: what is counted, and how much of it is let through."""

from enum import StrEnum
from typing import NamedTuple


class BudgetKind(StrEnum):
    """What a sender asks for. Each kind has budgets of its own, which no other kind can use up."""

    # That of an enum is written in Python, and each event needs it several times.
    __hash__ = str.__hash__

    EVENTS = "events"
    """Events, each once for every 4 KB of it that are begun."""
    ORDERS = "orders"
    """The same of orders: a page of Hellotext.js never repeats what was refused."""
    SESSIONS = "sessions"
    """Sessions that a page asks for."""
    IDENTIFICATIONS = "identifications"
    """Identifications, signs of life, and bindings of checkouts."""
    REQUESTS = "requests"
    """All other requests."""
    LINKS = "links"
    """Links to be created."""
    UNKNOWN_CODES = "unknown codes"
    """Short links that there are not."""
    WRONG_CREDENTIALS = "wrong credentials"
    """Credentials that open nothing, and signatures that are wrong."""
    UNKNOWN_HOOKS = "unknown hooks"
    """What is sent to hooks that there are not."""


class Rate(NamedTuple):
    """So much a second in the long run, and so much at once after a pause."""

    per_second: float
    burst: float


class Budget(NamedTuple):
    """What a business has, and of that one network of its visitors."""

    of_business: Rate
    of_network: Rate | None = None


# With the public id, which stands in every page. That of a network is wide enough for the address of a carrier, which
# thousands of its customers share.
FROM_PAGES = {
    BudgetKind.EVENTS: Budget(Rate(2_000, 40_000), Rate(50, 500)),
    BudgetKind.ORDERS: Budget(Rate(200, 4_000), Rate(5, 100)),
    BudgetKind.SESSIONS: Budget(Rate(500, 10_000), Rate(5, 200)),
    BudgetKind.IDENTIFICATIONS: Budget(Rate(500, 10_000), Rate(5, 200)),
    BudgetKind.REQUESTS: Budget(Rate(500, 10_000), Rate(20, 400)),
}
# With a private token.
FROM_SERVERS = {
    BudgetKind.EVENTS: Budget(Rate(5_000, 200_000)),
    BudgetKind.ORDERS: Budget(Rate(1_000, 50_000)),
    BudgetKind.SESSIONS: Budget(Rate(500, 10_000)),
    BudgetKind.IDENTIFICATIONS: Budget(Rate(500, 10_000)),
    BudgetKind.REQUESTS: Budget(Rate(100, 2_000)),
    BudgetKind.LINKS: Budget(Rate(5_000, 1_000_000)),
}
# Of a network, without a credential that is known.
FROM_STRANGERS = {
    BudgetKind.REQUESTS: Rate(20, 400),
    BudgetKind.UNKNOWN_CODES: Rate(5, 200),
    BudgetKind.WRONG_CREDENTIALS: Rate(1, 100),
    BudgetKind.UNKNOWN_HOOKS: Rate(1, 100),
}
