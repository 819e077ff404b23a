"""Events as senders of all ages write them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import FaultType
from gateway.events.fields import ParsedEvent, parse_event
from gateway.json.text import loads

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["action", "session", "session_id", "profile", "object", "order", "order_id", "order_parameters", "amount",
     "tracked_at", "page", "url", "utm_params", "user_parameters", "metadata", "id", "currency", "other"]
)  # fmt: skip


def parsed(*header_keys: str, **fields: Any) -> ParsedEvent:
    """Parse an event of these fields and headers."""
    members = loads(json.dumps(fields).encode())
    assert isinstance(members, dict)
    return parse_event(members, header_keys)


def faults_of(**fields: Any) -> set[tuple[FaultType, str | None]]:
    """Return the types and parameters of an otherwise sound event's faults."""
    found = parsed(**({"action": "page.viewed", "session": "abcdefgh"} | fields))
    return {(fault.type, fault.parameter) for fault in found.faults}


def test_older_names_are_folded() -> None:
    """What older libraries send becomes what newer ones do."""
    older = parsed(
        action="product.viewed", session_id="s", profile_id="p", product_id="1", product_parameters={"name": "Hat"}
    )
    newer = parsed(action="product.viewed", session="s", profile="p", object="1", object_parameters={"name": "Hat"})
    assert older.faults == newer.faults == []
    assert older.event == newer.event
    assert parsed(action="page.visited", session="s").event.action == "page.viewed"
    assert parsed(action="page.viewed", session="s", url="https://a").event.page.url == "https://a"


@pytest.mark.parametrize(
    ("action", "kind"),
    [("order.placed", "order"), ("coupon.redeemed", "coupon"), ("form.completed", "form"), ("app.spent", "app"),
     ("refund.received", "refund"), ("cart.added", "product"), ("shop.rated", "order")],
)  # fmt: skip
def test_the_object_may_stand_under_its_kind(action: str, kind: str) -> None:
    """Each action knows its own kind, a custom one takes any."""
    event = parsed(action=action, session="s", **{kind: "7", f"{kind}_parameters": {"name": "x"}}).event
    assert event.object == "7"
    assert event.object_parameters.text == b'{"name":"x"}'
    assert not event.HasField("extra")


def test_another_kind_is_not_the_object() -> None:
    """The order that a purchased product names is kept beside it."""
    event = parsed(action="product.purchased", session="s", product="1", order="2").event
    assert event.object == "1"
    assert json.loads(event.extra.text) == {"order": "2"}


def test_what_is_not_known_is_kept_with_its_numbers() -> None:
    """Also inside the objects that we interpret."""
    event = parse_event(
        {key: loads(value) for key, value in {"action": b'"a.b"', "n": b"1.10", "page": b'{"url":"u","x":1e2}'}.items()}
    ).event
    assert event.extra.text == b'{"n":1.10,"page":{"x":1e2}}'
    assert event.page.url == "u"


def test_empty_objects_are_no_fault() -> None:
    """The library sends them with every event."""
    event = parsed(action="page.viewed", session="s", user_parameters={}, utm_params={}).event
    assert event.HasField("user_parameters")
    assert event.HasField("utm_params")


@pytest.mark.parametrize("value", ["395", "3.95e2", "-1.5", "0"])
def test_an_amount_keeps_its_text(value: str) -> None:
    """As a number and as a string alike."""
    for written in (value, f'"{value}"'):
        assert parse_event({"amount": loads(written.encode())}).event.amount == value


@pytest.mark.parametrize("value", [".5", "5.", "+5", "+.5e1"])
def test_an_amount_may_be_any_decimal_text(value: str) -> None:
    """As other programs write decimals; JSON has no such numbers."""
    assert parsed(action="a", session="s", amount=value).event.amount == value


