"""The queries of clicks: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class ClickQueries(Queries):
    """The queries of clicks."""

    keep_clicks: str
    clear_clicks_of_erased: str
    mint_sessions: str
    tell_activities_their_link: str
    insert_click_activities: str
    keep_issued_sessions: str


QUERIES = ClickQueries()
