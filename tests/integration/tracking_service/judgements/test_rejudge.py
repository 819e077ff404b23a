"""Hits that are judged again by later rules, with everything that was counted and decided of them."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from grpc import aio

from clicktrail.tracking.v1 import click_pb2, judgement_service_pb2, profile_service_pb2, report_service_pb2
from clicktrail.tracking.v1 import judgement_service_pb2_grpc as judging
from common.clock import to_timestamp
from common.errors import Reason
from tests.integration.tracking_service.reconciliation.test_any_order import add_up, at_once, reports, story
from tests.integration.tracking_service.reports.test_worked_example import settle
from tests.support.tracking_service.calling import SECONDS, Caller, failure
from tests.support.tracking_service.clicking import START, click
from tests.support.tracking_service.commands import clicktrail
from tests.support.tracking_service.events import event, order
from tests.support.tracking_service.shortener_peer import Shortener
from tests.support.tracking_service.worked_example import IPAD, IPHONE, WINDOWS, at
from tracking_service.bootstrap import TrackingService

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

ALL = profile_service_pb2.ACTIVITY_INCLUSION_ALL
BOT = click_pb2.VERDICT_BOT
PHONE = "Mozilla/5.0 (Linux; Android 14; CUBOT_X70) Chrome/130.0 Mobile"
CRAWLER = "Mozilla/5.0 (compatible; Prober/2.0)"


@pytest_asyncio.fixture
async def shortener() -> AsyncIterator[Shortener]:
    """Run the service that has the rules."""
    peer = Shortener()
    peer.rules_version = 2
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
def shortener_target(shortener: Shortener) -> str:
    """Have the service know that one."""
    return shortener.target


@pytest.fixture
def stub(channel: aio.Channel) -> judging.JudgementServiceStub:
    """Return the stub of JudgementService."""
    return judging.JudgementServiceStub(channel)


async def rejudge(stub: judging.JudgementServiceStub, **fields: Any) -> judgement_service_pb2.RejudgeResponse:
    """Judge everything again and return what was told last."""
    request = judgement_service_pb2.RejudgeRequest(**{"from_time": to_timestamp(at(-60)), **fields})
    answers = [answer async for answer in stub.Rejudge(request, timeout=SECONDS)]
    return answers[-1]


def changes(told: judgement_service_pb2.RejudgeResponse) -> dict[tuple[str, str], int]:
    """Return how many hits became what."""
    return {(each.before, each.after): each.hits for each in told.changes}


async def differences(caller: Caller) -> list[Any]:
    """Return where counters and credits are not what a recount says."""
    request = report_service_pb2.ReconcileRequest(business_id="shop")
    return list((await caller.reports.Reconcile(request, timeout=SECONDS)).differences)


async def totals(caller: Caller, database: "Database") -> report_service_pb2.Totals:
    """Return the totals of the campaign, once all is decided and agrees with a recount."""
    await settle(database)
    assert await differences(caller) == []
    report = await caller.report(
        campaign="spring", from_time=to_timestamp(at(-60)), to_time=to_timestamp(at(12 * 24 * 60))
    )
    add_up(report)
    return report.totals


def people(hits: report_service_pb2.Totals) -> tuple[int, int, int, int, int]:
    """Return clicks, people who clicked, recipients who clicked, sessions, and hits of programs."""
    return hits.clicks, hits.unique_clickers, hits.clicked_recipients, hits.sessions, hits.bot_hits


def is_led(told: report_service_pb2.Totals) -> bool:
    """Tell whether a click led to what was bought."""
    return told.HasField("time_to_conversion")


async def test_a_program_that_was_a_person(
    caller: Caller, database: "Database", stub: judging.JudgementServiceStub
) -> None:
    """The click is hers, in a session that nobody was given, and what she bought afterwards was led by it."""
    hit = click(10, verdict=BOT, profile="ana", user_agent=PHONE)
    await caller.deliver(hit)
    await caller.track(order(session=None, profile="ana", amount="20", currency="USD", tracked_at=to_timestamp(at(30))))
    before = await totals(caller, database)
    assert (people(before), is_led(before)) == ((0, 0, 0, 0, 1), False)
    assert changes(await rejudge(stub)) == {("bot", "human"): 1}
    after = await totals(caller, database)
    assert (people(after), is_led(after)) == ((1, 1, 1, 1, 0), True)
    clicks = [each for each in await caller.activities("ana") if each.action == "short_link.clicked"]
    assert [(each.verdict, each.id) for each in clicks] == [("human", clicks[0].id)]
    session = await caller.session(clicks[0].session)
    assert (session.profile, session.link, len(session.id)) == ("ana", "abc", 32)
    kept = await database.fetch("SELECT verdict, rules_version, session IS NULL AS is_bare FROM clicks")
    assert [tuple(row) for row in kept] == [("bot", 1, True)]


async def test_a_person_who_was_a_program(
    caller: Caller, database: "Database", stub: judging.JudgementServiceStub, shortener: Shortener
) -> None:
    """The session keeps whose it is and what happened in it; the next click is the first one, and led what followed."""
    false, true = (
        click(10, seed=1, profile="ana", user_agent=CRAWLER),
        click(40, seed=2, profile="ana", user_agent=IPHONE),
    )
    await caller.deliver(false, true)
    await caller.track(event("page.viewed", session=false.session, tracked_at=to_timestamp(at(11))))
    await caller.track(order(session=false.session, amount="20", currency="USD", tracked_at=to_timestamp(at(20))))
    before = await totals(caller, database)
    assert (people(before), is_led(before)) == ((2, 1, 1, 2, 0), True)
    shortener.verdicts[CRAWLER] = "scanner"
    assert changes(await rejudge(stub)) == {("human", "scanner"): 1}
    after = await totals(caller, database)
    assert (people(after), is_led(after)) == ((1, 1, 1, 1, 1), False)
    # The later click is the first one now.
    assert (before.time_to_click, after.time_to_click) == (10 * 60, 40 * 60)
    session = await caller.session(false.session)
    assert (session.profile, session.link) == ("ana", "")
    done = [(each.action, each.verdict) for each in await caller.activities("ana", include=ALL)]
    assert done == [
        ("short_link.clicked", "human"), ("order.placed", ""), ("page.viewed", ""), ("short_link.clicked", "scanner"),
    ]  # fmt: skip


async def test_what_is_no_person_either_way(
    caller: Caller, database: "Database", stub: judging.JudgementServiceStub, shortener: Shortener
) -> None:
    """The verdict alone changes, in the breakdown and among the recipient's activities."""
    await caller.deliver(
        click(10, verdict=BOT, profile="ana", user_agent=CRAWLER), click(11, verdict=BOT, user_agent=CRAWLER)
    )
    shortener.verdicts[CRAWLER] = "preview"
    assert changes(await rejudge(stub)) == {("bot", "preview"): 2}
    assert people(await totals(caller, database)) == (0, 0, 0, 0, 2)
    report = await caller.report(campaign="spring")
    assert [(each.value, each.clicks) for each in report.breakdowns.verdict if each.clicks] == [("preview", 2)]
    assert [each.verdict for each in await caller.activities("ana", include=ALL)] == ["preview"]


