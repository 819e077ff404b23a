"""Deliveries of platforms, and what becomes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from common.errors import ClicktrailError, Reason, not_found, unauthenticated
from tracking_service.platforms.generic_mapping import GenericMapping
from tracking_service.platforms.platform import Shop


class Outcome(StrEnum):
    """What became of a delivery."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    REFUSED = "refused"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Hook:
    """A connection as its deliveries are judged; secrets are encrypted, and the one before counts until a time.

    secret is empty as long as there is none: then nothing proves anything.
    """

    id: str
    business_id: str
    platform: str
    source: str
    mapping: str | None
    secret: bytes
    is_enabled: bool
    country: str
    previous_secret: bytes | None = None
    previous_until: datetime | None = None

    def secrets(self, at: datetime) -> Sequence[bytes]:
        """Return the secrets that count at a time."""
        if not self.secret:
            return ()
        if self.previous_secret is None or self.previous_until is None or self.previous_until <= at:
            return (self.secret,)
        return self.secret, self.previous_secret


@dataclass(frozen=True, slots=True)
class PlatformDelivery:
    """A delivery as it came; headers and query are JSON objects, people hashes of who is told of in it.

    attempts tells how often a worker has taken it.
    """

    id: UUID
    business_id: str
    connection_id: str
    received_at: datetime
    topic: str
    headers: str
    query: str
    body: bytes
    people: Sequence[bytes]
    attempts: int = 0


class Settled(NamedTuple):
    """What became of a delivery: the events that it is, and why it is none."""

    outcome: Outcome
    events: list[UUID]
    reason: str | None


class SilentConnection(NamedTuple):
    """A connection from which nothing comes any more."""

    id: str
    business_id: str
    platform: str
    name: str | None
    last_delivery_at: datetime


class ListedDelivery(NamedTuple):
    """A delivery without what was in it."""

    id: UUID
    received_at: datetime
    topic: str
    outcome: str
    events: list[UUID]
    reason: str | None


def unknown_hook() -> ClicktrailError:
    """Return the error for a hook that there is not, or that is switched off."""
    return not_found(Reason.CONNECTION_UNKNOWN, "There is no such hook.")


def wrong_signature() -> ClicktrailError:
    """Return the error for what nobody proves to have sent."""
    return unauthenticated(Reason.SIGNATURE_WRONG, "The signature is wrong.")


def shop_of(hook: Hook, session_parameters: tuple[str, ...]) -> Shop:
    """Return what a mapping needs of a connection."""
    return Shop(hook.source, session_parameters, _mapping_of(hook.mapping) if hook.mapping else None)


@lru_cache(maxsize=256)
def _mapping_of(text: str) -> GenericMapping:
    """Return what a connection's mapping says, which each of its deliveries needs several times."""
    return GenericMapping.parse(text.encode())
