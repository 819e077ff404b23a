"""Keeps counters in PostgreSQL, and the versions that tell whether a report has changed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tracking_service.counters.first_clicks import CountedClick, firsts_of
from tracking_service.counters.queries import QUERIES
from tracking_service.counters.scopes import SessionKey
from tracking_service.counters.tally import ClickTally
from tracking_service.postgres.arrays import columns, packed_columns
from tracking_service.postgres.locks import Lock, lock_names
from tracking_service.postgres.pool import Postgres

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

FIGURES = ("clicks", "unique_clickers", "bot_hits", "sessions", "seconds_to_click", "clicked_recipients")


async def lock_counting(connection: "Connection", businesses: Collection[str]) -> None:
    """Keep other transactions from counting visitors of businesses until this one ends.

    Whether a click is a visitor's first one is read, and not written down but with the click itself.
    """
    await lock_names(connection, Lock.COUNTERS, businesses)


async def find_first_clicks(connection: "Connection", clicks: Sequence[CountedClick]) -> list[CountedClick]:
    """Return the first clicks so far of persons who have clicked, in the scopes that the links clicked belong to."""
    if not clicks:
        return []
    rows = await connection.fetch(
        QUERIES.find_first_clicks,
        *packed_columns(clicks, "business_id", "profile_key", "link", "campaign", "journey", "message"),
    )
    return [CountedClick(**row) for row in rows]


async def reassign_first_clicks(
    connection: "Connection", arriving: Mapping[CountedClick, int], known: Iterable[CountedClick], tally: ClickTally
) -> None:
    """Say which clicks are first ones: known ones, and those arriving, each with where it counts as one so far.

    Those known are all that were the first ones of the same visitors in any scope of those arriving.
    """
    visitors: dict[object, tuple[list[CountedClick], list[CountedClick]]] = defaultdict(lambda: ([], []))
    for visit in arriving:
        visitors[visit.visitor][0].append(visit)
    for visit in known:
        if visit not in arriving:
            visitors[visit.visitor][1].append(visit)
    changed = []
    for some, others in visitors.values():
        for visit, firsts in zip((*some, *others), firsts_of(some, others), strict=True):
            tally.move(visit, arriving.get(visit, visit.firsts), firsts)
            if visit.firsts != firsts:
                changed.append(visit._replace(firsts=firsts))
    if changed:
        await connection.execute(QUERIES.change_firsts, *columns(changed, "business_id", "session", "firsts"))


async def give_first_clicks_to_persons(connection: "Connection", claimed: Sequence[SessionKey]) -> None:
    """Count the clicks of sessions, which have become persons' just now, as those persons'.

    A person who had clicked a shared link already is then no longer counted twice there.
    """
    if not claimed:
        return
    rows = await connection.fetch(QUERIES.find_clicked_sessions, *columns(claimed, "business_id", "session"))
    if not rows:
        return
    await lock_counting(connection, {key.business_id for key in claimed})
    visits = {(visit := CountedClick(**row)): visit.firsts for row in rows}
    tally = ClickTally()
    known = await find_first_clicks(connection, list(visits))
    await reassign_first_clicks(connection, visits, known, tally)
    await add_counts(connection, tally)


async def recount_first_clicks(
    connection: "Connection", business_id: str, persons: Collection[int], sessions: Collection[str]
) -> None:
    """Say anew which clicks are first ones, of persons and in sessions, after sessions have changed hands.

    Of all their clicks, since one that was no first one may be one now. Inside `lock_counting` of the business.
    """
    tally = ClickTally()
    await tally_first_clicks(connection, business_id, persons, sessions, tally)
    await add_counts(connection, tally)


async def tally_first_clicks(
    connection: "Connection", business_id: str, persons: Collection[int], sessions: Collection[str], tally: ClickTally
) -> None:
    """Say anew which clicks are first ones, as `recount_first_clicks` does; what that changes goes into a tally."""
    rows = await connection.fetch(QUERIES.find_clicks_of_visitors, business_id, list(persons), list(sessions))
    visits = {(visit := CountedClick(**row)): visit.firsts for row in rows}
    await reassign_first_clicks(connection, visits, [], tally)


async def add_counts(connection: "Connection", tally: ClickTally) -> None:
    """Add a tally to the counters, inside `lock_counting` of its businesses; last in a transaction.

    By one statement: a delivery pays for each that it makes, however little it brings.
    """
    if not tally.links and not tally.counts:
        return
    breakdowns = tally.breakdowns()
    await connection.execute(
        QUERIES.add_counts,
        *packed_columns(tally.links.keys(), "business_id", "link", "bucket", "origin"),
        *packed_columns(tally.links.values(), *FIGURES),
        *packed_columns(tally.counts.keys(), "business_id", "scope", "scope_id", "bucket"),
        *packed_columns(tally.counts.values(), *FIGURES),
        *packed_columns(breakdowns.keys(), "business_id", "scope", "scope_id", "bucket", "dimension", "value"),
        *packed_columns(breakdowns.values(), "clicks", "unique_clickers"),
    )


async def bump_versions(connection: "Connection", businesses: Collection[str]) -> None:
    """Note that counters of businesses change. Last in a transaction: all that count wait for these rows."""
    await connection.execute(QUERIES.bump_versions, sorted(businesses))


class PostgresVersions:
    """The versions of all businesses' counters."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def versions(self, businesses: Collection[str]) -> Mapping[str, int]:
        """Return the present versions; a business without counters has none."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(QUERIES.find_versions, list(businesses))
        return {row["business_id"]: row["version"] for row in rows}
