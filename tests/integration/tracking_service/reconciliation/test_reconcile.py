"""A recount finds no difference after any load, also under way, and every one that is made."""

import asyncio
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from clicktrail.tracking.v1 import click_pb2, event_pb2
from clicktrail.tracking.v1 import report_service_pb2 as pb
from common.clock import to_timestamp
from common.errors import Reason
from tests.support.tracking_service.calling import Caller, failure, faults
from tests.support.tracking_service.clicking import START, click, link
from tests.support.tracking_service.events import event, order, submission, track
from tests.support.waiting import eventually

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

VERDICTS = [click_pb2.VERDICT_HUMAN] * 4 + [click_pb2.VERDICT_BOT, click_pb2.VERDICT_PREVIEW]
PEOPLE = ("ann", "bob", "cid", "dora")
MINUTES = 400
# Of each counter, and of the ledger, something that no code of ours does.
TAMPERING = {
    "click_counts.clicks": "UPDATE click_counts SET clicks = clicks + 1 WHERE {row}",
    "click_counts.unique_clickers": "UPDATE click_counts SET unique_clickers = unique_clickers - 1 WHERE {row}",
    "click_counts.clicked_recipients": "UPDATE click_counts SET clicked_recipients = 7 WHERE {row}",
    "click_counts.bot_hits": "UPDATE click_counts SET bot_hits = bot_hits + 1 WHERE {row}",
    "click_counts.sessions": "UPDATE click_counts SET sessions = 0 WHERE scope = 'business'",
    "breakdown_counts.clicks": "UPDATE breakdown_counts SET clicks = clicks + 1 WHERE {row}",
    "breakdown_counts.unique_clickers": "DELETE FROM breakdown_counts WHERE dimension = 'verdict' AND value = 'human'",
    "first_clicks.rows": "UPDATE sessions SET firsts = 0 WHERE {row}",
    "event_counts.events": "UPDATE event_counts SET events = events + 1 WHERE {row}",
    "event_counts.conversions": "UPDATE event_counts SET conversions = conversions + 1 WHERE {row}",
    "event_counts.revenue": "UPDATE event_counts SET revenue = revenue + 1 WHERE {row}",
    "event_counts.taken_back": "UPDATE event_counts SET taken_back = taken_back + 1 WHERE {row}",
    "event_counts.conversions_led": "UPDATE event_counts SET conversions_led = conversions_led + 1 WHERE {row}",
    "event_counts.seconds_to_conversion": "UPDATE event_counts SET seconds_to_conversion = -1 WHERE {row}",
    "event_counts.confirmed_conversions": "UPDATE event_counts SET confirmed_conversions = 7 WHERE {row}",
    "event_counts.confirmed_revenue": "UPDATE event_counts SET confirmed_revenue = 0 WHERE {row}",
    "event_counts.unconfirmed_conversions": "UPDATE event_counts SET unconfirmed_conversions = 1 WHERE {row}",
    "event_counts.unconfirmed_revenue": "UPDATE event_counts SET unconfirmed_revenue = -1 WHERE {row}",
    "recipients.rows": "DELETE FROM recipients WHERE {row}",
    "recipient_counts.recipients": "UPDATE recipient_counts SET recipients = recipients + 1 WHERE {row}",
}
ROWS = {
    "click_counts": "scope = 'campaign'",
    "breakdown_counts": "scope = 'link'",
    "first_clicks": "firsts > 0",
    "event_counts": "scope = 'campaign' AND action = 'order.placed'",
    "recipients": "scope = 'campaign'",
    "recipient_counts": "scope = 'business'",
}
LEDGER = {
    "another click": "UPDATE credits SET click_id = gen_random_uuid() WHERE {event}",
    "another amount": "UPDATE credits SET revenue_minor = 1 WHERE {event}",
    "another provenance": "UPDATE credits SET provenance = 'reported' WHERE {event}",
    "no click": "UPDATE credits SET click_id = NULL, campaign = NULL, link = NULL WHERE {event}",
    "an entry less": "DELETE FROM credits WHERE {event}",
    "another number": "UPDATE credits SET entry = 7 WHERE {event}",
    "an event that is not there": "UPDATE credits SET event_id = gen_random_uuid() WHERE {event}",
}


async def recount(caller: Caller, **fields: Any) -> pb.ReconcileResponse:
    """Recount the business."""
    return await caller.reports.Reconcile(pb.ReconcileRequest(business_id="shop", **fields), timeout=120)


async def settled(caller: Caller) -> pb.ReconcileResponse:
    """Recount once nobody waits for the attribution."""
    return await eventually(lambda: recount(caller), lambda found: found.waiting == 0, limit_seconds=120)


