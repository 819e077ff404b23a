"""Opens connections to the server that is to be used, of those that an address names.

The driver knows of several servers too, and would spend all the time that there is on a first one that is switched off.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from tracking_service.postgres.address import servers_in, target_in
from tracking_service.postgres.refusals import cause_of, refusal_of

if TYPE_CHECKING:
    # Generic in the types alone, not at run-time.
    Plain = asyncpg.Connection[asyncpg.Record]


# No connection came about: what the network, PostgreSQL and the driver raise then.
NOT_CONNECTED = (OSError, asyncpg.PostgresError, asyncpg.InternalClientError)


class UnfitDatabaseError(Exception):
    """The database cannot serve this code; says why, and what to do."""


class UnfitAddressError(UnfitDatabaseError):
    """The address makes no sense to the driver."""


class NotConnectedError(Exception):
    """PostgreSQL does not answer or refuses; says why, and what to do. Where it is lasting, waiting does not help."""

    def __init__(self, error: BaseException) -> None:
        refusal = refusal_of(error)
        sentence = refusal.sentence if refusal else "PostgreSQL cannot be reached"
        super().__init__(f"{sentence}. ({cause_of(error)})")
        self.is_lasting = refusal is not None and refusal.is_lasting


class Servers:
    """The servers that an address names. Each is given its share of the time, first the one that was right last."""

    def __init__(self, url: str) -> None:
        self._urls = servers_in(url)
        target = target_in(url)
        # What is only preferred is looked for everywhere before anything else will do.
        is_preference = target == SessionAttribute.prefer_standby
        self._targets = (SessionAttribute.standby, SessionAttribute.any) if is_preference else (None,)

    async def connect(self, within_seconds: float, **options: Any) -> "Plain":
        """Return a new connection; raise the most telling of the errors where no server gives one.

        Raises `UnfitAddressError` where the address makes no sense to the driver.
        """
        errors: list[Exception] = []
        share = within_seconds / len(self._urls) / len(self._targets)
        for target in self._targets:
            for url in list(self._urls):
                try:
                    connection = await _connect(url, timeout=share, target_session_attrs=target, **options)
                except NOT_CONNECTED as error:
                    errors.append(error)
                else:
                    self._urls.sort(key=lambda other: other != url)
                    return connection
        raise _most_telling(errors)


async def connect_once(url: str, within_seconds: float, **options: Any) -> "Plain":
    """Return a connection for a command; raise `NotConnectedError` or `UnfitAddressError`."""
    try:
        return await Servers(url).connect(within_seconds, **options)
    except NOT_CONNECTED as error:
        raise NotConnectedError(error) from error


async def _connect(url: str, **options: Any) -> "Plain":
    try:
        connection: Plain = await asyncpg.connect(url, **options)
    except asyncpg.ClientConfigurationError as error:
        raise UnfitAddressError(f"CLICKTRAIL_POSTGRES_URL cannot be used: {error}") from None
    return connection


def _most_telling(errors: Sequence[Exception]) -> Exception:
    """Return the first error that has a sentence of its own, else the last."""
    return next((error for error in errors if refusal_of(error)), errors[-1])
