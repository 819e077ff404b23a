"""Errors as the API answers them."""

from grpc import StatusCode, aio

from gateway.http.errors import problem_of


def test_what_an_older_service_does_not_know_is_not_found() -> None:
    """While versions are replaced, a gateway may have routes that a service does not serve yet."""
    unknown = aio.AioRpcError(StatusCode.UNIMPLEMENTED, aio.Metadata(), aio.Metadata(), "Method not found!")
    problem = problem_of(unknown, "r-1")
    assert (problem.status, [fault.type for fault in problem.faults]) == (404, ["not_found"])
