"""What a report and the lists beside it cost of a campaign of few clicks and of one of many, in turns."""

import asyncio
import http.client
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import chain as chained
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import uvloop

from benchmarks.contenders.chain import Chain
from benchmarks.loads.bulk_load import load_clicks
from benchmarks.loads.crowd import Campaign, country_of
from benchmarks.loads.made_clicks import profile_of
from benchmarks.results import Results, spread
from cli.calls import channel_to
from clicktrail.tracking.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    profile_service_pb2,
    profile_service_pb2_grpc,
    relay_service_pb2,
    relay_service_pb2_grpc,
    report_page_service_pb2,
    report_page_service_pb2_grpc,
    report_service_pb2,
    report_service_pb2_grpc,
)
from common.clock import now, to_timestamp
from tracking_service.clicks.origins import Origins, describe
from tracking_service.counters.scopes import bucket_of

if TYPE_CHECKING:
    from grpc import aio

Read = Callable[[Campaign, int], Awaitable[object]]
"""Reads something of a campaign; the number tells of whom, where it is somebody's."""

_BUSINESS = "crowd"
_TURNS = 40
_LINKS_A_DELIVERY = 2_000
_AT_ONCE = 2
_SECONDS = 60.0
_ELSEWHERE = "Asia/Kolkata"
_HOUR, _DAY = report_service_pb2.REPORT_INTERVAL_HOUR, report_service_pb2.REPORT_INTERVAL_DAY


def measure_sizes(chain: Chain, larger: int, smaller: int, results: Results) -> None:
    """Load two campaigns of clicks, and time what is read of each."""
    uvloop.run(_measure_sizes(chain, larger, smaller, results))


async def deliver_links(channel: "aio.Channel", campaigns: Sequence[Campaign]) -> None:
    """Deliver the links of campaigns, which makes their recipients too."""
    relay = relay_service_pb2_grpc.RelayServiceStub(channel)
    links = chained.from_iterable(campaign.links() for campaign in campaigns)

    async def deliver() -> None:
        while piece := list(islice(links, _LINKS_A_DELIVERY)):
            await relay.Deliver(relay_service_pb2.DeliverRequest(links=piece), timeout=_SECONDS)

    await asyncio.gather(*(deliver() for _ in range(_AT_ONCE)))


def reads(channel: "aio.Channel") -> dict[str, Read]:
    """Return what is read, by name."""
    reports = report_service_pb2_grpc.ReportServiceStub(channel)
    pages = report_page_service_pb2_grpc.ReportPageServiceStub(channel)
    profiles = profile_service_pb2_grpc.ProfileServiceStub(channel)

    def report(campaign: Campaign, _number: int, **fields: Any) -> Awaitable[object]:
        to_time = to_timestamp(campaign.ended_at)
        request = report_service_pb2.GetReportRequest(**_named(campaign), to_time=to_time, **fields)
        return reports.GetReport(request, timeout=_SECONDS)

    def latest(campaign: Campaign, _number: int) -> Awaitable[object]:
        request = report_page_service_pb2.ListLatestActivitiesRequest(**_named(campaign))
        return pages.ListLatestActivities(request, timeout=_SECONDS)

    def activities(campaign: Campaign, number: int) -> Awaitable[object]:
        profile = profile_of(campaign.name, number)
        request = profile_service_pb2.ListActivitiesRequest(business_id=campaign.business_id, profile=profile)
        return profiles.ListActivities(request, timeout=_SECONDS)

    async def recipients(campaign: Campaign, _number: int) -> object:
        call = reports.ListRecipients(report_service_pb2.ListRecipientsRequest(**_named(campaign)), timeout=_SECONDS)
        first = await call.read()
        call.cancel()
        return first

    return {
        "report": report,
        "report by days": partial(report, interval=_DAY),
        "report by hours": partial(report, interval=_HOUR),
        "report by days elsewhere": partial(report, interval=_DAY, timezone=_ELSEWHERE),
        "report by hours elsewhere": partial(report, interval=_HOUR, timezone=_ELSEWHERE),
        "report by cohort": partial(report, basis=report_service_pb2.REPORT_BASIS_COHORT),
        "latest activities": latest,
        "activities of a profile": activities,
        "first 500 recipients": recipients,
    }


