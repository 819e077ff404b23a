"""Restores a store from the second copies, and looks at what is in it."""

from typing import Any

from redis.asyncio import Redis

from clicktrail.shortener.v1 import restore_service_pb2, restore_service_pb2_grpc
from tests.support.shortener_service.callers import SECONDS, Caller, looking
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually


async def restore(caller: Caller, *, force: bool = False) -> list[restore_service_pb2.RestoreResponse]:
    """Restore, without the time that late deliveries are waited for, and return all that is told."""
    caller.shortener._restoration._late_seconds = 0
    stub = restore_service_pb2_grpc.RestoreServiceStub(caller.channel)
    request = restore_service_pb2.RestoreRequest(force=force)
    return [answer async for answer in stub.Restore(request, timeout=SECONDS * 3)]


async def archive_all(tracking: Tracking, links: int) -> None:
    """Wait until so many copies were delivered, and archive the latest of each link."""
    copies = await eventually(looking(lambda: tracking.links), lambda seen: len(seen) >= links)
    latest = {copy.link.id: copy for copy in sorted(copies, key=lambda copy: copy.revision)}
    tracking.archive = list(latest.values())
    tracking.archived_links = len(latest)


async def held(redis: Redis) -> dict[bytes, Any]:
    """Return what the store holds of links, templates and domains, and the secret."""
    found: dict[bytes, Any] = {}
    async for key in redis.scan_iter():
        kind = await redis.type(key)
        if key.endswith(b":changes"):
            # Subjects to those who remember links, and of no use to others.
            continue
        if kind == b"hash":
            found[key] = await redis.hgetall(key)
        elif any(part in key for part in (b":t:", b":secret", b":shards", b":links")):
            found[key] = await redis.get(key)
    return found


async def links_held(redis: Redis) -> int:
    """Return how many links the store holds."""
    return sum([await redis.hlen(key) async for key in redis.scan_iter(match="*:l:*")])
