"""Settings from the environment or from files, checked at start with every fault named at once."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from common.logging import LogLevel
from common.settings.store_urls import HIGHEST_PORT
from common.settings.texts import PREFIX, UnfitTextError, text_of, variables

__all__ = ["PREFIX", "Listen", "Settings", "load_settings"]


def _check_listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > HIGHEST_PORT:
        raise ValueError("must be host:port, such as 127.0.0.1:7001")
    return value


Listen = Annotated[str, AfterValidator(_check_listen)]
"""Where to serve: `host:port`, an IPv6 host in brackets; port 0 takes a free one."""


class _EnvironmentOrFiles(EnvSettingsSource):
    """Takes each setting from its variable, or from the file that the variable NAME_FILE names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the text; where there is none that could be taken, the reason, which validation refuses."""
        _, key, is_complex = super().get_field_value(field, field_name)
        try:
            found = text_of(field_name.upper(), variables({name: text or "" for name, text in self.env_vars.items()}))
        except UnfitTextError as error:
            return error, key, False
        return found, key, is_complex

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:  # noqa: FBT001  (the library's signature)
        """Return the value, decoded where it is a text."""
        if isinstance(value, UnfitTextError):
            return value
        return super().prepare_field_value(field_name, field, value, value_is_complex)


class Settings(BaseSettings):
    """What every process can be told."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    log_level: LogLevel = "info"
    """From which level on to log."""
    log_format: Literal["auto", "json", "text"] = "auto"
    """How to log; `auto` is text at a terminal, else JSON."""
    drain_seconds: float = Field(default=10.0, ge=0)
    """How long calls under way may take to finish after SIGTERM."""
    service_keys_dir: Path | None = None
    """The folder with the service keys, a file a role (`gateway.key`): of the own role to send, of others to accept."""
    tls_dir: Path | None = None
    """The folder with `tls.crt`, `tls.key`, `ca.crt` and, if clients need certificates, `clients.crt`. None: no TLS."""

    @field_validator("service_keys_dir", "tls_dir")
    @classmethod
    def _check_folder(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_dir():
            raise ValueError("there is no such folder")
        return path

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (replaced)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (there is none)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (there is none)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let what is passed in come before the environment and its files."""
        return init_settings, _EnvironmentOrFiles(settings_cls)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_unfit_text(cls, value: object) -> object:
        if isinstance(value, UnfitTextError):
            raise value
        return value


class ServiceSettings(Settings):
    """What every gRPC service can be told."""

    connection_age_seconds: float = Field(default=60.0, ge=0, le=86_400)
    """After how long a connection takes no more calls and its client opens another; 0: never."""
    service_keys: Literal["accept", "require"] = "accept"
    """Whether calls without a credential are taken, with a warning, or refused. The next release requires one."""
    reflection: bool | None = None
    """Whether callers are told which calls there are. None: where no service key is required."""

    @field_validator("service_keys")
    @classmethod
    def _check_keys(cls, value: str, others: ValidationInfo) -> str:
        if value == "require" and others.data.get("service_keys_dir", value) is None:
            raise ValueError("`require` needs the folder of the keys: set CLICKTRAIL_SERVICE_KEYS_DIR")
        return value

    @field_validator("tls_dir")
    @classmethod
    def _check_certificate(cls, path: Path | None) -> Path | None:
        missing = [name for name in ("tls.crt", "tls.key") if path is not None and not (path / name).is_file()]
        if missing:
            raise ValueError(f"lacks {' and '.join(missing)}, which a service needs")
        return path


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
            print(f"  {name}: {fault['msg'].removeprefix('Value error, ')}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
