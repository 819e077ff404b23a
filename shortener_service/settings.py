"""What the shortener can be told."""

from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from clicktrail.shortener.v1.link_pb2 import Link
from common.field_rules import in_words, pattern_of, rules
from common.settings.settings import Listen, ServiceSettings
from common.settings.store_urls import check_password_apart, check_store_url, whole_url
from shortener_service.redis.addresses import NOT_SENTINEL, OPTIONS, addresses_in, is_of_sentinel, unknown_options

_NAMES = rules(Link, "session_parameters")
_NAME = pattern_of(_NAMES)
_DNS_PORT = 53


class ShortenerSettings(ServiceSettings):
    """Settings of the shortener."""

    shortener_listen: Listen = "127.0.0.1:7001"
    """Where gRPC is served."""
    redis_url: str = Field("redis://127.0.0.1:6379/0", repr=False)
    """The Redis that keeps links, fresh sessions and the outbox: one server (`unix://` works too), or a cluster, of
    which any node leads to the others; several are named with commas between: `redis://a:6379,b:6379,c:6379`."""
    redis_password: SecretStr | None = None
    """The password where the address has none: any characters, as they are."""
    redis_fsync: Literal["always", "everysec"] = "always"
    """The policy that Redis must have. With `everysec` it answers before it writes, and loses that if killed."""
    tracking_target: str = "ipv4:127.0.0.1:7002"
    """Where the outbox is delivered: a gRPC target."""
    public_url: str = "http://localhost:8080"
    """The base of short URLs on the default domain."""
    session_parameters: Annotated[tuple[str, ...], NoDecode] = ("hellotext_session", "hello_session")
    """The query parameters that carry the session, separated by commas."""
    session_ttl_seconds: int = Field(86_400, ge=60)
    """How long a fresh session is kept here."""
    dns_servers: Annotated[tuple[str, ...] | None, NoDecode] = None
    """The name servers that are asked for the proof of a domain, each `address` or `address:port`, separated by commas;
    without any, those of this machine."""
    outbox_shards: int = Field(16, ge=1, le=1024)
    """In how many shards Redis holds its data. Fixed once there is any."""
    outbox_limit: int = Field(1_000_000, ge=1)
    """Entries that may wait for delivery, in all; above it redirects and creations are refused."""
    link_cache_size: int = Field(100_000, ge=1)
    """Links remembered in this process, about 0.6 KB each."""
    template_cache_size: int = Field(10_000, ge=1)
    """Templates remembered in this process."""
    relay_claim_seconds: float = Field(20.0, gt=0)
    """After how long without an answer another process takes over what one has read from the outbox."""

    @field_validator("session_parameters", "dns_servers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else value

    @field_validator("session_parameters")
    @classmethod
    def _check_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not 1 <= len(names) <= _NAMES.max_items or not all(_NAME.fullmatch(name) for name in names):
            raise ValueError(f"takes 1 to {_NAMES.max_items} names of {in_words(_NAMES)}, separated by commas")
        if len(set(names)) < len(names):
            raise ValueError("takes each name once")
        return names

    @field_validator("dns_servers")
    @classmethod
    def _check_dns_servers(cls, servers: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for server in servers or ():
            _address_and_port(server)
        return servers

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: str) -> str:
        if is_of_sentinel(url):
            raise ValueError(NOT_SENTINEL)
        check_store_url(url, "redis", "rediss", "unix", apart="CLICKTRAIL_REDIS_PASSWORD")
        addresses = addresses_in(url)
        if unknown := [name for address in addresses for name in unknown_options(address)]:
            raise ValueError(
                f"takes no option {', '.join(sorted(set(unknown)))}; there are {', '.join(sorted(OPTIONS))}"
            )
        if len(addresses) > 1 and urlsplit(addresses[0]).path.strip("/") not in ("", "0"):
            raise ValueError("names several nodes of a cluster, which has no database but 0")
        return url

    @field_validator("redis_password")
    @classmethod
    def _check_redis_password(cls, password: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        check_password_apart(others.data.get("redis_url"), password, "CLICKTRAIL_REDIS_URL")
        return password

    @property
    def redis_address(self) -> str:
        """Where Redis is, with the password."""
        return whole_url(self.redis_url, self.redis_password.get_secret_value() if self.redis_password else None)

    @property
    def name_servers(self) -> list[tuple[str, int]]:
        """The addresses and ports of `dns_servers`."""
        return list(map(_address_and_port, self.dns_servers or ()))

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("takes an http or https address without query, such as https://go.example.com")
        return url.rstrip("/")


def _address_and_port(server: str) -> tuple[str, int]:
    """Return the address and the port of a name server. Raises `ValueError` where it is none."""
    try:
        parts = urlsplit(f"//[{server}]" if server.count(":") > 1 and "[" not in server else f"//{server}")
        address, port = str(ip_address(parts.hostname or "")), parts.port or _DNS_PORT
    except ValueError:
        raise ValueError("takes addresses of name servers, such as 192.0.2.53 or [2001:db8::53]:5353") from None
    return address, port
