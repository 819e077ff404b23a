"""Platforms that have no module are read by the mappings of the guide, as they stand there."""

import base64
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.platforms.deliveries import RECEIVED_AT, SESSION, SHOP, only_fact
from tests.support.platforms.generic_deliveries import EVENT, KEY, MAPPINGS, ORDER, SECRET, shop, standard
from tracking_service.platforms.generic import is_signed, read, topic
from tracking_service.platforms.generic_mapping import GenericMapping
from tracking_service.platforms.platform import (
    Customer,
    Fact,
    Ignored,
    Shop,
    Told,
    UnreadableDelivery,
    hook_request,
)


def shop_signing(**signature: object) -> Shop:
    """Return a shop whose deliveries are signed in this way, in the header `s`."""
    mapping = {
        "signature": {"header": "s", **signature},
        "action": {"value": "order.placed"},
        "reference": "id",
        "amount": "total",
    }
    return SHOP._replace(mapping=GenericMapping.parse(json.dumps(mapping).encode()))


def told(event: dict[str, Any]) -> Sequence[Told]:
    """Return what a delivery with Standard Webhooks tells."""
    return read(standard(event), shop("standard-webhooks"))


def with_order(**members: object) -> dict[str, Any]:
    """Return the event with other members of its order."""
    return EVENT | {"data": {"order": ORDER | members}}


def test_the_guide_connects_two_platforms() -> None:
    """Each mapping of it is one."""
    assert set(MAPPINGS) == {"standard-webhooks", "event-in-a-header"}


def test_standard_webhooks_are_signed() -> None:
    """One of several signatures is enough; the id, the time and the body are signed."""
    request, connected = standard(EVENT), shop("standard-webhooks")
    assert is_signed(request, SECRET, connected)
    assert not is_signed(request, SECRET[:-4] + "AAAA", connected)
    assert not is_signed(request, "", connected)
    assert not is_signed(request, "whsec_é", connected)
    assert not is_signed(request._replace(body=request.body + b" "), SECRET, connected)
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        assert not is_signed(request._replace(headers={**request.headers, name: "1"}), SECRET, connected)


@pytest.mark.parametrize(("seconds", "expected"), [(299, True), (300, True), (301, False), (-301, False)])
def test_an_old_delivery_is_refused(seconds: int, expected: bool) -> None:  # noqa: FBT001
    """By the tolerance of the mapping."""
    request = standard(EVENT, RECEIVED_AT - timedelta(seconds=seconds))
    assert is_signed(request, SECRET, shop("standard-webhooks")) is expected


def test_an_order_is_found_where_the_mapping_says() -> None:
    """With all that it names."""
    assert only_fact(told(EVENT)) == Fact(
        action="order.confirmed",
        reference="ord_1",
        aliases=("77", "#77"),
        amount="39.90",
        currency="USD",
        occurred_at=datetime(2026, 11, 20, 17, 4, tzinfo=UTC),
        customer=Customer("c1", "a@example.com", "+598", "Ana"),
        sessions=(SESSION,),
        tokens=("cart_0001",),
        details={"number": "77"},
    )


def test_a_refund_has_an_id_and_an_amount_of_its_own() -> None:
    """And its own time."""
    refund = {"id": "r1", "amount_cents": -500, "created_at": "2026-11-20T16:00:00Z"}
    found = only_fact(told(EVENT | {"type": "order.refunded", "data": {"order": ORDER, "refund": refund}}))
    assert (found.action, found.refund, found.amount, found.reference) == ("refund.received", "r1", "5.00", "ord_1")
    assert found.occurred_at == datetime(2026, 11, 20, 16, tzinfo=UTC)
    with pytest.raises(UnreadableDelivery, match=r"refund.id \(data.refund.id\)"):
        told(EVENT | {"type": "order.refunded"})


def test_minor_units_are_those_of_the_currency() -> None:
    """By ISO 4217."""
    assert only_fact(told(with_order(currency="CLP"))).amount == "3990"
    assert only_fact(told(with_order(currency="KWD"))).amount == "3.990"


@pytest.mark.parametrize("word", ["order.updated", "order.unheard_of", None, 5])
def test_other_words_are_nothing(word: object) -> None:
    """Whether the mapping names them or not."""
    assert isinstance(told(EVENT | {"type": word})[0], Ignored)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"id": None}, r"reference \(data.order.id\) is missing"),
        ({"id": {}}, r"reference \(data.order.id\) is missing"),
        ({"total_cents": "ten"}, r"amount \(data.order.total_cents\) is no amount"),
        ({"total_cents": -5}, r"amount \(data.order.total_cents\) is no amount"),
        ({"total_cents": [1]}, r"amount \(data.order.total_cents\) is no amount"),
        ({"currency": "BTC"}, r"currency \(data.order.currency\) is no currency"),
    ],
)
def test_what_cannot_be_read_is_named_by_field_and_place(members: dict[str, object], message: str) -> None:
    """So that the mapping can be mended."""
    with pytest.raises(UnreadableDelivery, match=message):
        told(with_order(**members))


