"""Tells a campaign, journey, message or link that nothing has happened in yet from one that there is not."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches

from common.errors import ClicktrailError, Kind, Reason, not_found
from tracking_service.counters.scopes import BUSINESS_SCOPE, LINK, Scope
from tracking_service.reports.store import PostgresReports
from tracking_service.shortener_client import ShortenerLinks

# How many names are compared with one that there is not: finding them is an index probe each.
COMPARED_LIMIT = 2_000
# How many of them are told, and how many bytes of them: gRPC has 8 KB for an error, and each stands there three times.
TOLD_LIMIT = 20
TOLD_BYTES = 600
# What is longer is the name of none, and is neither compared nor told as a whole.
LONGEST_NAME = 100


class KnownScopes:
    """Knows which campaigns, journeys, messages and links a business has."""

    def __init__(self, store: PostgresReports, shortener: ShortenerLinks) -> None:
        self._store = store
        self._shortener = shortener

    async def check(self, business_id: str, scope: Scope) -> None:
        """Raise `SCOPE_UNKNOWN` where no link has a scope, `LINK_UNKNOWN` for a link, with some that there are.

        Links reach us after they were created. So a link is asked of the shortener, and names are unknown only once all
        links of before are here; where that cannot be told soon, they are taken for known. Raises `BUSINESS_UNKNOWN`,
        and UNAVAILABLE for a link while the shortener is away.
        """
        if scope == BUSINESS_SCOPE or await self._store.is_known(business_id, scope):
            return
        kind, scope_id = scope
        if kind == LINK:
            await self._check_link(business_id, scope_id)
        elif await self._shortener.have_arrived() and not await self._store.is_known(business_id, scope):
            raise await self._unknown(Reason.SCOPE_UNKNOWN, business_id, scope)

    async def _check_link(self, business_id: str, link: str) -> None:
        try:
            await self._shortener.check(business_id, link)
        except ClicktrailError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            raise await self._unknown(Reason.LINK_UNKNOWN, business_id, (LINK, link)) from error

    async def _unknown(self, reason: Reason, business_id: str, scope: Scope) -> ClicktrailError:
        kind, scope_id = scope
        known = await self._store.known(business_id, kind, COMPARED_LIMIT)
        # Thousands of names take longer to compare than a delivery may wait.
        likeliest = await asyncio.to_thread(nearest, scope_id, known)
        return unknown_scope(reason, kind, scope_id, likeliest)


def unknown_scope(reason: Reason, kind: str, scope_id: str, known: tuple[str, ...]) -> ClicktrailError:
    """Return the error for a scope that there is not, with some that there are."""
    name = scope_id[:LONGEST_NAME]
    missing = f"There is no link {name}." if kind == LINK else f"No link belongs to {kind} {name}."
    told = f" There are: {', '.join(known)}." if known else f" There is no {kind} yet."
    error = not_found(reason, missing + told, kind)
    return ClicktrailError(error.kind, reason, [replace(fault, known=known) for fault in error.faults])


def nearest(wanted: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return at most 20 of these names: those spelt most like the one that is wanted first, then in their order."""
    names = list(known)
    close = get_close_matches(wanted[:LONGEST_NAME], names, TOLD_LIMIT)
    others = [name for name in names if name not in close][: TOLD_LIMIT - len(close)]
    return tuple(_fitting([*close, *others]))


def _fitting(names: Iterable[str]) -> Iterator[str]:
    left = TOLD_BYTES
    for name in names:
        left -= len(name.encode())
        if left < 0:
            return
        yield name
