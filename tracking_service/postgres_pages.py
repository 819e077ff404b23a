"""Read a page of a list by one index scan: from where the reader stands, in either direction."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from common.errors import invalid_field
from tracking_service.paging import Page, cut

if TYPE_CHECKING:
    from tracking_service.postgres import Connection, Row

# What stands in the slots of a query that lists: newest first behind a position, or oldest first before it.
FORWARDS = {"beyond": "<", "direction": "DESC"}
BACKWARDS = {"beyond": ">", "direction": "ASC"}

_NEWER_THAN_ALL = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Listing:
    """How one kind of thing is listed: the query, the query for an item's position, and what its ids are."""

    query: str
    position: str
    takes_uuids: bool = False


async def read_page(
    connection: "Connection", listing: Listing, owner: tuple[object, ...], page: Page, *filters: object
) -> tuple[list["Row"], bool]:
    """Return the rows of a page, newest first, and whether there is more.

    owner holds the first parameters of both queries; then come the position's time and id, the number of rows and the
    filters. Raises INVALID naming the cursor where no item of the owner's has its id.
    """
    at, item = await _position(connection, listing, owner, page)
    query = listing.query.format_map(BACKWARDS if page.is_backwards else FORWARDS)
    return cut(await connection.fetch(query, *owner, at, item, page.limit + 1, *filters), page)


async def _position(
    connection: "Connection", listing: Listing, owner: tuple[object, ...], page: Page
) -> tuple[datetime, object]:
    if page.cursor is None:
        return _NEWER_THAN_ALL, UUID(int=0) if listing.takes_uuids else ""
    item = _uuid(page.cursor) if listing.takes_uuids else page.cursor
    row = None if item is None else await connection.fetchrow(listing.position, *owner, item)
    if row is None:
        raise invalid_field(
            "ending_before" if page.is_backwards else "starting_after", "There is nothing with this id."
        )
    return row["at"], row["id"]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
