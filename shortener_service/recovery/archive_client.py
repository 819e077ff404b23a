"""The second copies, as tracking keeps them."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from grpc import aio

from clicktrail.tracking.v1 import link_archive_service_pb2 as pb
from clicktrail.tracking.v1 import link_archive_service_pb2_grpc, relay_service_pb2
from common.errors import Reason, unavailable
from common.rpc.errors import from_rpc_error
from shortener_service.domains.store import DomainCopy, copy_from_message, copy_to_message
from shortener_service.refused_hosts.store import RefusedHostCopy, host_copy_from_message, host_copy_to_message

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

ANSWER_SECONDS = 5.0
# An export is read as fast as Redis takes it: a million links in a minute or two.
EXPORT_SECONDS = 24 * 3600.0


class Installation(NamedTuple):
    """What is copied besides links; of each domain and host its latest revision."""

    secret: bytes
    domains: Sequence[DomainCopy] = ()
    refused_hosts: Sequence[RefusedHostCopy] = ()


class Piece(NamedTuple):
    """A piece of an export."""

    copies: Sequence[relay_service_pb2.LinkCopy]
    total: int
    """How many links there are in all."""
    began_at: "Timestamp"
    """When the export began, by tracking's clock."""


class LinkArchive:
    """Asks tracking. Every method raises UNAVAILABLE where it does not answer."""

    def __init__(self, channel: aio.Channel) -> None:
        self._stub = link_archive_service_pb2_grpc.LinkArchiveServiceStub(channel)

    async def count(self) -> int:
        """Return 0 where there never was a link, else at least 1."""
        with _told():
            answer = await self._stub.CountLinks(pb.CountLinksRequest(), timeout=ANSWER_SECONDS, wait_for_ready=True)
        return int(answer.count)

    async def keep_installation(self, installation: Installation) -> Installation:
        """Have it copied; return what is kept: the first secret, the latest of each domain and host."""
        request = pb.KeepInstallationRequest(
            secret=installation.secret,
            domains=map(copy_to_message, installation.domains),
            refused_hosts=map(host_copy_to_message, installation.refused_hosts),
        )
        with _told():
            kept = await self._stub.KeepInstallation(request, timeout=ANSWER_SECONDS, wait_for_ready=True)
        hosts = [host_copy_from_message(copy) for copy in kept.refused_hosts]
        return Installation(kept.secret, [copy_from_message(copy) for copy in kept.domains], hosts)

    async def export(self, kept_since: "Timestamp | None") -> AsyncIterator[Piece]:
        """Yield all links whose copies were kept from a time on, piece by piece: at least one, perhaps empty."""
        # Waits for tracking for seconds; the export itself, which may take hours, would wait as long.
        await self.count()
        with _told():
            call = self._stub.ExportLinks(pb.ExportLinksRequest(kept_since=kept_since), timeout=EXPORT_SECONDS)
            async for answer in call:
                yield Piece(answer.links, answer.total, answer.began_at)


@contextmanager
def _told() -> Iterator[None]:
    """Turn tracking's errors into those of this service; a fault of its own is not there to be shown."""
    try:
        yield
    except aio.AioRpcError as error:
        refusal = from_rpc_error(error)
        if refusal is None or refusal.reason is Reason.UPSTREAM_DOWN:
            said = "Tracking, which keeps the copies, does not answer at the moment; try again."
            raise unavailable(Reason.UPSTREAM_DOWN, said) from error
        raise refusal from error
