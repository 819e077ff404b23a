"""Holds the layers apart: who may import what."""

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAP = ROOT / "docs" / "architecture.md"
MOST_MODULES = 15

# The packages of each part, and the modules beside them, in order: each imports only what stands before it.
ORDER = {
    "common": """
        errors admission backoff clock credentials external_ids field_rules garbage ids json_names json_text
        json_writer logging probe rare_warnings settings rpc
        """,
    "shortener_service": """
        errors agents destinations protobuf_wire freshly_read redis settings token_client refused_hosts domains links
        redirects rates outbox recovery bootstrap __main__
        """,
    "tracking_service": """
        money sqlite_file key_ring outgoing postgres settings messages local_copy shortener_client marks platforms
        counters refused_requests accounts actions connections identity profiles attribution rejections backup
        reconciliation erasure sessions reassignment reports links events inbox clicks judgements spool bootstrap
        migrate __main__
        """,
    "gateway": """
        account addresses settings templating json http rpc rate_limits auth probes openapi redirects events tracker
        hooks api reports app bootstrap __main__
        """,
    "cli": """
        failures terminal times commands embedded health data_directory addresses calls service_program accounts
        connections links operations reports stack demo app __main__
        """,
}
# What a part may import of ours besides itself. Services meet in the protos alone.
MAY_KNOW: dict[str, set[str]] = {
    "common": set(),
    "shortener_service": {"common"},
    "tracking_service": {"common"},
    "gateway": {"common"},
    "cli": {"common"},
}
STORES = ("store.py", "*_store.py")
# Which files may import a library: glob patterns below the root.
MAY_IMPORT = {
    "redis": ("shortener_service/redis/*.py",),
    "hiredis": ("shortener_service/redis/*.py",),
    "asyncpg": ("tracking_service/postgres/*.py", *(f"tracking_service/*/{name}" for name in STORES)),
    "grpc": (
        "common/rpc/*.py",
        "shortener_service/*/servicer.py",
        "shortener_service/bootstrap.py",
        "shortener_service/outbox/direct_delivery.py",
        "shortener_service/outbox/relay.py",
        "shortener_service/recovery/archive_client.py",
        "tracking_service/*/servicer.py",
        "tracking_service/*/*_servicer.py",
        "tracking_service/shortener_client.py",
        "shortener_service/token_client.py",
        "gateway/rpc/*.py",
        "gateway/http/errors.py",
        "cli/links/people.py",
        "cli/calls.py",
        "cli/stack/demo_business.py",
    ),
    "sqlite3": (
        "tracking_service/spool/*.py",
        "tracking_service/sqlite_file.py",
        "tracking_service/local_copy.py",
        "tracking_service/accounts/known_accounts.py",
        "tracking_service/inbox/known_hooks.py",
    ),
    "uvicorn": ("gateway/http/server.py", "gateway/http/protocol.py"),
    "httptools": (
        "gateway/http/protocol.py",
        "gateway/http/head.py",
        "gateway/http/limits.py",
        "gateway/redirects/fast_path.py",
    ),
    "dns": ("shortener_service/domains/txt_records.py",),
    "typer": ("cli/**/*.py",),
    "rich": ("cli/**/*.py",),
    "ua_parser": ("tracking_service/clicks/origins.py",),
    "phonenumbers": ("tracking_service/identity/contacts.py",),
    "httpx": ("tracking_service/outgoing/client.py",),
    "maxminddb": ("tracking_service/clicks/origins.py",),
    "aiohttp": (),
}
# Which files may use what speaks to a server of a store.
MAY_USE = {
    "tracking_service.postgres.pool.Connection": (
        "tracking_service/postgres/*.py",
        *(f"tracking_service/*/{name}" for name in STORES),
    ),
    "tracking_service.postgres.pool.Postgres": (
        "tracking_service/postgres/*.py",
        *(f"tracking_service/*/{name}" for name in STORES),
        "tracking_service/bootstrap.py",
    ),
    "shortener_service.redis.client.RedisCalls": (
        "shortener_service/redis/*.py",
        *(f"shortener_service/*/{name}" for name in STORES),
        "shortener_service/bootstrap.py",
    ),
}
# Run as a file, without what is installed: nothing but what an interpreter has at its start, and for TLS.
ALONE = {"common/probe.py": {"sys", "time", "_socket", "socket", "ssl"}}
# The pure rules know neither transport nor store.
PURE = (
    "shortener_service/destinations.py",
    "shortener_service/links/link.py",
    "shortener_service/domains/domain.py",
    "shortener_service/redirects/verdicts.py",
    "shortener_service/agents/rules.py",
    "shortener_service/agents/crawler_list.py",
    "shortener_service/agents/judge.py",
    "tracking_service/attribution/credits.py",
    "tracking_service/attribution/ledger.py",
    "tracking_service/attribution/rules.py",
    "tracking_service/attribution/sources.py",
    "tracking_service/clicks/origins.py",
    "tracking_service/clicks/value_caps.py",
    "tracking_service/counters/breakdowns.py",
    "tracking_service/counters/scopes.py",
    "tracking_service/counters/tally.py",
    "tracking_service/events/rules.py",
    "tracking_service/identity/contacts.py",
    "tracking_service/identity/evidence.py",
    "tracking_service/identity/rules.py",
    "tracking_service/money.py",
    "tracking_service/platforms/catalogue.py",
    "tracking_service/platforms/fields.py",
    "tracking_service/platforms/generic.py",
    "tracking_service/platforms/signatures.py",
    "tracking_service/reports/page.py",
    "tracking_service/reports/range.py",
    "tracking_service/reports/report.py",
    "tracking_service/sessions/identity.py",
)
IMPURE = {"grpc", "redis", "asyncpg", "asyncio", "uvicorn"}


