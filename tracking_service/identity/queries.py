"""The queries of identities: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class IdentityQueries(Queries):
    """The queries of identities."""

    find_proving: str
    keep_statements: str
    keep_namings: str
    mark_identities: str
    mark_persons_identities: str
    find_said_in: str
    find_said_of_persons: str
    find_speaking_sessions: str
    find_sessions_of: str
    find_old_claims: str
    find_namings: str
    find_session_facts: str
    find_claimed: str
    find_contacts: str
    find_holders: str


QUERIES = IdentityQueries()
