"""What PostgreSQL refuses for its content is set aside with its reason; its neighbours are stored, once."""

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from grpc import aio

from clicktrail.shortener.v1 import session_pb2
from clicktrail.tracking.v1 import click_pb2, event_pb2, profile_service_pb2, relay_service_pb2_grpc
from clicktrail.tracking.v1 import rejection_service_pb2 as pb
from clicktrail.tracking.v1.rejection_service_pb2_grpc import RejectionServiceStub
from common.errors import Reason
from tests.support.tracking_service.calling import Caller, failure
from tests.support.tracking_service.clicking import click, delivery, issued, link
from tests.support.tracking_service.events import ACCEPTED, DUPLICATE, REJECTED, Stub, event, faults, submission, track
from tracking_service.bootstrap import TrackingService
from tracking_service.events.event import Draft, Status
from tracking_service.events.messages import submission_from
from tracking_service.events.rules import EventContext, judge
from tracking_service.events.store import PostgresEvents
from tracking_service.postgres.partitions import Partitions

if TYPE_CHECKING:
    import asyncpg

    from tracking_service.postgres.pool import Postgres

    Database = asyncpg.Connection[asyncpg.Record]

RelayStub = relay_service_pb2_grpc.RelayServiceStub
pytestmark = pytest.mark.usefixtures("business")

EVIL = "evil"
# No two bytes alike for long, so that no index can press it together.
LONG = random.Random(7).randbytes(6_000).hex()  # noqa: S311  (the same each time)
REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.user_agent = 'evil' THEN RAISE EXCEPTION 'no such agent here'; END IF;
        RETURN NEW;
    END $$;
"""
NOTE = """
    CREATE TABLE agents (name text UNIQUE);
    INSERT INTO agents VALUES ('evil');
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF NEW.user_agent = 'evil' THEN INSERT INTO agents VALUES (NEW.user_agent); END IF;
        RETURN NEW;
    END $$;
