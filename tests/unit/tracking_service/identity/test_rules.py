"""Who somebody is follows from the evidence, in whatever order it comes and however often."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_service.identity.evidence import Contact, Identity, IdentityEvidence, Naming, Statement, Strength
from tracking_service.identity.rules import HolderBasis, IdentityHolder, OrderEvidence, Owner, decide, is_customers

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ANA, BEN, CUSTOMER = 1, 2, 9
FIRST, SECOND, THIRD, FOURTH = (Identity("shop", user_id) for user_id in ("7", "8", "9", "10"))
ELSEWHERE = Identity("crm", "a-7")
OWN_PAGE, ANAS, BENS = (
    IdentityHolder(HolderBasis.PAGE, None),
    IdentityHolder(HolderBasis.RECIPIENT, ANA),
    IdentityHolder(HolderBasis.RECIPIENT, BEN),
)
# Sessions of clicks on links of their own; all others are free.
RECIPIENTS = {"ana-1": ANA, "ana-2": ANA, "ben-1": BEN}


def said(session: str, identity: Identity, minute: int = 0, **told: Any) -> Statement:
    """Return that a visitor is somebody, as a page says it so many minutes after the start."""
    return Statement(session, identity, AT + timedelta(minutes=minute))._replace(**told)


def named(identity: Identity, profile_key: int, minute: int = 0, *, is_release: bool = False) -> Naming:
    """Return that a private token gave an id to a profile, or took it away."""
    return Naming(identity, profile_key, AT + timedelta(minutes=minute), is_release=is_release)


def holders(*statements: Statement, **told: Any) -> dict[Identity, IdentityHolder]:
    """Return who holds what."""
    return dict(decide(IdentityEvidence(statements, recipients=RECIPIENTS, **told)).holders)


def owners(*statements: Statement, **told: Any) -> Mapping[str, Owner]:
    """Return whose the sessions are."""
    return decide(IdentityEvidence(statements, recipients=RECIPIENTS, **told)).owners


def test_a_recipient_who_logs_in_after_the_click_holds_the_id() -> None:
    """And so every free session where it is the first id said."""
    statements = [said("ana-1", FIRST), said("tablet", FIRST, 5)]
    assert holders(*statements) == {FIRST: ANAS}
    assert owners(*statements) == {"ana-1": ANA, "tablet": ANA}


def test_who_logged_in_before_the_click_becomes_the_recipient() -> None:
    """The page profile is absorbed: its sessions are the recipient's, the older ones too."""
    before = said("laptop", FIRST)
    assert (holders(before), owners(before)) == ({FIRST: OWN_PAGE}, {"laptop": FIRST})
    clicked = said("ana-1", FIRST, 60)
    assert holders(before, clicked) == {FIRST: ANAS}
    assert owners(before, clicked) == {"laptop": ANA, "ana-1": ANA}


def test_a_forwarded_message_leaves_the_session_with_its_recipient() -> None:
    """The friend who logs in there is taken for her only until he is known by his own click."""
    forwarded = said("ana-1", SECOND)
    assert holders(forwarded) == {SECOND: ANAS}
    own = said("ben-1", SECOND, 60)
    assert holders(forwarded, own) == {SECOND: OWN_PAGE}
    assert owners(forwarded, own, said("desk", SECOND, 90)) == {"ana-1": ANA, "ben-1": BEN, "desk": SECOND}


def test_a_forwarded_message_to_a_recipient_says_nothing_of_him() -> None:
    """Where the friend's browser had a session of his own click before: the id is said in that one."""
    forwarded = said("ana-1", SECOND, 10, earlier_session="ben-1")
    assert holders(forwarded) == {SECOND: BENS}
    assert holders(said("ben-1", SECOND), forwarded) == {SECOND: BENS}
    assert owners(forwarded) == {"ana-1": ANA}


def test_a_copied_address_gives_nobody_away() -> None:
    """A stranger's session in the address: who has a recipient's session already stays that recipient."""
    fixed = said("ben-1", FIRST, 10, earlier_session="ana-1")
    assert holders(fixed) == {FIRST: ANAS}
    assert holders(fixed, said("ben-1", FIRST, 11)) == {FIRST: ANAS}
    assert owners(fixed) == {"ben-1": BEN}


def test_an_earlier_session_of_nobody_stands_for_nobody() -> None:
    """An anonymous visit before the own click: the click counts."""
    assert holders(said("ana-1", FIRST, earlier_session="anonymous")) == {FIRST: ANAS}


def test_of_two_people_on_one_phone_the_first_is_the_recipient() -> None:
    """The second id of a source is not hers, nor does it leave the session; one of another source may be."""
    statements = [said("ana-1", FIRST), said("ana-1", SECOND, 5), said("ana-1", ELSEWHERE, 9)]
    assert holders(*statements) == {FIRST: ANAS, SECOND: OWN_PAGE, ELSEWHERE: ANAS}
    assert owners(*statements) == {"ana-1": ANA}


