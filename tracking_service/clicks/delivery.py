"""What the shortener's outbox delivers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tracking_service.counters.breakdowns import HUMAN
from tracking_service.links.link_copy import LinkCopy
from tracking_service.rejections.rejections import CLICK, LINK, SESSION, Rejected, Serializable


class Click(NamedTuple):
    """One hit on a short link; verdict is "human", "preview", "bot" and so on. What is None there is not."""

    business_id: str
    clicked_at: datetime
    id: UUID
    link: str
    template: str
    campaign: str | None
    journey: str | None
    message: str | None
    profile: str | None
    session: str | None
    link_created_at: datetime
    verdict: str
    verdict_reason: str
    rules_version: int
    host: str
    query: str
    address: str
    user_agent: str
    referrer: str
    accept_language: str
    source: str
    sent: Serializable | None = None

    @property
    def is_human(self) -> bool:
        """Whether it counts as a click."""
        return self.verdict == HUMAN

    @property
    def key(self) -> tuple[str, datetime, UUID]:
        """Return what makes it the same click, however often it is delivered."""
        return self.business_id, self.clicked_at, self.id


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """A session issued without a click."""

    business_id: str
    id: str
    created_at: datetime
    sent: Serializable | None = field(default=None, compare=False, repr=False)


Item = Click | LinkCopy | IssuedSession
"""One item of a delivery; `sent` is the message as it was delivered, to be kept where the rest cannot be."""
KINDS = {Click: CLICK, LinkCopy: LINK, IssuedSession: SESSION}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A piece of an outbox, in no order; anything in it may have been delivered before.

    unreadable is what makes no sense, each with its reason.
    """

    clicks: Sequence[Click]
    links: Sequence[LinkCopy]
    sessions: Sequence[IssuedSession]
    unreadable: Sequence[Rejected] = ()

    @property
    def items(self) -> list[Item]:
        """Return everything in it that can be read."""
        return [*self.links, *self.sessions, *self.clicks]


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """How much of a delivery was new, and how much of it is set aside, now or before."""

    clicks: int
    links: int
    rejected: int = 0


def delivery_of(items: Iterable[Item]) -> Delivery:
    """Return the delivery of these items alone."""
    items = list(items)
    return Delivery(
        clicks=[item for item in items if isinstance(item, Click)],
        links=[item for item in items if isinstance(item, LinkCopy)],
        sessions=[item for item in items if isinstance(item, IssuedSession)],
    )


def rejected(item: Item, reason: str) -> Rejected:
    """Return an item of a delivery as it is set aside."""
    content = b"" if item.sent is None else item.sent.SerializeToString()
    return Rejected(item.business_id, KINDS[type(item)], str(item.id), content, reason)
