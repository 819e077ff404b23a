"""Pieces of messages are what protobuf itself would write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.tracking.v1 import click_pb2, relay_service_pb2
from shortener_service import protobuf_wire


@given(st.text(max_size=300), st.binary(max_size=40), st.integers(0, 2))
def test_pieces_read_as_one_message(value: str, content: bytes, repeats: int) -> None:
    """Fields written apart, short and long ones, are read together."""
    click = protobuf_wire.text(protobuf_wire.tag_of(click_pb2.Click, "user_agent"), value * 10**repeats)
    click += protobuf_wire.delimited(protobuf_wire.tag_of(click_pb2.Click, "id"), content)
    delivery = protobuf_wire.delimited(protobuf_wire.tag_of(relay_service_pb2.DeliverRequest, "clicks"), click) * 2
    expected = click_pb2.Click(user_agent=value * 10**repeats, id=content)
    assert list(relay_service_pb2.DeliverRequest.FromString(delivery).clicks) == [expected, expected]


def test_an_empty_text_is_no_field() -> None:
    """What is absent takes no room."""
    assert protobuf_wire.text(protobuf_wire.tag_of(click_pb2.Click, "query"), "") == b""


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384])
def test_a_length_takes_as_many_bytes_as_it_needs(length: int) -> None:
    """At each of the lengths where that changes."""
    click = protobuf_wire.delimited(protobuf_wire.tag_of(click_pb2.Click, "id"), b"x" * length)
    assert click_pb2.Click.FromString(click).id == b"x" * length
    assert len(click) == 1 + length + (1 if length < 128 else 2 if length < 16_384 else 3)
