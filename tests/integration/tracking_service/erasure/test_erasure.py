"""People are erased: nothing tells of them any more, and every count stays as it was."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from grpc import aio

from clicktrail.tracking.v1 import link_archive_service_pb2, link_archive_service_pb2_grpc, report_service_pb2
from clicktrail.tracking.v1 import profile_service_pb2 as pb
from common.clock import to_timestamp
from common.errors import Reason
from tests.support.tracking_service.calling import SECONDS, Caller, failure, fresh
from tests.support.tracking_service.clicking import START, click, link
from tests.support.tracking_service.events import ACCEPTED, event, order
from tests.support.tracking_service.shortener_peer import Shortener
from tests.support.waiting import eventually

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

PERSON = "ana-7061"
# Everything of hers stands in some column before she is erased, and in none afterwards.
TRACES = (
    PERSON,
    "ana@example.com",
    "Ana Silva",
    "+59899123456",
    "198.51.100.7",
    "AnasBrowser",
    "anas-page",
    "anas-metadata",
    "anas-street",
    "anas-query",
    "anas-number",
)
SEEN: dict[str, Any] = {
    "address": "198.51.100.7",
    "user_agent": "AnasBrowser/1",
    "referrer": "https://mail.example.com/anas-page",
    "query": "q=anas-query",
    "accept_language": "anas-query",
}


@pytest_asyncio.fixture
async def shortener() -> AsyncIterator[Shortener]:
    """Run the service that has the links."""
    peer = Shortener()
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
def shortener_target(shortener: Shortener) -> str:
    """Have the service know that one."""
    return shortener.target


@pytest_asyncio.fixture
async def erase(caller: Caller) -> Callable[..., Awaitable[None]]:
    """Return what erases a profile."""

    async def call(profile: str = PERSON) -> None:
        await caller.profiles.EraseProfile(pb.EraseProfileRequest(business_id="shop", id=profile), timeout=SECONDS)

    return call


Erase = Callable[..., Awaitable[None]]


async def create(caller: Caller, profile: str = PERSON, **fields: Any) -> None:
    """Create a profile."""
    request = pb.CreateProfileRequest(business_id="shop", profile=pb.Profile(id=profile, **fields))
    await caller.profiles.CreateProfile(request, timeout=SECONDS)


async def dump(database: "Database") -> str:
    """Return every row of every table as text; what is in bytes as the characters it holds."""
    tables = await database.fetch(
        "SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relkind = 'r'"
        " AND c.relnamespace = 'public'::regnamespace"
    )
    parts = []
    for (name,) in tables:
        for row in await database.fetch(f"TABLE {name}"):
            parts += [value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in row.values()]
    return "\n".join(parts)


async def settled(database: "Database") -> None:
    """Wait until nobody is left to be decided on."""
    marks = "SELECT (SELECT count(*) FROM dirty_identities) + (SELECT count(*) FROM dirty_visitors)"
    await eventually(lambda: database.fetchval(marks), lambda count: count == 0)


async def live(caller: Caller) -> str:
    """Let her click, read, buy and be identified, and return the session of her click."""
    await create(
        caller,
        name="Ana Silva",
        email="ana@example.com",
        phone="+59899123456",
        identities=[pb.Identity(source="crm", user_id="anas-number")],
    )
    clicked = click(profile=PERSON, link="l1", **SEEN)
    copies = [link(f"l{number}", profile=PERSON, external_id=f"{PERSON}-{number}") for number in (1, 2)]
    await caller.deliver(clicked, click(5, seed=2, link="shared"), links=copies)
    told: dict[str, Any] = {"address": "198.51.100.7", "user_agent": "AnasBrowser/1"}
    page = {"url": "https://shop.example.com/anas-page"}
    bought = {"reference": "1001", "customer": {"street": "anas-street"}}
    await caller.track(
        event("order.placed", session=clicked.session, object_parameters=bought, amount="395", page=page), **told
    )
    await caller.track(
        event(
            session=clicked.session,
            metadata={"a": "anas-metadata"},
            extra={"a": "anas-metadata"},
            user_parameters={"id": "anas-number"},
            page=page,
        ),
        **told,
    )
    part = {"reference": "p1", "order": "1001", "name": "anas-metadata"}
    await caller.track(event("product.purchased", profile=PERSON, session=None, object_parameters=part, amount="5"))
    return str(clicked.session)


COUNTERS = (
    "SELECT 'clicks', scope, scope_id, bucket, '', clicks, unique_clickers, bot_hits, sessions FROM all_click_counts"
    " UNION ALL SELECT 'events', scope, scope_id, bucket, action || currency, events, conversions, revenue, 0"
    " FROM event_counts UNION ALL SELECT 'recipients', scope, scope_id, NULL, '', recipients, 0, 0, 0"
    " FROM recipient_counts ORDER BY 1, 2, 3, 4, 5"
)


async def test_nothing_tells_of_an_erased_person(
    caller: Caller, erase: Erase, database: "Database", channel: aio.Channel
) -> None:
    """No table holds a trace when the call returns; all counters are as they were, also decided on anew."""
    session = await live(caller)
    await settled(database)
    before = await dump(database)
    # The data of a product is not hers.
    await database.execute("UPDATE objects SET data = '{}' WHERE type = 'product'")
    assert [trace for trace in TRACES if trace not in before] == []
    counters = await database.fetch(COUNTERS)
    await erase()
    after = await dump(database)
    assert [trace for trace in TRACES if trace in after] == []
    assert hashlib.sha256(PERSON.encode()).digest().decode("latin-1") in after
    await database.execute("INSERT INTO dirty_visitors (business_id, session) VALUES ('shop', $1)", session)
    await settled(database)
    assert await database.fetch(COUNTERS) == counters
    report = await caller.report(campaign="spring")
    assert (report.totals.recipients, report.totals.clicks, report.totals.unique_clickers) == (1, 2, 2)
    archive = link_archive_service_pb2_grpc.LinkArchiveServiceStub(channel)
    request = link_archive_service_pb2.ListLinksRequest(business_id="shop")
    links = (await archive.ListLinks(request, timeout=SECONDS)).links
    assert [(one.id, one.profile, one.external_id) for one in links] == [("l2", "", ""), ("l1", "", "")]
    assert all(one.destination for one in links)


async def test_an_erased_person_is_found_nowhere(caller: Caller, erase: Erase) -> None:
    """404 wherever the id is asked for; erasing again does nothing, and one who never was is unknown."""
    session = await live(caller)
    await erase()
    await erase()
    get = pb.GetProfileRequest(business_id="shop", id=PERSON)
    for call in (
        caller.profiles.GetProfile(get, timeout=SECONDS),
        caller.profiles.UpdateProfile(pb.UpdateProfileRequest(business_id="shop", id=PERSON), timeout=SECONDS),
        caller.activities(PERSON),
        erase("never-was"),
    ):
        assert (await failure(call)).reason is Reason.PROFILE_UNKNOWN
    listed = await caller.profiles.ListProfiles(pb.ListProfilesRequest(business_id="shop"), timeout=SECONDS)
    assert list(listed.profiles) == []
    assert (await caller.session(session)).profile == ""
    remembered = fresh(session, profile=PERSON)
    assert (await caller.session(session, fresh_session=remembered)).profile == ""


async def test_links_lose_their_recipient_where_they_redirect(
    caller: Caller, erase: Erase, shortener: Shortener, database: "Database"
) -> None:
    """The shortener is asked until it has done so; then the erasure is through."""
    shortener.refusals = 1
    await live(caller)
    await erase()
    await eventually(_value(lambda: shortener.refusals), lambda left: left == 0)
    # What was refused is tried again after a while; here at once.
    await database.execute("UPDATE detachments SET next_try_at = now()")
    await eventually(_value(lambda: sorted(shortener.detached)), lambda seen: seen == [("shop", "l1"), ("shop", "l2")])
    left = "SELECT (SELECT count(*) FROM erasures) + (SELECT count(*) FROM detachments)"
    await eventually(lambda: database.fetchval(left), lambda count: count == 0)


async def test_what_comes_late_is_nobodys(
    caller: Caller, erase: Erase, shortener: Shortener, database: "Database"
) -> None:
    """Clicks, copies of links and fresh sessions that name an erased person: kept and counted, without the person."""
    await create(caller)
    await erase()
    late = click(profile=PERSON, link="l9", **SEEN)
    await caller.deliver(late, links=[link("l9", profile=PERSON, external_id=PERSON)])
    other = "a-session-not-delivered-yet"
    receipt = await caller.track(event(session=other), fresh_session=fresh(other, profile=PERSON))
    assert receipt.status == ACCEPTED
    assert await database.fetch("SELECT profile_key FROM profiles") == []
    found = await database.fetchrow("SELECT profile_key, session, address, user_agent, query, referrer FROM clicks")
    assert found is not None
    assert tuple(found) == (None, late.session, "", "", "", "")
    assert [trace for trace in TRACES if trace in await dump(database)] == []
    report = await caller.report(campaign="spring")
    assert (report.totals.clicks, report.totals.unique_clickers, report.totals.recipients) == (1, 1, 0)
    await eventually(_value(lambda: shortener.detached), lambda seen: seen == [("shop", "l9")])


async def test_a_click_that_comes_after_its_claim_and_the_erasure_tells_nothing(
    caller: Caller, erase: Erase, database: "Database"
) -> None:
    """Of a shared link: it counts."""
    clicked = click(link="shared", **SEEN)
    await create(caller)
    await caller.attach(clicked.session, PERSON, fresh_session=fresh(clicked.session, link="shared"))
    await erase()
    await caller.deliver(clicked, click(3, seed=9, address="203.0.113.9"))
    assert [trace for trace in TRACES if trace in await dump(database)] == []
    assert await database.fetchval("SELECT count(*) FROM clicks WHERE address = '203.0.113.9'") == 1
    assert (await caller.report(campaign="spring")).totals.clicks == 2


async def test_later_events_of_her_sessions_tell_nothing(caller: Caller, erase: Erase, database: "Database") -> None:
    """They count on, for the click that they came from."""
    session = await live(caller)
    await erase()
    page = {"url": "https://shop.example.com/anas-page"}
    sent = order(reference="1002", session=session, amount="5", page=page, metadata={"a": "anas-metadata"})
    receipt = await caller.track(sent, address="198.51.100.7", user_agent="AnasBrowser/1")
    assert receipt.status == ACCEPTED
    await settled(database)
    row = await database.fetchrow(
        "SELECT address, user_agent, page, metadata FROM events WHERE amount_minor = 500 AND action = 'order.placed'"
    )
    assert row is not None
    assert tuple(row) == ("", "", None, None)
    assert [trace for trace in TRACES if trace != "anas-metadata" and trace in await dump(database)] == []
    (placed,) = [one for one in (await caller.report(campaign="spring")).events if one.action == "order.placed"]
    assert placed.count == 2


async def test_a_session_of_hers_is_closed(caller: Caller, erase: Erase, database: "Database") -> None:
    """Nobody else can claim it, and with it what she did."""
    session = await live(caller)
    await erase()
    assert (await failure(caller.attach(session, "bob"))).reason is Reason.IDENTITY_ASSIGNED
    await caller.identify(session, "u1")
    await settled(database)
    assert await database.fetchval("SELECT count(*) FROM identity_evidence") == 0


async def test_what_was_said_of_her_goes_and_late_it_is_nobodys(
    caller: Caller, erase: Erase, database: "Database"
) -> None:
    """Evidence, ids and attributes; said before the erasure and arriving after it, it leaves nothing."""
    session = await live(caller)
    said = {"source": "shop", "name": "Ana Silva", "email": "ana@example.com"}
    await caller.identify(session, "anas-number", **said)
    await caller.identify("her-own-tablet", "anas-number", **said)
    await settled(database)
    assert (await caller.session("her-own-tablet")).profile == PERSON
    await erase()
    early = to_timestamp(datetime(2026, 11, 22, tzinfo=UTC))
    await caller.identify("her-late-laptop", "anas-number", **said, received_at=early)
    await caller.identify("her-own-tablet", "anas-number", **said)
    await settled(database)
    assert [trace for trace in TRACES if trace != "anas-metadata" and trace in await dump(database)] == []
    assert await database.fetchval("SELECT count(*) FROM profiles") == 0
    await caller.identify("a-visit-much-later", "anas-number", source="shop")
    await settled(database)
    assert (await caller.session("a-visit-much-later")).profile != ""


async def test_a_profile_that_is_created_again_is_a_new_one(caller: Caller, erase: Erase, database: "Database") -> None:
    """It starts with nothing, and is named by links again; an event alone makes one whose links stay anonymous."""
    await live(caller)
    await erase()
    await caller.track(event(profile=PERSON, session=None), minutes=60)
    (seen,) = await caller.activities(PERSON)
    assert seen.action == "page.viewed"
    await caller.deliver(click(200, seed=5, profile=PERSON))
    assert len(await caller.activities(PERSON)) == 1
    await erase()
    await create(caller)
    assert await caller.activities(PERSON) == []
    await caller.deliver(click(201, seed=6, profile=PERSON))
    assert [one.action for one in await caller.activities(PERSON)] == ["short_link.clicked"]
    assert await database.fetchval("SELECT count(*) FROM tombstones") == 0


async def test_a_click_kept_as_nobodys_stays_so(caller: Caller, erase: Erase, database: "Database") -> None:
    """Whoever the shortener says clicked, once there is a profile of that name again: it is counted as nobody's."""
    await create(caller)
    await erase()
    late = click(profile=PERSON)
    await caller.deliver(late)
    await create(caller)
    await caller.track(event(session=late.session), fresh_session=fresh(late.session, profile=PERSON))
    assert await database.fetchval("SELECT profile_key FROM sessions") is None
    assert await differences(caller) == []


