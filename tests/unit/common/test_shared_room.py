"""Room that several share."""

from collections import Counter
from collections.abc import Sequence

import pytest

from common.admission import SharedRoom

LIMIT = 1_200


def fill(room: SharedRoom, businesses: Sequence[str], used: int = 0) -> tuple[Counter[str], int]:
    """Let businesses take a byte each in turns until none of them gets any; return what each has, and what is used."""
    held: Counter[str] = Counter()
    while taken := [business for business in businesses if room.take(business, 1, used + held.total())]:
        held.update(taken)
    return held, used + held.total()


@pytest.mark.parametrize(("count", "share"), [(1, 900), (2, 500), (3, 350)])
def test_who_takes_all_they_can_leave_room_for_others(count: int, share: int) -> None:
    """Half of it is anybody's; of the rest, each leaves as much as each has: to one that comes later, too."""
    room = SharedRoom(LIMIT)
    businesses = [f"b{number}" for number in range(count)]
    held, used = fill(room, businesses)
    assert held == dict.fromkeys(businesses, share)
    assert not any(room.take(business, 1, used) for business in businesses)
    assert room.take("calm", (LIMIT - used) // 2, used)


def test_nobody_has_more_than_there_is() -> None:
    """However many there are, and however large what they bring."""
    room = SharedRoom(LIMIT)
    held, used = fill(room, [f"b{number}" for number in range(LIMIT)])
    assert (held.total(), used) == (LIMIT, LIMIT)
    assert not SharedRoom(LIMIT).take("large", LIMIT + 1, 0)
    assert not SharedRoom(0).take("any", 1, 0)


def test_what_is_given_back_can_be_taken_again() -> None:
    """By whoever gave it back, and never more than that."""
    room = SharedRoom(LIMIT)
    _, used = fill(room, ["b"])
    room.give_back("b", 100)
    assert fill(room, ["b"], used - 100) == ({"b": 100}, used)
    room.give_back("b", used)
    assert fill(room, ["b"])[1] == used


def test_what_was_there_before_is_nobodys() -> None:
    """What an earlier process left is used, and takes nothing from the share of anybody."""
    assert fill(SharedRoom(LIMIT), ["b"], used=900) == ({"b": 150}, 1_050)
