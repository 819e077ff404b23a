"""Decides which events are new: by their ids, and by the actions that an order has once."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from common.errors import Fault, FaultType
from tracking_service.events.event import Draft, Receipt, Status
from tracking_service.postgres.arrays import columns, packed_columns
from tracking_service.postgres.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

QUERIES = load(__package__)

Verdicts = dict[int, Receipt]
"""Receipts, by the drafts' numbers in the batch; what has none yet is new."""
_CONFLICT = Fault(FaultType.CONFLICT, "id", "This id was used for another event.")


async def take_keys(connection: "Connection", drafts: Sequence[Draft]) -> Verdicts:
    """Take the ids of drafts that are new, and return receipts for those that are not.

    The first statement of their transaction: of two at once, the second waits here for the first.
    """
    rows = [(*draft.identity, draft.received_at, draft.fingerprint) for draft in drafts]
    had = {tuple(row) for row in await connection.fetch(QUERIES.take_keys, *packed_columns(rows))}
    if not had:
        return {}
    known = [number for number, draft in enumerate(drafts) if draft.identity in had]
    identities = [drafts[number].identity for number in known]
    found = {
        (row["business_id"], row["id"]): (row["event_id"], row["fingerprint"])
        for row in await connection.fetch(QUERIES.find_keys, *columns(identities))
    }
    return {number: _compared(drafts[number], *found[drafts[number].identity]) for number in known}


async def take_order_actions(connection: "Connection", drafts: Sequence[Draft], verdicts: Verdicts) -> None:
    """Take the actions that orders have once; drafts that come too late get receipts, and their ids the first event."""
    wanting = {number: once for number, draft in enumerate(drafts) if number not in verdicts and (once := draft.once)}
    if not wanting:
        return
    rows = [(*once, drafts[number].id, drafts[number].received_at) for number, once in wanting.items()]
    taken = {tuple(row) for row in await connection.fetch(QUERIES.take_order_actions, *columns(rows))}
    late = {number: once for number, once in wanting.items() if once not in taken}
    if not late:
        return
    found = await connection.fetch(QUERIES.find_order_actions, *columns(list(late.values())))
    first = {tuple(row)[:4]: row["event_id"] for row in found}
    for number, once in late.items():
        verdicts[number] = Receipt(Status.DUPLICATE, first[once], drafts[number].key)
    pointed = [(*drafts[number].identity, first[once]) for number, once in late.items()]
    await connection.execute(QUERIES.point_keys, *columns(pointed))


async def give_back(connection: "Connection", refused: Iterable[Draft]) -> None:
    """Leave nothing of drafts that were refused after all."""
    refused = list(refused)
    if not refused:
        return
    await connection.execute(QUERIES.give_keys_back, *columns([draft.identity for draft in refused]))
    once = [draft.once for draft in refused if draft.once is not None]
    if once:
        await connection.execute(QUERIES.give_order_actions_back, *columns(once))


def _compared(draft: Draft, event_id: UUID, fingerprint: bytes) -> Receipt:
    if fingerprint == draft.fingerprint:
        return Receipt(Status.DUPLICATE, event_id, draft.key)
    return Receipt(Status.CONFLICT, None, draft.key, (_CONFLICT,))
