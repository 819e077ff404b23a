"""JudgementService: messages to hits that are judged again, and how far that is back."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from clicktrail.tracking.v1 import judgement_service_pb2 as pb
from clicktrail.tracking.v1 import judgement_service_pb2_grpc
from common.clock import to_timestamp
from common.errors import invalid_field
from tracking_service.judgements.judgement import Progress
from tracking_service.judgements.rejudgement import Rejudgement
from tracking_service.messages import check_texts, time_from

if TYPE_CHECKING:
    from grpc import aio


class JudgementServicer(judgement_service_pb2_grpc.JudgementServiceServicer):
    """Judges hits again."""

    def __init__(self, rejudgement: Rejudgement) -> None:
        self._rejudgement = rejudgement

    async def Rejudge(
        self, request: pb.RejudgeRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[pb.RejudgeResponse]:
        """Judge hits again by the rules of now."""
        del context
        check_texts(request)
        if not request.HasField("from_time"):
            raise invalid_field("from", "must be set.")
        business_id = request.business_id if request.HasField("business_id") else None
        from_at = time_from(request.from_time, "from")
        progress: Progress | None = None
        async for progress in self._rejudgement.rejudge(business_id, from_at, is_dry=request.dry_run):
            yield _message(progress)
        if progress is not None:
            last = _message(progress)
            last.changes.extend(
                pb.VerdictChange(before=change.before, after=change.after, reason=change.reason, hits=hits)
                for change, hits in progress.changes.most_common()
            )
            yield last


def _message(progress: Progress) -> pb.RejudgeResponse:
    return pb.RejudgeResponse(
        looked_at=progress.looked_at,
        changed=progress.changes.total(),
        rules_version=progress.rules_version,
        kept_from=None if progress.kept_from is None else to_timestamp(progress.kept_from),
    )
