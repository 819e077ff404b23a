"""Keeps what is said of who somebody is in PostgreSQL, and marks what is to be decided on again."""

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from tracking_service.identity.evidence import Identity, Naming, Strength
from tracking_service.identity.queries import QUERIES
from tracking_service.postgres.arrays import columns

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


class Proving(NamedTuple):
    """What a business proves ids with, since when, and the country of its phone numbers (ISO 3166)."""

    identity_secret: str | None
    proved_from: datetime | None
    country: str


class KeptStatement(NamedTuple):
    """A statement as it is kept: hashes are empty where nothing was said; what was said of the person beside it."""

    business_id: str
    session: str
    source: str
    user_id: str
    strength: Strength
    email_hash: bytes
    phone_hash: bytes
    earlier_session: str
    said_at: datetime
    name: str | None
    email: str | None
    phone: str | None

    @property
    def identity_hash(self) -> bytes:
        """Return what is remembered of the id once its person is erased."""
        return identity_hash(Identity(self.source, self.user_id))


class FormerHolder(NamedTuple):
    """An id, and whose it was; None: nobody's."""

    source: str
    user_id: str
    profile_key: int | None


def identity_hash(identity: Identity) -> bytes:
    """Return what is remembered of an id once its person is erased: a SHA-256, which SQL makes likewise."""
    return hashlib.sha256(f"\x01{identity.source}\x01{identity.user_id}".encode()).digest()


async def find_proving(connection: "Connection", business_id: str) -> Proving | None:
    """Return what a business proves ids with; None: there is no such business."""
    row = await connection.fetchrow(QUERIES.find_proving, business_id)
    return None if row is None else Proving(**row)


async def keep_statements(connection: "Connection", statements: Collection[KeptStatement]) -> None:
    """Keep statements, and mark their sessions; of erased people nothing. Their sessions must be locked."""
    if statements:
        await connection.execute(
            QUERIES.keep_statements,
            *columns(
                statements, "business_id", "session", "source", "user_id", "strength", "email_hash", "phone_hash",
                "earlier_session", "said_at", "name", "email", "phone", "identity_hash",
            ),
        )  # fmt: skip


async def keep_namings(connection: "Connection", business_id: str, namings: Collection[Naming]) -> None:
    """Keep that a private token gave ids to a profile, or took them from it; the database gives their positions."""
    if namings:
        said = columns(namings, "identity.source", "identity.user_id", "profile_key", "is_release", "said_at")
        await connection.execute(QUERIES.keep_namings, business_id, *said)


async def mark_identities(connection: "Connection", business_id: str, holders: Iterable[FormerHolder]) -> None:
    """Have ids decided on again, and all sessions where they were said."""
    marked = list(holders)
    if marked:
        await connection.execute(
            QUERIES.mark_identities, business_id, *columns(marked, "source", "user_id", "profile_key")
        )


async def mark_persons_identities(connection: "Connection", business_id: str, profile_key: int) -> None:
    """Have the ids said in a recipient's sessions decided on again, since contact data changed."""
    await connection.execute(QUERIES.mark_persons_identities, business_id, profile_key)
