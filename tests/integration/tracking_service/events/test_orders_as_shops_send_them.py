"""Orders and refunds as shops' programs write them: where their money stands, and how they are named."""

from typing import TYPE_CHECKING, Any

import pytest

from clicktrail.tracking.v1 import event_pb2, event_service_pb2
from tests.support.tracking_service.calling import SECONDS, Caller
from tests.support.tracking_service.events import ACCEPTED, DUPLICATE, event, faults, order, submission, track

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

WOO = {"source": "woo", "reference": 1001}
KNOWN, UNKNOWN = event_pb2.REFUNDED_ORDER_KNOWN, event_pb2.REFUNDED_ORDER_UNKNOWN


async def kept(database: "Database") -> list[tuple[int | None, str | None]]:
    """Return amount and currency of each event that is kept, the first first."""
    rows = await database.fetch("SELECT amount_minor, currency FROM events ORDER BY received_at, id")
    return [(row["amount_minor"], row["currency"]) for row in rows]


@pytest.mark.parametrize(
    ("parameters", "fields", "sum_"),
    [
        ({"total": {"amount": "395.00", "currency": "USD"}}, {}, (39500, "USD")),
        ({"total": {"amount": 395, "currency": "EUR"}}, {}, (39500, "EUR")),
        ({"total": {"amount": " 395.5 ", "currency": "JPY", "converted_amount": "1"}}, {}, (396, "JPY")),
        ({"total": {"amount": "395"}}, {}, (39500, "USD")),
        ({"total": {"amount": "395"}}, {"currency": "EUR"}, (39500, "EUR")),
        ({"total": "395.00", "currency": "EUR"}, {}, (39500, "EUR")),
        ({"total": 395}, {}, (39500, "USD")),
        ({"total": {"amount": "0.00", "currency": "EUR"}}, {}, (0, "EUR")),
        ({"total": {"amount": "395.00", "currency": "EUR"}}, {"amount": "1"}, (100, "USD")),
        ({"total": {"amount": "395.00", "currency": "EUR"}}, {"amount": "1", "currency": "JPY"}, (1, "JPY")),
        ({"total": {}}, {}, (None, None)),
        ({"total": []}, {}, (None, None)),
        ({"total": None}, {}, (None, None)),
        ({"total": {"amount": None, "currency": "USD"}}, {}, (None, None)),
        ({"total": "395,00 EUR"}, {}, (None, None)),
        ({"amount": "395"}, {}, (None, None)),
    ],
)
async def test_the_total_of_an_order_is_its_amount(
    caller: Caller, database: "Database", parameters: dict[str, Any], fields: dict[str, str], sum_: tuple[int, str]
) -> None:
    """Where the event has none itself: Hellotext's plugin for WooCommerce writes it there alone."""
    sent = event("order.placed", object_parameters=WOO | parameters, **fields)
    assert (await caller.track(sent)).status == ACCEPTED
    assert await kept(database) == [sum_]


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"total": {"amount": "much", "currency": "USD"}}, "object_parameters.total.amount"),
        ({"total": {"amount": "-1", "currency": "USD"}}, "object_parameters.total.amount"),
        ({"total": {"amount": "1", "currency": "Pesos"}}, "object_parameters.total.currency"),
    ],
)
async def test_a_total_that_is_none_is_named(caller: Caller, parameters: dict[str, Any], name: str) -> None:
    """By the place where it stands."""
    (receipt,) = await track(caller.events, submission(event("order.placed", object_parameters=WOO | parameters)))
    assert faults(receipt) == [("invalid", name)]


async def test_a_refund_of_a_plugin_has_its_amount_in_its_object(caller: Caller, database: "Database") -> None:
    """The total beside it is the order's, of which a part comes back."""
    parameters: dict[str, Any] = {"reference": "r1", "source": "woo", "amount": "5.00", "currency": "EUR"}
    parameters |= {"total": {"amount": "395.00", "currency": "EUR"}}
    await caller.track(event("refund.received", object_parameters=parameters))
    assert await kept(database) == [(500, "EUR")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("5003", " 5003"),
        ("5003", "5003\n"),
        ("5003", "\u00a05003\ufeff"),
        (5003, "5003"),
        (b"5003.0", "5003"),
        (b"5.003e3", 5003),
        ("caf\u00e9-1", "cafe\u0301-1"),
        ("\u1112\u1161\u11ab", "\ud55c"),
    ],
)
async def test_one_order_is_one_however_it_is_written(caller: Caller, first: Any, second: Any) -> None:
    """References are compared trimmed and composed, whole numbers without a fraction."""

    def parameters(reference: Any) -> Any:
        return b'{"reference": %b}' % reference if isinstance(reference, bytes) else {"reference": reference}

    receipts = [
        await caller.track(event("order.placed", object_parameters=parameters(reference)))
        for reference in (first, second)
    ]
    assert [receipt.status for receipt in receipts] == [ACCEPTED, DUPLICATE]


