"""Keeps the counters of clicks and the first click of each visitor."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from tracking_service.click_tally import ClickTally, FirstClick
from tracking_service.domain import visitor_of
from tracking_service.postgres import columns
from tracking_service.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres import Connection

QUERIES = load("counters")

VisitorKey = tuple[str, str, str, str]
"""Business, kind and id of a scope, visitor."""
VisitorClick = tuple[VisitorKey, datetime, UUID]
"""Who clicked where, when, and the click's id."""


async def keep_first_clicks(connection: "Connection", clicks: Iterable[VisitorClick], tally: ClickTally) -> None:
    """Keep the earliest click of each visitor in each scope, and tally those that became one."""
    earliest: dict[VisitorKey, tuple[datetime, UUID]] = {}
    for key, clicked_at, click_id in clicks:
        known = earliest.get(key)
        if known is None or (clicked_at, click_id) < known:
            earliest[key] = clicked_at, click_id
    if not earliest:
        return
    rows = [(*key, *first) for key, first in earliest.items()]
    for row in await connection.fetch(QUERIES.keep_first_clicks, *columns(rows)):
        tally.move(FirstClick(*row))


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
    for business_id, scope, scope_id, clicked_at, click_id, profile_key in taken:
        tally.count_visitor(business_id, scope, scope_id, clicked_at, -1)
        clicks.append(((business_id, scope, scope_id, visitor_of(profile_key, None)), clicked_at, click_id))
    await keep_first_clicks(connection, clicks, tally)
    await add_counts(connection, tally)


async def add_counts(connection: "Connection", tally: ClickTally) -> None:
    """Add a tally to the counters. Last in a transaction: everyone waits for the rows of a busy campaign."""
    if tally.counts:
        await connection.execute(
            QUERIES.add_click_counts, *columns([(*key, *counts.row()) for key, counts in tally.counts.items()])
        )
    if tally.breakdowns:
        await connection.execute(
            QUERIES.add_breakdown_counts,
            *columns([(*key, *counts.row()) for key, counts in tally.breakdowns.items()]),
        )
