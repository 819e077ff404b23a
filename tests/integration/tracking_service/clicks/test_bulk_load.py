"""Clicks that the benchmark loads give what the same clicks give where they are delivered."""

from collections.abc import Sequence
from dataclasses import replace

from grpc import aio

from benchmarks.loads.bulk_load import load_clicks
from benchmarks.loads.crowd import Campaign
from benchmarks.loads.made_clicks import profile_of
from benchmarks.sections.report_sizes import deliver_links, reads
from clicktrail.tracking.v1 import account_service_pb2 as accounts_pb
from clicktrail.tracking.v1 import account_service_pb2_grpc, click_pb2
from clicktrail.tracking.v1 import report_service_pb2 as pb
from common.clock import now
from tests.support.tracking_service.calling import SECONDS, Caller
from tracking_service.clicks.origins import NoCountries, Origins, describe
from tracking_service.counters.scopes import bucket_of

DELIVERED = Campaign("shop", "spring", 2_000, bucket_of(now()))
LOADED = replace(DELIVERED, business_id="copy")
A_DELIVERY = 250


async def test_loaded_clicks_give_what_delivered_ones_do(
    channel: aio.Channel, accounts: account_service_pb2_grpc.AccountServiceStub, postgres_url: str
) -> None:
    """The same reports, activities and recipients; and a recount finds no difference in either."""
    for campaign in (DELIVERED, LOADED):
        business = accounts_pb.Business(id=campaign.business_id, name="A shop")
        await accounts.CreateBusiness(accounts_pb.CreateBusinessRequest(business=business), timeout=SECONDS)
    caller = Caller(channel)
    clicks = list(DELIVERED.clicks())
    await deliver_links(channel, [DELIVERED, LOADED])
    for start in range(0, len(clicks), A_DELIVERY):
        await caller.deliver(*clicks[start : start + A_DELIVERY])
    await load_clicks(postgres_url, LOADED.business_id, _copies(clicks), Origins(describe, NoCountries().of))
    assert (await caller.report(campaign=DELIVERED.name)).totals.clicks > DELIVERED.hits * 9 // 10
    assert await caller.activities(profile_of(DELIVERED.name, 3))
    for name, read in reads(channel).items():
        assert await read(LOADED, 3) == await read(DELIVERED, 3), name
    for campaign in (DELIVERED, LOADED):
        found = await caller.reports.Reconcile(pb.ReconcileRequest(business_id=campaign.business_id), timeout=120)
        assert not found.differences, campaign


def _copies(clicks: Sequence[click_pb2.Click]) -> Sequence[click_pb2.Click]:
    copies = [click_pb2.Click.FromString(click.SerializeToString()) for click in clicks]
    for click in copies:
        click.business_id = LOADED.business_id
    return copies
