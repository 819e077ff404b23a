"""A mapping is read whole, or all that is wrong with it is told at once."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ClicktrailError
from tracking_service.actions.catalogue import CATALOGUE
from tracking_service.platforms.generic_mapping import ACTIONS, FieldPlace, GenericMapping, SignatureRule, StampPlace

SMALLEST: dict[str, Any] = {
    "signature": {"header": "X-Signature"},
    "action": {"path": "type", "values": {"paid": "order.confirmed"}},
    "reference": "id",
}


def faults(**members: object) -> list[str | None]:
    """Return which fields are wrong of the smallest mapping with other members."""
    return faults_of(json.dumps(SMALLEST | members).encode())


def faults_of(text: bytes) -> list[str | None]:
    """Return which fields of a mapping are wrong."""
    with pytest.raises(ClicktrailError) as raised:
        GenericMapping.parse(text)
    assert all(fault.description for fault in raised.value.faults)
    return [fault.parameter for fault in raised.value.faults]


def parsed(**members: object) -> GenericMapping:
    """Return the smallest mapping with other members."""
    return GenericMapping.parse(json.dumps(SMALLEST | members).encode())


def test_little_is_required() -> None:
    """The rest is as it usually is."""
    assert parsed() == GenericMapping(
        SignatureRule("x-signature"),
        (FieldPlace(("type",)),),
        {"paid": "order.confirmed"},
        {"reference": (FieldPlace(("id",)),)},
    )


def test_a_place_is_a_path_a_header_or_a_value() -> None:
    """Or a list of them."""
    mapping = parsed(reference=["a.b[0].c", {"header": "X-Id"}, {"value": "1"}, {"path": "l[name=x y].value"}, "a[b]"])
    assert mapping.fields["reference"] == (
        FieldPlace(("a", "b", 0, "c")),
        FieldPlace(header="x-id"),
        FieldPlace(value="1"),
        FieldPlace(("l", ("name", "x y"), "value")),
        FieldPlace(("a", "b")),
    )


def test_what_is_signed_may_have_a_time_and_an_id() -> None:
    """In headers, or in parts of the signature's."""
    signature = {"header": "S", "part": "v1", "signed": "{id}.{t}.{body}", "time": {"part": "t"}, "id": {"header": "I"}}
    rule = parsed(signature=signature).signature
    assert rule.signed == ("{id}", ".", "{t}", ".", "{body}")
    assert (rule.time, rule.id) == (StampPlace(part="t"), StampPlace(header="i"))


def test_every_action_is_one_that_there_is() -> None:
    """What a mapping may become."""
    assert set(ACTIONS) - {""} <= CATALOGUE.keys()


def test_all_faults_are_told_at_once() -> None:
    """Each by its place in the request."""
    wrong = {
        "signature": {
            "algorithm": "md5",
            "encoding": 1,
            "secret": "x",
            "signed": "{t}{nonce}",
            "tolerance_seconds": 0,
            "y": 1,
        },
        "action": {"path": "a..b", "values": {"paid": "order.paid", "x": None}},
        "amount": {"path": "a", "unit": "cents"},
        "currency": {"value": "BTC"},
        "session": [],
        "customer": {"id": 1, "age": "x"},
        "refund": "x",
        "referense": "id",
    }
    assert set(faults_of(json.dumps(wrong).encode())) == {
        "mapping.referense", "mapping.reference", "mapping.signature.y", "mapping.signature.header",
        "mapping.signature.algorithm", "mapping.signature.encoding", "mapping.signature.secret",
        "mapping.signature.signed", "mapping.signature.time", "mapping.signature.tolerance_seconds",
        "mapping.action.path", "mapping.action.values.paid", "mapping.action.values.x", "mapping.amount.unit",
        "mapping.currency.value",
        "mapping.session", "mapping.customer.id", "mapping.customer.age", "mapping.refund",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ({"signature": None}, "mapping.signature"),
        ({"signature": "x"}, "mapping.signature"),
        ({"signature": {"header": "é"}}, "mapping.signature.header"),
        ({"signature": {"header": "S", "time": {"header": "T"}}}, "mapping.signature.time"),
        ({"signature": {"header": "S", "signed": "{id}{body}"}}, "mapping.signature.id"),
        ({"signature": {"header": "S", "signed": "{t}{body}", "time": {"x": 1}}}, "mapping.signature.time"),
        ({"action": "type"}, "mapping.action"),
        ({"action": {"path": "type"}}, "mapping.action.values"),
        ({"action": {"value": "order.placed", "path": "x"}}, "mapping.action"),
        ({"action": {"path": "t", "values": {str(number): "" for number in range(101)}}}, "mapping.action.values"),
        ({"action": {"path": "t", "values": {"back": "refund.received"}}}, "mapping.refund.id"),
        ({"amount": {"path": "a", "unit": "minor"}}, "mapping.currency"),
        ({"reference": {"path": "a", "header": "b"}}, "mapping.reference"),
        ({"reference": ["a"] * 11}, "mapping.reference"),
        ({"reference": "x" * 201}, "mapping.reference"),
        ({"reference": "a[0"}, "mapping.reference"),
    ],
)
def test_a_fault_is_named_by_its_place(members: dict[str, object], wrong: str) -> None:
    """And by no other."""
    assert faults(**members) == [wrong]


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"1", b"\xff", b'"' + b"x" * 70_000 + b'"', b"[" * 3000])
def test_what_is_no_object_is_no_mapping(text: bytes) -> None:
    """And nothing else is said of it, but for what is missing."""
    assert faults_of(text)[0] == "mapping"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*SMALLEST, "amount", "currency", "time", "customer", "refund", "test"]), _JSON))
def test_nothing_else_is_ever_raised(members: dict[str, object]) -> None:
    """Whatever is sent, it is a mapping or has faults."""
    with contextlib.suppress(ClicktrailError):
        parsed(**members)
