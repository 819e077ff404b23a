"""What a route says of itself: all that the document of the API needs to know of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor

Schema: TypeAlias = Mapping[str, Any]
"""A JSON Schema."""

JSON = "application/json"
# What any route that reads a body and asks the services may answer instead.
COMMON_ERRORS = frozenset({400, 401, 413, 422, 429, 500, 503})


class Access(Enum):
    """Who may call a route."""

    ANYONE = "anyone"
    PUBLIC = "public"
    """With the public id of a business, or with a private token."""
    PRIVATE = "private"
    REPORT = "report"
    """With a private token, or with the signature of a link to the report page."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request brings of a message's fields."""

    descriptor: Descriptor
    without: Collection[str] = ()
    """Fields that are not read here, by name."""
    required: Collection[str] = ()
    """Fields that must be there, beside those whose comment in the proto says so."""
    is_change: bool = False
    """Whether only the fields to change are sent."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as answers show it."""

    descriptor: Descriptor


Shape: TypeAlias = Schema | Sent | Shown


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a query, of a path, or a header."""

    name: str
    schema: Schema
    description: str = ""
    place: str = "query"
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """An answer that is no error."""

    description: str
    bodies: Mapping[str, Shape] = field(default_factory=dict)
    """By content type. Empty: no body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What each header says, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    """With its placeholders in braces."""
    id: str
    summary: str
    description: str = ""
    tag: str
    access: Access
    parameters: Sequence[Parameter] = ()
    bodies: Mapping[str, Shape] = field(default_factory=dict)
    """By content type. Empty: no body is read."""
    responses: Mapping[int, Response]
    errors: Collection[int] = COMMON_ERRORS
    """The statuses of its answers in the form of errors."""


def in_json(shape: Shape) -> Mapping[str, Shape]:
    """Return a body that is JSON alone."""
    return {JSON: shape}
