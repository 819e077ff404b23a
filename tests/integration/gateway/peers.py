"""Small gRPC services that stand behind the gateway in its tests: real servers that record what they got."""

from collections import deque
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from grpc import aio

from clicktrail.common.v1.types_pb2 import Fault as FaultMessage
from clicktrail.shortener.v1 import (
    link_pb2,
    link_service_pb2,
    link_service_pb2_grpc,
    redirect_service_pb2,
    redirect_service_pb2_grpc,
    session_pb2,
    session_service_pb2,
    session_service_pb2_grpc,
)
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
    already_exists,
    invalid_field,
    not_allowed,
    not_found,
    unavailable,
)
from common.errors import Fault as ErrorFault
from common.ids import session_from_nonce
from common.server import GrpcServer

BUSINESS = "shop"
TOKEN = "token-of-the-shop"
LISTED = "shop-with-origins"
LISTED_ORIGIN = "https://shop.example.com"
POISON = "poison"
DESTINATION = "https://shop.example.com/p/1?hello_session="
KNOWN_SESSION = "bBJn9vR15yPaYkWmR2QK0jopMeNxrA6l"

Context = Any


class Peer:
    """What all peers do: remember requests and fail when told to."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.failures: deque[Exception] = deque()
        """Raised by the next calls, one each."""

    def note(self, request: Any) -> None:
        """Remember a request, or fail."""
        self.requests.append(request)
        if self.failures:
            raise self.failures.popleft()

    def last(self, kind: type[Any]) -> Any:
        """Return the last request of this kind."""
        return next(request for request in reversed(self.requests) if isinstance(request, kind))

    def reset(self) -> None:
        """Forget everything."""
        self.requests.clear()
        self.failures.clear()


class Redirects(Peer, redirect_service_pb2_grpc.RedirectServiceServicer):
    """Redirects every code but some."""

    KINDS = {
        "missing": redirect_service_pb2.OUTCOME_KIND_NOT_FOUND,
        "expired": redirect_service_pb2.OUTCOME_KIND_GONE,
        "later": redirect_service_pb2.OUTCOME_KIND_UNAVAILABLE,
    }

    async def ResolveFlight(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Resolve a flight; one with the poisonous code fails as a whole."""
        self.note(request)
        if any(hit.code == POISON for hit in request.hits):
            raise RuntimeError("poison")
        return redirect_service_pb2.ResolveFlightResponse(outcomes=[self._outcome(hit) for hit in request.hits])

    def _outcome(self, hit: redirect_service_pb2.Hit) -> redirect_service_pb2.Outcome:
        if hit.purpose:
            return redirect_service_pb2.Outcome(kind=redirect_service_pb2.OUTCOME_KIND_PREFETCH)
        kind = self.KINDS.get(hit.code, redirect_service_pb2.OUTCOME_KIND_REDIRECT)
        if hit.code == "split":
            return redirect_service_pb2.Outcome(kind=kind, location="https://a.example/\r\nSet-Cookie: a=b")
        session = "" if hit.is_head else session_from_nonce(hit.nonce)
        return redirect_service_pb2.Outcome(kind=kind, location=DESTINATION + session, session=session)


