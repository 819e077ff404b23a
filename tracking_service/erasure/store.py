"""Erases people in PostgreSQL: at once where they are found by their id, then row by row where they left traces."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from tracking_service.attribution.credits import PURCHASE
from tracking_service.erasure.anonymisation import Erasure, anonymous_link, bare_object
from tracking_service.erasure.queries import QUERIES
from tracking_service.identity.contacts import contact_of
from tracking_service.identity.evidence import Contact, Identity
from tracking_service.identity.statement_store import identity_hash
from tracking_service.postgres.arrays import columns
from tracking_service.postgres.locks import Lock, lock_names
from tracking_service.postgres.pool import Postgres
from tracking_service.profiles.contact_store import find_person_by_contact
from tracking_service.profiles.profile import profile_hash
from tracking_service.profiles.store import lock_profile, unknown_profile, was_erased
from tracking_service.rejections.store import erase_profile, erase_sessions

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row


# Rows of one transaction: few enough that no other transaction waits long for them.
BATCH = 500
_FIRST = (datetime.min.replace(tzinfo=UTC), UUID(int=0))


class NamedPerson(NamedTuple):
    """Somebody as a system names them; an empty text is not told."""

    source: str
    user_id: str
    email: str
    phone: str


class ClearedRow(NamedTuple):
    """A click or an event of a person, when it was received, and what stays of its object."""

    at: datetime
    id: UUID
    object: str | None


class ClearedLink(NamedTuple):
    """A revision of a link, and the message in bytes without its recipient."""

    id: str
    revision: int
    link: bytes
    detached_id: str


class WantedDetachment(NamedTuple):
    """A link that its recipient is to be taken from."""

    business_id: str
    link: str


class PostgresErasure:
    """The erasures of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def erase(self, business_id: str, profile_id: str) -> Erasure | None:
        """Put a tombstone in the place of a profile; None where that was done before. Raises `PROFILE_UNKNOWN`."""

        async def work(connection: "Connection") -> Erasure | None:
            digest = profile_hash(profile_id)
            # Whoever decides meanwhile on who somebody is would give back what is taken here.
            await lock_names(connection, Lock.IDENTITIES, [business_id])
            key = await lock_profile(connection, business_id, profile_id)
            had_rejected = await erase_profile(connection, business_id, digest)
            if key is not None:
                await _erase_deliveries(connection, business_id, key)
                await connection.execute(QUERIES.erase_profile, business_id, key, digest)
                return Erasure(business_id, key)
            if had_rejected:  # All that was known of this person could not be stored.
                await connection.execute(QUERIES.remember_erased, business_id, digest)
            elif not await was_erased(connection, business_id, profile_id):
                raise unknown_profile()
            return None

        return await self._postgres.in_transaction(work)

    async def find(self, business_id: str, person: NamedPerson) -> str | None:
        """Return the profile of whom a system names: who has the id, else who alone is reached in that way."""
        async with self._postgres.connection() as connection:
            found: str | None = await connection.fetchval(
                QUERIES.find_holder, business_id, person.source, person.user_id
            )
            if found is None:
                contact = await _contact(connection, business_id, person)
                key = await find_person_by_contact(connection, business_id, contact, person.email, person.phone)
                found = await connection.fetchval(QUERIES.find_profile, business_id, key) if key is not None else None
        return found

    async def forget(self, business_id: str, person: NamedPerson) -> None:
        """Empty what platforms sent of somebody, and what orders say of how to reach them, whoever that was."""

        async def work(connection: "Connection") -> None:
            hashes = list(filter(None, await _contact(connection, business_id, person)))
            if person.user_id:
                hashes.append(identity_hash(Identity(person.source, person.user_id)))
            await connection.execute(QUERIES.erase_deliveries, business_id, hashes)
            await connection.execute(QUERIES.forget_contacts, business_id, hashes)

        await self._postgres.in_transaction(work)

    async def waiting(self, limit: int) -> list[Erasure]:
        """Return some erasures that are not through yet."""
        async with self._postgres.connection() as connection:
            return [Erasure(**row) for row in await connection.fetch(QUERIES.find_erasures, limit)]

    async def clear(self, erasure: Erasure) -> bool:
        """Take what they say of a person from all rows there are; tell whether no other row can follow.

        Rows that were written meanwhile, by transactions which knew the profile, are found by another call.
        """
        async with self._postgres.connection() as connection:
            is_last = bool(await connection.fetchval(QUERIES.note_commit, erasure.business_id, erasure.profile_key))
        await self._clear_activities(erasure)
        await self._clear_lost_rows(erasure)
        await self._clear_links(erasure)
        await self._postgres.in_transaction(
            lambda connection: erase_sessions(connection, erasure.business_id, erasure.profile_key)
        )
        async with self._postgres.connection() as connection:
            await connection.execute(QUERIES.clear_evidence, erasure.business_id, erasure.profile_key)
        if is_last:
            async with self._postgres.connection() as connection:
                await connection.execute(QUERIES.end_erasure, erasure.business_id, erasure.profile_key)
        return is_last

    async def links_to_detach(self) -> tuple[str, list[str]]:
        """Return a business and some of its links that their recipient must be taken from; no links: none waits."""
        rows = await self._postgres.in_transaction(lambda connection: connection.fetch(QUERIES.take_detachments, BATCH))
        return (rows[0]["business_id"], [row["link"] for row in rows]) if rows else ("", [])

    async def end_detachments(self, business_id: str, link_ids: Sequence[str]) -> None:
        """Note that links have no recipient any more."""
        await self._postgres.in_transaction(
            lambda connection: connection.execute(QUERIES.end_detachments, business_id, link_ids)
        )

    async def _clear_activities(self, erasure: Erasure) -> None:
        occurred_at, id_ = _FIRST

        async def work(connection: "Connection") -> Sequence["Row"]:
            rows = await connection.fetch(
                QUERIES.find_rows, erasure.business_id, erasure.profile_key, occurred_at, id_, BATCH, PURCHASE
            )
            await _clear_rows(connection, erasure.business_id, rows)
            return rows

        while len(rows := await self._postgres.in_transaction(work)) == BATCH:
            occurred_at, id_ = rows[-1]["occurred_at"], rows[-1]["id"]

    async def _clear_lost_rows(self, erasure: Erasure) -> None:
        async def work(connection: "Connection") -> int:
            rows = await connection.fetch(
                QUERIES.find_lost_rows, erasure.business_id, erasure.profile_key, BATCH, PURCHASE
            )
            await _clear_rows(connection, erasure.business_id, rows)
            return len(rows)

        while await self._postgres.in_transaction(work) == BATCH:
            pass

    async def _clear_links(self, erasure: Erasure) -> None:
        behind = ""

        async def work(connection: "Connection") -> Sequence["Row"]:
            rows: Sequence[Row] = await connection.fetch(
                QUERIES.find_links, erasure.business_id, erasure.profile_key, behind, BATCH
            )
            cleared = []
            for row in rows:
                link, stand_in = anonymous_link(row["link"])
                if link != row["link"]:
                    cleared.append(ClearedLink(row["id"], row["revision"], link, stand_in))
            if cleared:
                changed = columns(cleared, "id", "revision", "link", "detached_id")
                await connection.execute(QUERIES.clear_links, erasure.business_id, *changed)
                wanted = [WantedDetachment(erasure.business_id, link.id) for link in cleared]
                await want_detachments(connection, wanted)
            return rows

        while len(rows := await self._postgres.in_transaction(work)) == BATCH:
            behind = rows[-1]["id"]


