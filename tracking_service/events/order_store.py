"""Places orders that name who ordered in PostgreSQL: in their sessions, and with their persons."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tracking_service.counters.scopes import SessionKey
from tracking_service.events.event import Draft
from tracking_service.events.platform_word import (
    CustomerWord,
    candidate_sessions,
    clues_of,
    customer_word,
    names_customer,
    own_session,
)
from tracking_service.identity.statement_store import find_proving, keep_statements
from tracking_service.profiles.contact_store import find_person_by_contact
from tracking_service.sessions.binding_store import (
    OrderPlace,
    find_known_sessions,
    find_order_places,
    keep_clues,
    keep_told_orders,
    lock_order_sessions,
    move_orders,
    uses_of_moved,
)
from tracking_service.sessions.bindings import OrderClue, OrderSession
from tracking_service.sessions.identity import ClaimKind, SessionUse

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


@dataclass(frozen=True, slots=True)
class PlacedOrders:
    """Drafts, by their numbers in the batch, with their sessions; those that name who ordered, and what follows.

    guests are whom those are who have no id, by the surrogates.
    """

    drafts: Mapping[int, Draft]
    words: Sequence[CustomerWord]
    guests: Mapping[OrderSession, int]
    moved: Sequence[OrderPlace]
    at: datetime | None

    def uses(self) -> list[SessionUse]:
        """Return the uses of orders' own sessions, and of those that orders leave or enter."""
        own = [
            SessionUse(*word.own, self.guests.get(word.own), ClaimKind.EVENT, word.draft.received_at, None)
            for word in self.words
        ]
        return own if self.at is None else [*own, *uses_of_moved(self.moved, self.at)]

    async def keep(self, connection: "Connection", accepted: Collection[int]) -> None:
        """Keep what accepted drafts, which are kept, tell of who ordered; move what was told of their orders before."""
        ids = {(self.drafts[number].business_id, self.drafts[number].id) for number in accepted}
        words = [word for word in self.words if (word.draft.business_id, word.draft.id) in ids]
        await move_orders(connection, self.moved)
        await keep_told_orders(connection, [word.told_order for word in words])
        await keep_statements(connection, [statement for word in words for statement in word.statements()])


async def place_orders(connection: "Connection", told: Iterable[Draft], new: Mapping[int, Draft]) -> PlacedOrders:
    """Find the sessions of orders that platforms tell, and who their guests are.

    told are all drafts, also those that are known already, perhaps with other amounts: they may tell more of orders.
    """
    told = [draft for draft in told if draft.platform is not None]
    places = await _find_places(connection, told) if told else {}
    placed = {number: _in_place(draft, places) for number, draft in new.items()}
    naming = [draft for draft in placed.values() if names_customer(draft)]
    words = await _words(connection, naming) if naming else []
    moved = [place for place in places.values() if place.is_moved]
    at = min((draft.received_at for draft in told), default=None)
    return PlacedOrders(placed, words, await _find_guests(connection, words), moved, at)


def _in_place(draft: Draft, places: Mapping[OrderSession, OrderPlace]) -> Draft:
    if draft.platform is None:
        return draft
    session = places[own_session(draft)].session
    fresh = draft.fresh_session
    return draft._replace(session=session, fresh_session=fresh if fresh and fresh.id == session else None)


async def _find_places(connection: "Connection", told: Sequence[Draft]) -> Mapping[OrderSession, OrderPlace]:
    await lock_order_sessions(connection, {draft.business_id for draft in told})
    candidates = {draft.identity: candidate_sessions(draft) for draft in told}
    keys = {SessionKey(draft.business_id, one) for draft in told for one in candidates[draft.identity]}
    known = await find_known_sessions(connection, keys)
    known |= {SessionKey(draft.business_id, draft.fresh_session.id) for draft in told if draft.fresh_session}
    clues: list[OrderClue] = []
    for draft in told:
        there = [one for one in candidates[draft.identity] if SessionKey(draft.business_id, one) in known]
        clues += clues_of(draft, there)
    await keep_clues(connection, clues)
    return await find_order_places(connection, {own_session(draft) for draft in told})


async def _words(connection: "Connection", naming: Sequence[Draft]) -> list[CustomerWord]:
    countries = {}
    for business_id in {draft.business_id for draft in naming}:
        proving = await find_proving(connection, business_id)
        countries[business_id] = "" if proving is None else proving.country
    return [customer_word(draft, countries[draft.business_id]) for draft in naming]


async def _find_guests(connection: "Connection", words: Iterable[CustomerWord]) -> dict[OrderSession, int]:
    """Return whom guests are: those of whom exactly one is reached as they are."""
    guests: dict[OrderSession, int] = {}
    for word in words:
        if word.customer.id is None and word.own not in guests and any(word.contact):
            customer = word.customer
            person = await find_person_by_contact(
                connection, word.draft.business_id, word.contact, customer.email or "", customer.phone or ""
            )
            if person is not None:
                guests[word.own] = person
    return guests
