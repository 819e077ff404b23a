"""Works ahead of whoever takes the results."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def in_order(jobs: AsyncIterator[Coroutine[Any, Any, Result]], at_once: int) -> AsyncGenerator[Result, None]:
    """Yield the results of jobs in the order of the jobs, each as soon as it is there, so many under way at once.

    The next job is only asked for where there is room for it. The first failure, of a job or of the jobs themselves,
    is raised after the results before it, and ends what is under way.
    """
    room = asyncio.Semaphore(at_once)
    begun: asyncio.Queue[asyncio.Task[Result] | None] = asyncio.Queue()
    under_way: set[asyncio.Task[Any]] = set()

    async def begin_all() -> None:
        await room.acquire()
        async for job in jobs:
            task = asyncio.create_task(job)
            under_way.add(task)
            begun.put_nowait(task)
            await room.acquire()

    beginning = asyncio.create_task(begin_all())
    beginning.add_done_callback(lambda _: begun.put_nowait(None))
    under_way.add(beginning)
    try:
        while (task := await begun.get()) is not None:
            result = await task
            under_way.discard(task)
            yield result
            room.release()
        await beginning
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
