"""The queries of refused requests: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class RefusedRequestQueries(Queries):
    """The queries of refused requests."""

    keep_counts: str
    sum_counts: str


QUERIES = RefusedRequestQueries()
