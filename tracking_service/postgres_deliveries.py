"""Keeps a delivery in one transaction."""

from typing import TYPE_CHECKING

from common.clock import now
from tracking_service.deliveries import Delivery, Novelty
from tracking_service.postgres import Postgres, columns
from tracking_service.postgres_clicks import keep_clicks
from tracking_service.postgres_identity import recipient_keys
from tracking_service.postgres_link_copies import keep_links
from tracking_service.postgres_partitions import CLICKS, Partitions
from tracking_service.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres import Connection

QUERIES = load("deliveries")


class PostgresDeliveries:
    """Everything that the outbox delivers."""

    def __init__(self, postgres: Postgres, partitions: Partitions) -> None:
        self._postgres = postgres
        self._partitions = partitions

    async def take(self, delivery: Delivery) -> Novelty:
        """Keep what is new, and count it, or keep nothing of it."""
        await self._partitions.cover(CLICKS, (click.clicked_at for click in delivery.clicks))
        return await self._postgres.in_transaction(lambda connection: _take(connection, delivery))


async def _take(connection: "Connection", delivery: Delivery) -> Novelty:
    wanted = {
        (item.business_id, item.profile)
        for items in (delivery.clicks, delivery.links)
        for item in items
        if item.profile is not None
    }
    keys = await recipient_keys(connection, list(wanted), now())
    new_links = await keep_links(connection, delivery.links, keys)
    if delivery.sessions:
        issued = [(session.business_id, session.id, session.created_at) for session in delivery.sessions]
        await connection.execute(QUERIES.keep_issued_sessions, *columns(issued))
    new_clicks = await keep_clicks(connection, delivery.clicks, keys)
    return Novelty(new_clicks, new_links)
