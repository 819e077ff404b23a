"""Keeps counters in PostgreSQL, and the versions that tell whether a report has changed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tracking_service.counters.first_clicks import Visit, firsts_of
from tracking_service.counters.tally import ClickTally
from tracking_service.postgres.arrays import columns, packed_columns
from tracking_service.postgres.locks import Lock, lock_names
from tracking_service.postgres.pool import Postgres
from tracking_service.postgres.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

QUERIES = load(__package__)

# Columns without a row.
_NO_LINKS, _NO_COUNTS, _NO_BREAKDOWNS = ([None] * width for width in (10, 10, 8))

Clicking = tuple[str, int, str, str | None, str | None, str | None]
"""Business, profile's surrogate; the link that is clicked, its campaign, journey and message."""


async def lock_counting(connection: "Connection", businesses: Collection[str]) -> None:
    """Let nobody else count visitors of businesses until the transaction ends.

    Whether a click is a visitor's first one is read, and not written down but with the click itself.
    """
    await lock_names(connection, Lock.COUNTERS, businesses)


async def find_first_clicks(connection: "Connection", clicking: Sequence[Clicking]) -> list[Visit]:
    """Return the first clicks of persons in the scopes that links of theirs belong to."""
    if not clicking:
        return []
    rows = await connection.fetch(QUERIES.find_first_clicks, *packed_columns(clicking))
    return [Visit(*row) for row in rows]


async def settle_visits(
    connection: "Connection", arriving: Mapping[Visit, int], known: Iterable[Visit], tally: ClickTally
) -> None:
    """Have clicks be the first ones where they are: known ones, and those arriving, with where they are counted so.

    Those known are all that were the first ones of the same visitors in any scope of those arriving.
    """
    visitors: dict[object, tuple[list[Visit], list[Visit]]] = defaultdict(lambda: ([], []))
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
                changed.append((*visit.key, firsts))
    if changed:
        await connection.execute(QUERIES.change_firsts, *columns(changed))


async def give_first_clicks_to_persons(connection: "Connection", claimed: Sequence[tuple[str, str]]) -> None:
    """Count the clicks of sessions (business, session), which have become persons' just now, as those persons'.

    A person who had clicked a shared link already is then no longer counted twice there.
    """
    if not claimed:
        return
    rows = await connection.fetch(QUERIES.find_clicked_sessions, *columns(claimed))
    if not rows:
        return
    await lock_counting(connection, {business_id for business_id, _ in claimed})
    visits = {(visit := Visit(*row)): visit.firsts for row in rows}
    tally = ClickTally()
    known = await find_first_clicks(connection, [clicking(visit) for visit in visits])
    await settle_visits(connection, visits, known, tally)
    await add_counts(connection, tally)


def clicking(visit: Visit) -> Clicking:
    """Return what a person's other first clicks are looked for by."""
    return visit.business_id, visit.profile_key or 0, visit.link, visit.campaign, visit.journey, visit.message


async def add_counts(connection: "Connection", tally: ClickTally) -> None:
    """Add a tally to the counters, inside `lock_counting` of its businesses; last in a transaction.

    By one statement: a delivery pays for each that it makes, however little it brings.
    """
    if not tally.links and not tally.counts:
        return
    links = [(*key, *counts.row()) for key, counts in tally.links.items()]
    counts = [(*key, *counts.row()) for key, counts in tally.counts.items()]
    breakdowns = [(*key, *counts.row()) for key, counts in tally.breakdowns().items()]
    await connection.execute(
        QUERIES.add_counts,
        *(packed_columns(links) if links else _NO_LINKS),
        *(packed_columns(counts) if counts else _NO_COUNTS),
        *(packed_columns(breakdowns) if breakdowns else _NO_BREAKDOWNS),
    )


async def bump_versions(connection: "Connection", businesses: Collection[str]) -> None:
    """Note that counters of businesses change. Last in a transaction: everyone waits for these rows."""
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
