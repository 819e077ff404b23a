"""The queries of reassignment: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class ReassignmentQueries(Queries):
    """The queries of reassignment."""

    find_pending: str
    take_marks: str
    take_mark: str
    find_oldest: str
    find_retries: str
    retry_later: str
    mark_sessions: str
    mark_sessions_of: str
    hold_profiles: str
    create_page_profiles: str
    keep_holders: str
    release_holders: str
    fill_page_profiles: str
    fill_named_profiles: str
    lock_session_facts: str
    move_sessions: str
    drop_absorbed: str
    find_told_orders: str
    give_orders: str
    mark_former: str


QUERIES = ReassignmentQueries()
