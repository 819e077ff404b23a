"""The way of clicks while Redis is away: straight to tracking."""

from collections.abc import Sequence

import grpc
from grpc import aio

from common.errors import ClicktrailError, Reason, unavailable
from shortener_service.outbox.relay import Deliver
from shortener_service.redirects.store import ClickStore

# Tracking is broken, not away: a caller may not be told that trying again will do.
BROKEN = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN})


class DirectlyDelivered:
    """A store of clicks that delivers by itself what Redis does not take."""

    def __init__(self, store: ClickStore, deliver: Deliver) -> None:
        self._store = store
        self._deliver = deliver

    async def append(self, shard: int, sessions: dict[str, bytes], delivery: bytes, business_id: str = "") -> bool:
        """Keep a delivery in the outbox or, where Redis does not answer, with tracking.

        If Redis had kept it all the same, and only its answer was lost, tracking gets it twice and records it once.
        Raises UNAVAILABLE (`STORE_DOWN`) where neither takes it.
        """
        try:
            return await self._store.append(shard, sessions, delivery, business_id)
        except ClicktrailError as error:
            if error.reason is not Reason.STORE_DOWN:
                raise
        try:
            await self._deliver(delivery)
        except aio.AioRpcError as error:
            if error.code() in BROKEN:
                raise
            raise unavailable(Reason.STORE_DOWN, "This cannot be kept at the moment; try again.") from error
        return True

    async def get_sessions(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Return the fresh ones among these sessions."""
        return await self._store.get_sessions(ids)
