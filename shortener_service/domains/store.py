"""Keeps custom domains in Redis, with what their second copies are made of."""

from typing import NamedTuple

from clicktrail.shortener.v1 import domain_service_pb2
from clicktrail.tracking.v1 import link_archive_service_pb2 as pb
from common import clock
from shortener_service.domains.domain import Domain
from shortener_service.errors import store_incomplete
from shortener_service.redis.client import RedisCalls, Script
from shortener_service.redis.keyspace import DOMAINS, Keys

_SWAP = Script(__package__, "swap_domain.lua")


class DomainCopy(NamedTuple):
    """A domain as it is copied, or its removal; each change gives it a later revision."""

    domain: Domain
    revision: int
    is_removed: bool


class RedisDomainStore:
    """Keeps the custom domains."""

    def __init__(self, calls: RedisCalls, keys: Keys) -> None:
        self._calls = calls
        self._marker = keys.markers[0]

    async def all(self) -> dict[str, Domain]:
        """Return every domain by name."""
        return {copy.domain.name: copy.domain for copy in await self.copies() if not copy.is_removed}

    async def copies(self) -> list[DomainCopy]:
        """Return every domain there ever was, for their second copies."""
        # The marker first: what is read behind it was complete then, or holds what a restore has written since.
        marker, flat = await self._calls.run([("EXISTS", self._marker), ("HGETALL", DOMAINS)])
        if not marker and not flat:
            raise store_incomplete()
        return [copy_from_bytes(content) for content in flat[1::2]]

    async def swap(self, name: str, old: Domain | None, new: Domain | None) -> bool:
        """Put a domain in the place of what is there (None: nothing), unless that is not the old one any more."""
        content = await self._calls.run_one("HGET", DOMAINS, name)
        kept = copy_from_bytes(content) if content else None
        present = None if kept is None or kept.is_removed else kept.domain
        last = new or old
        if present != old or last is None:
            return False
        revision = max(clock.milliseconds(clock.now()), kept.revision + 1 if kept else 0)
        copy = copy_to_bytes(DomainCopy(last, revision, is_removed=new is None))
        reply = await self._calls.run_one(*_SWAP.call([DOMAINS, self._marker], (name, content or b"", copy)))
        if reply == b"INCOMPLETE":
            raise store_incomplete()
        return bool(reply)


def copy_to_message(copy: DomainCopy) -> pb.DomainCopy:
    """Return a domain's copy as a message."""
    domain = domain_service_pb2.Domain(
        name=copy.domain.name, business_id=copy.domain.business_id, fallback_url=copy.domain.fallback_url or None
    )
    return pb.DomainCopy(domain=domain, revision=copy.revision, removed=copy.is_removed)


def copy_from_message(message: pb.DomainCopy) -> DomainCopy:
    """Return the domain's copy that a message holds."""
    domain = Domain(message.domain.name, message.domain.business_id, message.domain.fallback_url)
    return DomainCopy(domain, message.revision, message.removed)


def copy_to_bytes(copy: DomainCopy) -> bytes:
    """Return a domain's copy as the store has it."""
    return copy_to_message(copy).SerializeToString()


def copy_from_bytes(content: bytes) -> DomainCopy:
    """Return the domain's copy that the store has so."""
    return copy_from_message(pb.DomainCopy.FromString(content))
