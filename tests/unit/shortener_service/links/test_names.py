"""Names of campaigns, journeys and messages: what may stand in them."""

import pytest

from common.errors import Faults
from shortener_service.links.validation import Draft, check_draft


def faults_of(text: str) -> list[str | None]:
    """Return the parameters that are at fault where an external id is this text."""
    faults = Faults()
    check_draft(Draft(external_id=text), faults)
    return [fault.parameter for fault in faults.found]


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x7f", "\x80", "\x85", "\x9b", "\x9d", "\x9f", "\ud800"])
def test_no_control_character(character: str) -> None:
    """Neither those of ASCII nor the second set, which terminals obey as well."""
    assert faults_of(f"a{character}b") == ["external_id"]


@pytest.mark.parametrize("text", ["spring", "é日本", "a\u202eb", "=1+1", "[/red]", "a b", "\u00a1hola!"])
def test_all_else_is_a_name(text: str) -> None:
    """Whoever shows it keeps it from being more than that."""
    assert faults_of(text) == []
