"""What is copied of a link: as it is delivered, and as it is handed back."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tracking_service.rejections.rejections import Serializable


@dataclass(frozen=True, slots=True)
class LinkCopy:
    """The copy of a link; `link` is the whole message in bytes, and of two revisions the later one stays."""

    business_id: str
    id: str
    template: str
    campaign: str | None
    journey: str | None
    message: str | None
    profile: str | None
    revision: int
    link: bytes
    created_at: datetime
    origin_template: str | None = None
    """The template that it was created from, where a change gave it another one."""
    detached_id: str | None = None
    """What stands for its external id, where its recipient was taken from it."""
    sent: Serializable | None = field(default=None, compare=False, repr=False)


class ArchivedLink(NamedTuple):
    """The copy of a link for a shortener that lost its own; `link` is the whole message in bytes."""

    id: str
    link: bytes
    template: str
    revision: int
    origin_template: str | None
    detached_id: str | None