@pytest.mark.parametrize(
    ("fields", "path", "kept"),
    [
        ({"page": {"title": "Sale \ud83d"}}, "page.title", "Sale \ufffd"),
        ({"page": {"title": "\ude00 Sale"}}, "page.title", "\ufffd Sale"),
        ({"page": {"path": "/p/\ud83d"}}, "page.path", "/p/\ufffd"),
        ({"page": {"url": "https://a/\ud83d"}}, "page.url", "https://a/\ufffd"),
        ({"url": "https://a/?q=\ud83d"}, "page.url", "https://a/?q=\ufffd"),
        ({"page": {"title": "a\u0000b"}}, "page.title", "a\ufffdb"),
        ({"utm_params": {"campaign": "Sale \ud83d"}}, "utm_params.campaign", "Sale \ufffd"),
        ({"utm_params": {"source": "\udfffnews"}}, "utm_params.source", "\ufffdnews"),
        ({"page": {"title": "Sale 😀"}}, "page.title", "Sale 😀"),
    ],
)
def test_half_an_emoji_refuses_no_event(fields: dict[str, Any], path: str, kept: str) -> None:
    """Where a text is shown and no more, what no text can have is replaced: scripts cut titles anywhere."""
    found = parsed(action="page.viewed", session="s", **fields)
    assert found.faults == []
    group, name = path.split(".")
    assert getattr(getattr(found.event, group), name) == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(404, "404"), (1.50, "1.5"), (True, "true"), (["a", 1], '["a",1]'), ({"rendered": "Hat"}, '{"rendered":"Hat"}'),
     (["\ud83d"], '["\\ud83d"]'), (False, None), ([], None), ({}, None), (None, None)],
)  # fmt: skip
@pytest.mark.parametrize("path", ["page.title", "page.path", "utm_params.campaign", "utm_params.source"])
def test_what_is_only_shown_refuses_no_event(path: str, sent: Any, kept: str | None) -> None:
    """A title that is a number, or what PHP has for none: the order beside it counts."""
    group, name = path.split(".")
    found = parsed(action="page.viewed", session="s", **{group: {name: sent}})
    assert found.faults == []
    shown = getattr(found.event, group)
    assert (getattr(shown, name) if shown.HasField(name) else None) == kept


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({"session": "", "profile": "p"}, {"profile": "p"}),
        ({"session": "abcdefgh", "profile": ""}, {"session": "abcdefgh"}),
        ({"session": "", "session_id": "abcdefgh"}, {"session": "abcdefgh"}),
        ({"session_id": "", "profile_id": "p"}, {"profile": "p"}),
        ({"session": "abcdefgh", "object": ""}, {"session": "abcdefgh"}),
        ({"session": "abcdefgh", "product_id": "", "product": "7"}, {"session": "abcdefgh", "object": "7"}),
    ],
)
def test_an_empty_id_is_none(sent: dict[str, Any], meant: dict[str, Any]) -> None:
    """Servers read them out of cookies and records that may not be there."""
    found = parsed(action="product.viewed", **sent)
    assert found.faults == []
    assert found.event == parsed(action="product.viewed", **meant).event


def test_a_number_is_an_id_in_the_shops_own_system() -> None:
    """So is the number of the system."""
    user = parsed(action="page.viewed", session="s", user_parameters={"id": 17, "source": 3}).event.user_parameters
    assert (user.id, user.source) == ("17", "3")


@pytest.mark.parametrize(
    "name",
    [
        "metadata",
        "page",
        "utm_params",
        "user_parameters",
        "object_parameters",
        "product_parameters",
        "order_parameters",
    ],
)
def test_an_empty_list_of_php_is_an_absent_object(name: str) -> None:
    """PHP cannot tell the two apart; in fields that are not interpreted it stays what it is."""
    found = parsed(action="shop.rated", session="s", **{name: []}, other=[])
    assert found.faults == []
    assert found.event == parsed(action="shop.rated", session="s", other=[]).event
    assert found.event.extra.text == b'{"other":[]}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_777_777_777_250, "2026-05-03T03:09:37.250Z"),
        ("1777777777250", "2026-05-03T03:09:37.250Z"),
        (1_777_777_777_250.5, "2026-05-03T03:09:37.250500Z"),
        (1_000_000_000_000, "2001-09-09T01:46:40Z"),
        ("9999999999999", "2286-11-20T17:46:39.999Z"),
        (1.7e12, "2023-11-14T22:13:20Z"),
        ("2026-05-03T05:09:37 02:00", "2026-05-03T03:09:37Z"),
        ("2026-05-03 05:09:37 0200", "2026-05-03T03:09:37Z"),
        ("2026-05-03 05:09:37+0200", "2026-05-03T03:09:37Z"),
    ],
)
def test_milliseconds_and_offsets_out_of_queries_are_recognised(value: Any, expected: str) -> None:
    """Thirteen digits are milliseconds, as JavaScript has them; a query makes a space of a plus sign."""
    for name in ("tracked_at", "observed_at"):
        event = parsed(action="a", session="s", tracked_at=value, utm_params={"observed_at": value}).event
        told = event.tracked_at if name == "tracked_at" else event.utm_params.observed_at
        assert told.ToJsonString() == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1_777_777_777, "2026-05-03T03:09:37Z"), (1_777_777_777.25, "2026-05-03T03:09:37.250Z"),
     ("1777777777", "2026-05-03T03:09:37Z"), ("2026-05-03T00:09:37-03:00", "2026-05-03T03:09:37Z"),
     ("2026-05-03t03:09:37z", "2026-05-03T03:09:37Z"), ("20260503T030937Z", "2026-05-03T03:09:37Z"),
     ("2026-05-03T03:09:37.250987654Z", "2026-05-03T03:09:37.250987Z")],
)  # fmt: skip
def test_a_time_is_unix_seconds_or_iso_8601(value: Any, expected: str) -> None:
    """Whole, with a fraction, as text, with an offset."""
    assert parsed(action="a", session="s", tracked_at=value).event.tracked_at.ToJsonString() == expected


