"""The queries of erasures: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class ErasureQueries(Queries):
    """The queries of erasures."""

    remember_erased: str
    find_country: str
    find_holder: str
    find_profile: str
    forget_contacts: str
    find_traces: str
    erase_deliveries: str
    erase_profile: str
    clear_evidence: str
    find_erasures: str
    note_commit: str
    end_erasure: str
    find_rows: str
    find_lost_rows: str
    clear_activities: str
    clear_clicks: str
    clear_events: str
    find_links: str
    clear_links: str
    want_detachments: str
    take_detachments: str
    end_detachments: str


QUERIES = ErasureQueries()
