"""The queries of judgements."""

from tracking_service.postgres.queries import Queries


class JudgementQueries(Queries):
    """Hits as they are judged now, judgements, and what follows from one."""

    find_hits: str
    keep_judgements: str
    lose_clicks: str
    change_activities: str
    drop_told_activities: str
    list_businesses: str
    find_oldest_month: str


QUERIES = JudgementQueries()
