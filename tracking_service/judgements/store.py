"""Keeps what hits are by later rules in PostgreSQL, and has everything follow that was counted and decided of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Self
from uuid import UUID

from tracking_service.accounts.store import check_business
from tracking_service.attribution.queue_store import Visitor, mark_dirty
from tracking_service.attribution.rules import CLOCK_TOLERANCE
from tracking_service.clicks.store import keep_click_activities, meet_sessions
from tracking_service.counters.first_clicks import CountedClick
from tracking_service.counters.store import add_counts, lock_counting, tally_first_clicks
from tracking_service.counters.tally import ClickTally
from tracking_service.judgements.judgement import Hit, JudgedAgent, Rejudged, rejudged_of
from tracking_service.judgements.queries import QUERIES
from tracking_service.postgres.arrays import columns
from tracking_service.postgres.pool import Postgres

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

_FIRST = UUID(int=0)


class Place(NamedTuple):
    """Behind which hit to go on."""

    clicked_at: datetime
    id: UUID

    @classmethod
    def at(cls, clicked_at: datetime) -> Self:
        """Return the place before all hits of a time."""
        return cls(clicked_at, _FIRST)


class PostgresJudgements:
    """The hits of all businesses, and how they are judged."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def businesses(self, business_id: str | None) -> list[str]:
        """Return all businesses, or the one that is named. Raises `BUSINESS_UNKNOWN`."""
        async with self._postgres.connection() as connection:
            if business_id is not None:
                await check_business(connection, business_id)
                return [business_id]
            return [row["id"] for row in await connection.fetch(QUERIES.list_businesses)]

    async def kept_from(self) -> datetime | None:
        """Return since when hits are kept; None where there are none."""
        async with self._postgres.connection() as connection:
            at: datetime | None = await connection.fetchval(QUERIES.find_oldest_month)
        return at

    async def hits(self, business_id: str, place: Place, rules_version: int, limit: int) -> list[Hit]:
        """Return the next hits, oldest first, whose rules were older and who still say who sent them."""
        async with self._postgres.connection() as connection:
            return await _hits(connection, business_id, place, rules_version, limit)

    async def keep(
        self,
        business_id: str,
        place: Place,
        rules_version: int,
        hits: Sequence[Hit],
        judged: Mapping[str, JudgedAgent],
    ) -> list[Rejudged]:
        """Keep what hits are now that were something else, in one transaction, and return them.

        What was judged, or erased, since the hits were read is left as it is.
        """

        async def work(connection: "Connection") -> list[Rejudged]:
            await lock_counting(connection, {business_id})
            read = {hit.id for hit in hits}
            again = await _hits(connection, business_id, place, rules_version, len(hits))
            rejudged = rejudged_of((hit for hit in again if hit.id in read), judged)
            kept = await _keep_judgements(connection, rules_version, rejudged)
            if kept:
                await _follow(connection, kept)
            return kept

        return await self._postgres.in_transaction(work)


async def _hits(connection: "Connection", business_id: str, place: Place, rules_version: int, limit: int) -> list[Hit]:
    rows = await connection.fetch(QUERIES.find_hits, business_id, *place, rules_version, limit)
    return [Hit(**row) for row in rows]


async def _keep_judgements(
    connection: "Connection", rules_version: int, rejudged: Sequence[Rejudged]
) -> list[Rejudged]:
    rows = await connection.fetch(
        QUERIES.keep_judgements,
        rules_version,
        *columns(
            rejudged, "after.business_id", "after.clicked_at", "after.id", "after.verdict", "session", "reason"
        ),
    )  # fmt: skip
    new = {row["click_id"] for row in rows}
    return [each for each in rejudged if each.after.id in new]


async def _follow(connection: "Connection", rejudged: Sequence[Rejudged]) -> None:
    """Have sessions, activities, counters, first clicks and credits follow; inside `lock_counting` of the business."""
    tally = ClickTally()
    tally.take_back(each.before.counted for each in rejudged)
    tally.add_clicks((each.after.counted, False) for each in rejudged)
    lost = await _lose_clicks(connection, [each.before.counted for each in rejudged], tally)
    visits = [click for each in rejudged if (click := each.after.counted).is_visit]
    minted = list((await meet_sessions(connection, visits)).values())
    await _tell_activities(connection, [each.after for each in rejudged], lost, minted)
    moved = [*lost, *minted]
    if moved:
        persons = {visit.profile_key for visit in moved if visit.profile_key is not None}
        sessions = [visit.session_key.session for visit in moved]
        await tally_first_clicks(connection, moved[0].business_id, persons, sessions, tally)
    await add_counts(connection, tally)
    await mark_dirty(connection, map(_concerned, moved))


def _concerned(visit: CountedClick) -> Visitor:
    """Return whose events are decided again: with what the clocks may have put before the click."""
    return Visitor(visit.business_id, visit.session, visit.profile_key, visit.clicked_at - CLOCK_TOLERANCE)


async def _lose_clicks(
    connection: "Connection", before: Sequence[CountedClick], tally: ClickTally
) -> list[CountedClick]:
    """Take their clicks from sessions, and return those that had minted one; they are first ones nowhere any more."""
    visits = [click for click in before if click.is_visit]
    rows = await connection.fetch(QUERIES.lose_clicks, *columns(visits, "business_id", "session", "click_id"))
    lost = [CountedClick(**row) for row in rows]
    for visit in lost:
        tally.move(visit, visit.firsts, 0)
    return lost


async def _tell_activities(
    connection: "Connection", hits: Sequence[Hit], lost: Sequence[CountedClick], minted: Sequence[CountedClick]
) -> None:
    """Have each hit stand once among what its person did: by its session where it minted one, else by itself."""
    await connection.execute(QUERIES.change_activities, *columns(hits, "business_id", "id", "verdict"))
    await connection.execute(QUERIES.drop_told_activities, *columns(minted, "business_id", "click_id"))
    owners = {visit.click_id: visit.profile_key for visit in lost}
    alone = [hit._replace(profile_key=owners[hit.id]) for hit in hits if hit.id in owners]
    await keep_click_activities(connection, [hit.activity for hit in alone])
