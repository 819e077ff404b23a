"""The queries of actions: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class ActionQueries(Queries):
    """The queries of actions."""

    create_action: str
    find_action: str
    lock_action: str
    list_actions: str
    find_position: str
    change_action: str
    sweep_action: str
    delete_action: str
    has_events: str


QUERIES = ActionQueries()
