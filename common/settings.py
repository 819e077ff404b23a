"""Settings from the environment, checked at start with every fault named at once."""

import sys
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "CLICKTRAIL_"


class Settings(BaseSettings):
    """What every process can be told."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    log_level: str = "info"
    """`debug`, `info`, `warning` or `error`."""
    log_format: str = "auto"
    """`json`, `text`, or `auto`: text at a terminal, else JSON."""
    drain_seconds: float = 10.0
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
