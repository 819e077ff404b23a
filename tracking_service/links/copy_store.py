"""Keeps the copies of links, and counts their recipients."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from clicktrail.shortener.v1 import link_pb2
from tracking_service.attribution.sources import link_sources
from tracking_service.counters.scopes import scopes_of
from tracking_service.erasure.anonymisation import anonymous_link
from tracking_service.erasure.store import WantedDetachment, want_detachments
from tracking_service.links.link_copy import LinkCopy
from tracking_service.links.queries import QUERIES
from tracking_service.postgres.arrays import columns, packed_columns

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


ProfileKeys = Mapping[tuple[str, str], int | None]
"""Surrogates of profiles, by business and profile; None for people who were erased."""


class KeptCopy(NamedTuple):
    """The copy of a link as it is kept: whose it is by the surrogate, and the message in bytes, if need be without."""

    copy: LinkCopy
    profile_key: int | None
    link: bytes
    detached_id: str | None


class Addressed(NamedTuple):
    """A recipient in a scope."""

    business_id: str
    scope: str
    scope_id: str
    profile_key: int


class OwnSource(NamedTuple):
    """A source that a link brings, and the text that stands in an event's parameters where it has this source."""

    business_id: str
    source: str
    needle: str


async def keep_links(connection: "Connection", links: Iterable[LinkCopy], keys: ProfileKeys) -> int:
    """Keep links that are new or later than what is known, and return how many those are."""
    latest: dict[tuple[str, str], LinkCopy] = {}
    for link in sorted(links, key=lambda link: link.revision):
        latest[link.business_id, link.id] = link
    if not latest:
        return 0
    kept = await connection.fetch(
        QUERIES.keep_links,
        *packed_columns(
            [_kept_copy(link, keys) for link in latest.values()], "copy.business_id", "copy.id", "copy.template",
            "copy.campaign", "copy.journey", "copy.message", "profile_key", "copy.revision", "link",
            "copy.created_at", "copy.origin_template", "detached_id",
        ),
    )  # fmt: skip
    new = [latest[row["business_id"], row["id"]] for row in kept if row["is_new"]]
    await _count_recipients(connection, new, keys)
    await keep_own_sources(connection, new)
    erased = [WantedDetachment(link.business_id, link.id) for link in latest.values() if _is_of_erased(link, keys)]
    await want_detachments(connection, erased)
    return len(kept)


async def _count_recipients(connection: "Connection", new: Sequence[LinkCopy], keys: ProfileKeys) -> None:
    # A link's own recipients need no counting: it has one, or it is shared.
    addressed = [
        Addressed(link.business_id, scope, scope_id, key)
        for link in new
        if link.profile is not None and (key := keys[link.business_id, link.profile]) is not None
        for scope, scope_id in scopes_of(campaign=link.campaign, journey=link.journey, message=link.message, link=None)
    ]
    if addressed:
        await connection.execute(
            QUERIES.count_recipients, *packed_columns(addressed, "business_id", "scope", "scope_id", "profile_key")
        )


def _is_of_erased(link: LinkCopy, keys: ProfileKeys) -> bool:
    return link.profile is not None and keys[link.business_id, link.profile] is None


def _kept_copy(link: LinkCopy, keys: ProfileKeys) -> KeptCopy:
    content, stand_in = link.link, link.detached_id
    if _is_of_erased(link, keys):
        content, stand_in = anonymous_link(link.link)
    profile_key = None if link.profile is None else keys[link.business_id, link.profile]
    return KeptCopy(link, profile_key, link=content, detached_id=stand_in)


async def keep_own_sources(connection: "Connection", links: Iterable[LinkCopy]) -> None:
    """Keep the sources of links that are new."""
    # Links of one template have the same destination and parameters.
    templates = {(link.business_id, link.template): link for link in links}
    rows = {
        OwnSource(business_id, source, _needle(source))
        for (business_id, _), link in templates.items()
        for source in _sources(link)
    }
    if rows:
        await connection.execute(QUERIES.keep_own_sources, *columns(sorted(rows), "business_id", "source", "needle"))


def _sources(link: LinkCopy) -> set[str]:
    message = link_pb2.Link.FromString(link.link)
    sources = link_sources(message.utm.source, message.destination)
    return {source for source in sources if "\0" not in source}


def _needle(source: str) -> str:
    """Return the text that stands in an event's parameters where it has this source, in lower case."""
    return json.dumps(source)[1:-1].lower()
