"""Keeps the refused hosts in Redis, with what their second copies are made of."""

from typing import NamedTuple

from clicktrail.shortener.v1 import refused_host_service_pb2
from clicktrail.tracking.v1 import link_archive_service_pb2 as pb
from common import clock
from shortener_service.redis.client import RedisCalls
from shortener_service.redis.copied_hash import CopiedHash, next_revision
from shortener_service.redis.keyspace import REFUSED_HOSTS, Keys
from shortener_service.refused_hosts.refused_host import RefusedHost


class RefusedHostCopy(NamedTuple):
    """A refused host as it is copied, or its removal; each change gives it a later revision."""

    host: RefusedHost
    revision: int
    is_removed: bool


class RedisRefusedHostStore:
    """Keeps the refused hosts."""

    def __init__(self, calls: RedisCalls, keys: Keys) -> None:
        self._hash = CopiedHash(calls, REFUSED_HOSTS, keys.markers[0])

    async def contents(self) -> list[bytes]:
        """Return every host that ever was refused, as the store has it. Raises STORE_INCOMPLETE."""
        return await self._hash.values()

    async def copies(self) -> list[RefusedHostCopy]:
        """Return every host that ever was refused, for their second copies. Raises STORE_INCOMPLETE."""
        return [host_copy_from_bytes(content) for content in await self._hash.values()]

    async def put(self, host: RefusedHost, *, is_removed: bool = False) -> bool:
        """Put a host on the list, or take it from there, unless another has changed it meanwhile."""
        content = await self._hash.value(host.name)
        revision = next_revision(host_copy_from_bytes(content).revision if content else None)
        new = host_copy_to_bytes(RefusedHostCopy(host, revision, is_removed))
        return await self._hash.swap(host.name, content, new)


def host_to_message(host: RefusedHost) -> refused_host_service_pb2.RefusedHost:
    """Return a refused host as a message."""
    return refused_host_service_pb2.RefusedHost(
        name=host.name, reason=host.reason or None, refused_at=clock.to_timestamp(host.refused_at)
    )


def host_copy_to_message(copy: RefusedHostCopy) -> pb.RefusedHostCopy:
    """Return a host's copy as a message."""
    return pb.RefusedHostCopy(host=host_to_message(copy.host), revision=copy.revision, removed=copy.is_removed)


def host_copy_from_message(message: pb.RefusedHostCopy) -> RefusedHostCopy:
    """Return the host's copy that a message holds."""
    sent = message.host
    host = RefusedHost(sent.name, clock.from_timestamp(sent.refused_at), sent.reason)
    return RefusedHostCopy(host, message.revision, message.removed)


def host_copy_to_bytes(copy: RefusedHostCopy) -> bytes:
    """Return a host's copy as the store has it."""
    return host_copy_to_message(copy).SerializeToString()


def host_copy_from_bytes(content: bytes) -> RefusedHostCopy:
    """Return the host's copy that the store has so."""
    return host_copy_from_message(pb.RefusedHostCopy.FromString(content))
