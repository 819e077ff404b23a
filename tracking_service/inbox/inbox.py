"""Takes in what platforms send, and turns it into events: at once, or later where that fails."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from clicktrail.shortener.v1.session_pb2 import Session
from clicktrail.tracking.v1.event_pb2 import Submission as SubmissionMessage
from common.errors import ClicktrailError, Kind, Reason, unavailable
from common.ids import new_uuid7
from common.logging import get_logger
from tracking_service.events.event import Receipt, Status, Submission
from tracking_service.events.messages import submission_from
from tracking_service.identity.contacts import contact_of
from tracking_service.identity.evidence import Identity
from tracking_service.identity.statement_store import identity_hash
from tracking_service.inbox.delivery import Delivery, Hook, Outcome, Settled, unknown_hook, wrong_signature
from tracking_service.inbox.store import PostgresInbox
from tracking_service.inbox.submissions import submission_of
from tracking_service.key_ring import KeyRing, UnreadableSecret
from tracking_service.platforms.catalogue import PLATFORMS
from tracking_service.platforms.generic_mapping import GenericMapping
from tracking_service.platforms.platform import (
    Customer,
    Ending,
    ErasureRequest,
    Fact,
    HookRequest,
    Ignored,
    Shop,
    Told,
    UnreadableDelivery,
)

log = get_logger(__name__)

Intake = Callable[[Sequence[Submission]], Awaitable[list[Receipt]]]
Erase = Callable[[str, str], Awaitable[None]]
"""Erases a person by business and profile. Raises `PROFILE_UNKNOWN`."""

FreshSessions = Callable[[str, Sequence[str]], Awaitable[Mapping[str, Session]]]
"""Returns those sessions of a business that the shortener knows."""


class InboxUses(NamedTuple):
    """What the inbox needs of others."""

    fresh: FreshSessions
    track: Intake
    erase: Erase


BATCH = 20
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
    """The hooks of all connections."""

    def __init__(
        self, store: PostgresInbox, key_ring: KeyRing, session_parameters: tuple[str, ...], uses: InboxUses
    ) -> None:
        self._store = store
        self._key_ring = key_ring
        self._session_parameters = session_parameters
        self._fresh, self._track, self._erase = uses

    async def receive(self, connection_id: str, request: HookRequest) -> None:
        """Keep a delivery, durably, then turn it into events; a trial of the address is not kept.

        Raises `CONNECTION_UNKNOWN`, `SIGNATURE_WRONG`, and UNAVAILABLE for what cannot be judged or kept now.
        """
        hook = await self._store.hook(connection_id)
        if hook is None or not hook.is_enabled:
            raise unknown_hook()
        platform = PLATFORMS[hook.platform]
        if platform.is_ping(request):
            return
        shop = self._shop(hook)
        if not [secret for secret in self._secrets(hook) if platform.is_signed(request, secret, shop)]:
            await self._store.count_refused(hook.id)
            raise wrong_signature()
        delivery = self._delivery(hook, request)
        await self._store.add(delivery)
        await self._settle(delivery, hook)

    async def work_off(self) -> bool:
        """Turn deliveries into events that wait, and tell whether there may be more."""
        waiting = await self._store.claim(BATCH)
        for delivery in waiting:
            hook = await self._store.hook(delivery.connection_id)
            if hook is None:
                await self._store.settle(delivery, Settled(Outcome.IGNORED, [], "Its connection was deleted."))
            else:
                await self._settle(delivery, hook)
        return len(waiting) == BATCH

    def _secrets(self, hook: Hook) -> list[str]:
        """Return the secrets that count. Raises UNAVAILABLE without the key: with it they can be judged."""
        try:
            return [self._key_ring.decrypt(kept) for kept in (hook.secret, hook.previous_secret) if kept]
        except UnreadableSecret:
            raise unavailable(Reason.STORE_DOWN, "This hook cannot be judged at the moment.") from None

    def _shop(self, hook: Hook) -> Shop:
        mapping = GenericMapping.parse(hook.mapping.encode()) if hook.mapping else None
        return Shop(hook.source, self._session_parameters, mapping)

    def _delivery(self, hook: Hook, request: HookRequest) -> Delivery:
        return Delivery(
            id=new_uuid7(request.received_at),
            business_id=hook.business_id,
            connection_id=hook.id,
            received_at=request.received_at,
            topic=PLATFORMS[hook.platform].topic(request).replace("\0", "")[:200],
            # As ASCII: PostgreSQL keeps no NUL and no half of a pair.
            headers=json.dumps(dict(request.headers)),
            query=json.dumps(dict(request.query)),
            body=request.body,
            people=sorted(set(self._people(hook, request))),
        )

    def _people(self, hook: Hook, request: HookRequest) -> Iterator[bytes]:
        """Yield the hashes of all that people in a delivery go by, so that an erasure finds it."""
        try:
            told = PLATFORMS[hook.platform].read(request, self._shop(hook))
        except Exception:  # noqa: BLE001  (what cannot be read is kept, and told of where it is settled)
            return
        for customer in [each.customer for each in told if isinstance(each, Fact | ErasureRequest)]:
            contact = contact_of(hook.business_id, hook.country, customer.email, customer.phone)
            yield from filter(None, contact)
            if customer.id:
                yield identity_hash(Identity(hook.source, customer.id))

    async def _settle(self, delivery: Delivery, hook: Hook) -> None:
        """Turn a delivery into events. What fails for no reason of its own stays, and is tried again."""
        try:
            await self._store.settle(delivery, await self._settled(delivery, hook))
        except ClicktrailError as error:
            log.info("a delivery waits", delivery=str(delivery.id), reason=error.reason)
        except Exception as error:  # noqa: BLE001  (it is durable; its text may hold a person's data)
            log.error(  # noqa: TRY400  (a trace may show what was sent)
                "a delivery could not be read", delivery=str(delivery.id), error=type(error).__name__
            )

    async def _settled(self, delivery: Delivery, hook: Hook) -> Settled:
        request = HookRequest(
            json.loads(delivery.headers), json.loads(delivery.query), delivery.body, delivery.received_at
        )
        try:
            told = PLATFORMS[hook.platform].read(request, self._shop(hook))
        except UnreadableDelivery as error:
            return Settled(Outcome.REFUSED, [], str(error))
        facts = [each for each in told if isinstance(each, Fact) and not each.is_test]
        messages = [submission_of(fact, hook.source, delivery) for fact in facts]
        await self._add_fresh_sessions(hook.business_id, messages)
        receipts = await self._track(list(map(submission_from, messages))) if messages else []
        found = [_of_receipt(receipt) for receipt in receipts]
        found += [await self._other(each, hook) for each in told if not isinstance(each, Fact)]
        found += [Settled(Outcome.IGNORED, [], _TEST) for each in told if isinstance(each, Fact) and each.is_test]
        return together(found)

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
        profile = await self._store.profile(hook.business_id, hook.source, customer.id) if customer.id else None
        if profile is None:
            return Settled(Outcome.IGNORED, [], "Nobody is known by the id that is to be forgotten.")
        try:
            await self._erase(hook.business_id, profile)
        except ClicktrailError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
        return Settled(Outcome.RECORDED, [], "The person was erased.")


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
