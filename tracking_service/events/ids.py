"""Ids and fingerprints that are derived from content, so that the same content always has the same."""

import hashlib
import json
import unicodedata
from decimal import Decimal
from typing import Any
from uuid import UUID

from common.json_text import Number, canonical
from tracking_service.events.event import SentEvent

# White space, and what spreadsheets and editors leave at the ends of a text without showing it.
_BLANKS = " \t\r\n\v\f\x85\xa0\u2028\u2029\u3000\u200b\ufeff"
_LONGEST_NUMBER = 100


def event_id(business_id: str, *, is_private: bool, key: str) -> UUID:
    """Return the id of the event with this idempotency key."""
    return _uuid8(business_id, "private" if is_private else "public", key)


def object_id(business_id: str, type_: str, source: str, reference: str) -> UUID:
    """Return the id of the object that is found again by these."""
    return _uuid8(business_id, "object", type_, source, reference)


def comparable(value: object) -> str:
    """Return a reference or a source as it is compared: trimmed, composed, whole numbers without fraction; "" if none.

    One program sends ` 5003`, `é` as two characters, or 7001.0, where another sends `5003`, `é` as one, or 7001.
    """
    if isinstance(value, Number):
        number = Decimal(value.text)
        is_whole = number.adjusted() < _LONGEST_NUMBER and number == number.to_integral_value()
        return str(int(number)) if is_whole else value.text
    return unicodedata.normalize("NFC", value.strip(_BLANKS)) if isinstance(value, str) else ""


def nameless_object_id(business_id: str, event: UUID) -> UUID:
    """Return the id of the object without a reference that this event brought."""
    return _uuid8(business_id, "object of event", str(event))


def fingerprint(event: SentEvent, parsed: dict[str, Any]) -> bytes:
    """Return the SHA-256 of what was sent; parsed holds the values of the event's JSON texts by field.

    What was not sent does not enter, so that a field which is added one day changes no fingerprint of before.
    """
    named = zip(SentEvent._fields, event, strict=True)
    sent = {name: value for name, value in named if value is not None and value != b""}
    sent.update(parsed)
    return hashlib.sha256(canonical(sent).encode()).digest()


def _uuid8(*parts: str) -> UUID:
    """Return a UUID (version 8, RFC 9562) made of a hash of the parts."""
    # As a JSON list, no two lists of parts have the same text.
    value = int.from_bytes(hashlib.sha256(json.dumps(parts).encode()).digest()[:16], "big")
    value = value & ~(0xF << 76) | 8 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)
