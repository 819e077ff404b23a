"""Takes what is to be decided on who somebody is, decides, and has ids and sessions follow, in PostgreSQL."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from common.clock import now
from tracking_service.identity.evidence import Identity, IdentityEvidence
from tracking_service.identity.evidence_store import (
    Concerned,
    SessionFacts,
    find_evidence,
    find_facts,
    identities_to_decide,
)
from tracking_service.identity.rules import Decision, decide
from tracking_service.identity.statement_store import Proving, find_proving
from tracking_service.marks import KeptMark
from tracking_service.postgres.locks import Lock, lock_names
from tracking_service.postgres.pool import Postgres
from tracking_service.profiles.store import lock_identities
from tracking_service.reassignment.holder_store import HolderKeys, keep_holders
from tracking_service.reassignment.order_store import give_orders
from tracking_service.reassignment.queries import QUERIES
from tracking_service.reassignment.session_store import move_sessions

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


class Mark(NamedTuple):
    """What is to be decided again: a session or an id, with whose it was, or all ids said to one recipient."""

    business_id: str
    session: str | None
    source: str | None
    user_id: str | None
    profile_key: int | None

    @property
    def identity(self) -> Identity | None:
        """Return the id that it is about."""
        return None if self.source is None or self.user_id is None else Identity(self.source, self.user_id)

    @property
    def former(self) -> int | None:
        """Return whose the session or the id was, by the surrogate."""
        return None if self.identity is None and self.session is None else self.profile_key

    @property
    def recipient(self) -> int | None:
        """Return the recipient that it is about, by the surrogate."""
        return self.profile_key if self.identity is None and self.session is None else None


class PendingMarks(NamedTuple):
    """Whether anything is to be decided, and whether anything is to be tried again now."""

    marks: bool
    retries: bool


class PostgresReassignment:
    """Who everybody is, of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def pending(self) -> PendingMarks:
        """Tell what there is to process; another worker may be at it."""
        async with self._postgres.connection() as connection:
            (row,) = await connection.fetch(QUERIES.find_pending)
        return PendingMarks(**row)

    async def process(self, limit: int) -> int:
        """Decide on at most so many marks, and return how many there were."""
        return await self._process(QUERIES.take_marks, limit)

    async def process_one(self, mark_id: int) -> None:
        """Decide on one mark, unless another worker is at it."""
        await self._process(QUERIES.take_mark, mark_id)

    async def oldest(self, limit: int) -> list[KeptMark]:
        """Return the marks that would be processed next."""
        return await self._marks(QUERIES.find_oldest, limit)

    async def retries(self, limit: int) -> list[KeptMark]:
        """Return marks that have failed before and are to be tried again now."""
        return await self._marks(QUERIES.find_retries, limit)

    async def retry_later(self, mark_id: int, seconds: float) -> None:
        """Leave a mark alone for so long."""
        async with self._postgres.connection() as connection:
            await connection.execute(QUERIES.retry_later, mark_id, seconds)

    async def _marks(self, query: str, limit: int) -> list[KeptMark]:
        async with self._postgres.connection() as connection:
            return [KeptMark(**row) for row in await connection.fetch(query, limit)]

    async def _process(self, query: str, parameter: int) -> int:
        async def work(connection: "Connection") -> int:
            marks = [Mark(**row) for row in await connection.fetch(query, parameter)]
            businesses = sorted({mark.business_id for mark in marks})
            if businesses:
                # An id ties sessions together, so a lock for each session would not do.
                await lock_names(connection, Lock.IDENTITIES, businesses)
            for business_id in businesses:
                await _decide(connection, business_id, [mark for mark in marks if mark.business_id == business_id])
            return len(marks)

        return await self._postgres.in_transaction(work)


async def _decide(connection: "Connection", business_id: str, marks: Sequence[Mark]) -> None:
    proving = await find_proving(connection, business_id)
    if proving is None:
        return
    sessions = {mark.session for mark in marks if mark.session is not None}
    recipients = {mark.recipient for mark in marks if mark.recipient is not None}
    explicit = {mark.identity for mark in marks if mark.identity is not None}
    said = await identities_to_decide(connection, business_id, proving, sessions, recipients)
    concerned = said._replace(identities=said.identities | explicit)
    # Before sessions, as everywhere: two who wait for each other would never end.
    await lock_identities(connection, business_id, sorted(concerned.identities))
    facts = await find_facts(connection, business_id, sessions)
    evidence, decision = await _decided(connection, business_id, proving, concerned, facts)
    held = await keep_holders(connection, business_id, concerned, decision, now())
    await _fan_out(connection, business_id, held.moved | explicit, sessions)
    await move_sessions(connection, business_id, facts, evidence, _owners(decision, held))
    former = {mark.former for mark in marks if mark.former is not None}
    holders = {held.keys[identity] for identity in held.moved | explicit if identity in held.keys}
    await give_orders(connection, business_id, proving, sessions, recipients | holders | held.left)
    if gone := held.left | former:
        await connection.execute(QUERIES.drop_absorbed, business_id, sorted(gone))


async def _decided(
    connection: "Connection",
    business_id: str,
    proving: Proving,
    concerned: Concerned,
    facts: dict[str, SessionFacts],
) -> tuple[IdentityEvidence, Decision]:
    evidence = await find_evidence(connection, business_id, proving, concerned, facts)
    return evidence, decide(evidence)


def _owners(decision: Decision, held: HolderKeys) -> dict[str, int]:
    """Return the owners of sessions by their surrogates; those of nobody are left out."""
    keys = {
        session: held.keys.get(owner) if isinstance(owner, Identity) else owner
        for session, owner in decision.owners.items()
    }
    return {session: key for session, key in keys.items() if key is not None}


async def _fan_out(
    connection: "Connection", business_id: str, identities: Collection[Identity], sessions: Collection[str]
) -> None:
    """Have all other sessions decided on in which ids were said that changed hands: there may be very many."""
    if identities:
        said = sorted(identities)
        sources, user_ids = [one.source for one in said], [one.user_id for one in said]
        await connection.execute(QUERIES.mark_sessions_of, business_id, sources, user_ids, sorted(sessions))
