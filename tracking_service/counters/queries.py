"""The queries of counters: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class CounterQueries(Queries):
    """The queries of counters."""

    find_first_clicks: str
    find_clicked_sessions: str
    find_clicks_of_visitors: str
    change_firsts: str
    add_counts: str
    bump_versions: str
    find_versions: str


QUERIES = CounterQueries()
