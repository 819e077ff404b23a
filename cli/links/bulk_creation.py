"""Streams recipients to the shortener and takes their links back, in order."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from cli.addresses import Endpoint
from cli.calls import channel_to, reached
from clicktrail.shortener.v1 import link_pb2, link_service_pb2, link_service_pb2_grpc

if TYPE_CHECKING:
    from cli.links.recipients import Row

RECIPIENTS_PER_MESSAGE = 500
# A minute, and a millisecond and a half a link: a tenth of the slowest rate expected.
_DEADLINE_SECONDS = 60.0
_SECONDS_PER_LINK = 0.0015


@dataclass(frozen=True, slots=True)
class Order:
    """What to create: the links' template, and how many recipients will come."""

    business: str
    template: link_pb2.LinkTemplate
    count: int


Take = Callable[["Row", link_service_pb2.LinkResult], None]


async def create_links(service: Endpoint, order: Order, rows: "Iterator[Row]", take: Take) -> None:
    """Create a link per row; `take` is given each row with its result, as they come."""
    waiting: deque[Row] = deque()
    is_answered = asyncio.Event()

    async def requests() -> AsyncIterator[link_service_pb2.CreateLinksRequest]:
        while chunk := list(islice(rows, RECIPIENTS_PER_MESSAGE)):
            waiting.extend(chunk)
            yield link_service_pb2.CreateLinksRequest(
                business_id=order.business,
                template=order.template,
                recipients=[link_pb2.Recipient(profile=row.profile, external_id=row.external_id) for row in chunk],
            )
            # A template that is refused is refused now: a write under way then would hide the reason.
            await is_answered.wait()

    async with channel_to(service) as channel:
        call = link_service_pb2_grpc.LinkServiceStub(await reached(channel, service)).CreateLinks(
            requests(), timeout=_DEADLINE_SECONDS + order.count * _SECONDS_PER_LINK, wait_for_ready=True
        )
        async for answer in call:
            is_answered.set()
            for result in answer.results:
                take(waiting.popleft(), result)
