"""A custom domain, and the record in DNS that proves whose it is."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

# A name of its own below the domain: a domain that is an alias (CNAME) has no other records itself.
_RECORD_LABEL = "_clicktrail"
_VALUE_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Domain:
    """A custom domain: its host name in lower case, its owner, and where dead and unknown codes lead ("": nowhere)."""

    name: str
    business_id: str
    fallback_url: str = ""
    verified_at: datetime | None = None
    """When its owner proved by DNS that it is its own, to the second. None: the operator registered it."""


class TxtRecord(NamedTuple):
    """A TXT record: its name, without a final dot, and its text."""

    name: str
    text: str


def proof_of(secret: bytes, name: str, business_id: str) -> TxtRecord:
    """Return the record that proves that a domain is a business's; without the secret nobody can tell its text."""
    # Begins with a letter, where what codes are derived from with the same secret begins with a digit.
    proved = f"domain {len(business_id)}:{business_id}{name}"
    digest = hmac.digest(secret, proved.encode(), "sha256").hex()[:_VALUE_LENGTH]
    return TxtRecord(f"{_RECORD_LABEL}.{name}", f"clicktrail={digest}")
