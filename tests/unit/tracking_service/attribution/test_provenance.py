"""Whose word a figure rests on, and what becomes of an order that several tell."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_service.attribution.credits import (
    ORDER_EARNS_FROM,
    Credit,
    Worth,
    clicks_by_visitor,
    decide_all,
    earnings,
)
from tracking_service.attribution.rules import CandidateClick, Event, Provenance

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ORDER = UUID(int=77)
CONFIRMED, REPORTED, UNCONFIRMED = Provenance
LARGEST = 2**63 - 1


def said(number: int, amount: int | None = 100, **fields: object) -> Event:
    """Return what a page says of the order: that it was placed, in a session of its own, so many minutes after ten."""
    at = AT + timedelta(minutes=number)
    told = Event(
        UUID(int=number), "order.placed", f"s{number}", None, at, at, ORDER, amount, "USD", None, names_order=False,
        is_conversion=False, is_private=False, needs_confirmation=False, page_amount_ceiling=1_000_000,
        window=timedelta(days=7),
    )  # fmt: skip
    return replace(told, **fields)  # type: ignore[arg-type]  # whatever a test changes


def told(number: int, amount: int | None = 100, **fields: object) -> Event:
    """Return what a private token says of the order."""
    return said(number, amount, **({"is_private": True} | fields))


def click(number: int, session: str, profile_key: int | None = None) -> CandidateClick:
    """Return a click before ten."""
    clicked_at = AT - timedelta(hours=1)
    return CandidateClick(UUID(int=number), session, profile_key, clicked_at, clicked_at, "l", f"c{number}", None, None)


CLICKS = [click(101, "s1"), click(102, "s2"), click(107, "s7", 7)]


def decided(*events: Event) -> dict[int, tuple[int, str | None, str | None]]:
    """Return what each event that earns or takes back does: minor units, provenance, and the campaign credited."""
    found = decide_all(events, clicks_by_visitor(CLICKS))
    return {
        number.int: (credit.revenue_minor, credit.provenance, None if credit.click is None else credit.click.campaign)
        for number, credit in found.items()
        if credit is not None and credit.revenue_minor is not None
    }


def worth(events: Sequence[Event], number: int) -> Worth:
    """Return why an event earns or does not."""
    return earnings(events)[UUID(int=number)].worth


def test_an_order_is_as_good_as_who_tells_it() -> None:
    """A private token confirms it, a page reports it, or leaves it unconfirmed where its business wants more."""
    assert decided(told(1)) == {1: (100, CONFIRMED, "c1" + "01")}
    assert decided(said(1)) == {1: (100, REPORTED, "c101")}
    assert decided(said(1, needs_confirmation=True)) == {1: (100, UNCONFIRMED, "c101")}
    assert decided(told(1, needs_confirmation=True)) == {1: (100, CONFIRMED, "c101")}


@pytest.mark.parametrize("action", ["app.spent", "product.purchased", "loyalty.redeemed"])
def test_so_is_what_earns_without_an_order(action: str) -> None:
    """Spending, purchases, custom actions."""
    alone: dict[str, Any] = {"action": action, "order_id": None, "needs_confirmation": True}
    assert decided(said(1, **alone)) == {1: (100, UNCONFIRMED, "c101")}
    assert decided(told(1, **alone)) == {1: (100, CONFIRMED, "c101")}


def test_a_conversion_without_an_amount_has_a_provenance() -> None:
    """It is counted, so that it must be known by whose word."""
    events = [said(1, None, action="lead.won", order_id=None, is_conversion=True, needs_confirmation=True)]
    assert decide_all(events, clicks_by_visitor([])) == {UUID(int=1): Credit(None, 1, None, None, UNCONFIRMED)}


@pytest.mark.parametrize("action", [*ORDER_EARNS_FROM])
def test_a_private_token_that_speaks_of_an_order_silences_pages(action: str) -> None:
    """By whatever step: no amount of a page earns in it, and what earns is confirmed."""
    assert decided(said(1, 9_999), told(2, 100, action=action)) == {2: (100, CONFIRMED, "c102")}
    assert decided(said(1, 9_999), told(2, None, action=action)) == {}
    if action != "order.placed":
        assert worth([said(1, 9_999), told(2, 100, action=action)], 1) is Worth.UNPROVED


def test_the_click_is_that_of_whom_the_token_names() -> None:
    """Else that of the page's visitor, unless that is known to be somebody else."""
    assert decided(said(1), told(2)) == {2: (100, CONFIRMED, "c102")}
    assert decided(said(1), told(3, session=None, profile_key=9)) == {3: (100, CONFIRMED, "c101")}
    assert decided(said(1, profile_key=8), told(3, session=None, profile_key=9)) == {3: (100, CONFIRMED, None)}


def test_two_visitors_who_say_one_order_lead_to_nothing() -> None:
    """It earns once, what was said first; nobody's click led to it."""
    both = [said(1, 1), said(2, 12_000)]
    assert decided(*both) == {1: (1, REPORTED, None)}
    assert worth(both, 2) is Worth.RETOLD
    assert decide_all(both, clicks_by_visitor([]))[UUID(int=2)] is None
    assert decided(said(1, 1), said(2, 12_000, action="order.confirmed")) == {1: (1, REPORTED, None)}
    assert decided(said(2, 12_000), said(3, 1, occurred_at=AT - timedelta(days=3))) == {2: (12_000, REPORTED, None)}


