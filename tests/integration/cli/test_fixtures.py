"""The fixtures that all tests stand on."""

import asyncpg
import pytest
from redis.asyncio import Redis


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_has_an_empty_redis(redis_url: str, turn: int) -> None:
    """What one test writes to Redis is gone in the next."""
    async with Redis.from_url(redis_url) as redis:
        assert await redis.dbsize() == 0
        await redis.set("turn", turn)


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_has_a_fresh_database(postgres_url: str, turn: int) -> None:
    """What one test creates in PostgreSQL is gone in the next."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE TABLE turn_of_this_test AS SELECT {turn} AS turn")
    await connection.close()


@pytest.mark.usefixtures("redis_url", "postgres_url")
def test_what_needs_a_store_is_marked(request: pytest.FixtureRequest) -> None:
    """Also where a fixture needs it for the test: the short run of the tests leaves it out."""
    assert request.node.get_closest_marker("stores")


def test_what_needs_no_store_is_not_marked(request: pytest.FixtureRequest) -> None:
    """The short run has it."""
    assert not request.node.get_closest_marker("stores")
