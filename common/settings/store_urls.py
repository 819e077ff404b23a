"""Checks the addresses of stores, and puts a password into them that is given apart."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

HIGHEST_PORT = 65_535

# In a list of hosts with commas between.
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[^:\[\]]*)(?::(?P<port>[0-9]+))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class StoreUrl(NamedTuple):
    """The parts of an address, as they stand in it."""

    scheme: str
    user: str
    password: str
    hosts: str
    path: str
    query: str

    @property
    def has_password(self) -> bool:
        """Whether there is a password in it, before the host or among the options."""
        return bool(self.password) or any(name == "password" and value for name, value in parse_qsl(self.query))

    def with_password(self, password: str | None) -> "StoreUrl":
        """Return it with this password, if any, and user and password percent-encoded whatever is in them."""
        whole = quote(unquote(self.password) if password is None else password, safe="")
        return self._replace(user=quote(unquote(self.user), safe=""), password=whole)

    def text(self) -> str:
        """Return the whole address."""
        credentials = self.user + (f":{self.password}" if self.password else "")
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{credentials}{'@' if credentials else ''}{self.hosts}{self.path}{query}"


def take_apart(url: str) -> StoreUrl:
    """Return the parts of an address. Whatever it is, parts come out; `check_store_url` judges them."""
    scheme, _, rest = url.partition("://")
    end = min((at for mark in "/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
    credentials, _, hosts = rest[:end].rpartition("@")
    user, _, password = credentials.partition(":")
    path, _, query = rest[end:].partition("?")
    return StoreUrl(scheme, user, password, hosts, path, query)


def check_store_url(url: str, *schemes: str, apart: str = "") -> StoreUrl:
    """Return the parts of the address of a store, which may have several hosts.

    Raises `ValueError` without showing it, since it may hold a password; `apart` is the setting that may have that
    instead.
    """
    parts = take_apart(url)
    if parts.scheme in schemes and _has_raw_marks(url, parts):
        instead = f", or leave it out and set {apart}" if apart else ""
        raise ValueError(
            "seems to have a password with / ? or # in it, which end that part of an address: write %2F, %3F, %23"
            f" for them{instead}"
        )
    hosts = parts.hosts.split(",")
    is_sound = all(_is_host(host) and (host or len(hosts) == 1) for host in hosts)
    if parts.scheme not in schemes or not is_sound or _CONTROL.search(url):
        raise ValueError(f"must be an address with a valid port that begins with {' or '.join(schemes)}, then ://")
    return parts


def check_password_apart(url: str | None, password: object, url_setting: str) -> None:
    """Raise `ValueError` where a password is given apart and the address, if it is sound, has one too."""
    if password and url is not None and take_apart(url).has_password:
        raise ValueError(f"there is a password in {url_setting} already: leave one of them out")


def whole_url(url: str, password: str | None) -> str:
    """Return an address with the password that is given apart, if any, fit for every client."""
    return take_apart(url).with_password(password).text()


def _is_host(host: str) -> bool:
    found = _HOST.fullmatch(host)
    return found is not None and (found["port"] is None or 0 < int(found["port"]) <= HIGHEST_PORT)


def _has_raw_marks(url: str, parts: StoreUrl) -> bool:
    """Tell whether what stands behind the hosts can only be the rest of a password and the true hosts."""
    is_file = not parts.hosts
    in_path = "@" in parts.path and not is_file
    in_query = any("@" in option and "=" not in option for option in parts.query.split("&"))
    return "#" in url or in_path or in_query
