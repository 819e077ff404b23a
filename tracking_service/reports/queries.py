"""The queries of reports: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class ReportQueries(Queries):
    """The queries of reports."""

    list_recipients: str
    sum_earnings: str
    find_business: str
    keep_key: str
    change_key: str
    list_scopes: str
    list_latest_activities: str
    find_start: str
    has_links: str
    list_known: str
    list_newest_links: str
    find_link_start: str
    count_recipients: str
    count_recipients_of_link: str
    sum_clicks: str
    sum_provenance: str
    sum_events: str
    sum_actions: str
    total_clicks: str
    total_events: str
    total_recipients: str
    find_span: str
    sum_breakdowns: str


QUERIES = ReportQueries()
