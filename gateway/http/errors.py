"""Turns whatever went wrong into an answer in the form of the API: one table for all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grpc import StatusCode, aio

from common.errors import ClicktrailError, Fault, FaultType, Kind, Reason
from common.json_text import JsonTextError
from common.logging import get_logger
from gateway.json.text import Value, dumps

log = get_logger(__name__)

STATUSES: dict[Kind, int] = {
    Kind.INVALID: 422,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.ALREADY_EXISTS: 409,
    Kind.NOT_ALLOWED: 422,
    Kind.UNAVAILABLE: 503,
}

# A name that is taken is a faulty parameter over HTTP; 409 is left for a repeated key with other content.
TAKEN: dict[Reason, FaultType] = {
    Reason.CODE_TAKEN: FaultType.PARAMETER_NOT_UNIQUE,
    Reason.DOMAIN_TAKEN: FaultType.PARAMETER_NOT_UNIQUE,
    Reason.PROFILE_TAKEN: FaultType.PARAMETER_NOT_UNIQUE,
    Reason.ACTION_TAKEN: FaultType.PARAMETER_NOT_UNIQUE,
    Reason.BUSINESS_TAKEN: FaultType.PARAMETER_NOT_UNIQUE,
    Reason.IDENTITY_TAKEN: FaultType.PARAMETER_NOT_UNIQUE,
}

RETRY_AFTER_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """An error answer."""

    status: int
    faults: Sequence[Fault]
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """Return the body: every fault, in the form of the API."""
        return dumps({"errors": [fault_json(fault) for fault in self.faults]})


class RefusedError(Exception):
    """A request that the gateway itself refuses."""

    def __init__(self, problem: Problem) -> None:
        super().__init__("; ".join(fault.description for fault in problem.faults))
        self.problem = problem


def refused(status: int, type_: FaultType, description: str, **headers: str) -> RefusedError:
    """Return the refusal with this status and one fault."""
    return RefusedError(Problem(status, [Fault(type_, None, description)], headers))


def bad_request(description: str) -> RefusedError:
    """Return the refusal of a body that cannot be read."""
    return refused(400, FaultType.INVALID, description)


def unauthorized(description: str) -> RefusedError:
    """Return the refusal of a credential."""
    return RefusedError(
        Problem(401, [Fault(FaultType.UNAUTHORIZED, None, description)], {"www-authenticate": "Bearer"})
    )


def no_route() -> RefusedError:
    """Return the refusal of a path that leads nowhere."""
    return refused(404, FaultType.NOT_FOUND, "There is nothing here.")


def wrong_method(method: str, allowed: Sequence[str]) -> RefusedError:
    """Return the refusal of a method, naming those that are allowed."""
    fault = Fault(FaultType.INVALID, None, f"{method[:20]} is not allowed here.")
    return RefusedError(Problem(405, [fault], {"allow": ", ".join(allowed)}))


def too_large(limit: int) -> RefusedError:
    """Return the refusal of a body beyond its limit in bytes."""
    return refused(413, FaultType.TOO_LARGE, f"The body has more than {limit} bytes.")


def problem_of(error: BaseException, request_id: str) -> Problem:
    """Return the answer to any error. What is a fault of ours is logged, and the answer shows the request id alone."""
    if isinstance(error, aio.AioRpcError) and error.code() is StatusCode.UNIMPLEMENTED:
        # The service is older than this gateway.
        error = refused(404, FaultType.NOT_FOUND, "This is not available yet.")
    if isinstance(error, RefusedError):
        return error.problem
    if isinstance(error, JsonTextError):
        return bad_request(f"The body {error}.").problem
    if isinstance(error, ClicktrailError):
        return _of_service(error)
    log.error("request failed", request_id=request_id, exc_info=error)
    # The form of the API has no type for faults of ours; this one fits best: it may be tried again.
    fault = Fault(FaultType.UNAVAILABLE, None, f"Something went wrong here; request id {request_id}.")
    return Problem(500, [fault])


def fault_json(fault: Fault) -> Value:
    """Return a fault as the API shows it."""
    shown: dict[str, Value] = {"type": str(fault.type)}
    if fault.parameter:
        shown["parameter"] = fault.parameter
    shown["description"] = fault.description
    if fault.known:
        shown["known"] = list(fault.known)
    return shown


def _of_service(error: ClicktrailError) -> Problem:
    if error.kind is Kind.UNAVAILABLE:
        seconds = error.retry_after_seconds or RETRY_AFTER_SECONDS
        return Problem(503, error.faults, {"retry-after": str(seconds)})
    if error.reason is Reason.SIGNATURE_WRONG:
        return Problem(401, error.faults)
    if error.kind is Kind.UNAUTHENTICATED:
        return unauthorized("The credential is unknown or revoked.").problem
    if type_ := TAKEN.get(error.reason):
        return Problem(422, [Fault(type_, fault.parameter, fault.description) for fault in error.faults])
    return Problem(STATUSES[error.kind], error.faults)
