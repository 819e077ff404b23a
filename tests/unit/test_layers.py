"""Holds the layers apart: who may import what."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("common", "shortener_service", "tracking_service", "gateway", "cli")

# Which files may import a library: glob patterns below the root.
MAY_IMPORT = {
    "redis": ("shortener_service/redis_*.py", "shortener_service/redis/*.py", "shortener_service/*/*store.py"),
    "asyncpg": (
        "tracking_service/postgres*.py",
        "tracking_service/postgres/*.py",
        "tracking_service/*/*store.py",
        "tracking_service/migrate.py",
    ),
    "grpc": (
        "common/rpc/errors.py",
        "common/rpc/interceptors.py",
        "common/rpc/server.py",
        "common/rpc/channels.py",
        "shortener_service/*servicer*.py",
        "shortener_service/*/*servicer.py",
        "shortener_service/bootstrap.py",
        "shortener_service/outbox/direct_delivery.py",
        "shortener_service/recovery/archive_client.py",
        "shortener_service/outbox/relay.py",
        "tracking_service/*servicer*.py",
        "tracking_service/*/*servicer.py",
        "tracking_service/shortener_client.py",
        "gateway/rpc/clients.py",
        "gateway/rpc/clients.py",
        "gateway/http/errors.py",
        "gateway/rpc/streams.py",
        "cli/calls.py",
        "cli/stack/demo_business.py",
    ),
    "sqlite3": (
        "tracking_service/spool*.py",
        "tracking_service/spool/*.py",
        "tracking_service/sqlite_file.py",
        "tracking_service/accounts/known_accounts.py",
    ),
    "uvicorn": ("gateway/http/server.py", "gateway/http/connection.py", "gateway/http/protocol.py"),
    "httptools": ("gateway/redirects/fast_path.py", "gateway/http/protocol.py", "gateway/http/limits.py"),
    "typer": ("cli/**/*.py",),
    "rich": ("cli/**/*.py",),
    "ua_parser": ("tracking_service/clicks/origins.py",),
    "maxminddb": ("tracking_service/clicks/origins.py",),
    "aiohttp": (),
}
# What a package may import of ours besides itself, and what nobody else may import of it.
MAY_KNOW = {
    "common": set(),
    "shortener_service": {"common"},
    "tracking_service": {"common"},
    "gateway": {"common"},
    "cli": {"common"},
}
# Run as a file, without what is installed: nothing but what an interpreter has at its start.
ALONE = {"common/probe.py": {"sys", "time", "_socket"}}
# The pure rules know neither transport nor store.
PURE = (
    "shortener_service/destinations.py",
    "shortener_service/links/link.py",
    "shortener_service/redirects/verdicts.py",
    "tracking_service/attribution/rules.py",
    "tracking_service/attribution/credits.py",
    "tracking_service/attribution/credits.py",
    "tracking_service/attribution/sources.py",
    "tracking_service/clicks/origins.py",
    "tracking_service/counters/tally.py",
    "tracking_service/counters/scopes.py",
    "tracking_service/events/rules.py",
    "tracking_service/sessions/identity.py",
    "tracking_service/attribution/ledger.py",
    "tracking_service/money.py",
    "tracking_service/reports/report.py",
    "tracking_service/reports/page.py",
    "tracking_service/reports/range.py",
)
IMPURE = {"grpc", "redis", "asyncpg", "asyncio", "uvicorn"}


def sources() -> list[Path]:
    """Return every source file of the packages."""
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


@cache
def imports_of(path: Path) -> set[str]:
    """Return the full names of all modules that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def relative(path: Path) -> str:
    """Return a file's path below the root."""
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("library", MAY_IMPORT)
def test_only_the_files_named_import_a_library(library: str) -> None:
    """A store's driver is imported by its store alone, gRPC by what serves and calls it."""
    allowed = {relative(path) for pattern in MAY_IMPORT[library] for path in ROOT.glob(pattern)}
    importing = {
        relative(path)
        for path in sources()
        if any(name == library or name.startswith(f"{library}.") for name in imports_of(path))
    }
    assert importing - allowed == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_know_only_common(package: str) -> None:
    """Services meet in the protos alone: none imports another."""
    known = MAY_KNOW[package] | {package}
    for path in sorted((ROOT / package).rglob("*.py")):
        ours = {name.split(".")[0] for name in imports_of(path)} & set(PACKAGES)
        assert ours <= known, relative(path)


@pytest.mark.parametrize("name", PURE)
def test_rules_are_pure(name: str) -> None:
    """Files of rules import neither a transport nor a store."""
    roots = {module.split(".")[0] for module in imports_of(ROOT / name)}
    assert roots & IMPURE == set()


@pytest.mark.parametrize("name", ALONE)
def test_what_runs_alone_imports_nothing_else(name: str) -> None:
    """A file that is run by itself imports the modules named and no other."""
    assert imports_of(ROOT / name) == ALONE[name]
