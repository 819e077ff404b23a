"""Settings from the environment, checked at start with every fault named at once."""

import sys
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "CLICKTRAIL_"
HIGHEST_PORT = 65_535

LogLevel = Literal["debug", "info", "warning", "error"]


def _check_listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > HIGHEST_PORT:
        raise ValueError("must be host:port, such as 127.0.0.1:7001")
    return value


Listen = Annotated[str, AfterValidator(_check_listen)]
"""Where to serve: `host:port`, an IPv6 host in brackets; port 0 takes a free one."""


def check_store_url(url: str, *schemes: str) -> str:
    """Return the address of a store, or raise `ValueError` without showing it: it may hold a password."""
    try:
        parts = urlsplit(url)
        is_sound = parts.scheme in schemes and (parts.port is None or parts.port > 0)
    except ValueError:
        is_sound = False
    if not is_sound:
        raise ValueError(f"must be an address with a valid port that begins with {' or '.join(schemes)}, then ://")
    return url


class Settings(BaseSettings):
    """What every process can be told."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    log_level: LogLevel = "info"
    """From which level on to log."""
    log_format: Literal["auto", "json", "text"] = "auto"
    """How to log; `auto` is text at a terminal, else JSON."""
    drain_seconds: float = Field(default=10.0, ge=0)
    """How long calls under way may take to finish after SIGTERM."""


AnySettings = TypeVar("AnySettings", bound=Settings)


def load_settings(kind: type[AnySettings]) -> AnySettings:
    """Return the settings, or name every faulty one on standard error and exit with 2.

    A value is never shown: it may be a secret.
    """
    try:
        return kind()
    except ValidationError as error:
        print("These settings are wrong:", file=sys.stderr)  # noqa: T201  (there is no log yet)
        for fault in error.errors(include_input=False, include_url=False):
            name = PREFIX + "_".join(str(part) for part in fault["loc"]).upper()
            print(f"  {name}: {fault['msg']}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