def test_an_order_without_an_amount_is_recorded() -> None:
    """The platform may not tell it."""
    found = only_fact(told(with_order(total_cents=None)))
    assert (found.amount, found.currency) == (None, None)


@pytest.mark.parametrize("value", [True, "yes", 1, "true"])
def test_an_order_of_a_test_mode_is_marked(value: object) -> None:
    """However the platform says it."""
    assert only_fact(told(with_order(is_test=value))).is_test
    assert not only_fact(told(with_order(is_test=False))).is_test


def test_an_event_may_stand_in_a_header() -> None:
    """And a currency may be always the same."""
    order = {
        "id": 1001,
        "total": 15990.0,
        "created_at": "2026-11-20 17:00:00",
        "customer": {"id": 0, "fullname": "Ana"},
    }
    body = json.dumps({"order": order}).encode()
    signature = base64.b64encode(hmac.digest(KEY, body, "sha256")).decode()
    request = hook_request(
        [("jumpseller-event", "order_paid"), ("JUMPSELLER-HMAC-SHA256", signature)], [], body, RECEIVED_AT
    )
    connected = shop("event-in-a-header")
    assert is_signed(request, KEY.decode(), connected)
    assert only_fact(read(request, connected)) == Fact(
        action="order.confirmed",
        reference="1001",
        amount="15990.0",
        currency="CLP",
        occurred_at=datetime(2026, 11, 20, 17, tzinfo=UTC),
        customer=Customer("", name="Ana"),
    )
    assert topic(request) == "order_paid"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_signatures_are_of_any_usual_kind(algorithm: str, encoding: str) -> None:
    """Behind a prefix, in either case."""
    digest = hmac.digest(KEY, b"{}", algorithm)
    text = digest.hex().upper() if encoding == "hex" else base64.urlsafe_b64encode(digest).decode().rstrip("=")
    request = hook_request([("S", f"{algorithm}={text}")], [], b"{}", RECEIVED_AT)
    connected = shop_signing(algorithm=algorithm, encoding=encoding, prefix=f"{algorithm}=")
    assert is_signed(request, KEY.decode(), connected)
    assert is_signed(request, KEY.hex(), shop_signing(
        algorithm=algorithm, encoding=encoding, prefix=f"{algorithm}=", secret="hex"
    ))  # fmt: skip
    assert not is_signed(request, KEY.decode(), shop_signing(algorithm=algorithm, encoding=encoding))


def test_a_time_may_be_a_part_of_the_signatures_header() -> None:
    """As Stripe has it; in milliseconds, too."""
    for stamp in (str(int(RECEIVED_AT.timestamp())), str(int(RECEIVED_AT.timestamp() * 1000))):
        signature = hmac.digest(KEY, stamp.encode() + b".{}", "sha256").hex()
        request = hook_request([("s", f"t={stamp}, v1={signature}")], [], b"{}", RECEIVED_AT)
        assert is_signed(request, KEY.decode(), shop_signing(part="v1", signed="{t}.{body}", time={"part": "t"}))


def test_a_header_may_hold_the_secret_itself() -> None:
    """Where a platform signs nothing."""
    connected = shop_signing(algorithm="token", prefix="Bearer ")
    assert is_signed(hook_request([("s", "Bearer abc")], [], b"{}", RECEIVED_AT), "abc", connected)
    for header in ("abc", "Bearer ab", "Bearer abcd", "Bearer ", ""):
        assert not is_signed(hook_request([("s", header)], [], b"{}", RECEIVED_AT), "abc", connected)
    assert not is_signed(hook_request([("s", "Bearer ")], [], b"{}", RECEIVED_AT), "", connected)


def test_a_body_may_be_a_list() -> None:
    """Its items are found by their place only below a name: there is nothing to read at its top."""
    with pytest.raises(UnreadableDelivery, match=r"reference \(id\)"):
        read(hook_request([], [], b"[1]", RECEIVED_AT), shop_signing())
    with pytest.raises(UnreadableDelivery, match=r"^The body"):
        read(hook_request([], [], b"x", RECEIVED_AT), shop_signing())


def test_the_businesss_currency_counts_where_the_mapping_has_none() -> None:
    """The amount stands alone."""
    found = only_fact(read(hook_request([], [], b'{"id": 1, "total": "5.10"}', RECEIVED_AT), shop_signing()))
    assert (found.amount, found.currency) == ("5.10", None)
