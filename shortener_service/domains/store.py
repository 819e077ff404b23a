"""Keeps custom domains in Redis, with what their second copies are made of."""

from typing import NamedTuple

from clicktrail.shortener.v1 import domain_service_pb2
from clicktrail.tracking.v1 import link_archive_service_pb2 as pb
from common import clock
from shortener_service.domains.domain import Domain
from shortener_service.redis.client import RedisCalls
from shortener_service.redis.copied_hash import CopiedHash, next_revision
from shortener_service.redis.keyspace import DOMAINS, Keys


class DomainCopy(NamedTuple):
    """A domain as it is copied, or its removal; each change gives it a later revision."""

    domain: Domain
    revision: int
    is_removed: bool


class RedisDomainStore:
    """Keeps the custom domains."""

    def __init__(self, calls: RedisCalls, keys: Keys) -> None:
        self._hash = CopiedHash(calls, DOMAINS, keys.markers[0])

    async def all(self) -> dict[str, Domain]:
        """Return every domain by name. Raises STORE_INCOMPLETE."""
        return {copy.domain.name: copy.domain for copy in await self.copies() if not copy.is_removed}

    async def copies(self) -> list[DomainCopy]:
        """Return every domain there ever was, for their second copies. Raises STORE_INCOMPLETE."""
        return [copy_from_bytes(content) for content in await self._hash.values()]

    async def swap(self, name: str, old: Domain | None, new: Domain | None) -> bool:
        """Put a domain in the place of what is there (None: nothing), unless that is not the old one any more."""
        content = await self._hash.value(name)
        kept = copy_from_bytes(content) if content else None
        present = None if kept is None or kept.is_removed else kept.domain
        last = new or old
        if present != old or last is None:
            return False
        copy = DomainCopy(last, next_revision(kept.revision if kept else None), is_removed=new is None)
        return await self._hash.swap(name, content, copy_to_bytes(copy))


def domain_to_message(domain: Domain) -> domain_service_pb2.Domain:
    """Return a domain as a message."""
    return domain_service_pb2.Domain(
        name=domain.name,
        business_id=domain.business_id,
        fallback_url=domain.fallback_url or None,
        verified_at=clock.to_timestamp(domain.verified_at) if domain.verified_at else None,
    )


def copy_to_message(copy: DomainCopy) -> pb.DomainCopy:
    """Return a domain's copy as a message."""
    return pb.DomainCopy(domain=domain_to_message(copy.domain), revision=copy.revision, removed=copy.is_removed)


def copy_from_message(message: pb.DomainCopy) -> DomainCopy:
    """Return the domain's copy that a message holds."""
    sent = message.domain
    verified_at = clock.from_timestamp(sent.verified_at) if sent.HasField("verified_at") else None
    domain = Domain(sent.name, sent.business_id, sent.fallback_url, verified_at)
    return DomainCopy(domain, message.revision, message.removed)


def copy_to_bytes(copy: DomainCopy) -> bytes:
    """Return a domain's copy as the store has it."""
    return copy_to_message(copy).SerializeToString()


def copy_from_bytes(content: bytes) -> DomainCopy:
    """Return the domain's copy that the store has so."""
    return copy_from_message(pb.DomainCopy.FromString(content))
