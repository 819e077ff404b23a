"""Keeps a delivery in one transaction, or piece by piece where something in it cannot be kept."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from common.clock import now
from tracking_service.click_origins import Origins
from tracking_service.counters.store import bump_versions, lock_counting
from tracking_service.deliveries import Delivery, Item, Novelty, delivery_of, rejected
from tracking_service.links.copy_store import keep_links
from tracking_service.postgres.arrays import columns
from tracking_service.postgres.bisection import ContentRefused, store_each
from tracking_service.postgres.partitions import CLICKS, Partitions
from tracking_service.postgres.pool import Postgres, content_errors
from tracking_service.postgres.queries import load
from tracking_service.postgres_clicks import keep_clicks
from tracking_service.profiles.store import recipient_keys
from tracking_service.rejections.store import PostgresRejected

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

QUERIES = load(__package__, "queries/deliveries")


class PostgresDeliveries:
    """Everything that the outbox delivers."""

    def __init__(self, postgres: Postgres, partitions: Partitions, origins: Origins) -> None:
        self._postgres = postgres
        self._partitions = partitions
        self._origins = origins
        self._rejected = PostgresRejected(postgres)

    async def take(self, delivery: Delivery) -> Novelty:
        """Keep what is new, and count it, and set aside what can never be kept."""
        await self._partitions.cover(CLICKS, (click.clicked_at for click in delivery.clicks))
        try:
            pieces = [await self._keep(delivery)]
        except ContentRefused:
            pieces = await store_each(delivery.items, self._keep_items, self._set_aside)
        if delivery.unreadable:
            await self._rejected.keep(delivery.unreadable)
            pieces.append(Novelty(0, 0, len(delivery.unreadable)))
        return Novelty(*map(sum, zip(*((piece.clicks, piece.links, piece.rejected) for piece in pieces), strict=True)))

    async def _keep(self, delivery: Delivery) -> Novelty:
        with content_errors():
            return await self._postgres.in_transaction(lambda connection: _take(connection, delivery, self._origins))

    async def _keep_items(self, items: Sequence[Item]) -> Novelty:
        return await self._keep(delivery_of(items))

    async def _set_aside(self, item: Item, reason: str) -> Novelty:
        await self._rejected.keep([rejected(item, reason)])
        return Novelty(0, 0, 1)


async def _take(connection: "Connection", delivery: Delivery, origins: Origins) -> Novelty:
    wanted = {
        (item.business_id, item.profile)
        for items in (delivery.clicks, delivery.links)
        for item in items
        if item.profile is not None
    }
    keys = await recipient_keys(connection, wanted, now())
    new_links = await keep_links(connection, delivery.links, keys)
    if delivery.clicks:  # Before any session: who has the lock may wait for one.
        await lock_counting(connection, {click.business_id for click in delivery.clicks})
    if delivery.sessions:
        issued = [(session.business_id, session.id, session.created_at) for session in delivery.sessions]
        await connection.execute(QUERIES.keep_issued_sessions, *columns(issued))
    new_clicks = await keep_clicks(connection, delivery.clicks, keys, origins)
    if new_links:  # They change how many recipients there are.
        await bump_versions(connection, {link.business_id for link in delivery.links})
    return Novelty(new_clicks, new_links)
