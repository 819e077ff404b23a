"""Says in a sentence why PostgreSQL, or what stands before it, does not do what it is asked, and what would help.

Subjects apart by class, which is to say by SQLSTATE: texts are in the server's language.
"""

import ssl
from typing import NamedTuple

import asyncpg

from common.logging import get_logger
from common.rare_warnings import RareWarning

log = get_logger(__name__)

AWAY_SENTENCE = "PostgreSQL does not answer"


class Refusal(NamedTuple):
    """Why it is refused, and whether an operator must mend it, or it may pass by itself."""

    sentence: str
    is_lasting: bool


READ_ONLY = Refusal(
    "PostgreSQL is read-only, as a standby is: name the primary, or several servers in CLICKTRAIL_POSTGRES_URL"
    " with ?target_session_attrs=primary",
    is_lasting=False,
)
_POOLED = Refusal(
    "PostgreSQL does not know a statement that was prepared: where PgBouncer pools transactions before it, set"
    " max_prepared_statements=200 there (PgBouncer 1.21 or newer)",
    is_lasting=True,
)
# The first that fits holds.
_REFUSALS: tuple[tuple[type[Exception], Refusal], ...] = (
    (
        asyncpg.InvalidPasswordError,
        Refusal(
            "PostgreSQL refuses the user or the password: set both in CLICKTRAIL_POSTGRES_URL, or the password in"
            " CLICKTRAIL_POSTGRES_PASSWORD",
            is_lasting=True,
        ),
    ),
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        Refusal(
            "PostgreSQL does not let this user in from here: its pg_hba.conf has no entry that fits, or one that wants"
            " TLS (?sslmode=require) or a certificate (&sslcert=…&sslkey=…), or there is no such user",
            is_lasting=True,
        ),
    ),
    (
        asyncpg.InvalidCatalogNameError,
        Refusal("PostgreSQL has no database of the name at the end of CLICKTRAIL_POSTGRES_URL", is_lasting=True),
    ),
    (
        asyncpg.InsufficientPrivilegeError,
        Refusal(
            "PostgreSQL does not allow this user what Clicktrail does: run `clicktrail migrate` with this user in"
            " CLICKTRAIL_POSTGRES_URL and the owner of the tables in CLICKTRAIL_POSTGRES_OWNER_URL",
            is_lasting=True,
        ),
    ),
    (
        asyncpg.TooManyConnectionsError,
        Refusal("PostgreSQL has no connection free: raise its max_connections", is_lasting=False),
    ),
    (
        # PgBouncer has this one SQLSTATE for nearly all that it refuses, also for a PostgreSQL that is away.
        asyncpg.ProtocolViolationError,
        Refusal(
            "A pooler before PostgreSQL refuses the connection, or PostgreSQL itself; the cause is in its own words."
            " PgBouncer needs ignore_startup_parameters=statement_timeout,idle_in_transaction_session_timeout,jit, and"
            " max_prepared_statements=200 where it pools transactions",
            is_lasting=False,
        ),
    ),
    (asyncpg.InvalidSQLStatementNameError, _POOLED),
    (asyncpg.DuplicatePreparedStatementError, _POOLED),
    (asyncpg.ReadOnlySQLTransactionError, READ_ONLY),
    (
        asyncpg.TargetServerAttributeNotMatched,
        Refusal(
            "None of the servers in CLICKTRAIL_POSTGRES_URL is what its target_session_attrs asks for", is_lasting=False
        ),
    ),
    (
        ssl.SSLError,
        Refusal(
            "TLS with PostgreSQL fails: look at sslmode, sslrootcert and the host in CLICKTRAIL_POSTGRES_URL, which"
            " the server's certificate must bear",
            is_lasting=True,
        ),
    ),
    (
        # Its subclasses say by themselves what happened on the way to the server.
        ConnectionError,
        Refusal(
            "PostgreSQL breaks off as a connection is opened: it is starting or stopping, or has no TLS, which sslmode"
            " asks for",
            is_lasting=False,
        ),
    ),
)
_warnings = {
    sentence: RareWarning(log, sentence)
    for sentence in dict.fromkeys((AWAY_SENTENCE, *(refusal.sentence for _, refusal in _REFUSALS)))
}


def refusal_of(error: BaseException) -> Refusal | None:
    """Return why an error came about, None where all that can be said is that there is no answer."""
    return next((refusal for kind, refusal in _REFUSALS if _is(error, kind)), None)


def _is(error: BaseException, kind: type[Exception]) -> bool:
    return type(error) is kind if kind is ConnectionError else isinstance(error, kind)


def cause_of(error: BaseException) -> str:
    """Return an error in the words of PostgreSQL or of its driver, without hints; no password is ever in them."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def warn_of(error: BaseException) -> None:
    """Log, at most once a minute a sentence, why PostgreSQL does not do what it is asked."""
    refusal = refusal_of(error)
    _warnings[refusal.sentence if refusal else AWAY_SENTENCE].tell(cause=cause_of(error))


def warn_of_read_only() -> None:
    """Log that the server can be read and not written to."""
    _warnings[READ_ONLY.sentence].tell()
