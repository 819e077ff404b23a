"""What a business is, what it may be set to, and what is kept of its private tokens."""

import hashlib
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from clicktrail.tracking.v1.account_service_pb2 import Business as BusinessMessage
from common.credentials import TOKEN_PREFIX
from common.errors import Fault, FaultType, field_fault, invalid
from common.field_rules import in_words, pattern_of, rules
from common.ids import SESSION_ALPHABET
from tracking_service.money import EXPONENTS

NAME_LENGTH = rules(BusinessMessage, "name").max_length
ORIGINS_LIMIT = rules(BusinessMessage, "origins").max_items
RATE_FACTORS = (0.001, 1_000.0)
SHORTEST_SECRET = rules(BusinessMessage, "identity_secret").min_length
LONGEST_SECRET = rules(BusinessMessage, "identity_secret").max_length
LONGEST_WINDOW_DAYS = rules(BusinessMessage, "attribution_window_days").maximum
# Above any order of a shop, in any currency: a thousand million rupiahs are some 60,000 dollars.
USUAL_CEILING = 1_000_000_000
LARGEST_CEILING = rules(BusinessMessage, "page_amount_ceiling").maximum
_SETTINGS = (
    "name locale country currency attribution_window_days origins rate_factor identity_secret confirmed_from "
    "page_amount_ceiling"
)
CHANGEABLE = frozenset(_SETTINGS.split())

_IDS = rules(BusinessMessage, "id")
_ID = pattern_of(_IDS)
_LOCALE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_COUNTRY = re.compile(r"[A-Z]{2}")

_BYTES = 32
# As many characters of 62 as 32 bytes need.
_LENGTH = 43


@dataclass(frozen=True, slots=True)
class Business:
    """A business and its settings; see the table for what each one means.

    confirmed_from is when an order that a page alone tells begins to count beside the totals; None: never.
    page_amount_ceiling is the largest amount that pages are believed, in whole units of its currency.
    identity_secret goes in and never comes out; has_identity_secret tells whether there is one.
    """

    id: str
    name: str
    locale: str
    country: str
    currency: str
    attribution_window_days: int
    origins: tuple[str, ...]
    rate_factor: float
    created_at: datetime
    confirmed_from: datetime | None = None
    page_amount_ceiling: int = USUAL_CEILING
    identity_secret: str | None = None
    has_identity_secret: bool = False


def check(business: Business, fields: Collection[str] = CHANGEABLE | {"id"}) -> None:
    """Raise INVALID with every fault among these fields."""
    if faults := [fault for fault in _faults(business) if fault.parameter in fields]:
        raise invalid(faults)


def _faults(business: Business) -> Iterator[Fault]:
    if not _ID.fullmatch(business.id) or is_token(business.id):
        yield field_fault("id", f"must be {in_words(_IDS)}, not starting with `ct_`.")
    if not business.name.strip():
        yield field_fault("name", "is missing.", FaultType.PARAMETER_MISSING)
    elif len(business.name) > NAME_LENGTH or "\0" in business.name:
        yield field_fault("name", f"must be at most {NAME_LENGTH} characters.")
    if not _LOCALE.fullmatch(business.locale):
        yield field_fault("locale", 'must be a language such as "en" or "es-UY".')
    if not _COUNTRY.fullmatch(business.country):
        yield field_fault("country", "must be a country code of ISO 3166, two upper-case letters.")
    if business.currency not in EXPONENTS:
        yield field_fault("currency", "must be a currency code of ISO 4217, in upper case.")
    if not 0 <= business.attribution_window_days <= LONGEST_WINDOW_DAYS:
        yield field_fault("attribution_window_days", f"must be 0 to {LONGEST_WINDOW_DAYS} days.")
    if len(business.origins) > ORIGINS_LIMIT or not all(map(_is_origin, business.origins)):
        yield field_fault("origins", f'takes at most {ORIGINS_LIMIT}, each such as "https://shop.example.com".')
    yield from _number_faults(business)
    yield from _secret_faults(business.identity_secret or "")


def _number_faults(business: Business) -> Iterator[Fault]:
    least, most = RATE_FACTORS
    if not least <= business.rate_factor <= most:
        yield field_fault("rate_factor", f"must be {least} to {most:,.0f}.")
    if not 0 <= business.page_amount_ceiling <= LARGEST_CEILING:
        yield field_fault("page_amount_ceiling", f"must be 0 to {LARGEST_CEILING:,}.")


def _secret_faults(secret: str) -> Iterator[Fault]:
    if secret and not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET:
        yield field_fault("identity_secret", f"must be {SHORTEST_SECRET} to {LONGEST_SECRET} characters, or empty.")


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    origin = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}" + (f":{port}" if port is not None else "")
    return parts.scheme in ("http", "https") and bool(host) and origin == text


def new_token() -> str:
    """Return a new token: `ct_` and 43 characters of `[0-9A-Za-z]`, which carry 256 bits of chance."""
    value = int.from_bytes(os.urandom(_BYTES), "big")
    characters = []
    for _ in range(_LENGTH):
        value, digit = divmod(value, len(SESSION_ALPHABET))
        characters.append(SESSION_ALPHABET[digit])
    return TOKEN_PREFIX + "".join(characters)


def is_token(credential: str) -> bool:
    """Tell a token from the public id of a business, which never starts like one."""
    return credential.startswith(TOKEN_PREFIX)


def hash_of(token: str) -> bytes:
    """Return what is kept of a token. It needs no salt: 256 random bits cannot be guessed."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
