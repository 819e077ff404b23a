"""Flights: who leaves when, with whom, and what becomes of them."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from common.errors import ClicktrailError, Kind, Reason, unavailable
from gateway.rpc.batcher import Batcher, Limits

AWAY = unavailable(Reason.STORE_DOWN, "The store is away.")


class Airport:
    """Carries numbers, doubled, when its gate is open; remembers every flight."""

    def __init__(self) -> None:
        self.flights: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.refuse: Callable[[Sequence[int]], Exception | None] = lambda _: None

    async def __call__(self, items: Sequence[int], seconds: float) -> Sequence[int]:
        """Carry a flight."""
        self.flights.append(list(items))
        assert seconds <= 60
        await self.gate.wait()
        if error := self.refuse(items):
            raise error
        return [2 * item for item in items]


async def turns(count: int = 5) -> None:
    """Let the loop turn, so that what can leave has left."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
async def airport() -> Airport:
    """Return an airport with an open gate."""
    return Airport()


def batcher_of(airport: Airport, **limits: float) -> Batcher[int, int]:
    """Return a batcher with small limits, and a minute of patience."""
    defaults = {"flight_size": 4, "flights_in_air": 2, "queue_limit": 8, "patience_seconds": 60.0}
    return Batcher(airport, Limits(**(defaults | limits)))  # type: ignore[arg-type]  # whole numbers stay whole


async def test_an_idle_flight_carries_one_and_waits_for_nothing(airport: Airport) -> None:
    """A single item leaves at once, alone."""
    batcher = batcher_of(airport)
    assert await batcher.submit(1) == 2
    assert airport.flights == [[1]]
    await batcher.close()


async def test_an_item_that_follows_a_result_leaves_at_once(airport: Airport) -> None:
    """Also where it is submitted before anything else happens."""
    batcher = batcher_of(airport, flights_in_air=1)
    following: list[asyncio.Future[int]] = []
    first = batcher.submit(1)
    first.add_done_callback(lambda _: following.append(batcher.submit(2)))
    await first
    await turns()
    assert following[0].done()
    assert airport.flights == [[1], [2]]
    await batcher.close()


async def test_items_gather_while_flights_are_in_the_air(airport: Airport) -> None:
    """What arrives meanwhile leaves together, in its order, in flights of the size allowed."""
    airport.gate.clear()
    batcher = batcher_of(airport)
    first = batcher.submit(0)
    await turns()
    second = batcher.submit(1)
    await turns()
    others = [batcher.submit(number) for number in range(2, 8)]
    await turns()
    assert airport.flights == [[0], [1]]
    airport.gate.set()
    assert await asyncio.gather(first, second, *others) == [2 * number for number in range(8)]
    assert airport.flights == [[0], [1], [2, 3, 4, 5], [6, 7]]
    await batcher.close()


async def test_items_of_one_turn_of_the_loop_share_a_flight(airport: Airport) -> None:
    """A burst does not spend a flight on each of its first items."""
    batcher = batcher_of(airport)
    await asyncio.gather(*(batcher.submit(number) for number in range(4)))
    assert airport.flights == [[0, 1, 2, 3]]
    await batcher.close()


async def test_never_more_flights_than_allowed(airport: Airport) -> None:
    """However many wait, no more than the limit are in the air."""
    airport.gate.clear()
    batcher = batcher_of(airport, flight_size=1)
    waiting = []
    for number in range(6):
        waiting.append(batcher.submit(number))
        await turns()
    assert len(airport.flights) == 2
    airport.gate.set()
    await asyncio.gather(*waiting)
    assert len(airport.flights) == 6
    await batcher.close()


async def test_a_full_queue_refuses_at_once(airport: Airport) -> None:
    """One too many is told OVERLOADED; those that wait are served."""
    airport.gate.clear()
    batcher = batcher_of(airport, flights_in_air=1, queue_limit=3)
    flying = batcher.submit(0)
    await turns()
    waiting = [batcher.submit(number) for number in (1, 2, 3)]
    assert not batcher.has_room(1)
    with pytest.raises(ClicktrailError) as refused:
        batcher.submit(4)
    assert (refused.value.kind, refused.value.reason) == (Kind.UNAVAILABLE, Reason.OVERLOADED)
    airport.gate.set()
    assert await asyncio.gather(flying, *waiting) == [0, 2, 4, 6]
    await batcher.close()


async def test_a_poisonous_item_fails_alone(airport: Airport) -> None:
    """A refused flight is split until the item at fault is alone; its neighbours get their results."""
    airport.gate.clear()
    airport.refuse = lambda items: ValueError("poison") if 3 in items else None
    batcher = batcher_of(airport, flights_in_air=1)
    first = batcher.submit(0)
    await turns()
    others = [batcher.submit(number) for number in (1, 2, 3, 4)]
    airport.gate.set()
    await first
    results = await asyncio.gather(*others, return_exceptions=True)
    assert [results[0], results[1], results[3]] == [2, 4, 8]
    assert isinstance(results[2], ValueError)
    assert airport.flights[1:] == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]
    await batcher.close()


