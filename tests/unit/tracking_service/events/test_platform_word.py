"""What platforms tell beside an order is read with care: what can be nobody's and no session's is passed over."""

from typing import Any

import pytest

from clicktrail.tracking.v1 import event_pb2
from tests.support.platforms.orders import told
from tracking_service.events.event import Draft, ToldCustomer
from tracking_service.events.messages import submission_from, without_customer
from tracking_service.events.platform_word import candidate_sessions, clues_of, customer_of, customer_word, own_session
from tracking_service.events.rules import EventContext, judge
from tracking_service.profiles.profile import SESSION_ID
from tracking_service.sessions.bindings import token_hash

CONTEXT = EventContext("USD", frozenset(), {})


def draft(message: event_pb2.Submission) -> Draft:
    """Return what is to be kept of a submission."""
    judged = judge(submission_from(message), CONTEXT)
    assert isinstance(judged, Draft), judged
    return judged


def test_it_needs_neither_session_nor_profile_and_is_private() -> None:
    """Whatever class of credential the message says."""
    message = told()
    message.credential = event_pb2.CREDENTIAL_PUBLIC
    assert draft(message).is_private


def test_all_that_is_told_of_an_order_has_one_session_of_its_own() -> None:
    """Its steps and its refunds, whatever their tokens; another order, source or business has another one."""
    steps = [told(tokens=["cart-token-1"]), told("order.shipped"), told("refund.received", refund="9")]
    (own,) = {own_session(draft(step)) for step in steps}
    assert SESSION_ID.fullmatch(own.order_session)
    assert own_session(draft(told(reference="2"))) != own


def test_sessions_that_can_be_none_are_passed_over() -> None:
    """What is left keeps its order."""
    named = ["", "short", "undefined", "null", "with space", "x" * 65, "_order-of-another", "session-2", "session-1"]
    assert candidate_sessions(draft(told(sessions=named))) == ["session-2", "session-1"]


def test_a_session_outranks_tokens_and_the_first_of_each_the_others() -> None:
    """Tokens that can be none are passed over, and no more than ten of each kind are kept."""
    tokens = ["", "null", "x" * 201, "checkout-1", "cart-token"]
    clues = list(clues_of(draft(told(tokens=tokens)), ["session-1", "session-2"]))
    assert [clue.session for clue in clues] == ["session-1", "session-2", "", ""]
    assert [clue.token_hash for clue in clues[2:]] == [token_hash("shopify", each) for each in tokens[3:]]
    assert [clue.rank for clue in clues] == sorted({clue.rank for clue in clues})
    many = [f"token-number-{number}" for number in range(50)]
    assert len(list(clues_of(draft(told(tokens=many)), many))) == 20


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        ({}, ToldCustomer()),
        ({"id": "7", "email": " ana@example.com "}, ToldCustomer("7", "ana@example.com")),
        ({"id": "0", "name": "Ana"}, ToldCustomer(name="Ana")),
        ({"id": "undefined", "phone": ""}, ToldCustomer()),
        ({"id": "7", "name": "A\0na", "email": "x" * 400}, ToldCustomer("7", name="Ana")),
        ({"id": "x" * 201}, ToldCustomer()),
    ],
)
def test_a_customer_is_what_a_profile_could_hold(customer: dict[str, str], expected: ToldCustomer) -> None:
    """An id that nobody could have makes a guest."""
    assert customer_of(draft(told(customer=customer))) == expected


def test_who_ordered_is_said_in_the_session_and_in_the_orders_own() -> None:
    """Of a guest nothing is said; how a guest is reached is kept with the order."""
    placed = draft(told(customer={"id": "7", "email": "a@example.com"}))._replace(session="session-1")
    word = customer_word(placed, "US")
    assert [one.session for one in word.statements()] == [own_session(placed).order_session, "session-1"]
    guest = customer_word(placed._replace(platform=draft(told(customer={"email": "a@example.com"})).platform), "US")
    assert list(guest.statements()) == []
    assert guest.told_order.email_hash == word.told_order.email_hash != b""


@pytest.mark.parametrize("word", [{}, {"customer": {"email": "ana@example.com"}, "tokens": ["cart-token-1"]}])
def test_what_is_set_aside_tells_of_nobody(word: dict[str, Any]) -> None:
    """Neither id, address, number nor name; all else stays."""
    kept = event_pb2.Submission.FromString(without_customer(told(**word).SerializeToString()))
    assert not kept.platform.HasField("customer")
    assert list(kept.platform.tokens) == word.get("tokens", [])
