"""Batches: when they are sent, with what, and what becomes of them."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from common.errors import ClicktrailError, Kind, Reason, unavailable
from gateway.rpc.batcher import Batcher, Limits

AWAY = unavailable(Reason.STORE_DOWN, "The store is away.")


class Service:
    """Doubles numbers when its gate is open; remembers every batch."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.refuse: Callable[[Sequence[int]], Exception | None] = lambda _: None

    async def __call__(self, items: Sequence[int], seconds: float) -> Sequence[int]:
        """Double the numbers of a batch."""
        self.batches.append(list(items))
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
async def service() -> Service:
    """Return a service with an open gate."""
    return Service()


def batcher_of(service: Service, **limits: float) -> Batcher[int, int]:
    """Return a batcher with small limits, and a minute of patience."""
    defaults = {"batch_size": 4, "batches_in_flight": 2, "queue_limit": 8, "patience_seconds": 60.0}
    return Batcher(service, Limits(**(defaults | limits)))  # type: ignore[arg-type]  # whole numbers stay whole


async def test_an_idle_batch_has_one_item_and_waits_for_nothing(service: Service) -> None:
    """A single item leaves at once, alone."""
    batcher = batcher_of(service)
    assert await batcher.submit(1) == 2
    assert service.batches == [[1]]
    await batcher.close()


async def test_an_item_that_follows_a_result_leaves_at_once(service: Service) -> None:
    """Also where it is submitted before anything else happens."""
    batcher = batcher_of(service, batches_in_flight=1)
    following: list[asyncio.Future[int]] = []
    first = batcher.submit(1)
    first.add_done_callback(lambda _: following.append(batcher.submit(2)))
    await first
    await turns()
    assert following[0].done()
    assert service.batches == [[1], [2]]
    await batcher.close()


async def test_items_gather_while_batches_are_in_flight(service: Service) -> None:
    """What arrives meanwhile leaves together, in its order, in batches of the size allowed."""
    service.gate.clear()
    batcher = batcher_of(service)
    first = batcher.submit(0)
    await turns()
    second = batcher.submit(1)
    await turns()
    others = [batcher.submit(number) for number in range(2, 8)]
    await turns()
    assert service.batches == [[0], [1]]
    service.gate.set()
    assert await asyncio.gather(first, second, *others) == [2 * number for number in range(8)]
    assert service.batches == [[0], [1], [2, 3, 4, 5], [6, 7]]
    await batcher.close()


async def test_items_of_one_turn_of_the_loop_share_a_batch(service: Service) -> None:
    """A burst does not spend a batch on each of its first items."""
    batcher = batcher_of(service)
    await asyncio.gather(*(batcher.submit(number) for number in range(4)))
    assert service.batches == [[0, 1, 2, 3]]
    await batcher.close()


async def test_never_more_batches_than_allowed(service: Service) -> None:
    """However many wait, no more than the limit are in flight."""
    service.gate.clear()
    batcher = batcher_of(service, batch_size=1)
    waiting = []
    for number in range(6):
        waiting.append(batcher.submit(number))
        await turns()
    assert len(service.batches) == 2
    service.gate.set()
    await asyncio.gather(*waiting)
    assert len(service.batches) == 6
    await batcher.close()


async def test_a_full_queue_refuses_at_once(service: Service) -> None:
    """One too many is told OVERLOADED; those that wait are served."""
    service.gate.clear()
    batcher = batcher_of(service, batches_in_flight=1, queue_limit=3)
    sent = batcher.submit(0)
    await turns()
    waiting = [batcher.submit(number) for number in (1, 2, 3)]
    assert not batcher.has_room(1)
    with pytest.raises(ClicktrailError) as refused:
        batcher.submit(4)
    assert (refused.value.kind, refused.value.reason) == (Kind.UNAVAILABLE, Reason.OVERLOADED)
    service.gate.set()
    assert await asyncio.gather(sent, *waiting) == [0, 2, 4, 6]
    await batcher.close()


async def test_a_poisonous_item_fails_alone(service: Service) -> None:
    """A refused batch is split until the item at fault is alone; its neighbours get their results."""
    service.gate.clear()
    service.refuse = lambda items: ValueError("poison") if 3 in items else None
    batcher = batcher_of(service, batches_in_flight=1)
    first = batcher.submit(0)
    await turns()
    others = [batcher.submit(number) for number in (1, 2, 3, 4)]
    service.gate.set()
    await first
    results = await asyncio.gather(*others, return_exceptions=True)
    assert [results[0], results[1], results[3]] == [2, 4, 8]
    assert isinstance(results[2], ValueError)
    assert service.batches[1:] == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]
    await batcher.close()


async def test_an_unavailable_service_is_tried_again_with_the_same_items(service: Service) -> None:
    """A batch that finds the service away is repeated whole, and answered when it is back."""
    failures = [AWAY, AWAY]
    service.refuse = lambda _: failures.pop() if failures else None
    batcher = batcher_of(service)
    assert await asyncio.gather(*map(batcher.submit, (1, 2))) == [2, 4]
    assert service.batches == [[1, 2]] * 3
    await batcher.close()


