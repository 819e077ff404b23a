"""The queries of sessions: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class SessionQueries(Queries):
    """The queries of sessions."""

    create_sessions: str
    lock_sessions: str
    find_clicked_claimable: str
    find_reported: str
    change_sessions: str
    keep_claims: str
    move_activities: str
    find_session: str
    has_session: str
    keep_binding: str
    find_waiting_orders: str
    find_known_sessions: str
    keep_clues: str
    find_order_places: str
    keep_told_orders: str
    keep_told_order_events: str
    move_order: str
    move_order_evidence: str


QUERIES = SessionQueries()
