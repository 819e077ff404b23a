"""Restores a store from the second copies, and looks at what is in it."""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from redis.asyncio import Redis

from clicktrail.shortener.v1 import link_pb2, link_service_pb2, restore_service_pb2, restore_service_pb2_grpc
from tests.integration.shortener.callers import BUSINESS, SECONDS, Caller, looking
from tests.integration.shortener.peers import Tracking
from tests.support.waiting import eventually


async def restore(caller: Caller, *, force: bool = False) -> list[restore_service_pb2.RestoreResponse]:
    """Restore, without the time that late deliveries are waited for, and return all that is told."""
    caller.shortener._restoration._settle_seconds = 0
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
        if kind == b"hash":
            found[key] = await redis.hgetall(key)
        elif any(part in key for part in (b":t:", b":secret", b":shards", b":links")):
            found[key] = await redis.get(key)
    return found


async def links_held(redis: Redis) -> int:
    """Return how many links the store holds."""
    return sum([await redis.hlen(key) async for key in redis.scan_iter(match="*:l:*")])


async def update(caller: Caller, link_id: str, **fields: Any) -> link_pb2.Link:
    """Change a link of the shop."""
    request = link_service_pb2.UpdateLinkRequest(
        business_id=BUSINESS,
        id=link_id,
        link=link_service_pb2.LinkChange(**fields),
        update_mask=FieldMask(paths=list(fields)),
    )
    return (await caller.links.UpdateLink(request, timeout=SECONDS)).link
