"""What profiles may hold."""

import pytest

from tracking_service.identity.evidence import Identity
from tracking_service.profiles.profile import (
    attribute_faults,
    identity_faults,
    metadata_faults,
    profile_id_faults,
    session_faults,
)


@pytest.mark.parametrize("text", ["{}", '{"a": 1e400}', '{"a": "\\u0000\\ud800"}', f'{{"a": {"9" * 10_000}}}'])
def test_metadata_of_any_content_is_kept(text: str) -> None:
    """Nothing in it is interpreted, so nothing in it is refused."""
    assert list(metadata_faults(text)) == []


@pytest.mark.parametrize(
    "text",
    ["[]", "1", "{", '{"a": NaN}', "[" * 5_000, f'{{"a": {"[" * 100}{"]" * 100}}}', f'{{"a": "{"x" * 70_000}"}}'],
)
def test_metadata_that_is_no_object_is_refused(text: str) -> None:
    """And so is what is nested too deeply or too long."""
    assert [fault.parameter for fault in metadata_faults(text)] == ["metadata"]


def test_metadata_may_be_nested_a_hundred_deep() -> None:
    """The limit itself is allowed."""
    assert list(metadata_faults(f'{{"a": {"[" * 99}{"]" * 99}}}')) == []


@pytest.mark.parametrize("profile", ["", "a" * 65, "a b", "ä", "a/b", "a\n"])
def test_ids_of_profiles_are_plain(profile: str) -> None:
    """1 to 64 of a small alphabet."""
    assert [fault.parameter for fault in profile_id_faults("id", profile)] == ["id"]


@pytest.mark.parametrize(
    ("session", "type_"),
    [("", "parameter_missing"), ("short", "invalid"), ("a" * 65, "invalid"), ("a" * 7 + ".", "invalid")],
)
def test_sessions_are_plain(session: str, type_: str) -> None:
    """8 to 64 of a small alphabet."""
    assert [fault.type for fault in session_faults("session", session)] == [type_]


def test_faults_name_every_field() -> None:
    """All at once, in the names of the API."""
    faults = [
        *attribute_faults("n" * 201, "e" * 321, "p" * 41),
        *identity_faults(Identity("s" * 101, ""), "identities."),
    ]
    assert [fault.parameter for fault in faults] == [
        "name",
        "email",
        "phone",
        "identities.user_id",
        "identities.source",
    ]
