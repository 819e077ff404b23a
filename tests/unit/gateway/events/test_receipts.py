"""What becomes of events, as answers."""

import pytest

from common.errors import Fault, FaultType, Reason, unavailable
from gateway.events.receipts import answer_of, is_unavailable, rejected
from gateway.http.errors import RefusedError

NO_ROOM = rejected([Fault(FaultType.UNAVAILABLE, None, "Too many wait.")])
FAULTY = rejected([Fault(FaultType.INVALID, "action", "is unknown.")])


def test_an_event_without_room_is_to_come_again() -> None:
    """Alone among those that it was sent with."""
    with pytest.raises(RefusedError) as caught:
        answer_of(NO_ROOM)
    assert caught.value.problem.status == 503
    assert caught.value.problem.headers["retry-after"]


def test_it_is_told_whether_an_event_could_not_be_taken_for_now() -> None:
    """By what went wrong with all, and by what its receipt says."""
    assert is_unavailable(NO_ROOM)
    assert is_unavailable(unavailable(Reason.STORE_DOWN, "The store is away."))
    assert not is_unavailable(FAULTY)
    assert not is_unavailable(RuntimeError())
