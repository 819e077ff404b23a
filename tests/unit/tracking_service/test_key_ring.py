"""Secrets that must be read again."""

import base64

import pytest

from tracking_service.key_ring import KeyRing, UnreadableSecret

# Fixed, since they name cases: workers of a test run agree on those by their names.
OLD, NEW = (base64.urlsafe_b64encode(letter * 32).decode() for letter in (b"o", b"n"))


def test_the_first_key_writes_and_all_read() -> None:
    """So a key is replaced by putting another before it."""
    kept = KeyRing(OLD).encrypt("whsec_é")
    assert KeyRing(f"{NEW}\n{OLD}\n").decrypt(kept) == "whsec_é"
    later = KeyRing(f"{NEW},{OLD}").encrypt("whsec_é")
    assert KeyRing(NEW).decrypt(later) == "whsec_é"
    assert b"whsec" not in later


@pytest.mark.parametrize("keys", ["", NEW])
def test_what_another_key_wrote_is_told(keys: str) -> None:
    """Without the key, and without any."""
    kept = KeyRing(OLD).encrypt("secret")
    with pytest.raises(UnreadableSecret):
        KeyRing(keys).decrypt(kept)


def test_without_a_key_nothing_is_kept() -> None:
    """It says so."""
    assert not KeyRing().has_keys
    with pytest.raises(UnreadableSecret):
        KeyRing().encrypt("secret")


@pytest.mark.parametrize("keys", ["short", "=" * 44, f"{OLD} x", f"{OLD}{NEW}"])
def test_what_is_no_key_is_refused(keys: str) -> None:
    """Also beside one, and two without anything between them."""
    with pytest.raises(ValueError):  # noqa: PT011  (whoever catches it says which setting)
        KeyRing(keys)
