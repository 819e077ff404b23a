"""Judges where PostgreSQL is, one server or several in one address, and takes them apart."""

from pathlib import Path
from urllib.parse import parse_qsl

from common.settings.store_urls import HIGHEST_PORT, check_store_url, take_apart

TARGET = "target_session_attrs"
CHOICES = {
    TARGET: ("any", "primary", "read-write", "standby", "prefer-standby", "read-only"),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
}
"""What options of an address take. All others go through: PostgreSQL and its driver know them."""
FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")


def check_address(url: str) -> None:
    """Raise `ValueError`, without showing it, where an address cannot be one of PostgreSQL."""
    query = check_store_url(url, "postgresql", "postgres", apart="CLICKTRAIL_POSTGRES_PASSWORD").query
    try:
        options = dict(parse_qsl(query, strict_parsing=True)) if query else {}
    except ValueError:
        raise ValueError("has an option without a value behind its question mark") from None
    for name, choices in CHOICES.items():
        if options.get(name, choices[0]) not in choices:
            raise ValueError(f"takes as {name} one of {', '.join(choices)}")
    for name in FILES:
        if name in options and not Path(options[name]).is_file():
            raise ValueError(f"names a file by {name} that is not there")
    ports = options.get("port", "1").split(",")
    if not all(port.isdecimal() and 0 < int(port) <= HIGHEST_PORT for port in ports):
        raise ValueError("must have a valid port")


def servers_in(url: str) -> list[str]:
    """Return an address for each server that stands between `//` and the next slash."""
    parts = take_apart(url)
    return [parts._replace(hosts=host).text() for host in parts.hosts.split(",")]


def target_in(url: str) -> str:
    """Return which kind of server is wanted, empty where nothing is said."""
    return dict(parse_qsl(take_apart(url).query)).get(TARGET, "")
