"""The queries of accounts: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class AccountQueries(Queries):
    """The queries of accounts."""

    add_business: str
    find_business: str
    change_business: str
    find_business_of_token: str
    add_token: str
    has_token: str
    list_tokens: str
    list_tokens_before: str
    revoke_token: str
    list_known: str
    has_business: str


QUERIES = AccountQueries()
