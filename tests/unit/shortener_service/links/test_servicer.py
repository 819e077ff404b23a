"""Work ahead keeps its order, its limit, and nothing behind it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

import pytest

from shortener_service.links.servicer import in_order


class Work:
    """Jobs that end when they are told to, and what became of them."""

    def __init__(self, count: int) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.failures: dict[int, Exception] = {}
        self._may_end = [asyncio.Event() for _ in range(count)]

    async def jobs(self) -> AsyncIterator[Coroutine[Any, Any, int]]:
        """Yield all jobs."""
        for number in range(len(self._may_end)):
            yield self._job(number)

    def let(self, numbers: Sequence[int]) -> None:
        """Let jobs end."""
        for number in numbers:
            self._may_end[number].set()

    async def _job(self, number: int) -> int:
        self.begun.append(number)
        try:
            await self._may_end[number].wait()
            if number in self.failures:
                raise self.failures[number]
            return number
        finally:
            self.ended.append(number)


async def turns() -> None:
    """Let everything happen that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_results_come_in_order_and_no_more_jobs_are_begun_than_may_be() -> None:
    """A later job that is done first waits for its turn; the next is begun when a result is taken."""
    work = Work(5)
    results = in_order(work.jobs(), 2)
    first = asyncio.ensure_future(anext(results))
    work.let([1])
    await turns()
    assert (work.begun, first.done()) == ([0, 1], False)
    work.let([0, 2, 3, 4])
    assert [await first, *[result async for result in results]] == [0, 1, 2, 3, 4]
    assert work.ended == [1, 0, 2, 3, 4]


async def test_a_result_is_told_before_the_next_job_is_known() -> None:
    """Whoever gives one job after each result is not kept waiting."""

    async def one_by_one() -> AsyncIterator[Coroutine[Any, Any, int]]:
        for number in range(3):
            yield asyncio.sleep(0, number)
            await asked.wait()
            asked.clear()

    asked = asyncio.Event()
    seen = []
    async with asyncio.timeout(60):
        async for result in in_order(one_by_one(), 2):
            seen.append(result)
            asked.set()
    assert seen == [0, 1, 2]


async def test_the_first_failure_ends_all() -> None:
    """What comes before it is told, and nothing goes on behind it."""
    work = Work(3)
    work.failures[1] = KeyError("one")
    work.let([0, 1])
    results = in_order(work.jobs(), 3)
    assert await anext(results) == 0
    with pytest.raises(KeyError):
        await anext(results)
    assert sorted(work.begun) == sorted(work.ended)


async def test_jobs_that_break_off_fail_behind_their_results() -> None:
    """What was begun is told first."""

    async def broken() -> AsyncIterator[Coroutine[Any, Any, int]]:
        yield asyncio.sleep(0, 7)
        raise KeyError("jobs")

    results = in_order(broken(), 2)
    assert await anext(results) == 7
    with pytest.raises(KeyError):
        await anext(results)


async def test_whoever_leaves_leaves_nothing_running() -> None:
    """Jobs under way are cancelled."""
    work = Work(3)
    work.let([0])
    results = in_order(work.jobs(), 2)
    assert await anext(results) == 0
    await turns()
    await results.aclose()
    assert sorted(work.begun) == sorted(work.ended)
