"""The pool of connections: transactions that are tried again, and errors that say what they mean."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from common.admission import Shares
from common.errors import Reason, unavailable
from common.logging import get_logger
from tracking_service.postgres.bisection import ContentRefused
from tracking_service.postgres.refusals import refusal_of, warn_of, warn_of_read_only
from tracking_service.postgres.servers import Servers

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
# Long enough for a busy server, short enough for callers to be answered otherwise.
PROBE_SECONDS = 1.5
# Then connections are broken: a server that does not answer would hold us for ever.
CLOSE_SECONDS = 5.0
TAKES_WRITES = "SELECT current_setting('transaction_read_only') = 'off'"
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
# PostgreSQL is away, stopping, starting, full, too slow, or cannot read or write its own disk; or it, or a
# pooler before it, is set up so that it refuses us, which an operator may mend while we wait.
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
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
    asyncpg.PostgresSystemError,
    # What the driver says where a connection was lost in the middle of a protocol exchange.
    asyncpg.InternalClientError,
)
# What is to be written can never be: too long for an index, too large for its type, against a constraint or a trigger
# that an operator added, or not to be put into the protocol at all. What is in no table here, such as a missing column,
# is no row's fault.
CONTENT = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.WithCheckOptionViolationError,
    asyncpg.PLPGSQLError,
    UnicodeError,
    OverflowError,
)
_REASON_LENGTH = 300


# In percent of all connections.
READERS_SHARE = 33
READERS_WAITING = 100


class _Lent(asyncpg.Connection):
    """A connection that is given back as it was lent: all that we set or lock ends with its transaction."""

    def get_reset_query(self) -> str:
        """Ask for no reset, which costs a round trip with each transaction; an open transaction is ended anyway."""
        return ""


class Postgres:
    """The connections of one process. Opens them when they are first needed, so that it can exist before the server."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", servers: Servers, connections: int) -> None:
        self._pool = pool
        self._servers = servers
        self._connections = connections
        places = max(1, connections * READERS_SHARE // 100)
        self._readers = Shares(places, READERS_WAITING, ACQUIRE_SECONDS)

    @classmethod
    async def open(cls, url: str, connections: int) -> "Postgres":
        """Return a pool of at most so many connections; none is opened yet."""
        servers = Servers(url)
        return cls(await _open_pool(servers, connections), servers, connections)

    async def close(self) -> None:
        """Close all connections, those in use once they are given back, or after a while."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def answers(self) -> bool:
        """Tell, by a connection of its own, whether PostgreSQL can be reached and written to; within 2 seconds."""
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                connection = await self._servers.connect(PROBE_SECONDS, server_settings=SERVER_SETTINGS)
                try:
                    takes_writes = bool(await connection.fetchval(TAKES_WRITES))
                finally:
                    connection.terminate()
        except asyncpg.TooManyConnectionsError:
            # It has no place for one more, but those there are may work.
            return True
        except (*AWAY, asyncpg.InterfaceError) as error:
            if refusal_of(error):
                warn_of(error)
            return False
        if not takes_writes:
            warn_of_read_only()
        return takes_writes

    async def hang_up(self) -> None:
        """Break all connections: calls that wait on one raise `STORE_DOWN` now. New ones are opened when needed."""
        broken, self._pool = self._pool, await _open_pool(self._servers, self._connections)
        broken.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["Connection"]:
        """Lend a connection, without a transaction.

        Raises UNAVAILABLE (`STORE_DOWN`) where PostgreSQL cannot be reached or has no time.
        """
        pool = self._pool
        try:
            async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                try:
                    yield connection
                except asyncpg.ReadOnlySQLTransactionError:
                    # The primary is another one by now: the next connection is to look for it.
                    connection.terminate()
                    raise
                except asyncpg.InterfaceError as error:
                    if not _is_lost(connection):
                        raise
                    raise _store_down(error) from error
        except AWAY as error:
            raise _store_down(error) from error
        except asyncpg.InterfaceError as error:
            if not pool.is_closing():
                raise
            raise _store_down(error) from error

    @asynccontextmanager
    async def reading(self, business_id: str) -> AsyncIterator["Connection"]:
        """Lend a connection for what one business asks to see: at most a third of all, however much it asks for.

        Raises UNAVAILABLE: as above, and `OVERLOADED` where too many of the same business wait.
        """
        async with self._readers.of(business_id), self.connection() as connection:
            yield connection

    async def in_transaction(self, work: Callable[["Connection"], Awaitable[Result]]) -> Result:
        """Do all of the work or nothing of it, and return its result once that is committed.

        Where another transaction was in the way, the work is done anew, from its start: keep side effects out of it.
        """

        async def begun(connection: "Connection") -> Result:
            async with connection.transaction():
                return await work(connection)

        return await self.by_itself(begun)

    async def by_itself(self, work: Callable[["Connection"], Awaitable[Result]]) -> Result:
        """Do work that is a single statement, a transaction without being told so; done anew as in `in_transaction`."""
        for attempt in range(1, TRANSACTION_TRIES + 1):
            try:
                async with self.connection() as connection:
                    return await work(connection)
            except RETRIED as error:
                log.info("transaction is tried again", attempt=attempt, cause=type(error).__name__)
                # Jitter, or those that clashed would clash again.
                await asyncio.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311  (no secret)
        raise unavailable(Reason.STORE_DOWN, "There is too much contention at the moment; try again.")


async def _open_pool(servers: Servers, connections: int) -> "asyncpg.Pool[asyncpg.Record]":
    # The driver's names.
    async def connect(dsn: str | None = None, *, timeout: float = CONNECT_SECONDS, **options: Any) -> Any:  # noqa: ARG001, ASYNC109
        return await servers.connect(timeout, **options)

    pool: asyncpg.Pool[asyncpg.Record] = await asyncpg.create_pool(
        connect=connect,
        min_size=0,
        max_size=connections,
        timeout=CONNECT_SECONDS,
        server_settings=SERVER_SETTINGS,
        connection_class=_Lent,
    )
    return pool


def _is_lost(connection: "Connection") -> bool:
    """Tell whether a connection that is lent was closed meanwhile.

    The driver has one error for that and for a call made wrongly: they are told apart by the connection.
    """
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        # Terminated with its pool, it was taken back from the work that had it.
        return True


@contextmanager
def content_errors() -> Iterator[None]:
    """Turn the refusal of what is to be written into `ContentRefused`, in the words of PostgreSQL or its driver."""
    try:
        yield
    except CONTENT as error:
        # The message alone: the detail behind it shows the row.
        said = " ".join((str(error.args[0]) if isinstance(error, asyncpg.PostgresError) else str(error)).split())
        raise ContentRefused(f"{type(error).__name__}: {said[:_REASON_LENGTH]}") from error


def _store_down(error: Exception) -> Exception:
    warn_of(error)
    return unavailable(Reason.STORE_DOWN, "The store cannot be reached at the moment; try again.")
