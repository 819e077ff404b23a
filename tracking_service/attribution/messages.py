"""Writes explanations as messages."""

from clicktrail.common.v1 import types_pb2
from clicktrail.tracking.v1 import event_service_pb2 as pb
from common.clock import to_timestamp
from tracking_service.attribution.explanation import Explanation, KeptEntry
from tracking_service.attribution.rules import RULES_VERSION, CandidateClick, ClickReason, Provenance
from tracking_service.messages import money_message
from tracking_service.money import Money

PROVENANCE_MESSAGES = {
    None: pb.PROVENANCE_UNSPECIFIED,
    str(Provenance.CONFIRMED): pb.PROVENANCE_CONFIRMED,
    str(Provenance.REPORTED): pb.PROVENANCE_REPORTED,
    str(Provenance.UNCONFIRMED): pb.PROVENANCE_UNCONFIRMED,
}


def explanation_message(explanation: Explanation) -> pb.ExplainAttributionResponse:
    """Return an explanation as it is answered."""
    earning = explanation.earning
    return pb.ExplainAttributionResponse(
        rules_version=RULES_VERSION,
        candidates=[_candidate(click, reason) for click, reason in explanation.candidates],
        reason=explanation.reason,
        earns=str(earning.worth),
        is_conversion=bool(earning.conversions),
        revenue=_money(earning.revenue_minor, earning.currency),
        provenance=PROVENANCE_MESSAGES[earning.provenance],
        entries=[_entry(entry) for entry in explanation.entries],
    )


def _candidate(click: CandidateClick, reason: ClickReason) -> pb.AttributionCandidate:
    return pb.AttributionCandidate(
        click=str(click.id),
        clicked_at=to_timestamp(click.clicked_at),
        campaign=click.campaign,
        journey=click.journey,
        is_winner=reason is ClickReason.LATEST,
        reason=str(reason),
        session=click.session,
        link=click.link,
    )


def _entry(entry: KeptEntry) -> pb.LedgerEntry:
    return pb.LedgerEntry(
        entry=entry.entry,
        sign=entry.sign,
        click=None if entry.click_id is None else str(entry.click_id),
        campaign=entry.campaign,
        journey=entry.journey,
        conversions=entry.conversions,
        revenue=_money(entry.revenue_minor, entry.currency),
        provenance=PROVENANCE_MESSAGES[entry.provenance],
        rules_version=entry.rules_version,
        decided_at=to_timestamp(entry.decided_at),
    )


def _money(minor: int | None, currency: str | None) -> types_pb2.Money | None:
    return None if minor is None or currency is None else money_message(Money(minor, currency))
