"""Writes what a recount found as messages."""

from clicktrail.tracking.v1 import report_service_pb2 as pb
from common.clock import to_timestamp
from tracking_service.reconciliation.reconciliation import CounterDifference, Difference, Recount

_LARGEST = 2**63 - 1
CREDITS = "credits"


def recount_message(recount: Recount) -> pb.ReconcileResponse:
    """Return a recount as it is answered."""
    return pb.ReconcileResponse(
        differences=[_difference(difference) for difference in recount.differences],
        has_more=recount.has_more,
        figures=recount.figures,
        events=recount.events,
        waiting=recount.waiting,
        from_time=None if recount.from_at is None else to_timestamp(recount.from_at),
    )


def _difference(difference: Difference) -> pb.Difference:
    key = [pb.DifferenceKey(name=name, value=value) for name, value in difference.key]
    if isinstance(difference, CounterDifference):
        return pb.Difference(
            counter=difference.counter,
            figure=difference.figure,
            key=key,
            counted=_within(difference.counted),
            recounted=_within(difference.recounted),
        )
    return pb.Difference(counter=CREDITS, key=key, credited=difference.credited, decided=difference.decided)


def _within(value: int) -> int:
    """Return a sum as far as 64 bits can say it."""
    return max(-_LARGEST, min(value, _LARGEST))
