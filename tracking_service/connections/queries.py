"""The queries of connections: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class ConnectionQueries(Queries):
    """The queries of connections."""

    lock_business: str
    count_connections: str
    create_connection: str
    find_connection: str
    list_connections: str
    find_position: str
    change_connection: str
    list_secrets: str
    renew_secrets: str
    delete_connection: str


QUERIES = ConnectionQueries()
