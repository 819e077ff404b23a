"""What the shortener needs besides links, as it is copied here."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class DomainCopy(NamedTuple):
    """The copy of a custom domain, or of its removal; of two revisions the later one stays."""

    name: str
    business_id: str
    fallback_url: str
    revision: int
    is_removed: bool


class Installation(NamedTuple):
    """What codes are derived with (empty: not known yet), and every domain there ever was."""

    secret: bytes
    domains: Sequence[DomainCopy]


class InstallationStore(Protocol):
    """Where it is kept."""

    async def keep(self, installation: Installation) -> Installation:
        """Keep what is new, and return what is kept: the first secret, the latest revision of each domain."""
