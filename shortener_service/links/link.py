"""Links, what many of them share, and custom domains: plain values without a store or a transport."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from clicktrail.common.v1.types_pb2 import Utm
from common.external_ids import detached_id, series_of

# Paths of our own, and those that browsers and crawlers ask every host for.
RESERVED_CODES = frozenset(
    {"v1", "v2", "api", "admin", "docs", "reports", "report", "static", "assets", "healthz", "readyz", "livez",
     "metrics", "robots.txt", "favicon.ico", "openapi.json", "sitemap.xml", ".well-known", "index.html", "login",
     "apple-touch-icon.png", "humans.txt", "security.txt"}
)  # fmt: skip


class LinkKey(NamedTuple):
    """What finds a link: the custom domain, or "" for the default one, and the code."""

    domain: str
    code: str


@dataclass(frozen=True, slots=True)
class Template:
    """What all links of one creation share. An empty value is an absent one.

    Found again by its content: equal templates are one. It never changes once it is kept.
    """

    business_id: str
    destination: str
    domain: str = ""
    campaign: str = ""
    journey: str = ""
    message: str = ""
    utm: tuple[tuple[str, str], ...] = ()
    """Pairs such as ("source", "hellotext"), in the order of `UTM_NAMES`."""
    expires_at: datetime | None = None
    fallback_url: str = ""
    session_parameters: tuple[str, ...] = ()
    metadata: bytes = b""
    """A JSON object as it was sent."""

    @property
    def series(self) -> tuple[str, ...]:
        """Return within what an external id names one link: business, campaign or journey, message."""
        return series_of(self.business_id, self.campaign, self.journey, self.message)


class Block(NamedTuple):
    """Since when an operator has a link blocked, and why ("": not said)."""

    since_seconds: int
    reason: str = ""


class LinkRecord(NamedTuple):
    """What is kept of one link beside its code: small, since there are a million of them a campaign."""

    template_id: bytes
    created_seconds: int
    profile: str = ""
    external_id: str = ""
    is_disabled: bool = False
    origin_id: bytes = b""
    """The template that it was created from, where a change gave it another: what a repeated creation compares with."""
    changed_milliseconds: int = 0
    """When it was last changed. 0: never."""
    is_detached: bool = False
    """Whether its recipient was taken from it: then `external_id` is a digest of what it was."""
    block: Block | None = None
    """The operator's, which its owner cannot lift."""

    def names(self, series: tuple[str, ...], external_id: str) -> bool:
        """Tell whether this is the link of an external id within a series; only links of the series may be asked."""
        return self.external_id == (detached_id(series, external_id) if self.is_detached else external_id)

    @property
    def first_template_id(self) -> bytes:
        """Return the id of the template that the link was created from."""
        return self.origin_id or self.template_id

    @property
    def revision(self) -> int:
        """Return a number that grows with each change."""
        return self.changed_milliseconds or self.created_seconds * 1000


@dataclass(frozen=True, slots=True)
class Link:
    """A short link: where it is found, its own record, and its template."""

    key: LinkKey
    record: LinkRecord
    template: Template

    @property
    def id(self) -> str:
        """Return the public id."""
        return id_of(self.key)

    @property
    def created_at(self) -> datetime:
        """Return when the link was created, to the second."""
        return datetime.fromtimestamp(self.record.created_seconds, UTC)

    def is_live(self, at: datetime) -> bool:
        """Tell whether it redirects at this time: neither blocked nor disabled nor expired."""
        expires_at = self.template.expires_at
        is_off = self.record.is_disabled or self.record.block
        return not is_off and (expires_at is None or at < expires_at)


UTM_NAMES = tuple(field.name for field in Utm.DESCRIPTOR.fields)


def id_of(key: LinkKey) -> str:
    """Return a link's public id: the code alone on the default domain, else `domain:code`."""
    return f"{key.domain}:{key.code}" if key.domain else key.code


def key_from_id(link_id: str) -> LinkKey:
    """Return where a link of this public id would be found."""
    domain, _, code = link_id.rpartition(":")
    return LinkKey(domain, code)