def test_one_visitor_may_say_an_order_twice() -> None:
    """In one session or, as one person, in several."""
    assert decided(said(1, session="s7"), said(2, session="s7", action="order.shipped")) == {1: (100, REPORTED, "c107")}
    assert decided(said(1, profile_key=7), said(2, profile_key=7)) == {1: (100, REPORTED, "c107")}


def test_a_confirmation_decides_between_visitors() -> None:
    """The click is that of whom the token names, and nobody's where that one has none."""
    both = [said(1, 1), said(2, 12_000)]
    assert decided(*both, told(4, 12_000, session="s2")) == {4: (12_000, CONFIRMED, "c102")}
    assert decided(*both, told(4, 12_000, session=None, profile_key=9)) == {4: (12_000, CONFIRMED, None)}


def test_a_step_that_private_tokens_tell_twice_stands_once() -> None:
    """As where they know an order by two references: with an amount before without, then what was received first."""
    assert decided(told(1, 100), told(2, 120)) == {1: (100, CONFIRMED, "c101")}
    assert decided(told(1, None), told(2, 120)) == {2: (120, CONFIRMED, "c102")}
    assert decided(told(1, 100), told(2, 120, occurred_at=AT - timedelta(days=1))) == {1: (100, CONFIRMED, "c101")}
    assert worth([told(1, 100), told(2, 120)], 2) is Worth.SUPERSEDED
    assert decide_all([told(1, 100), told(2, 120)], clicks_by_visitor(CLICKS))[UUID(int=2)] is None
    cancelled = [told(number, None, action="order.cancelled") for number in (8, 9)]
    assert decided(told(1, 100), *cancelled) == {1: (100, CONFIRMED, "c101"), 8: (-100, CONFIRMED, "c101")}


def test_an_amount_beyond_the_ceiling_earns_nothing() -> None:
    """Of a page; it stands in nobody's way, and a private token's has no ceiling."""
    assert decided(said(1, LARGEST)) == {}
    assert worth([said(1, LARGEST)], 1) is Worth.BEYOND_CEILING
    assert decided(said(1, 100_000_000)) == {1: (100_000_000, REPORTED, "c101")}
    assert decided(said(1, 100_000_001)) == {}
    assert decided(said(1, 1_000_000, currency="JPY")) == {1: (1_000_000, REPORTED, "c101")}
    assert decided(said(1, 1_000_001, currency="JPY")) == {}
    assert decided(said(1, LARGEST), said(2, 12_000)) == {2: (12_000, REPORTED, "c102")}
    assert decided(told(1, LARGEST)) == {1: (LARGEST, CONFIRMED, "c101")}
    assert worth([said(1, LARGEST, action="app.spent", order_id=None)], 1) is Worth.BEYOND_CEILING


def test_a_refund_takes_back_within_its_orders_provenance() -> None:
    """Whoever told the order; and from nobody's click where that earned for none."""
    refund = told(9, 30, action="refund.received")
    assert decided(said(1), refund)[9] == (-30, REPORTED, "c101")
    assert decided(said(1, needs_confirmation=True), refund)[9] == (-30, UNCONFIRMED, "c101")
    assert decided(said(1), said(2), refund)[9] == (-30, REPORTED, None)
    assert decided(said(1), told(2), refund)[9] == (-30, CONFIRMED, "c102")


ANYTHING = st.builds(
    lambda number, amount, minutes, **fields: said(
        number, amount, received_at=AT + timedelta(minutes=minutes), **fields
    ),
    st.integers(1, 10**6),
    st.sampled_from([None, 0, 1, 12_000, LARGEST]),
    st.integers(0, 5),
    action=st.sampled_from([*ORDER_EARNS_FROM, "order.cancelled", "refund.received"]),
    session=st.sampled_from(["s1", "s2", "s7", None]),
    profile_key=st.sampled_from([None, 7, 8]),
    is_private=st.booleans(),
    needs_confirmation=st.booleans(),
    currency=st.sampled_from(["USD", "EUR"]),
)


@given(st.lists(ANYTHING, unique_by=lambda event: event.id), st.randoms(use_true_random=False))
def test_whatever_is_said_in_whatever_order(events: list[Event], chance: object) -> None:
    """Shuffled, the same; an order earns at most once, never by a page beside a token, and nothing falls below zero.

    Each of its steps counts once.
    """
    clicks = clicks_by_visitor(CLICKS)
    whole = decide_all(events, clicks)
    shuffled = [*events, *events]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert decide_all({event.id: event for event in shuffled}.values(), clicks) == whole
    by_id = {event.id: event for event in events}
    earning = [(by_id[key], credit) for key, credit in whole.items() if credit and (credit.revenue_minor or 0) > 0]
    assert len(earning) <= 1
    steps = [by_id[key].action for key, credit in whole.items() if credit and by_id[key].action != "refund.received"]
    assert len(steps) == len(set(steps))
    assert sum(credit.revenue_minor or 0 for credit in whole.values() if credit) >= 0
    assert len({credit.provenance for credit in whole.values() if credit and credit.revenue_minor is not None}) <= 1
    confirmed = any(event.is_private and event.action in ORDER_EARNS_FROM for event in events)
    assert all(event.is_private or not confirmed for event, _ in earning)
