"""RejectionService: messages to pages of what was set aside, and back."""

from typing import TYPE_CHECKING, Any

from clicktrail.tracking.v1 import rejection_service_pb2 as pb
from clicktrail.tracking.v1 import rejection_service_pb2_grpc
from common.clock import to_timestamp
from common.errors import invalid_field
from common.field_rules import rules
from tracking_service.messages import check_texts
from tracking_service.rejections.rejections import Rejection
from tracking_service.rejections.store import PostgresRejected

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]

USUAL_LIMIT = 100
LARGEST_LIMIT = rules(pb.ListRejectionsRequest, "limit").maximum


class RejectionServicer(rejection_service_pb2_grpc.RejectionServiceServicer):
    """Shows what was set aside."""

    def __init__(self, rejected: PostgresRejected) -> None:
        self._rejected = rejected

    async def ListRejections(self, request: pb.ListRejectionsRequest, _context: "Context") -> pb.ListRejectionsResponse:
        """List what was set aside, newest first."""
        check_texts(request)
        if not 0 <= request.limit <= LARGEST_LIMIT:
            raise invalid_field("limit", f"must be 1 to {LARGEST_LIMIT}; 0 for {USUAL_LIMIT}.")
        limit = request.limit or USUAL_LIMIT
        business_id = request.business_id if request.HasField("business_id") else None
        before = request.before if request.HasField("before") else None
        found = await self._rejected.newest(business_id, before, limit + 1)
        return pb.ListRejectionsResponse(rejections=map(_message, found[:limit]), has_more=len(found) > limit)


def _message(rejection: Rejection) -> pb.Rejection:
    return pb.Rejection(
        number=rejection.number,
        business_id=rejection.business_id,
        kind=rejection.kind,
        id=rejection.item,
        reason=rejection.reason,
        rejected_at=to_timestamp(rejection.rejected_at),
        bytes=rejection.size_bytes,
    )
