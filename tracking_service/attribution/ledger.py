"""The ledger of credits: entries are appended, never edited; an event's entries add up to what holds now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tracking_service.attribution.credits import Credit


@dataclass(frozen=True, slots=True)
class Standing:
    """What an event is credited to in the ledger, and the number of its last entry.

    credited holds the columns of that credit as they are kept; None: nothing holds.
    """

    entry: int
    credited: "Credited | None"


@dataclass(frozen=True, slots=True)
class Credited:
    """The columns of a credit."""

    click_id: UUID | None
    clicked_at: datetime | None
    link_created_at: datetime | None
    link: str | None
    campaign: str | None
    journey: str | None
    message: str | None
    conversions: int
    revenue_minor: int | None
    currency: str | None
    provenance: str | None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A line of the ledger: sign 1 credits, -1 takes an earlier line back."""

    event_id: UUID
    entry: int
    sign: int
    credited: Credited


def as_kept(credit: Credit) -> Credited:
    """Return a credit as it is kept."""
    click, earned = credit.click, (credit.conversions, credit.revenue_minor, credit.currency, credit.provenance)
    if click is None:
        return Credited(*(None,) * 7, *earned)
    place = (click.link, click.campaign, click.journey, click.message)
    return Credited(click.id, click.clicked_at, click.link_created_at, *place, *earned)


def difference(decided: Mapping[UUID, Credit | None], standings: Mapping[UUID, Standing]) -> Iterator[LedgerEntry]:
    """Yield the entries that turn what stands into what was decided; none where they agree."""
    for event_id, credit in decided.items():
        wanted = None if credit is None else as_kept(credit)
        standing = standings.get(event_id, Standing(0, None))
        if standing.credited == wanted:
            continue
        entry = standing.entry + 1
        if standing.credited is not None:
            yield LedgerEntry(event_id, entry, -1, standing.credited)
            entry += 1
        if wanted is not None:
            yield LedgerEntry(event_id, entry, 1, wanted)
