"""Keeps sessions, and who they were claimed by, in PostgreSQL."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from common.ids import new_uuid7
from tracking_service.accounts.store import check_business
from tracking_service.postgres.pool import Postgres
from tracking_service.profiles.profile import Attributes, Profile
from tracking_service.profiles.store import (
    ProfileName,
    add_identities,
    complete_profile,
    create_profile,
    holders,
    lock_identities,
    profile_keys,
    recipient_keys,
    was_erased,
)
from tracking_service.sessions.identity import ClaimKind, FreshSession, SessionState, SessionUse
from tracking_service.sessions.identity_store import claim_sessions
from tracking_service.sessions.queries import QUERIES
from tracking_service.sessions.sessions import Person, Session, SessionSighting, as_fresh, assigned

if TYPE_CHECKING:
    from datetime import datetime

    from tracking_service.postgres.pool import Connection


class PostgresSessions:
    """The sessions of all businesses. What it changes wakes the attribution."""

    def __init__(self, postgres: Postgres, wake: Callable[[], None]) -> None:
        self._postgres = postgres
        self._wake = wake

    async def find(self, business_id: str, session: str) -> Session | None:
        """Return a session, if it is known."""
        async with self._postgres.connection() as connection:
            return await _find(connection, business_id, session)

    async def is_erased(self, business_id: str, profile: str) -> bool:
        """Tell whether the person with this profile was erased."""
        async with self._postgres.connection() as connection:
            return await was_erased(connection, business_id, profile)

    async def attach(self, sighting: SessionSighting, profile: str) -> Session | None:
        """Claim a session for a profile, created if it is not known, and return the session; None: unknown.

        Raises `IDENTITY_ASSIGNED` where it is another profile's; then nothing has changed.
        """

        async def work(connection: "Connection") -> Session | None:
            known = await connection.fetchval(QUERIES.has_session, sighting.business_id, sighting.session)
            if not known and sighting.fresh is None:
                return None
            wanted = ProfileName(sighting.business_id, profile)
            key = (await profile_keys(connection, [wanted], sighting.received_at))[wanted]
            if await _use(connection, sighting, key, ClaimKind.ATTACHMENT) is None:
                raise assigned("profile", "The session is another profile's.")
            return await _find(connection, sighting.business_id, sighting.session)

        attached = await self._postgres.in_transaction(work)
        self._wake()
        return attached

    async def identify(self, sighting: SessionSighting, person: Person) -> str:
        """Bring session and identity together and return the profile's id.

        Raises `IDENTITY_ASSIGNED` where they are two profiles'; then nothing has changed.
        """

        async def work(connection: "Connection") -> str:
            # Before the session, as everywhere: two who wait for each other would never end.
            await lock_identities(connection, sighting.business_id, [person.identity])
            state = await _use(connection, sighting, None, ClaimKind.IDENTIFICATION)
            held = await holders(connection, sighting.business_id, [person.identity])
            key = await _person_key(connection, sighting, person, held.get(person.identity), state)
            if await _use(connection, sighting, key, ClaimKind.IDENTIFICATION) is None:
                raise assigned("session", "The session is another profile's than the identity.")
            told = Attributes(name=person.name, email=person.email, phone=person.phone)
            profile = await complete_profile(connection, sighting.business_id, key, told)
            if profile is None:
                raise assigned("session", "The session is that of a person who was erased.")
            return profile

        profile = await self._postgres.in_transaction(work)
        self._wake()
        return profile

    async def touch(self, sighting: SessionSighting) -> None:
        """Keep a session that was heard of. Raises `BUSINESS_UNKNOWN`."""

        async def work(connection: "Connection") -> None:
            await check_business(connection, sighting.business_id)
            await _use(connection, sighting, None, ClaimKind.EVENT)

        await self._postgres.in_transaction(work)


def _unnamed(at: "datetime") -> Profile:
    """Return a profile of which nothing is known yet."""
    profile_id = str(new_uuid7(at))
    return Profile(profile_id, name=None, email=None, phone=None, identities=(), metadata=None, created_at=at)


async def _person_key(
    connection: "Connection", sighting: SessionSighting, person: Person, holder: int | None, state: SessionState | None
) -> int:
    """Return the profile that has the identity; where none does, the session's or a new one gets it."""
    if holder is not None:
        return holder
    key = None if state is None else state.profile_key
    if key is None:
        key = await create_profile(connection, sighting.business_id, _unnamed(sighting.received_at))
    await add_identities(connection, sighting.business_id, key, [person.identity], sighting.received_at)
    return key


async def _use(
    connection: "Connection", sighting: SessionSighting, profile_key: int | None, kind: ClaimKind
) -> SessionState | None:
    fresh = await _fresh(connection, sighting)
    use = SessionUse(sighting.business_id, sighting.session, profile_key, kind, sighting.received_at, fresh)
    return (await claim_sessions(connection, [use]))[0]


async def _fresh(connection: "Connection", sighting: SessionSighting) -> FreshSession | None:
    issued = sighting.fresh
    if issued is None:
        return None
    return as_fresh(issued, await _recipient_key(connection, sighting, issued.profile) if issued.profile else None)


async def _recipient_key(connection: "Connection", sighting: SessionSighting, profile: str) -> int | None:
    recipient = ProfileName(sighting.business_id, profile)
    return (await recipient_keys(connection, [recipient], sighting.received_at))[recipient]


async def _find(connection: "Connection", business_id: str, session: str) -> Session | None:
    row = await connection.fetchrow(QUERIES.find_session, business_id, session)
    return None if row is None else Session(**row, message=None)