@pytest.mark.parametrize("reason", [Reason.OVERLOADED, Reason.OUTBOX_FULL, Reason.SPOOL_FULL])
async def test_a_service_without_room_is_not_asked_again(service: Service, reason: Reason) -> None:
    """All of the batch are told at once, with the time to come back."""
    service.refuse = lambda _: unavailable(reason, "There is no room.", retry_after_seconds=5)
    batcher = batcher_of(service)
    outcomes = await asyncio.gather(*map(batcher.submit, (1, 2)), return_exceptions=True)
    assert [getattr(outcome, "retry_after_seconds", None) for outcome in outcomes] == [5, 5]
    assert service.batches == [[1, 2]]
    await batcher.close()


async def test_an_item_gets_the_reason_when_its_time_is_over(service: Service) -> None:
    """Patience ends with what was last in the way."""
    service.refuse = lambda _: AWAY
    batcher = batcher_of(service, patience_seconds=0.05)
    with pytest.raises(ClicktrailError) as failed:
        await batcher.submit(1)
    assert failed.value.kind is Kind.UNAVAILABLE
    await batcher.close()


async def test_an_item_whose_time_is_over_is_dropped_from_its_batch(service: Service) -> None:
    """It is told so while the batch before is still in flight, and is never sent."""
    service.gate.clear()
    batcher = batcher_of(service, batches_in_flight=1, patience_seconds=0.1)
    sent = batcher.submit(0)
    await turns()
    waiting = batcher.submit(1)
    outcomes = await asyncio.gather(sent, waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ClicktrailError, ClicktrailError]
    service.gate.set()
    await batcher.close()
    assert service.batches == [[0]]


async def test_who_goes_away_cancels_no_batch(service: Service) -> None:
    """A cancelled caller leaves its neighbours their results."""
    service.gate.clear()
    batcher = batcher_of(service)

    async def wait(item: int) -> int:
        return await batcher.submit(item)

    gone, staying = asyncio.create_task(wait(1)), asyncio.create_task(wait(2))
    await turns()
    gone.cancel()
    await turns()
    service.gate.set()
    assert await staying == 4
    assert gone.cancelled()
    assert service.batches == [[1, 2]]
    await batcher.close()


async def test_a_wrong_number_of_results_is_nobody_elses_result(service: Service) -> None:
    """An answer that does not match its batch fails each of it rather than mixing them up."""

    async def lose_one(items: Sequence[int], seconds: float) -> Sequence[int]:
        assert seconds
        await service(items, seconds)
        return [2 * item for item in items][:-1]

    batcher = Batcher(lose_one, Limits())
    results = await asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True)
    assert [type(result) for result in results] == [RuntimeError, RuntimeError]
    await batcher.close()


async def test_items_of_a_batch_share_its_shard_byte(service: Service) -> None:
    """The byte read before an item is submitted is that of the batch it leaves with."""
    service.gate.clear()
    shard_bytes: dict[int, int] = {}
    batcher = batcher_of(service, batches_in_flight=1, queue_limit=100)
    waiting = []
    for number in range(20):
        shard_bytes[number] = batcher.shard_byte
        assert 0 <= shard_bytes[number] <= 255
        waiting.append(batcher.submit(number))
        await asyncio.sleep(0)
    service.gate.set()
    await asyncio.gather(*waiting)
    for batch in service.batches:
        assert len({shard_bytes[number] for number in batch}) == 1
    await batcher.close()


async def test_closing_finishes_what_was_taken(service: Service) -> None:
    """Those in flight and those waiting get their results; nobody new is taken."""
    service.gate.clear()
    batcher = batcher_of(service, batches_in_flight=1)
    taken = [batcher.submit(number) for number in range(6)]
    closing = asyncio.create_task(batcher.close())
    await turns()
    with pytest.raises(ClicktrailError):
        batcher.submit(9)
    service.gate.set()
    await closing
    assert [future.result() for future in taken] == [0, 2, 4, 6, 8, 10]


async def test_who_sends_much_leaves_room_for_others(service: Service) -> None:
    """In the queue, and in each batch that waits: what others send goes with the first of them."""
    service.gate.clear()
    batcher = batcher_of(service, batch_size=8, batches_in_flight=1, queue_limit=64)
    results = [batcher.submit(0, "heavy")]
    await turns()
    results += [batcher.submit(number, "heavy") for number in range(100, 162)]
    assert not batcher.has_room(1, "heavy")
    assert batcher.has_room(2, "light")
    results += [batcher.submit(number, "light") for number in (1, 2)]
    assert not batcher.has_room(1, "light")
    service.gate.set()
    await asyncio.gather(*results)
    assert service.batches[0] == [0]
    # The first eight were not many yet, and filled a batch.
    assert service.batches[1] == [*range(100, 108)]
    assert service.batches[2:4] == [[*range(108, 115), 1], [*range(115, 122), 2]]
    await batcher.close()


async def test_who_has_sent_much_is_like_all_others_again(service: Service) -> None:
    """As soon as it has been sent; and one alone has full batches where it sends no more than one."""
    batcher = batcher_of(service, batches_in_flight=1, queue_limit=64)
    await asyncio.gather(*(batcher.submit(number, "heavy") for number in range(64 - 2)))
    service.batches.clear()
    await asyncio.gather(*(batcher.submit(number, "heavy") for number in range(4)))
    assert service.batches == [[0, 1, 2, 3]]
    await batcher.close()
