"""Calls of the services of people and reports, in few words."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Any

import pytest
from grpc import aio

from clicktrail.shortener.v1 import session_pb2
from clicktrail.tracking.v1 import (
    event_service_pb2_grpc,
    profile_service_pb2,
    profile_service_pb2_grpc,
    relay_service_pb2_grpc,
    report_service_pb2,
    report_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
)
from common.clock import to_timestamp
from common.errors import ClicktrailError
from common.rpc.errors import from_rpc_error
from tests.support.tracking_service.clicking import START, delivery
from tests.support.tracking_service.events import submission, track

SECONDS = 30


async def failure(call: Awaitable[Any]) -> ClicktrailError:
    """Return the error that a call ends with."""
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    error = from_rpc_error(caught.value)
    assert error is not None, caught.value
    return error


def faults(error: ClicktrailError) -> list[tuple[str, str | None]]:
    """Return types and parameters of an error's faults."""
    return [(str(fault.type), fault.parameter) for fault in error.faults]


def fresh(session: str, at: datetime = START, **fields: Any) -> session_pb2.Session:
    """Return a session as the shortener knows it, minted by a click on a link of the campaign `spring`."""
    told: dict[str, Any] = {"business_id": "shop", "link": "abc", "campaign": "spring", "created_at": to_timestamp(at)}
    return session_pb2.Session(id=session, **(told | fields))


class Caller:
    """Speaks to the service for one business, `shop`."""

    def __init__(self, channel: aio.Channel) -> None:
        self.relay = relay_service_pb2_grpc.RelayServiceStub(channel)
        self.events = event_service_pb2_grpc.EventServiceStub(channel)
        self.sessions = session_service_pb2_grpc.SessionServiceStub(channel)
        self.profiles = profile_service_pb2_grpc.ProfileServiceStub(channel)
        self.reports = report_service_pb2_grpc.ReportServiceStub(channel)

    async def deliver(self, *clicks: Any, **others: Any) -> None:
        """Deliver clicks, and perhaps links and sessions."""
        await self.relay.Deliver(delivery(*clicks, **others), timeout=SECONDS)

    async def track(self, sent: Any, **fields: Any) -> Any:
        """Track one event and return its receipt."""
        return (await track(self.events, submission(sent, **fields)))[0]

    async def identify(self, session: str, user_id: str, **fields: Any) -> None:
        """Say who a session's visitor is."""
        request = session_service_pb2.IdentifyRequest(business_id="shop", session=session, user_id=user_id, **fields)
        answer = await self.sessions.Identify(request, timeout=SECONDS)
        assert answer == session_service_pb2.IdentifyResponse()

    async def attach(self, session: str, profile: str, **fields: Any) -> session_service_pb2.Session:
        """Attach a session to a profile and return the session."""
        request = session_service_pb2.AttachSessionRequest(business_id="shop", id=session, profile=profile, **fields)
        return (await self.sessions.AttachSession(request, timeout=SECONDS)).session

    async def session(self, session: str, **fields: Any) -> session_service_pb2.Session:
        """Return a session."""
        request = session_service_pb2.GetSessionRequest(business_id="shop", id=session, **fields)
        return (await self.sessions.GetSession(request, timeout=SECONDS)).session

    async def activities(self, profile: str, **fields: Any) -> list[profile_service_pb2.Activity]:
        """Return a page of what a person did."""
        request = profile_service_pb2.ListActivitiesRequest(business_id="shop", profile=profile, **fields)
        return list((await self.profiles.ListActivities(request, timeout=SECONDS)).activities)

    async def report(self, **fields: Any) -> report_service_pb2.Report:
        """Return a report."""
        request = report_service_pb2.GetReportRequest(business_id="shop", **fields)
        return (await self.reports.GetReport(request, timeout=SECONDS)).report
