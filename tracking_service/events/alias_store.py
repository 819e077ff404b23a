"""Keeps by which other references platforms know an order, so that whatever names one of them is of that order."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from tracking_service.attribution.credits import REFUNDED
from tracking_service.attribution.queue_store import NamedOrder, mark_orders
from tracking_service.events import ids
from tracking_service.events.event import Draft
from tracking_service.events.object_store import ORDER, ObjectKey, refunded_order
from tracking_service.events.queries import QUERIES
from tracking_service.postgres.arrays import columns

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


class Alias(NamedTuple):
    """That a reference stands for an order, both by their object ids; the same where it is the platform's own."""

    business_id: str
    alias_id: UUID
    object_id: UUID
    received_at: datetime

    @property
    def key(self) -> ObjectKey:
        """Return what there is one of."""
        return ObjectKey(self.business_id, self.alias_id)


def aliases_of(draft: Draft) -> Iterator[Alias]:
    """Yield what a platform says of the references of an event's order, its own first; nothing where none tells it."""
    event_object = draft.event_object
    order_id = refunded_order(draft) if draft.action == REFUNDED else draft.object_id
    # The source, in which references are, is known of an object that was brought alone.
    if draft.aliases is None or event_object is None or not event_object.is_new or order_id is None:
        return
    others = [ids.object_id(draft.business_id, ORDER, event_object.source, alias) for alias in draft.aliases]
    for alias_id in dict.fromkeys([order_id, *others]):
        yield Alias(draft.business_id, alias_id, order_id, draft.received_at)


async def keep_aliases(connection: "Connection", drafts: Iterable[Draft]) -> None:
    """Keep what platforms say of the references of orders, and have decided again what that puts together or apart.

    A reference that a platform names an order by is that order's, whatever else it was said to stand for; any other is
    the order's of which it was said first. So no reference stands for one that stands for a third.
    """
    said: dict[ObjectKey, Alias] = {}
    for alias in sorted(_said(drafts), key=lambda alias: alias.alias_id != alias.object_id):
        said.setdefault(alias.key, alias)
    if not said:
        return
    rows = await connection.fetch(
        QUERIES.keep_aliases, *columns(said.values(), "business_id", "alias_id", "object_id", "received_at")
    )
    concerned = {NamedOrder(row["business_id"], row["id"]) for row in rows}
    if concerned:
        # A statement of its own: it sees what those have committed for whom the one before waited.
        await mark_orders(connection, concerned)


def _said(drafts: Iterable[Draft]) -> Collection[Alias]:
    return [alias for draft in drafts for alias in aliases_of(draft)]
