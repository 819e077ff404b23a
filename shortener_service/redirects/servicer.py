"""RedirectService and SessionService: messages to redirects and fresh sessions, and back."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from clicktrail.shortener.v1 import redirect_service_pb2_grpc, session_service_pb2, session_service_pb2_grpc
from clicktrail.tracking.v1 import click_pb2
from common.errors import ClicktrailError, invalid_field
from common.field_rules import rules
from common.json_names import enum_words
from shortener_service.agents.judge import judge
from shortener_service.agents.rules import RULES_VERSION
from shortener_service.links.links import Links
from shortener_service.links.messages import LinkMessages
from shortener_service.redirects.redirects import Redirects
from shortener_service.redirects.sessions import Sessions

if TYPE_CHECKING:
    from grpc import aio

LARGEST_JUDGEMENT = rules(pb.JudgeUserAgentsRequest, "user_agents").max_items
VERDICT_NAMES = enum_words(click_pb2.Verdict.DESCRIPTOR)
_UNAVAILABLE = pb.Outcome(kind=pb.OUTCOME_KIND_UNAVAILABLE)


class RedirectServicer(redirect_service_pb2_grpc.RedirectServiceServicer):
    """Serves RedirectService."""

    def __init__(self, redirects: Redirects, links: Links, messages: LinkMessages) -> None:
        self._redirects = redirects
        self._links = links
        self._messages = messages

    async def ResolveHit(
        self, request: pb.ResolveHitRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.ResolveHitResponse:
        """Resolve one hit."""
        del context
        (answer,) = await self._redirects.resolve([request.hit])
        if isinstance(answer, ClicktrailError):
            raise answer
        return pb.ResolveHitResponse(outcome=answer)

    async def ResolveHits(
        self, request: pb.ResolveHitsRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.ResolveHitsResponse:
        """Resolve a batch of hits."""
        del context
        return pb.ResolveHitsResponse(outcomes=await self._outcomes(request.hits))

    async def ResolveBatches(
        self, request_iterator: AsyncIterator[pb.ResolveBatchesRequest], context: "aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[pb.ResolveBatchesResponse]:
        """Resolve batches of hits one after the other."""
        del context
        async for request in request_iterator:
            yield pb.ResolveBatchesResponse(outcomes=await self._outcomes(request.hits))

    async def ResolveFlight(
        self, request: pb.ResolveFlightRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.ResolveFlightResponse:
        """Resolve a batch of hits, by the name of release 0.2.0."""
        del context
        return pb.ResolveFlightResponse(outcomes=await self._outcomes(request.hits))

    async def ResolveFlights(
        self, request_iterator: AsyncIterator[pb.ResolveFlightsRequest], context: "aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[pb.ResolveFlightsResponse]:
        """Resolve batches of hits one after the other, by the name of release 0.2.0."""
        del context
        async for request in request_iterator:
            yield pb.ResolveFlightsResponse(outcomes=await self._outcomes(request.hits))

    async def LookUpCode(
        self, request: pb.LookUpCodeRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.LookUpCodeResponse:
        """Read the link behind a code."""
        del context
        seen = await self._links.look_up(request.host, request.code)
        return pb.LookUpCodeResponse(
            link=self._messages.link(seen.link),
            is_live=seen.is_live,
            location=seen.location,
            is_blocked=seen.is_blocked,
        )

    async def JudgeUserAgents(
        self, request: pb.JudgeUserAgentsRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.JudgeUserAgentsResponse:
        """Judge who sends user agents."""
        del context
        if len(request.user_agents) > LARGEST_JUDGEMENT:
            raise invalid_field("user_agents", f"must be at most {LARGEST_JUDGEMENT:,}.")
        judged = map(judge, request.user_agents)
        return pb.JudgeUserAgentsResponse(
            judgements=[
                pb.UserAgentJudgement(verdict=VERDICT_NAMES[verdict], reason=reason) for verdict, reason in judged
            ],
            rules_version=RULES_VERSION,
        )

    async def _outcomes(self, hits: Sequence[pb.Hit]) -> list[pb.Outcome]:
        """Return what becomes of each hit of a batch."""
        answers = await self._redirects.resolve(hits)
        return [_UNAVAILABLE if isinstance(answer, ClicktrailError) else answer for answer in answers]


class SessionServicer(session_service_pb2_grpc.SessionServiceServicer):
    """Serves SessionService."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def IssueSession(
        self, request: session_service_pb2.IssueSessionRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> session_service_pb2.IssueSessionResponse:
        """Issue a session."""
        del context
        received_at = request.received_at if request.HasField("received_at") else None
        session = await self._sessions.issue(request.business_id, request.nonce, received_at)
        return session_service_pb2.IssueSessionResponse(session=session)

    async def GetFreshSessions(
        self, request: session_service_pb2.GetFreshSessionsRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> session_service_pb2.GetFreshSessionsResponse:
        """Read fresh sessions."""
        del context
        return session_service_pb2.GetFreshSessionsResponse(
            sessions=await self._sessions.read(request.business_id, request.ids)
        )
