"""Turns what platforms have sent into events: at once, or later where that fails."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from clicktrail.shortener.v1.session_pb2 import Session
from clicktrail.tracking.v1.event_pb2 import Submission as SubmissionMessage
from common.errors import ClicktrailError
from common.logging import get_logger
from tracking_service.erasure.store import NamedPerson
from tracking_service.events.event import Receipt, Status, Submission
from tracking_service.events.intake import LARGEST_BATCH
from tracking_service.events.messages import submission_from
from tracking_service.inbox.delivery import Hook, Outcome, PlatformDelivery, Settled, shop_of
from tracking_service.inbox.store import PostgresInbox
from tracking_service.inbox.submissions import submission_of
from tracking_service.platforms.catalogue import PLATFORMS
from tracking_service.platforms.platform import (
    Customer,
    Ending,
    ErasureRequest,
    Fact,
    HookRequest,
    Ignored,
    Told,
    UnreadableDelivery,
)

log = get_logger(__name__)

Intake = Callable[[Sequence[Submission]], Awaitable[list[Receipt]]]
Forget = Callable[[str, NamedPerson], Awaitable[bool]]
"""Erases somebody whom a business's platform names; tells whether they were known."""

FreshSessions = Callable[[str, Sequence[str]], Awaitable[Mapping[str, Session]]]
"""Returns those sessions of a business that the shortener knows."""


class InboxUses(NamedTuple):
    """What the inbox needs of others."""

    fresh: FreshSessions
    track: Intake
    forget: Forget


BATCH = 20
# What fails so often, over about half an hour, is a fault of ours: it can be replayed once that is mended.
TRIES = 12
_FAULTY = Settled(Outcome.REFUSED, [], "It could not be read, through a fault of Clicktrail's.")
_TEST = "It is a test of the platform."
_NOTHING = "It tells of nothing that is recorded."
# What became of a delivery is the first of these that became of anything in it.
_OUTCOMES = (Outcome.REFUSED, Outcome.RECORDED, Outcome.DUPLICATE, Outcome.IGNORED)
_OF_RECEIPTS = {
    Status.ACCEPTED: Outcome.RECORDED,
    Status.DUPLICATE: Outcome.DUPLICATE,
    # Its first telling counts: a platform repeats an order with what has changed in it since.
    Status.CONFLICT: Outcome.DUPLICATE,
    Status.REJECTED: Outcome.REFUSED,
}


class Inbox:
    """The deliveries of all connections."""

    def __init__(self, store: PostgresInbox, session_parameters: tuple[str, ...], uses: InboxUses) -> None:
        self._store = store
        self._session_parameters = session_parameters
        self._fresh, self._track, self._forget = uses

    async def work_off(self) -> bool:
        """Turn deliveries into events that wait, and tell whether there may be more."""
        waiting = await self._store.claim(BATCH)
        for delivery in waiting:
            hook = await self._store.hook(delivery.connection_id)
            if hook is None:
                await self._store.settle(delivery, Settled(Outcome.IGNORED, [], "Its connection was deleted."))
            else:
                await self.settle(delivery, hook)
        return len(waiting) == BATCH

    async def settle(self, delivery: PlatformDelivery, hook: Hook) -> None:
        """Turn a delivery into events. What fails for no reason of its own stays, and is tried again."""
        try:
            await self._store.settle(delivery, await self._settled(delivery, hook))
        except ClicktrailError as error:
            log.info("a delivery waits", delivery=str(delivery.id), reason=error.reason)
        except Exception as error:  # noqa: BLE001  (it is durable; its text may hold a person's data)
            log.error(  # noqa: TRY400  (a trace may show what was sent)
                "a delivery could not be read", delivery=str(delivery.id), error=type(error).__name__
            )
            if delivery.attempts >= TRIES:
                await self._store.settle(delivery, _FAULTY)

    async def _settled(self, delivery: PlatformDelivery, hook: Hook) -> Settled:
        request = HookRequest(
            json.loads(delivery.headers), json.loads(delivery.query), delivery.body, delivery.received_at
        )
        try:
            told = PLATFORMS[hook.platform].read(request, shop_of(hook, self._session_parameters))
        except UnreadableDelivery as error:
            return Settled(Outcome.REFUSED, [], str(error))
        facts = [each for each in told if isinstance(each, Fact) and not each.is_test]
        messages = [submission_of(fact, hook.source, delivery) for fact in facts]
        await self._add_fresh_sessions(hook.business_id, messages)
        receipts = await self._tracked(list(map(submission_from, messages)))
        found = [_of_receipt(receipt) for receipt in receipts]
        found += [await self._other(each, hook) for each in told if not isinstance(each, Fact)]
        found += [Settled(Outcome.IGNORED, [], _TEST) for each in told if isinstance(each, Fact) and each.is_test]
        return together(found)

    async def _tracked(self, submissions: Sequence[Submission]) -> list[Receipt]:
        """Record events in batches as large as may be; what a failure leaves is recorded when all are tried again."""
        starts = range(0, len(submissions), LARGEST_BATCH)
        return [
            receipt for start in starts for receipt in await self._track(submissions[start : start + LARGEST_BATCH])
        ]

    async def _add_fresh_sessions(self, business_id: str, messages: Sequence[SubmissionMessage]) -> None:
        """Add to each event the first of its sessions that the shortener knows; its click may still be on its way."""
        named = list(dict.fromkeys(session for message in messages for session in message.platform.sessions))
        try:
            known = await self._fresh(business_id, named) if named else {}
        except Exception as error:  # noqa: BLE001  (whatever it is, the event goes on without)
            log.warning("fresh sessions are not known", error=type(error).__name__)
            return
        for message in messages:
            found = next((known[session] for session in message.platform.sessions if session in known), None)
            if found is not None:
                message.fresh_session.CopyFrom(found)

    async def _other(self, told: Told, hook: Hook) -> Settled:
        match told:
            case Ending(reason):
                await self._store.end(hook.id, reason)
                return Settled(Outcome.RECORDED, [], reason)
            case ErasureRequest(customer):
                return await self._erased(customer, hook)
            case Ignored(reason):
                return Settled(Outcome.IGNORED, [], reason)
        return Settled(Outcome.IGNORED, [], _NOTHING)

    async def _erased(self, customer: Customer, hook: Hook) -> Settled:
        person = NamedPerson(hook.source, customer.id, customer.email, customer.phone)
        if await self._forget(hook.business_id, person):
            return Settled(Outcome.RECORDED, [], "The person was erased.")
        return Settled(Outcome.RECORDED, [], "Nobody is known by what was told; what was sent of the person is gone.")


def together(found: Sequence[Settled]) -> Settled:
    """Return what became of a delivery by what became of all that it tells."""
    if not found:
        return Settled(Outcome.IGNORED, [], _NOTHING)
    outcome = next(outcome for outcome in _OUTCOMES if any(each.outcome is outcome for each in found))
    reasons = dict.fromkeys(each.reason for each in found if each.reason and each.outcome is outcome)
    return Settled(outcome, [event for each in found for event in each.events], " ".join(reasons) or None)


def _of_receipt(receipt: Receipt) -> Settled:
    outcome = _OF_RECEIPTS[receipt.status]
    reason = " ".join(fault.description for fault in receipt.faults) if outcome is Outcome.REFUSED else None
    return Settled(outcome, [] if receipt.id is None else [receipt.id], reason)
