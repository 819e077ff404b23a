"""Finds in PostgreSQL what decisions on who somebody is rest on."""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from tracking_service.identity.contacts import contact_of
from tracking_service.identity.evidence import Contact, Identity, IdentityEvidence, Naming, Statement, Strength
from tracking_service.identity.queries import QUERIES
from tracking_service.identity.rules import HolderBasis, counting, looked_at
from tracking_service.identity.statement_store import Proving
from tracking_service.postgres.arrays import columns

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row

# Statements of one session that are read: beyond, nobody is who he says.
STATEMENTS_LIMIT = 30
# Sessions of one id that are read, in the order of their names: a shop may call all of its guests alike.
SESSIONS_LIMIT = 1_000
# Of an id that does not count any more where it did: one session is enough to keep it.
ELSEWHERE_LIMIT = 100


class SessionFacts(NamedTuple):
    """Whose a session is now, and why; is_erased: that person was erased."""

    session: str
    profile_key: int | None
    is_clicked_by_recipient: bool
    is_clicked: bool
    is_erased: bool


class KeptHolder(NamedTuple):
    """Whose an id is now, and why; is_page: that is a page profile."""

    profile_key: int
    basis: HolderBasis
    is_page: bool


class Concerned(NamedTuple):
    """Ids to decide on; those of them that do not count any more where they did, and where else they are said."""

    identities: set[Identity]
    outdated: set[Identity]
    elsewhere: set[str]


async def identities_to_decide(
    connection: "Connection", business_id: str, proving: Proving, sessions: Collection[str], persons: Collection[int]
) -> Concerned:
    """Return the ids that count of those said in sessions, and those said in the sessions of recipients.

    With them those that counted before, and do not any more, since others turned out to be said earlier.
    """
    said = counting(await _said_in(connection, business_id, sessions), proving.proved_from)
    by_session = {
        session: [one for one in said if session in (one.session, one.earlier_session)] for session in sessions
    }
    looked = [one.identity for of_session in by_session.values() for one in looked_at(of_session)]
    found = {identity for identity in looked if identity is not None}
    if persons:
        rows = await connection.fetch(QUERIES.find_said_of_persons, business_id, list(persons))
        found |= {_identity(row) for row in rows}
    beyond = {one.identity for one in said if one.identity is not None} - found
    if not beyond:
        return Concerned(found, set(), set())
    outdated = set(await find_holders(connection, business_id, beyond))
    return Concerned(found | outdated, outdated, await _sessions_of(connection, business_id, outdated))


async def find_evidence(
    connection: "Connection",
    business_id: str,
    proving: Proving,
    concerned: Concerned,
    facts: Mapping[str, SessionFacts],
) -> IdentityEvidence:
    """Return what decides on ids, and on the sessions of these facts."""
    wanted = columns(sorted(concerned.identities), "source", "user_id")
    rows = await connection.fetch(QUERIES.find_speaking_sessions, business_id, *wanted, SESSIONS_LIMIT)
    speaking = {row["session"] for row in rows}
    statements = await _closed(connection, business_id, speaking | facts.keys() | concerned.elsewhere)
    known = {**facts, **await find_facts(connection, business_id, speaking - facts.keys())}
    recipients = {
        one.session: one.profile_key
        for one in known.values()
        if one.is_clicked_by_recipient and one.profile_key is not None and not one.is_erased
    }
    return IdentityEvidence(
        statements=[*statements, *await _old_claims(connection, business_id, facts)],
        namings=await _namings(connection, business_id, concerned.identities | _identities_in(statements)),
        recipients=recipients,
        claimed=await find_claimed(connection, business_id, facts),
        contacts=await _contacts(connection, business_id, proving.country, set(recipients.values())),
        proved_from=proving.proved_from,
    )


async def find_facts(connection: "Connection", business_id: str, sessions: Collection[str]) -> dict[str, SessionFacts]:
    """Return whose sessions are; unknown ones are left out."""
    if not sessions:
        return {}
    rows = await connection.fetch(QUERIES.find_session_facts, business_id, sorted(sessions))
    return {row["session"]: SessionFacts(**row) for row in rows}


async def find_claimed(connection: "Connection", business_id: str, sessions: Iterable[str]) -> dict[str, int]:
    """Return whom private tokens gave sessions to, by their surrogates."""
    rows = await connection.fetch(QUERIES.find_claimed, business_id, sorted(sessions))
    return {row["session"]: row["profile_key"] for row in rows}


async def find_holders(
    connection: "Connection", business_id: str, identities: Collection[Identity]
) -> dict[Identity, KeptHolder]:
    """Return whose ids are now."""
    wanted = columns(sorted(identities), "source", "user_id")
    rows = await connection.fetch(QUERIES.find_holders, business_id, *wanted)
    return {_identity(row): KeptHolder(row["profile_key"], HolderBasis(row["basis"]), row["is_page"]) for row in rows}


async def _sessions_of(connection: "Connection", business_id: str, identities: Collection[Identity]) -> set[str]:
    """Return sessions in which ids were said, so many of each."""
    if not identities:
        return set()
    wanted = columns(sorted(identities), "source", "user_id")
    rows = await connection.fetch(QUERIES.find_sessions_of, business_id, *wanted, ELSEWHERE_LIMIT)
    return {row["session"] for row in rows}


async def _closed(connection: "Connection", business_id: str, sessions: set[str]) -> list[Statement]:
    """Return what was said in sessions, and in those of browsers that had them before, whole."""
    statements = await _said_in(connection, business_id, sessions)
    beyond = {statement.session for statement in statements} - sessions
    return [*statements, *await _said_in(connection, business_id, beyond)]


async def _said_in(connection: "Connection", business_id: str, sessions: Collection[str]) -> list[Statement]:
    if not sessions:
        return []
    rows = await connection.fetch(QUERIES.find_said_in, business_id, sorted(sessions), STATEMENTS_LIMIT)
    return [_statement(row) for row in rows]


async def _old_claims(connection: "Connection", business_id: str, sessions: Iterable[str]) -> list[Statement]:
    rows = await connection.fetch(QUERIES.find_old_claims, business_id, sorted(sessions))
    return [Statement(row["session"], None, row["said_at"], profile_key=row["profile_key"]) for row in rows]


def _identities_in(statements: Iterable[Statement]) -> set[Identity]:
    return {one.identity for one in statements if one.identity is not None}


async def _namings(connection: "Connection", business_id: str, identities: Collection[Identity]) -> list[Naming]:
    wanted = columns(sorted(identities), "source", "user_id")
    rows = await connection.fetch(QUERIES.find_namings, business_id, *wanted)
    return [
        Naming(_identity(row), row["profile_key"], row["said_at"], row["position"], row["is_release"]) for row in rows
    ]


async def _contacts(
    connection: "Connection", business_id: str, country: str, persons: Collection[int]
) -> dict[int, Contact]:
    if not persons:
        return {}
    rows = await connection.fetch(QUERIES.find_contacts, business_id, list(persons))
    return {row["profile_key"]: contact_of(business_id, country, row["email"], row["phone"]) for row in rows}


def _identity(row: "Row") -> Identity:
    return Identity(row["source"], row["user_id"])


def _statement(row: "Row") -> Statement:
    return Statement(
        session=row["session"],
        identity=_identity(row),
        said_at=row["said_at"],
        strength=Strength(row["strength"]),
        contact=Contact(row["email_hash"] or None, row["phone_hash"] or None),
        earlier_session=row["earlier_session"] or None,
    )
