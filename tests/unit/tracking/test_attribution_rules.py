"""Which click an event is credited to, and what it earned."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tracking_service.attribution import Click, Event, Reason, credit, decide, earners, names_order, refusal
from tracking_service.ledger import Entry, Standing, as_kept, difference

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ORDER, OTHER_ORDER = UUID(int=77), UUID(int=78)


def click(number: int, minutes: float, session: str = "s1", profile_key: int | None = None) -> Click:
    """Return a click some minutes after ten."""
    clicked_at = AT + timedelta(minutes=minutes)
    return Click(UUID(int=number), session, profile_key, clicked_at, "abc", f"campaign {number}", None, None)


def event(number: int = 1, action: str = "order.placed", amount: int | None = 39500, **fields: object) -> Event:
    """Return an event at ten, in the session s1, of nobody known."""
    told = Event(
        UUID(int=number), action, "s1", None, AT, ORDER, amount, "USD",
        names_order=False, is_conversion=False, window=timedelta(days=7),
    )  # fmt: skip
    return replace(told, **fields)  # type: ignore[arg-type]  # whatever a test changes


def test_the_latest_click_before_the_event_wins() -> None:
    """Whatever order they come in."""
    assert decide(event(), [click(1, -30), click(2, -10), click(3, -20)]) == click(2, -10)


def test_clicks_of_the_same_person_count_in_any_session() -> None:
    """Also where the event has a session without a click."""
    clicks = [click(1, -30, "other", 5), click(2, -10, "another", 6)]
    assert decide(event(profile_key=5), clicks) == clicks[0]
    assert refusal(event(profile_key=5), clicks[1]) is Reason.STRANGER


@pytest.mark.parametrize(
    ("clicked", "reason"),
    [
        (click(1, 9.9), None),
        (click(1, 10.1), Reason.AFTER),
        (click(1, 0.1, "other", 5), Reason.AFTER),
        (click(1, -7 * 24 * 60), None),
        (click(1, -7 * 24 * 60 - 1), Reason.TOO_OLD),
    ],
)
def test_what_is_eligible(clicked: Click, reason: Reason | None) -> None:
    """A click of the event's own session may be a little younger than the event, no other, and none too old."""
    assert refusal(event(profile_key=5), clicked) is reason


def test_an_order_earns_once() -> None:
    """From the first of its steps that has an amount."""
    steps = [
        event(4, "order.delivered"), event(3, "order.shipped"), event(2, "order.confirmed"),
        event(1, "order.placed", None), event(5, "order.confirmed", object_id=OTHER_ORDER),
    ]  # fmt: skip
    assert earners(steps) == {UUID(int=2), UUID(int=5)}


@pytest.mark.parametrize(
    ("told", "earns"),
    [
        (event(action="app.spent"), True),
        (event(action="product.purchased"), True),
        (event(action="product.purchased", names_order=True), False),
        (event(action="product.purchased", amount=None), False),
        (event(action="product.purchased", amount=0), False),
        (event(action="page.viewed"), False),
        (event(action="order.cancelled"), False),
        (event(action="refund.received"), False),
        (event(action="loyalty.redeemed"), True),
        (event(action="loyalty.redeemed", amount=None), False),
        (event(action="message.delivered"), False),
    ],
)
def test_what_earns(told: Event, earns: bool) -> None:  # noqa: FBT001  (a row of a table)
    """Beside orders: spending in apps, purchases outside orders, custom actions with an amount."""
    assert earners([told]) == ({told.id} if earns else set())


def test_what_an_event_counts_for() -> None:
    """An event of a conversion action is a conversion that earns nothing; what earns is one too."""
    earned = credit(event(), [click(1, -1)], earns=True)
    assert (earned.conversions, earned.revenue_minor, earned.currency) == (1, 39500, "USD")
    marked = credit(event(action="lead.won", amount=None, is_conversion=True), [], earns=False)
    assert (marked.click, marked.conversions, marked.revenue_minor) == (None, 1, None)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, False),
        ('{"reference": "p1"}', False),
        ('{"reference": "p1", "order": null}', False),
        ('{"reference": "p1", "order": "o1"}', True),
        ('{"reference": "\\ud800\\u0000", "order": 5}', True),
    ],
)
def test_a_purchase_that_names_its_order(text: str | None, names: bool) -> None:  # noqa: FBT001  (a row of a table)
    """Whatever else stands there."""
    assert names_order(text) is names


def test_the_ledger_grows_by_the_difference_alone() -> None:
    """Nothing where nothing changed; otherwise the old entry is taken back and the new one written."""
    before, after = credit(event(), [], earns=True), credit(event(), [click(1, -1)], earns=True)
    first = list(difference({UUID(int=1): before}, {}))
    assert first == [Entry(UUID(int=1), 1, 1, as_kept(before))]
    standing = {UUID(int=1): Standing(1, as_kept(before))}
    assert list(difference({UUID(int=1): before}, standing)) == []
    assert list(difference({UUID(int=1): after}, standing)) == [
        Entry(UUID(int=1), 2, -1, as_kept(before)),
        Entry(UUID(int=1), 3, 1, as_kept(after)),
    ]
