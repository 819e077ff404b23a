"""Names that there are, told in the place of one that there is not."""

import pytest

from common.errors import Reason
from common.rpc.errors import to_status
from tracking_service.reports.known_scopes import TOLD_LIMIT, nearest, unknown_scope

NAMES = ["autumn", "spring", "spring-2", "summer", "winter"]


@pytest.mark.parametrize("wanted", ["sprnig", "Spring", "spring ", "sprin", "springg"])
def test_the_nearest_spelling_comes_first(wanted: str) -> None:
    """And then all others, in their order."""
    told = nearest(wanted, NAMES)
    assert told[0] == "spring"
    assert sorted(told) == NAMES


def test_not_all_of_many_are_told() -> None:
    """Twenty, or fewer where they are long; a long name that there is not is no work."""
    assert len(nearest("c1", (f"c{number}" for number in range(1_000)))) == TOLD_LIMIT
    assert len(nearest("x" * 1_000_000, ["x" * 99] * 5)) == 5


@pytest.mark.parametrize("letter", ["n", "é", "日", "🎁", '"', "\n"])
def test_the_error_is_within_what_grpc_takes(letter: str) -> None:
    """In whatever script the names are."""
    names = [f"{letter * 98}{number:02}" for number in range(40)]
    status = to_status(unknown_scope(Reason.SCOPE_UNKNOWN, "campaign", letter * 1_000, nearest(letter * 90, names)))
    metadata = sum(
        len(value) * 4 / 3 if isinstance(value, bytes) else len(value) for _, value in status.trailing_metadata
    )
    # What is not ASCII is told in percent.
    said = sum(1 if " " <= character <= "~" else 3 * len(character.encode()) for character in status.details)
    assert metadata + said < 8_000
