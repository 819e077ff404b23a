"""What the gateway can be told."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from clicktrail.shortener.v1.redirect_service_pb2 import ResolveHitsRequest
from common.field_rules import rules
from common.settings.settings import Listen, Settings
from gateway.addresses import ClientAddresses

# A page has it as a link: neither a script nor an address within this site.
_ABUSE_ADDRESS = re.compile(r"mailto:[!-?A-~]+@[!-?A-~]+|https?://[!-~]+")

Count = Annotated[int, Field(ge=1)]


def _check_proxies(value: str) -> str:
    try:
        ClientAddresses.behind(value)
    except ValueError:
        raise ValueError("must be a number of proxies, or their networks, such as 10.0.0.0/8, fd00::/8") from None
    return value


class GatewaySettings(Settings):
    """The gateway's settings."""

    http_listen: Listen = "127.0.0.1:8080"
    """Where to serve HTTP: `host:port`."""
    http_workers: Count = 1
    """Processes that serve, all on the same port."""
    shortener_target: str = "ipv4:127.0.0.1:7001"
    """The shortener: a gRPC target, several addresses in one allowed."""
    tracking_target: str = "ipv4:127.0.0.1:7002"
    """Tracking, likewise."""
    flight_size: Annotated[int, Field(ge=1, le=rules(ResolveHitsRequest, "hits").max_items)] = 256
    """The most hits or events that travel in one call."""
    redirect_flights_in_air: Count = 2
    """Calls with hits under way at once: fewer are larger, and cost less by the hit."""
    event_flights_in_air: Count = 2
    """Calls with events under way at once, likewise."""
    queue_limit: Count = 10_000
    """Hits, likewise events, that may wait for their batch, and requests of the API under way; beyond, 503 at once."""
    redirect_seconds: Annotated[float, Field(gt=0, le=60)] = 2.0
    """How long a redirect may take, waiting for a shortener that is being started again included."""
    call_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    """The same for events and all other calls but batches."""
    rate_limits: bool = True
    """Whether senders are held to budgets: beyond them, 429."""
    abuse_address: str | None = None
    """Where visitors report a harmful link, `mailto:…` or `https://…`: shown on each link's page, `/{code}+`."""
    trusted_proxies: Annotated[str, AfterValidator(_check_proxies)] = "0"
    """How many proxies stand before the gateway, or their networks, with commas between them.

    So far back, or behind the last of them, is the client's address in `X-Forwarded-For` or `Forwarded`.
    """

    @property
    def client_addresses(self) -> ClientAddresses:
        """What tells where requests come from, behind the trusted proxies."""
        return ClientAddresses.behind(self.trusted_proxies)

    @field_validator("abuse_address")
    @classmethod
    def _check_abuse_address(cls, address: str | None) -> str | None:
        if address is not None and not _ABUSE_ADDRESS.fullmatch(address):
            raise ValueError("takes an address such as mailto:abuse@example.com or https://example.com/abuse")
        return address

    @property
    def host(self) -> str:
        """The address to listen on, without brackets."""
        return self.http_listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to listen on."""
        return int(self.http_listen.rpartition(":")[2])
