"""Custom domains in Redis: one small hash."""

from clicktrail.shortener.v1 import domain_service_pb2
from shortener_service.domain import Domain
from shortener_service.redis_calls import RedisCalls, Script
from shortener_service.redis_keys import DOMAINS

_SWAP = Script("swap_domain.lua")


class RedisDomainStore:
    """Keeps the custom domains; `DomainStore` says what for."""

    def __init__(self, calls: RedisCalls) -> None:
        self._calls = calls

    async def all(self) -> dict[str, Domain]:
        """Return every domain by name."""
        flat = await self._calls.run_one("HGETALL", DOMAINS)
        domains = map(_from_bytes, flat[1::2])
        return {domain.name: domain for domain in domains}

    async def swap(self, name: str, old: Domain | None, new: Domain | None) -> bool:
        """Put a domain in the place of what is there, unless that is not the old one any more."""
        return bool(await self._calls.run_one(*_SWAP.call([DOMAINS], (name, _to_bytes(old), _to_bytes(new)))))


def _to_bytes(domain: Domain | None) -> bytes:
    if domain is None:
        return b""
    message = domain_service_pb2.Domain(name=domain.name, business_id=domain.business_id)
    if domain.fallback_url:
        message.fallback_url = domain.fallback_url
    return message.SerializeToString()


def _from_bytes(content: bytes) -> Domain:
    message = domain_service_pb2.Domain.FromString(content)
    return Domain(message.name, message.business_id, message.fallback_url)
