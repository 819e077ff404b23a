"""Decide who holds an id, and whose a session is: pure, over kept evidence, and versioned.

The order in which evidence arrives, and how often, changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from tracking_service.identity.evidence import Contact, Identity, IdentityEvidence, Naming, Statement, Strength

RULES_VERSION = 2
# Of a session; who says more of them is no visitor.
IDENTITIES_LIMIT = 3


class HolderBasis(StrEnum):
    """Why an id is whose it is."""

    NAMED = "named"
    """A private token gave it to a profile."""
    RECIPIENT = "recipient"
    """It was said first in the sessions of one recipient alone."""
    PAGE = "page"
    """Only pages said it: it has a profile of its own."""


class IdentityHolder(NamedTuple):
    """Who holds an id. profile_key is None where it is the page profile of the id."""

    basis: HolderBasis
    profile_key: int | None


Owner = int | Identity | None
"""Whose a session is: a profile's by its surrogate, or that of the page profile of an id; None: nobody's."""


class Decision(NamedTuple):
    """Who holds the ids that count, and whose the sessions are that anything was said in."""

    holders: Mapping[Identity, IdentityHolder]
    owners: Mapping[str, Owner]


def decide(evidence: IdentityEvidence) -> Decision:
    """Return what follows from evidence."""
    counted = counting(evidence.statements, evidence.proved_from)
    by_session = {session: looked_at(said) for session, said in _grouped(counted, lambda said: said.session)}
    holders = _holders(evidence, counted, {identity for some in by_session.values() for identity in _ids(some)})
    said_in = {statement.session for statement in evidence.statements}
    owners = {session: _owner(session, by_session.get(session, ()), evidence, holders) for session in said_in}
    return Decision(holders, owners)


class OrderEvidence(NamedTuple):
    """Whose an order is: its session's owner and its customer by their surrogates; None: nobody's that is known.

    is_held tells that the customer is so by more than a page profile: by an id that somebody has, or as a guest is
    reached. has_other tells that the owner has another id of the same source. Both contacts are as hashes.
    """

    owner: int | None
    customer: int | None
    is_held: bool
    has_other: bool
    owners_contact: Contact
    contact: Contact


def is_customers(order: OrderEvidence) -> bool:
    """Tell whether an order is its customer's, known to be another than its session's owner; else it is the owner's.

    Who ordered is proved, and not that the session is that person's: a link may have been forwarded.
    """
    if order.owner is None:
        return order.customer is not None
    if order.customer == order.owner:
        return False
    is_another = order.customer is not None and (order.is_held or order.has_other)
    return is_another or order.contact.differs_from(order.owners_contact)


def looked_at(statements: Iterable[Statement]) -> list[Statement]:
    """Return what is looked at of one session's statements, the first first: those with its first three ids.

    What is proved comes before what is not.
    """
    found: list[Statement] = []
    known: set[Identity | None] = set()
    for statement in sorted(set(statements), key=_rank):
        known.add(statement.identity)
        if len(known - {None}) > IDENTITIES_LIMIT:
            break
        found.append(statement)
    return found


def counting(statements: Iterable[Statement], proved_from: datetime | None) -> list[Statement]:
    """Return the statements that are more than evidence: all, or with an identity secret those that are proved."""
    return [
        said
        for said in statements
        if proved_from is None or said.strength is not Strength.PAGE or said.said_at < proved_from
    ]


def _rank(statement: Statement) -> tuple[object, ...]:
    """Order statements of one session; all that tells them apart is in it, so that no other order remains."""
    identity = statement.identity or Identity("", "")
    return (
        statement.strength is not Strength.PROVED,
        statement.said_at,
        identity,
        statement.strength,
        statement.contact.email_hash or b"",
        statement.contact.phone_hash or b"",
        statement.earlier_session or "",
        statement.profile_key or 0,
    )


def _holders(
    evidence: IdentityEvidence, counted: Sequence[Statement], said: Iterable[Identity]
) -> dict[Identity, IdentityHolder]:
    namings = dict(_latest(evidence.namings))
    candidates = _candidates(evidence, counted, namings)
    named = {identity for identity, naming in namings.items() if not naming.is_release}
    return {
        identity: _holder(namings.get(identity), candidates.get(identity, []), evidence)
        for identity in named.union(said)
    }


def _latest(namings: Iterable[Naming]) -> Iterator[tuple[Identity, Naming]]:
    """Yield the word that holds of each id, the last one."""
    for naming in sorted(namings, key=lambda naming: (naming.said_at, naming.position)):
        yield naming.identity, naming


def _candidates(
    evidence: IdentityEvidence, counted: Sequence[Statement], namings: Mapping[Identity, Naming]
) -> dict[Identity, list[tuple[int, Statement]]]:
    """Return the recipients in whose sessions an id was the first said of its source, with the statements there."""
    places = _earlier_places(evidence, counted)

    def spoken_in(statement: Statement) -> str:
        return places.get((statement.session, statement.identity), statement.session)

    found: dict[Identity, list[tuple[int, Statement]]] = {}
    for session, said in _grouped(counted, spoken_in):
        recipient = evidence.recipients.get(session)
        if recipient is None:
            continue
        own = [one for one in said if not _is_anothers(one, recipient, evidence, namings)]
        for statement in _firsts_of_sources(looked_at(own)):
            if statement.identity is not None:
                found.setdefault(statement.identity, []).append((recipient, statement))
    return found


def _is_anothers(
    said: Statement, recipient: int, evidence: IdentityEvidence, namings: Mapping[Identity, Naming]
) -> bool:
    """Tell whether a platform names a customer in a recipient's session who is known to be another.

    Then a link was forwarded, and nothing is said of the recipient.
    """
    if said.strength is not Strength.PLATFORM or said.identity is None:
        return False
    naming = namings.get(said.identity)
    is_named = naming is not None and not naming.is_release and naming.profile_key != recipient
    return is_named or said.contact.differs_from(evidence.contacts.get(recipient, Contact()))


def _earlier_places(evidence: IdentityEvidence, counted: Sequence[Statement]) -> dict[tuple[str, Identity | None], str]:
    """Return where an id was said in a session, and the browser had a recipient's session before: that one.

    A browser that had a recipient's session is that recipient's, whatever addresses it opens.
    """
    found: dict[tuple[str, Identity | None], str] = {}
    for statement in sorted(counted, key=_rank):
        earlier = statement.earlier_session
        if earlier is not None and earlier in evidence.recipients:
            found.setdefault((statement.session, statement.identity), earlier)
    return found


def _firsts_of_sources(statements: Sequence[Statement]) -> Iterator[Statement]:
    """Yield the statements whose id is the first of its source."""
    first: dict[str, Identity] = {}
    for statement in statements:
        identity = statement.identity
        if identity is not None and first.setdefault(identity.source, identity) == identity:
            yield statement


def _holder(
    naming: Naming | None, candidates: Sequence[tuple[int, Statement]], evidence: IdentityEvidence
) -> IdentityHolder:
    if naming is not None and not naming.is_release:
        return IdentityHolder(HolderBasis.NAMED, naming.profile_key)
    # What has less behind it says nothing against what has more.
    strongest = max((said.strength.rank for _, said in candidates), default=0)
    candidates = [pair for pair in candidates if pair[1].strength.rank == strongest]
    recipients = {recipient for recipient, _ in candidates}
    if len(recipients) == 1:
        (recipient,) = recipients
        is_released = naming is not None and naming.profile_key == recipient
        contact = evidence.contacts.get(recipient, Contact())
        if not is_released and not any(said.contact.differs_from(contact) for _, said in candidates):
            return IdentityHolder(HolderBasis.RECIPIENT, recipient)
    return IdentityHolder(HolderBasis.PAGE, None)


def _owner(
    session: str, said: Sequence[Statement], evidence: IdentityEvidence, holders: Mapping[Identity, IdentityHolder]
) -> Owner:
    for owners in (evidence.recipients, evidence.claimed):
        if session in owners:
            return owners[session]
    if not said:
        return None
    first = said[0]
    if first.identity is None:
        return first.profile_key
    key = holders[first.identity].profile_key
    return first.identity if key is None else key


def _ids(statements: Iterable[Statement]) -> set[Identity]:
    return {statement.identity for statement in statements if statement.identity is not None}


def _grouped(
    statements: Iterable[Statement], session_of: Callable[[Statement], str]
) -> Iterable[tuple[str, list[Statement]]]:
    found: dict[str, list[Statement]] = {}
    for statement in statements:
        found.setdefault(session_of(statement), []).append(statement)
    return found.items()
