"""Reads submissions from their messages."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from clicktrail.common.v1 import types_pb2
from clicktrail.tracking.v1 import event_pb2
from common.clock import from_timestamp, is_in_calendar, now, to_rfc3339, to_timestamp
from common.ids import new_uuid7
from tracking_service.events.event import PlatformWord, SentEvent, Submission, ToldCustomer
from tracking_service.sessions.sessions import Session

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp


def stamp(message: event_pb2.Submission) -> None:
    """Add the time and the id that the edge left out, so that every later try is the same event."""
    if not message.HasField("received_at"):
        message.received_at.CopyFrom(to_timestamp(now()))
    if not message.id and not message.HasField("key") and is_in_calendar(message.received_at):
        message.id = new_uuid7(from_timestamp(message.received_at)).bytes


def submission_from(message: event_pb2.Submission) -> Submission:
    """Return what a message says."""
    return Submission(
        business_id=message.business_id,
        is_private=message.credential != event_pb2.CREDENTIAL_PUBLIC or message.HasField("platform"),
        key=message.key if message.HasField("key") else None,
        id=message.id,
        received_at=_stamp(message.received_at) if message.HasField("received_at") else None,
        event=_event(message.event),
        fresh_session=_fresh_session(message) if message.HasField("fresh_session") else None,
        address=message.address,
        user_agent=message.user_agent,
        sent=message,
        platform=_platform_word(message.platform) if message.HasField("platform") else None,
    )


def without_customer(content: bytes) -> bytes:
    """Return a submission, both as bytes, without who ordered: by no profile could that be found to be erased."""
    message = event_pb2.Submission.FromString(content)
    if not message.platform.HasField("customer"):
        return content
    message.platform.ClearField("customer")
    return message.SerializeToString()


def _platform_word(message: event_pb2.PlatformWord) -> PlatformWord:
    return PlatformWord(
        ToldCustomer(**(_texts(message.customer) or {})),
        tuple(message.sessions),
        tuple(message.tokens),
        tuple(message.aliases),
    )


def _event(message: event_pb2.Event) -> SentEvent:
    told: dict[str, Any] = {"action": ""}
    for field, value in message.ListFields():
        name = field.name
        read = _READ.get(name)
        told[name] = value if read is None else read(value)
    return SentEvent(**told)


def _texts(message: "Message") -> Mapping[str, str] | None:
    """Return the fields that are set, all of them texts; None where none is."""
    return {field.name: value for field, value in message.ListFields()} or None


def _utm_params(message: "Message") -> Mapping[str, str] | None:
    """Return the fields that are set, a time as RFC 3339; None where none is."""
    values = {}
    for field, value in message.ListFields():
        if field.message_type is None:
            values[field.name] = value
        else:
            try:
                values[field.name] = to_rfc3339(from_timestamp(value))
            except OverflowError:
                values[field.name] = str(value.seconds)
    return values or None


def _fresh_session(message: event_pb2.Submission) -> Session | None:
    """Return the session as the shortener knows it; None where it says nothing of this event's."""
    fresh = message.fresh_session
    sessions = message.platform.sessions if message.HasField("platform") else [message.event.session]
    if not fresh.id or fresh.business_id != message.business_id or fresh.id not in sessions:
        return None
    try:
        created_at = from_timestamp(fresh.created_at)
    except OverflowError:
        return None
    return Session(
        id=fresh.id,
        profile=fresh.profile or None,
        link=fresh.link or None,
        campaign=fresh.campaign or None,
        journey=fresh.journey or None,
        message=fresh.message or None,
        created_at=created_at,
    )


def _text(message: types_pb2.Json) -> bytes:
    return message.text


def _stamp(stamp: "Timestamp") -> tuple[int, int]:
    return stamp.seconds, stamp.nanos // 1000


# What reads the fields of an event that are messages; the others are texts.
_READ: dict[str, Callable[[Any], object]] = {
    "object_parameters": _text,
    "metadata": _text,
    "extra": _text,
    "user_parameters": _texts,
    "page": _texts,
    "utm_params": _utm_params,
    "tracked_at": _stamp,
}
