"""The queries of backups: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class BackupQueries(Queries):
    """The queries of backups."""

    list_tables: str
    list_columns: str
    list_sequences: str
    list_months: str
    list_migrations: str
    set_sequence: str
    make_months: str
    revoke_credentials: str


QUERIES = BackupQueries()