@pytest.mark.parametrize(
    ("value", "says"),
    [(-1, "1970 to 9998"), (253_370_764_800, "1970 to 9998"), (1e300, "1970 to 9998"), (-1e300, "1970 to 9998"),
     ("1e9999", "1970 to 9998"), ("1969-12-31T23:59:59Z", "1970 to 9998"), ("9999-01-01T00:00:00Z", "1970 to 9998"),
     ("0001-01-01T00:00:00+14:00", "1970 to 9998"), ("9999-12-31T23:59:59-12:00", "1970 to 9998"),
     (True, "a number or a text"), ([], "a number or a text"), ("yesterday", "a number or a text"),
     ("2026-05-04T00:00:00", "offset")],
)  # fmt: skip
def test_a_refused_time_says_which_are_taken(value: Any, says: str) -> None:
    """The years that every part of the system knows, and the forms; the field is named."""
    for name, fields in {
        "tracked_at": {"tracked_at": value},
        "utm_params.observed_at": {"utm_params": {"observed_at": value}},
    }.items():
        (fault,) = parsed(action="a", session="s", **fields).faults
        assert (fault.type, fault.parameter) == (FaultType.INVALID, name)
        assert says in fault.description


@pytest.mark.parametrize("value", [0, 253_370_764_799, "1970-01-01T00:00:00Z", "9998-12-31T23:59:59.999999Z"])
def test_the_first_and_the_last_time_are_taken(value: Any) -> None:
    """The ends belong to the calendar."""
    assert parsed(action="a", session="s", tracked_at=value).faults == []


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"action": 7}, "action"),
        ({"session": 7}, "session"),
        ({"session": None, "session_id": []}, "session_id"),
        ({"metadata": [1]}, "metadata"),
        ({"page": [[]]}, "page"),
        ({"object_parameters": [{}]}, "object_parameters"),
        ({"metadata": "x"}, "metadata"),
        ({"object_parameters": "x"}, "object_parameters"),
        ({"amount": "x"}, "amount"),
        ({"amount": {}}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": " 1"}, "amount"),
        ({"tracked_at": "yesterday"}, "tracked_at"),
        ({"tracked_at": 1.7e13}, "tracked_at"),
        ({"tracked_at": []}, "tracked_at"),
        ({"tracked_at": -1e300}, "tracked_at"),
        ({"page": "x"}, "page"),
        ({"page": {"url": 1}}, "page.url"),
        ({"url": 1}, "url"),
        ({"utm_params": {"observed_at": "x"}}, "utm_params.observed_at"),
        ({"currency": "US\u0000"}, "currency"),
        ({"session": "\ud800"}, "session"),
        ({"id": 7}, "id"),
        ({"id": "x" * 101}, "id"),
    ],
)
def test_a_wrong_value_names_its_field(fields: dict[str, Any], fault: str) -> None:
    """In the words of the sender."""
    assert (FaultType.INVALID, fault) in faults_of(**fields)


def test_all_faults_come_at_once() -> None:
    """What is missing is told with what is wrong."""
    found = {fault.parameter for fault in parsed(metadata=1, amount=[]).faults}
    assert found == {"action", "session", "metadata", "amount"}


def test_two_names_for_one_thing_must_agree() -> None:
    """Equal is fine, unequal is ambiguous."""
    assert faults_of(session_id="abcdefgh") == set()
    assert faults_of(session_id="other") == {(FaultType.AMBIGUOUS_PARAMETER, "session")}


def test_the_key_is_the_id_or_the_header() -> None:
    """Both only if equal; neither may be empty."""
    assert parsed(id="k").key == "k"
    assert parsed("k").key == "k"
    assert parsed("k", id="k").key == "k"
    assert parsed().key is None
    assert FaultType.AMBIGUOUS_PARAMETER in {fault.type for fault in parsed("k", id="l").faults}
    assert FaultType.PARAMETER_INVALID_EMPTY in {fault.type for fault in parsed(id="").faults}


def test_an_object_that_is_null_is_empty() -> None:
    """Whatever the action is; not where an object is named by its id."""
    assert faults_of(action="order.placed", order_parameters=None) == {
        (FaultType.PARAMETER_INVALID_EMPTY, "order_parameters")
    }
    assert faults_of(action="page.viewed", object_parameters=None) == {
        (FaultType.PARAMETER_INVALID_EMPTY, "object_parameters")
    }


@given(st.dictionaries(NAMES | st.text(max_size=8), JSON_VALUES, max_size=8))
def test_any_object_is_read_or_at_fault(fields: dict[str, Any]) -> None:
    """Nothing that is JSON makes it fail otherwise."""
    members = loads(json.dumps(fields).replace("NaN", "1").replace("Infinity", "1e999").encode())
    assert isinstance(members, dict)
    found = parse_event(members)
    assert found.faults or found.event.SerializeToString() is not None
