"""Asks the product to recount by itself, beside the recount of ours."""

from cli.calls import channel_to
from clicktrail.tracking.v1 import report_service_pb2 as reports
from clicktrail.tracking.v1.report_service_pb2_grpc import ReportServiceStub
from tests.faults.chain import Chain
from tests.faults.ledger import Line, none

WHAT = "differences that Reconcile finds"
CALL_SECONDS = 600


async def reconciled(chain: Chain, business_id: str) -> Line:
    """Return what Reconcile says of a business."""
    request = reports.ReconcileRequest(business_id=business_id)
    async with channel_to(chain.stack.tracking_endpoint) as channel:
        await channel.channel_ready()
        answer = await ReportServiceStub(channel).Reconcile(request, timeout=CALL_SECONDS)
    return none(WHAT, [str(difference).replace("\n", " ") for difference in answer.differences])
