"""Places for connections, and room for bodies."""

import asyncio
import threading

from gateway.http.admission import Connections, Room
from tests.support.waiting import eventually


def test_nobody_alone_takes_the_places_of_all_others() -> None:
    """Beyond its part an address has none, and there is one for everybody else; who leaves makes room."""
    connections = Connections(10, 4)
    assert [connections.enter("a") for _ in range(6)] == [True] * 4 + [False] * 2
    assert [connections.enter(f"b{number}") for number in range(5)] == [True] * 4 + [False]
    for _ in range(2):
        connections.leave("a")
    connections.leave("b4")
    assert not connections.enter("a")
    assert connections.enter("c")


def test_a_business_that_holds_much_leaves_room_for_the_bodies_of_others() -> None:
    """Of several requests together; and all is given back at their end."""
    room = Room(10, body_bytes=1_000)
    with room.stay() as first, room.stay() as second, room.stay() as third:
        assert first.hold("evil", 500)
        assert second.hold("evil", 250)
        assert not second.hold("evil", 1)
        assert third.hold("calm", 125)
        assert not third.hold("calm", 200)
    with room.stay() as again:
        assert again.hold("evil", 500)
        assert again.hold("evil", 250)


async def test_large_bodies_are_worked_on_one_at_a_time_and_of_each_business_in_turn() -> None:
    """However many of one business wait, the first of another is next."""
    room = Room(10)
    begun: list[str] = []
    may_end = threading.Event()

    def work(business: str) -> int:
        begun.append(business)
        may_end.wait()
        return len(begun)

    async def looking() -> list[str]:
        return list(begun)

    working = [asyncio.create_task(room.work(business, work, business)) for business in ("evil", "evil", "evil")]
    await asyncio.sleep(0)
    working.append(asyncio.create_task(room.work("calm", work, "calm")))
    await eventually(looking, lambda seen: seen == ["evil"])
    may_end.set()
    assert await asyncio.gather(*working) == [1, 3, 4, 2]
    assert begun == ["evil", "calm", "evil", "evil"]
