"""How links and templates are written."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener_service.links import codec
from shortener_service.links.link import Block, LinkRecord, Template

ids = st.text(max_size=100) | st.uuids().map(str) | st.uuids().map(lambda value: str(value).upper())
records = st.builds(
    LinkRecord,
    template_id=st.binary(min_size=8, max_size=8),
    created_seconds=st.integers(0, 2**32 - 1),
    profile=ids,
    external_id=ids,
    is_disabled=st.booleans(),
    origin_id=st.just(b""),
    changed_milliseconds=st.just(0),
    is_detached=st.booleans(),
    block=st.none() | st.builds(Block, st.integers(0, 2**32 - 1), st.text(max_size=200)),
)


@given(records, st.booleans())
def test_a_record_comes_back(record: LinkRecord, equal_ids: bool) -> None:  # noqa: FBT001  (drawn)
    """What is written of a link is read again."""
    if equal_ids:
        record = LinkRecord(record.template_id, record.created_seconds, record.profile, record.profile)
    assert codec.record_from_bytes(codec.record_to_bytes(record)) == record


def test_a_changed_record_keeps_its_origin() -> None:
    """A changed link still knows the template that it was created from, and when it was changed."""
    record = LinkRecord(b"new-----", 1, "p", "e", is_disabled=True, origin_id=b"old-----", changed_milliseconds=5)
    read = codec.record_from_bytes(codec.record_to_bytes(record))
    assert read == record
    assert read.first_template_id == b"old-----"
    assert read.revision == 5


def test_a_release_that_knows_of_no_blocks_takes_a_blocked_link_for_a_disabled_one() -> None:
    """A blocked link has the flag of disabled ones, the first; whether its owner has it disabled comes back."""
    for is_disabled in (False, True):
        record = LinkRecord(b"t" * 8, 1, changed_milliseconds=5, is_disabled=is_disabled, block=Block(7, "phishing"))
        content = codec.record_to_bytes(record)
        assert content[0] & 1
        assert codec.record_from_bytes(content) == record._replace(origin_id=record.first_template_id)


@pytest.mark.parametrize("profile", ["0b7c9f3e-2a41-4c55-9d0e-6f1a2b3c4d5e", "customer-00000001"])
def test_a_record_stays_packed(profile: str) -> None:
    """The record of a recipient with an id of its own fits in what Redis keeps packed: 64 bytes."""
    record = LinkRecord(b"t" * 8, 1_700_000_000, profile, "9a0c1d2e-0000-4000-8000-000000000001")
    assert len(codec.record_to_bytes(record)) <= 64


def test_a_template_comes_back() -> None:
    """A template with everything is read as it was written, and equal content has one id."""
    template = Template(
        business_id="shop",
        destination="https://a.example/ü",
        domain="go.example.com",
        journey="welcome",
        message="m1",
        utm=(("source", "sms"), ("content", "x")),
        expires_at=datetime(2030, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        fallback_url="https://b.example/",
        session_parameters=("sid", "s2"),
        metadata='{"a": "\\u0000ü"}'.encode(),
    )
    content = codec.template_to_bytes(template)
    assert codec.template_from_bytes(content) == template
    assert codec.template_id_of(content) == codec.template_id_of(codec.template_to_bytes(template))


def test_the_writing_never_changes() -> None:
    """The bytes of a template are fixed: its id must be the same for every version of this program."""
    content = codec.template_to_bytes(Template("shop", "https://a.example/", campaign="spring"))
    assert content == b'{"business_id":"shop","campaign":"spring","destination":"https://a.example/"}'
    assert codec.template_id_text(codec.template_id_of(content)) == "rEvu-6gn9iA"
