"""What the outbox delivers is kept once and counted once, in whatever order and however often it comes."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest_asyncio
from grpc import aio

from clicktrail.tracking.v1 import (
    click_pb2,
    link_archive_service_pb2,
    link_archive_service_pb2_grpc,
    relay_service_pb2_grpc,
)
from tests.support.tracking_service.clicking import START, click, delivery, issued, link
from tracking_service.counters.scopes import SessionKey
from tracking_service.counters.store import give_first_clicks_to_persons
from tracking_service.profiles.store import ProfileName, profile_keys

if TYPE_CHECKING:
    import asyncpg

    from tracking_service.postgres.pool import Connection

    Database = asyncpg.Connection[asyncpg.Record]

Stub = relay_service_pb2_grpc.RelayServiceStub
BOT = click_pb2.VERDICT_BOT


@pytest_asyncio.fixture
async def relay(channel: aio.Channel) -> Stub:
    """Return the stub of RelayService."""
    return Stub(channel)


async def deliver(relay: Stub, *clicks: click_pb2.Click, **others: Any) -> tuple[int, int]:
    """Deliver, and return how many clicks and links were new."""
    answer = await relay.Deliver(delivery(*clicks, **others), timeout=120)
    return answer.new_clicks, answer.new_links


async def counts(database: "Database", scope: str = "campaign", scope_id: str = "spring") -> dict[str, int]:
    """Return the sums of a scope's counters."""
    row = await database.fetchrow(
        "SELECT sum(clicks)::int AS clicks, sum(unique_clickers)::int AS unique_clickers,"
        " sum(bot_hits)::int AS bot_hits, sum(sessions)::int AS sessions"
        " FROM click_counts WHERE business_id = 'shop' AND scope = $1 AND scope_id = $2",
        scope,
        scope_id,
    )
    return {name: value or 0 for name, value in (row or {}).items()}


