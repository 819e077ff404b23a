"""A shortener that notes which links it was told to take the recipient from, and judges and delivers as it is told."""

from typing import TYPE_CHECKING, Any

import grpc
from grpc import aio

from clicktrail.shortener.v1 import link_service_pb2 as pb
from clicktrail.shortener.v1 import outbox_service_pb2, redirect_service_pb2
from common.errors import Reason, not_found
from common.rpc.errors import to_status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

DETACH = "/clicktrail.shortener.v1.LinkService/DetachProfile"
AWAIT = "/clicktrail.shortener.v1.OutboxService/AwaitDelivery"
GET = "/clicktrail.shortener.v1.LinkService/GetLink"
JUDGE = "/clicktrail.shortener.v1.RedirectService/JudgeUserAgents"


async def _has_delivered() -> bool:
    """Tell that nothing is on its way."""
    return True


class Shortener:
    """A real gRPC server with the methods that tracking calls, and can be told to refuse."""

    def __init__(self) -> None:
        self.detached: list[tuple[str, str]] = []
        """Business and link, in the order they came."""
        self.refusals = 0
        """So many calls are refused before one is taken."""
        self.rules_version = 1
        self.verdicts: dict[str, str] = {}
        """What user agents are; all others are a person's."""
        self.delivers: Callable[[], Awaitable[bool]] = _has_delivered
        """Delivers what is on its way, and tells whether that is all."""
        self._server = aio.server()
        self._serve(DETACH, self._detach, pb.DetachProfileRequest, pb.DetachProfileResponse)
        judging = redirect_service_pb2.JudgeUserAgentsRequest, redirect_service_pb2.JudgeUserAgentsResponse
        self._serve(JUDGE, self._judge, *judging)
        self._serve(
            AWAIT, self._await, outbox_service_pb2.AwaitDeliveryRequest, outbox_service_pb2.AwaitDeliveryResponse
        )
        self._serve(GET, self._get, pb.GetLinkRequest, pb.GetLinkResponse)
        self._port = self._server.add_insecure_port("127.0.0.1:0")

    @property
    def target(self) -> str:
        """Return where it is."""
        return f"ipv4:127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Begin to answer."""
        await self._server.start()

    async def stop(self) -> None:
        """Go away."""
        await self._server.stop(None)

    async def _detach(
        self, request: pb.DetachProfileRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.DetachProfileResponse:
        if self.refusals:
            self.refusals -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "told to")
        self.detached += [(request.business_id, link) for link in request.ids]
        return pb.DetachProfileResponse()

    async def _judge(
        self, request: redirect_service_pb2.JudgeUserAgentsRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> redirect_service_pb2.JudgeUserAgentsResponse:
        if self.refusals:
            self.refusals -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "told to")
        return redirect_service_pb2.JudgeUserAgentsResponse(
            judgements=[
                redirect_service_pb2.UserAgentJudgement(
                    verdict=self.verdicts.get(agent, "human"), reason=f"rules {self.rules_version}"
                )
                for agent in request.user_agents
            ],
            rules_version=self.rules_version,
        )

    async def _await(
        self, request: outbox_service_pb2.AwaitDeliveryRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> outbox_service_pb2.AwaitDeliveryResponse:
        del request, context
        return outbox_service_pb2.AwaitDeliveryResponse(is_delivered=await self.delivers())

    async def _get(self, request: pb.GetLinkRequest, context: "aio.ServicerContext[Any, Any]") -> pb.GetLinkResponse:
        unknown = not_found(Reason.LINK_UNKNOWN, f"There is no link {request.id}.")
        await context.abort_with_status(to_status(unknown))
        raise unknown

    def _serve(self, path: str, handle: Any, asked: Any, answered: Any) -> None:
        service, method = path.strip("/").split("/")
        handler = grpc.unary_unary_rpc_method_handler(handle, asked.FromString, answered.SerializeToString)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
