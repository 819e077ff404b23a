"""The queries of attribution: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class AttributionQueries(Queries):
    """The queries of attribution."""

    find_pending: str
    take_visitors: str
    take_visitor: str
    find_oldest: str
    find_retries: str
    retry_later: str
    fan_out: str
    find_concerned: str
    find_events: str
    find_own_sources: str
    take_backfill: str
    find_backfilled: str
    move_backfill: str
    end_backfill: str
    find_clicks: str
    find_standings: str
    append_entries: str
    find_event: str
    find_clicks_of_visitor: str
    find_entries: str
    mark_dirty: str
    mark_persons: str
    mark_orders: str


QUERIES = AttributionQueries()
