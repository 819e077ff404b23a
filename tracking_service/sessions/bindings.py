"""Which session an order is in that a platform tells: named with it, or bound to its checkout or cart."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from clicktrail.tracking.v1 import session_service_pb2 as pb
from common.errors import Fault, FaultType, field_fault, invalid
from common.field_rules import NOBODYS_ID, NOBODYS_IDS, rules
from tracking_service.profiles.profile import ORDER_SESSION_PREFIX, session_faults
from tracking_service.sessions.sessions import SessionSighting

# Tokens of one session: checkouts and carts of one visit, with room. Beyond, what a page says changes nothing.
TOKENS_LIMIT = 20
# What one event of an order may bring of each kind.
CLUES_LIMIT = 10

SOURCE_RULES = rules(pb.BindTokenRequest, "source")
TOKEN_RULES = rules(pb.BindTokenRequest, "token")


class OrderSession(NamedTuple):
    """The session that is an order's own: it is in that as long as none of a visit is told."""

    business_id: str
    order_session: str


class OrderClue(NamedTuple):
    """What tells the session of an order: the session, or the hash of a token. The lowest rank counts."""

    business_id: str
    order_session: str
    session: str
    token_hash: bytes
    rank: int
    said_at: datetime


class ToldOrder(NamedTuple):
    """An order that names who ordered, its session, and how that person can be reached, as hashes; empty: not told."""

    business_id: str
    order_session: str
    session: str
    email_hash: bytes
    phone_hash: bytes
    said_at: datetime
    identity_hash: bytes
    """Of who ordered; empty for a guest."""
    id: UUID
    """The event that tells it."""
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Binding:
    """That a checkout or cart belongs to a session."""

    source: str
    token: str

    @property
    def token_hash(self) -> bytes:
        """Return what is kept of it."""
        return token_hash(self.source, self.token)


class BindingStore(Protocol):
    """Where bindings are kept. A Protocol, since the store imports what it keeps from here."""

    async def bind(self, sighting: SessionSighting, token_hash: bytes) -> None:
        """Keep that a token belongs to a session, and have the orders that were told with it follow."""


class Bindings:
    """Takes in what pages say of their checkouts."""

    def __init__(self, store: BindingStore) -> None:
        self._store = store

    async def bind(self, sighting: SessionSighting, binding: Binding) -> None:
        """Keep that a checkout or cart belongs to a session. Raises INVALID with every fault, `BUSINESS_UNKNOWN`."""
        if faults := [*session_faults("session", sighting.session), *binding_faults(binding)]:
            raise invalid(faults)
        await self._store.bind(sighting, binding.token_hash)


def binding_faults(binding: Binding) -> Iterator[Fault]:
    """Yield what is wrong with a binding."""
    if not binding.source:
        yield field_fault("source", "is missing.", FaultType.PARAMETER_MISSING)
    elif len(binding.source) > SOURCE_RULES.max_length:
        yield field_fault("source", f"must be at most {SOURCE_RULES.max_length} characters.")
    if not binding.token:
        yield field_fault("token", "is missing.", FaultType.PARAMETER_MISSING)
    elif binding.token in NOBODYS_IDS:
        yield field_fault("token", NOBODYS_ID)
    elif not TOKEN_RULES.min_length <= len(binding.token) <= TOKEN_RULES.max_length:
        yield field_fault("token", f"must have {TOKEN_RULES.min_length} to {TOKEN_RULES.max_length} characters.")


def token_hash(source: str, token: str) -> bytes:
    """Return what is kept of a token; its source stands before it, so that no two platforms share one."""
    return hashlib.sha256(f"{source.strip().lower()}\0{token}".encode()).digest()


def order_session(order_id: UUID) -> str:
    """Return the session that is an order's own, by the order's object id, which is derived from its reference."""
    return ORDER_SESSION_PREFIX + order_id.hex


def order_session_beside(order_id: UUID, *parts: str) -> str:
    """Return another one of the same order, for what a private token tells of it in a session that it names itself."""
    told = "\0".join((order_id.hex, *parts))
    return ORDER_SESSION_PREFIX + hashlib.sha256(told.encode()).hexdigest()[:40]