class Links(Peer, link_service_pb2_grpc.LinkServiceServicer):
    """Echoes links."""

    async def CreateLink(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Create a link; some codes are taken, and only the web is a destination."""
        self.note(request)
        if not request.destination.startswith("http"):
            raise invalid_field("destination", "destination must be http or https.")
        if request.code == "taken":
            raise already_exists(Reason.CODE_TAKEN, "The code is taken.", "code")
        if request.external_id == "other":
            raise already_exists(Reason.EXTERNAL_ID_TAKEN, "The external id has another link.", "external_id")
        return link_service_pb2.CreateLinkResponse(link=_link(request, request.code or "abc123"))

    async def BatchCreateLinks(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Create links; recipients called "bad" fail alone."""
        self.note(request)
        results = []
        for index, recipient in enumerate(request.recipients):
            result = link_service_pb2.LinkResult(external_id=recipient.external_id)
            if recipient.profile == "bad":
                result.errors.append(FaultMessage(type="invalid", parameter="profile", description="Bad."))
            else:
                result.link.CopyFrom(_link(request.template, f"code{index}"))
            results.append(result)
        return link_service_pb2.BatchCreateLinksResponse(links=results)

    async def GetLink(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Read a link."""
        self.note(request)
        if request.id == "missing":
            raise not_found(Reason.LINK_UNKNOWN, "There is no such link.")
        return link_service_pb2.GetLinkResponse(link=link_pb2.Link(id=request.id, code=request.id))

    async def UpdateLink(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Change a link."""
        self.note(request)
        return link_service_pb2.UpdateLinkResponse(link=link_pb2.Link(id=request.id, code=request.id))

    async def DisableLink(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Disable a link."""
        self.note(request)
        return link_service_pb2.DisableLinkResponse()


def _link(sent: Any, code: str) -> link_pb2.Link:
    link = link_pb2.Link(
        id=code, short_url=f"http://short.example/{code}", code=code, destination=sent.destination, business_id=BUSINESS
    )
    link.metadata.CopyFrom(sent.metadata)
    link.created_at.FromJsonString("2026-05-04T03:02:01Z")
    return link


class FreshSessions(Peer, session_service_pb2_grpc.SessionServiceServicer):
    """Issues sessions and knows one."""

    async def IssueSession(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Issue the session that the nonce stands for."""
        self.note(request)
        session = session_pb2.Session(id=session_from_nonce(request.nonce), business_id=request.business_id)
        return session_service_pb2.IssueSessionResponse(session=session)

    async def GetFreshSessions(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Return the one that is known, where asked for."""
        self.note(request)
        known = [session_pb2.Session(id=id_, profile="ana") for id_ in request.ids if id_ == KNOWN_SESSION]
        return session_service_pb2.GetFreshSessionsResponse(sessions=known)


class Accounts(Peer, account_service_pb2_grpc.AccountServiceServicer):
    """Knows two businesses and one token."""

    def __init__(self) -> None:
        super().__init__()
        self.revoked: set[str] = set()

    async def Authenticate(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
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
        return account_service_pb2.AuthenticateResponse(business_id=business, credential=credential, origins=origins)

    async def GetBusiness(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Read a business."""
        self.note(request)
        if request.id not in (BUSINESS, LISTED):
            raise not_found(Reason.BUSINESS_UNKNOWN, "There is no such business.")
        business = account_service_pb2.Business(id=request.id, name="Shop", locale="en", country="UY", currency="USD")
        return account_service_pb2.GetBusinessResponse(business=business)

    async def CreateToken(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Create a token."""
        self.note(request)
        token = account_service_pb2.Token(id="1", name=request.name, token="secret")
        return account_service_pb2.CreateTokenResponse(token=token)

    async def ListTokens(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """List one token, without its secret."""
        self.note(request)
        return account_service_pb2.ListTokensResponse(tokens=[account_service_pb2.Token(id="1", name="server")])


class Sessions(Peer, tracking_session_pb2_grpc.SessionServiceServicer):
    """Reads and attaches sessions."""

    async def GetSession(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Return the session as the shortener knows it."""
        self.note(request)
        if not request.HasField("fresh_session"):
            raise not_found(Reason.SESSION_UNKNOWN, "There is no such session.")
        session = tracking_session_pb2.Session(id=request.id, profile=request.fresh_session.profile)
        return tracking_session_pb2.GetSessionResponse(session=session)

    async def AttachSession(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Attach a session, unless the click made it somebody else's."""
        self.note(request)
        if request.fresh_session.profile not in ("", request.profile):
            raise not_allowed(
                Reason.IDENTITY_ASSIGNED, "The session is another's.", "profile", FaultType.IDENTITY_ASSIGNED
            )
        session = tracking_session_pb2.Session(id=request.id, profile=request.profile)
        return tracking_session_pb2.AttachSessionResponse(session=session)

    async def Identify(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Say who it is."""
        self.note(request)
        return tracking_session_pb2.IdentifyResponse(profile=request.fresh_session.profile or "new")

    async def Acknowledge(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
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

    async def TrackEvents(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Judge each event; one with the poisonous action fails all."""
        self.note(request)
        if any(submission.event.action == POISON for submission in request.submissions):
            raise RuntimeError("poison")
        receipts = [self._receipt(submission) for submission in request.submissions]
        return event_service_pb2.TrackEventsResponse(receipts=receipts)

    def _receipt(self, submission: event_pb2.Submission) -> event_pb2.Receipt:
        key = submission.key if submission.HasField("key") else None
        if submission.event.action in ("", "order.unknown"):
            type_, status = ("parameter_missing", "") if not submission.event.action else ("not_found", "")
            fault = FaultMessage(type=type_, parameter="action", description=f"No such action{status}.")
            return event_pb2.Receipt(key=key, status=event_pb2.RECEIPT_STATUS_REJECTED, errors=[fault])
        id_ = str(UUID(bytes=submission.id))
        first = self.kept.setdefault(key or id_, submission)
        status = event_pb2.RECEIPT_STATUS_ACCEPTED
        if first.id != submission.id:
            is_same = first.event == submission.event
            status = event_pb2.RECEIPT_STATUS_DUPLICATE if is_same else event_pb2.RECEIPT_STATUS_CONFLICT
        return event_pb2.Receipt(id=str(UUID(bytes=first.id)), key=key, status=status)


class Reports(Peer, report_service_pb2_grpc.ReportServiceServicer):
    """Answers with a small report."""

    async def GetReport(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
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

    async def ListActivities(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """List the activities of anybody."""
        self.note(request)
        click = profile_service_pb2.Activity(id="1", action="short_link.clicked", verdict="human", device="mobile")
        order = profile_service_pb2.Activity(id="2", action="order.placed")
        order.amount.amount, order.amount.currency = "395.00", "USD"
        order.metadata.text = b'{"big":9007199254740993,"odd":"\\ud800"}'
        return profile_service_pb2.ListActivitiesResponse(activities=[order, click], has_more=False)

    async def UpdateProfile(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Return what was sent."""
        self.note(request)
        return profile_service_pb2.UpdateProfileResponse(profile=request.profile)

    async def EraseProfile(self, request: Any, context: Context) -> Any:  # noqa: N802, ARG002  (gRPC's name)
        """Not there yet."""
        raise NotImplementedError


class Peers:
    """Both services, on ports of their own."""

    def __init__(self) -> None:
        self.redirects, self.links, self.fresh_sessions = Redirects(), Links(), FreshSessions()
        self.accounts, self.sessions, self.events = Accounts(), Sessions(), Events()
        self.reports, self.profiles = Reports(), Profiles()
        self._servers: list[GrpcServer] = []

    async def start(self) -> None:
        """Start both and say that they serve."""
        self.shortener = await self._start("127.0.0.1:0", self._register_shortener)
        self.tracking = await self._start("127.0.0.1:0", self._register_tracking)

    async def stop(self) -> None:
        """Stop both."""
        for server in self._servers:
            await server.stop(0)
        self._servers.clear()

    async def restart_shortener(self) -> GrpcServer:
        """Start the shortener again where it was."""
        return await self._start(self.shortener_address, self._register_shortener)

    @property
    def shortener_address(self) -> str:
        """Where the shortener listens."""
        return f"127.0.0.1:{self.shortener.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead a gateway here."""
        return {
            "CLICKTRAIL_SHORTENER_TARGET": f"ipv4:{self.shortener_address}",
            "CLICKTRAIL_TRACKING_TARGET": f"ipv4:127.0.0.1:{self.tracking.port}",
        }

    def reset(self) -> None:
        """Make all of them forget."""
        for peer in self._all():
            peer.reset()

    def _all(self) -> Sequence[Peer]:
        return [peer for peer in vars(self).values() if isinstance(peer, Peer)]

    async def _start(self, listen: str, register: Any) -> GrpcServer:
        server = GrpcServer(listen, [], [register])
        await server.start()
        await server.set_serving(is_serving=True)
        self._servers.append(server)
        return server

    def _register_shortener(self, server: aio.Server) -> None:
        redirect_service_pb2_grpc.add_RedirectServiceServicer_to_server(self.redirects, server)
        link_service_pb2_grpc.add_LinkServiceServicer_to_server(self.links, server)
        session_service_pb2_grpc.add_SessionServiceServicer_to_server(self.fresh_sessions, server)

    def _register_tracking(self, server: aio.Server) -> None:
        account_service_pb2_grpc.add_AccountServiceServicer_to_server(self.accounts, server)
        tracking_session_pb2_grpc.add_SessionServiceServicer_to_server(self.sessions, server)
        event_service_pb2_grpc.add_EventServiceServicer_to_server(self.events, server)
        report_service_pb2_grpc.add_ReportServiceServicer_to_server(self.reports, server)
        profile_service_pb2_grpc.add_ProfileServiceServicer_to_server(self.profiles, server)


STORE_DOWN = unavailable(Reason.STORE_DOWN, "The store is away.", retry_after_seconds=1)