async def _time(reads: Mapping[str, Read], campaigns: Sequence[Campaign]) -> dict[str, list[dict[str, float]]]:
    """Return how many milliseconds each read takes of each campaign, all of them in turns."""
    taken: dict[str, list[list[float]]] = {name: [[] for _ in campaigns] for name in reads}
    for turn in range(_TURNS):
        for name, read in reads.items():
            for campaign, times in zip(campaigns, taken[name], strict=True):
                begun = time.perf_counter()
                await read(campaign, turn)
                times.append((time.perf_counter() - begun) * 1000)
    return {name: [spread(times) for times in each] for name, each in taken.items()}


async def _measure_sizes(chain: Chain, larger: int, smaller: int, results: Results) -> None:
    ended_at = bucket_of(now())
    campaigns = [Campaign(_BUSINESS, name, hits, ended_at) for name, hits in (("large", larger), ("small", smaller))]
    async with channel_to(chain.stack.tracking_endpoint) as channel:
        token = await _make_business(channel)
        await deliver_links(channel, campaigns)
        clicks = chained.from_iterable(campaign.clicks() for campaign in campaigns)
        await load_clicks(chain.stack.postgres.url, _BUSINESS, clicks, Origins(describe, country_of))
        await _check(channel, campaigns)
        taken = await _time(reads(channel) | {"report over HTTP": _HttpReport(chain.ready.http, token)}, campaigns)
    results.figures["report_ms_10m"] = taken["report"][0]["median"]
    results.figures["report_ratio_10m_100k"] = taken["report"][0]["median"] / taken["report"][1]["median"]
    results.figures["slowest_read_ms_10m"] = max(large["median"] for large, _ in taken.values())
    results.figures["largest_read_ratio_10m_100k"] = max(
        large["median"] / small["median"] for large, small in taken.values()
    )
    results.detail["reports"] = {"clicks": [larger, smaller], "milliseconds": taken}


async def _make_business(channel: "aio.Channel") -> str:
    """Make the business, and return a token of it."""
    accounts = account_service_pb2_grpc.AccountServiceStub(channel)
    business = account_service_pb2.Business(id=_BUSINESS, name="A shop with a crowd")
    await accounts.CreateBusiness(account_service_pb2.CreateBusinessRequest(business=business), timeout=_SECONDS)
    request = account_service_pb2.CreateTokenRequest(business_id=_BUSINESS, name="benchmark")
    return (await accounts.CreateToken(request, timeout=_SECONDS)).token.token


def _named(campaign: Campaign) -> dict[str, Any]:
    return {"business_id": campaign.business_id, "campaign": campaign.name}


class _HttpReport:
    """The report, read by one connection to the gateway."""

    def __init__(self, url: str, token: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_SECONDS)
        self._headers = {"Authorization": f"Bearer {token}"}

    async def __call__(self, campaign: Campaign, _number: int) -> object:
        self._connection.request("GET", f"/v1/campaigns/{campaign.name}/report", headers=self._headers)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"The report answered {answer.status}: {said.decode()}")
        return said


async def _check(channel: "aio.Channel", campaigns: list[Campaign]) -> None:
    """See that every hit is in the report: none was lost in loading."""
    reports = report_service_pb2_grpc.ReportServiceStub(channel)
    for campaign in campaigns:
        request = report_service_pb2.GetReportRequest(**_named(campaign))
        totals = (await reports.GetReport(request, timeout=_SECONDS)).report.totals
        if totals.clicks + totals.bot_hits != campaign.hits:
            raise RuntimeError(f"The report of {campaign.name} does not have {campaign.hits:,} hits.")
