"""The queries of recounts: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class ReconciliationQueries(Queries):
    """The queries of recounts."""

    visits: str
    recount_clicks: str
    recount_breakdowns: str
    recount_first_clicks: str
    recount_own_clicks: str
    recount_events: str
    recount_recipients: str
    recount_recipient_counts: str
    compare: str
    within: str
    find_kept_from: str
    find_persons: str
    find_sessions: str
    find_places_of_persons: str
    find_places_of_sessions: str
    count_marks: str
    find_marks: str
    find_swept: str
    find_broken_ledgers: str


QUERIES = ReconciliationQueries()
