"""The queries of what is set aside: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class RejectionQueries(Queries):
    """The queries of what is set aside."""

    hold_profiles: str
    keep_rejected: str
    find_newest: str
    erase_profile: str
    erase_sessions: str


QUERIES = RejectionQueries()
