"""Gives what was told of orders to whom they name, where that is known to be another than their session's owner."""

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from tracking_service.attribution.queue_store import Visitor, mark_dirty
from tracking_service.identity.contacts import contact_of
from tracking_service.identity.evidence import Contact
from tracking_service.identity.rules import OrderEvidence, is_customers
from tracking_service.identity.statement_store import Proving
from tracking_service.postgres.arrays import columns
from tracking_service.reassignment.queries import QUERIES

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row


class GivenOrder(NamedTuple):
    """An order, by its own session, and whose it is, by the surrogate; is_own_person: not its session's owner."""

    order_session: str
    profile_key: int | None
    is_own_person: bool


class FormerOwner(NamedTuple):
    """A session, and whose something in it was, by the surrogate."""

    session: str
    profile_key: int


async def give_orders(
    connection: "Connection", business_id: str, proving: Proving, sessions: Collection[str], persons: Collection[int]
) -> None:
    """Decide whose orders are, of those in sessions and of persons (surrogates), and have their activities follow.

    Inside the lock of the business's identities, once sessions are whose they are.
    """
    if not sessions and not persons:
        return
    rows = await connection.fetch(QUERIES.find_told_orders, business_id, sorted(sessions), sorted(persons))
    given = [_given(row, business_id, proving.country) for row in rows]
    if not given:
        return
    wanted = columns(given, "order_session", "profile_key", "is_own_person")
    changed = await connection.fetch(QUERIES.give_orders, business_id, *wanted)
    places = {(row["session"], row[name]) for row in changed for name in ("owner_before", "profile_key")}
    await mark_dirty(connection, [Visitor(business_id, session, owner) for session, owner in places])
    former = {FormerOwner(row["session"], row["owner_before"]) for row in changed if row["owner_before"] is not None}
    if former:
        await connection.execute(QUERIES.mark_former, business_id, *columns(former, "session", "profile_key"))


def _given(row: "Row", business_id: str, country: str) -> GivenOrder:
    evidence = OrderEvidence(
        owner=row["owner"],
        customer=row["customer"],
        # Of a guest there is no id that could be held: whoever is found is so by how the guest is reached.
        is_held=row["is_held"] is not False,
        has_other=row["has_other"],
        owners_contact=contact_of(business_id, country, row["email"], row["phone"]),
        contact=Contact(row["email_hash"] or None, row["phone_hash"] or None),
    )
    is_own = row["is_placed"] and is_customers(evidence)
    return GivenOrder(row["order_session"], row["customer"] if is_own else row["owner"], is_own)
