"""Lists the copies of links in PostgreSQL."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tracking_service.postgres.pages import Listing, Page, read_page
from tracking_service.postgres.pool import Postgres
from tracking_service.postgres.queries import load

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

QUERIES = load(__package__, "queries/link_listing")
POSITION = QUERIES.find_position

# What a list can be narrowed down to: each is a column with an index of its own.
FILTERS = {"campaign": "campaign", "journey": "journey", "profile": "profile_key"}
_FIRST_FILTER = 5  # Behind business, position and number of rows.


class PostgresLinkListing:
    """The links of all businesses, as bytes of `clicktrail.shortener.v1.Link`."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def page(self, business_id: str, page: Page, only: Mapping[str, str]) -> tuple[list[bytes], bool]:
        """Return a page of links, newest first, and whether there are more; `only` holds values by `FILTERS`."""
        async with self._postgres.connection() as connection:
            values: dict[str, object] = dict(only)
            if "profile" in only:
                values["profile"] = await _profile_key(connection, business_id, only["profile"])
                if values["profile"] is None:
                    return [], False
            rows, has_more = await read_page(connection, _listing(values), (business_id,), page, *values.values())
        return [row["link"] for row in rows], has_more

    async def has_any(self) -> bool:
        """Tell whether any business has a link."""
        async with self._postgres.connection() as connection:
            return bool(await connection.fetchval(QUERIES.has_links))


def _listing(values: Mapping[str, object]) -> Listing:
    conditions = [f"AND {FILTERS[name]} = ${number}" for number, name in enumerate(values, start=_FIRST_FILTER)]
    return Listing(QUERIES.list_links.replace("{only}", " ".join(conditions)), POSITION)


async def _profile_key(connection: "Connection", business_id: str, profile: str) -> int | None:
    key: int | None = await connection.fetchval(QUERIES.find_profile_key, business_id, profile)
    return key
