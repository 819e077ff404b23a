"""Counts of refused requests, as gateways tell them and as reports show them."""

from datetime import datetime
from typing import NamedTuple


class RefusedRequests(NamedTuple):
    """Requests of one kind."""

    kind: str
    is_private: bool
    """Whether they came with a private token."""
    requests: int


class RefusedCount(NamedTuple):
    """What a gateway has refused of one business in one quarter of an hour so far."""

    business_id: str
    quarter: datetime
    kind: str
    is_private: bool
    requests: int
