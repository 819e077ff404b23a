"""The queries of attribution: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class AttributionQueries(Queries):
    """The queries of attribution."""

    find_due: str
    take_marks: str
    take_mark: str
    find_oldest: str
    find_put_aside: str
    put_aside: str
    spread_marks: str
    find_concerned: str
    find_events: str
    find_own_sources: str
    take_sweep: str
    find_swept: str
    move_sweep: str
    end_sweep: str
    find_clicks: str
    find_standings: str
    append_entries: str
    find_event: str
    find_clicks_of_visitor: str
    find_entries: str
    mark_dirty: str
    mark_persons: str


QUERIES = AttributionQueries()
