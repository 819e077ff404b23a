"""Whose a credential is."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Account:
    """Whose a credential is."""

    business_id: str
    is_private: bool
    origins: frozenset[str]
    """The origins whose pages may use it. Empty: any."""
    rate_factor: float = 1.0
    """How many times the usual budgets the business has."""
    credential: str = field(default="", repr=False)
    """The credential: what is done for a private token is done by it, not by the gateway's own key."""
