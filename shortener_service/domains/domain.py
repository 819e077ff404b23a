"""A custom domain."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Domain:
    """A custom domain: its host name in lower case, its owner, and where dead and unknown codes lead ("": nowhere)."""

    name: str
    business_id: str
    fallback_url: str = ""
