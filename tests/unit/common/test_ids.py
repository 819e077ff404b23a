"""Identifiers are made from what they are given, and from chance alone."""

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from common.clock import milliseconds
from common.ids import (
    NONCE_BYTES,
    SESSION_ALPHABET,
    SESSION_LENGTH,
    new_nonce,
    session_from_nonce,
    uuid7,
)

nonces = st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES)
times = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2900, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  (hypothesis adds the zone)


@given(nonces)
def test_a_nonce_is_always_the_same_session(nonce: bytes) -> None:
    """A retried hit gets the session of its first attempt, also where few bytes are fair."""
    session = session_from_nonce(nonce)
    assert session == session_from_nonce(nonce)
    assert len(session) == SESSION_LENGTH
    assert set(session) <= set(SESSION_ALPHABET)


def test_a_nonce_without_fair_bytes_still_makes_a_session() -> None:
    """Bytes that are dropped for fairness are made up for."""
    assert len(session_from_nonce(b"\xff" * NONCE_BYTES)) == SESSION_LENGTH


def test_the_first_byte_alone_decides_the_first_character() -> None:
    """Hits of one batch share a shard of Redis."""
    firsts = {session_from_nonce(b"\x07" + new_nonce()[1:])[0] for _ in range(50)}
    assert firsts == {SESSION_ALPHABET[7]}


def test_sessions_are_drawn_fairly() -> None:
    """No character is likelier than another: chi-square over 62,000 draws, far beyond chance at 150."""
    counts = Counter("".join(session_from_nonce(new_nonce())[1:] for _ in range(2_000)))
    expected = sum(counts.values()) / 62
    chi_square = sum((counts[character] - expected) ** 2 / expected for character in SESSION_ALPHABET)
    assert chi_square < 150


@given(times, st.binary(min_size=10, max_size=10))
def test_a_uuid_carries_its_time(at: datetime, randomness: bytes) -> None:
    """A UUID is version 7, sorts by time, and is the same for the same input."""
    uuid = uuid7(at, randomness)
    assert uuid == uuid7(at, randomness)
    assert uuid.version == 7
    assert uuid.variant == "specified in RFC 4122"
    assert uuid.int >> 80 == milliseconds(at)
