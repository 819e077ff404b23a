"""Runs one of Clicktrail's own services as a child process."""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

from cli.embedded.ports import LOOPBACK
from cli.embedded.privileges import dying_with_us
from cli.health import serves
from common.settings.store_urls import take_apart
from common.settings.texts import FILE, PREFIX, UnfitTextError, text_of

# Where the password of an address may be given apart from it.
_PASSWORDS = {
    "POSTGRES_URL": "POSTGRES_PASSWORD",
    "POSTGRES_OWNER_URL": "POSTGRES_OWNER_PASSWORD",
    "REDIS_URL": "REDIS_PASSWORD",
}
# What the environment may say of the owner of another database.
_NO_OWNER = {"POSTGRES_OWNER_URL": "", "POSTGRES_OWNER_PASSWORD": ""}

Setting = Callable[[int], Mapping[str, str]]


class ServiceProgram:
    """A service as `python -m MODULE`, told its settings by the environment.

    `settings` gives them, without their prefix, for the port of a start; they are asked for again at each start, since
    the addresses of other services may have changed. What stands in our own environment holds where they say nothing.
    """

    stop_signal = signal.SIGTERM
    directory = None

    def __init__(self, module: str, settings: Setting, *, http_host: str | None = None) -> None:
        self._module = module
        self._settings = settings
        self._http_host = http_host

    @property
    def name(self) -> str:
        """The module's name."""
        return self._module

    def prepare(self) -> None:
        """Make nothing: services keep nothing on disk."""

    def command(self, port: int) -> Sequence[str]:  # noqa: ARG002  (stands in the environment)
        """Return the command line."""
        return dying_with_us(python_module(self._module), "KILL")

    def environment(self, port: int) -> Mapping[str, str]:
        """Return our environment with the service's settings."""
        return environment_with(self._settings(port))

    def configuration(self, port: int) -> bytes:  # noqa: ARG002
        """Say nothing."""
        return b""

    def url(self, port: int) -> str:
        """Return its address: `http://HOST:PORT`, or `HOST:PORT` for gRPC."""
        return f"http://{reachable(self._http_host)}:{port}" if self._http_host else f"{LOOPBACK}:{port}"

    def answers(self, port: int, pid: int) -> bool:  # noqa: ARG002  (a port below the clients' range is ours alone)
        """Tell whether it is healthy; the gateway: whether it and those behind it are."""
        return serves(f"{self.url(port)}/readyz" if self._http_host else self.url(port))


def python_module(module: str) -> list[str]:
    """Return the command line that runs a module with our Python.

    `-P` keeps the working directory out of the path: a folder there may be called `common` too.
    """
    return [sys.executable, "-P", "-m", module]


def environment_with(settings: Mapping[str, str]) -> dict[str, str]:
    """Return our environment with these settings, named without their prefix.

    Nothing else there says what they say: no file, and beside an address with a password no other password. An empty
    text takes a setting away.
    """
    replaced = {*settings} | {
        password for url, password in _PASSWORDS.items() if url in settings and take_apart(settings[url]).has_password
    }
    dropped = {PREFIX + name + ending for name in replaced for ending in ("", FILE)}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in dropped}
    return kept | {PREFIX + name: value for name, value in settings.items() if value}


def settings_with_database(url: str | None) -> dict[str, str]:
    """Return what leads our own module to a database; nothing where the environment that it inherits does so.

    An address that is not the environment's stands alone: the owner who is named there belongs to another database.
    """
    try:
        is_ours = url is None or url == text_of("POSTGRES_URL")
    except UnfitTextError:
        is_ours = False
    return {} if is_ours or url is None else {"POSTGRES_URL": url, **_NO_OWNER}


def reachable(host: str | None) -> str:
    """Return the address at which a listener on `host` is reached from this machine, fit for a URL."""
    if host in ("0.0.0.0", "::"):  # noqa: S104  (compared, not bound)
        return LOOPBACK
    return f"[{host}]" if host and ":" in host else host or LOOPBACK