async def test_a_link_clicked_before_and_after_agrees_with_a_recount(caller: Caller, erase: Erase) -> None:
    """In one quarter of an hour: as a recipient's, and as nobody's."""
    await create(caller)
    await caller.deliver(click(1, profile=PERSON))
    await erase()
    await caller.deliver(click(2, profile=PERSON, seed=2))
    assert await differences(caller) == []
    totals = (await caller.report(campaign="spring")).totals
    assert (totals.clicks, totals.unique_clickers, totals.clicked_recipients) == (2, 2, 1)


async def differences(caller: Caller) -> list[report_service_pb2.Difference]:
    """Return where counters differ from a recount."""
    request = report_service_pb2.ReconcileRequest(business_id="shop")
    return list((await caller.reports.Reconcile(request, timeout=SECONDS)).differences)


async def test_who_wrote_meanwhile_leaves_no_trace(caller: Caller, erase: Erase, database: "Database") -> None:
    """A transaction that began before the erasure and ends after it is cleared once it has ended."""
    await live(caller)
    key = await database.fetchval("SELECT profile_key FROM profiles")
    async with database.transaction():
        await database.execute("SELECT 1 FROM businesses")
        await erase()
        await database.execute(
            "INSERT INTO activities (business_id, id, received_at, occurred_at, profile_key, action, url)"
            " VALUES ('shop', gen_random_uuid(), $2, $2, $1, 'page.viewed', 'anas-page')",
            key,
            START,
        )
    await eventually(lambda: database.fetchval("SELECT count(*) FROM erasures"), lambda count: count == 0)
    assert "anas-page" not in await dump(database)


async def test_many_rows_are_cleared_in_pieces(caller: Caller, erase: Erase, database: "Database") -> None:
    """More than one transaction takes, among the rows of others, which stay as they are."""
    await create(caller)
    hers = [click(number / 100, seed=number, profile=PERSON, **SEEN) for number in range(1_100)]
    his = [click(number / 100, seed=number + 5_000, profile="bob", address="203.0.113.9") for number in range(50)]
    await caller.deliver(*hers, *his)
    await erase()
    addresses = await database.fetch("SELECT address, count(*) FROM clicks GROUP BY address ORDER BY 1")
    assert [tuple(row) for row in addresses] == [("", 1_100), ("203.0.113.9", 50)]
    assert len(await caller.activities("bob", limit=100)) == 50


def _value(look: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    async def seen() -> Any:
        return look()

    return seen