"""

# What an operator adds or narrows, what a row then must not say, and a word of the reason.
KINDS = {
    "a check": ("ALTER TABLE {table} ADD CONSTRAINT no_evil CHECK (user_agent <> 'evil')", EVIL, "no_evil"),
    "a trigger": (
        REFUSE + "CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()",
        EVIL,
        "no such agent here",
    ),
    "a unique key": (
        NOTE + "CREATE TRIGGER note BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION note()",
        EVIL,
        "agents_name_key",
    ),
    "a length": ("ALTER TABLE {table} ALTER COLUMN user_agent TYPE varchar(2000)", LONG, "too long"),
    "an index": ("CREATE INDEX ON {table} (user_agent)", LONG, "index row"),
    "a number": (
        "ALTER TABLE {table} ADD CHECK (CASE user_agent WHEN 'evil' THEN length(user_agent) * 1000000000 > 0 END)",
        EVIL,
        "out of range",
    ),
    "a null": ("ALTER TABLE {table} ADD CHECK (nullif(user_agent, 'evil') IS NOT NULL)", EVIL, "check constraint"),
    "a division": (
        "ALTER TABLE {table} ADD CHECK (CASE user_agent WHEN 'evil' THEN length(user_agent) / 0 END IS NULL)",
        EVIL,
        "division by zero",
    ),
}  # fmt: skip


@pytest_asyncio.fixture
async def relay(channel: aio.Channel) -> RelayStub:
    """Return the stub of RelayService."""
    return RelayStub(channel)


async def deliver(relay: RelayStub, *clicks: click_pb2.Click, **others: Any) -> tuple[int, int, int]:
    """Deliver, and return how many clicks and links were new, and what was set aside."""
    answer = await relay.Deliver(delivery(*clicks, **others), timeout=120)
    return answer.new_clicks, answer.new_links, answer.rejected


async def rejections(channel: aio.Channel, **fields: Any) -> list[pb.Rejection]:
    """Return what was set aside, as an operator sees it."""
    request = pb.ListRejectionsRequest(**fields)
    return list((await RejectionServiceStub(channel).ListRejections(request, timeout=120)).rejections)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_click_that_is_refused_is_set_aside(
    relay: RelayStub, channel: aio.Channel, database: "Database", kind: str
) -> None:
    """With its message and a reason, however often it comes; its neighbours are stored and counted once."""
    change, agent, word = KINDS[kind]
    await database.execute(change.format(table="clicks"))
    unstorable = click(3, user_agent=agent)
    clicks = [*(click(minute) for minute in range(3)), unstorable, *(click(minute) for minute in range(4, 9))]
    assert await deliver(relay, *clicks) == (8, 0, 1)
    assert await deliver(relay, *clicks) == (0, 0, 1)
    (row,) = await database.fetch("SELECT * FROM rejected")
    assert (row["kind"], row["item"], row["content"]) == ("click", row["item"], unstorable.SerializeToString())
    (shown,) = await rejections(channel)
    assert (shown.kind, shown.business_id, shown.bytes) == ("click", "shop", unstorable.ByteSize())
    assert word in shown.reason
    assert not {"INSERT", "DETAIL", "\n"} & set(shown.reason.split(" "))
    assert await database.fetchval("SELECT sum(clicks) FROM click_counts WHERE scope = 'business'") == 8
    assert await database.fetchval("SELECT count(*) FROM clicks") == 8


@pytest.mark.parametrize("kind", KINDS)
async def test_an_event_that_is_refused_is_set_aside(
    events: Stub, channel: aio.Channel, database: "Database", kind: str
) -> None:
    """It gets a receipt that says so and no more; its neighbours are accepted."""
    change, agent, word = KINDS[kind]
    await database.execute(change.format(table="events"))
    sent = [submission(event(), key=f"k{number}") for number in range(6)]
    sent[2].user_agent = agent
    receipts = await track(events, *sent)
    assert [receipt.status for receipt in receipts] == [ACCEPTED] * 2 + [REJECTED] + [ACCEPTED] * 3
    (fault,) = receipts[2].errors
    assert (fault.type, fault.parameter, receipts[2].key) == ("invalid", "", "k2")
    assert "set aside" in fault.description
    assert word not in fault.description
    (row,) = await database.fetch("SELECT * FROM rejected")
    assert (row["kind"], row["content"]) == ("event", sent[2].SerializeToString())
    assert word in (await rejections(channel))[0].reason
    assert [receipt.status for receipt in await track(events, *sent)] == [DUPLICATE] * 2 + [REJECTED] + [DUPLICATE] * 3
    assert await database.fetchval("SELECT count(*) FROM events") == 5
    assert await database.fetchval("SELECT count(*) FROM rejected") == 1


async def test_two_among_a_thousand_are_found(
    relay: RelayStub, events: Stub, database: "Database", channel: aio.Channel
) -> None:
    """Of clicks and of events."""
    for table in ("clicks", "events"):
        await database.execute(KINDS["a check"][0].format(table=table))
    wrong = {17, 998}
    agents = [EVIL if number in wrong else "Mozilla/5.0" for number in range(1000)]
    clicks = [click(number / 10, user_agent=agent) for number, agent in enumerate(agents)]
    assert await deliver(relay, *clicks) == (998, 0, 2)
    receipts = await track(events, *(submission(event(), key=f"k{n}", user_agent=a) for n, a in enumerate(agents)))
    assert {number for number, receipt in enumerate(receipts) if receipt.status != ACCEPTED} == wrong
    assert [each.kind for each in await rejections(channel)] == ["event", "event", "click", "click"]


async def test_the_same_unstorable_click_twice_in_a_delivery(relay: RelayStub, database: "Database") -> None:
    """Deliveries at once, each with what cannot be stored twice: set aside once, neighbours stored once."""
    await database.execute(KINDS["a check"][0].format(table="clicks"))
    unstorable = click(0.5, user_agent=EVIL)
    answers = await asyncio.gather(
        *(deliver(relay, click(1), unstorable, click(2), unstorable, click(1)) for _ in range(8))
    )
    assert (sum(new for new, _, _ in answers), {aside for _, _, aside in answers}) == (2, {2})
    assert await database.fetchval("SELECT count(*) FROM rejected") == 1
    assert await database.fetchval("SELECT sum(clicks) FROM all_click_counts WHERE scope = 'link'") == 2


async def test_what_fits_into_no_index_is_set_aside(
    relay: RelayStub, database: "Database", channel: aio.Channel
) -> None:
    """A campaign of 12,000 characters, without any change of the tables; links and sessions likewise."""
    wrong_link, wrong_session = link(LONG), session_pb2.Session(id=LONG, business_id="shop")
    wrong_session.created_at.CopyFrom(issued("a").created_at)
    answer = await deliver(
        relay,
        click(1),
        click(2, campaign=LONG),
        click(3, business_id=LONG),
        links=[link("good"), wrong_link],
        sessions=[issued("a-good-session"), wrong_session],
    )
    assert answer == (1, 1, 4)
    found = await rejections(channel)
    assert sorted(each.kind for each in found) == ["click", "click", "link", "session"]
    assert all("index row" in each.reason for each in found)
    assert await database.fetchval("SELECT count(*) FROM sessions WHERE id = 'a-good-session'") == 1


async def test_what_makes_no_sense_is_set_aside(relay: RelayStub, channel: aio.Channel) -> None:
    """An id that is no UUID, and times beyond any calendar: they hold up nobody."""
    late, early = link("late"), issued("from-the-past")
    late.link.created_at.seconds = 2**50
    early.created_at.seconds = -1
    wrong = click(1, id=b"short")
    assert await deliver(relay, click(2), wrong, links=[late, link("l")], sessions=[early]) == (1, 1, 3)
    found = {each.kind: each for each in await rejections(channel)}
    assert set(found) == {"click", "link", "session"}
    assert found["click"].id == b"short".hex()
    assert "years 1970 to 9998" in found["link"].reason


async def test_a_store_that_is_no_good_rejects_nothing(
    relay: RelayStub, channel: aio.Channel, database: "Database"
) -> None:
    """A missing column is no row's fault."""
    await database.execute("ALTER TABLE clicks RENAME COLUMN query TO asked")
    with pytest.raises(aio.AioRpcError):
        await deliver(relay, click())
    await database.execute("ALTER TABLE clicks RENAME COLUMN asked TO query")
    assert await rejections(channel) == []
    assert await deliver(relay, click()) == (1, 0, 0)