def test_an_id_claimed_in_advance_is_lost_to_its_owner() -> None:
    """To the recipient's own click it is nobody's recipient's; to the private token, the token's profile."""
    squatted = said("ben-1", FIRST)
    assert holders(squatted) == {FIRST: BENS}
    claimed = said("ana-1", FIRST, 600)
    assert holders(squatted, claimed) == {FIRST: OWN_PAGE}
    assert holders(squatted, claimed, namings=[named(FIRST, ANA, 900)]) == {
        FIRST: IdentityHolder(HolderBasis.NAMED, ANA)
    }


def test_at_most_three_ids_of_a_session_are_looked_at() -> None:
    """Those said first; the others are nobody, and have no profile."""
    many = [said("ben-1", Identity("shop", str(number)), number) for number in range(130)]
    assert holders(*many) == {
        Identity("shop", "0"): BENS,
        Identity("shop", "1"): OWN_PAGE,
        Identity("shop", "2"): OWN_PAGE,
    }
    assert holders(*many, said("tablet", FOURTH)) == holders(*many) | {FOURTH: OWN_PAGE}


@pytest.mark.parametrize("field", ["email_hash", "phone_hash"])
def test_contact_data_of_a_stranger_make_a_stranger(field: str) -> None:
    """Said with the id in the recipient's session; what is not known contradicts nothing."""
    told = Contact(**{field: b"a stranger's"})
    statement = said("ana-1", FIRST, contact=told)
    assert holders(statement, contacts={ANA: Contact(**{field: b"hers"})}) == {FIRST: OWN_PAGE}
    assert holders(statement, contacts={ANA: told}) == {FIRST: ANAS}
    assert holders(statement, contacts={ANA: Contact()}) == {FIRST: ANAS}
    elsewhere = said("tablet", FIRST, contact=Contact(**{field: b"another one"}))
    assert holders(statement, elsewhere, contacts={ANA: told})[FIRST] == ANAS


def test_the_latest_word_of_a_private_token_holds() -> None:
    """Above all that pages say; taken back, it is not the recipient's by pages either."""
    page = said("ana-1", FIRST)
    namings = [named(FIRST, CUSTOMER, 5), named(FIRST, BEN)]
    assert holders(page, namings=namings) == {FIRST: IdentityHolder(HolderBasis.NAMED, CUSTOMER)}
    assert owners(page, said("tablet", FIRST), namings=namings) == {"ana-1": ANA, "tablet": CUSTOMER}
    assert holders(page, namings=[named(FIRST, ANA), named(FIRST, ANA, 5, is_release=True)]) == {FIRST: OWN_PAGE}
    assert holders(page, namings=[named(FIRST, BEN), named(FIRST, BEN, 5, is_release=True)]) == {FIRST: ANAS}


def test_what_is_proved_comes_before_what_is_not() -> None:
    """In a session, however late it is said, and among recipients."""
    statements = [said("tablet", FIRST), said("tablet", SECOND, 60, strength=Strength.PROVED)]
    assert owners(*statements) == {"tablet": SECOND}
    squatted = said("ben-1", FIRST)
    assert holders(squatted, said("ana-1", FIRST, 60, strength=Strength.PROVED)) == {FIRST: ANAS}


def test_a_platform_proves_the_person_and_not_the_session() -> None:
    """So that what a page said first in it stays first."""
    statements = [said("tablet", FIRST), said("tablet", SECOND, 60, strength=Strength.PLATFORM)]
    assert owners(*statements) == {"tablet": FIRST}


def test_with_an_identity_secret_what_is_unproved_is_evidence_only() -> None:
    """From then on: it holds nothing, owns nothing, and takes no place among the three."""
    told = {"proved_from": AT + timedelta(minutes=30)}
    after = [said("tablet", FIRST, 31), said("ana-1", SECOND, 32)]
    assert holders(*after, **told) == {}
    assert owners(*after, **told) == {"tablet": None, "ana-1": ANA}
    assert owners(said("tablet", FIRST, 29), **told) == {"tablet": FIRST}
    proved = said("tablet", THIRD, 40, strength=Strength.PROVED)
    assert owners(*after, proved, **told) == {"tablet": THIRD, "ana-1": ANA}


def test_a_session_that_a_private_token_claimed_stays_so() -> None:
    """Whatever pages say in it."""
    assert owners(said("tablet", FIRST), claimed={"tablet": CUSTOMER}) == {"tablet": CUSTOMER}


def test_a_claim_of_an_earlier_release_is_a_pages_statement() -> None:
    """Without an id, for the profile that it was made for."""
    old = Statement("tablet", None, AT, profile_key=CUSTOMER)
    assert owners(old, said("tablet", FIRST, 5)) == {"tablet": CUSTOMER}
    assert owners(old, said("tablet", FIRST, -5)) == {"tablet": FIRST}
    assert owners(old._replace(session="ana-1")) == {"ana-1": ANA}


