"""What no link belongs to is an error that tells what there is, unless a link may still be on its way."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from google.protobuf.json_format import ParseDict
from grpc import aio

from clicktrail.tracking.v1 import report_page_service_pb2 as pages
from clicktrail.tracking.v1 import report_service_pb2 as pb
from clicktrail.tracking.v1.report_page_service_pb2_grpc import ReportPageServiceStub
from common.errors import Reason
from tests.support.tracking_service.calling import SECONDS, Caller, failure
from tests.support.tracking_service.clicking import click, link
from tests.support.tracking_service.plans import plan_of, scans_of
from tests.support.tracking_service.shortener_peer import Shortener
from tracking_service.reports.store import HAS_LINKS, KNOWN

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

KINDS: dict[str, dict[str, Any]] = {
    "campaign": {"campaign": "spring"},
    "journey": {"campaign": "", "journey": "welcome"},
    "message": {"message": "teaser"},
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


async def recipients(caller: Caller, **scope: str) -> list[pb.ListRecipientsResponse]:
    """Return the recipients of a scope."""
    request = pb.ListRecipientsRequest(business_id="shop", **scope)
    return [piece async for piece in caller.reports.ListRecipients(request, timeout=SECONDS)]


async def watched(caller: Caller, **scope: Any) -> pb.Report:
    """Return the first report that is sent to whoever watches."""
    request = pb.WatchReportRequest(report=pb.GetReportRequest(business_id="shop", **scope))
    call = caller.reports.WatchReport(request, timeout=SECONDS)
    async for response in call:
        call.cancel()
        return response.report
    raise AssertionError


@pytest.mark.parametrize("kind", KINDS)
async def test_an_unknown_name_is_an_error(caller: Caller, channel: aio.Channel, kind: str) -> None:
    """Wherever one is asked for: with those that there are, the nearest first; other kinds have names of their own."""
    await caller.deliver(links=[link("l1", **KINDS[kind]), link("l2", **KINDS[kind] | {kind: "autumn"})])
    name = KINDS[kind][kind]
    for basis in (pb.REPORT_BASIS_EVENT, pb.REPORT_BASIS_COHORT):
        assert (await caller.report(**{kind: name}, basis=basis)).totals.clicks == 0
    assert await recipients(caller, **{kind: name}) == []
    wrong = f"{name}x"
    refusals = [
        await failure(caller.report(**{kind: wrong})),
        await failure(caller.report(**{kind: wrong}, basis=pb.REPORT_BASIS_COHORT)),
        await failure(recipients(caller, **{kind: wrong})),
        await failure(watched(caller, **{kind: wrong})),
    ]
    if kind != "message":
        asked = ParseDict({"business_id": "shop", kind: wrong}, pages.CreateReportLinkRequest())
        refusals.append(await failure(ReportPageServiceStub(channel).CreateReportLink(asked, timeout=SECONDS)))
    for refusal in refusals:
        (fault,) = refusal.faults
        assert (refusal.reason, fault.type, fault.parameter) == (Reason.SCOPE_UNKNOWN, "not_found", kind)
        assert fault.known == (name, "autumn")
        assert fault.description == f"No link belongs to {kind} {wrong}. There are: {name}, autumn."
    other = "journey" if kind == "campaign" else "campaign"
    assert (await failure(caller.report(**{other: name}))).reason is Reason.SCOPE_UNKNOWN


async def test_an_unknown_link_is_an_error_with_those_that_there_are(caller: Caller) -> None:
    """Where the shortener does not have it either."""
    await caller.deliver(links=[link("abcdef"), link("zzz")])
    for refusal in (await failure(caller.report(link="abcdfe")), await failure(recipients(caller, link="abcdfe"))):
        (fault,) = refusal.faults
        assert (refusal.reason, fault.parameter) == (Reason.LINK_UNKNOWN, "link")
        assert fault.known == ("abcdef", "zzz")


async def test_nothing_is_known_of_a_business_without_links(caller: Caller) -> None:
    """And the whole of it has a report."""
    assert (await caller.report()).totals.clicks == 0
    (fault,) = (await failure(caller.report(campaign="spring"))).faults
    assert (fault.known, fault.description) == ((), "No link belongs to campaign spring. There is no campaign yet.")


async def test_a_name_whose_link_is_on_its_way_is_known(caller: Caller, shortener: Shortener) -> None:
    """It is waited for: a campaign has a report as soon as it has a link."""

    async def deliver() -> bool:
        await caller.deliver(links=[link("l1", profile="ana")])
        return True

    shortener.delivers = deliver
    assert (await caller.report(campaign="spring")).totals.recipients == 1


async def test_a_name_whose_clicks_came_before_its_link_is_known(caller: Caller) -> None:
    """By what is counted there."""
    await caller.deliver(click(1, message="teaser"))
    assert (await caller.report(campaign="spring")).totals.clicks == 1
    assert await recipients(caller, message="teaser") == []


async def test_where_nobody_can_tell_a_name_is_known(caller: Caller, shortener: Shortener) -> None:
    """While links are on their way, or the shortener is not there."""

    async def deliver() -> bool:
        return False

    shortener.delivers = deliver
    assert (await caller.report(campaign="spring")).totals.clicks == 0
    await shortener.stop()
    assert (await caller.report(campaign="spring")).totals.clicks == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_names_are_found_by_an_index(database: "Database", kind: str) -> None:
    """However many links have them."""
    await database.execute("ALTER TABLE links SET (autovacuum_enabled = off)")
    await database.execute(
        "INSERT INTO links (business_id, id, template, campaign, journey, message, revision, link, created_at)"
        " SELECT 'shop', 'l' || n, 't', 'n' || n % 3, 'n' || n % 3, 'n' || n % 3, 1, '', now()"
        " FROM generate_series(1, 3000) AS n"
    )
    for query, argument in ((HAS_LINKS[kind], "nosuch"), (KNOWN[kind], 20)):
        plan = await plan_of(database, query, "shop", argument, most_rows=4)
        assert all("Seq Scan" not in scan for scan in scans_of(plan))
