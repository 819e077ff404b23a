"""A small tracking service."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from clicktrail.common.v1.types_pb2 import Fault as FaultMessage
from clicktrail.tracking.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    event_pb2,
    event_service_pb2,
    event_service_pb2_grpc,
    profile_service_pb2,
    profile_service_pb2_grpc,
    report_service_pb2,
    report_service_pb2_grpc,
)
from clicktrail.tracking.v1 import session_service_pb2 as tracking_session_pb2
from clicktrail.tracking.v1 import session_service_pb2_grpc as tracking_session_pb2_grpc
from common.errors import (
    ClicktrailError,
    FaultType,
    Kind,
    Reason,
    not_allowed,
    not_found,
)
from common.errors import Fault as ErrorFault
from tests.support.gateway.peer import BUSINESS, LISTED, LISTED_ORIGIN, POISON, REFUSED_ACTIONS, TOKEN, Context, Peer


class Accounts(Peer, account_service_pb2_grpc.AccountServiceServicer):
    """Knows two businesses and one token."""

    def __init__(self) -> None:
        super().__init__()
        self.revoked: set[str] = set()
        # All tests come from one address, and what they test is not how much of it there is.
        self.rate_factor = 1_000.0

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.rate_factor = 1_000.0

    async def Authenticate(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Say whose a credential is."""
        self.note(request)
        known = {
            TOKEN: (BUSINESS, event_pb2.CREDENTIAL_PRIVATE, []),
            BUSINESS: (BUSINESS, event_pb2.CREDENTIAL_PUBLIC, []),
            LISTED: (LISTED, event_pb2.CREDENTIAL_PUBLIC, [LISTED_ORIGIN]),
        }
        if request.credential not in known or request.credential in self.revoked:
            fault = ErrorFault(FaultType.UNAUTHORIZED, None, "unknown")
            raise ClicktrailError(Kind.UNAUTHENTICATED, Reason.CREDENTIAL_UNKNOWN, [fault])
        business, credential, origins = known[request.credential]
        return account_service_pb2.AuthenticateResponse(
            business_id=business, credential=credential, origins=origins, rate_factor=self.rate_factor
        )

    async def GetBusiness(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Read a business."""
        self.note(request)
        if request.id not in (BUSINESS, LISTED):
            raise not_found(Reason.BUSINESS_UNKNOWN, "There is no such business.")
        business = account_service_pb2.Business(id=request.id, name="Shop", locale="en", country="UY", currency="USD")
        return account_service_pb2.GetBusinessResponse(business=business)

    async def CreateToken(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Create a token."""
        self.note(request)
        token = account_service_pb2.Token(id="1", name=request.name, token="secret")
        return account_service_pb2.CreateTokenResponse(token=token)

    async def ListTokens(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """List one token, without its secret."""
        self.note(request)
        return account_service_pb2.ListTokensResponse(tokens=[account_service_pb2.Token(id="1", name="server")])


class Sessions(Peer, tracking_session_pb2_grpc.SessionServiceServicer):
    """Reads and attaches sessions."""

    async def GetSession(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Return the session as the shortener knows it."""
        self.note(request)
        if not request.HasField("fresh_session"):
            raise not_found(Reason.SESSION_UNKNOWN, "There is no such session.")
        session = tracking_session_pb2.Session(id=request.id, profile=request.fresh_session.profile)
        return tracking_session_pb2.GetSessionResponse(session=session)

    async def AttachSession(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Attach a session, unless the click made it somebody else's."""
        self.note(request)
        if request.fresh_session.profile not in ("", request.profile):
            raise not_allowed(
                Reason.IDENTITY_ASSIGNED, "The session is another's.", "profile", FaultType.IDENTITY_ASSIGNED
            )
        session = tracking_session_pb2.Session(id=request.id, profile=request.profile)
        return tracking_session_pb2.AttachSessionResponse(session=session)

    async def Identify(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Say who it is."""
        self.note(request)
        return tracking_session_pb2.IdentifyResponse(profile=request.fresh_session.profile or "new")

    async def BindToken(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Note it."""
        self.note(request)
        return tracking_session_pb2.BindTokenResponse()

    async def Acknowledge(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Note it."""
        self.note(request)
        return tracking_session_pb2.AcknowledgeResponse()


class Events(Peer, event_service_pb2_grpc.EventServiceServicer):
    """Keeps events by key and by id."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, event_pb2.Submission] = {}

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.kept.clear()

    async def TrackEvents(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Judge each event; one with the poisonous action fails all."""
        self.note(request)
        if any(submission.event.action == POISON for submission in request.submissions):
            raise RuntimeError("poison")
        receipts = [self._receipt(submission) for submission in request.submissions]
        return event_service_pb2.TrackEventsResponse(receipts=receipts)

    async def TrackBatches(self, request_iterator: Any, context: Context) -> AsyncIterator[Any]:
        """Judge batches likewise."""
        async for request in request_iterator:
            batch = event_service_pb2.TrackEventsRequest(submissions=request.submissions)
            response = await self.TrackEvents(batch, context)
            yield event_service_pb2.TrackBatchesResponse(receipts=response.receipts)

    def _receipt(self, submission: event_pb2.Submission) -> event_pb2.Receipt:
        key = submission.key if submission.HasField("key") else None
        if submission.event.action in REFUSED_ACTIONS:
            type_ = REFUSED_ACTIONS[submission.event.action]
            fault = FaultMessage(type=type_, parameter="action", description="No such action.")
            return event_pb2.Receipt(key=key, status=event_pb2.RECEIPT_STATUS_REJECTED, errors=[fault])
        id_ = str(UUID(bytes=submission.id))
        first = self.kept.setdefault(key or id_, submission)
        return event_pb2.Receipt(id=str(UUID(bytes=first.id)), key=key, status=_status(first, submission))


def _status(first: event_pb2.Submission, submission: event_pb2.Submission) -> "event_pb2.ReceiptStatus.ValueType":
    if first.id == submission.id:
        return event_pb2.RECEIPT_STATUS_ACCEPTED
    if first.event == submission.event:
        return event_pb2.RECEIPT_STATUS_DUPLICATE
    return event_pb2.RECEIPT_STATUS_CONFLICT


class Reports(Peer, report_service_pb2_grpc.ReportServiceServicer):
    """Answers with a small report."""

    async def GetReport(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Return a report of one click."""
        self.note(request)
        report = report_service_pb2.Report(
            timezone=request.timezone or "UTC",
            basis=report_service_pb2.REPORT_BASIS_EVENT,
            interval=report_service_pb2.REPORT_INTERVAL_HOUR,
            totals=report_service_pb2.Totals(
                recipients=4, clicks=2**53 + 1, unique_clickers=1, click_through_rate=0.25
            ),
        )
        if request.HasField("campaign"):
            report.campaign = request.campaign
        report.from_time.FromJsonString("2026-05-04T03:00:00Z")
        return report_service_pb2.GetReportResponse(report=report)


class Profiles(Peer, profile_service_pb2_grpc.ProfileServiceServicer):
    """Lists a click and an event."""

    async def ListActivities(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """List the activities of anybody."""
        self.note(request)
        click = profile_service_pb2.Activity(id="1", action="short_link.clicked", verdict="human", device="mobile")
        order = profile_service_pb2.Activity(id="2", action="order.placed")
        order.amount.amount, order.amount.currency = "395.00", "USD"
        order.metadata.text = b'{"big":9007199254740993,"odd":"\\ud800"}'
        return profile_service_pb2.ListActivitiesResponse(activities=[order, click], has_more=False)

    async def UpdateProfile(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Return what was sent."""
        self.note(request)
        return profile_service_pb2.UpdateProfileResponse(profile=request.profile)

    async def EraseProfile(self, request: Any, context: Context) -> Any:
        """Not there yet."""
        raise NotImplementedError
