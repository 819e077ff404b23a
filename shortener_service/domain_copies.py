"""Writes domains as they are copied: in the store, and for tracking."""

from clicktrail.shortener.v1 import domain_service_pb2
from clicktrail.tracking.v1 import link_archive_service_pb2 as pb
from shortener_service.domain import Domain
from shortener_service.store import DomainCopy


def copy_to_message(copy: DomainCopy) -> pb.DomainCopy:
    """Return a domain's copy as a message."""
    domain = domain_service_pb2.Domain(
        name=copy.domain.name, business_id=copy.domain.business_id, fallback_url=copy.domain.fallback_url or None
    )
    return pb.DomainCopy(domain=domain, revision=copy.revision, removed=copy.is_removed)


def copy_from_message(message: pb.DomainCopy) -> DomainCopy:
    """Return the domain's copy that a message holds."""
    domain = Domain(message.domain.name, message.domain.business_id, message.domain.fallback_url)
    return DomainCopy(domain, message.revision, message.removed)


def copy_to_bytes(copy: DomainCopy) -> bytes:
    """Return a domain's copy as the store has it."""
    return copy_to_message(copy).SerializeToString()


def copy_from_bytes(content: bytes) -> DomainCopy:
    """Return the domain's copy that the store has so."""
    return copy_from_message(pb.DomainCopy.FromString(content))