SESSIONS = st.sampled_from(["ana-1", "ana-2", "ben-1", "tablet", "laptop"])
IDENTITIES = st.sampled_from([FIRST, SECOND, THIRD, FOURTH, ELSEWHERE])
HASHES = st.sampled_from([None, b"a", b"b"])
STATEMENTS = st.builds(
    Statement,
    SESSIONS,
    IDENTITIES,
    st.integers(0, 5).map(lambda minute: AT + timedelta(minutes=minute)),
    st.sampled_from(Strength),
    st.builds(Contact, HASHES, HASHES),
    st.none() | SESSIONS,
)
NAMINGS = st.builds(named, IDENTITIES, st.integers(1, 3), st.integers(0, 5), is_release=st.booleans())


@given(st.lists(STATEMENTS, max_size=12), st.lists(NAMINGS, max_size=3), st.data())
def test_shuffled_and_doubled_evidence_decides_the_same(
    statements: list[Statement], namings: list[Naming], data: st.DataObject
) -> None:
    """In every order, each statement once or more often."""
    namings = [naming._replace(position=number) for number, naming in enumerate(namings)]
    proved_from = data.draw(st.none() | st.just(AT + timedelta(minutes=3)))

    def decided(statements: list[Statement], namings: list[Naming]) -> object:
        contacts = {ANA: Contact(b"a"), BEN: Contact(None, b"b")}
        return decide(IdentityEvidence(statements, namings, RECIPIENTS, {"laptop": CUSTOMER}, contacts, proved_from))

    shuffled = data.draw(st.permutations(statements * 2))
    assert decided(list(shuffled), list(data.draw(st.permutations(namings * 2)))) == decided(statements, namings)


@given(st.lists(STATEMENTS, max_size=12))
def test_recipients_keep_the_sessions_of_their_clicks(statements: list[Statement]) -> None:
    """For ever, whatever anybody says."""
    for session, owner in owners(*statements).items():
        assert RECIPIENTS.get(session, owner) == owner


def test_a_platforms_word_outdoes_pages() -> None:
    """Whoever says an id by the public id alone takes it from nobody; the contact that counts is the platform's."""
    ordered = said("ana-1", FIRST, 60, strength=Strength.PLATFORM)
    forged = said("ben-1", FIRST, contact=Contact(b"ben"))
    assert holders(forged) == {FIRST: BENS}
    assert holders(ordered, forged) == {FIRST: ANAS}
    differing = ordered._replace(contact=Contact(b"somebody"))
    assert holders(differing, contacts={ANA: Contact(b"ana")}) == {FIRST: OWN_PAGE}


def test_a_forwarded_link_says_nothing_of_the_recipient() -> None:
    """A platform names a customer there who is known to be another: who logs in later is still the recipient."""
    friends = said("ana-1", SECOND, strength=Strength.PLATFORM, contact=Contact(b"ben"))
    own = said("ana-1", FIRST, 60)
    assert holders(friends, own) == {SECOND: ANAS, FIRST: OWN_PAGE}
    contacts = {ANA: Contact(b"ana")}
    assert holders(friends, own, contacts=contacts) == {SECOND: OWN_PAGE, FIRST: ANAS}
    assert holders(friends, own, said("ben-1", SECOND, 90), contacts=contacts) == {SECOND: BENS, FIRST: ANAS}
    by_token = IdentityHolder(HolderBasis.NAMED, CUSTOMER)
    assert holders(friends, own, namings=[named(SECOND, CUSTOMER)]) == {SECOND: by_token, FIRST: ANAS}


def test_a_private_token_outdoes_a_platform() -> None:
    """What is proved of the session too stands above what is not."""
    ordered = said("ana-1", FIRST, strength=Strength.PLATFORM)
    assert holders(ordered, said("ben-1", FIRST, 60, strength=Strength.PROVED)) == {FIRST: BENS}


def test_a_platforms_word_does_not_prove_the_session() -> None:
    """The first id said in it is another one's: what was ordered there later does not make it the customer's."""
    assert owners(said("desk", FIRST), said("desk", SECOND, 1, strength=Strength.PLATFORM)) == {"desk": FIRST}
    # Pages that must prove what they say do not count, and a platform does.
    assert owners(said("desk", FIRST), said("desk", SECOND, 1, strength=Strength.PLATFORM), proved_from=AT) == {
        "desk": SECOND
    }


SAME, OTHER = Contact(b"same", None), Contact(b"other", None)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, False),
        ({"customer": BEN}, False),
        ({"customer": BEN, "is_held": True}, True),
        ({"customer": BEN, "has_other": True}, True),
        ({"customer": ANA, "is_held": True, "contact": OTHER, "owners_contact": SAME}, False),
        ({"contact": OTHER, "owners_contact": SAME}, True),
        ({"contact": OTHER, "owners_contact": Contact(None, b"phone")}, False),
        ({"contact": SAME, "owners_contact": SAME}, False),
        ({"owner": None, "customer": BEN}, True),
        ({"owner": None}, False),
    ],
)
def test_an_order_is_its_customers_where_that_is_known_to_be_another(told: dict[str, Any], *, expected: bool) -> None:
    """By the id, by what the owner is known as, or by how each can be reached."""
    order: dict[str, Any] = {
        "owner": ANA, "customer": None, "is_held": False, "has_other": False, "owners_contact": Contact(),
        "contact": Contact(),
    }  # fmt: skip
    assert is_customers(OrderEvidence(**order | told)) is expected