async def test_it_may_be_told_beforehand_and_changes_nothing_twice(
    caller: Caller, database: "Database", stub: judging.JudgementServiceStub
) -> None:
    """A dry run counts what would change; afterwards nothing is left to judge by the same rules."""
    await caller.deliver(*(click(number, seed=number, verdict=BOT, user_agent=PHONE) for number in range(7)))
    dry = await rejudge(stub, dry_run=True)
    assert (dry.looked_at, changes(dry), dry.rules_version) == (7, {("bot", "human"): 7}, 2)
    assert await database.fetchval("SELECT count(*) FROM judgements") == 0
    assert people(await totals(caller, database)) == (0, 0, 0, 0, 7)
    both = await asyncio.gather(*(rejudge(stub) for _ in range(4)))
    assert sum(told.changed for told in both) == 7
    again = await rejudge(stub)
    assert (again.looked_at, again.changed) == (0, 0)
    assert people(await totals(caller, database)) == (7, 7, 0, 7, 0)


async def test_what_it_leaves_alone(caller: Caller, stub: judging.JudgementServiceStub, shortener: Shortener) -> None:
    """Hits of before, of newer rules, without a user agent, and those that were no question of it."""
    shortener.verdicts = {PHONE: "bot"}
    await caller.deliver(
        click(-90, seed=1, user_agent=PHONE),
        click(1, seed=2, user_agent=""),
        click(2, seed=3, user_agent=PHONE, rules_version=3),
        click(3, seed=4, user_agent=PHONE, verdict=click_pb2.VERDICT_HEAD),
        click(4, seed=5, user_agent=PHONE, verdict=click_pb2.VERDICT_PREFETCH),
    )
    assert (await rejudge(stub)).looked_at == 0
    assert await differences(caller) == []


