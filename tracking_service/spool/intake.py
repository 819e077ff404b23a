"""Takes events in, whether PostgreSQL is there or not."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from common.errors import ClicktrailError, Fault, FaultType, Reason, field_fault
from common.ids import uuid_of
from tracking_service.accounts.known_accounts import KnownAccounts, KnownBusiness
from tracking_service.actions.catalogue import CATALOGUE
from tracking_service.events.event import Draft, KeptObject, Receipt, Status, Submission
from tracking_service.events.intake import EventIntake, check_size
from tracking_service.events.rules import EventContext, judge
from tracking_service.postgres.availability import CircuitBreaker
from tracking_service.spool.file import Fate, SpoolEntry
from tracking_service.spool.spool import Spool

if TYPE_CHECKING:
    from uuid import UUID

_NO_ROOM = Fault(FaultType.UNAVAILABLE, None, "Too many events of the business wait to be stored; try again.")
_CONFLICT = field_fault("id", "was used for another event.", FaultType.CONFLICT)
# Of a business that is not among the last known; its own is looked up when the event is stored.
_UNKNOWN_CURRENCY = "USD"


class SpoolIntake:
    """Records events in PostgreSQL or, while that is away, in the spool."""

    def __init__(self, intake: EventIntake, spool: Spool, accounts: KnownAccounts, breaker: CircuitBreaker) -> None:
        self._intake = intake
        self._spool = spool
        self._accounts = accounts
        self._breaker = breaker

    async def track(self, submissions: Sequence[Submission]) -> list[Receipt]:
        """Return one receipt per event, in order, once all that was accepted is durable.

        Raises `BATCH_TOO_LARGE`, and UNAVAILABLE where neither place can keep them. A batch whose fate PostgreSQL did
        not tell goes to the spool: stored already, it is a duplicate when it is replayed.
        """
        check_size(submissions)
        try:
            return await self._breaker.attempt(lambda: self._intake.track(submissions))
        except ClicktrailError as error:
            if error.reason is not Reason.STORE_DOWN:
                raise
        return await self._keep(submissions)

    async def _keep(self, submissions: Sequence[Submission]) -> list[Receipt]:
        known = await self._accounts.by_id({submission.business_id for submission in submissions})
        receipts: dict[int, Receipt] = {}
        drafts: dict[int, Draft] = {}
        for number, submission in enumerate(submissions):
            judged = judge(submission, assumed_context(submission, known))
            if isinstance(judged, Draft):
                drafts[number] = judged
            else:
                receipts[number] = Receipt(Status.REJECTED, None, submission.key, judged)
        entries = [_entry(draft) for draft in drafts.values()]
        fates = await self._spool.keep(entries) if entries else []
        for (number, draft), fate in zip(drafts.items(), fates, strict=True):
            receipts[number] = _receipt(draft, fate)
        return [receipts[number] for number in range(len(submissions))]


def assumed_context(submission: Submission, known: Mapping[str, KnownBusiness]) -> EventContext:
    """Return what a submission is judged by as long as PostgreSQL cannot be asked.

    What is not known, or may have changed since, is taken to be right: a business, its custom actions, and the object
    that an event names.
    """
    business = known.get(submission.business_id)
    event = submission.event
    objects: dict[UUID, KeptObject] = {}
    if event.object is not None and (object_id := uuid_of(event.object)):
        rule = CATALOGUE.get(event.action)
        objects[object_id] = KeptObject((rule and rule.needs) or "", "{}")
    currency = _UNKNOWN_CURRENCY if business is None else business.currency
    return EventContext(currency, frozenset({event.action}), objects)


def _entry(draft: Draft) -> SpoolEntry:
    return SpoolEntry(draft.business_id, draft.id.bytes, draft.fingerprint, draft.sent.SerializeToString())


def _receipt(draft: Draft, fate: Fate) -> Receipt:
    match fate:
        case Fate.NEW:
            return Receipt(Status.ACCEPTED, draft.id, draft.key)
        case Fate.SAME:
            return Receipt(Status.DUPLICATE, draft.id, draft.key)
        case Fate.OTHER:
            return Receipt(Status.CONFLICT, None, draft.key, (_CONFLICT,))
        case Fate.NO_ROOM:
            return Receipt(Status.REJECTED, None, draft.key, (_NO_ROOM,))
