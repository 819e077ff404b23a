"""Keeps which orders refunds name, so that an order finds its refunds, whichever comes first."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tracking_service.events import Draft
from tracking_service.postgres.arrays import columns
from tracking_service.postgres.queries import load
from tracking_service.refunds import refunded_order

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

QUERIES = load(__package__, "queries/events")


async def keep_refunds(connection: "Connection", drafts: Iterable[Draft]) -> None:
    """Keep the orders that new refunds name."""
    rows = [
        (*draft.identity, order_id, draft.received_at)
        for draft in drafts
        if (order_id := refunded_order(draft)) is not None
    ]
    if rows:
        await connection.execute(QUERIES.keep_refunds, *columns(rows))
