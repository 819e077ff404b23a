"""Takes events in: judges each by itself, then records together those that stand."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from clicktrail.tracking.v1.event_service_pb2 import TrackEventsRequest
from common.errors import Fault, FaultType, Reason, invalid
from common.field_rules import rules
from tracking_service.attribution.credits import REFUNDED
from tracking_service.events.context_store import PostgresEventContexts
from tracking_service.events.event import Draft, Receipt, Status, Submission
from tracking_service.events.object_store import ObjectKey, refunded_order
from tracking_service.events.rules import judge
from tracking_service.events.store import PostgresEvents
from tracking_service.money import AmountError, parse_minor

LARGEST_BATCH = rules(TrackEventsRequest, "submissions").max_items


class EventIntake:
    """Records batches of events."""

    def __init__(self, store: PostgresEvents, contexts: PostgresEventContexts) -> None:
        self._store = store
        self._contexts = contexts

    async def track(self, submissions: Sequence[Submission]) -> list[Receipt]:
        """Return one receipt per submission, in order, once all that was accepted is durable.

        Raises `BATCH_TOO_LARGE`. The same event twice in a batch is handled in order.
        """
        check_size(submissions)
        contexts = await self._contexts.find(submissions)
        receipts: dict[int, Receipt] = {}
        drafts: dict[int, Draft] = {}
        for number, submission in enumerate(submissions):
            judged = judge(submission, contexts.get(submission.business_id))
            if isinstance(judged, Draft):
                drafts[number] = judged
            else:
                receipts[number] = Receipt(Status.REJECTED, None, submission.key, judged)
        orders = await self._orders(drafts)
        receipts |= await self._record({number: in_currency_of(draft, orders) for number, draft in drafts.items()})
        for number, draft in drafts.items():
            if draft.action == REFUNDED:
                receipts[number] = receipts[number]._replace(is_order_known=order_key(draft) in orders)
        return [receipts[number] for number in range(len(submissions))]

    async def _orders(self, drafts: Mapping[int, Draft]) -> Mapping[ObjectKey, str | None]:
        """Return the orders that refunds name and that there are, or are in the batch, with their currencies."""
        wanted = {key for draft in drafts.values() if draft.action == REFUNDED and (key := order_key(draft))}
        if not wanted:
            return {}
        beside: dict[ObjectKey, str | None] = {
            ObjectKey(draft.business_id, draft.event_object.id): draft.currency
            for draft in drafts.values()
            if draft.is_once and draft.event_object is not None
        }
        return beside | dict(await self._contexts.orders(wanted))

    async def _record(self, drafts: dict[int, Draft]) -> dict[int, Receipt]:
        """Record drafts in waves: one that may be a copy of an earlier one waits for the outcome of that one."""
        receipts: dict[int, Receipt] = {}
        known: set[Hashable] = set()
        waiting: Sequence[int] = list(drafts)
        while waiting:
            wave = _next_wave(drafts, waiting, known)
            found = await self._store.record([drafts[number] for number in wave])
            receipts.update(zip(wave, found, strict=True))
            waiting = [number for number in waiting if number not in receipts]
            if waiting:
                known.update(*(_known_after(drafts[number], receipts[number]) for number in wave))
        return receipts


def order_key(draft: Draft) -> ObjectKey | None:
    """Return what finds the order that a refund names; None where it names none."""
    order_id = refunded_order(draft)
    return None if order_id is None else ObjectKey(draft.business_id, order_id)


def in_currency_of(draft: Draft, orders: Mapping[ObjectKey, str | None]) -> Draft:
    """Return a draft; of a refund that named no currency, with the amount in its order's, where that is known."""
    key = None if draft.said_amount is None else order_key(draft)
    currency = None if key is None else orders.get(key)
    if draft.said_amount is None or currency is None:
        return draft
    try:
        return draft._replace(amount_minor=parse_minor(draft.said_amount, currency), currency=currency)
    except AmountError:
        return draft


def check_size(submissions: Sequence[Submission]) -> None:
    """Raise `BATCH_TOO_LARGE` for more events than one batch may have."""
    if len(submissions) > LARGEST_BATCH:
        fault = Fault(FaultType.INVALID, "events", f"At most {LARGEST_BATCH} events in one batch.")
        raise invalid([fault], Reason.BATCH_TOO_LARGE)


def _next_wave(drafts: Mapping[int, Draft], waiting: Iterable[int], known: AbstractSet[Hashable]) -> list[int]:
    wave = []
    taken: set[Hashable] = set()
    for number in waiting:
        claims = _claims(drafts[number]) - known
        if not claims & taken:
            wave.append(number)
        taken |= claims
    return wave


def _claims(draft: Draft) -> set[Hashable]:
    """Return what only one draft may be the first of, and what must be known before it."""
    once = draft.once
    return {draft.identity} if once is None else {draft.identity, once, draft.rival}


def _known_after(draft: Draft, receipt: Receipt) -> set[Hashable]:
    """Return what is now known to be there already, so that no other draft can be its first."""
    if receipt.status is Status.REJECTED:
        return set()
    known: set[Hashable] = {draft.identity, None if receipt.status is Status.CONFLICT else draft.once}
    return known - {None}
