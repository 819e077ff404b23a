"""Events on their way in: as they were sent, as they are kept, and what became of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from common.errors import Fault
from common.json_text import merged
from tracking_service.attribution.credits import ORDER_EARNS_FROM, never_earns
from tracking_service.erasure.anonymisation import bare_object
from tracking_service.identity.evidence import Identity
from tracking_service.rejections.rejections import Serializable
from tracking_service.sessions.sessions import Session

# What there is one of for each event is a tuple: a frozen dataclass takes several times as long to make.


class SentEvent(NamedTuple):
    """An event in its sender's words. None, and b"" for JSON texts, is what was not sent.

    tracked_at is seconds since 1970 and microseconds, perhaps beyond any calendar.
    """

    action: str
    session: str | None = None
    profile: str | None = None
    user_parameters: Mapping[str, str] | None = None
    object: str | None = None
    object_parameters: bytes = b""
    object_type: str | None = None
    amount: str | None = None
    currency: str | None = None
    metadata: bytes = b""
    tracked_at: tuple[int, int] | None = None
    page: Mapping[str, str] | None = None
    utm_params: Mapping[str, str] | None = None
    extra: bytes = b""


class ToldCustomer(NamedTuple):
    """Who ordered, as a platform tells it; None: not told, and without an id a guest."""

    id: str | None = None
    email: str | None = None
    phone: str | None = None
    name: str | None = None


class PlatformWord(NamedTuple):
    """What a platform tells of an order beside the event: who ordered, and what tells the session, strongest first.

    aliases are other references of the order in the same source.
    """

    customer: ToldCustomer
    sessions: Sequence[str] = ()
    tokens: Sequence[str] = ()
    aliases: Sequence[str] = ()


class Submission(NamedTuple):
    """An event with what the edge knows of it; received_at as in `SentEvent.tracked_at`."""

    business_id: str
    is_private: bool
    key: str | None
    id: bytes
    received_at: tuple[int, int] | None
    event: SentEvent
    fresh_session: Session | None
    address: str
    user_agent: str
    sent: Serializable
    """As it was taken in, to be kept where the rest cannot be."""
    platform: PlatformWord | None = None
    """None: no platform tells it."""


@dataclass(frozen=True, slots=True)
class KeptObject:
    """An object that an earlier event brought; data is JSON text."""

    type: str
    data: str


@dataclass(frozen=True, slots=True)
class EventObject:
    """What an event is about. is_new tells that this event brings its data; else it only names it."""

    id: UUID
    type: str
    source: str
    reference: str | None
    data: str
    is_new: bool

    def shown(self) -> str:
        """Return the object as JSON text: its id and type, then its data, whose members of these names stay theirs."""
        return merged(f'{{"id": "{self.id}", "type": {json.dumps(self.type)}}}', self.data)


class Draft(NamedTuple):
    """An event that is right in itself; what is known already may still stand against it. JSON is text.

    visitor is what its user parameters say of who the session's visitor is; said_amount is a refund's amount as it was
    sent, where no currency was: it is in its order's. Of what a platform tells, the session is found when it is kept;
    aliases are other references of the order that it is of, None where it is of none, or no platform tells it.
    """

    business_id: str
    id: UUID
    fingerprint: bytes
    key: str | None
    is_private: bool
    received_at: datetime
    occurred_at: datetime
    tracked_at: datetime | None
    action: str
    session: str | None
    profile: str | None
    fresh_session: Session | None
    event_object: EventObject | None
    is_once: bool
    amount_minor: int | None
    currency: str | None
    said_amount: str | None
    metadata: str | None
    user_parameters: str | None
    visitor: Identity | None
    page: str | None
    url: str | None
    utm_params: str | None
    extra: str | None
    address: str
    user_agent: str
    sent: Serializable
    platform: PlatformWord | None
    aliases: tuple[str, ...] | None

    @property
    def identity(self) -> "EventKey":
        """Return what makes it the same event, however often it is sent."""
        return EventKey(self.business_id, self.id)

    @property
    def once(self) -> "Once | None":
        """Return what there is once of it: this action of this object by this class of credential; None: no limit."""
        if not self.is_once or self.event_object is None:
            return None
        return Once(self.business_id, self.event_object.id, self.action, self.is_private)

    @property
    def rival(self) -> "Once | None":
        """Return what makes it a copy where that is there: the same action as a private token tells it."""
        return None if self.once is None else self.once._replace(is_private=True)

    @property
    def may_retell(self) -> bool:
        """Whether it may earn for its order, on the word of a page that need not be the first to say so."""
        return not self.is_private and self.action in ORDER_EARNS_FROM and self.has_amount

    @property
    def has_amount(self) -> bool:
        """Whether there is an amount in it; none is of zero."""
        return bool(self.amount_minor)

    @property
    def object_id(self) -> UUID | None:
        """Return the id of what it is about."""
        return None if self.event_object is None else self.event_object.id

    @property
    def object(self) -> str | None:
        """Return what it is about, as it is shown: JSON text."""
        return None if self.event_object is None else self.event_object.shown()

    @property
    def bare_object(self) -> str | None:
        """Return what stays of that once its person is erased."""
        return None if self.event_object is None else bare_object(self.action, self.event_object.data)

    @property
    def said_source(self) -> str | None:
        """Return the system in which it says who the visitor is."""
        return None if self.visitor is None else self.visitor.source

    @property
    def said_id(self) -> str | None:
        """Return who it says the visitor is in that system."""
        return None if self.visitor is None else self.visitor.user_id

    @property
    def credential(self) -> str:
        """Return by what class of credential it was sent, as events keep it."""
        return "private" if self.is_private else "public"

    @property
    def never_earns(self) -> bool:
        """Whether it counts as an event and nothing more, whatever else is known."""
        return never_earns(self.action)


class EventKey(NamedTuple):
    """What makes an event the same one, however often it is sent."""

    business_id: str
    id: UUID


class Once(NamedTuple):
    """What there is once: an action of an object by a class of credential."""

    business_id: str
    object_id: UUID
    action: str
    is_private: bool


class Status(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"


class Receipt(NamedTuple):
    """What became of an event, and why. id is the first one's of a duplicate, and None where nothing is kept.

    is_order_known tells of a refund whether there is the order that it names; None: it is none, or that cannot be told.
    """

    status: Status
    id: UUID | None
    key: str | None
    faults: Sequence[Fault] = ()
    is_order_known: bool | None = None
