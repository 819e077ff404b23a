"""What the tracking service can be told."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from common.settings.settings import Listen, ServiceSettings
from common.settings.store_urls import check_password_apart, whole_url
from tracking_service.key_ring import KeyRing
from tracking_service.postgres.address import check_address


class TrackingSettings(ServiceSettings):
    """Where to listen, where PostgreSQL is, and the shortener."""

    tracking_listen: Listen = "127.0.0.1:7002"
    """The address of the gRPC server; port 0 takes a free one."""
    postgres_url: SecretStr = SecretStr("postgresql://postgres@127.0.0.1:5432/clicktrail")
    """A PostgreSQL of version 18 or newer. May carry a password, so it is never shown. Several servers are named with
    commas between: `postgresql://a:5432,b:5432/clicktrail?target_session_attrs=primary`."""
    postgres_password: SecretStr | None = None
    """The password where the address has none: any characters, as they are."""
    shortener_target: str = "ipv4:127.0.0.1:7001"
    """The shortener, whose links lose their recipient when a person is erased: a gRPC target."""
    postgres_connections: int = Field(default=10, ge=1, le=500)
    """How many connections one process opens at most."""

    spool_dir: Path = Path("var/spool")
    """The folder that keeps events while PostgreSQL is away; several processes may share it."""
    spool_limit_bytes: int = Field(default=1_073_741_824, ge=0)
    """How many bytes of events one process keeps there at most; beyond, they are answered UNAVAILABLE."""
    country_database: Path | None = None
    """A database in MaxMind's format that tells the country of an address; without one, countries are unknown."""

    inbox_retention_days: int = Field(default=90, ge=8, le=3660)
    """How long deliveries of platforms are kept, in days; whole months of them are dropped."""
    public_url: str = "http://localhost:8080"
    """Where the world reaches the gateway: hooks of connections are told with it, as short links are."""
    session_parameters: Annotated[tuple[str, ...], NoDecode] = ("hellotext_session", "hello_session")
    """The query parameters that carry the session, separated by commas: those of the shortener."""
    encryption_keys: SecretStr = SecretStr("")
    """Keys that encrypt secrets of connections, with white space between them: the first writes, all read. Each is 32
    bytes in URL-safe base64. Without one, no connection can be made."""

    @field_validator("session_parameters", mode="before")
    @classmethod
    def _split_parameters(cls, names: object) -> object:
        return tuple(name.strip() for name in names.split(",") if name.strip()) if isinstance(names, str) else names

    @field_validator("encryption_keys")
    @classmethod
    def _check_encryption_keys(cls, keys: SecretStr) -> SecretStr:
        try:
            KeyRing(keys.get_secret_value())
        except ValueError:
            raise ValueError("takes keys of 32 bytes in URL-safe base64, with white space between them") from None
        return keys

    @field_validator("country_database")
    @classmethod
    def _check_country_database(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError("there is no such file")
        return path

    @field_validator("postgres_url")
    @classmethod
    def _check_postgres_url(cls, url: SecretStr) -> SecretStr:
        check_address(url.get_secret_value())
        return url

    @field_validator("postgres_password")
    @classmethod
    def _check_postgres_password(cls, password: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        url = others.data.get("postgres_url")
        check_password_apart(url.get_secret_value() if url else None, password, "CLICKTRAIL_POSTGRES_URL")
        return password

    @property
    def postgres_address(self) -> str:
        """Where PostgreSQL is, with the password."""
        password = self.postgres_password.get_secret_value() if self.postgres_password else None
        return whole_url(self.postgres_url.get_secret_value(), password)


class MigrationSettings(TrackingSettings):
    """What migrations and restores are told beside that: who owns the tables. The service does not read it."""

    postgres_owner_url: SecretStr | None = None
    """The address of the same database as the owner of its tables, who migrates them; without one `postgres_url` is."""
    postgres_owner_password: SecretStr | None = None
    """The owner's password where that address has none."""

    @field_validator("postgres_owner_url")
    @classmethod
    def _check_owner_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            check_address(url.get_secret_value())
        return url

    @field_validator("postgres_owner_password")
    @classmethod
    def _check_owner_password(cls, password: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        url = others.data.get("postgres_owner_url")
        if password and url is None:
            raise ValueError("is for CLICKTRAIL_POSTGRES_OWNER_URL, which is not given")
        check_password_apart(url.get_secret_value() if url else None, password, "CLICKTRAIL_POSTGRES_OWNER_URL")
        return password

    @property
    def owner_address(self) -> str:
        """Where PostgreSQL is, for the owner of the tables, with the password."""
        if self.postgres_owner_url is None:
            return self.postgres_address
        password = self.postgres_owner_password.get_secret_value() if self.postgres_owner_password else None
        return whole_url(self.postgres_owner_url.get_secret_value(), password)