def named(found: pb.ReconcileResponse) -> set[str]:
    """Return what differs, in short."""
    return {f"{each.counter}.{each.figure}".rstrip(".") for each in found.differences}


def random_click(rng: random.Random, number: int) -> click_pb2.Click:
    """Return a click of any kind within some hours."""
    recipient = rng.choice(["", "", *PEOPLE])
    place = rng.choice([{"campaign": "spring"}, {"campaign": "", "journey": "welcome"}, {"campaign": ""}])
    return click(
        rng.randrange(MINUTES),
        seed=number,
        verdict=rng.choice(VERDICTS),
        profile=recipient,
        link=f"l-{recipient or rng.choice('xy')}",
        message=rng.choice(["", "m1", "m2"]),
        **place,
    )


def random_event(rng: random.Random, number: int, sessions: list[str]) -> event_pb2.Submission:
    """Return an event of any kind, of a session with or without a click, perhaps of an order that others name."""
    who: dict[str, Any] = rng.choice(
        [{"session": rng.choice(sessions)}, {"session": f"browser-{rng.randrange(9)}"}, {"session": None}]
    )
    if who["session"] is None:
        who["profile"] = rng.choice(PEOPLE)
    step = rng.choice(["order.placed", "order.confirmed", "order.cancelled", "product.viewed", "page.viewed"])
    told: dict[str, Any] = {"tracked_at": to_timestamp(START + timedelta(minutes=rng.randrange(MINUTES)))} | who
    if step.startswith("order"):
        sent = order(step, str(rng.randrange(12)), amount=str(rng.randrange(1, 500)), **told)
    elif step == "product.viewed":
        sent = event(step, object_parameters={"reference": "shoe"}, **told)
    else:
        sent = event(step, **told)
    return submission(sent, key=f"k{number}", minutes=rng.randrange(300))


async def load(caller: Caller, seed: int, clicks: int = 120, events: int = 120) -> None:
    """Send a random mix at once: clicks twice, events twice, links, and claims of sessions."""
    rng = random.Random(seed)  # noqa: S311  (the same mix each time)
    hits = [random_click(rng, seed * 1000 + number) for number in range(clicks)]
    sessions = [each.session for each in hits if each.session]
    sent = [random_event(rng, seed * 1000 + number, sessions) for number in range(events)]
    claimed = [(session, rng.choice(PEOPLE)) for session in rng.sample(sessions, 12)]
    copies = [link(f"l{seed}-{number}", profile=rng.choice(PEOPLE), message="m1") for number in range(9)]
    slots = asyncio.Semaphore(4)

    async def call(work: Any) -> None:
        async with slots:
            await work

    async def claim(session: str, profile: str) -> None:
        request = submission(event(session=session, profile=profile), key=f"c{seed}{session}")
        await track(caller.events, request)

    work = [caller.deliver(*hits[start : start + 17]) for start in [*range(0, clicks, 17)] * 2]
    work += [track(caller.events, *sent[start : start + 13]) for start in [*range(0, events, 13)] * 2]  # type: ignore[misc]  # their answers are not looked at
    work += [caller.deliver(links=copies[start : start + 4]) for start in range(0, 9, 3)]
    work += [claim(*each) for each in claimed]
    rng.shuffle(work)
    await asyncio.gather(*map(call, work))


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_differs_after_a_load_at_once(caller: Caller, seed: int) -> None:
    """In any order, twice, several at a time, with claims and orders across visitors."""
    await load(caller, seed)
    found = await settled(caller)
    assert named(found) == set()
    assert found.events >= 60
    assert found.figures > 1000
    assert not found.has_more
    assert not found.HasField("from_time")


async def test_nothing_differs_while_writes_go_on(caller: Caller) -> None:
    """Each recount sees one moment; who waits for the attribution is told, and is no difference."""
    seen = []

    async def watch(writing: "asyncio.Task[Any]") -> None:
        while not writing.done():
            seen.append(await recount(caller))

    writing = asyncio.create_task(_loads(caller))
    await watch(writing)
    await writing
    assert [each for found in seen for each in found.differences] == []
    assert len(seen) >= 2
    assert named(await settled(caller)) == set()


async def _loads(caller: Caller) -> None:
    for seed in (11, 12, 13):
        await load(caller, seed, clicks=60, events=60)


async def test_who_waits_is_left_out_and_counted(caller: Caller, database: "Database") -> None:
    """A decision that stands no longer is no difference as long as it is about to be made again."""
    await small(caller)
    await settled(caller)
    await database.execute("UPDATE credits SET revenue_minor = 1 WHERE action = 'order.placed'")
    event_of = await database.fetchrow("SELECT session, profile_key FROM activities WHERE action = 'order.placed'")
    assert event_of is not None
    await database.execute(
        "INSERT INTO dirty_visitors (business_id, session, profile_key, attempts, next_try_at)"
        " VALUES ('shop', $1, $2, 1, now() + interval '1 hour')",
        *event_of,
    )
    found = await recount(caller)
    assert found.waiting == 1
    assert "credits" not in named(found)
    assert "event_counts.revenue" in named(found)


