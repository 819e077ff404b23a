"""How PostgreSQL lets us in, and what is said where it does not."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from cli.embedded.ports import LOOPBACK, free_port
from cli.embedded.server_process import ServerProcess
from tests.support.service_process import service_process
from tracking_service.settings import TrackingSettings

WILD = "/ # @ : % ? & %2F [ß€] \\ ' \" word"
WORD = "secret-word"


@pytest_asyncio.fixture
async def admin(postgres_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Connect as the owner of everything to the test's database."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def role(admin: "asyncpg.Connection[asyncpg.Record]", postgres_url: str) -> AsyncIterator[str]:
    """Make a role with a plain password that owns the test's tables; return the address with its name alone."""
    database = postgres_url.rpartition("/")[2]
    owner = await admin.fetchval("SELECT current_user")
    await admin.execute(f"CREATE ROLE app LOGIN PASSWORD '{WORD}'; GRANT {owner} TO app")
    yield f"postgresql://app@{postgres_url.rpartition('@')[2].partition('/')[0]}/{database}"
    await admin.execute("DROP OWNED BY app; DROP ROLE app")


def clicktrail(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command with these settings, named without their prefix."""
    told = {f"CLICKTRAIL_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(command, env=os.environ | told, capture_output=True, text=True, check=False)  # noqa: S603  (our own command)


async def test_a_password_may_have_any_characters(
    admin: "asyncpg.Connection[asyncpg.Record]", role: str, tmp_path: Path
) -> None:
    """Out of a file as it is, for the service, migrations and backups alike."""
    await admin.execute("SELECT set_config('password_encryption', 'scram-sha-256', false)")
    await admin.execute(f"ALTER ROLE app PASSWORD {await admin.fetchval('SELECT quote_literal($1::text)', WILD)}")
    (tmp_path / "password").write_text(f"{WILD}\n")
    (tmp_path / "url").write_text(f"{role}\n")
    settings = {"POSTGRES_URL_FILE": str(tmp_path / "url"), "POSTGRES_PASSWORD_FILE": str(tmp_path / "password")}
    async with service_process("tracking_service", {"TRACKING_LISTEN": f"{LOOPBACK}:0"} | settings) as service:
        await service.says("PostgreSQL is there")
    password_alone = {"POSTGRES_PASSWORD_FILE": settings["POSTGRES_PASSWORD_FILE"]}
    backup = str(tmp_path / "b.tar")
    for arguments, given in (
        (["migrate"], settings),
        (["migrate", "--postgres-url", role], settings),
        (["migrate", "--postgres-url", role], password_alone),
        (["backup", backup], settings),
        (["restore", "--from", backup, "--shortener", f"{LOOPBACK}:{free_port()}"], settings),
    ):
        done = await asyncio.to_thread(clicktrail, *arguments, **given)
        assert done.returncode == 0, done.stderr


@contextmanager
def first_rule(server: ServerProcess, rule: str) -> Iterator[None]:
    """Put a line before all others of a server's pg_hba.conf, which new connections are judged by."""
    path = Path(server._log.parent, "data", "pg_hba.conf")
    before = path.read_text()
    path.write_text(f"{rule}\n{before}")
    try:
        yield
    finally:
        path.write_text(before)


async def test_each_refusal_has_its_own_sentence_and_is_waited_out(
    admin: "asyncpg.Connection[asyncpg.Record]", role: str, postgres_server: ServerProcess
) -> None:
    """Never "does not answer", and never the password; once it is mended the service serves."""
    settings = {
        "TRACKING_LISTEN": f"{LOOPBACK}:0",
        "POSTGRES_URL": role.replace(role.rpartition("/")[2], "nowhere"),
        "POSTGRES_PASSWORD": WORD,
    }
    # What stays is put into the address; what changes, at the server.
    async with service_process("tracking_service", settings) as service:
        told = await service.says("PostgreSQL has no database")
        assert 'database "nowhere" does not exist' in told["cause"]
    settings["POSTGRES_URL"] = role
    await admin.execute("ALTER ROLE app PASSWORD 'other'")
    async with service_process("tracking_service", settings) as service:
        told = await service.says("PostgreSQL refuses the user or the password")
        assert WORD not in str(told)
        with first_rule(postgres_server, "hostssl all app all scram-sha-256\nhost all app all reject"):
            await admin.execute("SELECT pg_reload_conf()")
            await admin.execute(f"ALTER ROLE app PASSWORD '{WORD}'")
            told = await service.says("PostgreSQL does not let this user in from here")
            assert "pg_hba.conf" in told["event"]
            assert "sslmode=require" in told["event"]
        await admin.execute("ALTER ROLE app SET default_transaction_read_only = on")
        await admin.execute("SELECT pg_reload_conf()")
        await service.says("PostgreSQL is read-only")
        await admin.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM app")
        owner = await admin.fetchval("SELECT current_user")
        await admin.execute(f"ALTER ROLE app RESET default_transaction_read_only; REVOKE {owner} FROM app")
        await service.says("PostgreSQL does not allow this user what Clicktrail does")
        await admin.execute(f"GRANT {owner} TO app")
        await service.says("PostgreSQL is there")


@asynccontextmanager
async def pooler(code: str, said: str) -> AsyncIterator[str]:
    """Run what stands before PostgreSQL and refuses whoever opens a connection; yield its host and port."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(8)
        if int.from_bytes(head[4:]) == 80877103:
            # Asked for TLS: there is none.
            writer.write(b"N")
            head = await reader.readexactly(8)
        await reader.readexactly(int.from_bytes(head[:4]) - 8)
        fields = b"".join(field.encode() + b"\0" for field in ("SFATAL", "VFATAL", f"C{code}", f"M{said}")) + b"\0"
        writer.write(b"E" + (len(fields) + 4).to_bytes(4) + fields)
        writer.close()

    server = await asyncio.start_server(refuse, LOOPBACK, 0)
    async with server:
        yield f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}"


async def test_a_pooler_that_refuses_is_told_with_what_it_needs(tmp_path: Path) -> None:
    """By the service, which goes on trying, and by commands, with an exit code that says that it may work later."""
    async with pooler("08P01", "unsupported startup parameter: statement_timeout") as address:
        url = f"postgresql://app:{WORD}@{address}/clicktrail"
        settings = {"TRACKING_LISTEN": f"{LOOPBACK}:0", "POSTGRES_URL": url}
        async with service_process("tracking_service", settings) as service:
            told = await service.says("A pooler before PostgreSQL refuses the connection")
        needed = "ignore_startup_parameters=statement_timeout,idle_in_transaction_session_timeout,jit"
        assert needed in told["event"]
        assert "max_prepared_statements" in told["event"]
        assert told["cause"].endswith("unsupported startup parameter: statement_timeout")
        for arguments in (["migrate"], ["backup", str(tmp_path / "b.tar")]):
            failed = await asyncio.to_thread(clicktrail, *arguments, POSTGRES_URL=url)
            assert failed.returncode == 3
            assert needed in failed.stderr
            assert WORD not in failed.stderr


@pytest.mark.parametrize(
    ("change", "password", "sentence"),
    [
        ({}, "wrong-word", "refuses the user or the password"),
        ({"/clicktrail": "/no_clicktrail"}, WORD, "has no database of the name"),
        ({"?": "?sslnegotiation=direct"}, WORD, "direct TLS requires sslmode"),
        ({"?": "?sslmode=sometimes"}, WORD, "takes as sslmode one of"),
        ({"app@": "app:se/cret@"}, "", "%2F, %3F, %23"),
        ({"app@": "app:secret@"}, WORD, "CLICKTRAIL_POSTGRES_PASSWORD: there is a password in"),
    ],
)
async def test_a_command_tells_what_must_be_mended(
    role: str, tmp_path: Path, change: dict[str, str], password: str, sentence: str
) -> None:
    """What is wrong with the address or the password ends it with 2, and no password is shown."""
    url = f"{role}?"
    for old, new in change.items():
        url = url.replace(old, new)
    settings = {"POSTGRES_URL": url.removesuffix("?"), "POSTGRES_PASSWORD": password}
    for arguments in (["migrate"], ["backup", str(tmp_path / "b.tar")]):
        failed = await asyncio.to_thread(clicktrail, *arguments, **settings)
        assert failed.returncode == 2, failed.stderr
        assert sentence in failed.stderr
        assert "Traceback" not in failed.stderr
        assert not any(word in failed.stderr for word in ("wrong-word", WORD, "cret"))


def test_settings_show_no_password() -> None:
    """Neither of them, however they are printed."""
    settings = TrackingSettings.model_validate({"postgres_url": "postgresql://app@h/d", "postgres_password": WORD})
    assert WORD in settings.postgres_address
    assert WORD not in repr(settings) + str(settings.model_dump())
