"""Read and write what messages of all services share: pages, times, money, and texts that a database can hold."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, Protocol

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.common.v1 import types_pb2
from common.clock import from_timestamp, is_in_calendar, now
from common.errors import field_fault, invalid, invalid_field
from tracking_service.money import Money, format_minor
from tracking_service.postgres.pages import Page, page_of


class PageRequest(Protocol):
    """A request for a page of a list. A Protocol, since each list has a message of its own."""

    limit: int
    starting_after: str
    ending_before: str

    def HasField(self, field_name: Literal["starting_after", "ending_before"]) -> bool:  # noqa: N802  (protobuf's name)
        """Tell whether a field is set."""


def check_texts(request: Message, body: str = "") -> None:
    """Raise INVALID naming every text of a request that holds a NUL, which PostgreSQL cannot keep.

    body is the field that is the whole body over HTTP, and so no part of a name. Bytes are left alone: JSON escapes
    its own.
    """
    names = [name.removeprefix(f"{body}.") for name in _with_nul(request, "")]
    faults = [field_fault(name, "must not contain a NUL character.") for name in names]
    if faults:
        raise invalid(faults)


def page_from(request: PageRequest) -> Page:
    """Return the page that a request asks for. Raises INVALID naming each field at fault."""
    return page_of(
        request.limit,
        request.starting_after if request.HasField("starting_after") else None,
        request.ending_before if request.HasField("ending_before") else None,
    )


def time_from(stamp: Timestamp, parameter: str) -> datetime:
    """Return a timestamp's time. Raises INVALID where it lies outside the years 1970 to 9998."""
    if not is_in_calendar(stamp):
        raise invalid_field(parameter, "must lie in the years 1970 to 9998.")
    return from_timestamp(stamp)


def json_from(text: bytes, parameter: str) -> str | None:
    """Return JSON as text, None where it is absent. Raises INVALID where it is not UTF-8."""
    try:
        return text.decode() or None
    except UnicodeDecodeError:
        raise invalid_field(parameter, "must be JSON in UTF-8.") from None


def received_at(request: Message) -> datetime:
    """Return when the edge received a request: what it says, else now."""
    stamp = getattr(request, "received_at", None)
    if isinstance(stamp, Timestamp) and request.HasField("received_at"):
        return time_from(stamp, "received_at")
    return now()


def _with_nul(message: Message, prefix: str) -> Iterator[str]:
    for field, value in message.ListFields():
        values = value if field.is_repeated else (value,)
        if field.type == FieldDescriptor.TYPE_STRING:
            if any("\0" in text for text in values):
                yield prefix + field.name
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            for part in values:
                yield from _with_nul(part, f"{prefix}{field.name}.")


def money_message(money: Money) -> types_pb2.Money:
    """Return an amount as a decimal text with its currency."""
    return types_pb2.Money(amount=format_minor(money.minor, money.currency), currency=money.currency)


def json_message(text: str | None) -> types_pb2.Json | None:
    """Return a JSON text as it was sent; None where there is none."""
    return None if text is None else types_pb2.Json(text=text.encode())
