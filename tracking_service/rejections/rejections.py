"""What was taken in and cannot be stored: set aside with its reason, for people to look at."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from google.protobuf.message import DecodeError

from clicktrail.shortener.v1 import session_pb2
from clicktrail.tracking.v1 import click_pb2, event_pb2, relay_service_pb2

EVENT = "event"
CLICK = "click"
LINK = "link"
SESSION = "session"
DELIVERY = "delivery"


class Serializable(Protocol):
    """A message as it was taken in. A Protocol, since it may be of several types of ours and of the contract's."""

    def SerializeToString(self) -> bytes:  # noqa: N802  (protobuf's name)
        """Return it as bytes."""


class Rejected(NamedTuple):
    """Something set aside: kind is one of the above, item its id, content the message in bytes."""

    business_id: str
    kind: str
    item: str
    content: bytes
    reason: str


class Subjects(NamedTuple):
    """Whom a message tells of: profiles by their ids, and a session."""

    profiles: frozenset[str]
    session: str | None


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something that was set aside, without its content; of a person who was erased there is none left."""

    number: int
    business_id: str
    kind: str
    item: str
    reason: str
    rejected_at: datetime
    size_bytes: int


def told_by(rejected: Rejected) -> Subjects:
    """Return whom a message tells of; nobody where it cannot be read."""
    try:
        profiles, session = _READERS[rejected.kind](rejected.content)
    except (DecodeError, KeyError):
        return Subjects(frozenset(), None)
    return Subjects(frozenset(profile for profile in profiles if profile), session or None)


def _of_event(content: bytes) -> tuple[Iterator[str], str]:
    message = event_pb2.Submission.FromString(content)
    return iter((message.event.profile, message.fresh_session.profile)), message.event.session


def _of_click(content: bytes) -> tuple[Iterator[str], str]:
    message = click_pb2.Click.FromString(content)
    return iter((message.profile,)), message.session


def _of_link(content: bytes) -> tuple[Iterator[str], str]:
    return iter((relay_service_pb2.LinkCopy.FromString(content).link.profile,)), ""


def _of_session(content: bytes) -> tuple[Iterator[str], str]:
    message = session_pb2.Session.FromString(content)
    return iter((message.profile,)), message.id


_READERS: Mapping[str, Callable[[bytes], tuple[Iterator[str], str]]] = {
    EVENT: _of_event,
    CLICK: _of_click,
    LINK: _of_link,
    SESSION: _of_session,
}
