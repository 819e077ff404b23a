"""RefusedRequestService: messages to counts."""

from typing import TYPE_CHECKING, Any

from clicktrail.tracking.v1 import refused_request_service_pb2 as pb
from clicktrail.tracking.v1 import refused_request_service_pb2_grpc
from clicktrail.tracking.v1.event_pb2 import CREDENTIAL_PRIVATE, CREDENTIAL_PUBLIC
from common.errors import Faults, invalid
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
        _check(request)
        await self._store.keep(request.gateway, [_count(at, one) for at, one in enumerate(request.counts)])
        return pb.RecordRefusedRequestsResponse()


def _check(request: pb.RecordRefusedRequestsRequest) -> None:
    """Raise INVALID with every fault."""
    faults = Faults()
    if not 1 <= len(request.gateway) <= _GATEWAY_LENGTH:
        faults.add("gateway", f"takes 1 to {_GATEWAY_LENGTH} characters.")
    if len(request.counts) > _MOST_COUNTS:
        faults.add("counts", f"takes at most {_MOST_COUNTS:,}.")
    for at, one in enumerate(request.counts[:_MOST_COUNTS]):
        _check_refused(one.refused, Faults(f"counts.{at}.refused.", faults.found))
    if faults.found:
        raise invalid(faults.found)


def _check_refused(refused: pb.RefusedRequests, faults: Faults) -> None:
    if not 1 <= len(refused.kind) <= _KIND_LENGTH:
        faults.add("kind", f"takes 1 to {_KIND_LENGTH} characters.")
    if refused.credential not in {CREDENTIAL_PUBLIC, CREDENTIAL_PRIVATE}:
        faults.add("credential", "must be `public` or `private`.")
    if refused.count < 1:
        faults.add("count", "must be at least 1.")


def _count(at: int, message: pb.RefusedRequestCount) -> RefusedCount:
    refused = message.refused
    quarter = bucket_of(time_from(message.quarter, f"counts.{at}.quarter"))
    is_private = refused.credential == CREDENTIAL_PRIVATE
    return RefusedCount(message.business_id, quarter, refused.kind, is_private, refused.count)
