"""Sessions and whose they are: the use cases."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from common.errors import ClicktrailError, FaultType, Reason, invalid, invalid_field, not_allowed, not_found
from tracking_service.profiles.profile import (
    Identity,
    attribute_faults,
    identity_faults,
    profile_id_faults,
    session_faults,
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
class Person:
    """Who a visitor is in the sender's system, and the attributes that came along."""

    identity: Identity
    name: str | None
    email: str | None
    phone: str | None


class SessionStore(Protocol):
    """Where sessions are kept. A Protocol, since the store imports what it keeps from here."""

    async def find(self, business_id: str, session: str) -> Session | None:
        """Return a session, if it is known."""

    async def is_erased(self, business_id: str, profile: str) -> bool:
        """Tell whether the person with this profile was erased."""

    async def attach(self, sighting: SessionSighting, profile: str) -> Session | None:
        """Claim a session for a profile and return it; None where it is not known."""

    async def identify(self, sighting: SessionSighting, person: Person) -> str:
        """Bring session and identity together and return the profile's id."""

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

    async def identify(self, sighting: SessionSighting, person: Person) -> str:
        """Say who a session's visitor is and return the profile's id.

        Raises INVALID with every fault, `IDENTITY_ASSIGNED` where session and identity are two profiles'.
        """
        faults = [
            *session_faults("session", sighting.session),
            *identity_faults(person.identity),
            *attribute_faults(person.name, person.email, person.phone),
        ]
        if faults:
            raise invalid(faults)
        return await self._store.identify(sighting, person)

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
