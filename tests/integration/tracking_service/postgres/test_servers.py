"""Of several PostgreSQL servers the one is used that takes writes, also once that is another one."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
import pytest_asyncio

from cli.embedded.ports import LOOPBACK
from common.errors import ClicktrailError, Reason
from tests.support.postgres_pair import PostgresPair
from tests.support.service_process import service_process
from tests.support.waiting import eventually
from tracking_service.postgres.migrate import migrate
from tracking_service.postgres.pool import Postgres
from tracking_service.postgres.servers import NotConnectedError, Servers, connect_once

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

PORT_USED = "SELECT inet_server_port()"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[PostgresPair]:
    """Run two servers."""
    servers = PostgresPair(tmp_path)
    servers.start()
    yield servers
    servers.stop()


@pytest_asyncio.fixture
async def silent() -> AsyncIterator[str]:
    """Return the address of a server that takes connections and never says a word, as behind a dead machine."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield f"{LOOPBACK}:{listener.getsockname()[1]}"


async def port_of(url: str) -> int:
    """Return the port of the server that an address leads to."""
    connection = await Servers(url).connect(30)
    try:
        return int(await connection.fetchval(PORT_USED))
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("target", "is_primary"),
    [("primary", True), ("read-write", True), ("standby", False), ("prefer-standby", False), ("read-only", False)],
)
async def test_the_server_that_is_wanted_is_found(session_pair: PostgresPair, target: str, *, is_primary: bool) -> None:
    """In whichever order they are named."""
    first, second = session_pair.primary, session_pair.standby
    wanted = first if is_primary else second
    for order in ((first, second), (second, first)):
        assert await port_of(session_pair.address(*order, options=f"target_session_attrs={target}")) == wanted.port


@pytest.fixture(scope="module")
def session_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresPair]:
    """Run two servers for all tests that leave them as they were."""
    servers = PostgresPair(tmp_path_factory.mktemp("pair"))
    servers.start()
    yield servers
    servers.stop()


async def test_a_preference_is_given_up_where_nothing_fits(session_pair: PostgresPair) -> None:
    """What must be there is not, and that is told."""
    primary = session_pair.primary
    assert await port_of(session_pair.address(primary, options="target_session_attrs=prefer-standby")) == primary.port
    with pytest.raises(NotConnectedError, match="None of the servers in CLICKTRAIL_POSTGRES_URL") as caught:
        await connect_once(session_pair.address(primary, primary, options="target_session_attrs=standby"), 30)
    assert not caught.value.is_lasting


async def test_a_server_that_never_answers_holds_up_no_other(session_pair: PostgresPair, silent: str) -> None:
    """It has its share of the time alone, and is asked last from then on."""
    start, _, hosts = session_pair.primary.url.rpartition("@")
    servers = Servers(f"{start}@{silent},{hosts}")
    connection = await servers.connect(2)
    assert await connection.fetchval(PORT_USED) == session_pair.primary.port
    await connection.close()
    assert silent not in servers._urls[0]


async def test_the_primary_is_found_after_it_has_moved(pair: PostgresPair) -> None:
    """The same pool goes on with the standby that was made the primary, and the service serves all the while."""
    url = pair.address(pair.primary, pair.standby)
    await migrate(url)
    postgres = await Postgres.open(url, 2)

    async def write(connection: "Connection") -> int:
        await connection.execute("CREATE TABLE IF NOT EXISTS moved (n int); INSERT INTO moved VALUES (1)")
        return int(await connection.fetchval(PORT_USED))

    assert await postgres.in_transaction(write) == pair.primary.port
    standby = await asyncpg.connect(pair.standby.url)
    await eventually(lambda: standby.fetchval("SELECT to_regclass('moved') IS NOT NULL"), bool)
    settings = {"TRACKING_LISTEN": f"{LOOPBACK}:0", "POSTGRES_URL": url}
    async with service_process("tracking_service", settings) as service:
        await service.says("PostgreSQL is there")
        await asyncio.to_thread(pair.primary.kill)
        assert not await postgres.answers()
        await standby.execute("SELECT pg_promote()")
        await eventually(postgres.answers, bool)
        assert await postgres.in_transaction(write) == pair.standby.port
    await standby.close()
    await postgres.close()


async def test_a_connection_that_became_read_only_is_let_go(postgres_url: str) -> None:
    """Its server takes no writes any more: the next connection is a new one, and goes where the primary is."""
    postgres = await Postgres.open(postgres_url, 1)

    async def demote(connection: "Connection") -> None:
        await connection.execute("SET default_transaction_read_only = on")

    async def write(connection: "Connection") -> None:
        await connection.execute("CREATE TABLE written ()")

    await postgres.by_itself(demote)
    with pytest.raises(Exception, match="cannot be reached"):
        await postgres.in_transaction(write)
    await postgres.in_transaction(write)
    await postgres.close()


async def test_a_connection_lost_is_told_from_a_call_made_wrongly(postgres_url: str) -> None:
    """By whether it is closed: the driver has one error for both."""
    postgres = await Postgres.open(postgres_url, 1)

    async def lose(connection: "Connection") -> None:
        await postgres.hang_up()
        await connection.execute("SELECT 1")

    async def send_too_much(connection: "Connection") -> None:
        await connection.execute("SELECT $1::text", "closed", "closed")

    with pytest.raises(ClicktrailError) as lost:
        await postgres.by_itself(lose)
    assert lost.value.reason is Reason.STORE_DOWN
    with pytest.raises(asyncpg.InterfaceError, match="expects 1 argument"):
        await postgres.by_itself(send_too_much)
    await postgres.close()
    with pytest.raises(ClicktrailError) as lost:
        await postgres.by_itself(send_too_much)
    assert lost.value.reason is Reason.STORE_DOWN


async def test_a_standby_is_waited_for_and_told(session_pair: PostgresPair) -> None:
    """Alone in the address it cannot be written to; the log names what would find the primary."""
    settings = {"TRACKING_LISTEN": f"{LOOPBACK}:0", "POSTGRES_URL": session_pair.standby.url}
    await migrate(session_pair.primary.url)
    standby = await asyncpg.connect(session_pair.standby.url)
    await eventually(lambda: standby.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL"), bool)
    await standby.close()
    async with service_process("tracking_service", settings) as service:
        told = await service.says("PostgreSQL is read-only")
    assert "target_session_attrs=primary" in told["event"]
