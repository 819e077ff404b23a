"""Which click an event is credited to, and what it earned."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tracking_service.attribution.credits import (
    Credit,
    Earning,
    Worth,
    clicks_by_visitor,
    decide_all,
    earnings,
    names_order,
)
from tracking_service.attribution.ledger import LedgerEntry, Standing, as_kept, difference
from tracking_service.attribution.rules import (
    CandidateClick,
    ClickReason,
    Event,
    OtherSource,
    Provenance,
    decide,
    judge,
    refusal,
)
from tracking_service.attribution.sources import link_sources, other_source

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
CONFIRMED = Provenance.CONFIRMED
ORDER, OTHER_ORDER = UUID(int=77), UUID(int=78)


def click(number: int, minutes: float, session: str = "s1", profile_key: int | None = None) -> CandidateClick:
    """Return a click some minutes after ten."""
    clicked_at = AT + timedelta(minutes=minutes)
    return CandidateClick(
        UUID(int=number),
        session,
        profile_key,
        clicked_at,
        AT - timedelta(days=30),
        "abc",
        f"campaign {number}",
        None,
        None,
    )


def event(number: int = 1, action: str = "order.placed", amount: int | None = 39500, **fields: object) -> Event:
    """Return an event at ten, in the session s1, of nobody known."""
    told = Event(
        UUID(int=number), action, "s1", None, AT, AT, ORDER, amount, "USD", None,
        names_order=False, is_conversion=False, is_private=True, needs_confirmation=False,
        page_amount_ceiling=1_000_000, window=timedelta(days=7),
    )  # fmt: skip
    return replace(told, **fields)  # type: ignore[arg-type]  # whatever a test changes


def test_the_latest_click_before_the_event_wins() -> None:
    """Whatever order they come in."""
    assert decide(event(), [click(1, -30), click(2, -10), click(3, -20)]) == click(2, -10)


def test_clicks_of_the_same_person_count_in_any_session() -> None:
    """Also where the event has a session without a click."""
    clicks = [click(1, -30, "other", 5), click(2, -10, "another", 6)]
    assert decide(event(profile_key=5), clicks) == clicks[0]
    assert refusal(event(profile_key=5), clicks[1]) is ClickReason.STRANGER


@pytest.mark.parametrize(
    ("clicked", "reason"),
    [
        (click(1, 0.1), None),
        (click(1, 60), None),
        (click(1, 5 * 60), None),
        (click(1, 24 * 60), None),
        (click(1, 24 * 60 + 1), ClickReason.AFTER),
        (click(1, 0.1, "other", 5), ClickReason.AFTER),
        (click(1, -7 * 24 * 60), None),
        (click(1, -7 * 24 * 60 - 1), ClickReason.TOO_OLD),
    ],
)
def test_what_is_eligible(clicked: CandidateClick, reason: ClickReason | None) -> None:
    """A click of the event's own session may be up to a day younger than the event, no other, and none too old."""
    assert refusal(event(profile_key=5), clicked) is reason


def test_the_click_of_an_events_own_session_wins_by_a_slow_clock() -> None:
    """The session did not exist before, so that the event was not before it: not by an earlier click of the person."""
    own, earlier, later_one = click(1, 60), click(2, -5, "other", 5), click(3, 90, "third", 5)
    assert decide(event(profile_key=5), [own, earlier, later_one]) == own
    assert decide(event(profile_key=5, other_source=OtherSource("google", AT)), [own, earlier]) == own


def test_an_external_source_seen_after_the_click_wins() -> None:
    """One seen before it does not: the latest of both counts."""
    clicks = [click(1, -30), click(2, -10)]
    before = event(other_source=OtherSource("google", AT - timedelta(minutes=11)))
    after = event(other_source=OtherSource("google", AT - timedelta(minutes=9)))
    assert decide(before, clicks) == clicks[1]
    assert decide(after, clicks) is None
    assert judge(after, clicks) == [(clicks[1], ClickReason.OUTRUN), (clicks[0], ClickReason.EARLIER)]


@pytest.mark.parametrize(
    ("utm", "found"),
    [
        (None, None),
        ('{"medium": "sms"}', None),
        ('{"source": " HelloText "}', None),
        ('{"source": "OUR-newsletter"}', None),
        ('{"source": "Google"}', OtherSource("google", AT)),
        ('{"source": "google", "observed_at": "2026-11-22T09:00:00Z"}', OtherSource("google", AT - timedelta(hours=1))),
        ('{"source": "google", "observed_at": "2027-01-01T00:00:00Z"}', OtherSource("google", AT)),
        ('{"source": "google", "observed_at": "-5"}', OtherSource("google", AT)),
        ('{"source": "google", "term": "\\u0000\\ud800"}', OtherSource("google", AT)),
    ],
)
def test_what_is_an_external_source(utm: str | None, found: OtherSource | None) -> None:
    """One that is neither ours nor the business's, seen when the parameters say, at the event's time at the latest."""
    assert other_source(utm, AT, {"our-newsletter"}) == found


