"""RefusedRequestService: messages to counts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from clicktrail.tracking.v1 import refused_request_service_pb2 as pb
from clicktrail.tracking.v1 import refused_request_service_pb2_grpc
from clicktrail.tracking.v1.event_pb2 import CREDENTIAL_PRIVATE, CREDENTIAL_PUBLIC
from common.errors import Fault, field_fault, invalid
from common.field_rules import rules
from tracking_service.counters.scopes import bucket_of
from tracking_service.messages import check_texts, time_from
from tracking_service.refused_requests.refused_requests import RefusedCount
from tracking_service.refused_requests.store import PostgresRefusedRequests

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]

_MOST_COUNTS = rules(pb.RecordRefusedRequestsRequest, "counts").max_items
_GATEWAY_LENGTH = rules(pb.RecordRefusedRequestsRequest, "gateway").max_length
_KIND_LENGTH = rules(pb.RefusedRequests, "kind").max_length


class RefusedRequestServicer(refused_request_service_pb2_grpc.RefusedRequestServiceServicer):
    """Keeps what gateways have refused."""

    def __init__(self, store: PostgresRefusedRequests) -> None:
        self._store = store

    async def RecordRefusedRequests(
        self, request: pb.RecordRefusedRequestsRequest, _context: "Context"
    ) -> pb.RecordRefusedRequestsResponse:
        """Keep a gateway's counts."""
        check_texts(request)
        if faults := list(_faults(request)):
            raise invalid(faults)
        await self._store.keep(request.gateway, [_count(at, one) for at, one in enumerate(request.counts)])
        return pb.RecordRefusedRequestsResponse()


def _faults(request: pb.RecordRefusedRequestsRequest) -> Iterator[Fault]:
    if not 0 < len(request.gateway) <= _GATEWAY_LENGTH:
        yield field_fault("gateway", f"must have 1 to {_GATEWAY_LENGTH} characters.")
    if len(request.counts) > _MOST_COUNTS:
        yield field_fault("counts", f"must be at most {_MOST_COUNTS}.")
    for at, one in enumerate(request.counts):
        where = f"counts.{at}.refused"
        if not 0 < len(one.refused.kind) <= _KIND_LENGTH:
            yield field_fault(f"{where}.kind", f"must have 1 to {_KIND_LENGTH} characters.")
        if one.refused.credential not in {CREDENTIAL_PUBLIC, CREDENTIAL_PRIVATE}:
            yield field_fault(f"{where}.credential", "must be `public` or `private`.")
        if one.refused.count < 1:
            yield field_fault(f"{where}.count", "must be at least 1.")


def _count(at: int, message: pb.RefusedRequestCount) -> RefusedCount:
    refused = message.refused
    quarter = bucket_of(time_from(message.quarter, f"counts.{at}.quarter"))
    is_private = refused.credential == CREDENTIAL_PRIVATE
    return RefusedCount(message.business_id, quarter, refused.kind, is_private, refused.count)