async def test_what_the_driver_cannot_send_is_set_aside(
    events: Stub, tracking: TrackingService, database: "Database"
) -> None:
    """A number beyond 64 bits and half of a surrogate pair never reach PostgreSQL."""
    postgres: Postgres = tracking._postgres
    store = PostgresEvents(postgres, Partitions(postgres), lambda: None)
    drafts = [_draft(submission(event(), key=f"k{number}")) for number in range(4)]
    drafts[1] = drafts[1]._replace(amount_minor=2**70)
    drafts[2] = drafts[2]._replace(user_agent="half \ud800")
    receipts = await store.record(drafts)
    assert [receipt.status for receipt in receipts] == [
        Status.ACCEPTED,
        Status.REJECTED,
        Status.REJECTED,
        Status.ACCEPTED,
    ]
    assert await database.fetchval("SELECT count(*) FROM rejected") == 2
    (again,) = await track(events, submission(event(), key="k0"))
    assert again.status == DUPLICATE


async def test_erasing_a_person_clears_what_was_set_aside(
    relay: RelayStub, events: Stub, channel: aio.Channel, database: "Database"
) -> None:
    """By name and by session; what comes later leaves nothing but that it came."""
    caller = Caller(channel)
    for table in ("clicks", "events"):
        await database.execute(KINDS["a check"][0].format(table=table))
    await caller.attach("session-of-ann", "ann", fresh_session=fresh_of("session-of-ann"))
    unstorable = click(1, profile="ann", user_agent=EVIL)
    await deliver(relay, unstorable, click(2, profile="bob", user_agent=EVIL), click(3, profile="ann"))
    in_session = submission(event(session="session-of-ann"), user_agent=EVIL)
    (receipt,) = await track(events, in_session)
    assert faults(receipt) == [("invalid", "")]
    assert len(await rejections(channel)) == 3
    await erase(caller, "ann")
    (left,) = await rejections(channel)
    assert left.bytes > 0
    assert await deliver(relay, unstorable) == (1, 0, 0)  # What was wrong with it told of her, and is kept no more.
    await database.execute("ALTER TABLE clicks ADD CHECK (host <> 'bad.example.com')")
    await database.execute("ALTER TABLE events ADD CHECK (action <> 'cart.viewed')")
    await deliver(relay, click(4, profile="ann", host="bad.example.com"))
    await track(events, submission(event("cart.viewed", session="session-of-ann")))
    kept = await database.fetch("SELECT kind, content, reason, session FROM rejected WHERE content = ''")
    assert sorted(row["kind"] for row in kept) == ["click", "event"]
    assert all(row["session"] is None and "erased" in row["reason"] for row in kept)


async def test_a_person_of_whom_nothing_was_stored_can_be_erased(
    relay: RelayStub, channel: aio.Channel, database: "Database"
) -> None:
    """There is no profile, but there is what was set aside."""
    caller = Caller(channel)
    await database.execute(KINDS["a check"][0].format(table="clicks"))
    await deliver(relay, click(1, profile="ann", user_agent=EVIL))
    await erase(caller, "ann")
    assert await rejections(channel) == []
    await erase(caller, "ann")
    assert (await failure(erase(caller, "nobody"))).reason is Reason.PROFILE_UNKNOWN


async def test_what_was_set_aside_is_listed_in_pages(
    relay: RelayStub, channel: aio.Channel, database: "Database"
) -> None:
    """Newest first, of all businesses or one."""
    await database.execute(KINDS["a check"][0].format(table="clicks"))
    await deliver(relay, *(click(minute, user_agent=EVIL) for minute in range(5)))
    await deliver(relay, click(9, user_agent=EVIL, business_id="other"))
    stub = RejectionServiceStub(channel)
    first = await stub.ListRejections(pb.ListRejectionsRequest(limit=4), timeout=120)
    rest = await rejections(channel, limit=4, before=first.rejections[-1].number)
    assert (first.has_more, len(first.rejections), len(rest)) == (True, 4, 2)
    assert first.rejections[0].business_id == "other"
    assert len(await rejections(channel, business_id="shop")) == 5
    wrong = await failure(stub.ListRejections(pb.ListRejectionsRequest(limit=1001), timeout=120))
    assert wrong.faults[0].parameter == "limit"


async def erase(caller: Caller, profile: str) -> None:
    """Erase a person."""
    request = profile_service_pb2.EraseProfileRequest(business_id="shop", id=profile)
    await caller.profiles.EraseProfile(request, timeout=120)


def fresh_of(session: str) -> session_pb2.Session:
    """Return a session as the shortener knows it."""
    return session_pb2.Session(business_id="shop", id=session, created_at=issued(session).created_at)


def _draft(sent: event_pb2.Submission) -> Draft:
    judged = judge(submission_from(sent), EventContext("USD", frozenset(), {}))
    assert isinstance(judged, Draft)
    return judged
