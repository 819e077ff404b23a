"""Keeps the objects that events are about, what refunds say of their orders, and by which references those go."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from common.ids import uuid_of
from common.json_text import merged, parse
from tracking_service.attribution.credits import REFUNDED
from tracking_service.attribution.queue_store import NamedOrder, mark_orders
from tracking_service.events import ids
from tracking_service.events.event import Draft, EventObject, KeptObject
from tracking_service.events.queries import QUERIES
from tracking_service.postgres.arrays import columns

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


class ObjectKey(NamedTuple):
    """What finds an object."""

    business_id: str
    id: UUID


class BroughtObject(NamedTuple):
    """An object, the data that a batch brings of it, and when the last of that was received."""

    business_id: str
    event_object: EventObject
    data: str
    received_at: datetime


class HeldObject(NamedTuple):
    """An object that is there, locked."""

    business_id: str
    id: UUID
    data: str
    updated_at: datetime


class OrderRefund(NamedTuple):
    """A refund, and the order that it names."""

    business_id: str
    event_id: UUID
    order_id: UUID
    received_at: datetime
    said_amount: str | None


ORDER = "order"
# The version of the ids that we derive, by which an order's id is told from a reference that is a UUID too.
_OURS = 8


async def find_objects(
    connection: "Connection", wanted: Collection[ObjectKey]
) -> Mapping[str, Mapping[UUID, KeptObject]]:
    """Return the objects known among those wanted, by business and id."""
    if not wanted:
        return {}
    found: dict[str, dict[UUID, KeptObject]] = {}
    for row in await connection.fetch(QUERIES.find_objects, *columns(wanted, "business_id", "id")):
        found.setdefault(row["business_id"], {})[row["id"]] = KeptObject(row["type"], row["data"])
    return found


async def keep_objects(connection: "Connection", drafts: Iterable[Draft]) -> None:
    """Keep the data that events bring: of the same member of an object, what was received last."""
    brought = _brought(drafts)
    if not brought:
        return
    sent = columns(
        brought.values(), "business_id", "event_object.id", "event_object.type", "event_object.source",
        "event_object.reference", "data", "received_at",
    )  # fmt: skip
    added = {ObjectKey(**row) for row in await connection.fetch(QUERIES.add_objects, *sent)}
    known = [key for key in brought if key not in added]
    if known:
        rows = await connection.fetch(QUERIES.lock_objects, *columns(known, "business_id", "id"))
        held = [HeldObject(**row) for row in rows]
        changed = [_latest(one, brought[ObjectKey(one.business_id, one.id)]) for one in held]
        await connection.execute(QUERIES.change_objects, *columns(changed, "business_id", "id", "data", "updated_at"))


def _brought(drafts: Iterable[Draft]) -> dict[ObjectKey, BroughtObject]:
    brought: dict[ObjectKey, BroughtObject] = {}
    for draft in sorted(drafts, key=lambda draft: draft.received_at):
        event_object = draft.event_object
        if event_object is None or not event_object.is_new:
            continue
        key = ObjectKey(draft.business_id, event_object.id)
        data = merged(brought[key].data, event_object.data) if key in brought else event_object.data
        brought[key] = BroughtObject(draft.business_id, event_object, data, draft.received_at)
    return brought


def _latest(held: HeldObject, brought: BroughtObject) -> HeldObject:
    """Return an object with what both say together, and when the later of the two was received."""
    if held.updated_at <= brought.received_at:
        return held._replace(data=merged(held.data, brought.data), updated_at=brought.received_at)
    return held._replace(data=merged(brought.data, held.data))


def refunded_order(draft: Draft) -> UUID | None:
    """Return the object id of the order that a refund names, by its id or by its reference with the refund's source."""
    if draft.action != REFUNDED or draft.event_object is None:
        return None
    data = parse(draft.event_object.data.encode())
    order = data.get(ORDER)
    if isinstance(order, dict):
        order = order.get("id") or order.get("reference")
    named, source = ids.comparable(order), ids.comparable(data.get("source"))
    if not named:
        return None
    order_id = uuid_of(named)
    if order_id is not None and order_id.version == _OURS:
        return order_id
    return ids.object_id(draft.business_id, ORDER, source, named)


async def find_orders(connection: "Connection", wanted: Collection[ObjectKey]) -> Mapping[ObjectKey, str | None]:
    """Return the orders known among those wanted, each with the currency of its amounts, if it has one."""
    rows = await connection.fetch(QUERIES.find_orders, *columns(wanted, "business_id", "id"))
    return {ObjectKey(row["business_id"], row["id"]): row["currency"] for row in rows}


async def keep_refunds(connection: "Connection", drafts: Iterable[Draft]) -> None:
    """Keep the orders that new refunds name; one that names none, under its own id, which no order has."""
    refunds = [
        OrderRefund(
            draft.business_id, draft.id, refunded_order(draft) or draft.id, draft.received_at, draft.said_amount
        )
        for draft in drafts
        if draft.action == REFUNDED
    ]
    if refunds:
        await connection.execute(
            QUERIES.keep_refunds, *columns(refunds, "business_id", "event_id", "order_id", "received_at", "said_amount")
        )


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
    # The source, in which references are, is known of an object that was brought alone.
    if draft.aliases is None or event_object is None or not event_object.is_new:
        return
    order_id = refunded_order(draft) if draft.action == REFUNDED else event_object.id
    if order_id is None:
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
