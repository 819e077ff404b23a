"""Takes in what platforms send, whether PostgreSQL is there or not."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from google.protobuf.message import DecodeError

from clicktrail.tracking.v1 import hook_service_pb2 as pb
from common.clock import from_timestamp, to_timestamp
from common.errors import ClicktrailError, Reason, unavailable
from tracking_service.inbox.delivery import Hook, PlatformDelivery, unknown_hook, wrong_signature
from tracking_service.inbox.inbox import Inbox
from tracking_service.inbox.intake import Proof
from tracking_service.inbox.known_hooks import KnownHooks
from tracking_service.inbox.store import PostgresInbox
from tracking_service.platforms.catalogue import PLATFORMS
from tracking_service.platforms.platform import HookRequest
from tracking_service.postgres.availability import CircuitBreaker
from tracking_service.spool.file import Fate, SpoolEntry, SpoolRow
from tracking_service.spool.replay import Replayed, StoreRows
from tracking_service.spool.spool import FULL_RETRY_SECONDS, Spool

Result = TypeVar("Result")

# So long an answer waits for its events, which are usually there at once; what takes longer is not waited for.
SETTLE_SECONDS = 1.0
LEFT_SECONDS = 10.0
# Beyond, what is kept is left to the workers at once.
MOST_AT_ONCE = 16
_UNREADABLE = Replayed("rejected", "It cannot be read.")


class DuringOutage(NamedTuple):
    """What takes the place of PostgreSQL while that is away, and what knows that."""

    breaker: CircuitBreaker
    known: KnownHooks
    spool: Spool


class SpoolHooks:
    """Keeps deliveries in PostgreSQL or, while that is away, in the spool, judged by what is last known."""

    def __init__(self, store: PostgresInbox, proof: Proof, inbox: Inbox, outage: DuringOutage) -> None:
        self._store = store
        self._proof = proof
        self._inbox = inbox
        self._breaker, self._known, self._spool = outage
        self._settling: set[asyncio.Task[None]] = set()

    async def receive(self, connection_id: str, request: HookRequest) -> None:
        """Keep a delivery, durably, then turn it into events; a trial of the address is not kept.

        Raises `CONNECTION_UNKNOWN`, `SIGNATURE_WRONG`, and UNAVAILABLE for what cannot be judged or kept now.
        """
        hook = await self._hook(connection_id)
        if PLATFORMS[hook.platform].is_ping(request):
            return
        if not self._proof.is_signed(hook, request):
            await self._or_none(lambda: self._store.count_refused(hook.id))
            raise wrong_signature()
        delivery = self._proof.delivery_of(hook, request)
        if await self._or_none(lambda: self._is_added(delivery)):
            await self._settle(delivery, hook)
        else:
            await self._keep(delivery)

    async def close(self) -> None:
        """Leave to the next process what is not turned into events yet."""
        for task in self._settling:
            task.cancel()
        if self._settling:
            await asyncio.wait(self._settling)

    async def _hook(self, connection_id: str) -> Hook:
        """Return a connection that is on. Raises `CONNECTION_UNKNOWN`, and UNAVAILABLE where it cannot be known."""
        try:
            hook = await self._breaker.attempt(lambda: self._store.hook(connection_id))
        except ClicktrailError as error:
            if error.reason is not Reason.STORE_DOWN:
                raise
            hook = await self._known.by_id(connection_id)
            if hook is None:  # It may have been made since.
                raise
        if hook is None or not hook.is_enabled:
            raise unknown_hook()
        return hook

    async def _is_added(self, delivery: PlatformDelivery) -> bool:
        await self._store.add(delivery, left_seconds=LEFT_SECONDS)
        return True

    async def _keep(self, delivery: PlatformDelivery) -> None:
        """Keep a delivery in the spool. One that PostgreSQL has kept without telling is there once all the same."""
        content = _content(delivery)
        entry = SpoolEntry(delivery.business_id, delivery.id.bytes, hashlib.sha256(content).digest(), content)
        (fate,) = await self._spool.keep([entry])
        if fate is Fate.NO_ROOM:
            raise unavailable(
                Reason.SPOOL_FULL,
                "Too many deliveries of the business wait to be stored; try again.",
                retry_after_seconds=FULL_RETRY_SECONDS,
            )

    async def _settle(self, delivery: PlatformDelivery, hook: Hook) -> None:
        if len(self._settling) >= MOST_AT_ONCE:
            return
        task = asyncio.create_task(self._inbox.settle(delivery, hook))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        await asyncio.wait({task}, timeout=SETTLE_SECONDS)

    async def _or_none(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result | None:
        """Return the result of work at PostgreSQL, None while that is away."""
        try:
            return await self._breaker.attempt(work)
        except ClicktrailError as error:
            if error.reason is not Reason.STORE_DOWN:
                raise
        return None


def store_deliveries(store: PostgresInbox) -> StoreRows:
    """Return what stores rows of the spool that are deliveries; workers turn them into events then."""

    async def keep(row: SpoolRow) -> Replayed:
        delivery = _read(row)
        if delivery is None:
            return _UNREADABLE
        await store.add(delivery)
        return Replayed("kept")

    async def store_rows(rows: Sequence[SpoolRow]) -> Sequence[Replayed]:
        return [await keep(row) for row in rows]

    return store_rows


def _content(delivery: PlatformDelivery) -> bytes:
    return pb.SpooledDelivery(
        connection=delivery.connection_id,
        received_at=to_timestamp(delivery.received_at),
        topic=delivery.topic,
        headers=delivery.headers,
        query=delivery.query,
        body=delivery.body,
        people=delivery.people,
    ).SerializeToString()


def _read(row: SpoolRow) -> PlatformDelivery | None:
    try:
        message = pb.SpooledDelivery.FromString(row.content)
    except DecodeError:
        return None
    return PlatformDelivery(
        id=UUID(bytes=row.id),
        business_id=row.business_id,
        connection_id=message.connection,
        received_at=from_timestamp(message.received_at),
        topic=message.topic,
        headers=message.headers,
        query=message.query,
        body=message.body,
        people=list(message.people),
    )
