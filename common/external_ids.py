"""Recognises a link by its external id after that was forgotten; both services must agree on it."""

import hashlib

Series = tuple[str, ...]


def series_of(business_id: str, campaign: str, journey: str, message: str) -> Series:
    """Return within what an external id names one link: business, campaign or journey, message. Empty is absent."""
    kind, name = ("journey", journey) if journey else ("campaign", campaign)
    return (business_id, kind, name, message)


def detached_id(series: Series, external_id: str) -> str:
    """Return what stands for an external id that is to be forgotten, and still to be recognised."""
    parts = "".join(f"{len(part)}:{part}" for part in (*series, external_id))
    return hashlib.sha256(parts.encode()).hexdigest()[:24]
