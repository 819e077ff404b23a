"""What who somebody is, is decided from: statements of pages and servers, and the words of private tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """Who a person is in another system."""

    source: str
    user_id: str


class Strength(StrEnum):
    """How much is behind a statement."""

    PAGE = "page"
    """The public id, which stands in every page and proves nothing."""
    PLATFORM = "platform"
    """Signed by a platform, or a private token's word of an order: who the person is, is proved, not the session."""
    PROVED = "proved"
    """Said by a private token, or with a `user_hash` that the shop's server made."""

    @property
    def rank(self) -> int:
        """How much is behind it beside the others; more is higher."""
        return _RANKS[self]


_RANKS = {Strength.PAGE: 0, Strength.PLATFORM: 1, Strength.PROVED: 2}


class Contact(NamedTuple):
    """The hashes of an e-mail address and of a phone number; None: not told."""

    email_hash: bytes | None = None
    phone_hash: bytes | None = None

    def differs_from(self, other: "Contact") -> bool:
        """Tell whether both name an address, or a number, and not the same one."""
        return any(a is not None and b is not None and a != b for a, b in zip(self, other, strict=True))


class Statement(NamedTuple):
    """That the visitor of a session has an id in another system.

    identity is None where it was not kept: a claim of an earlier release, which names the profile by its surrogate.
    earlier_session is the one that the same browser had before, where the session came to it by an address.
    """

    session: str
    identity: Identity | None
    said_at: datetime
    strength: Strength = Strength.PAGE
    contact: Contact = Contact()
    earlier_session: str | None = None
    profile_key: int | None = None


class Naming(NamedTuple):
    """That a private token gave an id to a profile, or took it from there; position orders those of one time."""

    identity: Identity
    profile_key: int
    said_at: datetime
    position: int = 0
    is_release: bool = False


@dataclass(frozen=True, slots=True)
class IdentityEvidence:
    """All that a decision needs of one business; whoever was erased is in none of it.

    recipients and claimed are owners of sessions by their surrogates: by a click on the recipient's own link, and by a
    private token. contacts are the recipients'. proved_from is when the business set its identity secret: what is
    unproved from then on is evidence only.
    """

    statements: Sequence[Statement] = ()
    namings: Sequence[Naming] = ()
    recipients: Mapping[str, int] = field(default_factory=dict)
    claimed: Mapping[str, int] = field(default_factory=dict)
    contacts: Mapping[int, Contact] = field(default_factory=dict)
    proved_from: datetime | None = None
