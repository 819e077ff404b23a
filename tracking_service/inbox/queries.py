"""The queries of the inbox: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class InboxQueries(Queries):
    """The queries of the inbox."""

    find_hook: str
    list_hooks: str
    count_refused: str
    add_delivery: str
    claim_waiting: str
    settle: str
    list_silent: str
    end_connection: str
    list_deliveries: str
    find_position: str
    replay: str


QUERIES = InboxQueries()
