"""Decides which events are new: by their ids, and by the actions that an order has once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from common.errors import FaultType, field_fault
from tracking_service.events.event import Draft, EventKey, Once, Receipt, Status
from tracking_service.events.queries import QUERIES
from tracking_service.postgres.arrays import columns, packed_columns

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row

ONCE = ("business_id", "object_id", "action", "is_private")
# Of one step of an order; two visitors' words already contradict each other.
RETELLINGS_LIMIT = 10

Verdicts = dict[int, Receipt]
"""Receipts, by the drafts' numbers in the batch; what has none yet is new."""
_CONFLICT = field_fault("id", "was used for another event.", FaultType.CONFLICT)


async def take_keys(connection: "Connection", drafts: Sequence[Draft]) -> Verdicts:
    """Take the ids of drafts that are new, and return receipts for those that are not.

    The first statement of their transaction: of two at once, the second waits here for the first.
    """
    sent = packed_columns(drafts, "business_id", "id", "received_at", "fingerprint")
    had = {EventKey(**row) for row in await connection.fetch(QUERIES.take_keys, *sent)}
    if not had:
        return {}
    known = {number: draft for number, draft in enumerate(drafts) if draft.identity in had}
    rows = await connection.fetch(QUERIES.find_keys, *columns(known.values(), "business_id", "id"))
    found = {EventKey(row["business_id"], row["id"]): row for row in rows}
    return {number: _compared(draft, found[draft.identity]) for number, draft in known.items()}


async def take_order_actions(connection: "Connection", drafts: Sequence[Draft], verdicts: Verdicts) -> list[int]:
    """Take the actions that orders have once; drafts that come too late get receipts, and their ids the first event.

    Returns those of the latter that are kept all the same: what pages say of what earns, perhaps another visitor's.
    """
    wanting = {number: once for number, draft in enumerate(drafts) if number not in verdicts and (once := draft.once)}
    told = await _told_otherwise(connection, {number: drafts[number] for number in wanting})
    wanting = {number: once for number, once in wanting.items() if number not in told}
    verdicts |= told
    if not wanting:
        return []
    sent = columns(
        [drafts[number] for number in wanting], "business_id", "object_id", "action", "is_private", "id", "received_at"
    )
    taken = {Once(**row) for row in await connection.fetch(QUERIES.take_order_actions, *sent)}
    late = {number: once for number, once in wanting.items() if once not in taken}
    if not late:
        return []
    rows = await connection.fetch(QUERIES.find_order_actions, *columns(late.values(), *ONCE))
    first = {_once_in(row): row["event_id"] for row in rows}
    for number, once in late.items():
        verdicts[number] = Receipt(Status.DUPLICATE, first[once], drafts[number].key)
    pointed = columns([drafts[number] for number in late], "business_id", "id")
    await connection.execute(QUERIES.point_keys, *pointed, [first[once] for once in late.values()])
    return await _take_retellings(connection, {number: drafts[number] for number in late if drafts[number].may_retell})


async def _told_otherwise(connection: "Connection", drafts: Mapping[int, Draft]) -> Verdicts:
    """Return receipts for what private tokens tell, and one had told by another reference of the same order."""
    private = {number: draft for number, draft in drafts.items() if draft.is_private}
    if not private:
        return {}
    sent = columns(private.values(), "business_id", "id", "object_id", "action", "received_at", "has_amount")
    rows = await connection.fetch(QUERIES.find_other_tellings, *sent)
    if not rows:
        return {}
    await connection.execute(
        QUERIES.point_keys, *([row[name] for row in rows] for name in ("business_id", "id", "event_id"))
    )
    first = {EventKey(row["business_id"], row["id"]): row["event_id"] for row in rows}
    return {
        number: Receipt(Status.DUPLICATE, first[draft.identity], draft.key)
        for number, draft in private.items()
        if draft.identity in first
    }


async def _take_retellings(connection: "Connection", drafts: Mapping[int, Draft]) -> list[int]:
    """Take what pages tell once more in sessions of their own, and return it."""
    if not drafts:
        return []
    sent = columns(drafts.values(), "business_id", "object_id", "action", "session", "id", "received_at")
    taken = {EventKey(**row) for row in await connection.fetch(QUERIES.take_retellings, *sent, RETELLINGS_LIMIT)}
    return [number for number, draft in drafts.items() if draft.identity in taken]


async def give_back(connection: "Connection", refused: Iterable[Draft]) -> None:
    """Leave nothing of drafts that were refused after all."""
    refused = list(refused)
    if not refused:
        return
    await connection.execute(QUERIES.give_keys_back, *columns(refused, "business_id", "id"))
    once = [draft.once for draft in refused if draft.once is not None]
    if once:
        await connection.execute(QUERIES.give_order_actions_back, *columns(once, *ONCE))


def _once_in(row: "Row") -> Once:
    return Once(row["business_id"], row["object_id"], row["action"], row["is_private"])


def _compared(draft: Draft, known: "Row") -> Receipt:
    if known["fingerprint"] == draft.fingerprint:
        return Receipt(Status.DUPLICATE, known["event_id"], draft.key)
    return Receipt(Status.CONFLICT, None, draft.key, (_CONFLICT,))
