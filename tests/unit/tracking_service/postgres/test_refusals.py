"""What PostgreSQL does not do is told by its class, in a sentence that says what would help."""

import ssl

import asyncpg
import pytest

from tracking_service.postgres.refusals import cause_of, refusal_of


@pytest.mark.parametrize(
    ("error", "helps"),
    [
        (asyncpg.InvalidSQLStatementNameError("x"), "max_prepared_statements=200"),
        (asyncpg.DuplicatePreparedStatementError("x"), "max_prepared_statements=200"),
        (asyncpg.TooManyConnectionsError("x"), "max_connections"),
        (ssl.SSLCertVerificationError("x"), "sslrootcert"),
        (ConnectionError("rejected SSL upgrade"), "sslmode"),
    ],
)
def test_each_error_has_a_sentence_that_helps(error: Exception, helps: str) -> None:
    """Whatever its own words are."""
    refusal = refusal_of(error)
    assert refusal is not None
    assert helps in refusal.sentence


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(), TimeoutError(), OSError("Name or service not known"), ConnectionResetError()]
)
def test_a_server_that_is_away_has_none(error: Exception) -> None:
    """It is only away."""
    assert refusal_of(error) is None


def test_a_cause_is_one_line() -> None:
    """The driver's advice behind it is for programmers."""
    assert cause_of(asyncpg.PostgresError("no\nHINT: do")) == "PostgresError: no"
    assert cause_of(TimeoutError()) == "TimeoutError"
