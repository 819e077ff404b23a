"""Places that several share: each has so many, and waits for its own."""

import asyncio

import pytest

from common.admission import Shares
from common.errors import ClicktrailError, Reason


async def test_one_takes_no_more_than_its_share() -> None:
    """The others of it wait in their order, while another has all of its own."""
    shares = Shares(2, 10, 60)
    go = asyncio.Event()
    under_way: list[str] = []

    async def work(key: str) -> None:
        async with shares.of(key):
            under_way.append(key)
            await go.wait()

    greedy = [asyncio.create_task(work("greedy")) for _ in range(8)]
    await asyncio.sleep(0)
    modest = asyncio.create_task(work("modest"))
    await asyncio.sleep(0.01)
    assert under_way == ["greedy", "greedy", "modest"]
    go.set()
    await asyncio.gather(*greedy, modest)
    assert under_way.count("greedy") == 8
    assert not shares._holders


@pytest.mark.parametrize(("waiting", "seconds"), [(1, 60), (10, 0.01)])
async def test_who_cannot_wait_is_refused(waiting: int, seconds: float) -> None:
    """Where too many wait already, and after a while; what failed leaves its place."""
    shares = Shares(1, waiting, seconds)
    async with shares.of("a"):
        first = asyncio.create_task(shares.of("a").__aenter__())
        await asyncio.sleep(0)
        with pytest.raises(ClicktrailError) as refused:
            async with shares.of("a"):
                pass
        assert refused.value.reason is Reason.OVERLOADED
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    with pytest.raises(ZeroDivisionError):
        async with shares.of("a"):
            raise ZeroDivisionError
    async with shares.of("a"):
        pass
    assert not shares._holders
