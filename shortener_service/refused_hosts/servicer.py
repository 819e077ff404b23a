"""RefusedHostService over gRPC."""

from typing import TYPE_CHECKING, Any

from clicktrail.shortener.v1 import refused_host_service_pb2 as pb
from clicktrail.shortener.v1 import refused_host_service_pb2_grpc
from shortener_service.refused_hosts.refused_hosts import RefusedHosts
from shortener_service.refused_hosts.store import host_to_message

if TYPE_CHECKING:
    from grpc import aio


class RefusedHostServicer(refused_host_service_pb2_grpc.RefusedHostServiceServicer):
    """Serves RefusedHostService."""

    def __init__(self, hosts: RefusedHosts) -> None:
        self._hosts = hosts

    async def RefuseHost(
        self, request: pb.RefuseHostRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.RefuseHostResponse:
        """Refuse a host."""
        del context
        return pb.RefuseHostResponse(host=host_to_message(await self._hosts.refuse(request.name, request.reason)))

    async def AllowHost(
        self, request: pb.AllowHostRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.AllowHostResponse:
        """Take a host from the list."""
        del context
        await self._hosts.allow(request.name)
        return pb.AllowHostResponse()

    async def ListRefusedHosts(
        self, request: pb.ListRefusedHostsRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.ListRefusedHostsResponse:
        """List the refused hosts."""
        del request, context
        return pb.ListRefusedHostsResponse(hosts=map(host_to_message, await self._hosts.all()))
