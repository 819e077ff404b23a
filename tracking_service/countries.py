"""Tell the country of a network address, by a database that the operator provides."""

from pathlib import Path
from typing import Protocol

import maxminddb

UNKNOWN = "unknown"
_CODE_LENGTH = 2


class Countries(Protocol):
    """What knows where addresses are."""

    def of(self, address: str) -> str:
        """Return the country of an address as ISO 3166-1 alpha-2; "unknown" where it cannot be told."""


class NoCountries:
    """Stands where there is no database."""

    def of(self, _address: str) -> str:
        """Return "unknown"."""
        return UNKNOWN


class CountryDatabase:
    """A database in MaxMind's format, such as GeoLite2 Country, or those of DB-IP and IPinfo in the same format."""

    def __init__(self, path: Path) -> None:
        self._reader = maxminddb.open_database(path)

    def of(self, address: str) -> str:
        """Return the country of an address; "unknown" where it cannot be told."""
        try:
            record = self._reader.get(address)
        except ValueError:  # No address, or one of version 6 where the database has none.
            return UNKNOWN
        return _code(record)


def open_countries(path: Path | None) -> Countries:
    """Open the database. Raises `OSError` where it cannot be read, `ValueError` where it is none."""
    if path is None:
        return NoCountries()
    try:
        return CountryDatabase(path)
    except maxminddb.InvalidDatabaseError as error:
        raise ValueError(f"{path} is no database in MaxMind's format: {error}") from error


def _code(record: object) -> str:
    if not isinstance(record, dict):
        return UNKNOWN
    country = record.get("country_code") or record.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else country
    return code if isinstance(code, str) and len(code) == _CODE_LENGTH and code.isalpha() else UNKNOWN