async def test_an_unavailable_service_is_tried_again_with_the_same_items(airport: Airport) -> None:
    """A flight that finds nobody is repeated whole, and answered when there is somebody."""
    failures = [AWAY, AWAY]
    airport.refuse = lambda _: failures.pop() if failures else None
    batcher = batcher_of(airport)
    assert await asyncio.gather(*map(batcher.submit, (1, 2))) == [2, 4]
    assert airport.flights == [[1, 2]] * 3
    await batcher.close()


@pytest.mark.parametrize("reason", [Reason.OVERLOADED, Reason.OUTBOX_FULL, Reason.SPOOL_FULL])
async def test_a_service_without_room_is_not_asked_again(airport: Airport, reason: Reason) -> None:
    """Everybody aboard is told at once, with the time to come back."""
    airport.refuse = lambda _: unavailable(reason, "There is no room.", retry_after_seconds=5)
    batcher = batcher_of(airport)
    outcomes = await asyncio.gather(*map(batcher.submit, (1, 2)), return_exceptions=True)
    assert [getattr(outcome, "retry_after_seconds", None) for outcome in outcomes] == [5, 5]
    assert airport.flights == [[1, 2]]
    await batcher.close()


async def test_an_item_gets_the_reason_when_its_time_is_over(airport: Airport) -> None:
    """Patience ends with what was last in the way."""
    airport.refuse = lambda _: AWAY
    batcher = batcher_of(airport, patience_seconds=0.05)
    with pytest.raises(ClicktrailError) as failed:
        await batcher.submit(1)
    assert failed.value.kind is Kind.UNAVAILABLE
    await batcher.close()


async def test_an_item_whose_time_is_over_is_dropped_from_its_flight(airport: Airport) -> None:
    """It is told so while the flight before is still in the air, and is never carried."""
    airport.gate.clear()
    batcher = batcher_of(airport, flights_in_air=1, patience_seconds=0.1)
    flying = batcher.submit(0)
    await turns()
    waiting = batcher.submit(1)
    outcomes = await asyncio.gather(flying, waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ClicktrailError, ClicktrailError]
    airport.gate.set()
    await batcher.close()
    assert airport.flights == [[0]]


async def test_who_goes_away_cancels_no_flight(airport: Airport) -> None:
    """A cancelled caller leaves its neighbours their results."""
    airport.gate.clear()
    batcher = batcher_of(airport)

    async def wait(item: int) -> int:
        return await batcher.submit(item)

    gone, staying = asyncio.create_task(wait(1)), asyncio.create_task(wait(2))
    await turns()
    gone.cancel()
    await turns()
    airport.gate.set()
    assert await staying == 4
    assert gone.cancelled()
    assert airport.flights == [[1, 2]]
    await batcher.close()


async def test_a_wrong_number_of_results_is_nobody_elses_result(airport: Airport) -> None:
    """An answer that does not match its flight fails each of it rather than mixing them up."""

    async def lose_one(items: Sequence[int], seconds: float) -> Sequence[int]:
        assert seconds
        await airport(items, seconds)
        return [2 * item for item in items][:-1]

    batcher = Batcher(lose_one, Limits())
    results = await asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True)
    assert [type(result) for result in results] == [RuntimeError, RuntimeError]
    await batcher.close()


async def test_items_of_a_flight_share_its_lane(airport: Airport) -> None:
    """The lane read before an item is submitted is that of the flight it leaves with."""
    airport.gate.clear()
    lanes: dict[int, int] = {}
    batcher = batcher_of(airport, flights_in_air=1, queue_limit=100)
    waiting = []
    for number in range(20):
        lanes[number] = batcher.lane
        assert 0 <= lanes[number] <= 255
        waiting.append(batcher.submit(number))
        await asyncio.sleep(0)
    airport.gate.set()
    await asyncio.gather(*waiting)
    for flight in airport.flights:
        assert len({lanes[number] for number in flight}) == 1
    await batcher.close()


async def test_closing_finishes_what_was_taken(airport: Airport) -> None:
    """Those in the air and those waiting get their results; nobody new is taken."""
    airport.gate.clear()
    batcher = batcher_of(airport, flights_in_air=1)
    taken = [batcher.submit(number) for number in range(6)]
    closing = asyncio.create_task(batcher.close())
    await turns()
    with pytest.raises(ClicktrailError):
        batcher.submit(9)
    airport.gate.set()
    await closing
    assert [future.result() for future in taken] == [0, 2, 4, 6, 8, 10]
