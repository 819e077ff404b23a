"""What each recipient of a campaign, journey, message or link did with it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.errors import FaultType, invalid_field
from tracking_service.counters.scopes import BUSINESS_SCOPE, Scope
from tracking_service.money import Money
from tracking_service.reports.known_scopes import KnownScopes

# Recipients that are read, and sent, in one piece.
PIECE = 500


@dataclass(frozen=True, slots=True)
class FirstVisit:
    """When a recipient clicked first, and from what."""

    clicked_at: datetime
    device: str
    browser: str
    os: str
    country: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient, the first link here, and what came of it."""

    profile: str
    name: str | None
    link: str
    first: FirstVisit | None
    clicks: int
    conversions: int
    revenue: Sequence[Money]
    taken_back: Sequence[Money]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some recipients in the order of their surrogates; last is the last one looked at, None behind the end."""

    recipients: Sequence[Recipient]
    last: int | None


class RecipientStore(Protocol):
    """Where recipients are kept. A Protocol, since the store imports what it keeps from here."""

    async def piece(self, business_id: str, scope: Scope, behind: int, limit: int) -> Piece:
        """Return the next recipients. Raises `BUSINESS_UNKNOWN`."""


class Recipients:
    """Lists recipients."""

    def __init__(self, store: RecipientStore, known_scopes: KnownScopes) -> None:
        self._store = store
        self._known_scopes = known_scopes

    async def pieces(self, business_id: str, scope: Scope) -> AsyncIterator[Sequence[Recipient]]:
        """Yield all recipients of a scope, piece by piece, each as of its own moment.

        Raises INVALID for a whole business, `BUSINESS_UNKNOWN`, `LINK_UNKNOWN`, `SCOPE_UNKNOWN`.
        """
        if scope == BUSINESS_SCOPE:
            one = "or journey, message or link is required."
            raise invalid_field("campaign", one, FaultType.PARAMETER_MISSING)
        await self._known_scopes.check(business_id, scope)
        behind: int | None = 0
        while behind is not None:
            piece = await self._store.piece(business_id, scope, behind, PIECE)
            if piece.recipients:
                yield piece.recipients
            behind = piece.last
