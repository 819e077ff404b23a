"""Keeps what events are about: each event adds to what is known of its object."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from common.json_text import merged
from tracking_service.events import Draft, Thing, ThingKept
from tracking_service.postgres.arrays import columns
from tracking_service.postgres.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

QUERIES = load(__package__, "queries/events")

ThingKey = tuple[str, UUID]
"""Business and object."""
Brought = dict[ThingKey, tuple[Thing, str, datetime]]
"""Objects, the data that a batch brings of each, and when the last of it was received."""


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
