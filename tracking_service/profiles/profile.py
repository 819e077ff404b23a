"""What a profile is, what it may hold, and the hash that is left of one that was erased."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from clicktrail.common.v1.options_pb2 import SharedRules
from clicktrail.tracking.v1 import profile_service_pb2 as pb
from common.errors import Fault, FaultType, field_fault
from common.field_rules import NOBODYS_ID, NOBODYS_IDS, in_words, objection_to_id, pattern_of, rules
from common.json_text import DEEPEST, LARGEST_BYTES, JsonReader, JsonTextError
from tracking_service.identity.evidence import Identity

# Numbers are only looked at: turning a long one into an int is slow, and refused beyond 4,300 digits.
_METADATA = JsonReader(str, DEEPEST)

SOURCE_LENGTH = rules(pb.Identity, "source").max_length
USER_ID_LENGTH = rules(pb.Identity, "user_id").max_length
IDENTITIES_LIMIT = rules(pb.Profile, "identities").max_items

PROFILE_IDS = rules(SharedRules, "profile")
PROFILE_ID = pattern_of(PROFILE_IDS)
SESSION_IDS = rules(SharedRules, "session")
SESSION_ID = pattern_of(SESSION_IDS)
# Sessions of orders that platforms tell begin so; nobody else may use one, since they can be guessed.
ORDER_SESSION_PREFIX = "_order-"
CHANGEABLE = frozenset({"name", "email", "phone", "identities", "metadata"})

# What pages send besides, in any case: what templates write for nothing, and the number of all without an account.
_NOBODY = re.compile(
    r"[\s\u200b\ufeff]*(?:0|undefined|null|none|nil|nan|-?infinity|true|false|\[object .*\])?[\s\u200b\ufeff]*",
    re.IGNORECASE,
)

_LENGTHS = {name: rules(pb.Profile, name).max_length for name in ("name", "email", "phone")}


@dataclass(frozen=True, slots=True)
class Profile:
    """A customer of a business. metadata is the text of a JSON object."""

    id: str
    name: str | None
    email: str | None
    phone: str | None
    identities: tuple[Identity, ...]
    metadata: str | None
    created_at: datetime


def profile_id_faults(parameter: str, profile_id: str) -> Iterator[Fault]:
    """Yield what is wrong with the id of a profile."""
    if not PROFILE_ID.fullmatch(profile_id):
        yield field_fault(parameter, f"takes {in_words(PROFILE_IDS)}.")
    elif objection := objection_to_id(profile_id):
        yield field_fault(parameter, objection)


def session_faults(parameter: str, session: str) -> Iterator[Fault]:
    """Yield what is wrong with the id of a session."""
    if not session:
        yield field_fault(parameter, "is missing.", FaultType.PARAMETER_MISSING)
    elif not SESSION_ID.fullmatch(session):
        yield field_fault(parameter, f"takes {in_words(SESSION_IDS)}.")
    elif session in NOBODYS_IDS:
        yield field_fault(parameter, NOBODYS_ID)
    elif session.startswith(ORDER_SESSION_PREFIX):
        yield field_fault(parameter, "is an order's own.")


def attribute_faults(name: str | None, email: str | None, phone: str | None) -> Iterator[Fault]:
    """Yield what is wrong with a person's attributes."""
    for parameter, value in (("name", name), ("email", email), ("phone", phone)):
        if value is not None and len(value) > _LENGTHS[parameter]:
            yield field_fault(parameter, f"must be at most {_LENGTHS[parameter]} characters.")


def identity_faults(identity: Identity, prefix: str = "") -> Iterator[Fault]:
    """Yield what is wrong with an identity; prefix stands before the names of its fields."""
    if not identity.user_id:
        yield field_fault(f"{prefix}user_id", "is missing.", FaultType.PARAMETER_MISSING)
    elif len(identity.user_id) > USER_ID_LENGTH:
        yield field_fault(f"{prefix}user_id", f"must be at most {USER_ID_LENGTH} characters.")
    elif identity.user_id.strip() in NOBODYS_IDS:
        yield field_fault(f"{prefix}user_id", NOBODYS_ID)
    if len(identity.source) > SOURCE_LENGTH:
        yield field_fault(f"{prefix}source", f"must be at most {SOURCE_LENGTH} characters.")


def visitor_faults(identity: Identity) -> Iterator[Fault]:
    """Yield what is wrong with who a page says that its visitor is."""
    faults = list(identity_faults(identity))
    if not faults and _NOBODY.fullmatch(identity.user_id):
        faults = [field_fault("user_id", NOBODYS_ID)]
    yield from faults


def identities_faults(identities: Sequence[Identity]) -> Iterator[Fault]:
    """Yield what is wrong with the identities of one profile."""
    if len(identities) > IDENTITIES_LIMIT:
        yield field_fault("identities", f"takes at most {IDENTITIES_LIMIT}.")
        return
    for identity in identities:
        yield from identity_faults(identity, "identities.")


def metadata_faults(text: str | None) -> Iterator[Fault]:
    """Yield what is wrong with the text of a JSON object; None means that there is none."""
    if text is None:
        return
    if len(text.encode()) > LARGEST_BYTES:
        yield field_fault("metadata", f"must be at most {LARGEST_BYTES} bytes.")
    elif not _is_object(text):
        yield field_fault("metadata", f"must be a JSON object, nested at most {DEEPEST} deep.")


def profile_faults(profile: Profile) -> Iterator[Fault]:
    """Yield what is wrong with a profile."""
    yield from profile_id_faults("id", profile.id)
    yield from attribute_faults(profile.name, profile.email, profile.phone)
    yield from identities_faults(profile.identities)
    yield from metadata_faults(profile.metadata)


def _is_object(text: str) -> bool:
    try:
        return isinstance(_METADATA.read(text.encode()), dict)
    except (JsonTextError, UnicodeEncodeError):
        return False


def profile_hash(profile_id: str) -> bytes:
    """Return what is remembered of the id of an erased profile: its SHA-256."""
    return hashlib.sha256(profile_id.encode()).digest()