def test_the_sources_of_a_link() -> None:
    """Its own parameter and that of its destination; not those that are everybody's."""
    assert link_sources("News", "https://shop.example.com/?utm_source=Partner&x=1") == {"news", "partner"}
    assert link_sources("hellotext", "https://[bad/?utm_source=x") == set()


def earned(*events: Event) -> dict[int, int]:
    """Return what events earn, by their numbers; those that earn nothing are left out."""
    return {key.int: one.revenue_minor for key, one in earnings(events).items() if one.revenue_minor is not None}


def later(number: int, action: str, amount: int | None, minutes: float = 1, **fields: object) -> Event:
    """Return an event of the order some minutes after ten."""
    return event(number, action, amount, occurred_at=AT + timedelta(minutes=minutes), **fields)


def test_an_order_earns_once() -> None:
    """From the first of its steps that has an amount."""
    steps = [
        event(4, "order.delivered"), event(3, "order.shipped"), event(2, "order.confirmed"),
        event(1, "order.placed", None), event(5, "order.confirmed", order_id=OTHER_ORDER),
    ]  # fmt: skip
    assert earned(*steps) == {2: 39500, 5: 39500}


def test_a_free_order_is_a_conversion_of_nothing() -> None:
    """Until it is cancelled by a private token; a step that is to be paid goes before one that is free."""
    free = event(1, amount=0)
    assert earnings([free])[free.id] == Earning(Worth.FREE, 1, 0, "USD")
    assert earnings([free, later(2, "refund.received", 5)])[free.id].conversions == 1
    assert earnings([free, later(2, "order.cancelled", None)])[free.id].conversions == 0
    assert earnings([free, later(2, "order.cancelled", None, is_private=False)])[free.id].conversions == 1
    twice = earnings([free, later(2, "order.shipped", 0)])
    assert [one.conversions for one in twice.values()] == [1, 0]
    paid = later(2, "order.confirmed", 100)
    assert earned(free, paid) == {2: 100}
    assert sum(one.conversions for one in earnings([free, paid]).values()) == 1
    assert earned(event(1, amount=None)) == {}


@pytest.mark.parametrize(
    ("currency", "said", "taken"),
    [("JPY", "30", -30), ("EUR", "0.5", -50), ("KWD", "0.05", -50), ("USD", "0.3", -30), ("JPY", "1e18", -100),
     ("KWD", "92233720368547758", -100)],
)  # fmt: skip
def test_a_refund_without_a_currency_is_in_that_of_its_order(currency: str, said: str, taken: int) -> None:
    """Whatever the business's own is, in which it was kept."""
    order = event(1, amount=100, currency=currency)
    assert earned(order, later(2, "refund.received", 3_000, said_amount=said)) == {1: 100, 2: taken}


def test_refunds_take_back_what_is_left() -> None:
    """In turn, each at most what the ones before it left; the order is a conversion as long as anything is left."""
    order = event(1, amount=100)
    refunds = [later(3, "refund.received", 80, 2), later(2, "refund.received", 30), later(4, "refund.received", 5, 3)]
    assert earned(order, *refunds) == {1: 100, 2: -30, 3: -70}
    assert earnings([order, *refunds])[order.id].conversions == 0
    assert earnings([order, refunds[1]])[order.id].conversions == 1
    assert earnings([order, *refunds])[refunds[2].id].worth is Worth.NOTHING_LEFT


def test_a_cancellation_takes_the_rest() -> None:
    """What came back already is not taken twice."""
    order, refund, cancelled = event(1, amount=100), later(2, "refund.received", 30), later(3, "order.cancelled", 1, 2)
    assert earned(order, refund, cancelled) == {1: 100, 2: -30, 3: -70}
    assert earned(order, refund, later(3, "order.cancelled", None, 0.5)) == {1: 100, 3: -100}


