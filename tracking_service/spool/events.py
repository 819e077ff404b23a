"""Brings events out of the spool to PostgreSQL."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from clicktrail.tracking.v1 import event_pb2
from tracking_service.events.event import Receipt, Status, Submission
from tracking_service.events.intake import EventIntake
from tracking_service.events.messages import submission_from
from tracking_service.spool.file import SpoolRow
from tracking_service.spool.replay import Replayed, StoreRows

_UNREADABLE = Replayed(Status.REJECTED, "It cannot be read.")
_KEPT = (Status.ACCEPTED, Status.DUPLICATE)


def store_events(intake: EventIntake) -> StoreRows:
    """Return what stores rows of the spool that are events."""

    async def store(rows: Sequence[SpoolRow]) -> Sequence[Replayed]:
        found = {row: submission for row in rows if (submission := _read(row)) is not None}
        receipts = dict(zip(found, await intake.track(list(found.values())), strict=True))
        return [_replayed(receipts[row]) if row in receipts else _UNREADABLE for row in rows]

    return store


def _read(row: SpoolRow) -> Submission | None:
    try:
        return submission_from(event_pb2.Submission.FromString(row.content))
    except DecodeError:
        return None


def _replayed(receipt: Receipt) -> Replayed:
    is_kept = receipt.status in _KEPT
    return Replayed(receipt.status, None if is_kept else "; ".join(fault.description for fault in receipt.faults))
