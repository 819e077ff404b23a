"""A small shortener."""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

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
from common.errors import (
    Reason,
    already_exists,
    invalid_field,
    not_found,
)
from common.ids import session_from_nonce
from tests.support.gateway.peer import BUSINESS, DESTINATION, KNOWN_SESSION, POISON, Context, Peer


class Redirects(Peer, redirect_service_pb2_grpc.RedirectServiceServicer):
    """Redirects every code but some."""

    KINDS: ClassVar = {
        "missing": redirect_service_pb2.OUTCOME_KIND_NOT_FOUND,
        "expired": redirect_service_pb2.OUTCOME_KIND_GONE,
        "later": redirect_service_pb2.OUTCOME_KIND_UNAVAILABLE,
    }

    async def ResolveFlight(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Resolve a batch; one with the poisonous code fails as a whole."""
        self.note(request)
        if any(hit.code == POISON for hit in request.hits):
            raise RuntimeError("poison")
        return redirect_service_pb2.ResolveFlightResponse(outcomes=[self._outcome(hit) for hit in request.hits])

    async def ResolveFlights(self, request_iterator: Any, context: Context) -> AsyncIterator[Any]:
        """Resolve batches likewise."""
        async for request in request_iterator:
            batch = redirect_service_pb2.ResolveFlightRequest(hits=request.hits)
            response = await self.ResolveFlight(batch, context)
            yield redirect_service_pb2.ResolveFlightsResponse(outcomes=response.outcomes)

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

    async def CreateLink(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Create a link; some codes are taken, and only the web is a destination."""
        self.note(request)
        if not request.destination.startswith("http"):
            raise invalid_field("destination", "destination must be http or https.")
        if request.code == "taken":
            raise already_exists(Reason.CODE_TAKEN, "The code is taken.", "code")
        if request.external_id == "other":
            raise already_exists(Reason.EXTERNAL_ID_TAKEN, "The external id has another link.", "external_id")
        return link_service_pb2.CreateLinkResponse(link=_link(request, request.code or "abc123"))

    async def BatchCreateLinks(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
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

    async def GetLink(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Read a link."""
        self.note(request)
        if request.id == "missing":
            raise not_found(Reason.LINK_UNKNOWN, "There is no such link.")
        return link_service_pb2.GetLinkResponse(link=link_pb2.Link(id=request.id, code=request.id))

    async def UpdateLink(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Change a link."""
        self.note(request)
        return link_service_pb2.UpdateLinkResponse(link=link_pb2.Link(id=request.id, code=request.id))

    async def DisableLink(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
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

    async def IssueSession(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Issue the session that the nonce stands for."""
        self.note(request)
        session = session_pb2.Session(id=session_from_nonce(request.nonce), business_id=request.business_id)
        return session_service_pb2.IssueSessionResponse(session=session)

    async def GetFreshSessions(self, request: Any, context: Context) -> Any:  # noqa: ARG002  (gRPC passes it)
        """Return the one that is known, where asked for."""
        self.note(request)
        known = [session_pb2.Session(id=id_, profile="ana") for id_ in request.ids if id_ == KNOWN_SESSION]
        return session_service_pb2.GetFreshSessionsResponse(sessions=known)