@cache
def sources() -> tuple[Path, ...]:
    """Return every source file of the parts."""
    return tuple(path for part in ORDER for path in sorted((ROOT / part).rglob("*.py")))


def relative(path: Path) -> str:
    """Return a file's path below the root."""
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    """Return a file's name in imports."""
    return relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def names_imported(path: Path) -> frozenset[str]:
    """Return the full names of all that a file imports, also inside functions and for types alone."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def libraries_of(path: Path) -> set[str]:
    """Return the first names of what a file imports."""
    return {name.split(".")[0] for name in names_imported(path)}


@cache
def imports_among_ours() -> Mapping[str, set[str]]:
    """Return each of our modules with those of our modules that it imports."""
    ours = {module_of(path) for path in sources()}
    return {
        module_of(path): {
            name if name in ours else name.rpartition(".")[0]
            for name in names_imported(path)
            if name in ours or name.rpartition(".")[0] in ours
        }
        - {module_of(path)}
        for path in sources()
    }


def package_of(module: str) -> str:
    """Return the package below a part that a module belongs to, or its own name where it stands beside them."""
    return ".".join(module.split(".")[:2])


def allowed_by(patterns: Iterable[str]) -> set[str]:
    """Return the files that patterns name."""
    return {relative(path) for pattern in patterns for path in ROOT.glob(pattern)}


def circle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """Return one circle of a graph, empty where it has none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


@pytest.mark.parametrize("library", MAY_IMPORT)
def test_only_the_files_named_import_a_library(library: str) -> None:
    """A store's driver is imported by its store alone, gRPC by what serves and calls it."""
    importing = {relative(path) for path in sources() if library in libraries_of(path)}
    assert importing - allowed_by(MAY_IMPORT[library]) == set()


@pytest.mark.parametrize("name", MAY_USE)
def test_only_stores_speak_to_a_server(name: str) -> None:
    """Connections are used by stores and by what stands below them; the bootstrap hands them over."""
    using = {relative(path) for path in sources() if name in names_imported(path)}
    assert using
    assert using - allowed_by(MAY_USE[name]) == set()


@pytest.mark.parametrize("part", ORDER)
def test_packages_know_only_common(part: str) -> None:
    """Services meet in the protos alone: none imports another."""
    known = MAY_KNOW[part] | {part}
    for path in sorted((ROOT / part).rglob("*.py")):
        assert libraries_of(path) & set(ORDER) <= known, relative(path)


@pytest.mark.parametrize("part", ORDER)
def test_a_package_imports_only_what_stands_below_it(part: str) -> None:
    """The order of packages is known whole, and no import goes upward."""
    order = ORDER[part].split()
    assert sorted(order) == sorted(
        {module.split(".")[1] for module in imports_among_ours() if module.startswith(f"{part}.")}
    )
    upward = {
        f"{module} imports {other}"
        for module, others in imports_among_ours().items()
        for other in others
        if module.startswith(f"{part}.") and other.startswith(f"{part}.")
        if order.index(module.split(".")[1]) < order.index(other.split(".")[1])
    }
    assert upward == set()


def test_no_import_leads_back() -> None:
    """Neither modules nor packages import each other in a circle."""
    modules = imports_among_ours()
    packages: dict[str, set[str]] = {}
    for module, others in modules.items():
        package = package_of(module)
        packages.setdefault(package, set()).update({package_of(other) for other in others} - {package})
    assert circle_in(modules) == []
    assert circle_in(packages) == []


def test_no_folder_is_crowded() -> None:
    """At most fifteen modules stand in one, so that a newcomer finds his way."""
    folders: dict[str, int] = {}
    for path in (*sources(), *(ROOT / "benchmarks").rglob("*.py"), *(ROOT / "tests").rglob("*.py")):
        if path.name != "__init__.py":
            folders[relative(path.parent)] = folders.get(relative(path.parent), 0) + 1
    assert {name: count for name, count in folders.items() if count > MOST_MODULES} == {}


@pytest.mark.parametrize("name", PURE)
def test_rules_are_pure(name: str) -> None:
    """Files of rules import neither a transport nor a store."""
    assert libraries_of(ROOT / name) & IMPURE == set()


@pytest.mark.parametrize("name", ALONE)
def test_what_runs_alone_imports_nothing_else(name: str) -> None:
    """A file that is run by itself imports the modules named and no other."""
    assert libraries_of(ROOT / name) == ALONE[name]


@pytest.mark.parametrize("part", ORDER)
def test_the_map_shows_the_order(part: str) -> None:
    """The map of packages for readers has each of them, in the order that holds here."""
    section = MAP.read_text().partition(f"## `{part}/`\n")[2].partition("\n## ")[0]
    shown = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert [name.removesuffix("/").removesuffix(".py") for name in shown] == ORDER[part].split()
