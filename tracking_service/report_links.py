"""Signed links to reports: what a signature looks like, and what makes it good."""

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import quote, urlencode

from common.clock import EPOCH
from common.errors import invalid_field

KEY_BYTES = 32
USUAL_LIFE = timedelta(days=7)
LONGEST_LIFE = timedelta(days=90)

_SECOND = timedelta(seconds=1)
# When it expires, in Unix seconds; the business; and the code that binds the two to the business's key.
_SIGNATURE = re.compile(r"([1-9]\d{0,11})\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{43})", re.ASCII)
# So that the key can sign nothing that is taken for something else.
_PURPOSE = b"clicktrail report link\n"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signature says, which nobody has looked at yet."""

    business_id: str
    expires_at: datetime
    signature: str


def lifetime_end(wanted: datetime | None, now: datetime) -> datetime:
    """Return until when a new link opens reports, in whole seconds. Raises INVALID naming `expires_at`."""
    expires_at = now + USUAL_LIFE if wanted is None else wanted
    if not now < expires_at <= now + LONGEST_LIFE:
        raise invalid_field("expires_at", f"It must lie ahead, by at most {LONGEST_LIFE.days} days.")
    return EPOCH + (expires_at - EPOCH) // _SECOND * _SECOND


def sign(key: bytes, business_id: str, expires_at: datetime) -> str:
    """Return the signature that opens a business's reports until a time in whole seconds."""
    signed = f"{(expires_at - EPOCH) // _SECOND}.{business_id}"
    code = hmac.digest(key, _PURPOSE + signed.encode(), sha256)
    return f"{signed}.{urlsafe_b64encode(code).decode().rstrip('=')}"


def read(signature: str) -> Claim | None:
    """Return what a signature says; None where it is no signature."""
    found = _SIGNATURE.fullmatch(signature)
    if found is None:
        return None
    return Claim(found[2], EPOCH + int(found[1]) * _SECOND, signature)


def is_good(claim: Claim, key: bytes, now: datetime) -> bool:
    """Tell whether a claim was signed with the business's key and has not expired."""
    genuine = sign(key, claim.business_id, claim.expires_at)
    return hmac.compare_digest(genuine, claim.signature) and now < claim.expires_at


def path_to(campaign: str | None, journey: str | None, signature: str) -> str:
    """Return the path of the page of a campaign or journey, or of the list of all, that a signature opens."""
    query = urlencode({"signature": signature})
    if campaign:
        return f"/reports/campaigns/{quote(campaign, safe='')}?{query}"
    if journey:
        return f"/reports/journeys/{quote(journey, safe='')}?{query}"
    return f"/reports?{query}"
