"""Sessions go to whom they belong, whatever arrives first."""

import asyncio
from typing import TYPE_CHECKING

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.tracking.v1 import event_pb2, session_service_pb2
from common.clock import to_timestamp
from common.errors import Reason
from tests.integration.tracking_service.reports.test_worked_example import settle
from tests.support.tracking_service.calling import SECONDS, Caller, failure, faults, fresh
from tests.support.tracking_service.clicking import START, click, issued
from tests.support.tracking_service.events import ACCEPTED, REJECTED, SESSION, event

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")


async def acknowledge(caller: Caller, session: str, business: str = "shop") -> None:
    """Say that a page is open."""
    request = session_service_pb2.AcknowledgeRequest(business_id=business, session=session)
    await caller.sessions.Acknowledge(request, timeout=SECONDS)


async def test_a_delivered_session_is_the_recipients(caller: Caller) -> None:
    """With the link whose click minted it."""
    minted = click(profile="ana")
    await caller.deliver(minted)
    found = await caller.session(minted.session)
    assert (found.profile, found.link, found.campaign) == ("ana", "abc", "spring")
    assert found.created_at == minted.clicked_at


async def test_a_session_is_known_before_its_click_is_delivered(caller: Caller) -> None:
    """From what the shortener says; of another session it says nothing."""
    found = await caller.session(SESSION, fresh_session=fresh(SESSION, profile="ana"))
    assert (found.profile, found.link, found.campaign) == ("ana", "abc", "spring")
    error = await failure(caller.session("another-session", fresh_session=fresh(SESSION)))
    assert (error.reason, faults(error)) == (Reason.SESSION_UNKNOWN, [("not_found", "id")])


async def test_an_anonymous_session_has_nothing_but_its_time(caller: Caller) -> None:
    """Nobody's, from no link."""
    await caller.deliver(sessions=[issued(SESSION)])
    found = await caller.session(SESSION)
    assert not any(found.HasField(name) for name in ("profile", "link", "campaign", "journey"))
    assert found.created_at == to_timestamp(START)


async def test_a_page_with_a_session_makes_it_known(caller: Caller) -> None:
    """The first sign of life, without a session, leaves nothing; a broken session is refused."""
    await acknowledge(caller, "")
    await acknowledge(caller, SESSION)
    assert (await caller.session(SESSION)).id == SESSION
    assert faults(await failure(acknowledge(caller, "short"))) == [("invalid", "session")]
    assert (await failure(acknowledge(caller, SESSION, "nobody"))).reason is Reason.BUSINESS_UNKNOWN


async def test_attaching_gives_a_free_session_to_a_new_profile(caller: Caller) -> None:
    """And again changes nothing; a second profile is refused and not even created."""
    await acknowledge(caller, SESSION)
    assert (await caller.attach(SESSION, "ana")).profile == "ana"
    assert (await caller.attach(SESSION, "ana")).profile == "ana"
    error = await failure(caller.attach(SESSION, "ben"))
    assert (error.reason, faults(error)) == (Reason.IDENTITY_ASSIGNED, [("identity_assigned", "profile")])
    assert (await failure(caller.activities("ben"))).reason is Reason.PROFILE_UNKNOWN


async def test_attaching_names_what_is_wrong(caller: Caller) -> None:
    """An unknown session, an impossible profile, a NUL."""
    assert (await failure(caller.attach("unknown-session", "ana"))).reason is Reason.SESSION_UNKNOWN
    assert faults(await failure(caller.attach(SESSION, "a b"))) == [("invalid", "profile")]
    assert faults(await failure(caller.attach("nul\0nul\0nul", "ana"))) == [("invalid", "id")]


async def test_what_happened_in_a_session_comes_along(caller: Caller) -> None:
    """An event that came before the claim is in the person's activities after it."""
    await caller.track(event("cart.viewed"))
    await caller.attach(SESSION, "ana")
    await caller.track(event("page.viewed"), minutes=1)
    assert [activity.action for activity in await caller.activities("ana")] == ["page.viewed", "cart.viewed"]


async def test_a_claim_is_judged_by_the_click_that_is_on_its_way(caller: Caller) -> None:
    """The recipient has the session from the click on."""
    refused = await caller.track(event(profile="ben"), fresh_session=fresh(SESSION, profile="ana"))
    assert refused.status == REJECTED
    assert (await caller.attach(SESSION, "ana", fresh_session=fresh(SESSION, profile="ana"))).profile == "ana"


async def test_a_click_delivered_late_takes_its_session_back(caller: Caller) -> None:
    """Where the shortener did not know of it when it was claimed; activities move to the recipient."""
    minted = click(profile="ana")
    assert (await caller.track(event(session=minted.session, profile="ben"))).status == ACCEPTED
    assert len(await caller.activities("ben")) == 1
    await caller.deliver(minted)
    assert (await caller.session(minted.session)).profile == "ana"
    assert [one.action for one in await caller.activities("ana")] == ["page.viewed", "short_link.clicked"]
    assert await caller.activities("ben") == []


