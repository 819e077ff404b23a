"""What a person did, as it is shown."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tracking_service.money import Money


@dataclass(frozen=True, slots=True)
class Activity:
    """A click or an event. object and metadata are texts of JSON objects; what follows verdict is a click's alone."""

    id: UUID
    action: str
    occurred_at: datetime
    tracked_at: datetime | None
    received_at: datetime
    session: str | None
    link: str | None
    campaign: str | None
    journey: str | None
    object: str | None
    amount: Money | None
    metadata: str | None
    url: str | None
    verdict: str | None
    device: str | None
    browser: str | None
    os: str | None
    country: str | None
