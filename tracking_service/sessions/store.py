"""Keeps sessions, and who they were claimed by, in PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tracking_service.accounts.store import check_business, unknown_business
from tracking_service.identity.contacts import contact_of
from tracking_service.identity.evidence import Strength
from tracking_service.identity.statement_store import KeptStatement, Proving, find_proving, keep_statements
from tracking_service.postgres.pool import Postgres
from tracking_service.profiles.store import ProfileName, profile_keys, recipient_keys, was_erased
from tracking_service.sessions.identity import ClaimKind, FreshSession, SessionState, SessionUse
from tracking_service.sessions.identity_store import claim_sessions
from tracking_service.sessions.queries import QUERIES
from tracking_service.sessions.sessions import Identification, Session, SessionSighting, as_fresh, assigned

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


class PostgresSessions:
    """The sessions of all businesses. What it changes wakes the attribution, what it is told the decision on people."""

    def __init__(self, postgres: Postgres, wake: Callable[[], None], wake_identities: Callable[[], None]) -> None:
        self._postgres = postgres
        self._wake = wake
        self._wake_identities = wake_identities

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

    async def identify(self, sighting: SessionSighting, said: Identification) -> None:
        """Keep what was said of who a session's visitor is, to be decided on. Raises `BUSINESS_UNKNOWN`."""

        async def work(connection: "Connection") -> None:
            proving = await find_proving(connection, sighting.business_id)
            if proving is None:
                raise unknown_business()
            uses = [await used_by_sighting(connection, sighting, None, ClaimKind.EVENT)]
            if said.earlier_session:
                # Known from now on, so that its click, when it is delivered, has this decided again.
                uses.append(replace(uses[0], session=said.earlier_session, fresh=None))
            await claim_sessions(connection, uses)
            await keep_statements(connection, [_statement(sighting, said, proving)])

        await self._postgres.in_transaction(work)
        self._wake_identities()

    async def touch(self, sighting: SessionSighting) -> None:
        """Keep a session that was heard of. Raises `BUSINESS_UNKNOWN`."""

        async def work(connection: "Connection") -> None:
            await check_business(connection, sighting.business_id)
            await _use(connection, sighting, None, ClaimKind.EVENT)

        await self._postgres.in_transaction(work)


def _statement(sighting: SessionSighting, said: Identification, proving: Proving) -> KeptStatement:
    contact = contact_of(sighting.business_id, proving.country, said.email, said.phone)
    is_same = said.earlier_session == sighting.session
    return KeptStatement(
        business_id=sighting.business_id,
        session=sighting.session,
        source=said.identity.source,
        user_id=said.identity.user_id,
        strength=Strength.PROVED if said.is_proved(proving.identity_secret) else Strength.PAGE,
        email_hash=contact.email_hash or b"",
        phone_hash=contact.phone_hash or b"",
        earlier_session="" if is_same else said.earlier_session or "",
        said_at=sighting.received_at,
        name=said.name,
        email=said.email,
        phone=said.phone,
    )


async def _use(
    connection: "Connection", sighting: SessionSighting, profile_key: int | None, kind: ClaimKind
) -> SessionState | None:
    return (await claim_sessions(connection, [await used_by_sighting(connection, sighting, profile_key, kind)]))[0]


async def used_by_sighting(
    connection: "Connection", sighting: SessionSighting, profile_key: int | None, kind: ClaimKind
) -> SessionUse:
    """Return the use of a session that was heard of, with its recipient by the surrogate."""
    fresh = await _fresh(connection, sighting)
    return SessionUse(sighting.business_id, sighting.session, profile_key, kind, sighting.received_at, fresh)


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
