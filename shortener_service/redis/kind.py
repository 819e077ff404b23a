"""Tells what kind of server an address of Redis leads to, from what it says of itself."""

from collections.abc import Mapping
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from shortener_service.errors import UnsuitableStoreError
from shortener_service.redis.addresses import NOT_SENTINEL

OLDEST_VERSION = (6, 2)


def facts_in(reply: Any) -> dict[str, str]:
    """Return what `INFO` said, nothing where it was refused."""
    if isinstance(reply, ResponseError):
        return {}
    lines = bytes(reply).decode(errors="replace").splitlines()
    return {name: value for name, separator, value in (line.partition(":") for line in lines) if separator}


def check_kind(facts: Mapping[str, str]) -> None:
    """Raise `UnsuitableStoreError` for a sentinel, and for a server that is too old; what is not said is not judged."""
    if facts.get("redis_mode") == "sentinel":
        raise UnsuitableStoreError(f"CLICKTRAIL_REDIS_URL {NOT_SENTINEL}.")
    version = facts.get("redis_version", "")
    numbers = [int(part) for part in version.split(".")[:2] if part.isdecimal()]
    if numbers and tuple(numbers) < OLDEST_VERSION:
        oldest = ".".join(map(str, OLDEST_VERSION))
        raise UnsuitableStoreError(f"Redis {oldest} or newer is needed, or Valkey; the server is {version}.")


def is_replica(reply: Any) -> bool:
    """Tell whether `ROLE` says that a server takes writes from another one alone."""
    return isinstance(reply, list) and reply[:1] == [b"slave"]


def no_setting(name: str, reply: Any) -> UnsuitableStoreError:
    """Return the error for a server that does not say one of its settings."""
    if isinstance(reply, NoPermissionError):
        return UnsuitableStoreError(
            f"Redis does not say its `{name}`: allow `CONFIG GET` for this user (ACL SETUSER … +config|get). ({reply})"
        )
    said = f" ({reply})" if isinstance(reply, ResponseError) else ""
    return UnsuitableStoreError(
        f"Redis has no `CONFIG GET` that says its `{name}`. Managed Redis without CONFIG or without a durable log, such"
        " as ElastiCache, MemoryDB or Upstash, is not supported: nobody could tell whether links are kept. Run Redis"
        f" 6.2 or newer, or Valkey, with `appendonly yes` and `maxmemory-policy noeviction`.{said}"
    )