async def test_fifty_claims_at_once_have_one_winner(caller: Caller, database: "Database") -> None:
    """All others are refused, and leave no claim."""
    await acknowledge(caller, SESSION)
    answers = await asyncio.gather(
        *(caller.attach(SESSION, f"p{number}") for number in range(50)), return_exceptions=True
    )
    winners = [answer.profile for answer in answers if not isinstance(answer, BaseException)]
    assert [(await caller.session(SESSION)).profile] == winners
    claims = await database.fetch(
        "SELECT p.id FROM claims c JOIN profiles p USING (business_id, profile_key) WHERE session = $1", SESSION
    )
    assert [row["id"] for row in claims] == winners


async def test_identifying_makes_a_person(caller: Caller, database: "Database") -> None:
    """And finds it again by the identity, from another session."""
    await caller.identify(SESSION, "7", source="shopify", email="ana@example.com", name="Ana")
    await caller.identify("another-session", "7", source="shopify", name="Somebody")
    await caller.identify("a-third-session", "7", source="elsewhere")
    await settle(database)
    first, again, other = [
        (await caller.session(session)).profile for session in (SESSION, "another-session", "a-third-session")
    ]
    assert first == again != other


async def test_an_identity_joins_the_sessions_person(caller: Caller, database: "Database") -> None:
    """Where the session is of a click on that person's link."""
    minted = click(profile="ana")
    await caller.identify(minted.session, "7", fresh_session=fresh(minted.session, profile="ana"))
    await caller.deliver(minted)
    await caller.identify("another-session", "7")
    await settle(database)
    assert (await caller.session("another-session")).profile == "ana"


async def test_a_private_tokens_claim_stands_above_what_pages_say(caller: Caller, database: "Database") -> None:
    """What a page said before it gives way, with all that happened; what one says after it changes nothing."""
    await caller.track(event(), credential=event_pb2.CREDENTIAL_PUBLIC)
    await caller.identify(SESSION, "7")
    await settle(database)
    assert (await caller.session(SESSION)).profile not in ("", "ana")
    assert (await caller.attach(SESSION, "ana")).profile == "ana"
    await caller.identify(SESSION, "8")
    await settle(database)
    assert (await caller.session(SESSION)).profile == "ana"
    assert [one.action for one in await caller.activities("ana")] == ["page.viewed"]
    assert (await failure(caller.attach(SESSION, "ben"))).reason is Reason.IDENTITY_ASSIGNED


async def test_one_identity_from_many_sessions_at_once_is_one_person(caller: Caller, database: "Database") -> None:
    """No matter how many ask before it is there."""
    sessions = [f"session-number-{number}" for number in range(30)]
    await asyncio.gather(*(caller.identify(session, "7", source="shopify") for session in sessions))
    await settle(database)
    assert await database.fetchval("SELECT count(DISTINCT profile_key) FROM sessions") == 1
    assert await database.fetchval("SELECT count(*) FROM profiles") == 1


@pytest.mark.parametrize(
    "nothing",
    ["undefined", "null", "NaN", "[object Object]", " null ", "Undefined", "NULL", "None", "nil", "0", " 0 ", "true",
     "Infinity", "[object HTMLElement]", "\t", "\ufeff"],
)  # fmt: skip
async def test_what_a_script_makes_of_nothing_is_nobody(caller: Caller, nothing: str) -> None:
    """It would be one person with the ids of all who are none."""
    assert faults(await failure(caller.identify(SESSION, nothing))) == [("invalid", "user_id")]


@pytest.mark.parametrize("somebody", ["00", "0a", "nullius", "Noneya", "truebeliever", "[object]", "-1", "ana"])
async def test_what_only_looks_like_nothing_is_somebody(caller: Caller, somebody: str) -> None:
    """The whole id says nothing, or it is one."""
    await caller.identify(SESSION, somebody)


async def test_identifying_names_every_fault(caller: Caller) -> None:
    """All at once."""
    error = await failure(caller.identify("short", "", source="s" * 101, email="e" * 321))
    assert faults(error) == [
        ("invalid", "session"),
        ("parameter_missing", "user_id"),
        ("invalid", "source"),
        ("invalid", "email"),
    ]


async def test_a_page_cannot_change_what_is_known_of_a_person(caller: Caller, database: "Database") -> None:
    """The public id proves nothing: in a page profile attributes are completed, never replaced."""
    await caller.identify(SESSION, "7", name="Ana")
    await caller.identify(SESSION, "7", name="Mallory", phone="+598 1")
    await settle(database)
    row = await database.fetchrow("SELECT name, phone FROM profiles")
    assert tuple(row or ()) == ("Ana", "+598 1")


async def test_a_claimed_session_counts_as_its_person(caller: Caller, database: "Database") -> None:
    """Who clicked a shared link twice was two visitors, and is one once both sessions are hers."""
    first, second = click(), click(20)
    await caller.deliver(first, second)
    await caller.attach(first.session, "ana")
    await caller.attach(second.session, "ana")
    unique = await database.fetchval("SELECT sum(unique_clickers)::int FROM click_counts WHERE scope = 'campaign'")
    assert unique == 1


async def test_a_time_that_is_none_is_refused_by_name(caller: Caller) -> None:
    """Nanoseconds below zero are no time."""
    error = await failure(caller.identify("a-session-0001", "7", source="shop", received_at=Timestamp(nanos=-1)))
    assert faults(error) == [("invalid", "received_at")]
