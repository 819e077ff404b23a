"""Lists recipients and what they did from PostgreSQL: a few index probes for each."""

from collections import defaultdict
from typing import TYPE_CHECKING

from tracking_service.accounts.store import check_business
from tracking_service.actions.catalogue import CLICKED
from tracking_service.attribution.credits import CANCELLED, ORDER_EARNS_FROM, REFUNDED
from tracking_service.counters.breakdowns import unpacked
from tracking_service.counters.scopes import Scope
from tracking_service.postgres.pool import Postgres
from tracking_service.reports.queries import QUERIES
from tracking_service.reports.recipients import FirstVisit, Piece, Recipient
from tracking_service.reports.report import EventSum, Figures

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row


class PostgresRecipients:
    """The recipients of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def piece(self, business_id: str, scope: Scope, behind: int, limit: int) -> Piece:
        """Return the next recipients behind a surrogate, those who were erased left out. Raises `BUSINESS_UNKNOWN`."""
        async with (
            self._postgres.reading(business_id) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await check_business(connection, business_id)
            rows = await connection.fetch(QUERIES.list_recipients, business_id, *scope, behind, limit)
            earned = await _earned(connection, business_id, scope, [row["profile_key"] for row in rows])
        found = [_recipient(row, earned[row["profile_key"]]) for row in rows if row["profile"] is not None]
        return Piece(found, rows[-1]["profile_key"] if len(rows) == limit else None)


async def _earned(connection: "Connection", business_id: str, scope: Scope, people: list[int]) -> dict[int, Figures]:
    earned: dict[int, Figures] = defaultdict(Figures)
    kind, scope_id = scope
    takes_back = [CANCELLED, REFUNDED]
    for row in await connection.fetch(
        QUERIES.sum_earnings, business_id, kind, scope_id, people, CLICKED, list(ORDER_EARNS_FROM), takes_back
    ):
        figures = EventSum(
            point=1,
            currency=row["currency"],
            conversions=row["conversions"],
            revenue=int(row["revenue"]),
            taken_back=int(row["taken_back"]),
        )
        earned[row["profile_key"]].add_events(figures)
    return earned


def _recipient(row: "Row", earned: Figures) -> Recipient:
    return Recipient(
        profile=row["profile"],
        name=row["name"],
        link=row["link"] or "",
        first=_first(row),
        clicks=row["clicks"],
        conversions=earned.conversions,
        revenue=earned.revenue.amounts(),
        taken_back=earned.taken_back.amounts(),
    )


def _first(row: "Row") -> FirstVisit | None:
    if row["clicked_at"] is None:
        return None
    _, values = unpacked(row["origin"])
    return FirstVisit(
        row["clicked_at"],
        device=values["device"],
        browser=values["browser"],
        os=values["os"],
        country=values["country"],
    )
