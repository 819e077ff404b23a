"""The one error type of all services: what went wrong, in words that may be shown to whoever caused it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What sort of failure; decides the gRPC status and, with it, the HTTP status."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    NOT_ALLOWED = "not_allowed"
    UNAVAILABLE = "unavailable"


class Reason(StrEnum):
    """Why, for programs: the `reason` of `google.rpc.ErrorInfo`. Each with an example."""

    INVALID_REQUEST = "INVALID_REQUEST"
    """A destination with the scheme `ftp`."""
    BATCH_TOO_LARGE = "BATCH_TOO_LARGE"
    """1,001 events in one batch."""
    CREDENTIAL_UNKNOWN = "CREDENTIAL_UNKNOWN"
    """A token that was revoked."""
    CALLER_UNKNOWN = "CALLER_UNKNOWN"
    """A call between services without a service key."""
    CALLER_NOT_ALLOWED = "CALLER_NOT_ALLOWED"
    """The gateway's key, for a call that takes an operator's."""
    BUSINESS_NOT_ALLOWED = "BUSINESS_NOT_ALLOWED"
    """A private token, for a link of another business."""
    LINK_UNKNOWN = "LINK_UNKNOWN"
    """Another business's link."""
    SCOPE_UNKNOWN = "SCOPE_UNKNOWN"
    """The report of a campaign that no link has."""
    CODE_TAKEN = "CODE_TAKEN"
    """The custom code `summer` a second time."""
    EXTERNAL_ID_TAKEN = "EXTERNAL_ID_TAKEN"
    """The external id of an earlier link, with another profile."""
    DOMAIN_TAKEN = "DOMAIN_TAKEN"
    """A domain that another business has registered."""
    DOMAIN_UNKNOWN = "DOMAIN_UNKNOWN"
    """A link on a domain that is not registered."""
    DOMAIN_NOT_PROVED = "DOMAIN_NOT_PROVED"
    """A domain whose TXT record is another one than was asked for."""
    HOST_UNKNOWN = "HOST_UNKNOWN"
    """Allowing a host that is not refused."""
    SESSION_UNKNOWN = "SESSION_UNKNOWN"
    """A session that no click, page or event brought."""
    PROFILE_UNKNOWN = "PROFILE_UNKNOWN"
    """The activities of a profile that does not exist."""
    PROFILE_TAKEN = "PROFILE_TAKEN"
    """A profile created twice with one id."""
    IDENTITY_TAKEN = "IDENTITY_TAKEN"
    """An identity that is another profile's, at creation."""
    IDENTITY_ASSIGNED = "IDENTITY_ASSIGNED"
    """A session claimed for a second profile."""
    ACTION_UNKNOWN = "ACTION_UNKNOWN"
    """A custom action that the business does not have."""
    ACTION_TAKEN = "ACTION_TAKEN"
    """A second action with one name."""
    CONNECTION_UNKNOWN = "CONNECTION_UNKNOWN"
    """Reading a connection of another business."""
    SIGNATURE_WRONG = "SIGNATURE_WRONG"
    """A delivery that was signed with another secret."""
    BUSINESS_UNKNOWN = "BUSINESS_UNKNOWN"
    """The public settings of a business that does not exist."""
    BUSINESS_TAKEN = "BUSINESS_TAKEN"
    """A business created twice with one id."""
    TOKEN_UNKNOWN = "TOKEN_UNKNOWN"  # noqa: S105  (a reason, not a secret)
    """Revoking a token that does not exist."""
    EVENT_UNKNOWN = "EVENT_UNKNOWN"
    """Explaining an event that does not exist."""
    BEYOND_RETENTION = "BEYOND_RETENTION"
    """Recounting a month whose clicks are kept no longer."""
    NOT_ALLOWED = "NOT_ALLOWED"
    """Deleting an action that has events."""
    STORE_DOWN = "STORE_DOWN"
    """Redis is loading its data."""
    STORE_INCOMPLETE = "STORE_INCOMPLETE"
    """A Redis that was emptied and not restored yet."""
    OUTBOX_FULL = "OUTBOX_FULL"
    """Tracking has been away for so long that the outbox is at its limit."""
    SPOOL_FULL = "SPOOL_FULL"
    """PostgreSQL has been away for so long that the spool is at its limit, or its disk is full."""
    CONTESTED = "CONTESTED"
    """A link that many change at the same moment."""
    OVERLOADED = "OVERLOADED"
    """A queue inside a process is at its limit."""
    DNS_DOWN = "DNS_DOWN"
    """A name server that does not answer in time."""
    UPSTREAM_DOWN = "UPSTREAM_DOWN"
    """A service could not be reached within the deadline."""


