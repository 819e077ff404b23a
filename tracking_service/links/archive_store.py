"""Reads the copies of links in PostgreSQL: as lists, and whole, with the secret, for a shortener that lost its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tracking_service.links.link_copy import ArchivedLink
from tracking_service.links.queries import QUERIES
from tracking_service.postgres.arrays import columns
from tracking_service.postgres.pages import Listing, Page, read_page
from tracking_service.postgres.pool import Postgres
from tracking_service.profiles.store import find_profile

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

POSITION = QUERIES.find_position

# What a list can be narrowed down to: each is a column with an index of its own.
FILTERS = {"campaign": "campaign", "journey": "journey", "profile": "profile_key"}
_FIRST_FILTER = 5  # Behind business, position and number of rows.

PAGE = 500
_FIRST = datetime.min.replace(tzinfo=UTC)


class DomainCopy(NamedTuple):
    """The copy of a custom domain, or of its removal; of two revisions the later one stays."""

    name: str
    business_id: str
    fallback_url: str
    verified_at: datetime | None
    revision: int
    is_removed: bool


class RefusedHostCopy(NamedTuple):
    """The copy of a host that no link may lead to, or of its removal; of two revisions the later one stays."""

    name: str
    reason: str
    refused_at: datetime
    revision: int
    is_removed: bool


Copy = TypeVar("Copy", DomainCopy, RefusedHostCopy)


class Installation(NamedTuple):
    """What codes are derived with (empty: not known yet), and every domain and refused host there ever was."""

    secret: bytes
    domains: Sequence[DomainCopy]
    refused_hosts: Sequence[RefusedHostCopy]


class PostgresInstallation:
    """One secret, the custom domains, and the refused hosts."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def keep(self, installation: Installation) -> Installation:
        """Keep what is new, and return what is kept: the first secret, the latest revision of each domain and host."""

        async def work(connection: "Connection") -> Installation:
            if installation.secret:
                await connection.execute(QUERIES.keep_secret, installation.secret)
            if domains := _latest(installation.domains):
                await connection.execute(
                    QUERIES.keep_domains,
                    *columns(domains, "name", "business_id", "fallback_url", "verified_at", "revision", "is_removed"),
                )
            if hosts := _latest(installation.refused_hosts):
                await connection.execute(
                    QUERIES.keep_refused_hosts,
                    *columns(hosts, "name", "reason", "refused_at", "revision", "is_removed"),
                )
            secret = await connection.fetchval(QUERIES.find_secret)
            domains = [DomainCopy(**row) for row in await connection.fetch(QUERIES.find_domains)]
            hosts = [RefusedHostCopy(**row) for row in await connection.fetch(QUERIES.find_refused_hosts)]
            return Installation(secret or b"", domains, hosts)

        return await self._postgres.in_transaction(work)


def _latest(copies: Sequence[Copy]) -> list[Copy]:
    """Return the latest copy of each name: one statement must not meet a name twice."""
    return list({copy.name: copy for copy in sorted(copies, key=lambda copy: copy.revision)}.values())


class PostgresLinkListing:
    """The links of all businesses, as bytes of `clicktrail.shortener.v1.Link`."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def page(self, business_id: str, page: Page, only: Mapping[str, str]) -> tuple[list[bytes], bool]:
        """Return a page of links, newest first, and whether there are more; `only` holds values by `FILTERS`."""
        async with self._postgres.reading(business_id) as connection:
            values: dict[str, object] = dict(only)
            if "profile" in only:
                values["profile"] = await find_profile(connection, business_id, only["profile"])
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


class PostgresLinkExport:
    """The copies of the links of all businesses."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def begin(self) -> tuple[int, datetime]:
        """Return how many links there are, and the present time by PostgreSQL's clock."""
        async with self._postgres.connection() as connection:
            (row,) = await connection.fetch(QUERIES.begin_export)
        return row["total"], row["began_at"]

    async def pages(self, kept_since: datetime | None) -> AsyncIterator[list[ArchivedLink]]:
        """Yield all links kept from a time on, those kept first in front; one kept anew meanwhile comes again."""
        behind: tuple[datetime, str, str] = (kept_since or _FIRST, "", "")
        while True:
            async with self._postgres.connection() as connection:
                rows = await connection.fetch(QUERIES.export_links, *behind, PAGE)
            if rows:
                yield [
                    ArchivedLink(
                        id=row["id"],
                        link=row["link"],
                        template=row["template"],
                        revision=row["revision"],
                        origin_template=row["origin_template"],
                        detached_id=row["detached_id"],
                    )
                    for row in rows
                ]
            if len(rows) < PAGE:
                return
            behind = rows[-1]["kept_at"], rows[-1]["business_id"], rows[-1]["id"]
