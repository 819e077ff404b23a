"""Tells tracking what a file says of recipients besides their ids: names, e-mail addresses, phone numbers."""

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from grpc import StatusCode
from grpc.aio import AioRpcError

from cli.addresses import Endpoint
from cli.calls import channel_to, reached
from cli.failures import CommandFailed
from cli.links.recipients import DETAILS
from clicktrail.tracking.v1 import profile_service_pb2 as pb
from clicktrail.tracking.v1 import profile_service_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.links.recipients import Row

# So many calls are under way at once.
_AT_ONCE = 50
_CALL_SECONDS = 30.0


async def tell_details(service: Endpoint, business: str, rows: "Iterable[Row]") -> None:
    """Set what rows tell of their people, and leave what they do not tell. Raises `CommandFailed` with the line."""
    telling = iter([row for row in rows if row.has_details])
    async with channel_to(service) as channel:
        stub = profile_service_pb2_grpc.ProfileServiceStub(await reached(channel, service))
        for some in _pieces(telling):
            await asyncio.gather(*(_tell(stub, business, row) for row in some))


def _pieces(rows: "Iterator[Row]") -> "Iterator[list[Row]]":
    while piece := list(islice(rows, _AT_ONCE)):
        yield piece


async def _tell(stub: profile_service_pb2_grpc.ProfileServiceStub, business: str, row: "Row") -> None:
    try:
        if not await _change(stub, business, row):
            await _create(stub, business, row)
    except AioRpcError as error:
        if error.code() is not StatusCode.INVALID_ARGUMENT:
            raise
        raise CommandFailed(f"line {row.line}, {row.profile}: {error.details()}") from None


async def _change(stub: profile_service_pb2_grpc.ProfileServiceStub, business: str, row: "Row") -> bool:
    """Change a person's profile; tell whether there is one."""
    request = pb.UpdateProfileRequest(business_id=business, id=row.profile, profile=_profile(row))
    request.update_mask.paths.extend(name for name in DETAILS if getattr(row, name))
    try:
        await stub.UpdateProfile(request, timeout=_CALL_SECONDS, wait_for_ready=True)
    except AioRpcError as error:
        if error.code() is not StatusCode.NOT_FOUND:
            raise
        return False
    return True


async def _create(stub: profile_service_pb2_grpc.ProfileServiceStub, business: str, row: "Row") -> None:
    request = pb.CreateProfileRequest(business_id=business, profile=_profile(row))
    try:
        await stub.CreateProfile(request, timeout=_CALL_SECONDS, wait_for_ready=True)
    except AioRpcError as error:
        if error.code() is not StatusCode.ALREADY_EXISTS:
            raise
        # Its link was the first to name it, a moment ago.
        await _change(stub, business, row)


def _profile(row: "Row") -> pb.Profile:
    told = {name: text for name in DETAILS if (text := getattr(row, name))}
    return pb.Profile(id=row.profile, **told)
