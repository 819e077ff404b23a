"""RestoreService over gRPC."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from clicktrail.shortener.v1 import restore_service_pb2 as pb
from clicktrail.shortener.v1 import restore_service_pb2_grpc
from shortener_service.recovery.restoration import Restoration

if TYPE_CHECKING:
    from grpc import aio


class RestoreServicer(restore_service_pb2_grpc.RestoreServiceServicer):
    """Serves RestoreService."""

    def __init__(self, restoration: Restoration) -> None:
        self._restoration = restoration

    async def Restore(
        self, request: pb.RestoreRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[pb.RestoreResponse]:
        """Restore an emptied store."""
        del context
        async for progress in self._restoration.run(force=request.force):
            yield pb.RestoreResponse(**asdict(progress))
