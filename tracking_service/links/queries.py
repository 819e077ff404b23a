"""The queries of links: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class LinkQueries(Queries):
    """The queries of links."""

    keep_secret: str
    find_secret: str
    keep_domains: str
    find_domains: str
    keep_refused_hosts: str
    find_refused_hosts: str
    keep_links: str
    count_recipients: str
    begin_export: str
    export_links: str
    list_links: str
    find_position: str
    has_links: str
    keep_own_sources: str


QUERIES = LinkQueries()
