"""A shortener that notes which links it was told to take the recipient from."""

from typing import Any

import grpc
from grpc import aio

from clicktrail.shortener.v1 import link_service_pb2 as pb

METHOD = "/clicktrail.shortener.v1.LinkService/DetachProfile"


class Shortener:
    """A real gRPC server with the one method that tracking calls, and can be told to refuse."""

    def __init__(self) -> None:
        self.detached: list[tuple[str, str]] = []
        """Business and link, in the order they came."""
        self.refusals = 0
        """So many calls are refused before one is taken."""
        self._server = aio.server()
        handler = grpc.unary_unary_rpc_method_handler(
            self._detach, pb.DetachProfileRequest.FromString, pb.DetachProfileResponse.SerializeToString
        )
        service, method = METHOD.strip("/").split("/")
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
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
