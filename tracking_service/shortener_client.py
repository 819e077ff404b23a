"""The shortener's links and rules, as tracking asks after them."""

from collections.abc import Sequence

from grpc import aio

from clicktrail.shortener.v1 import (
    link_service_pb2,
    link_service_pb2_grpc,
    outbox_service_pb2,
    outbox_service_pb2_grpc,
    redirect_service_pb2,
    redirect_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
)
from clicktrail.shortener.v1.session_pb2 import Session
from common.errors import Reason, unavailable
from common.rpc.errors import from_rpc_error

CALL_SECONDS = 10.0
# A caller waits for the answer.
ASK_SECONDS = 2.0
FRESH_SECONDS = 1.0
# The shortener itself waits for up to two of them.
ARRIVAL_SECONDS = 3.0


class ShortenerSessions:
    """Asks for sessions that are fresh from a click, whose click may not have reached tracking yet."""

    def __init__(self, channel: aio.Channel) -> None:
        self._stub = session_service_pb2_grpc.SessionServiceStub(channel)

    async def fresh(self, business_id: str, ids: Sequence[str]) -> dict[str, Session]:
        """Return those of these sessions that the shortener knows, by id. Raises where it cannot be asked."""
        request = session_service_pb2.GetFreshSessionsRequest(business_id=business_id, ids=ids)
        try:
            answer = await self._stub.GetFreshSessions(request, timeout=FRESH_SECONDS)
        except aio.AioRpcError as error:
            told = from_rpc_error(error)
            raise told or error from error
        return {session.id: session for session in answer.sessions}


class ShortenerVerdicts:
    """Asks who sends user agents, over a channel to the shortener, which is somebody else's."""

    def __init__(self, channel: aio.Channel) -> None:
        self._stub = redirect_service_pb2_grpc.RedirectServiceStub(channel)

    async def judge(self, user_agents: Sequence[str]) -> tuple[int, list[tuple[str, str]]]:
        """Return the version of the rules, and of each user agent, at most 1,000, the verdict and its reason.

        Raises UNAVAILABLE where the shortener cannot be asked now.
        """
        request = redirect_service_pb2.JudgeUserAgentsRequest(user_agents=user_agents)
        try:
            answer = await self._stub.JudgeUserAgents(request, timeout=CALL_SECONDS, wait_for_ready=True)
        except aio.AioRpcError as error:
            told = from_rpc_error(error)
            raise told or unavailable(Reason.UPSTREAM_DOWN, "The shortener does not judge hits now.") from error
        return answer.rules_version, [(each.verdict, each.reason) for each in answer.judgements]


class ShortenerLinks:
    """Asks after links and changes them, over a channel to the shortener. Owns it: close it."""

    def __init__(self, channel: aio.Channel) -> None:
        self._channel = channel
        self._stub = link_service_pb2_grpc.LinkServiceStub(channel)
        self._outbox = outbox_service_pb2_grpc.OutboxServiceStub(channel)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()

    async def check(self, business_id: str, link_id: str) -> None:
        """Raise `LINK_UNKNOWN` where the business has no such link, UNAVAILABLE where that cannot be told now."""
        request = link_service_pb2.GetLinkRequest(business_id=business_id, id=link_id)
        try:
            await self._stub.GetLink(request, timeout=ASK_SECONDS, wait_for_ready=True)
        except aio.AioRpcError as error:
            told = from_rpc_error(error)
            raise told or unavailable(Reason.UPSTREAM_DOWN, "The shortener does not tell of links now.") from error

    async def have_arrived(self) -> bool:
        """Wait until all links of before are kept here, and tell whether they are: False also where nobody can tell."""
        try:
            answer = await self._outbox.AwaitDelivery(
                outbox_service_pb2.AwaitDeliveryRequest(), timeout=ARRIVAL_SECONDS
            )
        except aio.AioRpcError:
            return False
        return bool(answer.is_delivered)

    async def detach(self, business_id: str, link_ids: list[str]) -> None:
        """Take the recipient from links, at most 1,000. Raises UNAVAILABLE where the shortener cannot do it now."""
        request = link_service_pb2.DetachProfileRequest(business_id=business_id, ids=link_ids)
        try:
            await self._stub.DetachProfile(request, timeout=CALL_SECONDS, wait_for_ready=True)
        except aio.AioRpcError as error:
            told = from_rpc_error(error)
            raise told or unavailable(Reason.UPSTREAM_DOWN, "The shortener does not detach links now.") from error
