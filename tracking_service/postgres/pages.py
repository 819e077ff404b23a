"""Pages of lists: newest first, bounded by the ids of what was seen before, and how they are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from clicktrail.common.v1.options_pb2 import SharedRules
from common.errors import FaultType, field_fault, invalid, invalid_field
from common.field_rules import rules
from common.ids import uuid_of

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection, Row

Item = TypeVar("Item")

DEFAULT_LIMIT = 25
LARGEST_LIMIT = rules(SharedRules, "page_limit").maximum

# What stands in the slots of a query that lists: newest first behind a position, or oldest first before it.
FORWARDS = {"beyond": "<", "direction": "DESC"}
BACKWARDS = {"beyond": ">", "direction": "ASC"}

_NEWER_THAN_ALL = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """Which piece of a list to read: at most `limit` items behind one id or before another."""

    limit: int
    starting_after: str | None = None
    ending_before: str | None = None

    @property
    def is_backwards(self) -> bool:
        """Whether the items next to a later one are wanted, which are read oldest first."""
        return self.ending_before is not None

    @property
    def cursor(self) -> str | None:
        """The id that the page lies next to."""
        return self.ending_before if self.is_backwards else self.starting_after


def page_of(limit: int, starting_after: str | None, ending_before: str | None) -> Page:
    """Return the page asked for; a limit of 0 means 25. Raises INVALID naming each field at fault."""
    faults = []
    if not 0 <= limit <= LARGEST_LIMIT:
        faults.append(field_fault("limit", f"must be 1 to {LARGEST_LIMIT}."))
    if starting_after is not None and ending_before is not None:
        faults.append(
            field_fault("ending_before", "and starting_after exclude each other.", FaultType.AMBIGUOUS_PARAMETER)
        )
    if faults:
        raise invalid(faults)
    return Page(limit or DEFAULT_LIMIT, starting_after, ending_before)


def cut(items: Sequence[Item], page: Page) -> tuple[list[Item], bool]:
    """Return a page, newest first, and whether there is more, from one item more than it holds, in reading order."""
    kept = list(items[: page.limit])
    if page.is_backwards:
        kept.reverse()
    return kept, len(items) > page.limit


@dataclass(frozen=True, slots=True)
class Listing:
    """How one kind of item is listed: the query, the query for an item's position, and what its ids are."""

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
    item = uuid_of(page.cursor) if listing.takes_uuids else page.cursor
    row = None if item is None else await connection.fetchrow(listing.position, *owner, item)
    if row is None:
        raise invalid_field("ending_before" if page.is_backwards else "starting_after", "names nothing that there is.")
    return row["at"], row["id"]