async def buckets(database: "Database") -> dict[int, tuple[int, int]]:
    """Return clicks and unique clickers of the campaign, by minutes since the start."""
    rows = await database.fetch(
        "SELECT bucket, clicks, unique_clickers FROM click_counts WHERE scope = 'campaign' ORDER BY bucket"
    )
    return {(row["bucket"] - START) // timedelta(minutes=1): (row["clicks"], row["unique_clickers"]) for row in rows}


async def test_a_click_delivered_twice_is_one(relay: Stub, database: "Database") -> None:
    """In one delivery, and in another one."""
    first = await deliver(relay, click(), click())
    second = await deliver(relay, click(), click(1))
    assert (first, second) == ((1, 0), (1, 0))
    assert await counts(database) == {"clicks": 2, "unique_clickers": 2, "bot_hits": 0, "sessions": 2}


async def test_deliveries_at_once_count_once(relay: Stub, database: "Database") -> None:
    """Twenty relays with the same clicks in other orders."""
    clicks = [click(minutes, profile=f"p{minutes % 3}", link=f"l{minutes % 3}") for minutes in range(12)]
    answers = await asyncio.gather(
        *(deliver(relay, *clicks[shift % 12 :], *clicks[: shift % 12]) for shift in range(20))
    )
    assert sum(new for new, _ in answers) == 12
    assert await counts(database) == {"clicks": 12, "unique_clickers": 3, "bot_hits": 0, "sessions": 12}


async def test_deliveries_may_be_concatenated(relay: Stub) -> None:
    """As bytes: that is again a delivery."""
    both = delivery(click()).SerializeToString() + delivery(click(1)).SerializeToString()
    answer = await relay.Deliver(type(delivery()).FromString(both), timeout=120)
    assert answer.new_clicks == 2


async def test_every_scope_is_counted(relay: Stub, database: "Database") -> None:
    """The business, the campaign or journey, the message and the link."""
    await deliver(relay, click(message="m1", profile="ann"), click(1, campaign="", journey="welcome", link="def"))
    assert (await counts(database, "business", ""))["clicks"] == 2
    for scope, scope_id in (("campaign", "spring"), ("journey", "welcome"), ("message", "m1"), ("link", "def")):
        assert (await counts(database, scope, scope_id))["clicks"] == 1


async def test_two_clicks_of_a_recipient_are_one_person(relay: Stub, database: "Database") -> None:
    """Two clicks, two sessions, one unique clicker, in the quarter of an hour of the first."""
    await deliver(relay, click(0, profile="ann"), click(20, profile="ann"))
    assert await counts(database) == {"clicks": 2, "unique_clickers": 1, "bot_hits": 0, "sessions": 2}
    assert await buckets(database) == {0: (1, 1), 15: (1, 0)}


async def test_an_earlier_click_that_comes_late_moves_the_person(relay: Stub, database: "Database") -> None:
    """Out of the later quarter of an hour, into the earlier one."""
    await deliver(relay, click(40, profile="ann"))
    assert await buckets(database) == {30: (1, 1)}
    await deliver(relay, click(5, profile="ann"))
    assert await buckets(database) == {0: (1, 1), 30: (1, 0)}
    uniques = await database.fetch(
        "SELECT bucket, unique_clickers FROM breakdown_counts"
        " WHERE scope = 'campaign' AND dimension = 'verdict' ORDER BY bucket"
    )
    assert [row["unique_clickers"] for row in uniques] == [1, 0]


async def test_a_crawler_is_counted_apart(relay: Stub, database: "Database") -> None:
    """Its hit is kept with its verdict, but is no click and no person."""
    await deliver(relay, click(profile="ann", verdict=BOT), click(1, profile="ann"))
    assert await counts(database) == {"clicks": 1, "unique_clickers": 1, "bot_hits": 1, "sessions": 1}
    kept = await database.fetch("SELECT verdict, session IS NULL AS bare FROM clicks ORDER BY clicked_at")
    assert [tuple(row) for row in kept] == [("bot", True), ("human", False)]
    verdicts = await database.fetch(
        "SELECT value, clicks, unique_clickers FROM breakdown_counts"
        " WHERE scope = 'campaign' AND dimension = 'verdict' ORDER BY value"
    )
    assert [tuple(row) for row in verdicts] == [("bot", 1, 0), ("human", 1, 1)]


async def test_a_click_is_in_the_activities_of_its_recipient(relay: Stub, database: "Database") -> None:
    """With its link and campaign; the profile is made where it is not known."""
    await deliver(relay, click(profile="ann", message="m1"))
    row = await database.fetchrow(
        "SELECT p.id, a.action, a.link, a.campaign, a.message, a.verdict, a.occurred_at = $1 AS timely"
        " FROM click_activities a JOIN profiles p USING (business_id, profile_key)",
        START,
    )
    assert tuple(row or ()) == ("ann", "short_link.clicked", "abc", "spring", "m1", "human", True)


async def eves_event(database: "Database", session: str) -> int:
    """Have Eve claim a session and view a page in it, before anything else is known of it; return her surrogate."""
    eve: int = await database.fetchval(
        "INSERT INTO profiles (business_id, id, created_at) VALUES ('shop', 'eve', now()) RETURNING profile_key"
    )
    await database.execute(
        "INSERT INTO sessions (business_id, id, profile_key, created_at) VALUES ('shop', $1, $2, now())", session, eve
    )
    await database.execute(
        "INSERT INTO activities (business_id, id, received_at, occurred_at, profile_key, session, action)"
        " VALUES ('shop', gen_random_uuid(), now(), now(), $2, $1, 'page.viewed')",
        session,
        eve,
    )
    return eve


async def test_the_session_of_a_recipients_click_is_the_recipients(relay: Stub, database: "Database") -> None:
    """Whoever claimed it before; its events go along."""
    clicked = click(profile="ann")
    await eves_event(database, clicked.session)
    await deliver(relay, clicked)
    owner = await database.fetchval(
        "SELECT p.id FROM sessions s JOIN profiles p USING (business_id, profile_key) WHERE s.id = $1", clicked.session
    )
    doings = await database.fetch(
        "SELECT a.action, p.id, a.link FROM (SELECT business_id, profile_key, action, link FROM activities UNION ALL"
        " SELECT business_id, profile_key, action, link FROM click_activities) a"
        " JOIN profiles p USING (business_id, profile_key) ORDER BY a.action"
    )
    assert owner == "ann"
    assert [tuple(row) for row in doings] == [("page.viewed", "ann", "abc"), ("short_link.clicked", "ann", "abc")]


async def test_on_a_shared_link_each_session_is_a_visitor(relay: Stub, database: "Database") -> None:
    """Nobody knows who is behind it."""
    await deliver(relay, click(0), click(1))
    assert (await counts(database))["unique_clickers"] == 2


async def test_an_event_that_came_before_its_click_learns_the_link(relay: Stub, database: "Database") -> None:
    """And the session stays whose it was, where the link is shared."""
    clicked = click()
    eve = await eves_event(database, clicked.session)
    await deliver(relay, clicked)
    seen = await database.fetch("SELECT link, campaign, profile_key FROM activities")
    assert {tuple(row) for row in seen} == {("abc", "spring", eve)}
    assert await database.fetchval("SELECT visitor FROM first_clicks WHERE scope = 'campaign'") == f"p{eve}"


async def test_recipients_are_counted_once_a_scope(relay: Stub, database: "Database") -> None:
    """However many links a person has, and however often they are delivered."""
    links = [
        link("l1", profile="ann", message="m1"),
        link("l2", profile="ann", message="m2"),
        link("l3", profile="bob", message="m1"),
        link("l4"),
    ]
    assert await deliver(relay, links=links) == (0, 4)
    assert await deliver(relay, links=links) == (0, 0)
    rows = await database.fetch("SELECT scope, scope_id, recipients FROM recipient_counts ORDER BY scope, scope_id")
    assert [tuple(row) for row in rows] == [
        ("business", "", 2), ("campaign", "spring", 2), ("message", "m1", 2), ("message", "m2", 1),
    ]  # fmt: skip


async def test_the_later_revision_of_a_link_stays(relay: Stub, database: "Database") -> None:
    """Also where it comes first, or in the same delivery."""
    assert await deliver(relay, links=[link("l1", revision=3, disabled=True), link("l1", revision=1)]) == (0, 1)
    assert await deliver(relay, links=[link("l1", revision=2)]) == (0, 0)
    row = await database.fetchrow("SELECT revision, link FROM links")
    assert row is not None
    assert row["revision"] == 3
    assert type(link("l1").link).FromString(row["link"]).disabled


async def test_a_copy_that_no_restore_could_read_is_set_aside(
    relay: Stub, channel: aio.Channel, database: "Database"
) -> None:
    """Its neighbour is kept; one that was kept before is exported by its id alone, and holds up no other."""
    bad = link("l2", revision=1)
    bad.origin_template = "é"
    assert await deliver(relay, links=[link("l1", revision=1), bad, link("l3", revision=1)]) == (0, 2)
    rejected = await database.fetch("SELECT kind, item FROM rejected")
    assert [tuple(row) for row in rejected] == [("link", "l2")]
    await database.execute("UPDATE links SET link = $1 WHERE id = 'l3'", b"\xff\xff")
    exporter: Any = link_archive_service_pb2_grpc.LinkArchiveServiceStub(channel)
    copies = [
        copy
        async for piece in exporter.ExportLinks(link_archive_service_pb2.ExportLinksRequest(), timeout=60)
        for copy in piece.links
    ]
    assert {(copy.link.id, bool(copy.link.destination)) for copy in copies} == {("l1", True), ("l3", False)}


async def test_a_link_with_a_revision_that_none_could_follow_is_set_aside(relay: Stub, database: "Database") -> None:
    """Restored, it could never be changed again; what comes with it is kept."""
    answer = await relay.Deliver(delivery(links=[link("l1", revision=2**63 - 1), link("l2")]), timeout=60)
    assert (answer.new_links, answer.rejected) == (1, 1)
    assert "no later one" in await database.fetchval("SELECT reason FROM rejected")


async def test_a_session_issued_without_a_click_is_kept(relay: Stub, database: "Database") -> None:
    """Once, and it is nobody's."""
    for _ in range(2):
        await deliver(relay, sessions=[issued("s" * 32), issued("s" * 32)])
    rows = await database.fetch("SELECT id, profile_key, click_id, created_at FROM sessions")
    assert [tuple(row) for row in rows] == [("s" * 32, None, None, START)]


async def test_new_clicks_have_their_visitors_decided_again(relay: Stub, database: "Database") -> None:
    """In the same transaction: the recipient, and a session that may have events already; those of crawlers do not."""
    used = click(2, profile="bob")
    await deliver(relay, sessions=[issued(used.session)])
    await database.execute("CREATE TABLE marked AS TABLE dirty_visitors")
    await database.execute(
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        " 'BEGIN INSERT INTO marked SELECT NEW.*; RETURN NEW; END'"
    )
    await database.execute("CREATE TRIGGER note AFTER INSERT ON dirty_visitors FOR EACH ROW EXECUTE FUNCTION note()")
    clicked = click(profile="ann")
    await deliver(relay, clicked, click(1, verdict=BOT), used)
    rows = await database.fetch("SELECT session, coalesce(profile_key, persons[1]) IS NOT NULL AS known FROM marked")
    assert {tuple(row) for row in rows} == {(None, True), (used.session, True)}


async def test_what_a_header_may_hold_holds_nothing_up(relay: Stub, database: "Database") -> None:
    """A NUL or any other character, at any length."""
    assert await deliver(relay, click(user_agent="a\0b", referrer="\x80\xff", query="q" * 100_000)) == (1, 0)
    assert await database.fetchval("SELECT user_agent || referrer FROM clicks") == "ab\x80\xff"


async def test_a_click_of_a_wrong_clock_is_kept(relay: Stub, database: "Database") -> None:
    """Decades away from now, in the partition for such."""
    assert await deliver(relay, click(-60 * 24 * 365 * 40), click(60 * 24 * 365 * 40)) == (2, 0)
    assert await database.fetchval("SELECT count(*) FROM clicks_default") == 2


async def test_late_rows_get_a_partition_of_their_month(relay: Stub, database: "Database") -> None:
    """Also where the default one has caught some of that month already."""
    early = await database.fetchval("SELECT date_trunc('month', now()) - interval '40 days'")
    minutes = (early - START) / timedelta(minutes=1)
    await database.execute(
        "INSERT INTO clicks SELECT 'shop', $1, gen_random_uuid(), 'l', 't', NULL, NULL, NULL, NULL, NULL, $1, 'bot',"
        " '', 1, '', '', '', '', '', '', '', '', '', '', '', '', ''",
        early,
    )
    assert await deliver(relay, click(minutes + 1)) == (1, 0)
    assert await database.fetchval("SELECT count(*) FROM clicks_default") == 0
    partitions = await database.fetch("SELECT tableoid::regclass::text FROM clicks")
    assert [row[0] for row in partitions] == [f"clicks_{early:%Y_%m}"] * 2


async def test_a_claimed_session_becomes_its_person(relay: Stub, database: "Database") -> None:
    """Who clicked a shared link twice and is known in both sessions is one person, at the earlier click."""
    clicks = [click(0), click(20)]
    await deliver(relay, *clicks)
    connection = cast("Connection", database)
    key = (await profile_keys(connection, [ProfileName("shop", "ann")], START))["shop", "ann"]
    for clicked in reversed(clicks):
        await database.execute("UPDATE sessions SET profile_key = $1 WHERE id = $2", key, clicked.session)
        await give_first_clicks_to_persons(connection, [SessionKey("shop", clicked.session)])
    assert await buckets(database) == {0: (1, 1), 15: (1, 0)}
    visitors = await database.fetch("SELECT DISTINCT visitor FROM first_clicks")
    assert [row["visitor"] for row in visitors] == [f"p{key}"]
