"""Carries `ClicktrailError` over gRPC: one table there, one way back."""

import json

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from clicktrail.common.v1 import types_pb2
from common.errors import ClicktrailError, Fault, FaultType, Kind, Reason, unavailable
from common.logging import get_logger
from common.rare_warnings import RareWarning

log = get_logger(__name__)

DOMAIN = "clicktrail"
# What stands in the metadata of an `ErrorInfo` before the name of a field: the values that there are, a JSON list.
KNOWN = "known."

CODES: dict[Kind, int] = {
    Kind.INVALID: code_pb2.INVALID_ARGUMENT,
    Kind.UNAUTHENTICATED: code_pb2.UNAUTHENTICATED,
    Kind.FORBIDDEN: code_pb2.PERMISSION_DENIED,
    Kind.NOT_FOUND: code_pb2.NOT_FOUND,
    Kind.ALREADY_EXISTS: code_pb2.ALREADY_EXISTS,
    Kind.NOT_ALLOWED: code_pb2.FAILED_PRECONDITION,
    Kind.UNAVAILABLE: code_pb2.UNAVAILABLE,
}
KINDS = {code: kind for kind, code in CODES.items()}
# What a call ends with where its service is not there, not in time, or stops under it. A caller's own cancellation is
# no error of gRPC's.
AWAY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})
# A service does not take our own key: no fault of whoever asked us, and over once the keys are right.
_REFUSALS = frozenset({Reason.CALLER_UNKNOWN, Reason.CALLER_NOT_ALLOWED})
_refused = RareWarning(log, "a service does not take our key")


def to_status(error: ClicktrailError) -> grpc.Status:
    """Return the rich status of an error: ErrorInfo with the reason, BadRequest with the faults, RetryInfo.

    Where a fault says which values there are, the metadata of the ErrorInfo has them as a JSON list: "known.campaign".
    """
    known = {
        f"{KNOWN}{fault.parameter}": json.dumps(fault.known, ensure_ascii=False)
        for fault in error.faults
        if fault.known
    }
    details = [_packed(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=known))]
    violations = [
        error_details_pb2.BadRequest.FieldViolation(
            field=fault.parameter or "", description=fault.description, reason=fault.type.upper()
        )
        for fault in error.faults
    ]
    details.append(_packed(error_details_pb2.BadRequest(field_violations=violations)))
    if error.retry_after_seconds is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.seconds = error.retry_after_seconds
        details.append(_packed(retry))
    return rpc_status.to_status(status_pb2.Status(code=CODES[error.kind], message=str(error), details=details))


def from_rpc_error(error: grpc.aio.AioRpcError) -> ClicktrailError | None:
    """Return the error that a service raised, or None where it is a fault of ours that must not be shown.

    A call that never reached a service, or not in time, is UNAVAILABLE; so is one that a service gave up as it stopped,
    and one that was refused for the key of this process: `is_refused` tells these apart.
    """
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # an AioRpcError has what it reads
    if status is not None and (kind := KINDS.get(status.code)) is not None:
        found = _unpacked(status, kind)
        if found is not None:
            return found if found.reason not in _REFUSALS else _away_for_us(found)
    if error.code() in AWAY:
        return _away()
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return unavailable(Reason.OVERLOADED, "The service has too much to do at the moment; try again.")
    return None


def is_refused(error: grpc.aio.AioRpcError) -> bool:
    """Tell whether a service refused a call for its credential, and not for what was asked."""
    return error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


def _away_for_us(refusal: ClicktrailError) -> ClicktrailError:
    _refused.tell(reason=str(refusal))
    return _away()


def _away() -> ClicktrailError:
    return unavailable(Reason.UPSTREAM_DOWN, "The service cannot be reached at the moment; try again.")


def _unpacked(status: status_pb2.Status, kind: Kind) -> ClicktrailError | None:
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    for detail in status.details:
        for message in (info, bad_request, retry):
            if detail.Is(message.DESCRIPTOR):
                detail.Unpack(message)
    # A reason that a newer release has is not known here.
    if info.domain != DOMAIN or info.reason not in Reason.__members__:
        return None
    faults = [
        Fault(
            FaultType(violation.reason.lower()),
            violation.field or None,
            violation.description,
            tuple(json.loads(info.metadata.get(f"{KNOWN}{violation.field}", "[]"))),
        )
        for violation in bad_request.field_violations
    ]
    return ClicktrailError(kind, Reason(info.reason), faults, retry_after_seconds=retry.retry_delay.seconds or None)


def _packed(message: object) -> Any:
    packed = Any()
    packed.Pack(message)  # type: ignore[arg-type]
    return packed


def fault_message(fault: Fault) -> types_pb2.Fault:
    """Return a fault as results and receipts carry it."""
    return types_pb2.Fault(type=str(fault.type), parameter=fault.parameter, description=fault.description)
