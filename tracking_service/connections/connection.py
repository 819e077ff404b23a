"""What a connection is, and what may be said of one."""

import re
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from clicktrail.tracking.v1.connection_service_pb2 import Connection as ConnectionMessage
from common.errors import ClicktrailError, Fault, FaultType, Reason, field_fault, not_allowed, not_found
from common.field_rules import rules
from tracking_service.platforms.catalogue import PLATFORMS
from tracking_service.platforms.generic_mapping import GenericMapping

MOST_OF_BUSINESS = 50
GENERIC = "generic"
# The thin ones name orders without telling them; nothing fetches those.
SUPPORTED = tuple(sorted(name for name, platform in PLATFORMS.items() if not platform.is_thin))
CHANGEABLE = frozenset({"name", "secret", "enabled"})

_LENGTHS = {name: rules(ConnectionMessage, name).max_length for name in ("source", "name", "secret")}
_SOURCE = re.compile(r"[a-z0-9][a-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class WantedConnection:
    """A connection as it is asked for; secret and mapping are None where they are not given, source "" likewise."""

    platform: str
    source: str
    name: str | None
    secret: str | None
    mapping: bytes
    enabled: bool


@dataclass(frozen=True, slots=True)
class ShopConnection:
    """A connection as it is kept, its secret encrypted; mapping is the JSON of a generic one.

    secret is empty until it is given: platforms that make their own show it once they have the hook's address.
    """

    id: str
    business_id: str
    platform: str
    source: str
    name: str | None
    mapping: str | None
    secret: bytes
    is_enabled: bool
    created_at: datetime
    disabled_reason: str | None = None
    deliveries: int = 0
    refused: int = 0
    last_delivery_at: datetime | None = None


def faults_of(wanted: WantedConnection, fields: Collection[str]) -> Iterator[Fault]:
    """Yield what is wrong with a new connection; of a change, fields are those that it names."""
    if "platform" in fields:
        yield from _platform_faults(wanted)
    if "source" in fields and wanted.source and not _SOURCE.fullmatch(wanted.source):
        yield field_fault("source", "must be lower-case letters, digits, `_`, `.` and `-`.")
    for name in sorted(_LENGTHS.keys() & fields):
        if len(getattr(wanted, name) or "") > _LENGTHS[name]:
            yield field_fault(name, f"must be at most {_LENGTHS[name]} characters.")
    if "secret" in fields and wanted.secret is not None and not wanted.secret.strip():
        yield field_fault("secret", "must not be empty.", FaultType.PARAMETER_INVALID_EMPTY)


def _platform_faults(wanted: WantedConnection) -> Iterator[Fault]:
    supported = ", ".join(SUPPORTED)
    platform = PLATFORMS.get(wanted.platform)
    if not wanted.platform:
        yield field_fault("platform", f"is missing: one of {supported}.", FaultType.PARAMETER_MISSING)
    elif platform is None:
        yield field_fault("platform", f"must be one of {supported}.")
    elif platform.is_thin:
        yield field_fault("platform", f"is not supported yet; these are: {supported}.")
    yield from _mapping_faults(wanted)


def _mapping_faults(wanted: WantedConnection) -> Iterator[Fault]:
    if wanted.platform != GENERIC:
        if wanted.mapping:
            yield field_fault("mapping", "is of generic connections alone.")
    elif not wanted.mapping:
        yield field_fault("mapping", "is missing.", FaultType.PARAMETER_MISSING)
    else:
        try:
            GenericMapping.parse(wanted.mapping)
        except ClicktrailError as error:
            yield from error.faults


def new_id() -> str:
    """Return an id that nobody can guess."""
    return secrets.token_hex(16)


def new_secret() -> str:
    """Return a secret of our own making."""
    return secrets.token_urlsafe(32)


def unknown_connection() -> ClicktrailError:
    """Return the error for a connection that there is not."""
    return not_found(Reason.CONNECTION_UNKNOWN, "There is no such connection.", "id")


def too_many() -> ClicktrailError:
    """Return the error for one connection more than a business may have."""
    return not_allowed(Reason.NOT_ALLOWED, f"A business has at most {MOST_OF_BUSINESS} connections.")


def no_key() -> ClicktrailError:
    """Return the error for a secret that cannot be kept."""
    return not_allowed(
        Reason.NOT_ALLOWED,
        "This installation has no key to encrypt secrets with: whoever runs it sets CLICKTRAIL_ENCRYPTION_KEYS.",
        "secret",
    )