class FaultType(StrEnum):
    """The `type` of an error in the HTTP contract."""

    INVALID = "invalid"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    PARAMETER_MISSING = "parameter_missing"
    PARAMETER_INVALID_EMPTY = "parameter_invalid_empty"
    PARAMETER_NOT_UNIQUE = "parameter_not_unique"
    AMBIGUOUS_PARAMETER = "ambiguous_parameter"
    OBJECT_INVALID = "object_invalid"
    IDENTITY_ASSIGNED = "identity_assigned"
    NOT_ALLOWED = "not_allowed"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with what was sent: its type, the field (in the HTTP contract's names), and a sentence."""

    type: FaultType
    parameter: str | None
    description: str
    known: tuple[str, ...] = ()
    """Of what is not known: values that there are, the likeliest first."""


def field_fault(parameter: str, predicate: str, type_: FaultType = FaultType.INVALID) -> Fault:
    """Return a fault of a field, described by what follows its name, such as "is missing."."""
    return Fault(type_, parameter, f"{parameter} {predicate}")


class ClicktrailError(Exception):
    """A failure that its cause may be told of. Everything else is a fault of ours and shows a request id alone."""

    def __init__(
        self, kind: Kind, reason: Reason, faults: Sequence[Fault], *, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__("; ".join(fault.description for fault in faults))
        self.kind = kind
        self.reason = reason
        self.faults = tuple(faults)
        self.retry_after_seconds = retry_after_seconds


def invalid(faults: Sequence[Fault], reason: Reason = Reason.INVALID_REQUEST) -> ClicktrailError:
    """Return the error for input that is wrong in all these ways."""
    return ClicktrailError(Kind.INVALID, reason, faults)


def invalid_field(parameter: str, predicate: str, type_: FaultType = FaultType.INVALID) -> ClicktrailError:
    """Return the error for input that is wrong in one field, described by what follows its name."""
    return invalid([field_fault(parameter, predicate, type_)])


def unauthenticated(reason: Reason, description: str) -> ClicktrailError:
    """Return the error for whoever shows no credential that is known."""
    return ClicktrailError(Kind.UNAUTHENTICATED, reason, [Fault(FaultType.UNAUTHORIZED, None, description)])


def forbidden(reason: Reason, description: str) -> ClicktrailError:
    """Return the error for what is not the caller's to do, whoever it is."""
    return ClicktrailError(Kind.FORBIDDEN, reason, [Fault(FaultType.NOT_ALLOWED, None, description)])


def not_found(reason: Reason, description: str, parameter: str | None = None) -> ClicktrailError:
    """Return the error for something that does not exist, or is another business's."""
    return ClicktrailError(Kind.NOT_FOUND, reason, [Fault(FaultType.NOT_FOUND, parameter, description)])


def already_exists(reason: Reason, description: str, parameter: str | None = None) -> ClicktrailError:
    """Return the error for something that clashes with what is there."""
    return ClicktrailError(Kind.ALREADY_EXISTS, reason, [Fault(FaultType.CONFLICT, parameter, description)])


def not_allowed(
    reason: Reason, description: str, parameter: str | None = None, type_: FaultType = FaultType.NOT_ALLOWED
) -> ClicktrailError:
    """Return the error for what the present state forbids."""
    return ClicktrailError(Kind.NOT_ALLOWED, reason, [Fault(type_, parameter, description)])


def unavailable(reason: Reason, description: str, *, retry_after_seconds: int = 1) -> ClicktrailError:
    """Return the error for what cannot be done, or not be kept, at the moment."""
    return ClicktrailError(
        Kind.UNAVAILABLE,
        reason,
        [Fault(FaultType.UNAVAILABLE, None, description)],
        retry_after_seconds=retry_after_seconds,
    )


@dataclass(slots=True)
class Faults:
    """Every fault found so far; the prefix stands before the names of all fields."""

    prefix: str = ""
    found: list[Fault] = field(default_factory=list)

    def add(self, parameter: str, predicate: str, type_: FaultType = FaultType.INVALID) -> None:
        """Note a fault of a field, described by what follows its name, such as "is missing."."""
        self.found.append(field_fault(self.prefix + parameter, predicate, type_))

    def extend(self, faults: Iterable[Fault]) -> None:
        """Note faults that were found elsewhere."""
        self.found.extend(faults)


def overloaded() -> ClicktrailError:
    """Return the error for what there is no room for now."""
    return unavailable(Reason.OVERLOADED, "Too much is waiting at the moment; try again.")
