"""Sessions and whose they are: the use cases."""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from common.errors import ClicktrailError, FaultType, Reason, invalid, invalid_field, not_allowed, not_found
from tracking_service.identity.evidence import Identity
from tracking_service.profiles.profile import (
    attribute_faults,
    profile_id_faults,
    session_faults,
    visitor_faults,
)
from tracking_service.sessions.identity import FreshSession


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is shown, and as the shortener issued it; profile is the profile's id."""

    id: str
    profile: str | None
    link: str | None
    campaign: str | None
    journey: str | None
    message: str | None
    created_at: datetime


def as_fresh(issued: Session, profile_key: int | None) -> FreshSession:
    """Return a session that the shortener issued as evidence of whose it is; profile_key is its recipient's."""
    return FreshSession(
        link=issued.link,
        campaign=issued.campaign,
        journey=issued.journey,
        message=issued.message,
        profile_key=profile_key,
        created_at=issued.created_at,
    )


@dataclass(frozen=True, slots=True)
class SessionSighting:
    """A moment in which a session was heard of; fresh is the session as the shortener knows it, if it does."""

    business_id: str
    session: str
    received_at: datetime
    fresh: Session | None


@dataclass(frozen=True, slots=True)
class Identification:
    """That a session's visitor is somebody in the sender's system, and what came along.

    user_hash is what the shop's server proves it with, is_private that a private token says it. earlier_session is the
    one that the browser had before an address brought it this one.
    """

    identity: Identity
    name: str | None
    email: str | None
    phone: str | None
    user_hash: str | None
    earlier_session: str | None
    is_private: bool

    def is_proved(self, identity_secret: str | None) -> bool:
        """Tell whether it is more than what a page says; the secret is the business's."""
        if self.is_private or identity_secret is None or self.user_hash is None:
            return self.is_private
        expected = hmac.new(identity_secret.encode(), self.identity.user_id.encode(), "sha256").hexdigest()
        return hmac.compare_digest(expected.encode(), self.user_hash.lower().encode())


class SessionStore(Protocol):
    """Where sessions are kept. A Protocol, since the store imports what it keeps from here."""

    async def find(self, business_id: str, session: str) -> Session | None:
        """Return a session, if it is known."""

    async def is_erased(self, business_id: str, profile: str) -> bool:
        """Tell whether the person with this profile was erased."""

    async def attach(self, sighting: SessionSighting, profile: str) -> Session | None:
        """Claim a session for a profile and return it; None where it is not known."""

    async def identify(self, sighting: SessionSighting, said: Identification) -> None:
        """Keep what was said of who a session's visitor is, to be decided on."""

    async def touch(self, sighting: SessionSighting) -> None:
        """Keep a session that was heard of."""


class Sessions:
    """Reads sessions and decides, with the store, whose they are."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store

    async def session(self, business_id: str, session: str, fresh: Session | None) -> Session:
        """Return a session, also one whose click has not been delivered yet. Raises `SESSION_UNKNOWN`."""
        known = await self._store.find(business_id, session)
        if fresh is None and known is None:
            raise unknown_session()
        # The shortener remembers whose it was for as long as it remembers the session.
        if fresh is not None and fresh.profile and await self._store.is_erased(business_id, fresh.profile):
            fresh = replace(fresh, profile=None)
        if fresh is None or known is None:
            return known or fresh  # type: ignore[return-value]  # one of them is there
        return replace(fresh, profile=fresh.profile or known.profile)

    async def attach(self, sighting: SessionSighting, profile: str) -> Session:
        """Claim a session for a profile, created if it is not known, and return the session.

        Raises `SESSION_UNKNOWN`, `IDENTITY_ASSIGNED` where it is another profile's.
        """
        if not profile:
            raise invalid_field("profile", "says whose the session is.", FaultType.PARAMETER_MISSING)
        if faults := [*profile_id_faults("profile", profile)]:
            raise invalid(faults)
        found = await self._store.attach(sighting, profile)
        if found is None:
            raise unknown_session()
        return found

    async def identify(self, sighting: SessionSighting, said: Identification) -> None:
        """Say who a session's visitor is: evidence, from which it is decided soon after.

        Raises INVALID with every fault, `BUSINESS_UNKNOWN`.
        """
        faults = [
            *session_faults("session", sighting.session),
            *visitor_faults(said.identity),
            *attribute_faults(said.name, said.email, said.phone),
        ]
        if said.earlier_session:
            faults += session_faults("earlier_session", said.earlier_session)
        if faults:
            raise invalid(faults)
        await self._store.identify(sighting, said)

    async def acknowledge(self, sighting: SessionSighting) -> None:
        """Note that a page with this session is open; without a session there is nothing to note."""
        if not sighting.session:
            return
        if faults := [*session_faults("session", sighting.session)]:
            raise invalid(faults)
        await self._store.touch(sighting)


def unknown_session() -> ClicktrailError:
    """Return the error for a session that there is not."""
    return not_found(Reason.SESSION_UNKNOWN, "There is no such session.", "id")


def assigned(parameter: str, description: str) -> ClicktrailError:
    """Return the error for what belongs to another profile already."""
    return not_allowed(Reason.IDENTITY_ASSIGNED, description, parameter, FaultType.IDENTITY_ASSIGNED)
