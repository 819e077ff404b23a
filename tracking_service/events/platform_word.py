"""Orders that name who ordered: what tells their session, and what they say of the person."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tracking_service.attribution.credits import OF_ORDERS
from tracking_service.events.event import Draft, ToldCustomer
from tracking_service.events.object_store import refunded_order
from tracking_service.identity.contacts import contact_of
from tracking_service.identity.evidence import Contact, Identity, Strength
from tracking_service.identity.statement_store import KeptStatement, identity_hash
from tracking_service.profiles.profile import attribute_faults, session_faults, visitor_faults
from tracking_service.sessions.bindings import (
    CLUES_LIMIT,
    Binding,
    OrderClue,
    OrderSession,
    ToldOrder,
    binding_faults,
    order_session,
    order_session_beside,
    token_hash,
)

# A session that the platform names comes before any token.
_FIRST_TOKEN_RANK = 100


def is_of_order(draft: Draft) -> bool:
    """Tell whether it is a private token's or a platform's word of an order, which is never refused for its session."""
    return draft.is_private and draft.action in OF_ORDERS


def names_customer(draft: Draft) -> bool:
    """Tell whether it says who ordered, and not by a profile: then that is to be held against whose its session is."""
    return draft.platform is not None or (is_of_order(draft) and draft.visitor is not None and draft.profile is None)


def own_session(draft: Draft) -> OrderSession:
    """Return the order's own session, in which who ordered is said; draft names its customer.

    All steps and refunds that a platform tells of an order have one. What a private token tells has another one for
    each session that it names, since it stays in that.
    """
    order_id = refunded_order(draft) or draft.object_id or draft.id
    if draft.platform is not None:
        return OrderSession(draft.business_id, order_session(order_id))
    parts = (draft.said_source or "", draft.said_id or "", draft.session or "")
    return OrderSession(draft.business_id, order_session_beside(order_id, *parts))


def candidate_sessions(draft: Draft) -> list[str]:
    """Return the sessions that a platform names, strongest first; what can be none is passed over."""
    if draft.platform is None:
        return []
    named = dict.fromkeys([draft.session, *draft.platform.sessions])
    return [session for session in named if session is not None and not any(session_faults("session", session))]


def clues_of(draft: Draft, known: Sequence[str]) -> Iterator[OrderClue]:
    """Yield what tells the session of an order that a platform tells: known sessions, and tokens."""
    if draft.platform is None:
        return
    own, source = own_session(draft), source_of(draft)
    for rank, session in enumerate(known[:CLUES_LIMIT]):
        yield OrderClue(*own, session, b"", rank, draft.received_at)
    tokens = [token for token in draft.platform.tokens if not any(binding_faults(Binding(source, token)))]
    for rank, token in enumerate(tokens[:CLUES_LIMIT], _FIRST_TOKEN_RANK):
        yield OrderClue(*own, "", token_hash(source, token), rank, draft.received_at)


def source_of(draft: Draft) -> str:
    """Return the system that an order is of."""
    return "" if draft.event_object is None else draft.event_object.source


def customer_of(draft: Draft) -> ToldCustomer:
    """Return who ordered, without what no profile could hold; an id that nobody could have makes a guest."""
    if draft.platform is None:
        return ToldCustomer(draft.said_id)
    told = ToldCustomer(*[(text or "").replace("\0", "").strip() or None for text in draft.platform.customer])
    faulty = {fault.parameter for fault in attribute_faults(told.name, told.email, told.phone)}
    told = told._replace(**{name: None for name in ("name", "email", "phone") if name in faulty})
    return told._replace(id=None) if any(visitor_faults(Identity(source_of(draft), told.id or ""))) else told


class CustomerWord(NamedTuple):
    """Who ordered by one event's word, with what that is compared by; source is that of the id."""

    draft: Draft
    own: OrderSession
    customer: ToldCustomer
    source: str
    contact: Contact

    @property
    def told_order(self) -> ToldOrder:
        """Return what is kept of the order."""
        draft, contact = self.draft, self.contact
        return ToldOrder(
            *self.own, draft.session or self.own.order_session, contact.email_hash or b"", contact.phone_hash or b"",
            draft.received_at, self.identity_hash, draft.id, draft.received_at,
        )  # fmt: skip

    @property
    def identity_hash(self) -> bytes:
        """Return what is remembered of the customer's id once that person is erased; empty for a guest."""
        user_id = self.customer.id
        return b"" if user_id is None else identity_hash(Identity(self.source, user_id))

    def statements(self) -> Iterator[KeptStatement]:
        """Yield that the visitor of its session is this customer, and that of the order's own; of guests nothing."""
        if self.customer.id is not None:
            for session in dict.fromkeys([self.own.order_session, self.told_order.session]):
                yield KeptStatement(
                    self.draft.business_id, session, self.source, self.customer.id, Strength.PLATFORM,
                    self.contact.email_hash or b"", self.contact.phone_hash or b"", earlier_session="",
                    said_at=self.draft.received_at, name=self.customer.name, email=self.customer.email,
                    phone=self.customer.phone,
                )  # fmt: skip


def customer_word(draft: Draft, country: str) -> CustomerWord:
    """Return who ordered by an event that names its customer; country is where a phone number without a prefix is."""
    customer = customer_of(draft)
    source = source_of(draft) if draft.platform is not None else draft.said_source or ""
    contact = contact_of(draft.business_id, country, customer.email, customer.phone)
    return CustomerWord(draft, own_session(draft), customer, source, contact)
