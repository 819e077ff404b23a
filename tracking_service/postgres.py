"""The pool of connections: transactions that are tried again, and errors that say what they mean."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeVar

import asyncpg

from common.errors import Reason, unavailable
from common.logging import get_logger

if TYPE_CHECKING:
    # Generic in the types alone, not at run-time.
    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[asyncpg.Record]
    Row = asyncpg.Record

log = get_logger(__name__)
Result = TypeVar("Result")

TRANSACTION_TRIES = 5
ACQUIRE_SECONDS = 5.0
CONNECT_SECONDS = 5.0
SERVER_SETTINGS = {
    "application_name": "clicktrail-tracking",
    "timezone": "UTC",
    # Above any statement of ours; a call's own deadline ends it sooner.
    "statement_timeout": "15s",
    "idle_in_transaction_session_timeout": "30s",
    # Compiling costs more than it saves on statements this small.
    "jit": "off",
}
# Another transaction was in the way: the same work, begun anew, will do.
RETRIED = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
# PostgreSQL is away, stopping, starting, full, or too slow.
AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    # What the driver says where a connection was lost in the middle of a protocol exchange.
    asyncpg.InternalClientError,
)


class Postgres:
    """The connections of one process. Opens them when they are first needed, so that it can exist before the server."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str, connections: int) -> "Postgres":
        """Return a pool of at most so many connections; none is opened yet."""
        pool = await asyncpg.create_pool(
            url, min_size=0, max_size=connections, timeout=CONNECT_SECONDS, server_settings=SERVER_SETTINGS
        )
        return cls(pool)

    async def close(self) -> None:
        """Close all connections, those in use once they are given back."""
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["Connection"]:
        """Lend a connection, without a transaction.

        Raises UNAVAILABLE (`STORE_DOWN`) where PostgreSQL cannot be reached or has no time.
        """
        with store_errors():
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                yield connection

    async def in_transaction(self, work: Callable[["Connection"], Awaitable[Result]]) -> Result:
        """Do all of the work or nothing of it, and return its result once that is committed.

        Where another transaction was in the way, the work is done anew, from its start: keep side effects out of it.
        """
        for attempt in range(1, TRANSACTION_TRIES + 1):
            try:
                async with self.connection() as connection, connection.transaction():
                    return await work(connection)
            except RETRIED as error:
                log.info("transaction is tried again", attempt=attempt, cause=type(error).__name__)
                # Jitter, or those that clashed would clash again.
                await asyncio.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311  (no secret)
        raise unavailable(Reason.STORE_DOWN, "There is too much contention at the moment; try again.")


def columns(rows: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Return rows as columns, one array a parameter of `unnest`; no rows give no columns."""
    return list(zip(*rows, strict=True))


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn the errors of an absent or overwhelmed server into UNAVAILABLE (`STORE_DOWN`)."""
    try:
        yield
    except AWAY as error:
        raise _store_down(error) from error
    except asyncpg.InterfaceError as error:
        # The one error of the driver for both a connection lost and a call made wrongly: told apart by its words.
        if "clos" not in str(error):
            raise
        raise _store_down(error) from error


def _store_down(error: Exception) -> Exception:
    log.warning("PostgreSQL does not answer", cause=f"{type(error).__name__}: {error}")
    return unavailable(Reason.STORE_DOWN, "The store cannot be reached at the moment; try again.")