async def small(caller: Caller) -> None:
    """Two people click, one orders; a crawler passes by."""
    first = click(1, profile="ann", link="l1")
    await caller.deliver(
        first,
        click(2, profile="bob", link="l2"),
        click(3, verdict=click_pb2.VERDICT_BOT),
        links=[link("l1", profile="ann"), link("l2", profile="bob")],
    )
    at = to_timestamp(START + timedelta(minutes=30))
    await caller.track(order(session=first.session, amount="395", tracked_at=at))
    await caller.track(event("page.viewed", session=first.session, tracked_at=at))


@pytest.mark.parametrize("figure", TAMPERING)
async def test_tampering_with_a_counter_is_found(caller: Caller, database: "Database", figure: str) -> None:
    """It is named, with what is kept and what the rows say."""
    await small(caller)
    assert named(await settled(caller)) == set()
    table = figure.partition(".")[0]
    done = await database.execute(TAMPERING[figure].format(row=ROWS[table]))
    assert not done.endswith(" 0"), "nothing was tampered with"
    found = await recount(caller)
    assert {name.partition(".")[0] for name in named(found)} == {table}
    assert figure in named(found)
    for each in found.differences:
        assert each.counted != each.recounted
        assert [part.name for part in each.key][:2] == ["scope", "scope_id"]


@pytest.mark.parametrize("what", LEDGER)
async def test_tampering_with_the_ledger_is_found(caller: Caller, database: "Database", what: str) -> None:
    """The event is named, with what it is credited to and what it should be."""
    await small(caller)
    assert named(await settled(caller)) == set()
    event_id = await database.fetchval("SELECT event_id FROM credits WHERE action = 'order.placed'")
    await database.execute(LEDGER[what].format(event=f"event_id = '{event_id}'"))
    found = await recount(caller)
    credits_ = [each for each in found.differences if each.counter == "credits"]
    ids = {part.value for each in credits_ for part in each.key}
    assert str(event_id) in ids or what == "an event that is not there"
    assert all(each.credited for each in credits_)


async def test_rows_that_are_gone_are_found(caller: Caller, database: "Database") -> None:
    """A click that was deleted is missed by every counter of clicks."""
    await small(caller)
    await settled(caller)
    await database.execute("DELETE FROM clicks WHERE link = 'l2'")
    found = await recount(caller)
    assert {name.partition(".")[0] for name in named(found)} == {"click_counts", "breakdown_counts", "first_clicks"}


async def test_only_the_range_asked_for_is_looked_at(caller: Caller, database: "Database") -> None:
    """What differs before or behind it is left for another call."""
    await small(caller)
    await settled(caller)
    await database.execute("UPDATE click_counts SET clicks = 7 WHERE scope = 'business'")
    await database.execute("UPDATE credits SET conversions = 5 WHERE action = 'page.viewed'")
    start, later = to_timestamp(START), to_timestamp(START + timedelta(minutes=15))
    within = named(await recount(caller, from_time=start, to_time=later))
    behind = named(await recount(caller, from_time=later))
    assert "click_counts.clicks" in within
    assert "credits" not in within
    assert "click_counts.clicks" not in behind
    assert "credits" in behind


async def test_a_range_beyond_what_is_kept_is_refused(caller: Caller, database: "Database") -> None:
    """Where counters outlive their rows; without a start it begins where rows begin, and says so."""
    await small(caller)
    await settled(caller)
    old = START - timedelta(days=4000)
    await database.execute(
        "INSERT INTO click_counts (business_id, scope, scope_id, bucket) VALUES ('shop', 'business', '', $1)", old
    )
    refused = await failure(recount(caller, from_time=to_timestamp(old)))
    assert (refused.reason, refused.faults[0].parameter) == (Reason.BEYOND_RETENTION, "from")
    found = await recount(caller)
    assert named(found) == set()
    assert found.HasField("from_time")


async def test_what_cannot_be_recounted_is_named(caller: Caller) -> None:
    """Times off the quarter of an hour, a range backwards, a business that is not there."""
    odd, even = to_timestamp(START + timedelta(minutes=1)), to_timestamp(START)
    wrong = await failure(recount(caller, from_time=odd, to_time=even))
    assert faults(wrong) == [("invalid", "from"), ("invalid", "from")]
    unknown = pb.ReconcileRequest(business_id="nobody")
    assert (await failure(caller.reports.Reconcile(unknown, timeout=30))).reason is Reason.BUSINESS_UNKNOWN
