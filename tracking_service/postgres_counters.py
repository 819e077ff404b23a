"""Keeps the counters of clicks and the first clicks of each visitor."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from tracking_service.click_tally import ClickTally, Own, Seen
from tracking_service.domain import visitor_of
from tracking_service.postgres import columns
from tracking_service.postgres_texts import packed_columns
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
    """Keep the earliest click of each visitor in each scope, also on links of their own, and tally what became one."""
    firsts: dict[VisitorKey, Seen] = {}
    owns: dict[VisitorKey, Seen] = {}
    for key, seen in clicks:
        known = firsts.get(key)
        if known is None or seen[:2] < known[:2]:
            firsts[key] = seen
        if seen.is_recipients:
            owns[key] = min(owns.get(key, seen), seen, key=attrgetter("clicked_at", "link_created_at"))
    if not firsts:
        return
    for business_id, scope, scope_id, visitor, *before in await connection.fetch(
        QUERIES.keep_first_clicks, *_first_columns(firsts, owns)
    ):
        key = (business_id, scope, scope_id, visitor)
        first_before, own_before = before[: len(Seen._fields)], before[len(Seen._fields) :]
        _move_first(tally, key[:3], firsts[key], None if first_before[0] is None else Seen(*first_before))
        _move_own(tally, key[:3], _own(owns.get(key)), None if own_before[0] is None else Own(*own_before))


def _first_columns(firsts: dict[VisitorKey, Seen], owns: dict[VisitorKey, Seen]) -> list[object]:
    """Return the parameters of `keep_first_clicks`."""
    numbers = {seen: number for number, seen in enumerate({*firsts.values(), *owns.values()}, 1)}
    rows = [
        (*key, numbers[first], first.origin, None if (own := owns.get(key)) is None else numbers[own])
        for key, first in firsts.items()
    ]
    clicks = [(seen.clicked_at, seen.click_id, seen.link_created_at, seen.is_recipients) for seen in numbers]
    return [*packed_columns(rows), *columns(clicks)]


def _own(seen: Seen | None) -> Own | None:
    return None if seen is None else seen.own


def _move_first(tally: ClickTally, where: tuple[str, str, str], first: Seen, before: Seen | None) -> None:
    if before is None or first[:2] < before[:2]:
        tally.count_visitor(*where, first, 1)
        if before is not None:
            tally.count_visitor(*where, before, -1)


def _move_own(tally: ClickTally, where: tuple[str, str, str], own: Own | None, before: Own | None) -> None:
    if own is not None and (before is None or own < before):
        tally.count_recipient(*where, own, 1)
        if before is not None:
            tally.count_recipient(*where, before, -1)


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
    await connection.execute(QUERIES.add_click_counts, *packed_columns(counts))
    breakdowns = [(*key, *counts.row()) for key, counts in tally.breakdowns().items()]
    await connection.execute(QUERIES.add_breakdown_counts, *packed_columns(breakdowns))
    await bump_versions(connection, {key[0] for key in tally.counts})