async def test_many_are_judged_piece_by_piece(
    caller: Caller, database: "Database", stub: judging.JudgementServiceStub, shortener: Shortener
) -> None:
    """Each piece is told of; where it breaks off, what is done is whole, and the rest is done the next time."""
    hits = [click(number / 100, seed=number, user_agent=PHONE) for number in range(1_203)]
    for start in range(0, len(hits), 100):
        await caller.deliver(*hits[start : start + 100])
    shortener.verdicts = {PHONE: "bot"}
    request = judgement_service_pb2.RejudgeRequest(from_time=to_timestamp(START))
    call = stub.Rejudge(request, timeout=SECONDS)
    first = await call.read()
    assert isinstance(first, judgement_service_pb2.RejudgeResponse)
    assert (first.looked_at, first.changed) == (500, 500)
    call.cancel()
    told = await rejudge(stub)
    assert people(await totals(caller, database))[4] == 1_203
    assert 203 <= told.changed <= 703


async def test_who_cannot_be_asked(stub: judging.JudgementServiceStub, shortener: Shortener) -> None:
    """Without the shortener nothing is judged; without a time or of nobody, nothing either."""
    shortener.refusals = 1
    assert (await failure(rejudge(stub))).reason is Reason.UPSTREAM_DOWN
    error = await failure(rejudge(stub, from_time=None))
    assert [fault.parameter for fault in error.faults] == ["from"]
    assert (await failure(rejudge(stub, business_id="nobody"))).reason is Reason.BUSINESS_UNKNOWN


@pytest.mark.parametrize("seed", range(3))
async def test_forth_and_back_is_as_before(
    caller: Caller, database: "Database", stub: judging.JudgementServiceStub, shortener: Shortener, seed: int
) -> None:
    """Whatever happened before and meanwhile: counters equal a recount by all rules, and say the same by the same."""
    chance = random.Random(seed)  # noqa: S311  (the same each time)
    steps = story(caller, chance)
    chance.shuffle(steps)
    early, late = steps[: len(steps) // 2], steps[len(steps) // 2 :]
    await at_once(early, 6)
    shortener.verdicts = {IPHONE: "bot", WINDOWS: "human", IPAD: "scanner"}
    await asyncio.gather(at_once(late, 3), rejudge(stub), rejudge(stub))
    for version, verdicts in ((3, {IPHONE: "human", WINDOWS: "bot"}), (4, {IPAD: "preview"}), (5, shortener.verdicts)):
        await settle(database)
        assert await differences(caller) == []
        for report in await reports(caller):
            add_up(report)
        shortener.rules_version, shortener.verdicts = version, verdicts
        await asyncio.gather(rejudge(stub), rejudge(stub))
    await settle(database)
    assert await differences(caller) == []
    judged_once = [shown(report) for report in await reports(caller)]
    for version, verdicts in ((6, {IPHONE: "preview"}), (7, shortener.verdicts)):
        shortener.rules_version, shortener.verdicts = version, verdicts
        await rejudge(stub)
        await settle(database)
        assert await differences(caller) == []
    assert [shown(report) for report in await reports(caller)] == judged_once


def shown(report: report_service_pb2.Report) -> report_service_pb2.Report:
    """Return a report without the values that nothing is counted of any more."""
    for _, values in report.breakdowns.ListFields():
        left = [one for one in values if one.clicks]
        del values[:]
        values.extend(left)
    return report


async def test_the_command_tells_what_became_of_what(
    tracking: TrackingService, caller: Caller, shortener: Shortener
) -> None:
    """What would change, what did, what was dropped before, and JSON; a time is needed."""
    await caller.deliver(click(1, seed=1, verdict=BOT, user_agent=PHONE), click(2, seed=2, user_agent=PHONE))
    code, out, err = await clicktrail(tracking, "rejudge", "--from", "2026-11-20", "--dry-run")
    assert (code, err) == (0, "")
    assert "2 hits of older rules looked at by version 2: 1 would be something else." in out
    code, out, _ = await clicktrail(tracking, "rejudge", "--from", "2020-01-01", "--business", "shop")
    assert code == 0
    assert [word in out for word in ("bot", "human", "rules 2", "1 are something else now")] == [True] * 4
    assert "stay as they were judged" in " ".join(out.split())
    code, out, _ = await clicktrail(tracking, "rejudge", "--from", "2026-11-20", "--json")
    assert (code, json.loads(out)["looked_at"]) == (0, 1)
    code, _, err = await clicktrail(tracking, "rejudge", "--from", "yesterday")
    assert (code, "--from" in err) == (2, True)
    shortener.refusals = 1
    code, _, err = await clicktrail(tracking, "rejudge", "--from", "2026-11-20")
    assert (code, err.count("\n")) == (3, 1)
