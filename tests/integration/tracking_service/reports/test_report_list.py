"""The list of campaigns and journeys says what their reports say in total."""

from typing import TYPE_CHECKING

import pytest
from grpc import aio

from clicktrail.tracking.v1 import report_page_service_pb2 as pages
from clicktrail.tracking.v1.report_page_service_pb2_grpc import ReportPageServiceStub
from tests.integration.tracking_service.reports.test_worked_example import settle
from tests.support.tracking_service.calling import SECONDS, Caller
from tests.support.tracking_service.worked_example import Story

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")


async def test_the_list_has_the_totals_of_the_reports(
    caller: Caller, channel: aio.Channel, database: "Database"
) -> None:
    """Of campaigns and journeys alike, each with its own, and with nothing where nothing happened."""
    stub = ReportPageServiceStub(channel)
    request = pages.ListScopesRequest(business_id="shop", limit=3)
    assert list((await stub.ListScopes(request, timeout=SECONDS)).scopes) == []
    for step in Story(caller).steps():
        await step()
    await settle(database)
    first = await stub.ListScopes(request, timeout=SECONDS)
    request.offset = 3
    second = await stub.ListScopes(request, timeout=SECONDS)
    assert (first.has_more, second.has_more) == (True, False)
    listed = {scope.campaign or scope.journey: scope for scope in (*first.scopes, *second.scopes)}
    assert set(listed) == {"spring", "summer", "winter", "welcome", "winback"}
    for scope in listed.values():
        name = {"campaign": scope.campaign} if scope.HasField("campaign") else {"journey": scope.journey}
        assert scope.totals == (await caller.report(**name)).totals, name
    assert listed["spring"].totals.recipients == 20
    # Where nothing is counted, nothing is shown.
    await database.execute("DELETE FROM click_counts")
    await database.execute("DELETE FROM event_counts")
    request.offset = 0
    assert [scope.totals.clicks for scope in (await stub.ListScopes(request, timeout=SECONDS)).scopes] == [0, 0, 0]
