"""The queries of events: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class EventQueries(Queries):
    """The queries of events."""

    find_contexts: str
    find_objects: str
    take_keys: str
    find_keys: str
    take_order_actions: str
    find_other_tellings: str
    find_order_actions: str
    take_retellings: str
    point_keys: str
    give_keys_back: str
    give_order_actions_back: str
    keep_aliases: str
    keep_refunds: str
    find_orders: str
    list_unmatched_refunds: str
    find_refund_position: str
    hold_actions: str
    add_objects: str
    lock_objects: str
    change_objects: str
    keep_events: str
    place_plain_events: str
    said_by_plain_events: str
    keep_placed_events: str
    keep_plain_events: str
    keep_identified_events: str


QUERIES = EventQueries()
