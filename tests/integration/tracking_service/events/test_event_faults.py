"""What is wrong with an event is named: every fault at once, by type and field."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.tracking.v1 import event_pb2
from tests.support.tracking_service.events import ACCEPTED, REJECTED, Stub, event, faults, submission, track

pytestmark = pytest.mark.usefixtures("business")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (event(""), [("parameter_missing", "action")]),
        (event("short_link.clicked"), [("not_allowed", "action")]),
        (event("message.delivered"), [("not_allowed", "action")]),
        (event("a\0b"), [("not_found", "action")]),
        (event(session=None), [("parameter_missing", "session")]),
        (event(session="short"), [("invalid", "session")]),
        (event(session="with space in it"), [("invalid", "session")]),
        (event(profile="an ann"), [("invalid", "profile")]),
        (event("order.placed"), [("parameter_missing", "object_parameters")]),
        (event("order.placed", object_parameters=b"null"), [("parameter_invalid_empty", "object_parameters")]),
        (event("order.placed", object_parameters=b"{}"), [("parameter_invalid_empty", "object_parameters")]),
        (event("order.placed", object_parameters=b"[1]"), [("invalid", "object_parameters")]),
        (event("order.placed", object_parameters=b"[]"), [("invalid", "object_parameters")]),
        (event("order.placed", object_parameters=b"{"), [("invalid", "object_parameters")]),
        (
            event("order.placed", object_parameters={"total": 1}),
            [("parameter_missing", "object_parameters.reference")],
        ),
        (
            event("order.placed", object_parameters={"reference": " "}),
            [("parameter_invalid_empty", "object_parameters.reference")],
        ),
        (
            event("order.placed", object_parameters={"reference": True}),
            [("invalid", "object_parameters.reference")],
        ),
        (
            event("order.placed", object_parameters=b'{"reference": "a\\u0000"}'),
            [("invalid", "object_parameters.reference")],
        ),
        (
            event("order.placed", object_parameters=b'{"reference": "\\ud800"}'),
            [("invalid", "object_parameters.reference")],
        ),
        (
            event("order.placed", object_parameters={"reference": "x" * 300}),
            [("invalid", "object_parameters.reference")],
        ),
        (event("order.placed", object="no-uuid"), [("object_invalid", "object")]),
        (event("order.placed", object="a" * 32, object_parameters={"name": "A"}), [("ambiguous_parameter", "object")]),
        (
            event("order.placed", object_type="product", object_parameters={"name": "A"}),
            [("invalid", "object_type")],
        ),
        (event(amount="ten"), [("invalid", "amount")]),
        (event(amount=""), [("parameter_invalid_empty", "amount")]),
        (event(amount="-1"), [("invalid", "amount")]),
        (event(amount="1e400"), [("invalid", "amount")]),
        (event(amount="92233720368547758.08"), [("invalid", "amount")]),
        (event(amount="NaN"), [("invalid", "amount")]),
        (event(currency="USD"), [("parameter_missing", "amount")]),
        (event(amount="1", currency="usd"), [("invalid", "currency")]),
        (event(amount="x", currency="XXX"), [("invalid", "currency"), ("invalid", "amount")]),
        (event(metadata=b"[]"), [("invalid", "metadata")]),
        (event(metadata=b"NaN"), [("invalid", "metadata")]),
        (event(metadata=b"\xff"), [("invalid", "metadata")]),
        (event(metadata=b'{"a":' * 101 + b"1" + b"}" * 101), [("invalid", "metadata")]),
        (event(metadata=b'{"a":' * 30_000), [("invalid", "metadata")]),
        (event(extra=b'{"a": NaN}'), [("invalid", "extra")]),
        (event(page=event_pb2.Page(url="a\0b")), [("invalid", "page.url")]),
        (
            event("no.such", amount="x", session="s"),
            [("not_found", "action"), ("invalid", "session"), ("invalid", "amount")],
        ),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(events: Stub, sent: event_pb2.Event, expected: list[tuple[str, str]]) -> None:
    """Every fault at once, by type and field, and the neighbours are kept."""
    wrong, right = await track(events, submission(sent), submission(event()))
    assert (wrong.status, right.status) == (REJECTED, ACCEPTED)
    assert faults(wrong) == expected


@pytest.mark.parametrize("seconds", [-1, 253_402_300_800, 2**62])
async def test_an_absurd_time_is_named(events: Stub, seconds: int) -> None:
    """Before 1970, after 9999, or beyond any calendar."""
    sent = event()
    sent.tracked_at.seconds = seconds
    (receipt,) = await track(events, submission(sent))
    assert faults(receipt) == [("invalid", "tracked_at")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"business_id": "nobody"}, [("not_found", "business")]),
        ({"business_id": "a\0b"}, [("not_found", "business")]),
        ({"key": ""}, [("parameter_invalid_empty", "id")]),
        ({"key": "k" * 101}, [("invalid", "id")]),
        ({"id": b"short"}, [("invalid", "id")]),
    ],
)
async def test_a_submission_that_is_wrong_is_named(
    events: Stub, fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """What the edge says is judged too."""
    (receipt,) = await track(events, submission(event(), **fields))
    assert (receipt.status, faults(receipt)) == (REJECTED, expected)


async def test_a_page_cannot_name_a_profile(events: Stub) -> None:
    """Its credential stands in every page."""
    public = submission(event(profile="ann"), credential=event_pb2.CREDENTIAL_PUBLIC)
    (receipt,) = await track(events, public)
    assert faults(receipt) == [("not_allowed", "profile")]


@pytest.mark.parametrize("nanos", [-1, 1_000_000_000])
async def test_a_time_that_is_none_fails_alone(events: Stub, nanos: int) -> None:
    """Whoever sent it; its neighbours are recorded."""
    wrong = submission(event(), received_at=Timestamp(seconds=0, nanos=nanos))
    said = submission(event(tracked_at=Timestamp(seconds=1_700_000_000, nanos=nanos)))
    right = submission(event())
    receipts = await track(events, right, wrong, said, submission(event()))
    assert [receipt.status for receipt in receipts] == [ACCEPTED, REJECTED, REJECTED, ACCEPTED]
    assert [faults(receipt) for receipt in receipts[1:3]] == [[("invalid", "received_at")], [("invalid", "tracked_at")]]