async def test_other_orders_stay_others(caller: Caller) -> None:
    """Neither case nor what stands within a reference is left out."""
    for reference in ("a 1", "a1", "A1", "1.10", "1.1", "0001", "1"):
        assert (await caller.track(order(reference=reference))).status == ACCEPTED


async def test_a_name_may_have_half_an_emoji(caller: Caller) -> None:
    """It is shown and no more."""
    for name in (b"Shoe \\ud83d", b"a\\u0000b"):
        sent = event("product.viewed", object_parameters=b'{"name": "%b"}' % name)
        assert (await caller.track(sent)).status == ACCEPTED


def refund(reference: str, said: Any, **fields: Any) -> event_pb2.Event:
    """Return a refund that names an order so."""
    named = {} if said is None else {"order": said}
    return event("refund.received", object_parameters={"reference": reference, "source": "shopify"} | named, **fields)


async def unmatched(caller: Caller, **fields: Any) -> list[tuple[str, str]]:
    """Return what the refunds say of their orders that match none, newest first, with their amounts."""
    request = event_service_pb2.ListUnmatchedRefundsRequest(business_id="shop", **fields)
    response = await caller.events.ListUnmatchedRefunds(request, timeout=SECONDS)
    return [(one.order, f"{one.amount.amount} {one.amount.currency}".strip()) for one in response.refunds]


async def test_a_refund_that_matches_no_order_says_so(caller: Caller) -> None:
    """In its receipt and in a list, until its order comes."""
    nothing: list[Any] = ["1001", "nope", None, {}, "  "]
    lost = [await caller.track(refund(f"r{number}", said, amount="5")) for number, said in enumerate(nothing)]
    assert [receipt.order for receipt in lost] == [UNKNOWN] * 5
    assert sorted(await unmatched(caller)) == [("", "5.00 USD")] * 3 + [("1001", "5.00 USD"), ("nope", "5.00 USD")]
    await caller.track(order(amount="10", currency="JPY"))
    assert sorted(await unmatched(caller)) == [("", "5.00 USD")] * 3 + [("nope", "5.00 USD")]
    ways: list[Any] = ["1001", 1001, " 1001", {"reference": "1001"}, {"reference": 1001, "id": None}]
    for number, said in enumerate(ways):
        found = await caller.track(refund(f"s{number}", said, amount="5"))
        assert (found.status, found.order) == (ACCEPTED, KNOWN)
    assert len(await unmatched(caller)) == 4
    placed = await caller.track(order(reference="1003"))
    assert not placed.HasField("order")


async def test_a_refund_may_come_with_its_order(caller: Caller) -> None:
    """In one batch, whichever comes first; a repeated one says the same."""
    sent = [submission(refund("r1", "1001", amount="5")), submission(order(amount="10"))]
    for status in (ACCEPTED, DUPLICATE):
        receipts = await track(caller.events, *sent)
        assert [receipt.status for receipt in receipts] == [status, status]
        assert receipts[0].order == KNOWN


async def test_a_refund_without_a_currency_is_shown_in_its_orders(caller: Caller, database: "Database") -> None:
    """Where that is known when it comes."""
    await caller.track(order(amount="10", currency="JPY"))
    await caller.track(refund("r1", "1001", amount="5"))
    await caller.track(refund("r2", "1001", amount="5", currency="USD"))
    assert sorted(await kept(database)) == [(5, "JPY"), (10, "JPY"), (500, "USD")]


async def test_the_list_is_paged(caller: Caller) -> None:
    """Newest first, by the ids of events."""
    ids = [
        (await track(caller.events, submission(refund(f"r{number}", "x"), minutes=number)))[0].id for number in range(5)
    ]
    seen, after = [], None
    for _ in range(3):
        request = event_service_pb2.ListUnmatchedRefundsRequest(business_id="shop", limit=2, starting_after=after)
        page = await caller.events.ListUnmatchedRefunds(request, timeout=SECONDS)
        seen += [one.event for one in page.refunds]
        after = seen[-1]
    assert seen == ids[::-1]
    assert not page.has_more
