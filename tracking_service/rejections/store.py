"""Sets aside what was taken in and cannot be stored."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tracking_service.postgres.arrays import columns
from tracking_service.postgres.pool import Postgres
from tracking_service.profiles.profile import profile_hash
from tracking_service.profiles.store import ProfileName
from tracking_service.rejections.queries import QUERIES
from tracking_service.rejections.rejections import Rejected, Rejection, Subjects, told_by

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

__all__ = ["PostgresRejected", "Rejected", "erase_profile", "erase_sessions", "keep_rejected"]

TEXT_LENGTH = 200
REASON_LENGTH = 500


class KeptRejection(NamedTuple):
    """Something set aside as it is kept; hashes are those of the profiles that it tells of, as words."""

    business_id: str
    kind: str
    item: str
    content: bytes
    reason: str
    hashes: str
    session: str | None


class PostgresRejected:
    """What was set aside, of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def keep(self, rejected: Sequence[Rejected]) -> None:
        """Keep items with their reasons; again is the same as once."""
        await self._postgres.in_transaction(lambda connection: keep_rejected(connection, rejected))

    async def newest(self, business_id: str | None, before: int | None, limit: int) -> list[Rejection]:
        """Return what was set aside, newest first, of one business or all, perhaps only what is older than a number."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(QUERIES.find_newest, business_id, before, limit)
        return [Rejection(**row) for row in rows]


async def keep_rejected(connection: "Connection", rows: Sequence[Rejected]) -> None:
    """Keep what was rejected with its reason, each once; of people who were erased, nothing but that it came.

    Inside a transaction: who is erased at this moment is waited for.
    """
    if not rows:
        return
    told = [told_by(row) for row in rows]
    named = {
        ProfileName(_sound(row.business_id), _sound(profile))
        for row, who in zip(rows, told, strict=True)
        for profile in who.profiles
    }
    if named:
        await connection.execute(QUERIES.hold_profiles, *columns(sorted(named), "business_id", "id"))
    kept = [_kept(row, who) for row, who in zip(rows, told, strict=True)]
    await connection.execute(
        QUERIES.keep_rejected,
        *columns(kept, "business_id", "kind", "item", "content", "reason", "hashes", "session"),
    )


async def erase_profile(connection: "Connection", business_id: str, digest: bytes) -> bool:
    """Remove what names a profile, by the hash of its id, and tell whether there was anything."""
    return bool(await connection.fetchval(QUERIES.erase_profile, business_id, digest))


async def erase_sessions(connection: "Connection", business_id: str, profile_key: int) -> None:
    """Remove what happened in sessions of a person."""
    await connection.execute(QUERIES.erase_sessions, business_id, profile_key)


def _kept(rejected: Rejected, who: Subjects) -> KeptRejection:
    return KeptRejection(
        business_id=_sound(rejected.business_id),
        kind=_sound(rejected.kind),
        item=_sound(rejected.item),
        content=rejected.content,
        reason=_sound(rejected.reason, REASON_LENGTH),
        # Arrays in arrays must be of one length: here each hash is a word of a text.
        hashes=" ".join(sorted(profile_hash(profile).hex() for profile in who.profiles)),
        session=None if who.session is None else _sound(who.session),
    )


def _sound(text: str, length: int = TEXT_LENGTH) -> str:
    """Return a text that PostgreSQL takes: without a NUL, and not too long for an index, two reasons to be rejected."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()[:length]
