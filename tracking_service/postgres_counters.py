"""Keeps the counters of clicks and the first click of each visitor."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tracking_service.click_tally import ClickTally, Seen
from tracking_service.domain import visitor_of
from tracking_service.postgres import columns
from tracking_service.postgres_versions import bump_versions
from tracking_service.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres import Connection

QUERIES = load("counters")

VisitorKey = tuple[str, str, str, str]
"""Business, kind and id of a scope, visitor."""
VisitorClick = tuple[VisitorKey, Seen]
"""Who clicked where, and when and how."""


async def keep_first_clicks(connection: "Connection", clicks: Iterable[VisitorClick], tally: ClickTally) -> None:
    """Keep the earliest click of each visitor in each scope, and tally those that became one."""
    earliest: dict[VisitorKey, Seen] = {}
    for key, seen in clicks:
        known = earliest.get(key)
        if known is None or seen[:2] < known[:2]:
            earliest[key] = seen
    if not earliest:
        return
    rows = [(*key, *first) for key, first in earliest.items()]
    for business_id, scope, scope_id, visitor, *before in await connection.fetch(
        QUERIES.keep_first_clicks, *columns(rows)
    ):
        tally.count_visitor(business_id, scope, scope_id, earliest[business_id, scope, scope_id, visitor], 1)
        if before[0] is not None:
            tally.count_visitor(business_id, scope, scope_id, Seen(*before), -1)


async def give_first_clicks_to_persons(connection: "Connection", claimed: Sequence[tuple[str, str, int]]) -> None:
    """Count the clicks of sessions (business, session, profile's surrogate) as their persons' from now on.

    A person who had clicked a shared link already is then no longer counted twice there.
    """
    if not claimed:
        return
    taken = await connection.fetch(QUERIES.take_first_clicks_of_sessions, *columns(claimed))
    if not taken:
        return
    tally = ClickTally()
    clicks = []
    for business_id, scope, scope_id, profile_key, *first in taken:
        tally.count_visitor(business_id, scope, scope_id, Seen(*first), -1)
        clicks.append(((business_id, scope, scope_id, visitor_of(profile_key, None)), Seen(*first)))
    await keep_first_clicks(connection, clicks, tally)
    await add_counts(connection, tally)


async def add_counts(connection: "Connection", tally: ClickTally) -> None:
    """Add a tally to the counters. Last in a transaction: everyone waits for the rows of a busy campaign."""
    if not tally.counts:
        return
    counts = [(*key, *counts.row()) for key, counts in tally.counts.items()]
    await connection.execute(QUERIES.add_click_counts, *columns(counts))
    breakdowns = [(*key, *counts.row()) for key, counts in tally.breakdowns().items()]
    await connection.execute(QUERIES.add_breakdown_counts, *columns(breakdowns))
    await bump_versions(connection, {key[0] for key in tally.counts})
