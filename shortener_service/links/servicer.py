"""LinkService over gRPC: messages in, values out, and back."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from clicktrail.shortener.v1 import link_pb2, link_service_pb2_grpc
from clicktrail.shortener.v1 import link_service_pb2 as pb
from common.errors import FaultType, invalid_field
from common.field_rules import rules
from common.rpc.errors import fault_message
from shortener_service.links.creation import Answer, Batch, Creation
from shortener_service.links.links import ABSENT, Change, Links, unknown_field
from shortener_service.links.messages import LinkMessages, _value, template_of
from shortener_service.links.validation import Draft
from shortener_service.protobuf_wire import delimited, tag_of, text

if TYPE_CHECKING:
    from grpc import aio

Result = TypeVar("Result")

MOST_RECIPIENTS = rules(pb.BatchCreateLinksRequest, "recipients").max_items
MOST_DETACHED = rules(pb.DetachProfileRequest, "ids").max_items
# So many links are written in one round trip: enough to share its cost, few enough to let redirects in between.
CHUNK = 500
# While Redis writes one piece of a stream the next is prepared.
AHEAD = 2

_RESULTS = tag_of(pb.CreateLinksResponse, "results")
_BATCH_RESULTS = tag_of(pb.BatchCreateLinksResponse, "links")
_EXTERNAL_ID = tag_of(pb.LinkResult, "external_id")
_LINK = tag_of(pb.LinkResult, "link")


class LinkServicer(link_service_pb2_grpc.LinkServiceServicer):
    """Serves LinkService."""

    def __init__(self, creation: Creation, links: Links, messages: LinkMessages) -> None:
        self._creation = creation
        self._links = links
        self._messages = messages

    async def CreateLink(
        self, request: pb.CreateLinkRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.CreateLinkResponse:
        """Create one link."""
        del context
        draft = Draft(request.profile, request.external_id, request.code)
        return pb.CreateLinkResponse(
            link=await self._creation.create_one(template_of(request.business_id, request), draft)
        )

    async def CreateLinks(
        self, request_iterator: AsyncIterator[pb.CreateLinksRequest], context: "aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[pb.CreateLinksResponse]:
        """Create links as their recipients arrive; the stream itself holds back a caller that is too fast."""
        del context
        async with aclosing(in_order(self._jobs(request_iterator), AHEAD)) as created:
            async for results in created:
                yield pb.CreateLinksResponse.FromString(results)

    async def _jobs(self, requests: AsyncIterator[pb.CreateLinksRequest]) -> AsyncIterator[Coroutine[Any, Any, bytes]]:
        """Yield the creation of each piece of a stream."""
        batch: Batch | None = None
        async for request in requests:
            if batch is None:
                _require_template(has_template=request.HasField("template"))
                batch = await self._creation.open_batch(template_of(request.business_id, request.template))
            for recipients in _chunks(request.recipients):
                yield self._results(batch, recipients, _RESULTS)

    async def BatchCreateLinks(
        self, request: pb.BatchCreateLinksRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.BatchCreateLinksResponse:
        """Create links for up to 10,000 recipients."""
        del context
        _require_template(has_template=request.HasField("template"))
        if not 1 <= len(request.recipients) <= MOST_RECIPIENTS:
            raise invalid_field("recipients", f"takes 1 to {MOST_RECIPIENTS:,}.")
        batch = await self._creation.open_batch(template_of(request.business_id, request.template))
        response = pb.BatchCreateLinksResponse()
        for recipients in _chunks(request.recipients):
            response.MergeFromString(await self._results(batch, recipients, _BATCH_RESULTS))
        return response

    async def GetLink(self, request: pb.GetLinkRequest, context: "aio.ServicerContext[Any, Any]") -> pb.GetLinkResponse:
        """Read one link."""
        del context
        link = await self._links.get(request.business_id, request.id)
        return pb.GetLinkResponse(link=self._messages.link(link))

    async def UpdateLink(
        self, request: pb.UpdateLinkRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.UpdateLinkResponse:
        """Change the fields that the mask names."""
        del context
        link = await self._links.update(request.business_id, request.id, change_of(request))
        return pb.UpdateLinkResponse(link=self._messages.link(link))

    async def DisableLink(
        self, request: pb.DisableLinkRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.DisableLinkResponse:
        """Switch a link off."""
        del context
        await self._links.disable(request.business_id, request.id)
        return pb.DisableLinkResponse()

    async def BlockLink(
        self, request: pb.BlockLinkRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.BlockLinkResponse:
        """Block a link."""
        del context
        link = await self._links.block(request.host, request.code, request.reason)
        return pb.BlockLinkResponse(link=self._messages.link(link))

    async def UnblockLink(
        self, request: pb.UnblockLinkRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.UnblockLinkResponse:
        """Unblock a link."""
        del context
        link = await self._links.unblock(request.host, request.code)
        return pb.UnblockLinkResponse(link=self._messages.link(link))

    async def DetachProfile(
        self, request: pb.DetachProfileRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.DetachProfileResponse:
        """Take the recipient from links."""
        del context
        if len(request.ids) > MOST_DETACHED:
            raise invalid_field("ids", f"takes at most {MOST_DETACHED:,}.")
        await self._links.detach(request.business_id, request.ids)
        return pb.DetachProfileResponse()

    async def _results(self, batch: Batch, recipients: Sequence[link_pb2.Recipient], tag: bytes) -> bytes:
        """Create links, and return their results one after the other, each serialized as the field of this tag."""
        wanted = [Draft(recipient.profile, recipient.external_id) for recipient in recipients]
        answers = await self._creation.create_many(batch, wanted)
        results = zip(wanted, answers, strict=True)
        return b"".join([delimited(tag, _result(draft, answer)) for draft, answer in results])


def change_of(request: pb.UpdateLinkRequest) -> Change:
    """Return the change that a mask and its values describe."""
    template: dict[str, Any] = {}
    is_disabled: bool | None = None
    for path in request.update_mask.paths:
        if path == "disabled":
            is_disabled = request.link.disabled
        elif path in ABSENT:
            template[path] = _value(request.link, path)
        else:
            raise unknown_field(path)
    return Change(template, is_disabled)


def _result(draft: Draft, answer: Answer) -> bytes:
    """Return a serialized `LinkResult`."""
    if isinstance(answer, bytes):
        return text(_EXTERNAL_ID, draft.external_id) + delimited(_LINK, answer)
    errors = map(fault_message, answer.faults)
    return pb.LinkResult(external_id=draft.external_id or None, errors=errors).SerializeToString()


def _require_template(*, has_template: bool) -> None:
    if not has_template:
        raise invalid_field("template", "is missing.", FaultType.PARAMETER_MISSING)


def _chunks(recipients: Sequence[link_pb2.Recipient]) -> Iterable[Sequence[link_pb2.Recipient]]:
    return (recipients[start : start + CHUNK] for start in range(0, len(recipients), CHUNK))


async def in_order(jobs: AsyncIterator[Coroutine[Any, Any, Result]], at_once: int) -> AsyncGenerator[Result, None]:
    """Yield the results of jobs in the order of the jobs, each as soon as it is there, so many under way at once.

    The next job is only asked for where there is room for it. The first failure, of a job or of the jobs themselves,
    is raised after the results before it, and ends what is under way.
    """
    room = asyncio.Semaphore(at_once)
    begun: asyncio.Queue[asyncio.Task[Result] | None] = asyncio.Queue()
    under_way: set[asyncio.Task[Any]] = set()

    async def begin_all() -> None:
        await room.acquire()
        async for job in jobs:
            task = asyncio.create_task(job)
            under_way.add(task)
            begun.put_nowait(task)
            await room.acquire()

    beginning = asyncio.create_task(begin_all())
    beginning.add_done_callback(lambda _: begun.put_nowait(None))
    under_way.add(beginning)
    try:
        while (task := await begun.get()) is not None:
            result = await task
            under_way.discard(task)
            yield result
            room.release()
        await beginning
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