async def _contact(connection: "Connection", business_id: str, person: NamedPerson) -> Contact:
    country = await connection.fetchval(QUERIES.find_country, business_id)
    return contact_of(business_id, country or "", person.email, person.phone)


async def _erase_deliveries(connection: "Connection", business_id: str, profile_key: int) -> None:
    """Empty what platforms sent of a person, found by the ids and contacts that are still known."""
    row = await connection.fetchrow(QUERIES.find_traces, business_id, profile_key)
    if row is not None:
        contact = contact_of(business_id, row["country"], row["email"], row["phone"])
        hashes = [*row["ids"], *filter(None, contact)]
        await connection.execute(QUERIES.erase_deliveries, business_id, hashes)


async def want_detachments(connection: "Connection", links: Collection[WantedDetachment]) -> None:
    """Have the recipient taken from links where they redirect."""
    if links:
        await connection.execute(QUERIES.want_detachments, *columns(links, "business_id", "link"))


async def _clear_rows(connection: "Connection", business_id: str, rows: Sequence["Row"]) -> None:
    if not rows:
        return
    found = [ClearedRow(row["received_at"], row["id"], bare_object(PURCHASE, row["purchased"])) for row in rows]
    # A row is a click or an event; where it is not, nothing is found.
    await connection.execute(QUERIES.clear_clicks, business_id, *columns(found, "at", "id"))
    await connection.execute(QUERIES.clear_events, business_id, *columns(found, "at", "id"))
    await connection.execute(QUERIES.clear_activities, business_id, *columns(found, "id", "object"))
