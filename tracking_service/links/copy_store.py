"""Keeps the copies of links, and counts their recipients."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from clicktrail.shortener.v1 import link_pb2
from tracking_service.attribution.sources import link_sources
from tracking_service.counters.scopes import scopes_of
from tracking_service.erasure.anonymisation import anonymous_link
from tracking_service.erasure.store import want_detachments
from tracking_service.links.link_copy import LinkCopy
from tracking_service.postgres.arrays import columns, packed_columns
from tracking_service.postgres.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

QUERIES = load(__package__)

ProfileKeys = Mapping[tuple[str, str], int | None]
"""Surrogates of profiles, by business and profile; None for people who were erased."""


async def keep_links(connection: "Connection", links: Iterable[LinkCopy], keys: ProfileKeys) -> int:
    """Keep links that are new or later than what is known, and return how many those are."""
    latest: dict[tuple[str, str], LinkCopy] = {}
    for link in sorted(links, key=lambda link: link.revision):
        latest[link.business_id, link.id] = link
    if not latest:
        return 0
    kept = await connection.fetch(QUERIES.keep_links, *packed_columns([_row(link, keys) for link in latest.values()]))
    new = [latest[row["business_id"], row["id"]] for row in kept if row["is_new"]]
    await _count_recipients(connection, new, keys)
    await keep_own_sources(connection, new)
    await want_detachments(connection, [key for key, link in latest.items() if _is_of_erased(link, keys)])
    return len(kept)


async def _count_recipients(connection: "Connection", new: Sequence[LinkCopy], keys: ProfileKeys) -> None:
    # A link's own recipients need no counting: it has one, or it is shared.
    addressed = [
        (link.business_id, scope, scope_id, key)
        for link in new
        if link.profile is not None and (key := keys[link.business_id, link.profile]) is not None
        for scope, scope_id in scopes_of(campaign=link.campaign, journey=link.journey, message=link.message, link=None)
    ]
    if addressed:
        await connection.execute(QUERIES.count_recipients, *packed_columns(addressed))


def _is_of_erased(link: LinkCopy, keys: ProfileKeys) -> bool:
    return link.profile is not None and keys[link.business_id, link.profile] is None


def _row(link: LinkCopy, keys: ProfileKeys) -> tuple[object, ...]:
    content, stand_in = link.link, link.detached_id
    if _is_of_erased(link, keys):
        content, stand_in = anonymous_link(link.link)
    return (
        link.business_id,
        link.id,
        link.template,
        link.campaign,
        link.journey,
        link.message,
        None if link.profile is None else keys[link.business_id, link.profile],
        link.revision,
        content,
        link.created_at,
        link.origin_template,
        stand_in,
    )


async def keep_own_sources(connection: "Connection", links: Iterable[LinkCopy]) -> None:
    """Keep the sources of links that are new."""
    # Links of one template have the same destination and parameters.
    templates = {(link.business_id, link.template): link for link in links}
    rows = {
        (business_id, source, _needle(source))
        for (business_id, _), link in templates.items()
        for source in _sources(link)
    }
    if rows:
        await connection.execute(QUERIES.keep_own_sources, *columns(sorted(rows)))


def _sources(link: LinkCopy) -> set[str]:
    message = link_pb2.Link.FromString(link.link)
    sources = link_sources(message.utm.source, message.destination)
    return {source for source in sources if "\0" not in source}


def _needle(source: str) -> str:
    """Return the text that stands in an event's parameters where it has this source, in lower case."""
    return json.dumps(source)[1:-1].lower()
