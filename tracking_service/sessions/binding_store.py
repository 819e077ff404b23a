"""Keeps in PostgreSQL which sessions orders are in, and moves orders when a better one is told."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from tracking_service.accounts.store import check_business
from tracking_service.attribution.queue_store import Visitor, mark_dirty
from tracking_service.counters.scopes import SessionKey
from tracking_service.postgres.arrays import columns
from tracking_service.postgres.locks import Lock, lock_names
from tracking_service.postgres.pool import Postgres
from tracking_service.sessions.bindings import TOKENS_LIMIT, OrderClue, OrderSession, ToldOrder
from tracking_service.sessions.identity import ClaimKind, SessionUse
from tracking_service.sessions.identity_store import claim_sessions
from tracking_service.sessions.queries import QUERIES
from tracking_service.sessions.sessions import SessionSighting
from tracking_service.sessions.store import used_by_sighting

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


class OrderPlace(NamedTuple):
    """The session that an order belongs into, and the one that its events are in; None: it has none yet."""

    order: OrderSession
    session: str
    session_before: str | None

    @property
    def is_moved(self) -> bool:
        """Whether its events are to go to another session."""
        return self.session_before not in (None, self.session)


class PostgresBindings:
    """The bindings of all businesses. What they change wakes the attribution, and the decision on people."""

    def __init__(self, postgres: Postgres, wake: Callable[[], None], wake_identities: Callable[[], None]) -> None:
        self._postgres = postgres
        self._wake = wake
        self._wake_identities = wake_identities

    async def bind(self, sighting: SessionSighting, token_hash: bytes) -> None:
        """Keep that a token belongs to a session, and have the orders that were told with it follow.

        Raises `BUSINESS_UNKNOWN`.
        """

        async def work(connection: "Connection") -> bool:
            return await _bind(connection, sighting, token_hash)

        if await self._postgres.in_transaction(work):
            self._wake()
            self._wake_identities()


async def _bind(connection: "Connection", sighting: SessionSighting, token_hash: bytes) -> bool:
    """Tell whether any order has moved."""
    business_id = sighting.business_id
    await check_business(connection, business_id)
    await lock_order_sessions(connection, {business_id})
    await connection.execute(
        QUERIES.keep_binding, business_id, token_hash, sighting.session, sighting.received_at, TOKENS_LIMIT
    )
    rows = await connection.fetch(QUERIES.find_waiting_orders, business_id, token_hash)
    places = await find_order_places(connection, [OrderSession(**row) for row in rows])
    moved = [place for place in places.values() if place.is_moved]
    uses = [await used_by_sighting(connection, sighting, None, ClaimKind.EVENT)]
    await claim_sessions(connection, [*uses, *uses_of_moved(moved, sighting.received_at)])
    await move_orders(connection, moved)
    return bool(moved)


async def lock_order_sessions(connection: "Connection", businesses: Collection[str]) -> None:
    """Wait until no other transaction decides which sessions orders of these businesses are in.

    Before sessions are locked: an order and the binding of its token that meet see each other.
    """
    await lock_names(connection, Lock.ORDER_SESSIONS, businesses)


async def find_known_sessions(connection: "Connection", wanted: Collection[SessionKey]) -> set[SessionKey]:
    """Return which sessions there are."""
    if not wanted:
        return set()
    rows = await connection.fetch(QUERIES.find_known_sessions, *columns(wanted, "business_id", "session"))
    return {SessionKey(**row) for row in rows}


async def keep_clues(connection: "Connection", clues: Collection[OrderClue]) -> None:
    """Keep what tells the sessions of orders. Inside `lock_order_sessions`."""
    if clues:
        await connection.execute(
            QUERIES.keep_clues,
            *columns(clues, "business_id", "order_session", "session", "token_hash", "rank", "said_at"),
        )


async def find_order_places(
    connection: "Connection", orders: Collection[OrderSession]
) -> Mapping[OrderSession, OrderPlace]:
    """Return the sessions that orders belong into: their own where no other one is known."""
    if not orders:
        return {}
    rows = await connection.fetch(QUERIES.find_order_places, *columns(orders, "business_id", "order_session"))
    places: dict[OrderSession, OrderPlace] = {}
    for row in rows:
        order = OrderSession(row["business_id"], row["order_session"])
        places[order] = OrderPlace(order, row["session"] or order.order_session, row["session_before"])
    return places


def uses_of_moved(moved: Iterable[OrderPlace], at: datetime) -> list[SessionUse]:
    """Return the uses that lock the sessions of orders which move."""
    return [
        SessionUse(place.order.business_id, session, None, ClaimKind.EVENT, at, None)
        for place in moved
        for session in (place.order.order_session, place.session, place.session_before)
        if session is not None
    ]


async def move_orders(connection: "Connection", moved: Sequence[OrderPlace]) -> None:
    """Move orders to the sessions that they belong into, which are locked: events, activities, and what names a person.

    The visitors of both sessions are marked to have their events decided again.
    """
    for place in moved:
        business_id, before = place.order.business_id, place.session_before or ""
        told = (business_id, place.order.order_session, before, place.session)
        await connection.execute(QUERIES.move_order_evidence, *told)
        rows = await connection.fetch(QUERIES.move_order, *told)
        owners = {row[name] for row in rows for name in ("owner_before", "profile_key")} - {None}
        persons = [Visitor(business_id, None, owner) for owner in owners]
        await mark_dirty(
            connection, [Visitor(business_id, before, None), Visitor(business_id, place.session, None), *persons]
        )


async def keep_told_orders(connection: "Connection", told: Collection[ToldOrder]) -> None:
    """Keep orders that name who ordered, and by which events."""
    if told:
        await connection.execute(
            QUERIES.keep_told_orders,
            *columns(
                told, "business_id", "order_session", "session", "email_hash", "phone_hash", "said_at", "identity_hash"
            ),
        )
        await connection.execute(
            QUERIES.keep_told_order_events, *columns(told, "business_id", "order_session", "id", "received_at")
        )
