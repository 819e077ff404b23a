"""Refused requests: kept once however often they are told, and part of every report of their business."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio

from clicktrail.tracking.v1 import event_pb2
from clicktrail.tracking.v1 import refused_request_service_pb2 as pb
from clicktrail.tracking.v1.refused_request_service_pb2_grpc import RefusedRequestServiceStub
from common.clock import to_timestamp
from tests.support.tracking_service.calling import SECONDS, Caller, failure, faults

pytestmark = pytest.mark.usefixtures("business")
QUARTER = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)


def count(requests: int, at: datetime = QUARTER, business_id: str = "shop", **refused: Any) -> pb.RefusedRequestCount:
    """Return a count of a quarter."""
    fields: dict[str, Any] = {"kind": "events", "credential": event_pb2.CREDENTIAL_PUBLIC} | refused
    return pb.RefusedRequestCount(
        business_id=business_id, quarter=to_timestamp(at), refused=pb.RefusedRequests(count=requests, **fields)
    )


async def record(channel: aio.Channel, *counts: pb.RefusedRequestCount, gateway: str = "g1") -> None:
    """Tell counts as a gateway."""
    request = pb.RecordRefusedRequestsRequest(gateway=gateway, counts=counts)
    await RefusedRequestServiceStub(channel).RecordRefusedRequests(request, timeout=SECONDS)


async def told(caller: Caller, **wanted: Any) -> list[tuple[str, int, int]]:
    """Return what a report of some hours around the quarter says."""
    report = await caller.report(
        from_time=to_timestamp(wanted.pop("from_at", QUARTER)),
        to_time=to_timestamp(wanted.pop("to_at", QUARTER + timedelta(hours=2))),
        **wanted,
    )
    return [(one.kind, one.credential, one.count) for one in report.refused_requests]


async def test_a_count_told_again_changes_nothing(caller: Caller, channel: aio.Channel) -> None:
    """Neither the same nor an earlier one that came late; a later one takes its place."""
    for requests in (5, 5, 9, 7):
        await record(channel, count(requests))
    await record(channel, count(2), count(3), count(1))
    assert await told(caller) == [("events", event_pb2.CREDENTIAL_PUBLIC, 9)]


async def test_gateways_kinds_and_quarters_add_up(caller: Caller, channel: aio.Channel) -> None:
    """Most first; those of servers apart."""
    later = QUARTER + timedelta(minutes=15)
    await record(channel, count(5), count(4, later), count(1, credential=event_pb2.CREDENTIAL_PRIVATE))
    await record(channel, count(6), count(30, kind="orders"), gateway="g2")
    everything = [
        ("orders", event_pb2.CREDENTIAL_PUBLIC, 30),
        ("events", event_pb2.CREDENTIAL_PUBLIC, 15),
        ("events", event_pb2.CREDENTIAL_PRIVATE, 1),
    ]
    assert await told(caller) == everything
    assert await told(caller, campaign="spring") == everything
    assert await told(caller, campaign="spring", basis=2) == everything
    assert await told(caller, from_at=later) == [("events", event_pb2.CREDENTIAL_PUBLIC, 4)]
    assert await told(caller, from_at=later + timedelta(minutes=15)) == []


async def test_those_of_unknown_businesses_are_left_out(caller: Caller, channel: aio.Channel) -> None:
    """Their neighbours are kept; a time within a quarter belongs to it."""
    await record(channel, count(5, business_id="nobody"), count(2, QUARTER + timedelta(minutes=14, seconds=59)))
    assert await told(caller, to_at=QUARTER + timedelta(minutes=15)) == [("events", event_pb2.CREDENTIAL_PUBLIC, 2)]
    await record(channel)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.RecordRefusedRequestsRequest(counts=[count(1)]), "gateway"),
        (pb.RecordRefusedRequestsRequest(gateway="g" * 65), "gateway"),
        (pb.RecordRefusedRequestsRequest(gateway="g\0"), "gateway"),
        (pb.RecordRefusedRequestsRequest(gateway="g", counts=[count(1)] * 1001), "counts"),
        (pb.RecordRefusedRequestsRequest(gateway="g", counts=[count(1), count(0)]), "counts.1.refused.count"),
        (pb.RecordRefusedRequestsRequest(gateway="g", counts=[count(-(2**63))]), "counts.0.refused.count"),
        (pb.RecordRefusedRequestsRequest(gateway="g", counts=[count(1, kind="")]), "counts.0.refused.kind"),
        (pb.RecordRefusedRequestsRequest(gateway="g", counts=[count(1, kind="k" * 41)]), "counts.0.refused.kind"),
        (pb.RecordRefusedRequestsRequest(gateway="g", counts=[count(1, credential=7)]), "counts.0.refused.credential"),
        (
            pb.RecordRefusedRequestsRequest(
                gateway="g", counts=[pb.RefusedRequestCount(quarter=Timestamp(nanos=-1), refused=count(1).refused)]
            ),
            "counts.0.quarter",
        ),
    ],
)
async def test_what_is_wrong_is_told_by_its_field(
    channel: aio.Channel, request_: pb.RecordRefusedRequestsRequest, field: str
) -> None:
    """By that alone."""
    refused = await failure(RefusedRequestServiceStub(channel).RecordRefusedRequests(request_, timeout=SECONDS))
    assert [parameter for _, parameter in faults(refused)] == [field]


async def test_sums_are_wide_enough(caller: Caller, channel: aio.Channel) -> None:
    """Whatever gateways say."""
    await record(channel, count(2**63 - 1))
    await record(channel, count(2**63 - 1), gateway="g2")
    assert (await told(caller))[0][2] == 2**63 - 1
