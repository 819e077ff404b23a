"""Keeps the sources that businesses' links bring, by which external ones are told apart."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from clicktrail.shortener.v1 import link_pb2
from tracking_service.attribution.sources import link_sources
from tracking_service.deliveries import LinkCopy
from tracking_service.postgres.arrays import columns
from tracking_service.postgres.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

QUERIES = load(__package__, "queries/attribution")


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