@pytest.mark.parametrize(
    ("told", "worth"),
    [
        (later(2, "refund.received", 30, is_private=False), Worth.FROM_PAGE),
        (later(2, "order.cancelled", None, is_private=False), Worth.FROM_PAGE),
        (later(2, "refund.received", 30, currency="EUR"), Worth.OTHER_CURRENCY),
        (later(2, "refund.received", None, currency=None), Worth.NO_AMOUNT),
        (later(2, "refund.received", 30, order_id=None), Worth.NO_ORDER),
        (later(2, "refund.received", 30, order_id=OTHER_ORDER), Worth.NO_ORDER),
        (later(2, "refund.requested", 30, order_id=None), Worth.NOTHING),
    ],
)
def test_what_takes_nothing_back(told: Event, worth: Worth) -> None:
    """What a page says, another currency, what names no order, and a request."""
    assert earnings([event(1, amount=100), told])[told.id].worth is worth
    assert earned(event(1, amount=100), told) == {1: 100}


def test_a_private_token_supersedes_a_page() -> None:
    """For the same step; what the page said counts as nothing then."""
    page, server = event(1, amount=9_999, is_private=False), event(2, amount=100)
    assert earned(page) == {1: 9_999}
    assert earned(page, server) == {2: 100}
    assert decide_all([page, server], clicks_by_visitor([]))[page.id] is None
    confirmed = event(3, "order.confirmed", 100)
    assert earned(page, event(2, amount=None), confirmed) == {3: 100}


def test_what_takes_back_shares_the_click_of_its_order() -> None:
    """Whoever sends it, and whenever."""
    order = event(1, amount=100)
    refund = later(2, "refund.received", 100, 60 * 24 * 30, session=None, profile_key=9)
    decided = decide_all([order, refund], clicks_by_visitor([click(1, -5), click(2, 60 * 24 * 29, "s9", 9)]))
    assert decided == {
        order.id: Credit(click(1, -5), 0, 100, "USD", CONFIRMED),
        refund.id: Credit(click(1, -5), 0, -100, "USD", CONFIRMED),
    }


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
        (event(action="refund.received", order_id=None), False),
        (event(action="loyalty.redeemed"), True),
        (event(action="loyalty.redeemed", amount=None), False),
        (event(action="message.delivered"), False),
    ],
)
def test_what_earns(told: Event, earns: bool) -> None:  # noqa: FBT001  (a row of a table)
    """Beside orders: spending in apps, purchases outside orders, custom actions with an amount."""
    assert bool(earned(told)) is earns


def counted(told: Event, *clicks: CandidateClick) -> Credit:
    """Return what a single event counts for."""
    decided = decide_all([told], clicks_by_visitor(clicks))[told.id]
    assert decided is not None
    return decided


def test_what_an_event_counts_for() -> None:
    """An event of a conversion action is a conversion that earns nothing; what earns is one too."""
    assert counted(event(), click(1, -1)) == Credit(click(1, -1), 1, 39500, "USD", CONFIRMED)
    assert counted(event(action="lead.won", amount=None, is_conversion=True)) == Credit(None, 1, None, None, CONFIRMED)
    assert counted(event(action="lead.won", is_conversion=True)) == Credit(None, 1, 39500, "USD", CONFIRMED)
    assert counted(event(action="page.viewed")) == Credit(None, 0, None, None, None)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, False),
        ('{"reference": "p1"}', False),
        ('{"reference": "p1", "order": null}', False),
        ('{"reference": "p1", "order": " "}', False),
        ('{"reference": "p1", "order": "o1"}', True),
        ('{"reference": "\\ud800\\u0000", "order": 5}', True),
    ],
)
def test_a_purchase_that_names_its_order(text: str | None, names: bool) -> None:  # noqa: FBT001  (a row of a table)
    """Whatever else stands there."""
    assert names_order(text) is names


def test_the_ledger_grows_by_the_difference_alone() -> None:
    """Nothing where nothing changed; otherwise the old entry is taken back and the new one written."""
    before, after = counted(event()), counted(event(), click(1, -1))
    first = list(difference({UUID(int=1): before}, {}))
    assert first == [LedgerEntry(UUID(int=1), 1, 1, as_kept(before))]
    standing = {UUID(int=1): Standing(1, as_kept(before))}
    assert list(difference({UUID(int=1): before}, standing)) == []
    assert list(difference({UUID(int=1): after}, standing)) == [
        LedgerEntry(UUID(int=1), 2, -1, as_kept(before)),
        LedgerEntry(UUID(int=1), 3, 1, as_kept(after)),
    ]
    assert list(difference({UUID(int=1): None}, standing)) == [LedgerEntry(UUID(int=1), 2, -1, as_kept(before))]
    assert list(difference({UUID(int=1): None}, {})) == []
