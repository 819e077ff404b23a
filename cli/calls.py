"""Calls services from the command line: channels that close, errors that read well."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from google.protobuf.message import Message
from grpc import StatusCode, aio

from cli.addresses import Endpoint
from cli.failures import CommandFailed, ExitCode
from clicktrail.common.v1 import types_pb2
from common.errors import Fault, Kind, Reason
from common.rpc.channels import open_channel
from common.rpc.errors import from_rpc_error, is_refused

DEADLINE_SECONDS = 10.0
# How gRPC tells of a stream that ended below a write: the reason is lost.
_BROKEN_OFF = "Internal error from Core"
Result = TypeVar("Result")


def run(call: Coroutine[Any, Any, Result], service: Endpoint) -> Result:
    """Run calls to the end; what the service refuses, or that it is away, becomes `CommandFailed`."""

    async def told() -> Result:
        try:
            return await call
        except aio.AioRpcError as error:
            raise (_not_allowed if is_refused(error) else _failure)(error, service) from None

    return asyncio.run(told())


def ask(
    service: Endpoint, method: Callable[[aio.Channel], Callable[..., Awaitable[Result]]], request: Message
) -> Result:
    """Call a method of a service once, and return its answer; what is refused becomes `CommandFailed`."""

    async def answer() -> Result:
        async with channel_to(service) as channel:
            return await method(channel)(request, timeout=DEADLINE_SECONDS, wait_for_ready=True)

    return run(answer(), service)


@asynccontextmanager
async def channel_to(service: Endpoint) -> AsyncIterator[aio.Channel]:
    """Open a channel to a service, and close it in the end."""
    channel = open_channel(service.address, service.security)
    try:
        yield channel
    finally:
        await channel.close()


async def reached(channel: aio.Channel, service: Endpoint) -> aio.Channel:
    """Return a channel that is connected: a call that may take an hour is not to wait an hour for its service."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await channel.channel_ready()
    except TimeoutError:
        raise _no_answer(service) from None
    return channel


def sentence_of(faults: Iterable[Fault | types_pb2.Fault]) -> str:
    """Return what is wrong in one line, each fault with its field, once."""
    return "; ".join(map(_line_of, faults))


def _line_of(fault: Fault | types_pb2.Fault) -> str:
    if not fault.parameter or fault.description.startswith(fault.parameter):
        return fault.description
    return f"{fault.parameter}: {fault.description}"


def _failure(error: aio.AioRpcError, service: Endpoint) -> CommandFailed:
    refusal = from_rpc_error(error)
    if error.code() is StatusCode.INTERNAL and error.details() == _BROKEN_OFF:
        return CommandFailed(f"{service} broke off. The same command may be run again.", ExitCode.UNAVAILABLE)
    if refusal is None:
        return CommandFailed(f"The service at {service} failed: {error.details() or error.code().name}")
    # Where the service itself says that another one is away, its own words tell which.
    if refusal.reason is Reason.UPSTREAM_DOWN and error.details() != str(refusal):
        return _no_answer(service)
    if refusal.kind is Kind.UNAVAILABLE:
        return CommandFailed(sentence_of(refusal.faults), ExitCode.UNAVAILABLE)
    if refusal.kind is Kind.INVALID:
        return CommandFailed(sentence_of(refusal.faults), ExitCode.USAGE)
    return CommandFailed(sentence_of(refusal.faults))


def _not_allowed(error: aio.AioRpcError, service: Endpoint) -> CommandFailed:
    return CommandFailed(
        f"not allowed: {service} says: {error.details()} Name a file with a key by --key-file or"
        " CLICKTRAIL_KEY_FILE, or the directory of a running stack, which has one, by --data-dir.",
        ExitCode.UNAVAILABLE,
    )


def _no_answer(service: Endpoint) -> CommandFailed:
    return CommandFailed(f"There is no answer from {service}: is the service running there?", ExitCode.UNAVAILABLE)
