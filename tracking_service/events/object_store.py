"""Keeps the objects that events are about, and what refunds say of their orders."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from common.ids import uuid_of
from common.json_text import Number, merged, parse
from tracking_service.attribution.credits import REFUNDED
from tracking_service.events import ids
from tracking_service.events.event import Draft, Thing, ThingKept
from tracking_service.postgres.arrays import columns
from tracking_service.postgres.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

QUERIES = load(__package__)

ThingKey = tuple[str, UUID]
"""Business and object."""
Brought = dict[ThingKey, tuple[Thing, str, datetime]]
"""Objects, the data that a batch brings of each, and when the last of it was received."""

ORDER = "order"
# The version of the ids that we derive, by which an order's id is told from a reference that is a UUID too.
_OURS = 8


async def find_things(connection: "Connection", wanted: Sequence[ThingKey]) -> Mapping[str, Mapping[UUID, ThingKept]]:
    """Return the objects known among those wanted, by business and id."""
    if not wanted:
        return {}
    found: dict[str, dict[UUID, ThingKept]] = {}
    for row in await connection.fetch(QUERIES.find_objects, *columns(wanted)):
        found.setdefault(row["business_id"], {})[row["id"]] = ThingKept(row["type"], row["data"])
    return found


async def keep_things(connection: "Connection", drafts: Iterable[Draft]) -> None:
    """Keep the data that events bring: of the same member of an object, what was received last."""
    brought = _brought(drafts)
    if not brought:
        return
    rows = [
        (*key, thing.type, thing.source, thing.reference, data, received_at)
        for key, (thing, data, received_at) in brought.items()
    ]
    added = {tuple(row) for row in await connection.fetch(QUERIES.add_objects, *columns(rows))}
    known = [key for key in brought if key not in added]
    if known:
        held = await connection.fetch(QUERIES.lock_objects, *columns(known))
        changed = [
            (business_id, thing_id, *_latest((data, updated_at), brought[business_id, thing_id][1:]))
            for business_id, thing_id, data, updated_at in held
        ]
        await connection.execute(QUERIES.change_objects, *columns(changed))


def _brought(drafts: Iterable[Draft]) -> Brought:
    brought: Brought = {}
    for draft in sorted(drafts, key=lambda draft: draft.received_at):
        thing = draft.thing
        if thing is None or not thing.is_new:
            continue
        key = (draft.business_id, thing.id)
        data = merged(brought[key][1], thing.data) if key in brought else thing.data
        brought[key] = (thing, data, draft.received_at)
    return brought


def _latest(known: tuple[str, datetime], brought: tuple[str, datetime]) -> tuple[str, datetime]:
    """Return what both say together, and when the later of the two was received."""
    earlier, later = (known, brought) if known[1] <= brought[1] else (brought, known)
    return merged(earlier[0], later[0]), later[1]


def refunded_order(draft: Draft) -> UUID | None:
    """Return the object id of the order that a refund names, by its id or by its reference with the refund's source."""
    if draft.action != REFUNDED or draft.thing is None:
        return None
    data = parse(draft.thing.data.encode())
    named, source = _text(data.get(ORDER)), _text(data.get("source"))
    if not named:
        return None
    order_id = uuid_of(named)
    if order_id is not None and order_id.version == _OURS:
        return order_id
    return ids.object_id(draft.business_id, ORDER, source, named)


def _text(value: object) -> str:
    if isinstance(value, Number):
        return value.text
    return value if isinstance(value, str) and value.strip() else ""


async def keep_refunds(connection: "Connection", drafts: Iterable[Draft]) -> None:
    """Keep the orders that new refunds name."""
    rows = [
        (*draft.identity, order_id, draft.received_at)
        for draft in drafts
        if (order_id := refunded_order(draft)) is not None
    ]
    if rows:
        await connection.execute(QUERIES.keep_refunds, *columns(rows))
