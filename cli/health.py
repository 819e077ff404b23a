"""Asks a service whether it can serve, at one look."""

import http.client
from typing import Annotated
from urllib.parse import urlsplit

import grpc
import typer
from grpc_health.v1 import health_pb2

from cli.failures import CommandFailed, ExitCode

OK = 200


def grpc_serves(address: str, timeout_seconds: float = 1.0) -> bool:
    """Tell whether the gRPC server at `HOST:PORT` says that it is SERVING."""
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = check(health_pb2.HealthCheckRequest(), timeout=timeout_seconds, wait_for_ready=True)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def http_serves(url: str, timeout_seconds: float = 1.0) -> bool:
    """Tell whether a GET of an http address is answered with 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout_seconds)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def require_health(target: str, timeout_seconds: float) -> None:
    """Raise `CommandFailed` unless the target, `HOST:PORT` of a gRPC server or an http address, serves."""
    is_http = target.startswith("http://")
    serves = http_serves(target, timeout_seconds) if is_http else grpc_serves(target, timeout_seconds)
    if not serves:
        raise CommandFailed(f"{target} does not serve.", ExitCode.UNAVAILABLE)


def healthcheck(
    target: Annotated[str, typer.Argument(help="`HOST:PORT` of a gRPC server, or an http address.")],
    timeout: Annotated[float, typer.Option(min=0.1, help="How long to wait, in seconds.")] = 3.0,
) -> None:
    """Exit with 0 if a service can serve, else with 3."""
    require_health(target, timeout)
